/* second_opinion.c - asks libopendkim in a child process; see second_opinion.h.
 *
 * Nothing but numbers comes back through a pipe, and they are taken as a stranger's: the child
 * works on a stranger's message with a library that may break. It can open no file or socket.
 */
#include "second_opinion.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef HAVE_OPENDKIM

/* A sanitizer's shadow memory needs terabytes of addresses. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

enum {
    CPU_SECONDS = 10,
    REAP_INTERVAL = 1000000, /* ns */
    MEMORY = 1 << 30,        /* octets, besides those for the message */
};

/* ---- the child ---- */

static void limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard)
{
    const struct rlimit both = {soft, hard};
    if (setrlimit(resource, &both) != 0)
        _exit(EXIT_FAILURE);
}

/* Standard output becomes the pipe; all other descriptors are gone, and no more can be opened. */
static void confine(int pipe_end, size_t message_len)
{
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(pipe_end, STDOUT_FILENO) < 0 ||
        dup2(null, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        _exit(EXIT_FAILURE);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 1); /* SIGXCPU first */
    limit(RLIMIT_NOFILE, 0, 0);
    limit(RLIMIT_FSIZE, 0, 0);
#ifndef SANITIZED
    rlim_t memory = MEMORY + (rlim_t)message_len * 8;
    limit(RLIMIT_AS, memory, memory);
#else
    (void)message_len;
#endif
}

/* Only _exit() leaves here: what was buffered for standard output is the parent's. */
static void run_child(const struct second_opinion_request *request,
                      const struct second_opinion_key *keys, struct second_opinion_answer *answers,
                      size_t count, int pipe_end)
{
    confine(pipe_end, request->message.len);
    if (request->in_child)
        request->in_child();
    if (!second_opinion_verify(request, keys, answers, count))
        _exit(EXIT_FAILURE);
    size_t len = count * sizeof(*answers); /* less than PIPE_BUF: one write */
    _exit(write(STDOUT_FILENO, answers, len) == (ssize_t)len ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- the parent ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Octets read until the child closed the pipe or the deadline came. */
static size_t read_answers(int fd, char *buffer, size_t size, int64_t deadline)
{
    size_t len = 0;
    while (len < size) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int64_t left = deadline - now_ms();
        int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;
        ssize_t got = ready > 0 ? read(fd, buffer + len, size - len) : ready;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    return len;
}

/* How the child ended; -1: it had to be killed. */
static int reap(pid_t pid, int64_t deadline)
{
    const struct timespec pause = {.tv_nsec = REAP_INTERVAL};
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ms() >= deadline) {
            kill(pid, SIGKILL);
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    return status;
}

/* Why there is no answer. */
static const char *failure_of(int status)
{
    if (status == -1 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
        return "libopendkim took too long";
    return WIFSIGNALED(status) ? "libopendkim crashed" : "libopendkim failed";
}

static const char *await_child(pid_t pid, int fd, struct second_opinion_answer *answers,
                               size_t count, unsigned timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    size_t expected = count * sizeof(*answers);
    bool complete = read_answers(fd, (char *)answers, expected, deadline) == expected;
    int status = reap(pid, complete ? 0 : deadline); /* it has no more to say */
    return complete ? NULL : failure_of(status);
}

/* Fills `answers`; returns why it could not, or NULL. */
static const char *consult(const struct second_opinion_request *request,
                           const struct second_opinion_key *keys,
                           struct second_opinion_answer *answers, size_t count)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return "libopendkim was not asked: no pipe";
    pid_t pid = fork();
    if (pid == 0)
        run_child(request, keys, answers, count, ends[1]);
    close(ends[1]);
    const char *failure = "libopendkim was not asked: no process";
    if (pid > 0)
        failure = await_child(pid, ends[0], answers, count,
                              request->timeout_ms ? request->timeout_ms : SECOND_OPINION_TIMEOUT);
    close(ends[0]);
    return failure;
}

/* ---- keys ---- */

static const struct dns_answer *known_key(const struct second_opinion_request *request,
                                          struct bytes name)
{
    for (const struct dns_lookup *lookup = request->lookups; lookup; lookup = lookup->next) {
        if (lookup->type == DNS_TXT && lookup->answer && bytes_equal_nocase(lookup->name, name))
            return lookup->answer;
    }
    return request->session ? dns_query(request->session, name, DNS_TXT) : NULL;
}

/* One for each signature; those that we refused without a look at the key are asked for now. */
static struct second_opinion_key *
collect_keys(struct arena *arena, const struct second_opinion_request *request, size_t count)
{
    struct second_opinion_key *keys = arena_array(arena, count, sizeof(*keys));
    for (size_t i = 0; keys && i < count; i++) {
        const struct dkim_signature *ours = &request->dkim->signatures[i];
        if (domain_is_none(ours->domain) || domain_is_none(ours->selector))
            continue;
        keys[i].name = bytes_of(arena_printf(arena, "%s._domainkey.%s", domain_text(ours->selector),
                                             domain_text(ours->domain)));
        if (keys[i].name.len)
            keys[i].answer = known_key(request, keys[i].name);
    }
    return keys;
}

/* ---- comparison ---- */

static struct second_opinion compare(struct arena *arena, const struct dkim_signature *ours,
                                     const struct second_opinion_key *key,
                                     const struct second_opinion_answer *answer)
{
    struct second_opinion out = {.asked = answer->fed && !answer->no_key_seen};
    if (!answer->fed) {
        out.reason = "not asked: it would read beyond a buffer of its own for this i=";
        return out;
    }
    if (answer->no_key_seen) {
        out.reason = "not asked: no key was looked up";
        return out;
    }
    out.result = second_opinion_result(answer);
    out.agrees = second_opinion_agrees(ours, out.result);
    out.reason = second_opinion_text(answer);
    if (!out.agrees) {
        const char *why = second_opinion_explain(ours, key, answer);
        const char *both =
            arena_printf(arena, "%s (%s)", out.reason,
                         why ? why : "why they differ is not known: please report it");
        out.reason = both ? both : out.reason;
    }
    return out;
}

#endif

const struct second_opinions *second_opinion_ask(struct arena *arena,
                                                 const struct second_opinion_request *request)
{
    struct second_opinions *opinions = arena_alloc(arena, sizeof(*opinions));
    if (!opinions || request->dkim->count == 0)
        return opinions;
#ifdef HAVE_OPENDKIM
    size_t count = request->dkim->count;
    if (count > SECOND_OPINION_SIGNATURES)
        count = SECOND_OPINION_SIGNATURES;
    struct second_opinion_answer *answers = arena_array(arena, count, sizeof(*answers));
    struct second_opinion *signatures = arena_array(arena, count, sizeof(*signatures));
    struct second_opinion_key *keys = collect_keys(arena, request, count);
    if (!answers || !signatures || !keys)
        return NULL;
    opinions->failure = consult(request, keys, answers, count);
    if (opinions->failure)
        return opinions;
    for (size_t i = 0; i < count; i++)
        signatures[i] = compare(arena, &request->dkim->signatures[i], &keys[i], &answers[i]);
    opinions->signatures = signatures;
    opinions->count = count;
#else
    opinions->failure = "this assay was built without libopendkim";
#endif
    return opinions;
}
