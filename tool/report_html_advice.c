/* report_html_advice.c - what the numbers of one source advise its domain's owner to do.
 *
 * Reports tell how often SPF and DKIM were aligned, not whose machine it is. So: a source with an
 * aligned pass is in our SPF record or holds one of our keys, and advice can be plain. One
 * without any may be a sender that nobody set up, a forwarder, or a thief; that is for the reader
 * to say, and the advice has both halves.
 */
#include "report_html_parts.h"

#include <string.h>

enum { FEW_PERCENT = 5 }; /* failures that a well set up sender has from forwarding */

/* part is less than percent % of total. */
static bool below(uint64_t part, unsigned percent, uint64_t total)
{
    return html_fraction(part, total) * 100 < percent;
}

static bool says(struct bytes failing, const char *words)
{
    return failing.len > 0 && memmem(failing.data, failing.len, words, strlen(words));
}

/* RFC 9990 3.1.6 and, in older reports, RFC 7489 appendix C: an override because of that. The
 * words are those of report_failing_words(). */
static bool is_relayed(struct bytes failing)
{
    return says(failing, "receiver's reason: mailing_list") ||
           says(failing, "receiver's reason: forwarded") ||
           says(failing, "receiver's reason: trusted_forwarder");
}

enum html_advice html_advice_of(const struct report_figures_source *source)
{
    uint64_t failed = html_failed(source->messages, source->passed);
    if (source->messages == 0)
        return HTML_ADVICE_UNKNOWN;
    if (failed > 0 && is_relayed(source->failing))
        return HTML_ADVICE_RELAYED;
    if (source->passed == 0)
        return says(source->failing, "DKIM pass for ") ? HTML_ADVICE_OTHER : HTML_ADVICE_STRANGER;
    if (source->dkim_passed == 0)
        return HTML_ADVICE_SIGN;
    if (failed == 0)
        return source->dkim_passed >= source->messages ? HTML_ADVICE_NOTHING : HTML_ADVICE_SIGN_ALL;
    if (below(failed, FEW_PERCENT, source->messages))
        return HTML_ADVICE_FEW;
    return source->spf_passed == 0 ? HTML_ADVICE_FORWARDED : HTML_ADVICE_SIGN_ALL;
}

/* "d=example.com", or in words where reports did not name the domain. */
static void signing_domain(FILE *out, const struct report_figures_source *source)
{
    if (source->header_from.len == 0) {
        fputs("your domain", out);
        return;
    }
    fputs("<b class=\"d\">d=", out);
    html_text_max(out, source->header_from, HTML_NAME_MAX);
    fputs("</b>", out);
}

void html_advice(FILE *out, const struct report_figures_source *source)
{
    switch (html_advice_of(source)) {
    case HTML_ADVICE_NOTHING:
        fputs("Nothing to do.", out);
        return;
    case HTML_ADVICE_SIGN:
        fputs("Aligned DKIM is missing: let this sender sign with ", out);
        signing_domain(out, source);
        fputs(", so that forwarded mail passes too.", out);
        return;
    case HTML_ADVICE_SIGN_ALL:
        fprintf(out, "Aligned DKIM on %s only: let it sign everything with ",
                html_share(source->dkim_passed, source->messages).text);
        signing_domain(out, source);
        fputs(".", out);
        return;
    case HTML_ADVICE_FORWARDED:
        fputs("SPF is never aligned. A forwarder needs nothing; a service that you use should sign "
              "everything with ",
              out);
        signing_domain(out, source);
        fputs(".", out);
        return;
    case HTML_ADVICE_FEW:
        fputs("Set up well; the few failures look like mail changed on its way.", out);
        return;
    case HTML_ADVICE_RELAYED:
        fputs("Nothing to do: the receiver took it for forwarded mail or a mailing list.", out);
        return;
    case HTML_ADVICE_OTHER:
        fputs("It signs for another domain. If it is yours, let it sign with ", out);
        signing_domain(out, source);
        fputs(" too; if not, DMARC does its work.", out);
        return;
    case HTML_ADVICE_STRANGER:
        fputs("Never passed. If it is yours, let it sign with ", out);
        signing_domain(out, source);
        fputs("; if not, DMARC does its work.", out);
        return;
    case HTML_ADVICE_UNKNOWN:
        fputs(HTML_DASH, out);
        return;
    }
}
