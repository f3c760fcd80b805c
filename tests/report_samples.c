/* report_samples.c - aggregate reports with everything in them; see report_samples.h. */
#include "report_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLES_MAX = 400,
    MANY_RECORDS = 10000,
    OUTPUT_MAX = 64 << 20, /* octets of XML */
    OVERLONG = 20000,      /* octets of the longest text */
};

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static char overlong[OVERLONG];

const struct bytes report_hostile_texts[] = {
    TEXT("]]></human_result></dkim><dkim>"),
    TEXT("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>&b;"),
    TEXT("&amp; &lt; &#0; &nosuch; &"),
    TEXT("\"'><x y=\"z\">"),
    TEXT("<!-- -- --> <?pi ?> <![CDATA[ ]]>"),
    TEXT("a\0b"),
    TEXT("\x01\x02\x07\x08\x0b\x0c\x0e\x1b[31m\x1f\x7f"),
    TEXT(" \t\r\n\r\n lines \r and \n blanks \t "),
    TEXT("Latin-1: B\xfc"
         "cher, cut: \xe2\x82"),
    TEXT("overlong \xc0\xaf\xe0\x80\xaf, surrogates \xed\xa0\x80\xed\xb0\x80, \xf5\x80\x80\x80"),
    TEXT("\xef\xbf\xbe\xef\xbf\xbf\xef\xb7\x90\xf0\x9f\xbf\xbf, \xef\xbb\xbf"
         "BOM"),
    TEXT("B\xc3\xbc"
         "cher \xe2\x82\xac \xf0\x9f\x93\xa7 \xe2\x80\xae"
         "rtl \xc2\x85 \xe2\x80\xa8"),
    TEXT("\xfe\xff\x80\xbf"),
    {overlong, OVERLONG},
};

const size_t report_hostile_text_count =
    sizeof(report_hostile_texts) / sizeof(*report_hostile_texts);

struct maker {
    struct arena *arena;
    struct report_sample *samples;
    size_t count;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "report_samples: %s\n", what);
    exit(1);
}

static struct bytes text_of(struct maker *maker, const char *format, int number)
{
    char text[64];
    snprintf(text, sizeof(text), format, number);
    return arena_bytes(maker->arena, bytes_of(text));
}

static void set_source(struct report_row *row, const char *address)
{
    must(ip_parse(bytes_of(address), &row->source), address);
}

/* A report with so many records, each a harmless one. */
static struct report_sample *add(struct maker *maker, const char *name, size_t rows)
{
    must(maker->count < SAMPLES_MAX, "too many");
    struct report_sample *sample = &maker->samples[maker->count++];
    *sample = (struct report_sample){
        .name = name,
        .head = {.org_name = BYTES("Example Org"),
                 .email = BYTES("dmarc@mx.example"),
                 .report_id = text_of(maker, "id%d", (int)maker->count),
                 .begin = 1795219200,
                 .end = 1795305599,
                 .policy = &sample->policy},
        .policy = {.domain = BYTES("example.com"), .p = DMARC_POLICY_REJECT, .fo = BYTES("0")},
        .rows = arena_array(maker->arena, rows, sizeof(struct report_row)),
        .counts = arena_array(maker->arena, rows, sizeof(int64_t)),
        .row_count = rows,
    };
    must(sample->rows && sample->counts, "out of memory");
    for (size_t i = 0; i < rows; i++) {
        sample->counts[i] = (int64_t)i + 1;
        sample->rows[i] = (struct report_row){.header_from = BYTES("example.com"),
                                              .envelope_from = BYTES("bounce.example.com"),
                                              .spf_domain = BYTES("bounce.example.com"),
                                              .spf_result = AUTH_PASS};
        set_source(&sample->rows[i], "192.0.2.1");
    }
    return sample;
}

static void add_signatures(struct maker *maker, struct report_row *row, size_t count)
{
    row->signatures = arena_array(maker->arena, count, sizeof(*row->signatures));
    must(row->signatures != NULL, "out of memory");
    row->signature_count = count;
    for (size_t i = 0; i < count; i++)
        row->signatures[i] = (struct report_signature){
            .domain = text_of(maker, "d%d.example", (int)i),
            .selector = text_of(maker, "s%d", (int)i),
            .result = i % 2 ? AUTH_FAIL : AUTH_PASS,
            .reason = i % 2 ? BYTES("body hash did not verify") : BYTES_EMPTY};
}

/* ---- the samples ---- */

static void add_smallest(struct maker *maker)
{
    add(maker, "smallest", 1);
}

