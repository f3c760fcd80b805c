/* report_show.h - what `assay report show` collects: report_show.c reads it from the store,
 * report_show_text.c and report_show_json.c print it. */
#ifndef ASSAY_REPORT_SHOW_H
#define ASSAY_REPORT_SHOW_H

#include "report_open.h"

enum {
    REPORT_SHOW_DAYS = 7,       /* of reports made */
    REPORT_SHOW_LOSS_DAYS = 30, /* of losses */
    REPORT_SHOW_LINES = 60,     /* reports listed one by one; of more, only those with trouble */
};

struct report_show_delivery {
    struct store_delivery delivery; /* strings in the arena */
    struct report_show_delivery *next;
};

/* A report, or messages that none was made of (report.state is meaningless then). */
struct report_show_entry {
    struct store_report report; /* strings in the arena */
    struct report_show_delivery *deliveries;
    struct report_show_entry *next;
};

struct report_show_entries {
    struct report_show_entry *first, **end;
    size_t count;
    int64_t messages;
};

struct report_show_destination {
    struct store_destination destination;
    struct report_show_destination *next;
};

struct report_show_loss {
    struct store_loss loss;
    struct report_show_loss *next;
};

struct report_show {
    struct arena *arena;
    int64_t now;
    struct report_show_entries waiting, reports;
    struct report_show_destination *destinations; /* that refused lately, or are suppressed */
    struct report_show_loss *losses;
    struct store_totals totals;
    int64_t failures; /* failure reports that wait */
    uint64_t backlog; /* octets in the journal */
    bool backlog_known;
};

/* "planned", "open", "done", "skipped" */
const char *report_show_state(enum store_report_state state);

void report_show_text(struct report_show *show);
void report_show_json(struct report_show *show);

#endif
