/* received.c - the client that a trusted relay saw; see received.h.
 *
 * Only fields that a relay in TrustedRelays wrote are read, so this need not
 * resist forgery; it must stand any octets all the same. What the client chose
 * (HELO, its reverse name) can not hold a bracketed address in the comment
 * ahead of the real one: "[" is not allowed in a host name, and Postfix and
 * Sendmail write the name they confirmed or "unknown".
 */
#include "received.h"

#include "cursor.h"

static bool is_word(int c)
{
    return c > ' ' && c != '(' && c != ';' && c != 0x7f;
}

static bool not_bracket(int c)
{
    return c != '[' && c != ')';
}

static bool in_brackets(int c)
{
    return c != ']';
}

bool received_client(struct bytes value, struct ip *client, struct bytes *helo)
{
    struct cursor cursor = cursor_of(value);
    cursor_skip_fws(&cursor);
    if (!bytes_is(cursor_run(&cursor, is_word), "from"))
        return false;
    cursor_skip_fws(&cursor);
    *helo = cursor_run(&cursor, is_word);
    cursor_skip_fws(&cursor);
    cursor_expect(&cursor, '(');
    cursor_run(&cursor, not_bracket);
    cursor_expect(&cursor, '[');
    struct bytes address = cursor_run(&cursor, in_brackets);
    cursor_expect(&cursor, ']');
    return !cursor.failed && ip_parse(address, client);
}
