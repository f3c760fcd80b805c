/* arf_date.c - a date of RFC 5322 3.3; see arf.h. */
#include "arf.h"
#include "rfc5322.h"

#include <time.h>

static bool is_digit_octet(int octet)
{
    return is_digit(octet);
}

static bool is_alpha_octet(int octet)
{
    return is_alpha(octet);
}

/* A number of at most `max`; fails the cursor when there is none. */
static int number(struct cursor *cursor, unsigned long long max)
{
    unsigned long long value = 0;
    rfc5322_skip_cfws(cursor);
    if (!bytes_to_number(cursor_run(cursor, is_digit_octet), max, &value))
        cursor_fail(cursor);
    return (int)value;
}

/* The index of the next three letters among `names`; fails the cursor when there are none. */
static int name(struct cursor *cursor, const char *const *names, int count)
{
    rfc5322_skip_cfws(cursor);
    struct bytes word = cursor_run(cursor, is_alpha_octet);
    for (int i = 0; i < count; i++) {
        if (bytes_is(word, names[i]))
            return i;
    }
    cursor_fail(cursor);
    return 0;
}

/* RFC 5322 3.3 zone, 4.3 obs-zone: seconds east of UTC; what is unknown counts as UTC (4.3). */
static int zone(struct cursor *cursor)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"EDT", -4}, {"EST", -5}, {"CDT", -5}, {"CST", -6},
                 {"MDT", -6}, {"MST", -7}, {"PDT", -7}, {"PST", -8}};
    unsigned long long digits;
    rfc5322_skip_cfws(cursor);
    int sign = cursor_peek(cursor);
    if (sign == '+' || sign == '-') {
        cursor_next(cursor);
        if (!bytes_to_number(cursor_run(cursor, is_digit_octet), 9959, &digits))
            return 0;
        int seconds = (int)(digits / 100 * 3600 + digits % 100 * 60);
        return sign == '-' ? -seconds : seconds;
    }
    struct bytes word = cursor_run(cursor, is_alpha_octet);
    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        if (bytes_is(word, zones[i].name))
            return zones[i].hours * 3600;
    }
    return 0;
}

int64_t arf_date(struct bytes text)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct cursor cursor = cursor_of(text);
    struct tm tm = {0};
    rfc5322_skip_cfws(&cursor);
    cursor_run(&cursor, is_alpha_octet); /* the day of the week says nothing new */
    rfc5322_skip_cfws(&cursor);
    cursor_accept(&cursor, ',');
    tm.tm_mday = number(&cursor, 31);
    tm.tm_mon = name(&cursor, months, 12);
    int year = number(&cursor, 9999);
    tm.tm_hour = number(&cursor, 23);
    rfc5322_skip_cfws(&cursor);
    cursor_expect(&cursor, ':');
    tm.tm_min = number(&cursor, 59);
    rfc5322_skip_cfws(&cursor);
    if (cursor_accept(&cursor, ':'))
        tm.tm_sec = number(&cursor, 60);
    if (cursor.failed || tm.tm_mday == 0)
        return 0;
    /* years of two and three digits, RFC 5322 4.3 */
    year += year < 50 ? 2000 : year < 1000 ? 1900 : 0;
    tm.tm_year = year - 1900;
    return (int64_t)timegm(&tm) - zone(&cursor);
}
