/* test_dmarc_walk.c - the DNS Tree Walk and the Organizational Domain, RFC 9989 4.10. */
#include "dmarc.h"
#include "fake_dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS_MAX = 10 };

struct record {
    const char *name; /* without "_dmarc." */
    const char *text; /* TXT; "!cause": a temporary error; ">target": CNAME */
};

struct scene {
    const char *start;
    struct record records[RECORDS_MAX];
    const char *asked; /* names consumed, in order, without "_dmarc.", separated by blanks */
    const char *organizational;
    const char *public_suffix;
    const char *found; /* names with a record, longest first */
    const char *cause; /* NULL: no temporary error */
};

static void add_record(struct fake_dns *dns, const struct record *record)
{
    char name[300];
    snprintf(name, sizeof(name), "_dmarc.%s", record->name);
    if (record->text[0] == '!')
        fake_dns_fail(dns, name, DNS_TXT, record->text + 1);
    else if (record->text[0] == '>')
        fake_dns_add_cname(dns, name, record->text + 1);
    else
        fake_dns_add(dns, name, DNS_TXT, record->text);
}

/* Names that evaluation asked for, in order. */
static void names_consumed(const struct dns_session *session, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (const struct dns_lookup *l = dns_session_lookups(session); l; l = l->next) {
        if (l->used && l->type == DNS_TXT && bytes_starts_nocase(l->name, BYTES("_dmarc.")))
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? " " : "",
                                     (int)l->name.len - 7, l->name.data + 7);
    }
}

static void names_found(const struct dmarc_walk *walk, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < walk->found_count; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "",
                                 walk->found[i].domain.name);
}

static size_t words(const char *text)
{
    size_t count = text[0] != '\0';
    for (; *text; text++)
        count += *text == ' ';
    return count;
}

static void check_scene(const struct scene *scene, bool prefetch)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, arena);
    struct dmarc_walk walk;
    char text[4096];
    for (size_t i = 0; i < RECORDS_MAX && scene->records[i].name; i++)
        add_record(dns, &scene->records[i]);

    struct domain start = domain_parse(arena, bytes_of(scene->start));
    if (prefetch)
        dmarc_prefetch(session, start);
    dmarc_walk(session, arena, start, &walk);

    names_consumed(session, text, sizeof(text));
    assert_string_equal(text, scene->asked);
    assert_int_equal(walk.queries, words(scene->asked));
    assert_true(domain_equal(walk.start, start));
    names_found(&walk, text, sizeof(text));
    assert_string_equal(text, scene->found);
    assert_int_equal(walk.temporary_error, scene->cause != NULL);
    assert_string_equal(walk.cause ? walk.cause : "", scene->cause ? scene->cause : "");
    assert_string_equal(domain_text(walk.organizational), scene->organizational);
    assert_string_equal(domain_text(walk.public_suffix), scene->public_suffix);
    dns_session_free(session);
    arena_free(arena);
    fake_dns_free(dns);
}

static void check_scenes(const struct scene *scenes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_scene(&scenes[i], false);
        check_scene(&scenes[i], true);
    }
}

#define CHECK(scenes) check_scenes(scenes, sizeof(scenes) / sizeof((scenes)[0]))

