/* second_opinion_child.c - libopendkim verifies a message; see second_opinion.h.
 *
 * Used as OpenDKIM uses it, verdicts included; keys come from the table that the parent
 * filled. Even in a child that may crash it is kept from its known memory errors: a guard field
 * that no h= names comes first, and a signature with a long or malformed i= is not shown to it.
 * The flags are those that keep one entry for each DKIM-Signature field, in their order.
 */
#include "second_opinion.h"

#ifdef HAVE_OPENDKIM

#include "message_file.h"
#include "strbuf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include <opendkim/dkim.h>

enum { IDENTITY_OCTETS = 250 }; /* its i= buffer has 257 and no room for the end */

struct child {
    const struct second_opinion_request *request;
    const struct second_opinion_key *keys;
    struct second_opinion_answer *answers;
    size_t count; /* our signatures */
    size_t seen;  /* DKIM-Signature fields so far */
    struct arena *arena;
    DKIM *dkim;
    bool failed;
    bool body_seen;
    char last[2]; /* octets of the body */
};

static struct child child; /* one per process: its callbacks carry no context that fits */

/* ---- keys ---- */

static const struct dns_answer *find_key(struct bytes name)
{
    for (size_t i = 0; i < child.count; i++) {
        if (child.keys[i].answer && bytes_equal_nocase(child.keys[i].name, name))
            return child.keys[i].answer;
    }
    return NULL;
}

static DKIM_CBSTAT refuse(DKIM_SIGINFO *signature, int error)
{
    dkim_sig_seterror(signature, error);
    return DKIM_CBSTAT_ERROR; /* without an error set it would forget the signature */
}

static DKIM_CBSTAT look_up_key(DKIM *dkim, DKIM_SIGINFO *signature, u_char *buffer, size_t size)
{
    const char *selector = (const char *)dkim_sig_getselector(signature);
    const char *domain = (const char *)dkim_sig_getdomain(signature);
    const char *name = arena_printf(child.arena, "%s._domainkey.%s", selector, domain);
    const struct dns_answer *answer = name ? find_key(bytes_of(name)) : NULL;
    (void)dkim;
    if (!answer)
        return refuse(signature, DKIM_SIGERROR_UNKNOWN);
    if (answer->status == DNS_TEMPORARY)
        return refuse(signature, DKIM_SIGERROR_KEYFAIL);
    if (answer->status != DNS_FOUND)
        return DKIM_CBSTAT_NOTFOUND;
    if (answer->count > 1) /* as its own resolver has it */
        return refuse(signature, DKIM_SIGERROR_MULTIREPLY);
    struct bytes record = bytes_slice(answer->records[0].data, 0, size - 1);
    memcpy(buffer, record.data, record.len);
    buffer[record.len] = '\0';
    return DKIM_CBSTAT_CONTINUE;
}

/* ---- the message ---- */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* False for what it would read beyond a buffer: i= that is long, or has "=" without two digits. */
static bool is_safe_identity(struct bytes text)
{
    if (text.len > IDENTITY_OCTETS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '=' &&
            (text.len - i < 3 || !is_hex(text.data[i + 1]) || !is_hex(text.data[i + 2])))
            return false;
    }
    return true;
}

/* Every tag that might pass for i=, however it is written. */
static bool is_safe(struct bytes value)
{
    for (size_t start = 0; start < value.len;) {
        struct bytes rest = bytes_slice(value, start, value.len);
        struct bytes tag = bytes_slice(rest, 0, bytes_find(rest, ';'));
        size_t equals = bytes_find(tag, '=');
        struct bytes name = bytes_trim(bytes_slice(tag, 0, equals));
        bool may_be_identity = name.len && (name.data[name.len - 1] | 0x20) == 'i';
        if (may_be_identity && !is_safe_identity(bytes_trim(bytes_slice(tag, equals + 1, tag.len))))
            return false;
        start += tag.len + 1;
    }
    return true;
}

/* "Name:value" with CRLF folds. */
static const char *field_text(struct bytes name, struct bytes value, size_t *len)
{
    struct strbuf buf;
    strbuf_init(&buf, child.arena);
    strbuf_bytes(&buf, name);
    strbuf_putc(&buf, ':');
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] == '\n' && (i == 0 || value.data[i - 1] != '\r'))
            strbuf_putc(&buf, '\r');
        strbuf_putc(&buf, value.data[i]);
    }
    *len = buf.len;
    return strbuf_string(&buf);
}

static DKIM_STAT feed_field(struct bytes name, struct bytes value)
{
    size_t len;
    const char *text = field_text(name, value, &len);
    if (arena_failed(child.arena))
        child.failed = true;
    if (child.failed)
        return DKIM_STAT_NORESOURCE;
    DKIM_STAT status = dkim_header(child.dkim, (u_char *)(uintptr_t)text, len);
    child.failed = status != DKIM_STAT_OK && status != DKIM_STAT_SYNTAX;
    return status;
}

static void take_field(void *context, struct bytes name, struct bytes value)
{
    (void)context;
    if (bytes_find(value, '\0') < value.len) /* no MTA lets it through */
        value.len = bytes_find(value, '\0');
    if (!bytes_is(bytes_trim(name), "DKIM-Signature")) {
        feed_field(name, value);
        return;
    }
    if (child.seen == child.count) /* beyond MaximumSignatures */
        return;
    struct second_opinion_answer *answer = &child.answers[child.seen++];
    answer->fed = is_safe(value);
    answer->refused = answer->fed && feed_field(name, value) == DKIM_STAT_SYNTAX;
}

