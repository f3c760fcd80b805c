/* report_send_failures.c - the failure reports that are due (RFC 9991); see report_send.h.
 *
 * Few, late and dull on purpose: each tells of all like incidents of an hour; what is over
 * FailureReportMaximum is dropped, not kept for the next day (RFC 9991 2, 8.1).
 */
#include "report_send.h"

#include "failure_mail.h"
#include "report_mail.h"
#include "report_open.h"

#include <stdio.h>
#include <sys/random.h>
#include <sysexits.h>

enum {
    FAILURE_BATCH = 100,   /* keys read from the store at a time */
    FAILURE_ID_OCTETS = 12 /* random ones of a mail's id */
};

/* One failure at hand. */
struct failure_work {
    struct report_send *run;
    int64_t key, now;
    struct store_failure failure;
    bool unfinished; /* something is left for the next run */
};

static bool store_worked(struct failure_work *work, bool good)
{
    if (!good) {
        report_send_store_failed(work->run);
        work->unfinished = true;
    }
    return good;
}

static bool settle(struct failure_work *work, struct bytes address, enum store_delivery_state state,
                   const char *why)
{
    return store_worked(work, store_failure_delivered(work->run->store, work->key, address, state,
                                                      bytes_of(why), work->now));
}

/* ---- one destination ---- */

/* Letters and digits that no other mail has; empty when the system gives no random octets. */
static struct bytes draw_id(struct arena *arena)
{
    unsigned char octets[FAILURE_ID_OCTETS];
    struct strbuf id;
    strbuf_init(&id, arena);
    if (getrandom(octets, sizeof(octets), 0) != sizeof(octets))
        return BYTES_EMPTY;
    for (size_t i = 0; i < sizeof(octets); i++)
        strbuf_printf(&id, "%02x", octets[i]);
    return strbuf_view(&id);
}

static struct bytes compose(struct failure_work *work, struct bytes address)
{
    struct report_send *run = work->run;
    const char *why_not = "";
    const struct failure_mail mail = {
        .sender = bytes_of(run->config->sender),
        .org = bytes_of(run->config->org),
        .contact = bytes_of(run->config->contact),
        .receiver = run->receiver,
        .recipient = address,
        .id = draw_id(run->arena),
        .failure = &work->failure,
        .date = work->now,
    };
    struct bytes message = mail.id.len ? failure_mail_compose(run->arena, &mail) : BYTES_EMPTY;
    if (message.len == 0)
        return BYTES_EMPTY;
    message =
        report_mail_sign(run->arena, &run->runtime->env, &run->runtime->config->policy.signing,
                         mail.sender, message, &why_not);
    report_send_say_unsigned(run, why_not);
    return message;
}

static void refused(struct failure_work *work, struct bytes address, const char *answer)
{
    struct report_send *run = work->run;
    run->tally.refused++;
    report_send_say(run, "%.*s: failure report refused by %.*s: %s",
                    BYTES_ARGS(work->failure.event.policy_domain), BYTES_ARGS(address), answer);
    if (settle(work, address, STORE_DELIVERY_REFUSED, answer))
        store_worked(work, store_destination_refused(run->store, address, bytes_of(answer),
                                                     work->now, run->config->suppress_after,
                                                     run->config->suppress_for));
}

/* The mail server takes nothing, now or at all. */
static void stop(struct report_send *run, int exit_code, const char *answer)
{
    report_tally_hide(run);
    fprintf(stderr, "assay: ReportTransport %s: %s; failure reports wait for the next run\n",
            run->config->transport, answer);
    run->stop = REPORT_STOP_TRANSPORT;
    run->exit_code = exit_code;
}

static void hand_over(struct failure_work *work, struct bytes address)
{
    struct report_send *run = work->run;
    char answer[TRANSPORT_ERROR_MAX] = "";
    struct bytes mail = compose(work, address);
    if (mail.len == 0) {
        work->unfinished = true;
        return;
    }
    switch (transport_send(run->transport, bytes_of(run->config->sender), address, mail, answer)) {
    case TRANSPORT_SENT:
        run->temporary_in_row = 0;
        run->tally.sent++;
        run->tally.failures++;
        settle(work, address, STORE_DELIVERY_SENT, "");
        if (run->request->verbose)
            report_send_say(run, "%.*s: failure report sent to %.*s",
                            BYTES_ARGS(work->failure.event.policy_domain), BYTES_ARGS(address));
        break;
    case TRANSPORT_REFUSED:
        run->temporary_in_row = 0;
        refused(work, address, answer);
        break;
    case TRANSPORT_TEMPORARY:
        work->unfinished = true;
        run->tally.temporary++;
        if (++run->temporary_in_row >= REPORT_TEMPORARY_IN_ROW_MAX)
            stop(run, EX_TEMPFAIL, answer);
        break;
    case TRANSPORT_BROKEN:
        work->unfinished = true;
        stop(run, EX_UNAVAILABLE, answer);
        break;
    }
}

