/* test_dmarc_evaluate.c - from record and identifiers to a result, RFC 9989 5.3 and 4.10.
 *
 * Longer than others because it is tables: one row per message, and all of the row is input or
 * expectation.
 */
#include "dmarc.h"
#include "fake_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS_MAX = 8, SIGNATURES_MAX = 12 };

struct scene {
    const char *author;
    const char *records[RECORDS_MAX]; /* "name text": TXT at _dmarc.name; "name !cause": fails;
                                         "A name": the name exists; "A name !cause": A fails */
    const char *spf;                  /* "pass example.com", "helo pass example.com"; "": none */
    const char *dkim;                 /* "pass example.com, fail example.net"; "": no signature */

    const char *result;
    const char *policy;  /* "example.com p=reject", with t=y "example.com p=reject>quarantine";
                            "": no record */
    const char *aligned; /* one letter for SPF and each signature: "y" aligned, "-" not;
                            SPF counts only when it passed */
    const char *asked;   /* all lookups made, in order: names for TXT _dmarc, "A:name" */
    const char *reason;
};

/* ---- making the input ---- */

static void add_record(struct fake_dns *dns, const char *text)
{
    char name[300] = "_dmarc.";
    const char *blank = strchr(text, ' ');
    if (strncmp(text, "A ", 2) == 0) {
        blank = strchr(text + 2, ' ');
        snprintf(name, sizeof(name), "%.*s", blank ? (int)(blank - text - 2) : 299, text + 2);
        if (blank)
            fake_dns_fail(dns, name, DNS_A, blank + 2);
        else
            fake_dns_add(dns, name, DNS_A, "192.0.2.1");
        return;
    }
    snprintf(name + 7, sizeof(name) - 7, "%.*s", (int)(blank - text), text);
    if (blank[1] == '!')
        fake_dns_fail(dns, name, DNS_TXT, blank + 2);
    else
        fake_dns_add(dns, name, DNS_TXT, blank + 1);
}

static enum auth_result result_of(struct bytes name)
{
    for (enum auth_result result = AUTH_NONE; result <= AUTH_PERMERROR; result++) {
        if (bytes_is(name, auth_result_name(result)))
            return result;
    }
    fail_msg("no result: %.*s", BYTES_ARGS(name));
    return AUTH_NONE;
}

/* Splits "pass example.com"; the domain may be missing. */
static enum auth_result identifier_of(struct arena *arena, struct bytes text, struct domain *domain)
{
    size_t blank = bytes_find(text, ' ');
    *domain = domain_parse(arena, bytes_slice(text, blank + 1, text.len));
    return result_of(bytes_slice(text, 0, blank));
}

static struct spf_result spf_of(struct arena *arena, const char *text)
{
    struct spf_result spf = {.scope = SPF_SCOPE_MAIL_FROM, .reason = "", .mechanism = ""};
    if (strncmp(text, "helo ", 5) == 0) {
        spf.scope = SPF_SCOPE_HELO;
        text += 5;
    }
    if (text[0])
        spf.result = identifier_of(arena, bytes_of(text), &spf.domain);
    return spf;
}

static struct dkim_results dkim_of(struct arena *arena, const char *text,
                                   struct dkim_signature signatures[SIGNATURES_MAX])
{
    struct dkim_results dkim = {.signatures = signatures};
    struct bytes rest = bytes_of(text);
    while (rest.len) {
        size_t comma = bytes_find(rest, ',');
        struct dkim_signature *signature = &signatures[dkim.count++];
        *signature = (struct dkim_signature){.reason = "", .algorithm = ""};
        signature->result =
            identifier_of(arena, bytes_trim(bytes_slice(rest, 0, comma)), &signature->domain);
        rest = bytes_slice(rest, comma + 1, rest.len);
    }
    return dkim;
}

/* ---- comparing the output ---- */

static void describe_policy(const struct dmarc_result *out, char *text, size_t size)
{
    text[0] = '\0';
    if (!out->has_record)
        return;
    size_t used = (size_t)snprintf(text, size, "%s %s=%s", domain_text(out->policy_domain),
                                   dmarc_tag_name(out->tag), dmarc_policy_name(out->policy));
    if (out->effective_policy != out->policy)
        snprintf(text + used, size - used, ">%s", dmarc_policy_name(out->effective_policy));
}

static void describe_alignment(const struct dmarc_result *out, size_t signatures, char *text)
{
    *text++ = out->spf_aligned ? 'y' : '-';
    for (size_t i = 0; i < signatures; i++)
        *text++ = out->signature_aligned[i] ? 'y' : '-';
    *text = '\0';
}

