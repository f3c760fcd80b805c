/* report_failing.c - why messages do not pass DMARC, in words; see report_figures.h.
 *
 * The words are as few as can be, since the same words are counted together.
 */
#include "report_figures.h"

enum { NAME_MAX_OCTETS = 100, RESULT_MAX_OCTETS = 40 /* of a stranger's text that are shown */ };

static void add_name(struct strbuf *words, struct bytes text, size_t max)
{
    mime_clean(words, text, BYTES_EMPTY, max);
}

/* "DKIM pass for other.example, not aligned": it passed, and did not count. */
static void add_pass(struct strbuf *words, const char *method, struct bytes domain,
                     struct bytes header_from)
{
    strbuf_puts(words, method);
    strbuf_puts(words, " pass");
    if (domain.len) {
        strbuf_puts(words, " for ");
        add_name(words, domain, NAME_MAX_OCTETS);
    }
    strbuf_puts(words, bytes_equal_nocase(domain, header_from) ? ", not counted" : ", not aligned");
}

static void add_other(struct strbuf *words, const char *method, struct bytes result,
                      struct bytes domain, struct bytes header_from)
{
    strbuf_puts(words, method);
    strbuf_putc(words, ' ');
    add_name(words, result.len ? result : BYTES("without result"), RESULT_MAX_OCTETS);
    if (domain.len && !bytes_equal_nocase(domain, header_from)) {
        strbuf_puts(words, " for ");
        add_name(words, domain, NAME_MAX_OCTETS);
    }
}

static void add_dkim(struct strbuf *words, const struct feedback_record *record)
{
    for (size_t i = 0; i < record->dkim_count; i++) {
        if (bytes_is(record->dkim[i].result, "pass")) {
            add_pass(words, "DKIM", record->dkim[i].domain, record->header_from);
            return;
        }
    }
    if (record->dkim_count == 0) /* no signature, no element (RFC 9990 3.1.1.11) */
        strbuf_puts(words, "no DKIM signature");
    else
        add_other(words, "DKIM", record->dkim[0].result, record->dkim[0].domain,
                  record->header_from);
}

static void add_spf(struct strbuf *words, const struct feedback_record *record)
{
    for (size_t i = 0; i < record->spf_count; i++) {
        if (bytes_is(record->spf[i].result, "pass")) {
            add_pass(words, "SPF", record->spf[i].domain, record->header_from);
            return;
        }
    }
    if (record->spf_count == 0)
        strbuf_puts(words, "no SPF result");
    else
        add_other(words, "SPF", record->spf[0].result, record->spf[0].domain, record->header_from);
}

bool report_record_passed(const struct feedback_record *record)
{
    return record->dkim_pass || record->spf_pass;
}

struct bytes report_failing_words(struct arena *arena, const struct feedback_record *record)
{
    struct strbuf words;
    strbuf_init(&words, arena);
    add_dkim(&words, record);
    strbuf_puts(&words, "; ");
    add_spf(&words, record);
    if (record->reason_count && record->reasons[0].type.len) {
        strbuf_puts(&words, "; receiver's reason: ");
        add_name(&words, record->reasons[0].type, RESULT_MAX_OCTETS);
    }
    return strbuf_view(&words);
}
