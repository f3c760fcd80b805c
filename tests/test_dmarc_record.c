/* test_dmarc_record.c - the DMARC record, RFC 9989 4.7 and 4.8. */
#include "bounds.h"
#include "dmarc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A record in one line, so that tables can be compared as text. Defaults are
 * left out: "p=reject sp=? np=none psd=y adkim=s aspf=s t=y fo=1d rua=a,b ruf=c". */
static void describe(const struct dmarc_record *record, char *out, size_t size)
{
    static const char *const policies[] = {"", "?", "none", "quarantine", "reject"};
    size_t used = 0;
#define ADD(...) used += (size_t)snprintf(out + used, size - used, __VA_ARGS__)
    out[0] = '\0';
    if (record->p)
        ADD(" p=%s", policies[record->p]);
    if (record->sp)
        ADD(" sp=%s", policies[record->sp]);
    if (record->np)
        ADD(" np=%s", policies[record->np]);
    if (record->psd)
        ADD(" psd=%s", record->psd == DMARC_PSD_YES ? "y" : "n");
    if (record->strict_dkim)
        ADD(" adkim=s");
    if (record->strict_spf)
        ADD(" aspf=s");
    if (record->testing)
        ADD(" t=y");
    if (record->fo != DMARC_FO_ALL)
        ADD(" fo=%s%s%s%s", record->fo & DMARC_FO_ALL ? "0" : "",
            record->fo & DMARC_FO_ANY ? "1" : "", record->fo & DMARC_FO_DKIM ? "d" : "",
            record->fo & DMARC_FO_SPF ? "s" : "");
    for (size_t i = 0; i < record->rua_count; i++)
        ADD("%s%.*s", i ? "," : " rua=", BYTES_ARGS(record->rua[i].text));
    for (size_t i = 0; i < record->ruf_count; i++)
        ADD("%s%.*s", i ? "," : " ruf=", BYTES_ARGS(record->ruf[i].text));
#undef ADD
}

struct row {
    const char *text;
    const char *expected; /* NULL: no DMARC record; else describe() without the first space */
    const char *problem;  /* NULL: none */
};

/* The text is handed over in a block of exactly its size, so that the
 * sanitizer sees a read beyond it; and it is gone when the record is looked at. */
static void check_row(const struct row *row)
{
    struct arena *arena = arena_new(1 << 20);
    size_t len = strlen(row->text);
    char *text = malloc(len ? len : 1);
    struct dmarc_record record;
    char seen[4096];
    memcpy(text, row->text, len);
    bool is_record = dmarc_record_parse(arena, (struct bytes){text, len}, &record);
    memset(text, 'x', len);
    free(text);
    if (is_record != (row->expected != NULL))
        fail_msg("\"%s\": %s", row->text, is_record ? "taken for a record" : "not taken");
    if (is_record) {
        describe(&record, seen, sizeof(seen));
        if (strcmp(seen[0] ? seen + 1 : seen, row->expected) != 0)
            fail_msg("\"%s\": \"%s\" instead of \"%s\"", row->text, seen + 1, row->expected);
        const char *problem = record.problem ? record.problem : "";
        if (strcmp(problem, row->problem ? row->problem : "") != 0)
            fail_msg("\"%s\": problem \"%s\"", row->text, problem);
    }
    assert_false(arena_failed(arena));
    arena_free(arena);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i]);
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_version_decides_what_a_record_is(void **state)
{
    static const struct row rows[] = {
        {"v=DMARC1", "", "p= is missing"},
        {"v=DMARC1;", "", "p= is missing"},
        {"v=DMARC1; p=none", "p=none", NULL},
        {"v = DMARC1 ; p = reject", "p=reject", NULL},
        {"v\t=\tDMARC1\t;\tp\t=\treject\t;\t", "p=reject", NULL},
        {"V=DMARC1; p=reject", "p=reject", NULL}, /* "v" is a literal of the ABNF: no case */
        {" v=DMARC1; p=reject", "p=reject", "white space before v="},
        {"v=dmarc1; p=none", NULL, NULL},
        {"v=Dmarc1; p=none", NULL, NULL},
        {"v=DMARC1.0; p=none", NULL, NULL},
        {"v=DMARC1 p=reject", NULL, NULL},
        {"v=DMARC12; p=reject", NULL, NULL},
        {"v=DMARC; p=reject", NULL, NULL},
        {"v=; p=reject", NULL, NULL},
        {"v; p=reject", NULL, NULL},
        {"p=none; v=DMARC1", NULL, NULL},
        {"; v=DMARC1; p=none", NULL, NULL},
        {"x=y; v=DMARC1; p=none", NULL, NULL},
        {"\"v=DMARC1\"; p=none", NULL, NULL},
        {"v=spf1 -all", NULL, NULL},
        {"", NULL, NULL},
        {" ", NULL, NULL},
        {";", NULL, NULL},
    };
    (void)state;
    CHECK(rows);
}

