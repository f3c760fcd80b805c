/* report_send.h - the parts of `assay report send`.
 *
 * report_send.c          command line, planning, report after report
 * report_send_report.c   one report: politeness, destinations, its state behind them
 * report_send_delivery.c one report to one address
 * report_send_to.c       where a report goes: URIs, agreements of other hosts, addresses
 * report_send_mail.c     XML, mail, signature, and what the mail server says
 * report_send_failures.c failure reports (RFC 9991)
 * report_send_preview.c  --dry-run
 * report_send_tally.c    progress bar and summary
 * report_rules.c         the decisions that need none of this
 */
#ifndef ASSAY_REPORT_SEND_H
#define ASSAY_REPORT_SEND_H

#include "report_rules.h"
#include "runtime.h"
#include "transport.h"

enum {
    REPORT_CLAIM_SECONDS = 900,    /* more than all tries for one report can take */
    REPORT_MAIL_MS = 60000,        /* one mail to the mail server */
    REPORT_QUERIES_MAX = 300,      /* lookups for one report: ten destinations, two walks each */
    REPORT_MEMORY_MAX = 192 << 20, /* octets for one report: XML, mail, signed mail */
    REPORT_OCTETS_MAX = 16 << 20,  /* of a report, compressed */
    REPORT_BOUNCE_SECONDS = 6 * 86400, /* mail servers try for five days before a mail comes back */
    REPORT_BATCH = 200,                /* reports read from the store at a time */
    REPORT_WRONG_MAX = 10,            /* reports that the store cannot work on, before a run ends */
    REPORT_TEMPORARY_IN_ROW_MAX = 10, /* then the mail server, not a destination, has trouble */
    REPORT_DESTINATIONS_MAX = 40,     /* ten URIs, each with up to three others in its place */
    REPORT_NOTE_MAX = 300,            /* octets of a note in the store */
};

struct report_send_request {
    const char *config_path; /* NULL: the daemon's */
    struct bytes domain;     /* --domain, comparable; empty: all */
    int64_t day;             /* --day, 00:00 UTC; -1: all */
    int64_t now;             /* --now; -1: the clock */
    bool dry_run, all_due, quiet, verbose;
};

/* What became of it all. */
struct report_tally {
    int64_t total;     /* reports at hand when the run began */
    int64_t looked_at; /* of them */
    int64_t sent;      /* mails */
    int64_t refused, suppressed, expired, unverified;
    int64_t failures;         /* of the mails sent, those with failure reports */
    int64_t failures_dropped; /* over FailureReportMaximum */
    int64_t done, skipped;    /* reports */
    int64_t not_due;          /* left for later: */
    int64_t elsewhere;        /* reports another process works on */
    int64_t waiting;          /* deliveries whose pause is not over */
    int64_t temporary;        /* deliveries: the mail server said "not now" */
    int64_t unresolved;       /* reports with destinations that the DNS kept us from checking */
    int64_t over_daily;       /* reports and deliveries over ReportDailyMaximum */
    int64_t over_destination; /* deliveries over ReportDestinationMaximum */
    struct bytes domain;      /* at hand; valid while it is */
    int64_t drawn_us;         /* monotonic: when the bar was drawn last; 0: never */
    bool bar, drawn;          /* a bar is wanted; is on the screen now */
};

/* Why no more reports are looked at. */
enum report_stop {
    REPORT_GO_ON,
    REPORT_STOP_STORE,     /* said already */
    REPORT_STOP_TRANSPORT, /* said already */
    REPORT_STOP_SIGNAL,
    REPORT_STOP_DAILY, /* ReportDailyMaximum is reached */
};

struct report_send {
    const struct report_send_request *request;
    struct runtime *runtime;
    const struct report_config *config;
    struct store *store;
    struct transport *transport; /* NULL with --dry-run */
    struct bytes host;           /* this one's name, for the jitter */
    struct bytes receiver;       /* domain of ReportSender */
    struct arena *arena;         /* of the report at hand */
    int64_t sent_before;         /* mails within the last 24 hours, before this run */
    int64_t dns_us;              /* waited for the destinations of all reports so far */
    int temporary_in_row;
    int wrong;          /* reports left alone, since the store said no */
    bool unsigned_said; /* that mails go without a signature */
    int exit_code;      /* of the trouble that stopped us */
    enum report_stop stop;
    struct report_tally tally;
};

/* A report at hand; strings in an arena of the batch. */
struct report_item {
    struct store_summary summary;
    char report_id[STORE_REPORT_ID_LEN + 1]; /* "": not planned (--dry-run) */
    enum store_report_state state;
    int64_t planned_at;
};

