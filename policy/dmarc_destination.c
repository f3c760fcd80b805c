/* dmarc_destination.c - external report destinations (RFC 9990 4; RFC 9991 takes
 * the same procedure for failure reports); see dmarc_destination.h. */
#include "dmarc_destination.h"

#include "bounds.h"
#include "dmarc_record.h"

#include <string.h>

/* ---- the host of a URI ---- */

static size_t count_octet(struct bytes text, char octet)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == octet;
    return count;
}

/* True when text has the octet percent-encoded. */
static bool has_encoded(struct bytes text, char octet)
{
    for (size_t i = 0; i + 2 < text.len; i++) {
        int high = hex_value(text.data[i + 1]), low = hex_value(text.data[i + 2]);
        if (text.data[i] == '%' && high >= 0 && low >= 0 && high * 16 + low == octet)
            return true;
    }
    return false;
}

/* RFC 6068 allows several addresses, "a@one.example%2Cb@two.example": only the last
 * one's host would be asked for its agreement. */
static struct domain mailto_host(struct arena *arena, struct bytes rest)
{
    struct bytes address = bytes_slice(rest, 0, bytes_find(rest, '?'));
    if (count_octet(address, '@') != 1 || bytes_find(address, '@') == 0 ||
        has_encoded(address, '@') || has_encoded(address, ','))
        return DOMAIN_NONE;
    return domain_of_address(arena, address);
}

/* authority = [ userinfo "@" ] host [ ":" port ] (RFC 3986 3.2) */
static struct domain authority_host(struct arena *arena, struct bytes rest)
{
    if (!bytes_starts_nocase(rest, BYTES("//")))
        return DOMAIN_NONE;
    size_t end = 2;
    while (end < rest.len && !strchr("/?#", rest.data[end]))
        end++;
    struct bytes authority = bytes_slice(rest, 2, end - 2);
    size_t at = bytes_find(authority, '@');
    if (at < authority.len)
        authority = bytes_slice(authority, at + 1, authority.len);
    return domain_parse(arena, bytes_slice(authority, 0, bytes_find(authority, ':')));
}

struct domain dmarc_uri_host(struct arena *arena, struct bytes uri)
{
    size_t colon = bytes_find(uri, ':');
    struct bytes rest = bytes_slice(uri, colon + 1, uri.len);
    if (colon >= uri.len)
        return DOMAIN_NONE;
    return bytes_is(bytes_slice(uri, 0, colon), "mailto") ? mailto_host(arena, rest)
                                                          : authority_host(arena, rest);
}

/* ---- the check ---- */

static void conclude(struct dmarc_destination *out, enum dmarc_destination_status status,
                     const char *reason)
{
    out->status = status;
    out->reason = reason ? reason : "out of memory";
}

/* The URI itself, in an array of one. */
static void use_uri(struct arena *arena, struct bytes uri, struct dmarc_destination *out)
{
    out->uris = arena_alloc(arena, sizeof(*out->uris));
    if (!out->uris) {
        conclude(out, DMARC_DESTINATION_TEMPORARY, NULL);
        return;
    }
    out->uris[0].text = uri;
    out->uri_count = 1;
}

/* Are both names of one Organizational Domain? False with *failure set when
 * that could not be found out. */
static bool same_organization(struct dns_session *session, struct arena *arena, struct domain a,
                              struct domain b, const char **failure)
{
    struct dmarc_walk walk_a, walk_b;
    *failure = NULL;
    if (domain_equal(a, b))
        return true;
    dmarc_prefetch(session, a);
    dmarc_prefetch(session, b);
    dmarc_walk(session, arena, a, &walk_a);
    dmarc_walk(session, arena, b, &walk_b);
    if (walk_a.temporary_error || walk_b.temporary_error)
        *failure = walk_a.temporary_error ? walk_a.cause : walk_b.cause;
    return !*failure && domain_equal(walk_a.organizational, walk_b.organizational);
}

