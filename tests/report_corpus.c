/* report_corpus.c - writes the reports of report_samples.c, and mails, for others to judge.
 *
 *   report_corpus DIRECTORY KEYDIRECTORY
 *
 * For each report N: N.xml, N.xml.gz and N.json; for each mail N.eml, signed as dmarc@mx.example
 * with the keys of KEYDIRECTORY, its attachment N.body, and N.json. The JSON says what should be
 * found in them; texts are octets in base64. tests/conformance/crosscheck_report.py judges.
 * Exit code 0; 1 and a line on standard error when something cannot be made.
 */
#include "report_samples.h"

#include "base64.h"
#include "dkim.h"
#include "key_store.h"
#include "report_mail.h"
#include "sign_harness.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATH_OCTETS = 4096, MAIL_OCTETS = 32 << 20, LARGE_BODY = 1 << 20 };

static const char *directory;
static unsigned number; /* of the report or mail at hand */

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "report_corpus: %s: %s\n", what, why);
    exit(1);
}

static void write_file(const char *name, const char *ending, struct bytes octets)
{
    char path[PATH_OCTETS];
    snprintf(path, sizeof(path), "%s/%04u-%s%s", directory, number, name, ending);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(octets.data, 1, octets.len, file) != octets.len || fclose(file) != 0)
        fail(path, "cannot be written");
}

/* ---- what should be found ---- */

static json_t *text_json(struct bytes text)
{
    struct arena *arena = arena_new(MAIL_OCTETS);
    struct strbuf buf;
    strbuf_init(&buf, arena);
    base64_encode(&buf, (const uint8_t *)text.data, text.len);
    json_t *json = json_string(strbuf_string(&buf));
    arena_free(arena);
    return json;
}

/* As the XSD has it: no word for what is not there. */
static json_t *policy_json(enum dmarc_policy policy)
{
    return policy < DMARC_POLICY_NONE ? json_null() : json_string(dmarc_policy_name(policy));
}

static json_t *head_json(const struct report_head *head)
{
    const struct report_policy *policy = head->policy;
    enum dmarc_policy p = policy->p < DMARC_POLICY_NONE ? DMARC_POLICY_NONE : policy->p;
    return json_pack("{so so so so sI sI so so so so so so ss ss ss}", "org_name",
                     text_json(head->org_name), "email", text_json(head->email),
                     "extra_contact_info", text_json(head->extra_contact_info), "report_id",
                     text_json(head->report_id), "begin", (json_int_t)head->begin, "end",
                     (json_int_t)head->end, "error", text_json(policy->error), "domain",
                     text_json(policy->domain), "p", policy_json(p), "sp", policy_json(policy->sp),
                     "np", policy_json(policy->np), "fo", text_json(policy->fo), "adkim",
                     policy->strict_dkim ? "s" : "r", "aspf", policy->strict_spf ? "s" : "r",
                     "testing", policy->testing ? "y" : "n");
}

static json_t *row_json(const struct report_row *row, int64_t count)
{
    char address[IP_TEXT_MAX];
    json_t *reasons = json_array(), *dkim = json_array();
    for (size_t i = 0; i < row->reason_count; i++)
        json_array_append_new(reasons,
                              json_pack("{ss so}", "type", override_name(row->reasons[i].type),
                                        "comment", text_json(row->reasons[i].comment)));
    for (size_t i = 0; i < row->signature_count; i++)
        json_array_append_new(
            dkim, json_pack("{so so ss so}", "domain", text_json(row->signatures[i].domain),
                            "selector", text_json(row->signatures[i].selector), "result",
                            auth_result_name(row->signatures[i].result), "human_result",
                            text_json(row->signatures[i].reason)));
    json_t *spf = json_null();
    if (row->spf_domain.len)
        spf = json_pack("{so ss so}", "domain", text_json(row->spf_domain), "result",
                        auth_result_name(row->spf_result), "human_result",
                        text_json(row->spf_reason));
    return json_pack(
        "{ss sI ss ss ss so so so so so}", "source_ip", ip_format(&row->source, address), "count",
        (json_int_t)count, "disposition", report_disposition_name(row->disposition), "dkim",
        row->dkim_aligned ? "pass" : "fail", "spf", row->spf_aligned ? "pass" : "fail", "reasons",
        reasons, "header_from", text_json(row->header_from), "envelope_from",
        text_json(row->envelope_from), "dkim_results", dkim, "spf_result", spf);
}

static void write_json(const char *name, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    if (!text)
        fail(name, "no JSON");
    write_file(name, ".json", bytes_of(text));
    free(text);
    json_decref(json);
}

