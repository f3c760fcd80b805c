/* failure_event.h - what a failure report tells of one message (RFC 9991, RFC 6591).
 *
 * Off by default (FailureReports). Like a row (report_row.h) an event is made at the end of the
 * message, journaled as octets, and decoded by the store and by who writes the mail.
 *
 * With redaction nothing of an event is more than the domain owner needs to find the fault: local
 * parts of addresses are hashes (RFC 6590), other people's words are left out; see
 * failure_redact.h. It is redacted here, not when it is sent: what is not kept cannot leak.
 */
#ifndef ASSAY_FAILURE_EVENT_H
#define ASSAY_FAILURE_EVENT_H

#include "dkim_fields.h"
#include "report_row.h"

enum { FAILURE_EVENT_MAX = 64 * 1024 /* octets of an encoded event */ };

/* Which reports the message gives rise to: bits. */
enum {
    FAILURE_DMARC = 1, /* fo=0 or fo=1 */
    FAILURE_DKIM = 2,  /* fo=d */
    FAILURE_SPF = 4,   /* fo=s */
};

/* What became of the message (Delivery-Result, RFC 6591 3.2.2). */
enum failure_delivery { FAILURE_DELIVERED, FAILURE_POLICY, FAILURE_REJECT };

/* Why a signature failed (Auth-Failure, RFC 6591 3.3). */
enum failure_dkim { FAILURE_DKIM_SIGNATURE, FAILURE_DKIM_BODYHASH, FAILURE_DKIM_REVOKED };

struct failure_signature {
    struct bytes domain;   /* d=; empty: there is no such signature */
    struct bytes selector; /* s= */
    struct bytes identity; /* i=, or "@" and d=; redacted like the rest */
    enum auth_result result;
    enum failure_dkim type;
};

struct failure_event {
    int64_t time;          /* end of message, seconds since 1970 UTC */
    struct bytes queue_id; /* may be empty */
    unsigned kinds;        /* FAILURE_*, at least one */
    struct bytes authserv_id;
    struct bytes policy_domain;
    struct bytes ruf[REPORT_URIS_MAX]; /* mailto: URIs, not yet checked; at least one */
    size_t ruf_count;
    struct ip source;       /* IP_NONE: unknown */
    struct bytes mail_from; /* reverse-path, without "<>"; may be empty */
    struct bytes header_from;
    enum auth_result dmarc; /* pass or fail */
    bool dkim_failed;       /* gave no aligned pass (Identity-Alignment, RFC 9991 4) */
    bool spf_failed;
    struct failure_signature aligned; /* the first aligned one that did not pass */
    struct failure_signature failed;  /* the first one that failed, aligned or not */
    struct bytes spf_domain;          /* empty: none was checked */
    enum auth_result spf;
    struct bytes spf_record; /* as published; empty: none, or it was not at hand */
    enum failure_delivery delivery;
    bool redacted;
    struct bytes header;           /* fields with CRLF, at most FAILURE_HEADER_MAX octets */
    struct bytes canonical_header; /* what `aligned`, else `failed`, was made over; only without
                                      redaction; may be empty */
};

struct failure_input {
    const struct policy_settings *settings;
    struct dns_session *dns;          /* of the message: nothing new is looked up */
    const struct dkim_fields *fields; /* its header */
    struct bytes mail_from;
    const char *queue_id; /* may be NULL */
    int64_t time;         /* seconds since 1970 UTC */
};

/* The kinds of report that fo= asks for (RFC 9989 4.7), of those that may be sent: 0 for mail that
 * is originating or guarded, without ruf=, under psd=y (RFC 9991 2), or deferred. */
unsigned failure_event_kinds(const struct outcome *outcome);

/* Makes the event of an outcome; NULL when there is none to make, or out of memory. Lives
 * in arena and in what it was made of. */
const struct failure_event *failure_event_make(struct arena *arena, const struct outcome *outcome,
                                               const struct failure_input *input);

/* Appends the event, encoded: REPORT_EVENT_FAILURE, then fields with their lengths. */
void failure_event_encode(const struct failure_event *event, struct strbuf *out);

/* Decodes; strings are views into `octets`. False when they are no event of a version we know.
 * Safe on any octets. */
bool failure_event_decode(struct bytes octets, struct failure_event *out);

#endif