static void take_end_of_headers(void *context)
{
    (void)context;
    if (child.failed)
        return;
    DKIM_STAT status = dkim_eoh(child.dkim);
    child.failed = status != DKIM_STAT_OK && status != DKIM_STAT_NOSIG;
}

static void take_body(void *context, struct bytes chunk)
{
    (void)context;
    if (child.failed || chunk.len == 0)
        return;
    child.last[0] = chunk.len > 1 ? chunk.data[chunk.len - 2] : child.last[1];
    child.last[1] = chunk.data[chunk.len - 1];
    child.body_seen = true;
    child.failed =
        dkim_body(child.dkim, (u_char *)(uintptr_t)chunk.data, chunk.len) != DKIM_STAT_OK;
}

static void end_message(void)
{
    _Bool test_key;
    if (child.body_seen && memcmp(child.last, "\r\n", 2) != 0) /* as an MTA would */
        take_body(NULL, BYTES("\r\n"));
    if (!child.failed) /* what it returns is about one signature of its choice */
        (void)dkim_eom(child.dkim, &test_key);
}

/* ---- the library ---- */

/* It judges t= and x= by the system's clock. With the distance to `now` as slack it never finds
 * fault with what is right at `now`. */
static uint64_t clock_drift(const struct second_opinion_request *request)
{
    int64_t system = time(NULL);
    int64_t distance = request->now > system ? request->now - system : system - request->now;
    return (uint64_t)distance + request->skew;
}

static DKIM_LIB *open_library(const struct second_opinion_request *request)
{
    unsigned int flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
    uint64_t drift = clock_drift(request);
    DKIM_LIB *library = dkim_init(NULL, NULL);
    if (library &&
        dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags)) ==
            DKIM_STAT_OK &&
        dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_CLOCKDRIFT, &drift, sizeof(drift)) ==
            DKIM_STAT_OK &&
        dkim_set_key_lookup(library, look_up_key) == DKIM_STAT_OK)
        return library;
    return NULL;
}

static void note_signature(DKIM_SIGINFO *signature, struct second_opinion_answer *answer)
{
    int body = dkim_sig_getbh(signature);
    answer->error = dkim_sig_geterror(signature);
    answer->passed = (dkim_sig_getflags(signature) & DKIM_SIGFLAG_PASSED) != 0;
    answer->body = body == DKIM_SIGBH_MATCH ? 1 : body == DKIM_SIGBH_MISMATCH ? 2 : 0;
    answer->no_key_seen = !answer->refused && answer->error == DKIM_SIGERROR_UNKNOWN;
}

static bool note_signatures(void)
{
    DKIM_SIGINFO **signatures = NULL;
    int count = 0, next = 0;
    if (dkim_getsiglist(child.dkim, &signatures, &count) != DKIM_STAT_OK)
        count = 0; /* no signature was fed */
    for (size_t i = 0; i < child.count; i++) {
        if (!child.answers[i].fed)
            continue;
        if (next == count)
            return false;
        note_signature(signatures[next++], &child.answers[i]);
    }
    return true;
}

bool second_opinion_verify(const struct second_opinion_request *request,
                           const struct second_opinion_key *keys,
                           struct second_opinion_answer *answers, size_t count)
{
    static const unsigned char id[] = "assay"; /* not copied by the library */
    static const struct message_sink sink = {take_field, take_end_of_headers, take_body, NULL};
    DKIM_STAT status;
    DKIM_LIB *library = open_library(request);
    child = (struct child){.request = request, .keys = keys, .answers = answers, .count = count};
    child.arena = arena_new(4 * request->message.len + 65536);
    child.dkim = library && child.arena ? dkim_verify(library, id, NULL, &status) : NULL;
    if (!child.dkim)
        return false;
    feed_field(BYTES("X-5b1d0c7f4e9a48d2b6"), BYTES(" g"));
    message_file_walk(request->message, &sink);
    end_message();
    return !child.failed && child.seen == count && note_signatures();
}

/* ---- in the parent: what the numbers mean ---- */

enum auth_result second_opinion_result(const struct second_opinion_answer *answer)
{
    if (answer->refused)
        return AUTH_PERMERROR;
    switch (answer->error) {
    case DKIM_SIGERROR_OK:
        return answer->passed && answer->body == 1 ? AUTH_PASS : AUTH_FAIL;
    case DKIM_SIGERROR_BADSIG:
    case DKIM_SIGERROR_EXPIRED:
        return AUTH_FAIL;
    case DKIM_SIGERROR_KEYFAIL:
        return AUTH_TEMPERROR;
    case DKIM_SIGERROR_KEYTOOSMALL:
        return AUTH_POLICY;
    default:
        return AUTH_PERMERROR;
    }
}

const char *second_opinion_text(const struct second_opinion_answer *answer)
{
    if (answer->refused && answer->error <= DKIM_SIGERROR_OK)
        return "field of bad syntax";
    if (answer->passed && answer->body == 2)
        return "body hash did not verify";
    if (answer->error == DKIM_SIGERROR_OK)
        return answer->passed && answer->body == 1 ? "signature verified" : "signature not judged";
    const char *text = dkim_sig_geterrorstr(answer->error);
    return text ? text : "unknown error";
}

#endif
