/* report_send_delivery.c - one report to one address; see report_send.h.
 *
 * What the mail server says is written down before the next mail goes out.
 */
#include "report_open.h"
#include "report_send.h"

#include "report_xml.h"

#include <stdio.h>
#include <sysexits.h>

static bool mark(struct report_work *work, const struct store_delivery *delivery,
                 enum store_delivery_state state, int64_t next_try, const char *error)
{
    return report_work_store(work, store_delivery_set(work->run->store, delivery->delivery, state,
                                                      next_try, bytes_of(error), work->now));
}

static const char *until_text(int64_t until, char *buf)
{
    return until > 0 ? report_time(until, buf) : "";
}

static bool refused(struct report_work *work, struct store_delivery *delivery, const char *answer)
{
    struct report_send *run = work->run;
    const struct report_config *config = run->config;
    char text[REPORT_TIME_TEXT];
    int64_t until = 0;
    if (!report_work_store(work, store_begin(run->store)))
        return false;
    bool good = mark(work, delivery, STORE_DELIVERY_REFUSED, 0, answer) &&
                report_work_store(work, store_destination_refused(run->store, delivery->address,
                                                                  bytes_of(answer), work->now,
                                                                  config->suppress_after,
                                                                  config->suppress_for)) &&
                report_work_store(work, store_destination_suppressed(run->store, delivery->address,
                                                                     work->now, &until));
    if (!good) {
        store_rollback(run->store);
        return false;
    }
    run->tally.refused++;
    delivery->state = STORE_DELIVERY_REFUSED;
    if (until > 0)
        report_send_say(run, "%.*s: %.*s refused: %s; nothing more is sent there until %s",
                        BYTES_ARGS(work->item->summary.domain), BYTES_ARGS(delivery->address),
                        answer, until_text(until, text));
    else
        report_send_say(run, "%.*s: %.*s refused: %s; not sent again, the next report is tried",
                        BYTES_ARGS(work->item->summary.domain), BYTES_ARGS(delivery->address),
                        answer);
    return report_work_store(work, store_commit(run->store));
}

static bool postponed(struct report_work *work, struct store_delivery *delivery, const char *answer)
{
    struct report_send *run = work->run;
    char text[REPORT_TIME_TEXT];
    int64_t next = work->now + report_rules_pause(delivery->attempts + 1);
    run->tally.temporary++;
    report_send_say(run, "%.*s: %.*s not now: %s; tried again after %s",
                    BYTES_ARGS(work->item->summary.domain), BYTES_ARGS(delivery->address), answer,
                    report_time(next, text));
    if (!mark(work, delivery, STORE_DELIVERY_PENDING, next, answer))
        return false;
    if (++run->temporary_in_row < REPORT_TEMPORARY_IN_ROW_MAX)
        return true;
    report_tally_hide(run);
    fprintf(stderr, "assay: %s: %d times in a row \"not now\"; the rest waits for the next run\n",
            run->config->transport, run->temporary_in_row);
    run->stop = REPORT_STOP_TRANSPORT;
    run->exit_code = EX_TEMPFAIL;
    return false;
}

static bool sent(struct report_work *work, struct store_delivery *delivery)
{
    struct report_send *run = work->run;
    run->tally.sent++;
    delivery->state = STORE_DELIVERY_SENT;
    if (run->request->verbose)
        report_send_say(run, "%.*s: sent to %.*s (%zu octets)",
                        BYTES_ARGS(work->item->summary.domain), BYTES_ARGS(delivery->address),
                        work->mail.len);
    return mark(work, delivery, STORE_DELIVERY_SENT, 0, "");
}

static bool broken(struct report_send *run, const char *answer)
{
    report_tally_hide(run);
    fprintf(stderr, "assay: ReportTransport %s: %s; nothing is lost, the reports wait\n",
            run->config->transport, answer);
    run->stop = REPORT_STOP_TRANSPORT;
    run->exit_code = EX_UNAVAILABLE;
    return false;
}

static bool hand_over(struct report_work *work, struct store_delivery *delivery)
{
    struct report_send *run = work->run;
    char answer[TRANSPORT_ERROR_MAX] = "";
    enum transport_status status = transport_send(run->transport, bytes_of(run->config->sender),
                                                  delivery->address, work->mail, answer);
    if (status != TRANSPORT_TEMPORARY)
        run->temporary_in_row = 0;
    switch (status) {
    case TRANSPORT_SENT:
        return sent(work, delivery);
    case TRANSPORT_REFUSED:
        return refused(work, delivery, answer);
    case TRANSPORT_TEMPORARY:
        return postponed(work, delivery, answer);
    case TRANSPORT_BROKEN:
        break;
    }
    return broken(run, answer);
}

