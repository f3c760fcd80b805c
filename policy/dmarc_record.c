/* dmarc_record.c - the DMARC record: text in, struct out (RFC 9989 4.7, 4.8).
 *
 * Relies on taglist.h for the tag-list. Grammar only: what a missing or an
 * invalid p= means is decided in dmarc_evaluate.c.
 */
#include "dmarc_record.h"

#include "bounds.h"
#include "taglist.h"

#include <string.h>

const char *dmarc_policy_name(enum dmarc_policy policy)
{
    switch (policy) {
    case DMARC_POLICY_NONE:
        return "none";
    case DMARC_POLICY_QUARANTINE:
        return "quarantine";
    case DMARC_POLICY_REJECT:
        return "reject";
    case DMARC_POLICY_UNSET:
    case DMARC_POLICY_INVALID:
        break;
    }
    return "";
}

const char *dmarc_tag_name(enum dmarc_tag tag)
{
    switch (tag) {
    case DMARC_TAG_P:
        return "p";
    case DMARC_TAG_SP:
        return "sp";
    case DMARC_TAG_NP:
        return "np";
    case DMARC_TAG_NONE:
        break;
    }
    return "";
}

const char *dmarc_policy_defect(const struct dmarc_record *record)
{
    if (record->p == DMARC_POLICY_UNSET)
        return "p= is missing";
    if (record->p == DMARC_POLICY_INVALID)
        return "p= is invalid";
    if (record->sp == DMARC_POLICY_INVALID)
        return "sp= is invalid";
    if (record->np == DMARC_POLICY_INVALID)
        return "np= is invalid";
    return NULL;
}

/* Keeps the first oddity: it is the one a publisher should look at. */
static void note(struct dmarc_record *record, const char *problem)
{
    if (!record->problem)
        record->problem = problem;
}

/* ---- values ---- */

static enum dmarc_policy policy_of(struct bytes value)
{
    if (bytes_is(value, "none"))
        return DMARC_POLICY_NONE;
    if (bytes_is(value, "quarantine"))
        return DMARC_POLICY_QUARANTINE;
    if (bytes_is(value, "reject"))
        return DMARC_POLICY_REJECT;
    return DMARC_POLICY_INVALID;
}

/* A one-letter choice; a value that is neither leaves the default (4.7). */
static bool choice(struct dmarc_record *record, struct bytes value, const char *yes, const char *no,
                   const char *problem)
{
    if (bytes_is(value, yes))
        return true;
    if (!bytes_is(value, no))
        note(record, problem);
    return false;
}

static enum dmarc_psd psd_of(struct dmarc_record *record, struct bytes value)
{
    if (bytes_is(value, "y"))
        return DMARC_PSD_YES;
    if (bytes_is(value, "n"))
        return DMARC_PSD_NO;
    if (!bytes_is(value, "u"))
        note(record, "psd= has an unknown value");
    return DMARC_PSD_UNKNOWN;
}

static unsigned fo_bit(struct bytes item)
{
    if (bytes_is(item, "0"))
        return DMARC_FO_ALL;
    if (bytes_is(item, "1"))
        return DMARC_FO_ANY;
    if (bytes_is(item, "d"))
        return DMARC_FO_DKIM;
    return bytes_is(item, "s") ? DMARC_FO_SPF : 0;
}

/* Takes the piece up to `separator` off *rest, trimmed; false when none is left. */
static bool next_item(struct bytes *rest, char separator, struct bytes *item)
{
    if (!rest->data)
        return false;
    size_t end = bytes_find(*rest, separator);
    *item = bytes_trim(bytes_slice(*rest, 0, end));
    *rest = end < rest->len ? bytes_slice(*rest, end + 1, rest->len) : (struct bytes){NULL, 0};
    return true;
}

/* dmarc-fo (4.8): a colon-separated list, each letter once, 0 and 1 not
 * together. Any syntax error gives the default. */
static unsigned fo_of(struct dmarc_record *record, struct bytes value)
{
    unsigned bits = 0;
    struct bytes item;
    while (next_item(&value, ':', &item)) {
        unsigned bit = fo_bit(item);
        if (bit == 0 || (bits & bit)) {
            note(record, "fo= is malformed");
            return DMARC_FO_ALL;
        }
        bits |= bit;
    }
    if ((bits & DMARC_FO_ALL) && (bits & DMARC_FO_ANY)) {
        note(record, "fo= has both 0 and 1");
        return DMARC_FO_ALL;
    }
    return bits;
}