struct agreement {
    size_t records;   /* that say v=DMARC1 */
    size_t uris;      /* that they put in the place of ours */
    size_t elsewhere; /* of these, not at the same host */
};

/* Steps 6 to 9: every record that parses confirms, those with the tag override. */
static struct agreement read_records(struct arena *arena, const struct dns_answer *answer,
                                     bool failure, struct dmarc_destination *out)
{
    struct agreement found = {0};
    out->uris = arena_array(arena, DMARC_URIS_MAX, sizeof(*out->uris));
    for (size_t i = 0; i < answer->count; i++) {
        struct dmarc_scan scan;
        if (!dmarc_record_scan(answer->records[i].data, &scan))
            continue;
        found.records++;
        const struct dmarc_uri *uris = failure ? scan.ruf : scan.rua;
        size_t count = failure ? scan.record.ruf_count : scan.record.rua_count;
        for (size_t j = 0; j < count; j++) {
            found.uris++;
            if (!domain_equal(dmarc_uri_host(arena, uris[j].text), out->host))
                found.elsewhere++;
            else if (out->uris && out->uri_count < DMARC_URIS_MAX)
                out->uris[out->uri_count++] = uris[j];
        }
    }
    return found;
}

static void judge_answer(struct arena *arena, const struct dns_answer *answer, struct bytes uri,
                         bool failure, struct dmarc_destination *out)
{
    if (answer->status == DNS_TEMPORARY) {
        conclude(out, DMARC_DESTINATION_TEMPORARY,
                 arena_printf(arena, "TXT %s: %s", out->name, answer->cause));
        return;
    }
    struct agreement found = read_records(arena, answer, failure, out);
    if (found.records == 0) {
        conclude(out, DMARC_DESTINATION_REFUSED,
                 arena_printf(arena, "no v=DMARC1 record at %s", out->name));
    } else if (found.uris == 0) {
        conclude(out, DMARC_DESTINATION_CONFIRMED,
                 arena_printf(arena, "agreement at %s", out->name));
        use_uri(arena, uri, out);
    } else if (found.elsewhere == found.uris) {
        conclude(out, DMARC_DESTINATION_MISMATCH,
                 arena_printf(arena, "%s overrides the address with one that is not at %s",
                              out->name, out->host.name));
    } else {
        out->overridden = true;
        conclude(out, DMARC_DESTINATION_CONFIRMED,
                 arena_printf(arena, "agreement at %s, with another address", out->name));
    }
}

static void ask(struct dns_session *session, struct arena *arena, struct domain policy_domain,
                struct bytes uri, bool failure, struct dmarc_destination *out)
{
    out->name = arena_printf(arena, "%s._report._dmarc.%s", policy_domain.name, out->host.name);
    if (!out->name) {
        conclude(out, DMARC_DESTINATION_TEMPORARY, NULL);
        return;
    }
    /* Step 4. dns_query() would say that such a name does not exist; the reason
     * tells more. */
    if (strlen(out->name) > DOMAIN_MAX) {
        conclude(out, DMARC_DESTINATION_REFUSED,
                 "the name of the agreement would be too long for DNS");
        return;
    }
    judge_answer(arena, dns_query(session, bytes_of(out->name), DNS_TXT), uri, failure, out);
}

void dmarc_destination_check(struct dns_session *session, struct arena *arena,
                             struct domain policy_domain, struct bytes uri, bool failure,
                             struct dmarc_destination *out)
{
    const char *trouble;
    *out = (struct dmarc_destination){.host = dmarc_uri_host(arena, uri)};
    if (domain_is_none(out->host)) {
        conclude(out, DMARC_DESTINATION_UNUSABLE, "the URI names no host");
        return;
    }
    if (same_organization(session, arena, policy_domain, out->host, &trouble)) {
        conclude(out, DMARC_DESTINATION_OWN, "same Organizational Domain");
        use_uri(arena, uri, out);
    } else if (trouble) {
        conclude(out, DMARC_DESTINATION_TEMPORARY, trouble);
    } else {
        ask(session, arena, policy_domain, uri, failure, out);
    }
}