/* Who sends mail with many random signatures could make a report larger than any mail, and nobody
 * would hear of it. The halves have their turn in this run and in the next one. False. */
static bool halve(struct report_work *work)
{
    struct report_send *run = work->run;
    bool split = false;
    if (!report_work_store(
            work, store_report_split(run->store, work->item->summary.report, work->now, &split)))
        return false;
    if (!split) {
        report_work_skip(work, report_writer_too_large);
        return false;
    }
    work->too_large = true;
    if (run->request->verbose)
        report_send_say(run, "%.*s: too large, made two reports of it",
                        BYTES_ARGS(work->item->summary.domain));
    return false;
}

/* Those in the To field: who got it, and who is still to get it. */
static bool compose(struct report_work *work)
{
    struct report_send *run = work->run;
    struct bytes to[REPORT_DELIVERIES_MAX];
    const char *why = NULL;
    size_t count = 0;
    if (work->mail.len)
        return true;
    for (size_t i = 0; i < work->deliveries.count; i++) {
        const struct store_delivery *delivery = &work->deliveries.items[i];
        if (delivery->state == STORE_DELIVERY_PENDING || delivery->state == STORE_DELIVERY_SENT)
            to[count++] = delivery->address;
    }
    if (!work->policy.domain.len &&
        !report_work_store(work, store_report_policy(run->store, run->arena,
                                                     work->item->summary.report, &work->policy)))
        return false;
    if (report_send_mail(run, work->item, &work->policy, to, count, &work->mail, &why))
        return true;
    if (why == report_writer_too_large)
        return halve(work);
    if (why && !arena_failed(run->arena))
        report_work_skip(work, why);
    return false;
}

/* What keeps a delivery from being tried now. True: nothing. */
static bool may_be_tried(struct report_work *work, struct store_delivery *delivery)
{
    struct report_send *run = work->run;
    const struct report_config *config = run->config;
    struct bytes address = delivery->address;
    int64_t until = 0, count = 0;
    if (delivery->next_try > work->now) {
        run->tally.waiting++;
        return false;
    }
    if (!report_work_store(work,
                           store_destination_suppressed(run->store, address, work->now, &until)))
        return false;
    bool excluded = report_rules_excluded(
        &config->exclude, bytes_slice(address, bytes_find(address, '@') + 1, address.len), address);
    if (until > 0 || excluded) {
        const char *why = excluded                  ? "ReportExclude names it"
                          : until >= REPORT_FOREVER ? "suppressed by hand"
                                                    : "it refused too many reports";
        run->tally.suppressed++;
        delivery->state = STORE_DELIVERY_SUPPRESSED;
        if (run->request->verbose)
            report_send_say(run, "%.*s: nothing is sent to %.*s: %s",
                            BYTES_ARGS(work->item->summary.domain), BYTES_ARGS(address), why);
        mark(work, delivery, STORE_DELIVERY_SUPPRESSED, 0, why);
        return false;
    }
    if (run->sent_before + run->tally.sent >= config->daily_maximum) {
        run->stop = REPORT_STOP_DAILY;
        return false;
    }
    if (!report_work_store(
            work, store_sent_since(run->store, address, work->now - REPORT_DAY_SECONDS, &count)))
        return false;
    if (count >= config->destination_maximum) {
        run->tally.over_destination++;
        return false;
    }
    return true;
}

static void expire(struct report_work *work, struct store_delivery *delivery)
{
    struct report_send *run = work->run;
    const char *error = report_shown(run->arena, delivery->error);
    run->tally.expired++;
    delivery->state = STORE_DELIVERY_EXPIRED;
    report_send_say(run, "%.*s: %.*s given up after two days%s%s",
                    BYTES_ARGS(work->item->summary.domain), BYTES_ARGS(delivery->address),
                    *error ? ": " : "", error);
    mark(work, delivery, STORE_DELIVERY_EXPIRED, 0, *error ? error : "it never got its turn");
}

void report_send_delivery(struct report_work *work, struct store_delivery *delivery)
{
    if (delivery->state != STORE_DELIVERY_PENDING)
        return;
    if (report_work_is_too_old(work))
        expire(work, delivery);
    else if (may_be_tried(work, delivery) && compose(work))
        hand_over(work, delivery);
}