static void describe_lookups(const struct dns_session *session, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (const struct dns_lookup *l = dns_session_lookups(session); l; l = l->next) {
        bool txt = l->type == DNS_TXT;
        if (l->used)
            used += (size_t)snprintf(text + used, size - used, "%s%s%.*s", used ? " " : "",
                                     txt ? "" : "A:", (int)l->name.len - 7 * txt,
                                     l->name.data + 7 * txt);
    }
}

static void check_texts(const struct scene *scene, const char *what, const char *seen,
                        const char *expected)
{
    if (strcmp(seen, expected) != 0)
        fail_msg("%s, spf %s, dkim %s: %s is \"%s\", not \"%s\"", scene->author, scene->spf,
                 scene->dkim, what, seen, expected);
}

static void check_scene(const struct scene *scene)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, arena);
    struct dkim_signature signatures[SIGNATURES_MAX];
    char text[4096];
    for (size_t i = 0; i < RECORDS_MAX && scene->records[i]; i++)
        add_record(dns, scene->records[i]);

    struct domain author = domain_parse(arena, bytes_of(scene->author));
    struct spf_result spf = spf_of(arena, scene->spf);
    struct dkim_results dkim = dkim_of(arena, scene->dkim, signatures);
    struct dmarc_result out;
    dmarc_evaluate(session, arena, author, &spf, &dkim, &out);

    describe_lookups(session, text, sizeof(text));
    check_texts(scene, "lookups", text, scene->asked);
    dns_session_free(session); /* the result must outlive it */
    check_texts(scene, "result", auth_result_name(out.result), scene->result);
    check_texts(scene, "reason", out.reason, scene->reason);
    describe_policy(&out, text, sizeof(text));
    check_texts(scene, "policy", text, scene->policy);
    describe_alignment(&out, dkim.count, text);
    check_texts(scene, "alignment", text, scene->aligned);
    assert_true(domain_equal(out.from_domain, author));
    assert_int_equal(out.signature_aligned != NULL, dkim.count > 0);
    arena_free(arena);
    fake_dns_free(dns);
}

static void check_scenes(const struct scene *scenes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_scene(&scenes[i]);
}

#define CHECK(scenes) check_scenes(scenes, sizeof(scenes) / sizeof((scenes)[0]))

/* ---- 5.3.5: one aligned identifier that passed is enough ---- */