/* Limits, from those that settle it to those that pass. True: it may be sent now. */
static bool may_be_sent(struct failure_work *work, struct bytes address)
{
    struct report_send *run = work->run;
    const struct report_config *config = run->config;
    int64_t until = 0, failures = 0, all = 0, yesterday = work->now - REPORT_DAY_SECONDS;
    bool good =
        store_worked(work, store_destination_suppressed(run->store, address, work->now, &until)) &&
        store_worked(work, store_failure_sent_since(run->store, address, yesterday, &failures)) &&
        store_worked(work, store_sent_since(run->store, address, yesterday, &all));
    if (!good)
        return false;
    if (until > 0) {
        run->tally.suppressed++;
        settle(work, address, STORE_DELIVERY_SUPPRESSED, "it refused too many reports");
        return false;
    }
    if (failures >= config->failure_maximum) {
        run->tally.failures_dropped++;
        settle(work, address, STORE_DELIVERY_EXPIRED, "FailureReportMaximum is reached");
        return false;
    }
    if (all >= config->destination_maximum ||
        run->sent_before + run->tally.sent >= config->daily_maximum) {
        work->unfinished = true;
        return false;
    }
    return true;
}

static void serve(struct failure_work *work, const struct report_destination *destination)
{
    struct report_send *run = work->run;
    bool settled = false;
    if (!store_worked(work, store_failure_is_settled(run->store, work->key, destination->address,
                                                     &settled)) ||
        settled)
        return;
    switch (destination->fate) {
    case REPORT_DESTINATION_GOOD:
        if (may_be_sent(work, destination->address))
            hand_over(work, destination->address);
        break;
    case REPORT_DESTINATION_EXCLUDED:
        settle(work, destination->address, STORE_DELIVERY_SUPPRESSED, destination->reason);
        break;
    case REPORT_DESTINATION_UNVERIFIED: /* RFC 9990 4: MUST NOT */
        run->tally.unverified++;
        settle(work, destination->address, STORE_DELIVERY_UNVERIFIED, destination->reason);
        break;
    case REPORT_DESTINATION_TEMPORARY:
        work->unfinished = true;
        break;
    }
}

/* ---- one failure ---- */

static bool is_wanted(const struct failure_work *work)
{
    const struct report_send *run = work->run;
    const struct failure_event *event = &work->failure.event;
    return work->failure.first > work->now - STORE_FAILURE_KEEP &&
           !report_rules_excluded(&run->config->exclude, event->policy_domain, BYTES_EMPTY);
}

static void serve_all(struct failure_work *work)
{
    static struct report_destinations destinations; /* large; used by one failure at a time */
    struct report_send *run = work->run;
    const struct failure_event *event = &work->failure.event;
    report_send_destinations_of(run, event->policy_domain, event->ruf, event->ruf_count, true,
                                &destinations);
    for (size_t i = 0; i < destinations.count && run->stop == REPORT_GO_ON; i++)
        serve(work, &destinations.items[i]);
    if (run->stop != REPORT_GO_ON || arena_failed(run->arena))
        work->unfinished = true;
}

static void send_failure(struct report_send *run, int64_t key)
{
    struct failure_work work = {.run = run, .key = key, .now = report_send_now(run)};
    bool claimed = false, found = false;
    if (!store_worked(&work, store_failure_claim(run->store, key, work.now,
                                                 work.now + REPORT_CLAIM_SECONDS, &claimed)) ||
        !claimed)
        return;
    arena_reset(run->arena);
    if (!store_worked(&work,
                      store_failure_load(run->store, run->arena, key, &work.failure, &found)))
        return;
    if (found && run->request->domain.len &&
        !bytes_equal(run->request->domain, work.failure.event.policy_domain))
        return; /* --domain: another one's; free again when the claim ends */
    if (found && is_wanted(&work))
        serve_all(&work);
    if (!work.unfinished)
        store_worked(&work, store_failure_finish(run->store, key));
}

void report_send_failures(struct report_send *run)
{
    int64_t keys[FAILURE_BATCH], after = 0, now = report_send_now(run);
    size_t count = 0;
    /* --day asks for aggregate reports */
    if (run->request->day >= 0 || run->stop == REPORT_STOP_STORE)
        return;
    if (!store_failure_expire(run->store, now - STORE_FAILURE_KEEP)) {
        report_send_store_failed(run);
        return;
    }
    /* What was gathered before they were turned off is nobody's business any more. */
    while (run->config->failure_reports && run->stop == REPORT_GO_ON) {
        if (!store_failures_due(run->store, now, after, keys, FAILURE_BATCH, &count)) {
            report_send_store_failed(run);
            return;
        }
        for (size_t i = 0; i < count && run->stop == REPORT_GO_ON; i++)
            send_failure(run, keys[i]);
        if (count == 0)
            return;
        after = keys[count - 1];
    }
}
