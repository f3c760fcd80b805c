/* lint_dkim.c - the DKIM key records of given selectors (RFC 6376 3.6.1, RFC 8463 4); see
 * lint.h. Whether a key can be used is decided by dkim_key.c, as for a signature; here
 * are the reasons in detail, and what can be used but should not stay so. */
#include "lint.h"

#include "base64.h"
#include "dkim_key.h"
#include "taglist.h"

#include <string.h>

enum {
    RSA_BITS_GOOD = 2048,     /* RFC 8301 3.2: SHOULD */
    RSA_BITS_COMMON = 4096,   /* RFC 8301 3.2: what verifiers must be able to use */
    ED25519_SPKI_OCTETS = 44, /* RFC 8410 4: the octets in front of the key are always the same */
    DER_SEQUENCE = 0x30,
};

/* One record of one selector. */
struct record {
    struct lint *lint;
    const char *name; /* s1._domainkey.example.com */
    struct bytes text;
    struct taglist tags;
    struct dkim_key key;
};

static struct bytes value_of(const struct record *record, const char *tag)
{
    const struct bytes *value = taglist_find(&record->tags, tag);
    return value ? *value : BYTES_EMPTY;
}

/* ---- what k= and p= say of each other ---- */

static bool is_ed25519_spki(struct bytes der)
{
    static const char prefix[] = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21";
    return der.len == ED25519_SPKI_OCTETS &&
           bytes_equal(bytes_slice(der, 0, sizeof(prefix) - 1), BYTES(prefix));
}

/* What p= really holds, when that is not what k= says. NULL: no contradiction. */
static const char *contradiction(const struct record *record, struct bytes octets)
{
    bool ed25519 = record->key.type == DKIM_KEY_ED25519;
    if (is_ed25519_spki(octets))
        return ed25519 ? "k=ed25519, but p= holds the key in a SubjectPublicKeyInfo, not its bare "
                         "32 octets"
                       : "p= holds an Ed25519 key in a SubjectPublicKeyInfo, without k=ed25519";
    if (ed25519 && octets.len > ED25519_SPKI_OCTETS && octets.data[0] == DER_SEQUENCE)
        return "k=ed25519, but p= looks like an RSA key";
    if (!ed25519 && octets.len == ED25519_KEY_OCTETS)
        return "p= looks like an Ed25519 key, without k=ed25519";
    return NULL;
}

static void explain_problem(struct record *record)
{
    uint8_t *octets;
    size_t len;
    struct bytes p = value_of(record, "p");
    bool known = taglist_find(&record->tags, "p") != NULL;
    if (known && p.len == 0) {
        lint_add(record->lint, LINT_DKIM_REVOKED, record->name, "p= is empty");
    } else if (!known || !base64_decode(record->lint->arena, p, &octets, &len)) {
        lint_add(record->lint, LINT_DKIM_SYNTAX, record->name,
                 known ? "p= is not base64" : "p= is missing");
    } else {
        const char *why = contradiction(record, (struct bytes){(const char *)octets, len});
        lint_add(record->lint, why ? LINT_DKIM_MISMATCH : LINT_DKIM_UNUSABLE, record->name, "%s",
                 why ? why : record->key.problem);
    }
}

/* ---- a key that can be used ---- */

static void check_strength(struct record *record)
{
    unsigned bits = record->key.bits;
    if (record->key.type != DKIM_KEY_RSA)
        return;
    if (bits < RSA_BITS_MIN)
        lint_add(record->lint, LINT_DKIM_SHORT, record->name, "RSA key of %u bits", bits);
    else if (bits < RSA_BITS_GOOD)
        lint_add(record->lint, LINT_DKIM_WEAK, record->name, "RSA key of %u bits", bits);
    else if (bits > RSA_BITS_COMMON)
        lint_add(record->lint, LINT_DKIM_LONG, record->name, "RSA key of %u bits", bits);
}