static void test_only_a_pass_counts(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass example.com", "", "pass",
         "example.com p=reject", "y", "example.com", "aligned: spf pass for example.com"},
        {"example.com", {"example.com v=DMARC1; p=reject"}, "", "pass example.com", "pass",
         "example.com p=reject", "-y", "example.com", "aligned: dkim pass for example.com"},
        {"example.com", {"example.com v=DMARC1; p=reject"}, "softfail example.com",
         "neutral example.com, policy example.com, permerror example.com, fail example.com, "
         "none example.com", "fail", "example.com p=reject", "-yyyyy", "example.com",
         "no aligned identifier: spf softfail for example.com, dkim neutral for example.com, "
         "dkim policy for example.com, dkim permerror for example.com and 2 more"},
        /* aligned fail and unaligned pass, both orders (OpenDMARC PR 70) */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "fail example.com",
         "fail example.com, pass example.net", "fail", "example.com p=reject", "-y-", "example.com",
         "no aligned identifier: spf fail for example.com, dkim fail for example.com, "
         "dkim pass for example.net"},
        {"example.com", {"example.com v=DMARC1; p=reject"}, "none",
         "pass example.net, fail example.com", "fail", "example.com p=reject", "--y", "example.com",
         "no aligned identifier: spf none, dkim pass for example.net, dkim fail for example.com"},
        /* any one of several */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "fail",
         "fail example.com, pass example.net, pass example.com", "pass", "example.com p=reject",
         "-y-y", "example.com", "aligned: dkim pass for example.com"},
        {"example.com", {"example.com v=DMARC1; p=none"}, "none", "", "fail", "example.com p=none",
         "-", "example.com", "no aligned identifier: spf none, no dkim signature"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

/* 4.4.2, 3.2.4; CVE-2019-20790 */
static void test_only_mail_from_is_an_identifier(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        /* with the null reverse-path, postmaster@HELO is the MAIL FROM identity */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass mail.example.com", "", "pass",
         "example.com p=reject", "y", "example.com com mail.example.com",
         "aligned: spf pass for mail.example.com"},
        {"example.com", {"example.com v=DMARC1; p=reject"}, "helo pass example.com", "", "fail",
         "example.com p=reject", "-", "example.com",
         "no aligned identifier: spf none, no dkim signature"},
        {"example.com", {"example.com v=DMARC1; p=reject"}, "helo temperror example.com", "",
         "fail", "example.com p=reject", "-", "example.com",
         "no aligned identifier: spf none, no dkim signature"},
        /* no domain: nothing to align */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass", "pass", "fail",
         "example.com p=reject", "--", "example.com", "no aligned identifier: spf pass, dkim pass"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

/* ---- 4.4, 4.10.2: alignment ---- */

static void test_strict_and_relaxed(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        {"example.com", {"example.com v=DMARC1; p=reject; aspf=s; adkim=s"},
         "pass mail.example.com", "pass mail.example.com", "fail", "example.com p=reject", "--",
         "example.com",
         "no aligned identifier: spf pass for mail.example.com, dkim pass for mail.example.com"},
        {"mail.example.com", {"mail.example.com v=DMARC1; p=reject; adkim=s"}, "pass example.com",
         "pass example.com", "fail", "mail.example.com p=reject", "--",
         "mail.example.com example.com com",
         "no aligned identifier: spf pass for example.com, dkim pass for example.com"},
        /* each mode is for its own method */
        {"example.com", {"example.com v=DMARC1; p=reject; aspf=s"}, "pass mail.example.com",
         "pass mail.example.com", "pass", "example.com p=reject", "-y",
         "example.com com mail.example.com", "aligned: dkim pass for mail.example.com"},
        {"example.com", {"example.com v=DMARC1; p=reject; adkim=s"}, "pass mail.example.com",
         "pass mail.example.com", "pass", "example.com p=reject", "y-",
         "example.com com mail.example.com", "aligned: spf pass for mail.example.com"},
        /* siblings */
        {"a.example.com", {"example.com v=DMARC1; p=reject", "A a.example.com"},
         "pass b.example.com", "", "pass", "example.com p=reject", "y",
         "a.example.com example.com com b.example.com", "aligned: spf pass for b.example.com"},
        /* a common tail is not yet a common domain */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass notexample.com", "", "fail",
         "example.com p=reject", "-", "example.com com",
         "no aligned identifier: spf pass for notexample.com, no dkim signature"},
        /* psd=n makes a domain of its own below the author's */
        {"example.com", {"example.com v=DMARC1; p=reject",
         "customer.example.com v=DMARC1; p=none; psd=n"}, "", "pass customer.example.com", "fail",
         "example.com p=reject", "--", "example.com com customer.example.com",
         "no aligned identifier: spf none, dkim pass for customer.example.com"},
        /* the author is a public suffix: names below are strangers */
        {"bank.example", {"bank.example v=DMARC1; p=reject; psd=y"}, "", "pass giant.bank.example",
         "fail", "bank.example p=reject", "--", "bank.example giant.bank.example",
         "no aligned identifier: spf none, dkim pass for giant.bank.example"},
        /* U-labels have become A-labels when they come here */
        {"b\xc3\xbc" "cher.example", {"xn--bcher-kva.example v=DMARC1; p=reject"}, "",
         "pass xn--bcher-kva.example", "pass", "xn--bcher-kva.example p=reject", "-y",
         "xn--bcher-kva.example", "aligned: dkim pass for xn--bcher-kva.example"},
        {"XN--BCHER-KVA.example", {"xn--bcher-kva.example v=DMARC1; p=reject"}, "", "pass b\xc3\xbc"
         "cher.Example", "pass", "xn--bcher-kva.example p=reject", "-y", "xn--bcher-kva.example",
         "aligned: dkim pass for xn--bcher-kva.example"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

/* DNS is not asked for what is known without it. */
static void test_walks_only_where_needed(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        /* another top-level domain: no walk at all */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass bounce.esp.net",
         "pass esp.net, fail esp.org", "fail", "example.com p=reject", "---", "example.com",
         "no aligned identifier: spf pass for bounce.esp.net, dkim pass for esp.net, "
         "dkim fail for esp.org"},
        /* the same, but outside of the author's domain: the author's walk only */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass bounce.esp.com", "", "fail",
         "example.com p=reject", "-", "example.com com",
         "no aligned identifier: spf pass for bounce.esp.com, no dkim signature"},
        /* an exact match leaves failed signatures alone */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "fail b.example.com",
         "pass example.com, fail c.example.com", "pass", "example.com p=reject", "-y-",
         "example.com", "aligned: dkim pass for example.com"},
        /* but what else passed is told to reports rightly */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass b.example.com",
         "pass example.com", "pass", "example.com p=reject", "yy", "example.com com b.example.com",
         "aligned: spf pass for b.example.com, dkim pass for example.com"},
        /* a failing message: whose signature was it? */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass lists.example.org",
         "fail mail.example.com, fail example.net", "fail", "example.com p=reject", "-y-",
         "example.com com mail.example.com",
         "no aligned identifier: spf pass for lists.example.org, dkim fail for mail.example.com, "
         "dkim fail for example.net"},
        /* one walk for one domain, however often it is named */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass a.example.com",
         "pass a.example.com, pass a.example.com", "pass", "example.com p=reject", "yyy",
         "example.com com a.example.com",
         "aligned: spf pass for a.example.com, dkim pass for a.example.com, "
         "dkim pass for a.example.com"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

