/* authres_compose.c - our own Authentication-Results field; see the header.
 *
 * A comment carries the reason of whatever is not a plain pass: reasons are
 * our own words around domain names, and are cleaned of what may not stand in
 * a comment all the same.
 */
#include "authres_compose.h"

#include <string.h>

enum {
    HEADER_B_MIN = 8,  /* characters of b= that name a signature (RFC 6008 4) */
    COMMENT_MAX = 200, /* octets of a reason in a comment; the log has it whole */
    FOLD_COLUMN = 78,  /* RFC 5322 2.1.1 */
    FIELD_USUAL = 500, /* octets of the field */
};

/* ctext without parentheses and backslash (RFC 5322 3.2.2). */
static void write_comment(struct strbuf *buf, const char *text)
{
    struct strbuf clean;
    strbuf_init(&clean, buf->arena);
    strbuf_printable(&clean, bytes_of(text), COMMENT_MAX);
    struct bytes view = strbuf_view(&clean);
    strbuf_puts(buf, " (");
    for (size_t i = 0; i < view.len; i++) {
        char c = view.data[i];
        strbuf_putc(buf, c == '(' ? '[' : c == ')' ? ']' : c == '\\' ? '/' : c == ';' ? ',' : c);
    }
    strbuf_putc(buf, ')');
}

static void write_property(struct strbuf *buf, const char *name, struct bytes value)
{
    if (value.len == 0)
        return;
    strbuf_join(buf, " ", name, "=", NULL);
    authres_write_value(buf, value, false);
}

static void write_method(struct strbuf *buf, const char *method, enum auth_result result,
                         const char *reason)
{
    strbuf_join(buf, "; ", method, "=", auth_result_name(result), NULL);
    if (result != AUTH_PASS && result != AUTH_NONE && reason && reason[0])
        write_comment(buf, reason);
}

static void write_spf(struct strbuf *buf, const struct spf_result *spf)
{
    bool helo = spf->scope == SPF_SCOPE_HELO || spf->null_sender;
    write_method(buf, "spf", spf->result, spf->reason);
    write_property(buf, helo ? "smtp.helo" : "smtp.mailfrom", domain_bytes(spf->domain));
}

/* As much of b= as tells this signature from the others, eight characters at least. */
static struct bytes header_b(const struct dkim_results *dkim, size_t index)
{
    struct bytes own = dkim->signatures[index].signature;
    size_t len = HEADER_B_MIN;
    for (size_t i = 0; i < dkim->count; i++) {
        struct bytes other = dkim->signatures[i].signature;
        while (i != index && len < own.len && len < DOMAIN_MAX &&
               bytes_equal(bytes_slice(own, 0, len), bytes_slice(other, 0, len)))
            len++;
    }
    return bytes_slice(own, 0, len);
}

static bool is_base64_text(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!is_alnum(c) && c != '+' && c != '/' && c != '=')
            return false;
    }
    return text.len > 0;
}

static void write_dkim(struct strbuf *buf, const struct dkim_results *dkim)
{
    if (dkim->count == 0)
        write_method(buf, "dkim", AUTH_NONE, NULL);
    for (size_t i = 0; i < dkim->count; i++) {
        const struct dkim_signature *signature = &dkim->signatures[i];
        write_method(buf, "dkim", signature->result, signature->reason);
        if (signature->testing && signature->result == AUTH_PASS)
            write_comment(buf, "key in test mode");
        write_property(buf, "header.d", domain_bytes(signature->domain));
        write_property(buf, "header.s", domain_bytes(signature->selector));
        write_property(buf, "header.a", bytes_of(signature->algorithm));
        struct bytes b = header_b(dkim, i);
        if (is_base64_text(b)) {
            strbuf_puts(buf, " header.b=\"");
            strbuf_bytes(buf, b);
            strbuf_putc(buf, '"');
        }
    }
}

static void write_dmarc(struct strbuf *buf, const struct outcome *outcome)
{
    const struct dmarc_result *dmarc = &outcome->dmarc;
    const char *policy = dmarc_policy_name(dmarc->policy);
    strbuf_join(buf, "; dmarc=", auth_result_name(dmarc->result), NULL);
    if (dmarc->has_record && policy[0])
        strbuf_join(buf, " (p=", policy, " dis=", dmarc_policy_name(outcome->verdict.disposition),
                    ")", NULL);
    else if (dmarc->result != AUTH_NONE)
        write_comment(buf, dmarc->reason);
    write_property(buf, "header.from", domain_bytes(dmarc->from_domain));
    /* RFC 9989 9.2: the policy after all options, t= among them, have been looked at. */
    if (dmarc->result == AUTH_PASS || dmarc->result == AUTH_FAIL)
        write_property(buf, "policy.dmarc", bytes_of(dmarc_policy_name(dmarc->effective_policy)));
}

const char *authres_compose(struct arena *arena, const struct policy_settings *settings,
                            const struct outcome *outcome)
{
    struct strbuf buf;
    strbuf_init(&buf, arena);
    strbuf_room(&buf, FIELD_USUAL);
    authres_write_value(&buf, bytes_of(settings->authserv_id), false);
    write_spf(&buf, &outcome->spf);
    if (outcome->helo_spf.reason)
        write_spf(&buf, &outcome->helo_spf);
    write_dkim(&buf, &outcome->dkim);
    write_dmarc(&buf, outcome);
    return strbuf_string(&buf);
}

/* Length of the piece at the start of text that must stay on one line: up to
 * the next space outside quotes and comments. */
static size_t piece_length(struct bytes text)
{
    bool quoted = false;
    unsigned depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '\\' && quoted)
            i++;
        else if (c == '"' && depth == 0) /* in a comment it is like any other octet */
            quoted = !quoted;
        else if (c == '(' && !quoted)
            depth++;
        else if (c == ')' && !quoted)
            depth--;
        else if (c == ' ' && i > 0 && !quoted && depth == 0)
            return i;
    }
    return text.len;
}

const char *authres_fold(struct arena *arena, const char *value)
{
    struct strbuf buf;
    struct bytes rest = bytes_of(value);
    size_t column = strlen("Authentication-Results: ");
    bool fold_next = false; /* the piece before ended a result */
    strbuf_init(&buf, arena);
    strbuf_room(&buf, FIELD_USUAL);
    while (rest.len) {
        struct bytes piece = bytes_slice(rest, 0, piece_length(rest));
        rest = bytes_slice(rest, piece.len, rest.len);
        bool inner = piece.data[0] == ' ';
        if (inner && (fold_next || column + piece.len > FOLD_COLUMN)) {
            strbuf_puts(&buf, "\n\t");
            piece = bytes_slice(piece, 1, piece.len);
            column = 8;
        }
        strbuf_bytes(&buf, piece);
        column += piece.len;
        fold_next = piece.len && piece.data[piece.len - 1] == ';';
    }
    return strbuf_string(&buf);
}
