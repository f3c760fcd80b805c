/* fuzz_tables.c - KeyTable, SigningTable, PolicyTable, sets of hosts.
 *
 * Input: a line "kind[form] question", kind k, s, p or h, form f, w or l for the
 * first two; then the text of the table. The question is an address of an author,
 * a domain or a client.
 */
#include "fuzz.h"
#include "host_set.h"
#include "key_table.h"
#include "policy_table.h"
#include "signing_table.h"
#include "strbuf.h"

#include <string.h>

enum { MATCHES_MAX = 8, LINES_MAX = 200 };

static void check_problem(const char *problem)
{
    REQUIRE(fuzz_is_text(problem) && *problem);
}

static void check_key_table(struct arena *arena, struct bytes question, struct bytes text,
                            enum table_form form)
{
    const char *problem;
    unsigned line;
    size_t count;
    struct domain author = domain_parse(arena, question);
    struct key_table *table = key_table_parse(arena, text, form, &problem, &line);
    if (!table) {
        check_problem(problem);
        return;
    }
    const struct key_row *rows = key_table_rows(table, &count);
    for (size_t i = 0; i < count; i++) {
        const struct key_row *found = key_table_find(table, rows[i].name);
        REQUIRE(found && found <= &rows[i]);
        if (form != TABLE_WILDCARDS) /* else the first pattern that matches */
            REQUIRE(bytes_equal(found->name, rows[i].name) && !found->shadowed);
        REQUIRE((found == &rows[i]) != rows[i].shadowed);
        REQUIRE(fuzz_is_within(rows[i].name, text));
        if (!domain_is_none(author) && rows[i].is_path)
            key_row_path(&rows[i], arena, author);
    }
    key_table_find(table, question);
}

static void check_signing_table(struct arena *arena, struct bytes question, struct bytes text,
                                enum table_form form)
{
    const char *problem;
    unsigned line;
    struct signing_match all[MATCHES_MAX], some[MATCHES_MAX];
    struct domain author = domain_of_address(arena, question);
    struct signing_table *table = signing_table_parse(arena, text, form, &problem, &line);
    if (!table) {
        check_problem(problem);
        return;
    }
    if (domain_is_none(author))
        return;
    size_t at = question.len;
    while (question.data[at - 1] != '@')
        at--;
    struct strbuf address;
    strbuf_init(&address, arena);
    strbuf_bytes(&address, bytes_slice(question, 0, at));
    strbuf_bytes(&address, domain_bytes(author));
    size_t many =
        signing_table_match(table, arena, strbuf_view(&address), author, true, all, MATCHES_MAX);
    size_t few =
        signing_table_match(table, arena, strbuf_view(&address), author, false, some, MATCHES_MAX);
    REQUIRE(many <= MATCHES_MAX && few <= many && (few > 0) == (many > 0));
    for (size_t i = 0; i < many; i++) {
        REQUIRE(all[i].key_name.len > 0);
        for (size_t k = 0; k < i; k++)
            REQUIRE(!bytes_equal(all[i].key_name, all[k].key_name));
    }
    if (few)
        REQUIRE(some[0].line == all[0].line);
}

/* The lines of text, in their order or backwards. */
static size_t lines_of(struct bytes text, bool backwards, struct bytes *lines)
{
    size_t count = 0;
    while (text.len && count < LINES_MAX)
        lines[count++] = fuzz_line(&text);
    for (size_t i = 0; backwards && i < count / 2; i++) {
        struct bytes line = lines[i];
        lines[i] = lines[count - 1 - i];
        lines[count - 1 - i] = line;
    }
    return count;
}

/* What a table says on a domain: its action, -1 for nothing, -2 for a table that is bad. */
static int ask_policy_table(struct arena *arena, struct domain domain, struct bytes text,
                            bool backwards)
{
    struct policy_table *table = policy_table_new(arena);
    struct bytes lines[LINES_MAX];
    enum policy_table_action action = POLICY_TABLE_ASIS;
    const char *entry = NULL;
    size_t good = 0, count = lines_of(text, backwards, lines);
    for (size_t i = 0; i < count; i++) {
        const char *problem = policy_table_add(table, lines[i]);
        good += !problem;
        if (problem)
            check_problem(problem);
    }
    REQUIRE(policy_table_count(table) == good);
    if (policy_table_finish(table))
        return -2;
    if (!policy_table_find(table, domain, &action, &entry))
        return -1;
    REQUIRE(entry && *entry && action <= POLICY_TABLE_REJECT);
    return (int)action;
}

static bool ask_host_set(struct arena *arena, const struct ip *ip, struct bytes name,
                         struct bytes text, bool backwards)
{
    struct host_set *set = host_set_new(arena);
    struct bytes lines[LINES_MAX];
    size_t good = 0, count = lines_of(text, backwards, lines);
    for (size_t i = 0; i < count; i++) {
        const char *problem = host_set_add(set, lines[i]);
        good += !problem;
        if (problem)
            check_problem(problem);
    }
    REQUIRE(host_set_count(set) == good);
    return host_set_contains(set, ip, name);
}

static void check(struct arena *arena, char kind, enum table_form form, struct bytes question,
                  struct bytes text)
{
    struct ip ip = {.family = IP_NONE};
    struct domain domain = domain_parse(arena, question);
    switch (kind) {
    case 'k':
        check_key_table(arena, question, text, form);
        break;
    case 's':
        check_signing_table(arena, question, text, form);
        break;
    case 'p':
        REQUIRE(ask_policy_table(arena, domain, text, false) ==
                ask_policy_table(arena, domain, text, true));
        break;
    default:
        ip_parse(question, &ip);
        REQUIRE(ask_host_set(arena, &ip, question, text, false) ==
                ask_host_set(arena, &ip, question, text, true));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = fuzz_input(data, size);
    struct bytes question = fuzz_line(&input);
    struct bytes word = fuzz_word(&question);
    struct arena *arena = arena_new(1 << 26);
    enum table_form form = TABLE_FILE;
    if (word.len > 1 && word.data[1] == 'w')
        form = TABLE_WILDCARDS;
    else if (word.len > 1 && word.data[1] == 'l')
        form = TABLE_LIST;
    if (word.len)
        check(arena, word.data[0], form, question, input);
    struct bytes rest;
    const char *problem = table_source_parse(question, &form, &rest);
    REQUIRE(!problem || (fuzz_is_text(problem) && *problem));
    REQUIRE(!arena_failed(arena));
    arena_free(arena);
    return 0;
}
