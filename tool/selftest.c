/* selftest.c - `assay selftest`: shows a running filter, Assay or any other, the tricks
 * of selftest_cases.def, and tells which of them it falls for.
 *
 * Nothing is delivered: a filter only gives its opinion. */
#include "milter_client.h"
#include "strbuf.h"
#include "tool.h"

#include <argp.h>
#include <string.h>
#include <sysexits.h>

enum expectation { BLOCK, CLEAN, SURVIVE };

struct selftest_case {
    const char *name;
    enum expectation expectation;
    const char *helo, *mail_from, *header; /* header NULL: see long_list() */
};

static const struct selftest_case cases[] = {
#define CASE(name, expectation, helo, mail_from, header)                                           \
    {name, expectation, helo, mail_from, header},
#include "selftest_cases.def"
#undef CASE
};

enum {
    CASE_COUNT = sizeof(cases) / sizeof(cases[0]),
    EXIT_WEAK = 1,
    MEMORY = 4 << 20,
    COLONS = 1000,
};

struct selftest {
    const char *socket_text, *client_ip, *victim, *other, *own_name;
    bool json;
    struct config_socket socket;
    struct arena *arena; /* of one case */
};

enum { KEY_CLIENT_IP = 256, KEY_VICTIM, KEY_OTHER, KEY_AUTHSERV_ID, KEY_JSON };

static const struct argp_option rows[] = {
    {"client-ip", KEY_CLIENT_IP, "IP", 0,
     "Address to come from: none of yours (default 192.0.2.99, which nobody has)", 0},
    {"victim", KEY_VICTIM, "DOMAIN", 0,
     "A domain with p=reject that the address may not send for (default example.com)", 0},
    {"other", KEY_OTHER, "DOMAIN", 0, "The attacker's own domain (default example.net)", 0},
    {"authserv-id", KEY_AUTHSERV_ID, "ID", 0,
     "Name in the filter's Authentication-Results (default: as it says itself)", 0},
    {"json", KEY_JSON, NULL, 0, "JSON, for programs", 0},
    {0},
};

