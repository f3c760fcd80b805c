/* report_send_report.c - one report: may it be sent, where to, and what became of it; see
 * report_send.h.
 *
 * Everything is written down before the next step, so that a run can be broken off anywhere. A
 * mail that was handed over and not yet marked goes out again, with the same report id and file
 * name (RFC 9990 3.5.4), by which the other side knows it.
 */
#include "report_open.h"
#include "report_send.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

bool report_work_store(struct report_work *work, bool good)
{
    return good || report_send_store_failed(work->run);
}

static bool keep_delivery(void *context, const struct store_delivery *delivery)
{
    struct report_deliveries *list = context;
    struct store_delivery *kept = &list->items[list->count++];
    *kept = *delivery;
    kept->address = arena_bytes(list->arena, delivery->address);
    kept->error = arena_bytes(list->arena, delivery->error);
    return list->count < REPORT_DELIVERIES_MAX;
}

static bool load_deliveries(struct report_work *work)
{
    work->deliveries.arena = work->run->arena;
    work->deliveries.count = 0;
    return report_work_store(work, store_deliveries(work->run->store, work->item->summary.report,
                                                    keep_delivery, &work->deliveries));
}

bool report_work_is_too_old(const struct report_work *work)
{
    return work->now > work->item->planned_at + REPORT_TRY_SECONDS;
}

static bool settle(struct report_work *work, enum store_report_state state, struct bytes note)
{
    struct store *store = work->run->store;
    int64_t report = work->item->summary.report;
    bool good =
        store_report_set(store, report, state, bytes_slice(note, 0, REPORT_NOTE_MAX), work->now);
    if (state == STORE_REPORT_PLANNED || state == STORE_REPORT_OPEN)
        good = good && store_report_release(store, report);
    return report_work_store(work, good);
}

void report_work_skip(struct report_work *work, const char *why)
{
    struct report_send *run = work->run;
    work->done_with = true;
    if (!settle(work, STORE_REPORT_SKIPPED, bytes_of(why)))
        return;
    run->tally.skipped++;
    if (run->request->verbose)
        report_send_say(run, "%.*s: skipped: %s", BYTES_ARGS(work->item->summary.domain), why);
}

/* ---- where to ---- */

static bool is_delivery(const struct report_work *work, struct bytes address)
{
    for (size_t i = 0; i < work->deliveries.count; i++) {
        if (bytes_equal(work->deliveries.items[i].address, address))
            return true;
    }
    return false;
}

static bool add_delivery(struct report_work *work, struct bytes address,
                         enum store_delivery_state state, const char *error)
{
    return store_delivery_add(work->run->store, work->item->summary.report, address, state,
                              work->now, bytes_of(error), work->now);
}

static bool add_unverified(struct report_work *work, const struct report_destination *to)
{
    struct report_send *run = work->run;
    if (is_delivery(work, to->address))
        return true;
    run->tally.unverified++;
    if (run->request->verbose)
        report_send_say(run, "%.*s: nothing is sent to %s: %s",
                        BYTES_ARGS(work->item->summary.domain),
                        report_shown(run->arena, to->address), to->reason);
    return add_delivery(work, to->address, STORE_DELIVERY_UNVERIFIED, to->reason);
}

/* A destination that the DNS told nothing of is asked for again in the next runs. */
static bool add_temporary(struct report_work *work, const struct report_destination *to)
{
    struct report_send *run = work->run;
    if (report_work_is_too_old(work))
        return add_unverified(work, to);
    work->unresolved = true;
    if (run->request->verbose)
        report_send_say(run, "%.*s: %s waits: %s", BYTES_ARGS(work->item->summary.domain),
                        report_shown(run->arena, to->address), to->reason);
    return true;
}

static bool add_all(struct report_work *work, const struct report_destinations *to)
{
    bool good = true;
    for (size_t i = 0; good && i < to->count; i++) {
        switch (to->items[i].fate) {
        case REPORT_DESTINATION_GOOD:
            good = add_delivery(work, to->items[i].address, STORE_DELIVERY_PENDING, "");
            break;
        case REPORT_DESTINATION_UNVERIFIED:
            good = add_unverified(work, &to->items[i]);
            break;
        case REPORT_DESTINATION_TEMPORARY:
            good = add_temporary(work, &to->items[i]);
            break;
        case REPORT_DESTINATION_EXCLUDED:
            break;
        }
    }
    return good;
}

/* Why there is nobody to send it to. */
static const char *why_nobody(struct report_work *work, const struct report_destinations *to)
{
    if (work->policy.rua_count == 0)
        return "no rua=";
    if (to->count == 0)
        return "rua= has no mailto: address";
    for (size_t i = 0; i < to->count; i++) {
        if (to->items[i].fate != REPORT_DESTINATION_EXCLUDED)
            continue;
        const char *why = arena_printf(work->run->arena, "%.*s: %s",
                                       BYTES_ARGS(to->items[i].address), to->items[i].reason);
        return why ? why : "out of memory";
    }
    return "no address in rua= may be used (RFC 9990 4)";
}

