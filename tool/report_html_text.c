/* report_html_text.c - words and numbers of the page: escaping, thousands, percent, dates. */
#include "report_html_parts.h"

#include "rfc5322.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

/* ---- strangers' text ---- */

static unsigned code_point(const char *octets, size_t len)
{
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned code = (unsigned char)octets[0] & lead[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)octets[i] & 0x3f);
    return code;
}

/* What may stand in XML 1.0 and is neither a control nor turns the direction of writing
 * (U+061C, U+200E to U+200F, U+202A to U+202E, U+2066 to U+2069). */
static bool is_shown(unsigned code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code & 0xfffe) == 0xfffe)
        return false;
    return code != 0x61c && code != 0x200e && code != 0x200f &&
           !(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069);
}

static void put_character(FILE *out, const char *octets, size_t len)
{
    switch (octets[0]) {
    case '&':
        fputs("&amp;", out);
        return;
    case '<':
        fputs("&lt;", out);
        return;
    case '>':
        fputs("&gt;", out);
        return;
    case '"':
        fputs("&quot;", out);
        return;
    case '\'':
        fputs("&#39;", out);
        return;
    default:
        fwrite(octets, 1, len, out);
    }
}

void html_text_max(FILE *out, struct bytes text, size_t max)
{
    for (size_t n = 0; text.len > 0; n++) {
        if (n == max) {
            fputs("\xe2\x80\xa6", out);
            return;
        }
        size_t len = rfc5322_utf8_length(text);
        if (len > 0 && is_shown(code_point(text.data, len)))
            put_character(out, text.data, len);
        else
            fputs(replacement, out);
        text = bytes_slice(text, len > 0 ? len : 1, text.len);
    }
}

void html_text(FILE *out, struct bytes text)
{
    html_text_max(out, text, SIZE_MAX);
}

static bool is_long(struct bytes text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return n > HTML_NAME_MAX;
}

void html_name(FILE *out, const char *tag, const char *class, struct bytes name)
{
    fprintf(out, "<%s class=\"%s\"", tag, class);
    if (is_long(name)) {
        fputs(" title=\"", out);
        html_text(out, name);
        fputc('"', out);
    }
    fputc('>', out);
    html_text_max(out, name, HTML_NAME_MAX);
    fprintf(out, "</%s>", tag);
}

/* ---- counts ---- */

uint64_t html_failed(uint64_t messages, uint64_t passed)
{
    return passed < messages ? messages - passed : 0;
}

uint64_t html_sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

double html_fraction(uint64_t part, uint64_t total)
{
    if (total == 0)
        return 0;
    return part < total ? (double)part / (double)total : 1;
}

struct html_label html_count(uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    struct html_label label = {""};
    char *at = label.text;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return label;
}

struct html_label html_compact(uint64_t n)
{
    static const struct {
        uint64_t unit;
        const char *name;
    } units[] = {{1000000000000000000, "qn"}, {1000000000000000, "qd"}, {1000000000000, "tn"},
                 {1000000000, "bn"},          {1000000, "M"},           {1000, "k"}};
    if (n < 10000)
        return html_count(n);
    size_t i = 0;
    while (units[i].unit > n)
        i++;
    struct html_label label = html_count(n / units[i].unit);
    unsigned tenth = (unsigned)(n % units[i].unit / (units[i].unit / 10));
    size_t len = strlen(label.text);
    if (tenth > 0)
        snprintf(label.text + len, sizeof label.text - len, ".%u" HTML_THIN "%s", tenth,
                 units[i].name);
    else
        snprintf(label.text + len, sizeof label.text - len, HTML_THIN "%s", units[i].name);
    return label;
}

struct html_label html_fitting(uint64_t n)
{
    const uint64_t widest = 9999999999;
    return n <= widest ? html_count(n) : html_compact(n);
}

struct html_label html_counted(uint64_t n, const char *noun, const char *plural)
{
    struct html_label label = html_count(n);
    size_t len = strlen(label.text);
    if (n == 1 || !plural)
        snprintf(label.text + len, sizeof label.text - len, " %s%s", noun, n == 1 ? "" : "s");
    else
        snprintf(label.text + len, sizeof label.text - len, " %s", plural);
    return label;
}

struct html_label html_share(uint64_t part, uint64_t total)
{
    struct html_label label = {HTML_DASH};
    if (total == 0)
        return label;
    if (part >= total || part == 0) {
        snprintf(label.text, sizeof label.text, "%d" HTML_THIN "%%", part == 0 ? 0 : 100);
        return label;
    }
    while (total > UINT64_MAX / 200000) { /* the digits lost are far behind the point */
        total /= 2;
        part /= 2;
    }
    uint64_t hundredths = (part * 20000 / total + 1) / 2; /* rounded */
    uint64_t tenths = (part * 2000 / total + 1) / 2;
    if (hundredths == 0)
        snprintf(label.text, sizeof label.text, "under 0.01" HTML_THIN "%%");
    else if (hundredths >= 10000)
        snprintf(label.text, sizeof label.text, "over 99.99" HTML_THIN "%%");
    else if (tenths == 0 || tenths >= 1000)
        snprintf(label.text, sizeof label.text, "%u.%02u" HTML_THIN "%%",
                 (unsigned)(hundredths / 100), (unsigned)(hundredths % 100));
    else
        snprintf(label.text, sizeof label.text, "%u.%u" HTML_THIN "%%", (unsigned)(tenths / 10),
                 (unsigned)(tenths % 10));
    return label;
}

/* ---- dates ---- */

static struct html_label formatted(int64_t time, const char *format)
{
    struct html_label label = {"?"};
    time_t when = (time_t)time;
    struct tm tm;
    if (!gmtime_r(&when, &tm) || strftime(label.text, sizeof label.text, format, &tm) == 0)
        return (struct html_label){"?"};
    return label;
}

/* strftime() pads days with a blank. */
static struct html_label unpadded(struct html_label label)
{
    if (label.text[0] == ' ')
        memmove(label.text, label.text + 1, strlen(label.text));
    return label;
}

struct html_label html_date(int64_t time)
{
    return unpadded(formatted(time, "%e %b %Y"));
}

struct html_label html_moment(int64_t time)
{
    return formatted(time, "%Y-%m-%d %H:%M UTC");
}

static bool is_same(int64_t a, int64_t b, const char *format)
{
    return strcmp(formatted(a, format).text, formatted(b, format).text) == 0;
}

struct html_label html_period_text(int64_t begin, int64_t end)
{
    int64_t last = end > begin ? end - 1 : begin;
    const char *format = is_same(begin, last, "%Y %m") ? "%e"
                         : is_same(begin, last, "%Y")  ? "%e %b"
                                                       : "%e %b %Y";
    if (is_same(begin, last, "%Y %j"))
        return html_date(begin);
    struct html_label label = {""};
    snprintf(label.text, sizeof label.text, "%.28s to %.28s",
             unpadded(formatted(begin, format)).text, html_date(last).text);
    return label;
}