static error_t parse_key(int key, char *argument, struct argp_state *state)
{
    struct selftest *test = state->input;
    switch (key) {
    case KEY_CLIENT_IP:
        test->client_ip = argument;
        return 0;
    case KEY_VICTIM:
        test->victim = argument;
        return 0;
    case KEY_OTHER:
        test->other = argument;
        return 0;
    case KEY_AUTHSERV_ID:
        test->own_name = argument;
        return 0;
    case KEY_JSON:
        test->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (test->socket_text)
            return ARGP_ERR_UNKNOWN;
        test->socket_text = argument;
        return 0;
    case ARGP_KEY_END:
        if (!test->socket_text)
            argp_error(state, "the socket of the filter is needed, as in smtpd_milters");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* ---- asking ---- */

/* %V, %A, %I and %% filled in. */
static const char *expand(const struct selftest *test, const char *text)
{
    struct strbuf out;
    strbuf_init(&out, test->arena);
    for (; *text; text++) {
        if (*text != '%' || !text[1]) {
            strbuf_putc(&out, *text);
            continue;
        }
        text++;
        if (*text == '%')
            strbuf_putc(&out, '%');
        else
            strbuf_puts(&out, *text == 'V'   ? test->victim
                              : *text == 'A' ? test->other
                                             : test->own_name);
    }
    return strbuf_string(&out);
}

static const char *long_list(struct arena *arena)
{
    struct strbuf out;
    strbuf_init(&out, arena);
    strbuf_puts(&out, "DKIM-Signature: v=1; h=");
    for (size_t i = 0; i < COLONS; i++)
        strbuf_puts(&out, "from:");
    strbuf_puts(&out, "\nFrom: x@example.net\n");
    return strbuf_string(&out);
}

static void ask(struct selftest *test, const struct selftest_case *row, struct milter_reply *out)
{
    const char *header = row->header ? expand(test, row->header) : long_list(test->arena);
    const struct milter_message message = {
        .client_ip = test->client_ip,
        .client_name = "unknown",
        .helo = expand(test, row->helo),
        .mail_from = expand(test, row->mail_from),
        .mta_name = test->own_name,
        .header = bytes_of(arena_printf(test->arena, "%sSubject: selftest\n", header)),
        .body = BYTES("This message was never sent.\r\n"),
    };
    milter_ask(&test->socket, &message, out);
}

/* ---- judging ---- */

/* Whether a reader of the results would know better. */
static bool is_marked(const char *results)
{
    return strstr(results, "dmarc=fail") || strstr(results, "dmarc=permerror") ||
           strstr(results, "dmarc=temperror");
}

static size_t results_in(const char *header)
{
    static const char name[] = "Authentication-Results:";
    size_t count = 0;
    for (const char *line = header; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        count += strncasecmp(line, name, sizeof(name) - 1) == 0;
    }
    return count;
}

static bool is_clean(const struct selftest_case *row, const struct milter_reply *reply)
{
    size_t count = results_in(row->header);
    for (size_t i = 0; i < count; i++) {
        if (!reply->results_gone[i])
            return false;
    }
    return true;
}

static bool is_safe(struct selftest *test, const struct selftest_case *row,
                    const struct milter_reply *reply)
{
    static struct milter_reply next;
    if (reply->answer == MILTER_GONE)
        return false;
    switch (row->expectation) {
    case BLOCK:
        return reply->answer != MILTER_ACCEPT || is_marked(reply->results);
    case CLEAN:
        return reply->answer == MILTER_REJECT || reply->answer == MILTER_TEMPFAIL ||
               is_clean(row, reply);
    default:
        ask(test, &cases[0], &next);
        return next.answer != MILTER_GONE;
    }
}

static const char *did(const struct selftest_case *row, const struct milter_reply *reply)
{
    if (reply->answer != MILTER_ACCEPT)
        return milter_answer_name(reply->answer);
    if (row->expectation == CLEAN)
        return is_clean(row, reply) ? "removed them" : "forged results stay";
    if (row->expectation == BLOCK)
        return is_marked(reply->results) ? "accept, marked as failing" : "accept";
    return "accept";
}

static const char *const safe_ways[] = {"reject, or mark", "remove them", "any answer"};

static void show(const struct selftest *test, json_t *list, const struct selftest_case *row,
                 const struct milter_reply *reply, bool safe)
{
    const char *verdict = safe ? "ok" : "WEAK";
    if (test->json)
        json_array_append_new(list, json_pack("{ss ss ss ss}", "case", row->name, "safe",
                                              safe_ways[row->expectation], "did", did(row, reply),
                                              "verdict", verdict));
    else
        printf("%-48s %-16s %-26s %s\n", row->name, safe_ways[row->expectation], did(row, reply),
               verdict);
}

/* The first word of what it writes of itself. */
static void learn_name(struct selftest *test, char *name, size_t size)
{
    static struct milter_reply reply;
    static const struct selftest_case probe = {"", SURVIVE, "mail.%A", "x@%A", "From: x@%A\n"};
    ask(test, &probe, &reply);
    size_t len = strcspn(reply.results, "; \t\n");
    if (len && len < size) {
        memcpy(name, reply.results, len);
        name[len] = '\0';
        test->own_name = name;
    }
}

static int run(struct selftest *test)
{
    static struct milter_reply reply;
    size_t weak = 0, gone = 0;
    json_t *list = json_array();
    if (!test->json)
        printf("%-48s %-16s %-26s %s\n", "case", "safe", "this one", "verdict");
    for (size_t i = 0; i < CASE_COUNT; i++) {
        arena_reset(test->arena);
        ask(test, &cases[i], &reply);
        bool safe = is_safe(test, &cases[i], &reply);
        weak += !safe;
        gone += reply.answer == MILTER_GONE;
        show(test, list, &cases[i], &reply, safe);
    }
    if (gone == CASE_COUNT) {
        json_decref(list);
        fprintf(stderr, "assay: no filter answers at %s\n", test->socket_text);
        return EX_UNAVAILABLE;
    }
    if (test->json)
        print_json(
            json_pack("{si si so}", "cases", (int)CASE_COUNT, "weak", (int)weak, "results", list));
    else
        printf("\n%d cases, %zu weak\n", CASE_COUNT, weak);
    if (!test->json)
        json_decref(list);
    return weak ? EXIT_WEAK : EX_OK;
}

int command_selftest(int argc, char **argv)
{
    static const struct argp parser = {
        rows,     parse_key,
        "SOCKET", "Shows a running milter the tricks by which mail gets past filters.",
        NULL,     NULL,
        NULL};
    struct selftest test = {.client_ip = "192.0.2.99",
                            .victim = "example.com",
                            .other = "example.net",
                            .arena = arena_new(MEMORY)};
    struct arena *names = arena_new(MEMORY);
    char own_name[MILTER_CLIENT_TEXT] = "mx.example.org";
    if (!test.arena || !names)
        return EX_OSERR;
    argp_parse(&parser, argc, argv, 0, NULL, &test);
    const char *problem = config_socket_parse(names, bytes_of(test.socket_text), &test.socket);
    int code = EX_USAGE;
    if (problem) {
        fprintf(stderr, "assay: %s: %s\n", test.socket_text, problem);
    } else {
        bool given = test.own_name != NULL;
        if (!given) {
            test.own_name = own_name;
            learn_name(&test, own_name, sizeof(own_name));
        }
        code = run(&test);
    }
    arena_free(test.arena);
    arena_free(names);
    return code;
}