static void check_restrictions(struct record *record)
{
    struct lint *lint = record->lint;
    const struct dkim_key *key = &record->key;
    struct bytes hashes = value_of(record, "h");
    if (!key->allows_sha256)
        lint_add(lint, LINT_DKIM_HASHES, record->name, "h=%s", lint_text(lint, hashes));
    else if (memmem(hashes.data, hashes.len, "sha1", 4))
        lint_add(lint, LINT_DKIM_SHA1, record->name, "h=%s", lint_text(lint, hashes));
    if (!key->allows_email)
        lint_add(lint, LINT_DKIM_SERVICE, record->name, "s=%s",
                 lint_text(lint, value_of(record, "s")));
    if (key->testing)
        lint_add(lint, LINT_DKIM_TESTING, record->name, "t=%s",
                 lint_text(lint, value_of(record, "t")));
    if (key->strict_domain)
        lint_add(lint, LINT_DKIM_STRICT, record->name, "t=%s",
                 lint_text(lint, value_of(record, "t")));
    if (taglist_find(&record->tags, "g"))
        lint_add(lint, LINT_DKIM_OBSOLETE, record->name, "g=%s",
                 lint_text(lint, value_of(record, "g")));
}

static void check_record(struct record *record)
{
    struct lint *lint = record->lint;
    size_t errors = lint->counts[LINT_SEVERITY_ERROR];
    const char *wrong =
        record->text.len > DKIM_KEY_RECORD_MAX
            ? "record is too long"
            : taglist_parse(lint->arena, record->text, DKIM_TAGS_MAX, &record->tags);
    if (wrong) {
        lint_add(lint, LINT_DKIM_SYNTAX, record->name, "%s: %s", wrong,
                 lint_text(lint, record->text));
        return;
    }
    dkim_key_parse(lint->arena, record->text, &record->key);
    if (record->key.problem) {
        explain_problem(record);
    } else {
        check_strength(record);
        check_restrictions(record);
        if (lint->counts[LINT_SEVERITY_ERROR] == errors)
            lint_add(lint, LINT_DKIM_OK, record->name, "%s key of %u bits",
                     record->key.type == DKIM_KEY_RSA ? "RSA" : "Ed25519", record->key.bits);
    }
    dkim_key_clear(&record->key);
}

static void check_selector(struct lint *lint, struct domain selector)
{
    const char *prefix = arena_printf(lint->arena, "%s._domainkey.", domain_text(selector));
    const char *name = lint_name(lint, prefix ? prefix : "", lint->domain);
    const struct dns_answer *answer = lint_query(lint, bytes_of(name), DNS_TXT);
    if (answer->status == DNS_NO_NAME || answer->status == DNS_NO_DATA)
        lint_add(lint, LINT_DKIM_MISSING, name, "no TXT record: %s",
                 dns_status_name(answer->status));
    if (answer->count > 1)
        lint_add(lint, LINT_DKIM_SEVERAL, name, "%zu TXT records", answer->count);
    for (size_t i = 0; i < answer->count && i < DKIM_RECORDS_MAX; i++) {
        struct record record = {.lint = lint, .name = name, .text = answer->records[i].data};
        check_record(&record);
    }
}

/* Without a selector one thing can still be known (RFC 8020 2). */
static void check_any(struct lint *lint)
{
    const char *name = lint_name(lint, "_domainkey.", lint->domain);
    const struct dns_answer *answer = lint_query(lint, bytes_of(name), DNS_TXT);
    if (answer->status == DNS_NO_NAME)
        lint_add(lint, LINT_DKIM_NO_NAMES, name, "no such name");
    else if (answer->status != DNS_TEMPORARY)
        lint_add(lint, LINT_DKIM_NO_SELECTOR, name, "no selector is known, so no key was checked");
}

void lint_dkim(struct lint *lint)
{
    if (lint->selector_count == 0)
        check_any(lint);
    for (size_t i = 0; i < lint->selector_count; i++)
        check_selector(lint, lint->selectors[i]);
}
