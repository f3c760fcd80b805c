/* store.h - the store of what is to be reported, and of what was: one interface
 * over SQLite and PostgreSQL (sql.h).
 *
 * Tables (schema version 1; store_schema.c):
 *   schema_version  one row
 *   source          a journal: its id, host, position up to which its events are here
 *   loss            what a source lost, by cause and day
 *   policy          a published policy configuration, each once
 *   tuple           what RFC 9990 counts (IP, evaluated result, identifiers, auth results), each
 * once message         time, tuple, queue id; report once it is part of one report          a
 * planned report: policy, period, id, state report_tuple    its records: tuple, count delivery one
 * destination address of a report: state, attempts, last error destination     an address: refusals
 * in a row, suppressed until when and why
 *
 * A message is counted in a transaction that also moves its journal's position: exactly once. It is
 * taken into a report in a transaction that also writes that report: exactly once. What follows
 * (sending) can be broken off and taken up again at any point.
 *
 * Times are seconds since 1970 UTC. A store belongs to one thread at a time. Every function that
 * returns bool returns false on a database error: store_trouble() and store_error() tell more.
 * Each is a transaction by itself, or part of one between store_begin() and store_commit(). After
 * an error inside of one: store_rollback(), nothing else helps. After SQL_AWAY: close, open again.
 */
#ifndef ASSAY_STORE_H
#define ASSAY_STORE_H

#include "journal.h"
#include "report_row.h"
#include "sql.h"

enum {
    STORE_REPORT_ID_LEN = 32,   /* letters and digits of a report id */
    STORE_ERROR_TEXT_MAX = 300, /* octets kept of a delivery's error */
};

struct store;

/* Opens; SQL_READ_WRITE makes or migrates the schema. A schema newer than ours is refused. NULL
 * with error[SQL_ERROR_MAX] and *trouble. */
struct store *store_open(const char *where, enum sql_use use, char *error,
                         enum sql_trouble *trouble);
void store_close(struct store *store); /* NULL is allowed */

enum sql_trouble store_trouble(const struct store *store);
const char *store_error(const struct store *store);

bool store_begin(struct store *store);
bool store_commit(struct store *store);
void store_rollback(struct store *store);

/* ---- from the journal ---- */

/* Begins a transaction and locks the journal's row (made if missing). *position: where to go on
 * reading; {0, 0} at first. */
bool store_batch_begin(struct store *store, const char *journal_id, const char *host,
                       struct journal_position *position);
/* One event, as journaled. A row that cannot be decoded is counted as lost, and is no error. On
 * false: store_rollback(), and the whole batch again from the position that store_batch_begin()
 * gives; with SQL_BUSY at once (two hosts have met at the same rows), else later. */
bool store_batch_add(struct store *store, struct bytes event);
/* `lost` more messages were lost since the last batch, for `cause`. */
bool store_batch_lost(struct store *store, uint64_t lost, const char *cause, int64_t now);
/* Moves the position and commits. On false the whole batch is undone (or its fate unknown: the
 * next store_batch_begin() tells). */
bool store_batch_commit(struct store *store, struct journal_position position);

/* ---- planning ---- */

struct store_filter {
    int64_t period;      /* seconds of a reporting period; divides 86,400 */
    int64_t begin, end;  /* only messages in [begin, end); end is a multiple of period */
    struct bytes domain; /* only this policy domain; empty: all */
};

/* What one report would tell, or tells: for `show`, --dry-run and the rules of politeness. */
struct store_summary {
    int64_t report;      /* key; 0: not planned yet */
    int64_t policy;      /* key */
    struct bytes domain; /* policy domain */
    struct bytes rua;    /* URIs, separated by single spaces */
    int64_t begin, end;  /* period, end exclusive */
    int64_t messages, tuples;
    int64_t passed;                         /* messages that passed DMARC */
    int64_t accepted;                       /* messages whose disposition is none or pass */
    int64_t others_passed, others_accepted; /* the same of the other reports that there are of this
                                               policy and period; only of planned ones */
};

