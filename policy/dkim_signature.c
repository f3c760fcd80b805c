/* dkim_signature.c - one DKIM-Signature field, RFC 6376 3.5; see dkim_signature.h.
 *
 * One small function per tag. Each calls object() when something is wrong; the
 * first objection stands, in the order of the tags table below.
 */
#include "dkim_signature.h"

#include "base64.h"
#include "taglist.h"

#include <string.h>

enum {
    TIME_MAX = 12,   /* digits of t= and x= (RFC 6376 3.5) */
    LENGTH_MAX = 76, /* digits of l= (RFC 6376 3.5) */
};

/* No message is that long, and sums with it must not overflow. */
static const unsigned long long LENGTH_OCTETS_MAX = 1ULL << 48;

struct parse {
    struct arena *arena;
    struct dkim_signature_field *field;
};

static void refuse(struct dkim_signature_field *field, enum auth_result result, const char *reason)
{
    if (field->result == AUTH_NONE) {
        field->result = result;
        field->reason = reason;
    }
}

/* RFC 8601 2.7.1: "neutral" is for signatures with syntax errors. */
static void malformed(struct parse *parse, const char *reason)
{
    refuse(parse->field, AUTH_NEUTRAL, reason);
}

const char *dkim_algorithm_name(enum dkim_algorithm algorithm)
{
    switch (algorithm) {
    case DKIM_RSA_SHA256:
        return "rsa-sha256";
    case DKIM_ED25519_SHA256:
        return "ed25519-sha256";
    case DKIM_RSA_SHA1:
        return "rsa-sha1";
    case DKIM_ALGORITHM_UNKNOWN:
        break;
    }
    return "";
}

static void parse_version(struct parse *parse, struct bytes value)
{
    if (!bytes_equal(value, BYTES("1")))
        refuse(parse->field, AUTH_NEUTRAL, "version of the signature is unknown");
}

static void parse_algorithm(struct parse *parse, struct bytes value)
{
    static const enum dkim_algorithm known[] = {DKIM_RSA_SHA256, DKIM_ED25519_SHA256,
                                                DKIM_RSA_SHA1};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (bytes_is(value, dkim_algorithm_name(known[i])))
            parse->field->algorithm = known[i];
    }
    if (parse->field->algorithm == DKIM_ALGORITHM_UNKNOWN)
        refuse(parse->field, AUTH_NEUTRAL, "algorithm of the signature is unknown");
    /* RFC 8301 3.1: MUST NOT be verified, has permanently failed. */
    if (parse->field->algorithm == DKIM_RSA_SHA1)
        refuse(parse->field, AUTH_PERMERROR, "rsa-sha1 is not accepted");
}

/* sub-domain *("." sub-domain); the final dot that domain_parse() allows is no part of it. */
static struct domain parse_name(struct parse *parse, struct bytes value)
{
    if (value.len && value.data[value.len - 1] == '.')
        return DOMAIN_NONE;
    return domain_parse(parse->arena, value);
}

static void parse_domain(struct parse *parse, struct bytes value)
{
    struct domain domain = parse_name(parse, value);
    if (domain.labels < 2) /* domain-name = sub-domain 1*("." sub-domain) */
        malformed(parse, "d= is no domain name");
    else
        parse->field->domain = domain;
}

static void parse_selector(struct parse *parse, struct bytes value)
{
    parse->field->selector = parse_name(parse, value);
    if (domain_is_none(parse->field->selector))
        malformed(parse, "s= is no selector");
}

/* h= : hdr-name *( [FWS] ":" [FWS] hdr-name ), hdr-name being printable without ":". */
static bool is_field_name(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] < 33 || name.data[i] > 126)
            return false;
    }
    return name.len > 0;
}

static void parse_signed_fields(struct parse *parse, struct bytes value)
{
    struct dkim_signature_field *field = parse->field;
    size_t names = 1;
    if (value.len > DKIM_SIGNED_FIELDS_MAX) {
        malformed(parse, "h= is too long");
        return;
    }
    for (size_t i = 0; i < value.len; i++)
        names += value.data[i] == ':';
    field->signed_fields = arena_array(parse->arena, names, sizeof(*field->signed_fields));
    for (size_t start = 0; field->signed_fields && field->signed_count < names;) {
        struct bytes rest = bytes_slice(value, start, value.len);
        size_t len = bytes_find(rest, ':');
        struct bytes name = bytes_trim(bytes_slice(rest, 0, len));
        if (!is_field_name(name)) {
            malformed(parse, "h= is malformed");
            return;
        }
        field->signed_fields[field->signed_count++] = name;
        start += len + 1;
    }
    /* RFC 6376 6.1.1: without From in h= a signature says nothing about the author. */
    if (!dkim_signature_covers(field, "From"))
        refuse(field, AUTH_PERMERROR, "From is not signed");
}