/* ---- URIs ---- */

/* The obsolete report size (4.8, obs-dmarc-report-size): "!" 1*DIGIT [k/m/g/t]. */
static bool is_report_size(struct bytes text)
{
    text = bytes_trim(text);
    if (text.len && strchr("kmgt", to_lower(text.data[text.len - 1])))
        text = bytes_trim(bytes_slice(text, 0, text.len - 1));
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i]))
            return false;
    }
    return text.len > 0;
}

static struct bytes without_report_size(struct bytes uri)
{
    size_t mark = bytes_find(uri, '!');
    if (mark < uri.len && is_report_size(bytes_slice(uri, mark + 1, uri.len)))
        return bytes_trim(bytes_slice(uri, 0, mark));
    return uri;
}

static bool is_scheme_octet(int c)
{
    return is_alnum(c) || c == '+' || c == '-' || c == '.';
}

/* unreserved, gen-delims and sub-delims of RFC 3986 2.2 and 2.3, without the
 * two that 4.8 wants encoded: "," and "!". */
static bool is_uri_octet(int c)
{
    return is_alnum(c) || (c > 0 && c < 0x80 && strchr("-._~:/?#[]@$&'()*+;=", c));
}

/* RFC 3986 syntax as far as it decides 4.10.1: a scheme, ":" and something made
 * of legal octets. Whether we can send to it is the report sender's business. */
static bool is_uri(struct bytes text)
{
    struct cursor cursor = cursor_of(text);
    if (!is_alpha(cursor_peek(&cursor)))
        return false;
    cursor_run(&cursor, is_scheme_octet);
    cursor_expect(&cursor, ':');
    if (cursor_at_end(&cursor))
        return false;
    while (!cursor_at_end(&cursor)) {
        int c = cursor_next(&cursor);
        if (c == '%') {
            if (hex_value(cursor_next(&cursor)) < 0 || hex_value(cursor_next(&cursor)) < 0)
                return false;
        } else if (!is_uri_octet(c)) {
            return false;
        }
    }
    return !cursor.failed;
}

/* dmarc-urilist (4.8). A bad URI is ignored, the others stay (4.7). */
static size_t uris_of(struct dmarc_record *record, struct bytes value,
                      struct dmarc_uri uris[DMARC_URIS_MAX], const char *problem)
{
    size_t count = 0;
    struct bytes item;
    while (next_item(&value, ',', &item)) {
        struct bytes uri = without_report_size(item);
        if (!is_uri(uri))
            note(record, problem);
        else if (count == DMARC_URIS_MAX)
            note(record, "too many report addresses");
        else
            uris[count++].text = uri;
    }
    return count;
}

/* ---- tags ---- */

enum known_tag {
    TAG_P,
    TAG_SP,
    TAG_NP,
    TAG_PSD,
    TAG_ADKIM,
    TAG_ASPF,
    TAG_T,
    TAG_FO,
    TAG_RUA,
    TAG_RUF,
    TAG_UNKNOWN
};

static const char *const tag_names[] = {
    [TAG_P] = "p",       [TAG_SP] = "sp", [TAG_NP] = "np", [TAG_PSD] = "psd", [TAG_ADKIM] = "adkim",
    [TAG_ASPF] = "aspf", [TAG_T] = "t",   [TAG_FO] = "fo", [TAG_RUA] = "rua", [TAG_RUF] = "ruf",
};

/* Tag names are case-sensitive (4.7 takes the tag-list of RFC 6376 3.2); only
 * "v" is a literal of the ABNF in 4.8 and so has no case. */
static enum known_tag tag_of(struct dmarc_record *record, struct bytes name)
{
    for (int tag = 0; tag < TAG_UNKNOWN; tag++) {
        struct bytes known = bytes_of(tag_names[tag]);
        if (bytes_equal(name, known))
            return (enum known_tag)tag;
        if (bytes_equal_nocase(name, known))
            note(record, "tag name in upper case, ignored");
    }
    return TAG_UNKNOWN;
}