/* The deliveries of a planned report, as far as they can be known today. */
static bool find_destinations(struct report_work *work)
{
    struct report_send *run = work->run;
    struct report_destinations to;
    if (!report_work_store(work, store_report_policy(run->store, run->arena,
                                                     work->item->summary.report, &work->policy)))
        return false;
    report_send_destinations(run, work->item->summary.domain, &work->policy, &to);
    if (arena_failed(run->arena))
        return false;
    if (!report_work_store(work, store_begin(run->store)))
        return false;
    if (!add_all(work, &to)) {
        store_rollback(run->store);
        return report_send_store_failed(run);
    }
    if (!report_work_store(work, store_commit(run->store)) || !load_deliveries(work))
        return false;
    if (to.good == 0 && !work->unresolved)
        report_work_skip(work, why_nobody(work, &to));
    return run->stop == REPORT_GO_ON;
}

/* ---- the whole ---- */

static size_t count_pending(const struct report_deliveries *list, int64_t now, bool only_due)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        count += list->items[i].state == STORE_DELIVERY_PENDING &&
                 (!only_due || list->items[i].next_try <= now);
    return count;
}

static bool claim(struct report_work *work)
{
    bool claimed = false;
    struct report_send *run = work->run;
    if (!report_work_store(work,
                           store_report_claim(run->store, work->item->summary.report, work->now,
                                              work->now + REPORT_CLAIM_SECONDS, &claimed)))
        return false;
    run->tally.elsewhere += !claimed;
    return claimed;
}

/* Sends what can be sent, and writes down what is left. */
static void work_on(struct report_work *work)
{
    struct report_send *run = work->run;
    for (size_t i = 0; i < work->deliveries.count; i++) {
        if (run->stop == REPORT_GO_ON && !work->done_with && !work->too_large)
            report_send_delivery(work, &work->deliveries.items[i]);
    }
    if (run->stop == REPORT_STOP_STORE || work->done_with)
        return; /* the claim ends by itself */
    if (work->unresolved) {
        run->tally.unresolved++;
        settle(work, STORE_REPORT_PLANNED, BYTES_EMPTY);
    } else if (count_pending(&work->deliveries, 0, false) > 0) {
        settle(work, STORE_REPORT_OPEN, BYTES_EMPTY);
    } else if (settle(work, STORE_REPORT_DONE, BYTES_EMPTY)) {
        run->tally.done++;
    }
}

static void begin(struct report_work *work)
{
    const char *why;
    struct report_send *run = work->run;
    size_t pending;
    if (!load_deliveries(work))
        return;
    if (work->item->state == STORE_REPORT_OPEN && !report_work_is_too_old(work) &&
        count_pending(&work->deliveries, work->now, true) == 0) {
        pending = count_pending(&work->deliveries, 0, false);
        run->tally.waiting += (int64_t)pending;
        if (pending > 0)
            return;
    }
    /* Another process may have gone on with it before our claim. */
    if (!claim(work) || !load_deliveries(work))
        return;
    if (work->item->state == STORE_REPORT_PLANNED) {
        why = report_rules_impolite(run->config, &work->item->summary);
        if (why && work->deliveries.count == 0)
            report_work_skip(work, why);
        else if (!find_destinations(work))
            return;
    }
    if (!work->done_with)
        work_on(work);
}

/* An error that is about this report shall not keep the others back, in this run and in each that
 * follows. Its claim ends by itself. */
static void leave_alone(struct report_send *run, const struct report_item *item)
{
    if (store_trouble(run->store) != SQL_WRONG || ++run->wrong > REPORT_WRONG_MAX)
        return;
    store_rollback(run->store);
    run->stop = REPORT_GO_ON;
    fprintf(stderr, "assay: the report on %.*s is left for the next run; the others go on\n",
            BYTES_ARGS(item->summary.domain));
}

bool report_send_report(struct report_send *run, const struct report_item *item)
{
    struct report_work work = {.run = run, .item = item, .now = report_send_now(run)};
    int64_t due;
    arena_reset(run->arena);
    if (item->state == STORE_REPORT_PLANNED && report_send_is_early(run, &item->summary, &due)) {
        run->tally.not_due++;
        return true;
    }
    begin(&work);
    if (run->stop == REPORT_STOP_STORE)
        leave_alone(run, item);
    if (arena_failed(run->arena)) { /* the next one is smaller */
        report_tally_hide(run);
        fprintf(stderr, "assay: out of memory over the report on %.*s\n",
                BYTES_ARGS(item->summary.domain));
        run->exit_code = EX_OSERR;
    }
    return run->stop == REPORT_GO_ON;
}