/* ---- reports ---- */

static void write_xml(void *context, struct bytes octets)
{
    write_file(((const struct report_sample *)context)->name, ".xml", octets);
}

static void write_gzip(void *context, struct bytes octets)
{
    write_file(((const struct report_sample *)context)->name, ".xml.gz", octets);
}

static void write_sample(struct report_sample *sample)
{
    const char *why;
    json_t *records = json_array();
    number++;
    if (!report_sample_write(sample, REPORT_XML, write_xml, sample, &why) ||
        !report_sample_write(sample, REPORT_XML_GZIP, write_gzip, sample, &why))
        fail(sample->name, why);
    for (size_t i = 0; i < sample->row_count; i++)
        json_array_append_new(records, row_json(&sample->rows[i], sample->counts[i]));
    write_json(sample->name,
               json_pack("{so so}", "head", head_json(&sample->head), "records", records));
}

static void write_samples(void)
{
    size_t count;
    struct arena *arena = arena_new(REPORT_SAMPLES_ARENA);
    struct report_sample *samples = report_samples(arena, &count);
    for (size_t i = 0; i < count; i++)
        write_sample(&samples[i]);
    printf("%zu reports\n", count);
    arena_free(arena);
}

/* ---- mails ---- */

struct mailer {
    struct policy_env env;
    struct signing_settings settings;
    unsigned count;
};

static json_t *mail_json(struct arena *arena, const struct report_mail *mail, bool hostile)
{
    char name[REPORT_FILE_NAME_MAX];
    json_t *recipients = json_array();
    for (size_t i = 0; i < mail->recipient_count; i++)
        json_array_append_new(recipients, text_json(mail->recipients[i]));
    return json_pack("{so so so so so so sb sI sI sI sI sb ss ss}", "org", text_json(mail->org),
                     "contact", text_json(mail->contact), "receiver", text_json(mail->receiver),
                     "policy_domain", text_json(mail->policy_domain), "report_id",
                     text_json(mail->report_id), "recipients", recipients, "gzip", mail->gzip,
                     "date", (json_int_t)mail->date, "begin", (json_int_t)mail->begin, "end",
                     (json_int_t)mail->end, "messages", (json_int_t)mail->messages, "hostile",
                     hostile, "file_name", report_file_name(mail, name), "subject",
                     report_subject(arena, mail));
}

static void write_mail(struct mailer *mailer, const struct report_mail *mail, bool hostile)
{
    const char *why_not;
    struct arena *arena = arena_new(MAIL_OCTETS);
    struct bytes message = report_mail_compose(arena, mail);
    struct bytes signed_mail =
        report_mail_sign(arena, &mailer->env, &mailer->settings, mail->sender, message, &why_not);
    if (signed_mail.len == 0 || *why_not)
        fail("mail not signed", why_not);
    number++;
    mailer->count++;
    write_file("mail", ".eml", signed_mail);
    write_file("mail", ".body", mail->body);
    write_json("mail", mail_json(arena, mail, hostile));
    arena_free(arena);
}

static struct report_mail usual_mail(void)
{
    static const struct bytes recipient[] = {{"rua@example.com", 15}};
    return (struct report_mail){.sender = BYTES("dmarc@mx.example"),
                                .org = BYTES("Example Org"),
                                .receiver = BYTES("mx.example"),
                                .policy_domain = BYTES("example.com"),
                                .report_id = BYTES("0123456789abcdefghijABCDEFGHIJ98"),
                                .begin = 1795219200,
                                .end = 1795305599,
                                .messages = 4711,
                                .recipients = recipient,
                                .recipient_count = 1,
                                .body = BYTES("\x1f\x8b\0\xff\r\n.\r\n--=_"),
                                .gzip = true,
                                .date = (int64_t)time(NULL)};
}

#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static void write_names(struct mailer *mailer)
{
    static const struct bytes names[] = {
        TEXT("Example Org"),
        TEXT(""),
        TEXT("A \"quoted\" \\ name, Inc. <a@b.example>; (comment)"),
        TEXT("B\xc3\xbc"
             "cher \xe2\x82\xac \xf0\x9f\x93\xa7"),
        TEXT("=?UTF-8?Q?not_encoded?= at all"),
        TEXT("a rather long name of an organisation that goes on and on and on until its "
             "field has to be folded more than once, with  two  blanks here and there"),
        TEXT("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe3\x81\xa8\xe3\x81\xa6\xe3\x82"
             "\x82\xe9\x95\xb7\xe3\x81\x84\xe7\xb5\x84\xe7\xb9\x94\xe3\x81\xae\xe5\x90\x8d\xe5"
             "\x89\x8d\xe3\x81\xa7\xe3\x81\x99\xe3\x82\x88\xe3\x80\x82\xe6\x97\xa5\xe6\x9c\xac"
             "\xe8\xaa\x9e\xe3\x81\xae\xe9\x95\xb7\xe3\x81\x84\xe5\x90\x8d\xe5\x89\x8d"),
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct report_mail mail = usual_mail();
        mail.org = mail.contact = names[i];
        mail.gzip = i % 2 == 0;
        write_mail(mailer, &mail, false);
    }
}

