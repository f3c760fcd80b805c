/* spf_record.c - SPF records; see spf_record.h. One function per grammar rule
 * of RFC 7208 12. */
#include "spf_record.h"

#include "cursor.h"
#include "spf_macro.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum argument { NO_ARGUMENT, DOMAIN_OPTIONAL, DOMAIN_REQUIRED, NETWORK };

static const struct mechanism {
    const char *name;
    enum spf_term_kind kind;
    enum argument argument;
    bool dual_cidr;
} mechanisms[] = {
    {"all", SPF_ALL, NO_ARGUMENT, false},     {"include", SPF_INCLUDE, DOMAIN_REQUIRED, false},
    {"a", SPF_A, DOMAIN_OPTIONAL, true},      {"mx", SPF_MX, DOMAIN_OPTIONAL, true},
    {"ptr", SPF_PTR, DOMAIN_OPTIONAL, false}, {"ip4", SPF_IP4, NETWORK, false},
    {"ip6", SPF_IP6, NETWORK, false},         {"exists", SPF_EXISTS, DOMAIN_REQUIRED, false},
};

static const struct mechanism *find_mechanism(struct bytes name)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        if (bytes_is(name, mechanisms[i].name))
            return &mechanisms[i];
    }
    return NULL;
}

static enum auth_result read_qualifier(struct cursor *cursor)
{
    if (cursor_accept(cursor, '-'))
        return AUTH_FAIL;
    if (cursor_accept(cursor, '~'))
        return AUTH_SOFTFAIL;
    if (cursor_accept(cursor, '?'))
        return AUTH_NEUTRAL;
    cursor_accept(cursor, '+');
    return AUTH_PASS;
}

static bool is_mechanism_name(int c)
{
    return c != ':' && c != '/';
}

/* "0", or digits without a leading zero, at most `max`. */
static bool read_prefix(struct bytes digits, unsigned max, unsigned *out)
{
    unsigned long long value;
    if ((digits.len > 1 && digits.data[0] == '0') || !bytes_to_number(digits, max, &value))
        return false;
    *out = (unsigned)value;
    return true;
}

/* Takes the "/" digits off the end of text; true when there are some. A
 * domain-spec never ends like that, so what is left is the domain-spec. */
static bool take_cidr(struct bytes *text, const char *slashes, struct bytes *digits)
{
    size_t begin = text->len, width = strlen(slashes);
    while (begin > 0 && is_digit(text->data[begin - 1]))
        begin--;
    if (begin == text->len || begin < width ||
        memcmp(text->data + begin - width, slashes, width) != 0)
        return false;
    *digits = bytes_slice(*text, begin, text->len);
    text->len = begin - width;
    return true;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ] */
static const char *read_dual_cidr(struct bytes *text, struct spf_term *term)
{
    struct bytes digits;
    if (take_cidr(text, "//", &digits) && !read_prefix(digits, 128, &term->prefix6))
        return "bad IPv6 prefix length";
    if (take_cidr(text, "/", &digits) && !read_prefix(digits, 32, &term->prefix4))
        return "bad IPv4 prefix length";
    return NULL;
}

static const char *read_domain_spec(struct bytes text, struct spf_term *term)
{
    if (!spf_macro_check(text, SPF_MACRO_DOMAIN_SPEC, &term->letters))
        return "bad domain";
    term->domain_spec = text;
    return NULL;
}

/* ip4-network and ip6-network. Not ip_parse(): it would turn an IPv4-mapped
 * network into IPv4, and "ip6" never matches an IPv4 client (5.6). */
static bool read_address(struct bytes text, bool v6, struct ip *out)
{
    char string[IP_TEXT_MAX];
    if (text.len >= sizeof(string))
        return false;
    memcpy(string, text.data, text.len);
    string[text.len] = '\0';
    *out = (struct ip){.family = v6 ? IP_V6 : IP_V4};
    return inet_pton(v6 ? AF_INET6 : AF_INET, string, out->octets) == 1;
}

static const char *read_network(struct bytes text, struct spf_term *term)
{
    bool v6 = term->kind == SPF_IP6;
    unsigned *prefix = v6 ? &term->prefix6 : &term->prefix4;
    size_t slash = bytes_find(text, '/');
    if (!read_address(bytes_slice(text, 0, slash), v6, &term->address))
        return v6 ? "bad IPv6 address" : "bad IPv4 address";
    if (slash < text.len &&
        !read_prefix(bytes_slice(text, slash + 1, text.len), v6 ? 128 : 32, prefix))
        return v6 ? "bad IPv6 prefix length" : "bad IPv4 prefix length";
    return NULL;
}

/* directive = [ qualifier ] mechanism */
static const char *read_directive(struct bytes word, struct spf_term *term)
{
    struct cursor cursor = cursor_of(word);
    term->qualifier = read_qualifier(&cursor);
    const struct mechanism *mechanism = find_mechanism(cursor_run(&cursor, is_mechanism_name));
    if (!mechanism)
        return "unknown mechanism";
    term->kind = mechanism->kind;
    struct bytes rest = cursor_rest(&cursor);
    const char *error = mechanism->dual_cidr ? read_dual_cidr(&rest, term) : NULL;
    if (error)
        return error;

    if (rest.len == 0)
        return mechanism->argument <= DOMAIN_OPTIONAL ? NULL : "missing argument of";
    if (mechanism->argument == NO_ARGUMENT || rest.data[0] != ':')
        return "unexpected argument of";
    rest = bytes_slice(rest, 1, rest.len);
    return mechanism->argument == NETWORK ? read_network(rest, term) : read_domain_spec(rest, term);
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) */
static bool is_modifier_name(struct bytes name)
{
    if (name.len == 0 || !is_alpha(name.data[0]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_alnum(name.data[i]) && !strchr("-_.", name.data[i]))
            return false;
    }
    return true;
}