static void test_policies(void **state)
{
    static const struct row rows[] = {
        {"v=DMARC1; p=Reject; sp=QUARANTINE; np=None", "p=reject sp=quarantine np=none", NULL},
        {"v=DMARC1; np=reject; sp=none; p=quarantine", "p=quarantine sp=none np=reject", NULL},
        {"v=DMARC1; p=rejekt", "p=?", "p= has an unknown value"},
        {"v=DMARC1; p=reject all", "p=?", "p= has an unknown value"},
        {"v=DMARC1; p=n", "p=?", "p= has an unknown value"},
        {"v=DMARC1; p=", "p=?", "p= has an unknown value"},
        {"v=DMARC1; p=r\xc3\xa9ject", "p=?", "p= has an unknown value"},
        {"v=DMARC1; p=reject; sp=", "p=reject sp=?", "sp= has an unknown value"},
        {"v=DMARC1; p=reject; sp=bogus", "p=reject sp=?", "sp= has an unknown value"},
        {"v=DMARC1; p=reject; np=bad", "p=reject np=?", "np= has an unknown value"},
        {"v=DMARC1; p==reject", "p=?", "p= has an unknown value"},
        {"v=DMARC1; sp=none", "sp=none", "p= is missing"},
    };
    (void)state;
    CHECK(rows);
}

static void test_other_tags_fall_back_to_their_default(void **state)
{
    static const struct row rows[] = {
        {"v=DMARC1; p=none; adkim=s; aspf=S", "p=none adkim=s aspf=s", NULL},
        {"v=DMARC1; p=none; adkim=r; aspf=R", "p=none", NULL},
        {"v=DMARC1; p=quarantine; adkim=x; aspf=s", "p=quarantine aspf=s",
         "adkim= has an unknown value"},
        {"v=DMARC1; p=none; aspf=strict", "p=none", "aspf= has an unknown value"},
        {"v=DMARC1; p=none; t=Y", "p=none t=y", NULL},
        {"v=DMARC1; p=none; t=n", "p=none", NULL},
        {"v=DMARC1; p=none; t=yes", "p=none", "t= has an unknown value"},
        {"v=DMARC1; p=none; psd=Y", "p=none psd=y", NULL},
        {"v=DMARC1; p=none; psd=n", "p=none psd=n", NULL},
        {"v=DMARC1; p=none; psd=u", "p=none", NULL},
        {"v=DMARC1; p=none; psd=x", "p=none", "psd= has an unknown value"},
    };
    (void)state;
    CHECK(rows);
}

static void test_unknown_malformed_and_repeated_tags(void **state)
{
    static const struct row rows[] = {
        /* removed from the registry: like any unknown tag */
        {"v=DMARC1; p=reject; pct=0; rf=afrf; ri=3600", "p=reject", NULL},
        {"v=DMARC1; p=reject; xyz=foo; x_1=", "p=reject", NULL},
        {"v=DMARC1; p=reject;; ;", "p=reject", NULL},
        {"v=DMARC1; p", "", "malformed tag"},
        {"v=DMARC1; p reject; sp=none", "sp=none", "malformed tag"},
        {"v=DMARC1; =; p=reject", "p=reject", NULL},
        {"v=DMARC1; 9=1; p=reject", "p=reject", "malformed tag"},
        {"v=DMARC1; sp=no\001ne; p=reject", "p=reject", "malformed tag"},
        {"v=DMARC1; p=reject; p=none", "p=reject", "tag appears twice"},
        {"v=DMARC1; p=bogus; p=none", "p=?", "p= has an unknown value"},
        {"v=DMARC1; p=none; v=DMARC2", "p=none", NULL},
        {"v=DMARC1; P=reject", "", "tag name in upper case, ignored"},
        {"v=DMARC1; P=reject; p=none", "p=none", "tag name in upper case, ignored"},
    };
    (void)state;
    CHECK(rows);
}

