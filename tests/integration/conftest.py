"""pytest set-up: everything below runs in a private network namespace; what
cannot run is skipped with its reason, never in silence.
"""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import corpus  # noqa: E402
import harness  # noqa: E402
import namespace  # noqa: E402
import postfix  # noqa: E402
import sendmail  # noqa: E402

_no_namespace = None


def pytest_configure(config):
    global _no_namespace
    if config.option.collectonly:
        return
    for program in (harness.ASSAYD, harness.ASSAY):
        if not os.path.exists(program):
            pytest.exit("no %s: build first, and set ASSAY_BUILD to the build directory" % program, 1)
    _no_namespace = namespace.enter()


@pytest.fixture(scope="session")
def own_network():
    if _no_namespace is not None:
        pytest.skip(_no_namespace)


@pytest.fixture(scope="session")
def keys():
    return corpus.Keys()


@pytest.fixture(scope="session")
def dns(keys):
    server = harness.Dns(keys.zone, corpus.FAILING)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sink():
    server = harness.Sink()
    yield server
    server.stop()


@pytest.fixture
def start_assayd(keys, dns):
    """A function that starts an assayd for this test alone; stopped at its end."""
    running = []

    def start(**options):
        daemon = harness.Assayd(keys.zone, dns, **options)
        running.append(daemon)
        return daemon

    yield start
    for daemon in running:
        daemon.stop()


@pytest.fixture(scope="module")
def assayd(keys, dns):
    daemon = harness.Assayd(keys.zone, dns)
    yield daemon
    daemon.stop()


ADDRESSES = ("127.0.0.1", namespace.SERVER, namespace.SERVER6)


@pytest.fixture
def start_postfix(own_network, sink):
    reason = postfix.unavailable()
    if reason:
        pytest.skip(reason)
    running = []

    def start(milter, **options):
        mta = postfix.Postfix(milter, sink, ADDRESSES, **options)
        running.append(mta)
        return mta

    yield start
    for mta in running:
        mta.stop()


@pytest.fixture
def start_sendmail(own_network, sink):
    reason = sendmail.unavailable()
    if reason:
        pytest.skip(reason)
    running = []

    def start(milter, **options):
        mta = sendmail.Sendmail(milter, sink, ADDRESSES, **options)
        running.append(mta)
        return mta

    yield start
    for mta in running:
        mta.stop()