static void test_how_far_it_goes(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        {"com", {{0}}, "com", "com", "", "", NULL},
        {"example.com", {{0}}, "example.com com", "example.com", "", "", NULL},
        /* 7 labels: 7 queries; 8: 8 */
        {"a.b.c.d.e.f.g", {{0}}, "a.b.c.d.e.f.g b.c.d.e.f.g c.d.e.f.g d.e.f.g e.f.g f.g g",
         "a.b.c.d.e.f.g", "", "", NULL},
        {"a.b.c.d.e.f.g.h", {{0}},
         "a.b.c.d.e.f.g.h b.c.d.e.f.g.h c.d.e.f.g.h d.e.f.g.h e.f.g.h f.g.h g.h h",
         "a.b.c.d.e.f.g.h", "", "", NULL},
        /* 9: still 8, the one with 8 labels is left out */
        {"z.a.b.c.d.e.f.g.h", {{"a.b.c.d.e.f.g.h", "v=DMARC1; p=reject"}},
         "z.a.b.c.d.e.f.g.h b.c.d.e.f.g.h c.d.e.f.g.h d.e.f.g.h e.f.g.h f.g.h g.h h",
         "z.a.b.c.d.e.f.g.h", "", "", NULL},
        /* the first record does not end it, and of several the shortest name counts */
        {"a.mail.example.com", {{"mail.example.com", "v=DMARC1; p=none"}, {"example.com",
         "v=DMARC1; p=none; psd=u"}}, "a.mail.example.com mail.example.com example.com com",
         "example.com", "", "mail.example.com example.com", NULL},
        /* psd=n ends it, also at the start */
        {"a.mail.example.com", {{"mail.example.com", "v=DMARC1; psd=n"}, {"example.com",
         "v=DMARC1; p=none"}}, "a.mail.example.com mail.example.com", "mail.example.com", "",
         "mail.example.com", NULL},
        {"mail.example.com", {{"mail.example.com", "v=DMARC1; psd=n"}, {"example.com",
         "v=DMARC1; p=none"}}, "mail.example.com", "mail.example.com", "", "mail.example.com",
         NULL},
        /* an unusable p= is still a record (4.10.1) */
        {"a.example.com", {{"example.com", "v=DMARC1; p=rejekt"}}, "a.example.com example.com com",
         "example.com", "", "example.com", NULL},
        /* a registry that forgot psd=y: the letter of 4.10.2 */
        {"victim.com", {{"com", "v=DMARC1; p=none"}}, "victim.com com", "com", "", "com", NULL},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

static void test_public_suffixes(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        /* one label below, with or without a record there */
        {"a.b.giant.bank.example", {{"bank.example", "v=DMARC1; p=reject; psd=y"},
         {"b.giant.bank.example", "v=DMARC1"}},
         "a.b.giant.bank.example b.giant.bank.example giant.bank.example bank.example",
         "giant.bank.example", "bank.example", "b.giant.bank.example bank.example", NULL},
        {"giant.bank.example", {{"bank.example", "v=DMARC1; p=reject; psd=y"}},
         "giant.bank.example bank.example", "giant.bank.example", "bank.example", "bank.example",
         NULL},
        /* the suffix itself is its own Organizational Domain */
        {"bank.example", {{"bank.example", "v=DMARC1; p=reject; psd=y"}, {"example",
         "v=DMARC1; p=none"}}, "bank.example", "bank.example", "", "bank.example", NULL},
        {"com", {{"com", "v=DMARC1; psd=y"}}, "com", "com", "", "com", NULL},
        /* psd=y at a name of seven labels: "one below" is the name that was jumped over */
        {"y.z.a.b.c.d.e.f.g", {{"a.b.c.d.e.f.g", "v=DMARC1; p=reject; psd=y"}},
         "y.z.a.b.c.d.e.f.g a.b.c.d.e.f.g", "z.a.b.c.d.e.f.g", "a.b.c.d.e.f.g", "a.b.c.d.e.f.g",
         NULL},
        /* psd=n below psd=y wins */
        {"a.giant.bank.example", {{"bank.example", "v=DMARC1; psd=y"}, {"a.giant.bank.example",
         "v=DMARC1; psd=n"}}, "a.giant.bank.example", "a.giant.bank.example", "",
         "a.giant.bank.example", NULL},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

static void test_what_counts_as_a_record(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        /* two at one name: neither counts, and the walk goes on */
        {"mail.example.com", {{"mail.example.com", "v=DMARC1; p=none"}, {"mail.example.com",
         "v=DMARC1; p=reject; psd=n"}, {"example.com", "v=DMARC1; p=reject"}},
         "mail.example.com example.com com", "example.com", "", "example.com", NULL},
        /* even when they are the same */
        {"example.com", {{"example.com", "v=DMARC1; p=none"}, {"example.com", "v=DMARC1; p=none"}},
         "example.com com", "example.com", "", "", NULL},
        /* other text beside it does not matter */
        {"example.com", {{"example.com", "v=spf1 -all"}, {"example.com", "v=DMARC1; psd=n"},
         {"example.com", "v=dmarc1; p=none"}, {"example.com", ""}}, "example.com", "example.com",
         "", "example.com", NULL},
        {"example.com", {{"example.com", "hello"}}, "example.com com", "example.com", "", "", NULL},
        /* a CNAME is followed */
        {"example.com", {{"example.com", ">hosted.dmarc.example.net"}, {"com", "v=DMARC1; psd=y"}},
         "example.com com", "example.com", "com", "com", NULL},
        {"a.example.com", {{"example.com", ">_dmarc.provider.example"}, {"provider.example",
         "v=DMARC1; psd=n"}}, "a.example.com example.com", "example.com", "", "example.com", NULL},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

static void test_errors(void **state)
{
    /* clang-format off */
    static const struct scene scenes[] = {
        /* before the stop: the walk has no result */
        {"a.example.com", {{"example.com", "!SERVFAIL"}, {"com", "v=DMARC1; psd=y"}},
         "a.example.com example.com", "", "", "", "TXT _dmarc.example.com: SERVFAIL"},
        {"a.example.com", {{"a.example.com", "!time-out"}, {"example.com", "v=DMARC1"}},
         "a.example.com", "", "", "", "TXT _dmarc.a.example.com: time-out"},
        {"a.example.com", {{"example.com", "v=DMARC1"}, {"com", "!REFUSED"}},
         "a.example.com example.com com", "", "", "example.com", "TXT _dmarc.com: REFUSED"},
        /* beyond it: nobody needs to know */
        {"a.example.com", {{"example.com", "v=DMARC1; psd=n"}, {"com", "!SERVFAIL"}},
         "a.example.com example.com", "example.com", "", "example.com", NULL},
        /* at a name that is jumped over: never asked */
        {"z.a.b.c.d.e.f.g.h", {{"a.b.c.d.e.f.g.h", "!SERVFAIL"}, {"b.c.d.e.f.g.h",
         "v=DMARC1; psd=n"}}, "z.a.b.c.d.e.f.g.h b.c.d.e.f.g.h", "b.c.d.e.f.g.h", "",
         "b.c.d.e.f.g.h", NULL},
    };
    /* clang-format on */
    (void)state;
    CHECK(scenes);
}

/* The longest names that there are: 127 labels, and 253 octets. With "_dmarc."
 * before them they are no DNS names any more, so nothing can be there. */
static void test_longest_names(void **state)
{
    char many[254], wide[254];
    (void)state;
    for (int i = 0; i < 253; i++)
        many[i] = i % 2 ? '.' : 'a';
    memset(wide, 'w', sizeof(wide));
    wide[63] = wide[127] = wide[191] = '.';
    many[253] = wide[253] = '\0';
    const struct scene scenes[] = {
        {many,
         {{"a.a.a.a.a", "v=DMARC1; p=none"}},
         "a.a.a.a.a.a.a a.a.a.a.a.a a.a.a.a.a a.a.a.a a.a.a a.a a",
         "a.a.a.a.a",
         "",
         "a.a.a.a.a",
         NULL},
        {wide, {{wide + 64, "v=DMARC1; psd=n"}}, wide + 64, wide + 64, "", wide + 64, NULL},
    };
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    for (size_t i = 0; i < 2; i++) {
        struct dns_session *session = fake_session(&env, arena);
        struct dmarc_walk walk;
        char text[4096];
        add_record(dns, &scenes[i].records[0]);
        dmarc_prefetch(session, domain_parse(arena, bytes_of(scenes[i].start)));
        dmarc_walk(session, arena, domain_parse(arena, bytes_of(scenes[i].start)), &walk);
        names_consumed(session, text, sizeof(text));
        assert_string_equal(text, scenes[i].asked);
        assert_int_equal(walk.queries, 1 + words(scenes[i].asked));
        assert_string_equal(walk.organizational.name, scenes[i].organizational);
        dns_session_free(session);
    }
    arena_free(arena);
    fake_dns_free(dns);
}

static void test_records_carry_their_tags_and_uris(void **state)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    (void)state;
    fake_dns_add(dns, "_dmarc.example.com", DNS_TXT,
                 "v=DMARC1; p=reject; rua=mailto:a@x,mailto:b@x; ruf=mailto:c@x; fo=1");
    struct dns_session *session = fake_session(&env, arena);
    for (int round = 0; round < 2; round++) { /* the second finds the parsed record kept */
        struct dmarc_walk walk;
        dmarc_walk(session, arena, domain_parse(arena, BYTES("example.com")), &walk);
        assert_int_equal(walk.found_count, 1);
        const struct dmarc_record *record = &walk.found[0].record;
        assert_int_equal(record->p, DMARC_POLICY_REJECT);
        assert_int_equal(record->fo, DMARC_FO_ANY);
        assert_int_equal(record->rua_count, 2);
        assert_true(bytes_equal(record->rua[1].text, BYTES("mailto:b@x")));
        assert_int_equal(record->ruf_count, 1);
        assert_true(bytes_equal(record->ruf[0].text, BYTES("mailto:c@x")));
    }
    assert_int_equal(fake_dns_asked_count(dns), 2);
    dns_session_free(session);
    arena_free(arena);
    fake_dns_free(dns);
}

/* All names are asked at once: eight slow answers cost the time of one. */
static void test_prefetch_runs_in_parallel(void **state)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session *session = fake_session(&env, arena);
    struct domain start = domain_parse(arena, BYTES("z.a.b.c.d.e.f.g.h"));
    struct dmarc_walk walk;
    (void)state;
    fake_dns_set_delay(dns, 100);
    dmarc_prefetch(session, start);
    assert_int_equal(fake_dns_asked_count(dns), 8);
    int64_t begin = env.monotonic_us(env.clock);
    dmarc_walk(session, arena, start, &walk);
    int64_t took = env.monotonic_us(env.clock) - begin;
    assert_int_equal(walk.queries, 8);
    assert_false(walk.temporary_error);
    assert_int_equal(fake_dns_asked_count(dns), 8);
    assert_true(took < 600000);
    dns_session_free(session);
    arena_free(arena);
    fake_dns_free(dns);
}

/* Does the author exist? Asked ahead only where np= may want to know. */
static void test_existence_is_asked_ahead(void **state)
{
    static const struct {
        const char *title;
        struct record record;
        const char *exists; /* a name below "_dmarc.ghost.example.com"; NULL: none */
        bool asked;
    } rows[] = {
        {"np above", {"example.com", "v=DMARC1; p=none; np=reject"}, NULL, true},
        {"np far above", {"com", "v=DMARC1; p=none; np=none; psd=y"}, NULL, true},
        {"no np", {"example.com", "v=DMARC1; p=reject; sp=none"}, NULL, false},
        {"no record", {"example.com", "v=spf1 -all"}, NULL, false},
        {"author's own record", {"ghost.example.com", "v=DMARC1; p=none; np=reject"}, NULL, false},
        {"lookup fails", {"ghost.example.com", "!SERVFAIL"}, NULL, false},
        {"author is known to exist",
         {"example.com", "v=DMARC1; p=none; np=reject"},
         "a._dmarc.ghost.example.com",
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fake_dns *dns = fake_dns_new();
        struct arena *arena = arena_new(1 << 20);
        struct policy_env env = fake_env(dns, 0);
        struct dns_session *session = fake_session(&env, arena);
        struct domain author = domain_parse(arena, BYTES("ghost.example.com"));
        add_record(dns, &rows[i].record);
        if (rows[i].exists)
            fake_dns_add_name(dns, rows[i].exists);
        dmarc_prefetch_existence(session, author); /* nothing is known yet: nothing is asked */
        assert_int_equal(fake_dns_asked_count(dns), 0);
        dmarc_prefetch(session, author);
        fake_dns_forget(dns);
        dmarc_prefetch_existence(session, author);
        bool asked = fake_dns_asked_count(dns) == 1 &&
                     strcmp(fake_dns_asked(dns, 0), "A ghost.example.com") == 0;
        if (asked != rows[i].asked || fake_dns_asked_count(dns) != rows[i].asked)
            fail_msg("%s: %zu lookups", rows[i].title, fake_dns_asked_count(dns));
        dns_session_free(session);
        arena_free(arena);
        fake_dns_free(dns);
    }
}

static void test_budget_and_deadline_are_temporary_errors(void **state)
{
    struct fake_dns *dns = fake_dns_new();
    struct arena *arena = arena_new(1 << 20);
    struct policy_env env = fake_env(dns, 0);
    struct dns_session_limits limits = {2, 1000000, env.monotonic_us, env.clock};
    struct dns_session *session = dns_session_new(arena, env.resolver, &limits);
    struct domain start = domain_parse(arena, BYTES("a.b.example.com"));
    struct dmarc_walk walk;
    (void)state;
    dmarc_walk(session, arena, start, &walk);
    assert_true(walk.temporary_error);
    assert_string_equal(walk.cause, "TXT _dmarc.example.com: over the budget of DNS queries");
    dns_session_free(session);

    fake_dns_set_delay(dns, 5000);
    session = fake_session(&env, arena);
    dns_session_set_deadline(session, env.monotonic_us(env.clock) + 1000);
    dmarc_walk(session, arena, start, &walk);
    assert_true(walk.temporary_error);
    assert_string_equal(walk.cause, "TXT _dmarc.a.b.example.com: message deadline exceeded");
    dns_session_free(session);
    arena_free(arena);
    fake_dns_free(dns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_far_it_goes),
        cmocka_unit_test(test_public_suffixes),
        cmocka_unit_test(test_what_counts_as_a_record),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_longest_names),
        cmocka_unit_test(test_records_carry_their_tags_and_uris),
        cmocka_unit_test(test_prefetch_runs_in_parallel),
        cmocka_unit_test(test_existence_is_asked_ahead),
        cmocka_unit_test(test_budget_and_deadline_are_temporary_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