/* Every SPF result beside every DKIM result; softfail is none of DKIM's. */
static void add_results(struct maker *maker)
{
    struct report_sample *sample = add(maker, "results", 64);
    for (size_t i = 0; i < 64; i++) {
        struct report_row *row = &sample->rows[i];
        enum auth_result dkim = (enum auth_result)(i / 8);
        add_signatures(maker, row, 1);
        row->spf_result = (enum auth_result)(i % 8);
        row->spf_reason = row->spf_result == AUTH_PASS ? BYTES_EMPTY : BYTES("an SPF reason");
        row->signatures[0].result = dkim == AUTH_SOFTFAIL ? AUTH_NONE : dkim;
        row->signatures[0].reason = dkim == AUTH_PASS ? BYTES_EMPTY : BYTES("a DKIM reason");
    }
}

/* Every disposition, alignment and set of reasons, with and without comments. */
static void add_evaluations(struct maker *maker)
{
    struct report_sample *sample = add(maker, "evaluations", (size_t)4 * 4 * 12);
    for (size_t i = 0; i < sample->row_count; i++) {
        struct report_row *row = &sample->rows[i];
        size_t reasons = i / 16; /* 0: none; 1 to 5: one; then several */
        row->disposition = (enum report_disposition)(i % 4);
        row->dkim_aligned = i / 4 % 2 != 0;
        row->spf_aligned = i / 8 % 2 != 0;
        row->reason_count = reasons < 6 ? reasons > 0 : reasons - 6 < 4 ? reasons - 5 : 4;
        for (size_t j = 0; j < row->reason_count; j++)
            row->reasons[j] = (struct report_reason){
                .type = (enum override)(OVERRIDE_LOCAL_POLICY + (reasons + j) % 5),
                .comment = (i + j) % 3 ? BYTES("the record says t=y") : BYTES_EMPTY};
    }
}

static void add_policies(struct maker *maker)
{
    static const struct bytes fo[] = {TEXT("0"), TEXT("1"), TEXT("d"), TEXT("s"), TEXT("1:d:s")};
    for (int p = DMARC_POLICY_UNSET; p <= DMARC_POLICY_REJECT; p++) {
        for (int i = 0; i < 25; i++) {
            struct report_policy *policy = &add(maker, "policy", 1)->policy;
            policy->p = (enum dmarc_policy)p;
            policy->sp = (enum dmarc_policy)(i % 5);
            policy->np = (enum dmarc_policy)(i / 5);
            policy->fo = fo[(p + i) % 5];
            policy->strict_dkim = i % 2;
            policy->strict_spf = i % 3 == 0;
            policy->testing = (p + i) % 4 == 0;
            policy->error = i % 6 ? BYTES_EMPTY : BYTES("sp has an unknown value");
        }
    }
}