/* One call for each; the strings live until it returns. False from it stops. */
typedef bool store_summary_fn(void *context, const struct store_summary *summary);

/* One record with its count. In row: time, queue_id and policy are not set. */
typedef bool store_record_fn(void *context, const struct report_row *row, int64_t count);

/* Messages not yet in a report, by policy configuration and period, ordered by domain and
 * period. Changes nothing. */
bool store_due(struct store *store, const struct store_filter *filter, store_summary_fn *each,
               void *context);

/* The same without a report, for --dry-run: a policy by its key, and the records that a report on
 * its messages in [begin, end) would have (store_preview.c). */
bool store_policy(struct store *store, struct arena *arena, int64_t policy,
                  struct report_policy *out);
bool store_due_records(struct store *store, const struct store_summary *summary,
                       store_record_fn *each, void *context);

/* Makes reports of them, in one transaction (never inside of store_begin()): at most
 * maximum_tuples records in each (more reports of the same period then). *planned: how many. Report
 * ids are random letters and digits: unique, and what a bounce must know to count. */
bool store_plan(struct store *store, const struct store_filter *filter, int64_t now,
                int64_t maximum_tuples, int64_t *planned);

/* ---- reports ---- */

enum store_report_state {
    STORE_REPORT_PLANNED, /* deliveries are not yet known */
    STORE_REPORT_OPEN,    /* has deliveries that are pending */
    STORE_REPORT_DONE,    /* nothing is left to do */
    STORE_REPORT_SKIPPED, /* politeness, exclusion, no usable address: `note` says why */
};

struct store_report {
    struct store_summary summary;
    char report_id[STORE_REPORT_ID_LEN + 1];
    enum store_report_state state;
    int64_t planned_at;
    struct bytes note; /* why skipped; else empty */
};

typedef bool store_report_fn(void *context, const struct store_report *report);

/* Reports in one of the `states` (bits 1 << state), ordered by key, those with a key above `after`,
 * at most `limit`. filter may be NULL; of it count the domain, and that the period begins in
 * [begin, end). In `each` no other call on the store is allowed. */
bool store_reports(struct store *store, unsigned states, const struct store_filter *filter,
                   int64_t after, int64_t limit, store_report_fn *each, void *context);

/* A report is worked on by one process at a time: true in *claimed when it is ours until
 * `until` (at most a day). A claim ends by itself, with store_report_release(), and when the state
 * becomes DONE or SKIPPED. Reports in those states cannot be claimed. */
bool store_report_claim(struct store *store, int64_t report, int64_t now, int64_t until,
                        bool *claimed);
bool store_report_release(struct store *store, int64_t report);
bool store_report_set(struct store *store, int64_t report, enum store_report_state state,
                      struct bytes note, int64_t now);

/* Moves half of the records of a report that nobody was sent to a new one, with an id of its own.
 * *split is false when it has less than two, or was sent to somebody. */
bool store_report_split(struct store *store, int64_t report, int64_t now, bool *split);

/* The policy of a report as it was; lives in arena. */
bool store_report_policy(struct store *store, struct arena *arena, int64_t report,
                         struct report_policy *out);

/* Its records with their counts, ordered by source and tuple; memory is bounded, whatever their
 * number. */
bool store_report_records(struct store *store, int64_t report, store_record_fn *each,
                          void *context);

/* ---- deliveries ---- */

enum store_delivery_state {
    STORE_DELIVERY_PENDING,    /* to be sent; again after next_try */
    STORE_DELIVERY_SENT,       /* taken by our mail server */
    STORE_DELIVERY_REFUSED,    /* 5xx */
    STORE_DELIVERY_SUPPRESSED, /* the destination is suppressed */
    STORE_DELIVERY_UNVERIFIED, /* RFC 9990 4: no agreement for this destination */
    STORE_DELIVERY_EXPIRED,    /* tried until the report was too old */
    STORE_DELIVERY_BOUNCED,    /* sent, and a bounce came back */
};