static void set_tag(struct dmarc_scan *scan, enum known_tag tag, struct bytes value)
{
    struct dmarc_record *record = &scan->record;
    switch (tag) {
    case TAG_P:
        record->p = policy_of(value);
        break;
    case TAG_SP:
        record->sp = policy_of(value);
        break;
    case TAG_NP:
        record->np = policy_of(value);
        break;
    case TAG_PSD:
        record->psd = psd_of(record, value);
        break;
    case TAG_ADKIM:
        record->strict_dkim = choice(record, value, "s", "r", "adkim= has an unknown value");
        break;
    case TAG_ASPF:
        record->strict_spf = choice(record, value, "s", "r", "aspf= has an unknown value");
        break;
    case TAG_T:
        record->testing = choice(record, value, "y", "n", "t= has an unknown value");
        break;
    case TAG_FO:
        record->fo = fo_of(record, value);
        break;
    case TAG_RUA:
        record->rua_count = uris_of(record, value, scan->rua, "rua= holds an invalid URI");
        break;
    case TAG_RUF:
        record->ruf_count = uris_of(record, value, scan->ruf, "ruf= holds an invalid URI");
        break;
    case TAG_UNKNOWN: /* MUST be ignored (4.7); so are pct, rf and ri (9.3) */
        break;
    }
    if (record->p == DMARC_POLICY_INVALID)
        note(record, "p= has an unknown value");
    if (record->sp == DMARC_POLICY_INVALID)
        note(record, "sp= has an unknown value");
    if (record->np == DMARC_POLICY_INVALID)
        note(record, "np= has an unknown value");
}

/* The first tag must be v=DMARC1, the value in this case exactly; otherwise
 * the text is no DMARC record (4.7, 4.10 step 2). */
static bool take_version(struct cursor *cursor)
{
    struct tag tag;
    return taglist_next(cursor, &tag) == TAGLIST_TAG && bytes_is(tag.name, "v") &&
           bytes_equal(tag.value, BYTES("DMARC1"));
}

/* Pieces that are no tag-spec are ignored (4.7). Of a repeated tag, of which
 * RFC 9989 does not speak, the first one counts. */
static void scan_tags(struct dmarc_scan *scan, struct cursor *cursor)
{
    unsigned seen = 0;
    struct tag piece;
    enum taglist_item item;
    while ((item = taglist_next(cursor, &piece)) != TAGLIST_END) {
        if (item == TAGLIST_MALFORMED) {
            if (piece.name.len) /* an empty piece, ";;", is not worth a word */
                note(&scan->record, "malformed tag");
            continue;
        }
        enum known_tag tag = tag_of(&scan->record, piece.name);
        if (tag == TAG_UNKNOWN)
            continue;
        if (seen & 1u << tag) {
            note(&scan->record, "tag appears twice");
            continue;
        }
        seen |= 1u << tag;
        set_tag(scan, tag, piece.value);
    }
}

bool dmarc_record_scan(struct bytes text, struct dmarc_scan *scan)
{
    struct cursor cursor = cursor_of(text);
    if (!take_version(&cursor))
        return false;
    scan->record = (struct dmarc_record){.fo = DMARC_FO_ALL};
    /* The ABNF of 4.8 starts with "v"; the tag-list that 4.7 refers to allows
     * white space before it, and receivers in the field do. */
    if (is_fws(text.data[0]))
        note(&scan->record, "white space before v=");
    if (text.len > DMARC_RECORD_MAX)
        note(&scan->record, "record is too long");
    else
        scan_tags(scan, &cursor);
    if (scan->record.p == DMARC_POLICY_UNSET)
        note(&scan->record, "p= is missing");
    return true;
}

/* ---- the public form ---- */

static struct dmarc_uri *copy_uris(struct arena *arena, const struct dmarc_uri *uris, size_t count)
{
    struct dmarc_uri *copy = arena_array(arena, count, sizeof(*copy));
    for (size_t i = 0; copy && i < count; i++)
        copy[i].text = arena_bytes(arena, uris[i].text);
    return copy;
}

/* A record without its URIs is still a record when memory runs out: the arena
 * remembers, and its owner gives the message up. */
void dmarc_record_copy(struct arena *arena, const struct dmarc_record *record,
                       struct dmarc_record *out)
{
    *out = *record;
    out->rua = record->rua_count ? copy_uris(arena, record->rua, record->rua_count) : NULL;
    out->ruf = record->ruf_count ? copy_uris(arena, record->ruf, record->ruf_count) : NULL;
    if (!out->rua)
        out->rua_count = 0;
    if (!out->ruf)
        out->ruf_count = 0;
}

bool dmarc_record_parse(struct arena *arena, struct bytes text, struct dmarc_record *out)
{
    struct dmarc_scan scan;
    if (!dmarc_record_scan(text, &scan))
        return false;
    scan.record.rua = scan.rua;
    scan.record.ruf = scan.ruf;
    dmarc_record_copy(arena, &scan.record, out);
    return true;
}