static void test_failure_options(void **state)
{
    static const struct row rows[] = {
        {"v=DMARC1; p=none; fo=0", "p=none", NULL},
        {"v=DMARC1; p=none; fo=1", "p=none fo=1", NULL},
        {"v=DMARC1; p=none; fo=d:s", "p=none fo=ds", NULL},
        {"v=DMARC1; p=none; fo=s : D", "p=none fo=ds", NULL},
        {"v=DMARC1; p=none; fo=1:d:s", "p=none fo=1ds", NULL},
        {"v=DMARC1; p=none; fo=d:0", "p=none fo=0d", NULL},
        {"v=DMARC1; p=none; fo=0:1", "p=none", "fo= has both 0 and 1"},
        {"v=DMARC1; p=none; fo=d:d", "p=none", "fo= is malformed"},
        {"v=DMARC1; p=none; fo=d:", "p=none", "fo= is malformed"},
        {"v=DMARC1; p=none; fo=", "p=none", "fo= is malformed"},
        {"v=DMARC1; p=none; fo=x", "p=none", "fo= is malformed"},
        {"v=DMARC1; p=none; fo=ds", "p=none", "fo= is malformed"},
    };
    (void)state;
    CHECK(rows);
}

static void test_report_uris(void **state)
{
    static const struct row rows[] = {
        {"v=DMARC1; p=none; rua=mailto:a@example.com , https://x.example/r?d=1#f",
         "p=none rua=mailto:a@example.com,https://x.example/r?d=1#f", NULL},
        {"v=DMARC1; p=none; ruf=MAILTO:a@example.com; rua=x-new+1.2:z",
         "p=none rua=x-new+1.2:z ruf=MAILTO:a@example.com", NULL},
        /* obs-dmarc-report-size: taken off and forgotten */
        {"v=DMARC1; p=none; rua=mailto:a@example.com!10m,https://x/",
         "p=none rua=mailto:a@example.com,https://x/", NULL},
        {"v=DMARC1; p=none; rua=mailto:a@example.com!10,mailto:b@example.com ! 2 G",
         "p=none rua=mailto:a@example.com,mailto:b@example.com", NULL},
        {"v=DMARC1; p=none; rua=mailto:a%21b%2Cc@example.com,x:%0a",
         "p=none rua=mailto:a%21b%2Cc@example.com,x:%0a", NULL},
        /* an invalid one is ignored, the others stay */
        {"v=DMARC1; p=none; rua=a@example.com,mailto:b@example.com",
         "p=none rua=mailto:b@example.com", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=__mailto:a@example.com", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=:a@example.com", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:a b@example.com", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:a!b@example.com", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:a@example.com!10x", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:a@example.com!", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:%4", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:%zz@x", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:\xc3\xa9@x", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:a<b>@x", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=", "p=none", "rua= holds an invalid URI"},
        {"v=DMARC1; p=none; rua=mailto:a@x,", "p=none rua=mailto:a@x", "rua= holds an invalid URI"},
    };
    (void)state;
    CHECK(rows);
}

static void test_octets_without_meaning_are_no_danger(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct dmarc_record record;
    (void)state;
    assert_true(dmarc_record_parse(arena, BYTES("v=DMARC1; p=reject\0; rua=\0"), &record));
    assert_int_equal(record.p, DMARC_POLICY_UNSET);
    assert_false(dmarc_record_parse(arena, BYTES("v=DMARC1\0; p=reject"), &record));
    assert_false(dmarc_record_parse(arena, BYTES("\0v=DMARC1; p=reject"), &record));
    assert_true(dmarc_record_parse(arena, BYTES("v=DMARC1; p=none; rua=mailto:a\0b"), &record));
    assert_int_equal(record.rua_count, 0);
    arena_free(arena);
}

static void test_no_record_grows_without_bound(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    struct dmarc_record record;
    char text[DMARC_RECORD_MAX + 2];
    size_t used;
    (void)state;

    used = (size_t)sprintf(text, "v=DMARC1;p=none;rua=");
    for (int i = 0; i < 51; i++)
        used += (size_t)sprintf(text + used, "%smailto:%d@x", i ? "," : "", i);
    assert_true(dmarc_record_parse(arena, (struct bytes){text, used}, &record));
    assert_int_equal(record.rua_count, 50);
    assert_memory_equal(record.rua[49].text.data, "mailto:49@x", 11);
    assert_string_equal(record.problem, "too many report addresses");

    memset(text, ';', sizeof(text));
    memcpy(text, "v=DMARC1;p=reject", 17);
    assert_true(dmarc_record_parse(arena, (struct bytes){text, DMARC_RECORD_MAX}, &record));
    assert_int_equal(record.p, DMARC_POLICY_REJECT);
    assert_true(dmarc_record_parse(arena, (struct bytes){text, DMARC_RECORD_MAX + 1}, &record));
    assert_int_equal(record.p, DMARC_POLICY_UNSET);
    assert_string_equal(record.problem, "record is too long");
    arena_free(arena);
}

/* Every cut of a full record, and every octet of it changed, in turn. */
static void test_damaged_records_have_a_result(void **state)
{
    static const char full[] = "v=DMARC1; p=reject; sp=none; np=none; adkim=s; aspf=s; t=y; psd=n; "
                               "fo=1:d:s; rua=mailto:a%20b@x!10m,https://x/; ruf=mailto:c@x";
    static const char octets[] = {'\0', ';', '=', '%', ',', '!', ' ', '\n', '\x80', 'a'};
    struct arena *arena = arena_new(1 << 24);
    (void)state;
    for (size_t len = 0; len < sizeof(full); len++) {
        char *text = malloc(len ? len : 1);
        struct dmarc_record record;
        memcpy(text, full, len);
        assert_int_equal(dmarc_record_parse(arena, (struct bytes){text, len}, &record), len >= 8);
        for (size_t i = 0; i < len; i++) {
            for (size_t j = 0; j < sizeof(octets); j++) {
                text[i] = octets[j];
                bool is_record = dmarc_record_parse(arena, (struct bytes){text, len}, &record);
                if (is_record)
                    assert_true(record.rua_count <= 3 && record.ruf_count <= 2 && record.fo != 0);
            }
            text[i] = full[i];
        }
        free(text);
        arena_reset(arena);
    }
    arena_free(arena);
}

static void test_out_of_memory_leaves_a_record_without_uris(void **state)
{
    struct arena *arena = arena_new(8);
    struct dmarc_record record;
    (void)state;
    assert_true(dmarc_record_parse(arena, BYTES("v=DMARC1; p=reject; rua=mailto:a@x"), &record));
    assert_int_equal(record.p, DMARC_POLICY_REJECT);
    assert_int_equal(record.rua_count, 0);
    assert_true(arena_failed(arena));
    arena_free(arena);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(dmarc_policy_name(DMARC_POLICY_NONE), "none");
    assert_string_equal(dmarc_policy_name(DMARC_POLICY_QUARANTINE), "quarantine");
    assert_string_equal(dmarc_policy_name(DMARC_POLICY_REJECT), "reject");
    assert_string_equal(dmarc_policy_name(DMARC_POLICY_UNSET), "");
    assert_string_equal(dmarc_policy_name(DMARC_POLICY_INVALID), "");
    assert_string_equal(dmarc_tag_name(DMARC_TAG_P), "p");
    assert_string_equal(dmarc_tag_name(DMARC_TAG_SP), "sp");
    assert_string_equal(dmarc_tag_name(DMARC_TAG_NP), "np");
    assert_string_equal(dmarc_tag_name(DMARC_TAG_NONE), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_decides_what_a_record_is),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_other_tags_fall_back_to_their_default),
        cmocka_unit_test(test_unknown_malformed_and_repeated_tags),
        cmocka_unit_test(test_failure_options),
        cmocka_unit_test(test_report_uris),
        cmocka_unit_test(test_octets_without_meaning_are_no_danger),
        cmocka_unit_test(test_no_record_grows_without_bound),
        cmocka_unit_test(test_damaged_records_have_a_result),
        cmocka_unit_test(test_out_of_memory_leaves_a_record_without_uris),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
