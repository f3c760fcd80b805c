/* report_rules.c - who is sent a report, where to, and when; see report_rules.h. */
#include "report_rules.h"

#include "dmarc_destination.h"
#include "siphash.h"

#include <string.h>
#include <time.h>

/* ---- politeness ---- */

const char *report_rules_impolite(const struct report_config *config,
                                  const struct store_summary *summary)
{
    if (report_rules_excluded(&config->exclude, summary->domain, BYTES_EMPTY))
        return "ReportExclude names the domain";
    /* A domain that is told of a part is told of all. */
    const int64_t passed = summary->passed + summary->others_passed;
    const int64_t accepted = summary->accepted + summary->others_accepted;
    if (config->when == REPORT_WHEN_PASSED && passed == 0)
        return "no message passed (ReportWhen passed)";
    if (config->when == REPORT_WHEN_ACCEPTED && passed == 0 && accepted == 0)
        return "no message was accepted or passed (ReportWhen accepted)";
    return NULL;
}

static bool entry_matches(struct bytes entry, struct bytes domain, struct bytes address)
{
    if (bytes_find(entry, '@') < entry.len)
        return bytes_equal_nocase(entry, address);
    if (entry.len == 0 || entry.data[0] != '.')
        return bytes_equal_nocase(entry, domain);
    return domain.len > entry.len &&
           bytes_equal_nocase(bytes_slice(domain, domain.len - entry.len, entry.len), entry);
}

bool report_rules_excluded(const struct config_list *exclude, struct bytes domain,
                           struct bytes address)
{
    for (size_t i = 0; i < exclude->count; i++) {
        if (entry_matches(bytes_of(exclude->items[i]), domain, address))
            return true;
    }
    return false;
}

/* ---- addresses ---- */

/* A dot-atom of ASCII (RFC 5322 3.2.3): anything else would need quoting in commands and headers,
 * and is not used for mailboxes that programs read. */
static bool is_local_part(struct bytes text)
{
    bool after_dot = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '.' ? after_dot : !is_alnum(c) && (c == '\0' || !strchr("!#$%&'*+-/=?^_`{|}~", c)))
            return false;
        after_dot = c == '.';
    }
    return text.len > 0 && !after_dot;
}

static const char *join(struct arena *arena, struct bytes local, struct domain domain,
                        struct bytes *address)
{
    if (domain_is_none(domain) || domain.labels < 2)
        return "no domain name behind the \"@\"";
    if (!is_local_part(local))
        return "the local part is no dot-atom of ASCII";
    if (local.len > REPORT_LOCAL_MAX || local.len + 1 + domain.len > REPORT_ADDRESS_MAX)
        return "longer than an address may be (RFC 5321 4.5.3.1)";
    const char *text = arena_printf(arena, "%.*s@%s", BYTES_ARGS(local), domain.name);
    *address = bytes_of(text);
    return text ? NULL : "out of memory";
}

/* RFC 3986 2.1; what is no percent-encoding stays as it is, and is no dot-atom then or harmless. */
static struct bytes percent_decode(struct arena *arena, struct bytes text)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    if (!out)
        return BYTES_EMPTY;
    for (size_t i = 0; i < text.len; i++) {
        int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
        int low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;
        if (text.data[i] == '%' && high >= 0 && low >= 0) {
            out[len++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[len++] = text.data[i];
        }
    }
    return (struct bytes){out, len};
}

bool report_rules_is_mailto(struct bytes uri)
{
    return bytes_starts_nocase(uri, BYTES("mailto:"));
}

const char *report_rules_address(struct arena *arena, struct bytes uri, struct bytes *address)
{
    *address = BYTES_EMPTY;
    if (!report_rules_is_mailto(uri))
        return "not a mailto: URI";
    struct bytes rest = bytes_slice(uri, sizeof("mailto:") - 1, uri.len);
    struct bytes local = bytes_slice(rest, 0, bytes_find(rest, '@'));
    struct domain host = dmarc_uri_host(arena, uri);
    if (domain_is_none(host))
        return "not the address of one recipient";
    return join(arena, percent_decode(arena, local), host, address);
}

const char *report_rules_plain_address(struct arena *arena, struct bytes text, struct bytes *out)
{
    size_t at = bytes_find(text, '@');
    *out = BYTES_EMPTY;
    if (at == text.len)
        return "no \"@\"";
    return join(arena, bytes_slice(text, 0, at),
                domain_parse(arena, bytes_slice(text, at + 1, text.len)), out);
}

/* ---- times ---- */

int64_t report_rules_due(struct bytes host, struct bytes domain, int64_t end, unsigned jitter)
{
    /* The key keeps no secret: it sees to it that a run after a restart finds the same time. */
    struct siphash_key key = {.k0 = 1, .k1 = 2};
    if (jitter == 0)
        return end;
    key.k0 = siphash(&key, host);
    return end + (int64_t)(siphash(&key, domain) % jitter);
}

int64_t report_rules_last_end(int64_t now, unsigned interval)
{
    return now < 0 || interval == 0 ? 0 : now - now % interval;
}

int64_t report_rules_pause(int64_t attempts)
{
    enum { FIRST = 1800, LONGEST = 6 * 3600 };
    int64_t pause = FIRST;
    for (int64_t i = 1; i < attempts && pause < LONGEST; i++)
        pause *= 2;
    return pause < LONGEST ? pause : LONGEST;
}

int report_rules_dns_patience(int64_t spent_us)
{
    enum { AT_FIRST = 20, LATER = 1, ENOUGH = 600 /* seconds, of a run of 50 minutes */ };
    return spent_us < ENOUGH * INT64_C(1000000) ? AT_FIRST : LATER;
}

bool report_rules_day(const char *text, int64_t *begin)
{
    unsigned long long year, month, day;
    struct bytes all = bytes_of(text);
    if (all.len != 10 || text[4] != '-' || text[7] != '-' ||
        !bytes_to_number(bytes_slice(all, 0, 4), 9999, &year) ||
        !bytes_to_number(bytes_slice(all, 5, 2), 12, &month) ||
        !bytes_to_number(bytes_slice(all, 8, 2), 31, &day) || year < 1970)
        return false;
    struct tm tm = {.tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day};
    *begin = timegm(&tm);
    /* February 30th has become some day of March. */
    return tm.tm_mon == (int)month - 1 && tm.tm_mday == (int)day;
}