const char *store_delivery_state_name(enum store_delivery_state state);

struct store_delivery {
    int64_t delivery; /* key */
    int64_t report;
    struct bytes
        address; /* "local@domain", lower-case domain; for STORE_DELIVERY_UNVERIFIED the URI */
    enum store_delivery_state state;
    int64_t attempts;
    int64_t next_try;   /* not before */
    int64_t changed;    /* of the last change of state */
    struct bytes error; /* of the last attempt; empty: none */
};

typedef bool store_delivery_fn(void *context, const struct store_delivery *delivery);

/* Adds one (no effect when the report already has that address). */
bool store_delivery_add(struct store *store, int64_t report, struct bytes address,
                        enum store_delivery_state state, int64_t next_try, struct bytes error,
                        int64_t now);
/* SENT, REFUSED, and PENDING with an error count as an attempt; PENDING without one: put off. */
bool store_delivery_set(struct store *store, int64_t delivery, enum store_delivery_state state,
                        int64_t next_try, struct bytes error, int64_t now);
bool store_deliveries(struct store *store, int64_t report, store_delivery_fn *each, void *context);

/* Mails sent since `since` (bounced ones, too): to `address`, or to all (empty). */
bool store_sent_since(struct store *store, struct bytes address, int64_t since, int64_t *count);

/* ---- destinations ---- */

struct store_destination {
    struct bytes address;
    int64_t refusals;         /* in a row */
    int64_t suppressed_until; /* 0: not */
    struct bytes error;       /* the last */
};

typedef bool store_destination_fn(void *context, const struct store_destination *destination);

/* *until: 0 when the address is not suppressed now. */
bool store_destination_suppressed(struct store *store, struct bytes address, int64_t now,
                                  int64_t *until);
/* A success ends the row of refusals and any suppression; a refusal adds to it, and the
 * suppress_after'th in a row (0: never) and those that follow suppress for suppress_for seconds, at
 * least. */
bool store_destination_accepted(struct store *store, struct bytes address);
bool store_destination_refused(struct store *store, struct bytes address, struct bytes error,
                               int64_t now, unsigned suppress_after, int64_t suppress_for);
bool store_destinations(struct store *store, store_destination_fn *each, void *context);
/* A mail that our mail server took may still come back. This ends the row of refusals of each
 * destination that was sent something after its last refusal, and before `before`, which
 * did not come back (store_preview.c). */
bool store_destinations_settle(struct store *store, int64_t before);
/* By hand: `until` 0 lifts a suppression. */
bool store_destination_set(struct store *store, struct bytes address, int64_t until,
                           struct bytes error);

/* A bounce for a report id and address: *known says whether such a delivery was sent; then it is
 * marked and the destination counted as refusing (once for each delivery). Not counted when others
 * were sent that report: they know its id, and could silence each other with made-up bounces. */
bool store_bounce(struct store *store, struct bytes report_id, struct bytes address,
                  struct bytes error, int64_t now, unsigned suppress_after, int64_t suppress_for,
                  bool *known);

/* ---- upkeep ---- */

struct store_loss {
    struct bytes host, cause;
    int64_t messages;
    int64_t last; /* when it was last added to */
};
typedef bool store_loss_fn(void *context, const struct store_loss *loss);
bool store_losses(struct store *store, int64_t since, store_loss_fn *each, void *context);

struct store_totals {
    int64_t messages;   /* kept */
    int64_t unreported; /* of them not yet in a report */
    int64_t tuples, policies;
    int64_t reports, reports_open;
    int64_t octets; /* size of the database; 0: unknown */
};
bool store_totals(struct store *store, struct store_totals *out);

/* Removes messages of before `before` (reported or not), reports done before that, tuples and
 * policies that nothing refers to. In steps that hold no lock for long: never inside of
 * store_begin(). *messages: how many went
 * unreported. */
bool store_expire(struct store *store, int64_t before, int64_t *messages);

#endif