int64_t report_send_now(const struct report_send *run);

/* Does it wait for its share of the jitter? *due: until when. */
bool report_send_is_early(const struct report_send *run, const struct store_summary *summary,
                          int64_t *due);

/* The store failed: says so and stops. Returns false. */
bool report_send_store_failed(struct report_send *run);

/* ---- report_send_report.c ---- */

/* Does for one report what can be done now. False: run->stop is set. */
bool report_send_report(struct report_send *run, const struct report_item *item);

enum { REPORT_DELIVERIES_MAX = 100 /* of one report, over all its runs */ };

struct report_deliveries {
    struct arena *arena; /* of the strings */
    struct store_delivery items[REPORT_DELIVERIES_MAX];
    size_t count;
};

/* One report in the making. */
struct report_work {
    struct report_send *run;
    const struct report_item *item;
    int64_t now;
    struct report_policy policy; /* no domain: not yet read */
    struct report_deliveries deliveries;
    bool unresolved;   /* the DNS did not tell of all destinations */
    bool done_with;    /* its state is settled: skipped */
    bool too_large;    /* half of its records went to another report: nothing more of it now */
    struct bytes mail; /* once it was needed */
};

/* good, or the store's trouble said and the run stopped. */
bool report_work_store(struct report_work *work, bool good);

/* It was planned too long ago to be tried any more. */
bool report_work_is_too_old(const struct report_work *work);

/* The report is not sent, now or ever. */
void report_work_skip(struct report_work *work, const char *why);

/* ---- report_send_delivery.c ---- */

/* Sends one that is pending, if it may be tried now. */
void report_send_delivery(struct report_work *work, struct store_delivery *delivery);

/* ---- report_send_to.c ---- */

enum report_destination_fate {
    REPORT_DESTINATION_GOOD,
    REPORT_DESTINATION_EXCLUDED,   /* by ReportExclude, or our own ReportSender */
    REPORT_DESTINATION_UNVERIFIED, /* RFC 9990 4, or no address */
    REPORT_DESTINATION_TEMPORARY,
};

struct report_destination {
    enum report_destination_fate fate;
    struct bytes address; /* GOOD and EXCLUDED: "local@domain"; else the URI */
    const char *reason;   /* one printable line */
};

struct report_destinations {
    struct report_destination items[REPORT_DESTINATIONS_MAX]; /* no address twice */
    size_t count;
    size_t good, temporary;
    size_t ignored; /* URIs beyond ReportMaximumURIs, or no mailto: */
};

/* Looks the URIs of a record up. Waits for DNS. Strings live in run->arena. */
void report_send_destinations(struct report_send *run, struct bytes policy_domain,
                              const struct report_policy *policy, struct report_destinations *out);

/* The same for any list of URIs; failure: they are of ruf=, else of rua=. */
void report_send_destinations_of(struct report_send *run, struct bytes policy_domain,
                                 const struct bytes *uris, size_t count, bool failure,
                                 struct report_destinations *out);

/* ---- report_send_mail.c ---- */

/* Says once that mails go without a signature, and why; "": they have one. */
void report_send_say_unsigned(struct report_send *run, const char *why_not);

/* The XML of a report, in run->arena. False: *why, one line; with NULL the store failed and that
 * was said. */
bool report_send_xml(struct report_send *run, const struct report_item *item,
                     const struct report_policy *policy, bool gzip, struct bytes *out,
                     const char **why);

/* The signed mail, in run->arena; as above. */
bool report_send_mail(struct report_send *run, const struct report_item *item,
                      const struct report_policy *policy, const struct bytes *recipients,
                      size_t recipient_count, struct bytes *out, const char **why);

/* ---- report_send_failures.c ---- */

/* Sends the failure reports that are due. run->stop and run->exit_code as elsewhere. */
void report_send_failures(struct report_send *run);

/* ---- report_send_preview.c ---- */

/* --dry-run: shows what would be sent to whom, and why not. Changes nothing. */
void report_send_preview(struct report_send *run, const struct store_filter *filter);

/* ---- report_send_tally.c ---- */

/* Draws the bar when it is time. */
void report_tally_show(struct report_send *run);
/* Takes the bar off the screen, before a line is printed or at the end. */
void report_tally_hide(struct report_send *run);
/* A line for people, on standard output, unless --quiet. */
void report_send_say(struct report_send *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void report_tally_summary(struct report_send *run);

#endif