/* ---- 4.10.1: which record, which tag ---- */

static void test_which_record_applies(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        {"example.com", {NULL}, "pass example.com", "pass example.com", "none", "", "--",
         "example.com com", "no DMARC record at example.com or its organizational domain"},
        {"example.com", {"example.com v=DMARC1; p=none", "example.com v=DMARC1; p=reject"}, "", "",
         "none", "", "-", "example.com com",
         "several DMARC records at example.com, so none counts"},
        /* author before Organizational Domain before public suffix */
        {"a.b.example", {"a.b.example v=DMARC1; p=none", "b.example v=DMARC1; p=quarantine",
         "example v=DMARC1; p=reject; psd=y"}, "", "", "fail", "a.b.example p=none", "-",
         "a.b.example", "no aligned identifier: spf none, no dkim signature"},
        {"a.b.example", {"b.example v=DMARC1; p=quarantine", "example v=DMARC1; p=reject; psd=y"},
         "", "", "fail", "b.example p=quarantine", "-", "a.b.example b.example example",
         "no aligned identifier: spf none, no dkim signature"},
        {"a.b.example", {"example v=DMARC1; p=reject; psd=y"}, "", "", "fail", "example p=reject",
         "-", "a.b.example b.example example",
         "no aligned identifier: spf none, no dkim signature"},
        /* a record between author and Organizational Domain says nothing */
        {"a.b.c.example", {"b.c.example v=DMARC1; p=none; sp=none",
         "example v=DMARC1; p=reject; psd=y"}, "", "", "fail", "example p=reject", "-",
         "a.b.c.example b.c.example c.example example",
         "no aligned identifier: spf none, no dkim signature"},
        {"x.sub.example.com", {"sub.example.com v=DMARC1; p=quarantine; sp=reject; t=y",
         "example.com v=DMARC1; p=none"}, "", "", "fail", "example.com p=none", "-",
         "x.sub.example.com sub.example.com example.com com",
         "no aligned identifier: spf none, no dkim signature"},
        /* what was dropped for being double is made up for above */
        {"mail.example.com", {"mail.example.com v=DMARC1; p=none",
         "mail.example.com v=DMARC1; p=none", "example.com v=DMARC1; p=reject; sp=quarantine"}, "",
         "", "fail", "example.com sp=quarantine", "-", "mail.example.com example.com com",
         "no aligned identifier: spf none, no dkim signature"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

static void test_which_tag_applies(void **state)
{
    static const char reason[] = "no aligned identifier: spf none, no dkim signature";
    /* clang-format off */
    static const struct scene scenes[] = {
        /* of the author's own record: p */
        {"example.com", {"example.com v=DMARC1; p=none; sp=reject; np=reject"}, "", "", "fail",
         "example.com p=none", "-", "example.com", reason},
        {"a.example.com", {"a.example.com v=DMARC1; p=none; sp=reject; np=reject"}, "", "", "fail",
         "a.example.com p=none", "-", "a.example.com", reason},
        /* below it: sp, else p */
        {"a.example.com", {"example.com v=DMARC1; p=reject; sp=none", "A a.example.com"}, "", "",
         "fail", "example.com sp=none", "-", "a.example.com example.com com", reason},
        {"a.example.com", {"example.com v=DMARC1; p=reject"}, "", "", "fail",
         "example.com p=reject", "-", "a.example.com example.com com", reason},
        /* not existing: np, else sp, else p; the name is asked for only where np is */
        {"a.example.com", {"example.com v=DMARC1; p=none; sp=none; np=reject"}, "", "", "fail",
         "example.com np=reject", "-", "a.example.com example.com com A:a.example.com", reason},
        {"a.example.com", {"example.com v=DMARC1; p=none; sp=quarantine"}, "", "", "fail",
         "example.com sp=quarantine", "-", "a.example.com example.com com", reason},
        {"a.example.com", {"example.com v=DMARC1; p=none; np=reject", "A a.example.com"}, "", "",
         "fail", "example.com p=none", "-", "a.example.com example.com com A:a.example.com",
         reason},
        /* an empty non-terminal exists */
        {"a.example.com", {"example.com v=DMARC1; p=none; np=reject", "A www.a.example.com"}, "",
         "", "fail", "example.com p=none", "-", "a.example.com example.com com A:a.example.com",
         reason},
        /* what exists at "_dmarc.a" proves that "a" exists: no further question */
        {"a.example.com", {"example.com v=DMARC1; p=none; np=reject", "a.example.com v=spf1 -all"},
         "", "", "fail", "example.com p=none", "-", "a.example.com example.com com", reason},
        /* a public suffix has its say about names below it */
        {"nosuch.bank", {"bank v=DMARC1; p=none; np=reject; psd=y"}, "", "", "fail",
         "bank np=reject", "-", "nosuch.bank bank A:nosuch.bank", reason},
        /* a passing message does not ask */
        {"a.example.com", {"example.com v=DMARC1; p=none; sp=quarantine; np=reject"},
         "pass a.example.com", "", "pass", "example.com sp=quarantine", "y",
         "a.example.com example.com com", "aligned: spf pass for a.example.com"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

/* 4.10.1: no valid p, or a bad sp or np */
static void test_unusable_policies(void **state)
{
    static const char failed[] = "no aligned identifier: spf none, no dkim signature";
    /* clang-format off */
    static const struct scene scenes[] = {
        {"example.com", {"example.com v=DMARC1"}, "pass example.com", "pass example.com",
         "permerror", "example.com =", "--", "example.com",
         "DMARC record at example.com: p= is missing and there is no valid rua="},
        {"example.com", {"example.com v=DMARC1; p=rejekt; ruf=mailto:d@x"}, "", "", "permerror",
         "example.com =", "-", "example.com",
         "DMARC record at example.com: p= is invalid and there is no valid rua="},
        {"example.com", {"example.com v=DMARC1; p=reject; sp=bogus; rua=d@x"}, "", "", "permerror",
         "example.com =", "-", "example.com",
         "DMARC record at example.com: sp= is invalid and there is no valid rua="},
        {"example.com", {"example.com v=DMARC1; p=reject; np=bad"}, "", "", "permerror",
         "example.com =", "-", "example.com",
         "DMARC record at example.com: np= is invalid and there is no valid rua="},
        /* with an address for reports: p=none, whatever else it says */
        {"example.com", {"example.com v=DMARC1; rua=mailto:d@x"}, "", "", "fail",
         "example.com p=none", "-", "example.com", failed},
        {"a.example.com", {"example.com v=DMARC1; p=reject; sp=bogus; np=reject; rua=x:y"}, "", "",
         "fail", "example.com p=none", "-", "a.example.com example.com com", failed},
        {"example.com", {"example.com v=DMARC1; p=reject; np=bad; t=y; rua=mailto:d@x"},
         "pass example.com", "", "pass", "example.com p=none", "y", "example.com",
         "aligned: spf pass for example.com"},
        /* it is the record all the same: nobody looks for another above */
        {"a.example.com", {"a.example.com v=DMARC1; p=?", "example.com v=DMARC1; p=reject"}, "", "",
         "permerror", "a.example.com =", "-", "a.example.com",
         "DMARC record at a.example.com: p= is invalid and there is no valid rua="},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

static void test_test_mode(void **state)
{
    static const char reason[] = "no aligned identifier: spf none, no dkim signature";
    /* clang-format off */
    static const struct scene scenes[] = {
        {"example.com", {"example.com v=DMARC1; p=reject; t=y"}, "", "", "fail",
         "example.com p=reject>quarantine", "-", "example.com", reason},
        {"example.com", {"example.com v=DMARC1; p=quarantine; t=Y"}, "", "", "fail",
         "example.com p=quarantine>none", "-", "example.com", reason},
        {"example.com", {"example.com v=DMARC1; p=none; t=y"}, "", "", "fail", "example.com p=none",
         "-", "example.com", reason},
        {"example.com", {"example.com v=DMARC1; p=reject; t=n"}, "", "", "fail",
         "example.com p=reject", "-", "example.com", reason},
        {"a.example.com", {"example.com v=DMARC1; p=none; sp=reject; t=y"}, "", "", "fail",
         "example.com sp=reject>quarantine", "-", "a.example.com example.com com", reason},
        {"a.example.com", {"example.com v=DMARC1; p=none; np=reject; t=y"}, "", "", "fail",
         "example.com np=reject>quarantine", "-", "a.example.com example.com com A:a.example.com",
         reason},
        {"example.com", {"example.com v=DMARC1; p=reject; t=y"}, "pass example.com", "", "pass",
         "example.com p=reject>quarantine", "y", "example.com",
         "aligned: spf pass for example.com"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

/* ---- 5.3.6: DNS errors, where they matter and where they do not ---- */

static void test_errors_of_policy_discovery(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        {"example.com", {"example.com !SERVFAIL"}, "pass example.com", "pass example.com",
         "temperror", "", "--", "example.com", "TXT _dmarc.example.com: SERVFAIL"},
        {"a.example.com", {"example.com !time-out"}, "", "pass a.example.com", "temperror", "",
         "--", "a.example.com example.com", "TXT _dmarc.example.com: time-out"},
        /* the shortest name decides which domain is the organizational one */
        {"a.example.com", {"example.com v=DMARC1; p=reject", "com !SERVFAIL"}, "", "", "temperror",
         "", "-", "a.example.com example.com com", "TXT _dmarc.com: SERVFAIL"},
        /* beyond the stop */
        {"a.example.com", {"example.com v=DMARC1; p=reject; psd=n", "com !SERVFAIL"}, "", "",
         "fail", "example.com p=reject", "-", "a.example.com example.com",
         "no aligned identifier: spf none, no dkim signature"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

static void test_errors_of_alignment(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        /* an exact match needs no walk */
        {"example.com", {"example.com v=DMARC1; p=reject", "com !SERVFAIL"}, "", "pass example.com",
         "pass", "example.com p=reject", "-y", "example.com", "aligned: dkim pass for example.com"},
        /* nor is it undone by one that fails */
        {"example.com", {"example.com v=DMARC1; p=reject", "com !SERVFAIL"},
         "pass mail.example.com", "pass example.com", "pass", "example.com p=reject", "-y",
         "example.com com", "aligned: dkim pass for example.com"},
        {"example.com", {"example.com v=DMARC1; p=reject", "b.example.com !SERVFAIL"},
         "pass b.example.com", "pass a.example.com", "pass", "example.com p=reject", "-y",
         "example.com com b.example.com a.example.com", "aligned: dkim pass for a.example.com"},
        /* no pass, and one identifier that could have been one */
        {"example.com", {"example.com v=DMARC1; p=reject", "com !SERVFAIL"},
         "pass mail.example.com", "", "temperror", "example.com p=reject", "-", "example.com com",
         "TXT _dmarc.com: SERVFAIL"},
        {"example.com", {"example.com v=DMARC1; p=reject", "b.example.com !REFUSED"}, "",
         "pass b.example.com", "temperror", "example.com p=reject", "--",
         "example.com com b.example.com", "TXT _dmarc.b.example.com: REFUSED"},
        /* strict, or elsewhere: it could not */
        {"example.com", {"example.com v=DMARC1; p=reject; aspf=s", "com !SERVFAIL"},
         "pass mail.example.com", "", "fail", "example.com p=reject", "-", "example.com",
         "no aligned identifier: spf pass for mail.example.com, no dkim signature"},
        {"example.com", {"example.com v=DMARC1; p=reject", "example.net !SERVFAIL"}, "",
         "pass example.net", "fail", "example.com p=reject", "--", "example.com",
         "no aligned identifier: spf none, dkim pass for example.net"},
        {"example.com", {"example.com v=DMARC1; p=reject", "other.com !SERVFAIL"}, "",
         "pass other.com", "fail", "example.com p=reject", "--", "example.com com",
         "no aligned identifier: spf none, dkim pass for other.com"},
        /* a failed signature's alignment is only wanted, not needed */
        {"example.com", {"example.com v=DMARC1; p=reject", "com !SERVFAIL"}, "",
         "fail mail.example.com", "fail", "example.com p=reject", "--", "example.com com",
         "no aligned identifier: spf none, dkim fail for mail.example.com"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

static void test_errors_of_spf_and_dkim(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        /* what could not be checked might have passed */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "temperror example.com", "",
         "temperror", "example.com p=reject", "-", "example.com",
         "an aligned identifier could not be checked: spf temperror for example.com, "
         "no dkim signature"},
        {"example.com", {"example.com v=DMARC1; p=reject"}, "fail example.com",
         "temperror mail.example.com", "temperror", "example.com p=reject", "-y",
         "example.com com mail.example.com",
         "an aligned identifier could not be checked: spf fail for example.com, "
         "dkim temperror for mail.example.com"},
        {"example.com", {"example.com v=DMARC1; p=reject", "com !SERVFAIL"}, "",
         "temperror mail.example.com", "temperror", "example.com p=reject", "--", "example.com com",
         "TXT _dmarc.com: SERVFAIL"},
        /* not when something else passed */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "temperror example.com",
         "pass mail.example.com", "pass", "example.com p=reject", "-y",
         "example.com com mail.example.com", "aligned: dkim pass for mail.example.com"},
        {"example.com", {"example.com v=DMARC1; p=reject"}, "pass example.com",
         "temperror example.com", "pass", "example.com p=reject", "yy", "example.com",
         "aligned: spf pass for example.com"},
        /* not when it is a stranger's */
        {"example.com", {"example.com v=DMARC1; p=reject"}, "temperror esp.net",
         "temperror esp.net", "fail", "example.com p=reject", "--", "example.com",
         "no aligned identifier: spf temperror for esp.net, dkim temperror for esp.net"},
        {"example.com", {"example.com v=DMARC1; p=reject"}, "temperror esp.com", "", "fail",
         "example.com p=reject", "-", "example.com com",
         "no aligned identifier: spf temperror for esp.com, no dkim signature"},
        {"example.com", {"example.com v=DMARC1; p=reject; adkim=s"}, "",
         "temperror mail.example.com", "fail", "example.com p=reject", "--", "example.com",
         "no aligned identifier: spf none, dkim temperror for mail.example.com"},
        {"example.com", {"example.com v=DMARC1; p=reject"}, "temperror", "temperror", "fail",
         "example.com p=reject", "--", "example.com",
         "no aligned identifier: spf temperror, dkim temperror"},
        /* not when DMARC does not apply at all */
        {"example.com", {NULL}, "temperror example.com", "", "none", "", "-", "example.com com",
         "no DMARC record at example.com or its organizational domain"},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

/* NXDOMAIN at _dmarc.author, and the author itself cannot be asked. */
static void test_error_of_the_existence_check(void **state)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, arena);
    struct dmarc_result out;
    (void)state;
    fake_dns_add(dns, "_dmarc.example.com", DNS_TXT, "v=DMARC1; p=none; np=reject");
    fake_dns_fail(dns, "ghost.example.com", DNS_A, "SERVFAIL");
    fake_dns_add_nonexistent(dns, "_dmarc.ghost.example.com");
    dmarc_evaluate(session, arena, domain_parse(arena, BYTES("ghost.example.com")), NULL, NULL,
                   &out);
    assert_int_equal(out.result, AUTH_TEMPERROR);
    assert_string_equal(out.reason, "A ghost.example.com: SERVFAIL");
    assert_false(out.author_nonexistent);
    dns_session_free(session);
    arena_free(arena);
    fake_dns_free(dns);
}

/* ---- the parts of the result that the tables do not show ---- */

static void test_result_is_complete_and_outlives_the_session(void **state)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, arena);
    struct dmarc_result out;
    (void)state;
    fake_dns_add(dns, "_dmarc.example.com", DNS_TXT,
                 "v=DMARC1; p=none; np=quarantine; adkim=s; fo=1; rua=mailto:a@x; ruf=mailto:b@y");
    dmarc_evaluate(session, arena, domain_parse(arena, BYTES("ghost.example.com")), NULL, NULL,
                   &out);
    dns_session_free(session);
    fake_dns_free(dns);
    assert_int_equal(out.result, AUTH_FAIL);
    assert_true(out.author_nonexistent);
    assert_string_equal(out.organizational_domain.name, "example.com");
    assert_string_equal(out.policy_domain.name, "example.com");
    assert_true(out.has_record);
    assert_true(out.record.strict_dkim);
    assert_int_equal(out.record.fo, DMARC_FO_ANY);
    assert_int_equal(out.record.np, DMARC_POLICY_QUARANTINE);
    assert_int_equal(out.record.rua_count, 1);
    assert_true(bytes_equal(out.record.rua[0].text, BYTES("mailto:a@x")));
    assert_true(bytes_equal(out.record.ruf[0].text, BYTES("mailto:b@y")));
    assert_null(out.signature_aligned);
    assert_false(out.spf_aligned || out.dkim_aligned);
    arena_free(arena);
}

static void test_no_author_domain(void **state)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, arena);
    struct dmarc_result out;
    (void)state;
    dmarc_evaluate(session, arena, DOMAIN_NONE, NULL, NULL, &out);
    assert_int_equal(out.result, AUTH_PERMERROR);
    assert_string_equal(out.reason, "no author domain");
    assert_int_equal(fake_dns_asked_count(dns), 0);
    dns_session_free(session);
    arena_free(arena);
    fake_dns_free(dns);
}

/* A hostile message: many signatures, each under a deep name of its own. */
static void test_many_signatures_stay_within_the_budget(void **state)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session_limits limits = {60, 1000000, env.monotonic_us, env.clock};
    struct dns_session *session = dns_session_new(arena, env.resolver, &limits);
    struct dkim_signature signatures[100] = {0};
    struct dkim_results dkim = {signatures, 100, 0};
    struct dmarc_result out;
    (void)state;
    fake_dns_add(dns, "_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject");
    for (int i = 0; i < 100; i++) {
        signatures[i].result = AUTH_FAIL;
        signatures[i].domain =
            domain_parse(arena, bytes_of(arena_printf(arena, "a.b.c.d%d.example.com", i)));
    }
    dmarc_evaluate(session, arena, domain_parse(arena, BYTES("example.com")), NULL, &dkim, &out);
    assert_int_equal(out.result, AUTH_FAIL); /* signatures that failed cannot spoil it */
    assert_true(fake_dns_asked_count(dns) <= 60);
    for (int i = 0; i < 100; i++)
        signatures[i].result = AUTH_TEMPERROR;
    dmarc_evaluate(session, arena, domain_parse(arena, BYTES("example.com")), NULL, &dkim, &out);
    assert_int_equal(out.result, AUTH_TEMPERROR);
    assert_false(arena_failed(arena));
    dns_session_free(session);
    arena_free(arena);
    fake_dns_free(dns);
}

/* With slow DNS the time is that of the longest chain: the author's record, the
 * rest of its walk, the walks of the identifiers; not that of 14 answers. */
static void test_walks_run_in_parallel(void **state)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, arena);
    struct dkim_signature signatures[2] = {{.result = AUTH_PASS}, {.result = AUTH_PASS}};
    struct dkim_results dkim = {signatures, 2, 0};
    struct dmarc_result out;
    (void)state;
    fake_dns_add(dns, "_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject");
    signatures[0].domain = domain_parse(arena, BYTES("i.j.k.l.example.com"));
    signatures[1].domain = domain_parse(arena, BYTES("m.n.o.p.example.com"));
    fake_dns_set_delay(dns, 100);
    int64_t begin = env.monotonic_us(env.clock);
    dmarc_evaluate(session, arena, domain_parse(arena, BYTES("a.b.c.d.example.com")), NULL, &dkim,
                   &out);
    int64_t took = env.monotonic_us(env.clock) - begin;
    assert_int_equal(out.result, AUTH_PASS);
    assert_true(out.signature_aligned[0] && out.signature_aligned[1]);
    assert_int_equal(fake_dns_asked_count(dns), 14);
    if (took < 290000 || took > 900000 /* 14 in a row: 1.4 s */)
        fail_msg("took %lld us", (long long)took);
    dns_session_free(session);
    arena_free(arena);
    fake_dns_free(dns);
}

static void check_with_memory(const char *author, size_t limit)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *session_arena = arena_new(1 << 20), *arena = arena_new(limit);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, session_arena);
    struct dkim_signature signature = {.result = AUTH_PASS};
    struct dkim_results dkim = {&signature, 1, 0};
    struct dmarc_result out;
    fake_dns_add(dns, "_dmarc.example.com", DNS_TXT, "v=DMARC1; p=reject; rua=mailto:a@x");
    signature.domain = domain_parse(session_arena, BYTES("b.example.com"));
    dmarc_evaluate(session, arena, domain_parse(session_arena, bytes_of(author)), NULL, &dkim,
                   &out);
    assert_non_null(out.reason);
    if (arena_failed(arena))
        assert_true(out.result == AUTH_TEMPERROR || out.result == AUTH_PASS);
    else
        assert_int_equal(out.result, AUTH_PASS);
    dns_session_free(session);
    arena_free(arena);
    arena_free(session_arena);
    fake_dns_free(dns);
}

/* Wherever memory runs out there is a result with a reason, and it is no fail. */
static void test_out_of_memory(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 6000; limit += 16) {
        check_with_memory("a.example.com", limit);
        check_with_memory("example.com", limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_a_pass_counts),
        cmocka_unit_test(test_only_mail_from_is_an_identifier),
        cmocka_unit_test(test_strict_and_relaxed),
        cmocka_unit_test(test_walks_only_where_needed),
        cmocka_unit_test(test_which_record_applies),
        cmocka_unit_test(test_which_tag_applies),
        cmocka_unit_test(test_unusable_policies),
        cmocka_unit_test(test_test_mode),
        cmocka_unit_test(test_errors_of_policy_discovery),
        cmocka_unit_test(test_errors_of_alignment),
        cmocka_unit_test(test_errors_of_spf_and_dkim),
        cmocka_unit_test(test_error_of_the_existence_check),
        cmocka_unit_test(test_result_is_complete_and_outlives_the_session),
        cmocka_unit_test(test_no_author_domain),
        cmocka_unit_test(test_many_signatures_stay_within_the_budget),
        cmocka_unit_test(test_walks_run_in_parallel),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