/* modifier = redirect / explanation / unknown-modifier */
static const char *read_modifier(struct bytes word, size_t equals, struct spf_record *record)
{
    struct bytes name = bytes_slice(word, 0, equals);
    struct bytes value = bytes_slice(word, equals + 1, word.len);
    bool redirect = bytes_is(name, "redirect");
    if (!redirect && !bytes_is(name, "exp")) {
        unsigned letters;
        return spf_macro_check(value, SPF_MACRO_STRING, &letters) ? NULL : "bad value of modifier";
    }
    struct spf_term *term = redirect ? &record->redirect : &record->exp;
    if (term->text.len) /* MUST NOT appear more than once each (6) */
        return "modifier appears twice:";
    term->kind = redirect ? SPF_REDIRECT : SPF_EXP;
    term->text = word;
    return read_domain_spec(value, term);
}

/* How many of the stored mechanisms cause lookups decides what is reachable. */
static bool is_reachable(const struct spf_record *record, size_t lookups)
{
    return !record->has_all && lookups <= SPF_TERMS_MAX;
}

static const char *read_term(struct bytes word, struct spf_record *record, size_t *lookups)
{
    size_t equals = bytes_find(word, '=');
    if (equals < word.len && is_modifier_name(bytes_slice(word, 0, equals)))
        return read_modifier(word, equals, record);

    struct spf_term term = {.text = word, .prefix4 = 32, .prefix6 = 128};
    const char *error = read_directive(word, &term);
    if (error)
        return error;
    if (is_reachable(record, *lookups))
        record->terms[record->count++] = term;
    *lookups += spf_term_looks_up(&term);
    record->has_all = record->has_all || term.kind == SPF_ALL;
    return NULL;
}

static bool is_term_octet(int c)
{
    return c != ' ';
}

static bool is_space(int c)
{
    return c == ' ';
}

static bool is_visible(struct bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] <= ' ' || word.data[i] > '~')
            return false;
    }
    return true;
}

static struct bytes next_word(struct cursor *cursor)
{
    cursor_run(cursor, is_space);
    return cursor_run(cursor, is_term_octet);
}

static void read_terms(struct cursor *cursor, struct spf_record *record)
{
    size_t lookups = 0;
    for (;;) {
        struct bytes word = next_word(cursor);
        if (word.len == 0)
            return;
        record->error = is_visible(word) ? read_term(word, record, &lookups)
                                         : "octet outside printable ASCII in";
        if (record->error) {
            record->error_text = word;
            record->count = 0;
            return;
        }
    }
}

bool spf_record_is(struct bytes text)
{
    return bytes_starts_nocase(text, BYTES("v=spf1")) && (text.len == 6 || text.data[6] == ' ');
}

static size_t count_words(struct cursor cursor)
{
    size_t words = 0;
    while (next_word(&cursor).len)
        words++;
    return words;
}

struct spf_record *spf_record_new(struct bytes text)
{
    bool too_long = text.len > SPF_RECORD_MAX;
    struct cursor cursor = cursor_of(too_long ? BYTES_EMPTY : bytes_slice(text, 6, text.len));
    size_t words = count_words(cursor);
    struct spf_record *record = calloc(1, sizeof(*record) + words * sizeof(struct spf_term));
    if (!record)
        return NULL;
    if (too_long) {
        record->error = "record is too long:";
        record->error_text = bytes_slice(text, 0, 32);
        return record;
    }
    read_terms(&cursor, record);
    /* Most records shrink: modifiers and unreachable mechanisms take no place. */
    struct spf_record *shrunk =
        realloc(record, sizeof(*record) + record->count * sizeof(struct spf_term));
    return shrunk ? shrunk : record;
}

/* ---- what a domain publishes ---- */

static void free_published(void *derived)
{
    struct spf_published *published = derived;
    free(published->record);
    free(published);
}

static void *make_published(const struct dns_answer *answer)
{
    struct spf_published *published = calloc(1, sizeof(*published));
    struct bytes text = BYTES_EMPTY;
    for (size_t i = 0; published && i < answer->count; i++) {
        if (spf_record_is(answer->records[i].data)) {
            text = answer->records[i].data;
            published->count++;
        }
    }
    if (!published || published->count != 1)
        return published;
    published->record = spf_record_new(text);
    if (published->record)
        return published;
    free(published);
    return NULL;
}

static const struct dns_derived_class published_class = {make_published, free_published};

const struct spf_published *spf_published_of(const struct dns_answer *answer)
{
    return dns_answer_derived(answer, &published_class);
}

/* ---- terms ---- */

bool spf_term_matches_client(const struct spf_term *term, const struct ip *client)
{
    switch (term->kind) {
    case SPF_ALL:
        return true;
    case SPF_IP4:
        return ip_matches(client, &term->address, term->prefix4);
    case SPF_IP6:
        return ip_matches(client, &term->address, term->prefix6);
    default:
        return false;
    }
}

struct bytes spf_term_name(const struct spf_term *term)
{
    bool qualified = term->text.len && strchr("+-~?", term->text.data[0]);
    return qualified ? bytes_slice(term->text, 1, term->text.len) : term->text;
}