static void parse_body_hash(struct parse *parse, struct bytes value)
{
    uint8_t *hash;
    size_t len;
    if (!base64_decode(parse->arena, value, &hash, &len))
        malformed(parse, "bh= is no base64");
    else if (len == SHA256_OCTETS)
        memcpy(parse->field->body_hash, hash, SHA256_OCTETS);
    else
        refuse(parse->field, AUTH_NEUTRAL, "bh= is no SHA-256 hash");
}

static struct bytes without_white_space(struct arena *arena, struct bytes value)
{
    char *text = arena_alloc(arena, value.len + 1);
    size_t len = 0;
    if (!text)
        return BYTES_EMPTY;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_fws(value.data[i]))
            text[len++] = value.data[i];
    }
    return (struct bytes){text, len};
}

static void parse_signature_data(struct parse *parse, struct bytes value)
{
    struct dkim_signature_field *field = parse->field;
    uint8_t *data;
    if (!base64_decode(parse->arena, value, &data, &field->signature_len) ||
        field->signature_len == 0) {
        malformed(parse, "b= is no base64");
        return;
    }
    field->signature = data;
    field->signature_text = without_white_space(parse->arena, value);
}

/* dkim-quoted-printable, RFC 6376 2.11: "=" and two hexadecimal digits is an
 * octet, FWS is nothing, everything else stands for itself. */
static bool decode_quoted_printable(struct arena *arena, struct bytes value, struct bytes *out)
{
    struct cursor cursor = cursor_of(value);
    char *text = arena_alloc(arena, value.len + 1);
    size_t len = 0;
    while (text && !cursor_at_end(&cursor)) {
        int c = cursor_next(&cursor);
        if (c == '=') {
            int high = hex_value(cursor_next(&cursor));
            int low = hex_value(cursor_next(&cursor));
            if (high < 0 || low < 0)
                return false;
            c = high << 4 | low;
        } else if (is_fws(c)) {
            continue;
        }
        text[len++] = (char)c;
    }
    *out = (struct bytes){text ? text : "", len};
    return text && !cursor.failed;
}

static void parse_identity(struct parse *parse, struct bytes value)
{
    struct dkim_signature_field *field = parse->field;
    struct bytes identity;
    struct domain domain = DOMAIN_NONE;
    if (decode_quoted_printable(parse->arena, value, &identity))
        domain = domain_of_address(parse->arena, identity);
    if (domain_is_none(domain)) {
        malformed(parse, "i= is malformed");
        return;
    }
    field->identity = identity;
    field->identity_domain = domain;
    /* RFC 6376 3.5 i=: the same as d= or below it. */
    if (!domain_is_none(field->domain) && !domain_within(domain, field->domain))
        refuse(field, AUTH_PERMERROR, "i= is not within d=");
}

static bool parse_algorithm_name(struct bytes name, bool *relaxed)
{
    *relaxed = bytes_is(name, "relaxed");
    return *relaxed || bytes_is(name, "simple");
}

/* RFC 6376 3.5 c=: header "/" body; a single name is the header's, the body is simple then. */
static void parse_canonicalization(struct parse *parse, struct bytes value)
{
    struct dkim_signature_field *field = parse->field;
    size_t slash = bytes_find(value, '/');
    bool good = parse_algorithm_name(bytes_slice(value, 0, slash), &field->relaxed_header);
    if (slash < value.len)
        good =
            parse_algorithm_name(bytes_slice(value, slash + 1, value.len), &field->relaxed_body) &&
            good;
    if (!good)
        refuse(field, AUTH_NEUTRAL, "canonicalization is unknown");
}

