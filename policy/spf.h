/* spf.h - SPF, RFC 7208: check_host() for the MAIL FROM and HELO identities.
 *
 * The interface does not name the engine. Behind it stands a shield: records
 * are parsed strictly by spf_record.c, macros are expanded by spf_macro.c, and
 * libspf2 evaluates only text that spf_engine.c generated.
 */
#ifndef ASSAY_SPF_H
#define ASSAY_SPF_H

#include "domain.h"
#include "env.h"
#include "ip.h"
#include "result.h"

enum spf_scope {
    SPF_SCOPE_MAIL_FROM, /* with the null reverse-path: postmaster@HELO (RFC 7208 2.4) */
    SPF_SCOPE_HELO,      /* the HELO identity proper (RFC 7208 2.3); never counts for DMARC */
};

struct spf_request {
    enum spf_scope scope;
    struct ip client;       /* IP_NONE: result none */
    struct bytes helo;      /* as the client gave it, may be empty */
    struct bytes mail_from; /* reverse-path without "<>"; empty: null reverse-path */
    struct bytes receiver;  /* host name for %{r} */
};

struct spf_result {
    enum auth_result result;
    enum spf_scope scope;
    bool null_sender;        /* MAIL FROM was empty: the identity is postmaster@HELO */
    struct domain domain;    /* the checked domain; none when it is not a domain name */
    const char *reason;      /* one line; never NULL */
    const char *mechanism;   /* the term that matched, as published, printable; "" if none.
                                Within an include or redirect: the top record's term, then
                                the inner one: "include:_spf.example.com ip4:192.0.2.0/24" */
    unsigned lookups;        /* terms that caused DNS lookups, 0..11 */
    unsigned void_lookups;   /* 0..3 */
    const char *explanation; /* publisher's exp= text on fail, printable ASCII; else NULL.
                                Only when the caller asked for it. */
    bool want_explanation;   /* in: fetch the explanation on fail */
};

/* Prefetching: the record, then its includes, redirect and address lookups as
 * answers arrive, within the limits of RFC 7208. */
struct spf_prefetch;

/* Starts it, without waiting. Lives in arena; NULL when there is nothing to do. */
struct spf_prefetch *spf_prefetch_new(struct arena *arena, struct dns_session *session,
                                      const struct spf_request *request);

/* Starts the lookups that have become known; never waits. NULL is allowed. */
void spf_prefetch_advance(struct spf_prefetch *prefetch);

/* Evaluates; waits for DNS within the session's deadline. Fills *out (set
 * out->want_explanation before); strings live in arena. An IPv4-mapped client is IPv4; a
 * loopback client gives none, never pass; time or budget used up gives
 * temperror. */
void spf_check(const struct policy_env *env, struct dns_session *session, struct arena *arena,
               const struct spf_request *request, struct spf_result *out);

/* Sets libspf2's process-global hooks. Once, before threads start. */
void spf_global_init(void);

/* After all threads. */
void spf_global_cleanup(void);

#endif