static void write_bodies(struct mailer *mailer, struct arena *arena)
{
    static const size_t sizes[] = {0, 1, 56, 57, 58, 1000, LARGE_BODY};
    char *octets = arena_alloc(arena, LARGE_BODY);
    if (!octets)
        fail("mails", "out of memory");
    for (size_t i = 0; i < LARGE_BODY; i++)
        octets[i] = (char)(i * i >> 3);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct report_mail mail = usual_mail();
        mail.body = (struct bytes){octets, sizes[i]};
        write_mail(mailer, &mail, false);
    }
}

static void write_recipients(struct mailer *mailer)
{
    static const struct bytes recipients[] = {
        TEXT("rua@example.com"), TEXT("\"a b, c\"@example.com"), TEXT("x+y=z/1@sub.example.org"),
        TEXT("a-rather-long-local-part-of-an-address@a-rather-long-domain-name.example.net")};
    static const struct bytes longest = TEXT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."
                                             "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
                                             "ccccccccccccccccccccccccccccccccccccccccccccccccc."
                                             "dddddddddddddddddddddddddddddddddddddddddddddddddd."
                                             "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee.example");
    for (size_t i = 1; i <= 4; i++) {
        struct report_mail mail = usual_mail();
        mail.recipients = recipients;
        mail.recipient_count = i;
        mail.policy_domain = i % 2 ? longest : mail.policy_domain;
        mail.receiver = i == 3 ? longest : mail.receiver;
        write_mail(mailer, &mail, false);
    }
}

/* In all places at once, and in each alone. */
static void write_hostile(struct mailer *mailer)
{
    for (size_t i = 0; i < report_hostile_text_count; i++) {
        struct bytes text = report_hostile_texts[i];
        for (int place = 0; place < 7; place++) {
            struct report_mail mail = usual_mail();
            struct bytes *places[] = {&mail.org, &mail.contact, &mail.receiver, &mail.policy_domain,
                                      &mail.report_id};
            for (int j = 0; j < 5; j++) {
                if (place == j || place == 6)
                    *places[j] = text;
            }
            if (place >= 5)
                mail.recipients = &text;
            write_mail(mailer, &mail, true);
        }
    }
}

/* Line ends in every place: the classic. */
static void write_injections(struct mailer *mailer)
{
    static const struct bytes text =
        TEXT("x\r\nBcc: evil@example.net\r\n\r\nbody\n--=_assay_0123456789abcdefghijABCDEFGHIJ98--"
             "\nX: y\r\rZ: z");
    struct report_mail mail = usual_mail();
    mail.org = mail.contact = mail.receiver = mail.policy_domain = text;
    mail.recipients = &text;
    write_mail(mailer, &mail, true);
}

static void write_mails(const char *key_directory)
{
    char error[KEY_STORE_ERROR];
    struct signing_test defaults;
    struct key_store_options options = {
        .key_directory = key_directory, .reader_uid = geteuid(), .reader_gid = getegid()};
    struct key_store *store = key_store_new(&options, NULL, error);
    if (!store)
        fail(key_directory, error);
    signing_test_begin(&defaults, (int64_t)time(NULL));
    struct mailer mailer = {.env = defaults.env, .settings = defaults.settings};
    mailer.env.keys = key_store_source(store);
    struct arena *arena = arena_new(MAIL_OCTETS);
    write_names(&mailer);
    write_bodies(&mailer, arena);
    write_recipients(&mailer);
    write_hostile(&mailer);
    write_injections(&mailer);
    printf("%u mails\n", mailer.count);
    arena_free(arena);
    key_store_unref(store);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: report_corpus DIRECTORY KEYDIRECTORY\n");
        return 64;
    }
    directory = argv[1];
    if (!dkim_global_init())
        fail("starting", "out of memory");
    write_samples();
    write_mails(argv[2]);
    dkim_global_cleanup();
    return 0;
}