static void add_sources(struct maker *maker)
{
    static const char *const addresses[] = {
        "0.0.0.0",
        "127.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "2001:db8:0:1:2:3:4:5",
        "2001:db8::7",
        "2001:db8:0:0:1:0:0:1",
        "::ffff:192.0.2.9",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    size_t count = sizeof(addresses) / sizeof(*addresses);
    struct report_sample *sample = add(maker, "sources", count);
    for (size_t i = 0; i < count; i++)
        set_source(&sample->rows[i], addresses[i]);
}

static void add_identifiers(struct maker *maker)
{
    struct report_sample *sample = add(maker, "identifiers", 4);
    sample->rows[0].envelope_from = BYTES_EMPTY; /* null reverse-path, HELO checked */
    sample->rows[0].spf_domain = BYTES("mail.example.com");
    sample->rows[1].envelope_from = BYTES_EMPTY; /* and nothing to check */
    sample->rows[1].spf_domain = BYTES_EMPTY;
    sample->rows[2].header_from = BYTES("xn--bcher-kva.example.com");
    sample->rows[3].header_from =
        BYTES("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
              "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
              "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc."
              "ddddddddddddddddddddddddddddddddddddddddddddddddd.example.com");
    for (size_t i = 2; i < 4; i++)
        sample->rows[i].envelope_from = sample->rows[i].spf_domain = sample->rows[i].header_from;
}

static void add_signature_counts(struct maker *maker)
{
    static const size_t counts[] = {0, 1, 2, 99, REPORT_SIGNATURES_MAX};
    struct report_sample *sample = add(maker, "signatures", 5);
    for (size_t i = 0; i < 5; i++)
        add_signatures(maker, &sample->rows[i], counts[i]);
}

static void add_numbers(struct maker *maker)
{
    struct report_sample *sample = add(maker, "numbers", 3);
    sample->counts[0] = 1;
    sample->counts[1] = INT64_C(4294967296);
    sample->counts[2] = INT64_C(1000000000000000);
    sample->head.begin = 0;
    sample->head.end = INT64_C(253402300799);
}

static void add_many(struct maker *maker)
{
    struct report_sample *sample = add(maker, "many", MANY_RECORDS);
    for (size_t i = 0; i < MANY_RECORDS; i++) {
        struct report_row *row = &sample->rows[i];
        row->source.octets[2] = (uint8_t)(i >> 8);
        row->source.octets[3] = (uint8_t)i;
        if (i % 100 == 0)
            add_signatures(maker, row, 3);
    }
}

static void add_utf8(struct maker *maker)
{
    struct report_sample *sample = add(maker, "utf8", 1);
    sample->head.org_name = BYTES("B\xc3\xbc"
                                  "cher \xe2\x82\xac \xf0\x9f\x93\xa7");
    sample->head.extra_contact_info = BYTES("https://b\xc3\xbc"
                                            "cher.example/\xe6\x97\xa5\xe6\x9c\xac");
    sample->policy.error = BYTES("r\xc3\xa9"
                                 "p\xc3\xa9t\xc3\xa9");
}

static void hostile_head(struct report_sample *sample, struct bytes text)
{
    sample->head.org_name = sample->head.email = text;
    sample->head.extra_contact_info = sample->head.report_id = text;
    sample->policy.domain = sample->policy.fo = sample->policy.error = text;
}

static void hostile_row(struct maker *maker, struct report_row *row, struct bytes text)
{
    add_signatures(maker, row, 1);
    row->signatures[0] = (struct report_signature){text, text, AUTH_FAIL, text};
    row->header_from = row->envelope_from = row->spf_domain = row->spf_reason = text;
    row->reason_count = 1;
    row->reasons[0] = (struct report_reason){OVERRIDE_OTHER, text};
}

/* In all places at once, and in each alone. */
static void add_hostile(struct maker *maker)
{
    for (size_t i = 0; i < report_hostile_text_count; i++) {
        struct bytes text = report_hostile_texts[i];
        struct report_sample *sample = add(maker, "hostile", 2);
        sample->hostile = true;
        hostile_head(sample, text);
        hostile_row(maker, &sample->rows[0], text);
        for (size_t place = 0; place < 8; place++) {
            sample = add(maker, "hostile-place", 1);
            sample->hostile = true;
            struct report_row *row = &sample->rows[0];
            add_signatures(maker, row, 1);
            row->reason_count = 1;
            row->reasons[0].type = OVERRIDE_OTHER;
            struct bytes *places[] = {&row->header_from,
                                      &row->envelope_from,
                                      &row->spf_domain,
                                      &row->spf_reason,
                                      &row->reasons[0].comment,
                                      &row->signatures[0].domain,
                                      &row->signatures[0].selector,
                                      &row->signatures[0].reason};
            *places[place] = text;
        }
    }
}

struct report_sample *report_samples(struct arena *arena, size_t *count)
{
    static void (*const makers[])(struct maker *) = {
        add_smallest, add_results,     add_evaluations,      add_policies,
        add_sources,  add_identifiers, add_signature_counts, add_numbers,
        add_many,     add_utf8,        add_hostile};
    struct maker maker = {.arena = arena,
                          .samples = arena_array(arena, SAMPLES_MAX, sizeof(*maker.samples))};
    must(maker.samples != NULL, "out of memory");
    for (size_t i = 0; i < OVERLONG; i++)
        overlong[i] = "<&x\xc3"[i % 4];
    for (size_t i = 0; i < sizeof(makers) / sizeof(*makers); i++)
        makers[i](&maker);
    must(!arena_failed(arena), "out of memory");
    *count = maker.count;
    return maker.samples;
}

bool report_sample_write(const struct report_sample *sample, enum report_format format,
                         void (*use)(void *context, struct bytes octets), void *context,
                         const char **why)
{
    struct bytes octets;
    struct report_writer *writer = report_writer_new(&sample->head, format, OUTPUT_MAX);
    must(writer != NULL, "out of memory");
    for (size_t i = 0; i < sample->row_count; i++)
        report_writer_record(writer, &sample->rows[i], sample->counts[i]);
    bool good = report_writer_finish(writer, &octets, why);
    if (good)
        use(context, octets);
    report_writer_free(writer);
    return good;
}