/* RFC 6376 3.5 q=: unknown methods are ignored; "dns/txt" is the only one there is. */
static void parse_query_methods(struct parse *parse, struct bytes value)
{
    for (size_t start = 0; start <= value.len;) {
        struct bytes rest = bytes_slice(value, start, value.len);
        size_t len = bytes_find(rest, ':');
        struct bytes method = bytes_trim(bytes_slice(rest, 0, len));
        if (bytes_is(method, "dns/txt"))
            return;
        start += len + 1;
    }
    refuse(parse->field, AUTH_NEUTRAL, "no known query method in q=");
}

static void parse_length(struct parse *parse, struct bytes value)
{
    unsigned long long length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.data[i]))
            value.len = 0;
    }
    if (value.len == 0 || value.len > LENGTH_MAX) {
        malformed(parse, "l= is no number");
        return;
    }
    if (!bytes_to_number(value, LENGTH_OCTETS_MAX, &length))
        refuse(parse->field, AUTH_PERMERROR, "l= is larger than any body");
    parse->field->has_length = true;
    parse->field->length = length;
}

static bool parse_seconds(struct bytes value, uint64_t *out)
{
    unsigned long long seconds = 0;
    bool good = value.len <= TIME_MAX && bytes_to_number(value, UINT64_MAX, &seconds);
    *out = seconds;
    return good;
}

static void parse_time(struct parse *parse, struct bytes value)
{
    parse->field->has_time = parse_seconds(value, &parse->field->time);
    if (!parse->field->has_time)
        malformed(parse, "t= is no time");
}

static void parse_expiry(struct parse *parse, struct bytes value)
{
    struct dkim_signature_field *field = parse->field;
    field->has_expiry = parse_seconds(value, &field->expiry);
    if (!field->has_expiry)
        malformed(parse, "x= is no time");
    else if (field->has_time && field->expiry <= field->time)
        refuse(field, AUTH_NEUTRAL, "x= is not later than t=");
}

/* In the order in which they are parsed; d= stands before i=, t= before x=. */
static const struct {
    const char *name;
    const char *missing; /* reason when a required tag is missing; NULL: optional */
    void (*parse)(struct parse *parse, struct bytes value);
} tags[] = {
    {"v", "tag v= is missing", parse_version},
    {"a", "tag a= is missing", parse_algorithm},
    {"d", "tag d= is missing", parse_domain},
    {"s", "tag s= is missing", parse_selector},
    {"h", "tag h= is missing", parse_signed_fields},
    {"bh", "tag bh= is missing", parse_body_hash},
    {"b", "tag b= is missing", parse_signature_data},
    {"i", NULL, parse_identity},
    {"c", NULL, parse_canonicalization},
    {"q", NULL, parse_query_methods},
    {"l", NULL, parse_length},
    {"t", NULL, parse_time},
    {"x", NULL, parse_expiry},
};

void dkim_signature_parse(struct arena *arena, struct bytes value, struct dkim_signature_field *out)
{
    struct parse parse = {arena, out};
    struct taglist list = {0};
    *out = (struct dkim_signature_field){.result = AUTH_NONE};
    if (value.len > DKIM_SIGNATURE_MAX) {
        malformed(&parse, "signature is too long");
        return;
    }
    const char *problem = taglist_parse(arena, value, DKIM_TAGS_MAX, &list);
    if (problem) {
        malformed(&parse, problem);
        return;
    }
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        const struct bytes *tag = taglist_find(&list, tags[i].name);
        if (tag) {
            tags[i].parse(&parse, *tag);
        } else if (tags[i].missing) {
            refuse(out, AUTH_PERMERROR, tags[i].missing); /* RFC 6376 6.1.1 */
        }
    }
    if (domain_is_none(out->identity_domain))
        out->identity_domain = out->domain;
    if (arena_failed(arena))
        malformed(&parse, "out of memory");
}

void dkim_signature_judge_time(struct dkim_signature_field *field, int64_t now, unsigned skew)
{
    uint64_t seconds = now < 0 ? 0 : (uint64_t)now;
    if (field->has_expiry && seconds > field->expiry + skew)
        refuse(field, AUTH_FAIL, "signature expired");
    /* RFC 6376 3.5 t=: MAY be ignored when in the future. */
    if (field->has_time && field->time > seconds + skew)
        refuse(field, AUTH_NEUTRAL, "signature is from the future");
}

bool dkim_signature_covers(const struct dkim_signature_field *field, const char *name)
{
    for (size_t i = 0; i < field->signed_count; i++) {
        if (bytes_is(field->signed_fields[i], name))
            return true;
    }
    return false;
}
