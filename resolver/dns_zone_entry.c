/* dns_zone_entry.c - lines of a master file become entries, see dns_zone_entry.h. */
#include "dns_zone_entry.h"

static void put(struct dns_zone_entry *entry, int octet)
{
    size_t needed = entry->gap && entry->len && entry->text[entry->len - 1] != ' ' ? 2 : 1;
    if (entry->len + needed > DNS_ZONE_ENTRY_MAX) {
        entry->problem = "the entry is too long";
        return;
    }
    if (octet == '\0') {
        entry->problem = "a NUL octet";
        return;
    }
    if (needed == 2)
        entry->text[entry->len++] = ' ';
    entry->gap = false;
    entry->text[entry->len++] = (char)octet;
}

/* A backslash has been read; what follows is no longer special. */
static void take_escape(struct dns_zone_entry *entry)
{
    int octet = getc(entry->file);
    put(entry, '\\');
    if (octet == EOF || octet == '\n')
        entry->problem = "a backslash at the end of a line";
    else
        put(entry, octet);
}

/* The opening quote has been read. Words are separate on either side of a string. */
static void take_quoted(struct dns_zone_entry *entry)
{
    int octet;
    entry->gap = true;
    put(entry, '"');
    while (!entry->problem && (octet = getc(entry->file)) != '"') {
        if (octet == '\\')
            take_escape(entry);
        else if (octet == EOF || octet == '\n')
            entry->problem = "a quote is not closed on its line";
        else
            put(entry, octet);
    }
    if (!entry->problem)
        put(entry, '"');
    entry->gap = true;
}

static void skip_comment(FILE *file)
{
    int octet;
    do {
        octet = getc(file);
    } while (octet != EOF && octet != '\n');
    if (octet == '\n')
        ungetc(octet, file);
}

static void take_gap(struct dns_zone_entry *entry)
{
    if (entry->len == 0)
        put(entry, ' ');
    entry->gap = true;
}

static void take_parenthesis(struct dns_zone_entry *entry, int octet, bool *inside)
{
    if (*inside == (octet == '('))
        entry->problem =
            octet == '(' ? "a parenthesis within parentheses" : "a parenthesis was not opened";
    *inside = octet == '(';
    take_gap(entry);
}

/* False at the end of the file. */
static bool take_entry(struct dns_zone_entry *entry)
{
    bool inside = false; /* parentheses: a line end is a space there */
    while (!entry->problem) {
        int octet = getc(entry->file);
        switch (octet) {
        case EOF:
            if (inside)
                entry->problem = "a parenthesis is not closed";
            return false;
        case '\n':
            entry->lines++;
            if (!inside)
                return true;
            take_gap(entry);
            break;
        case ' ':
        case '\t':
        case '\r':
            take_gap(entry);
            break;
        case ';':
            skip_comment(entry->file);
            break;
        case '(':
        case ')':
            take_parenthesis(entry, octet, &inside);
            break;
        case '"':
            take_quoted(entry);
            break;
        case '\\':
            take_escape(entry);
            break;
        default:
            put(entry, octet);
        }
    }
    return true;
}

bool dns_zone_entry_next(struct dns_zone_entry *entry)
{
    bool more;
    do {
        entry->line = entry->lines + 1;
        entry->problem = NULL;
        entry->gap = false;
        entry->len = 0;
        more = take_entry(entry);
        entry->text[entry->len] = '\0';
        if (entry->problem || entry->len > 1 || (entry->len == 1 && entry->text[0] != ' '))
            return true;
    } while (more);
    return false;
}

struct bytes dns_zone_entry_word(struct bytes *text)
{
    size_t start = 0, end;
    bool quoted = false;
    while (start < text->len && text->data[start] == ' ')
        start++;
    for (end = start; end < text->len && (quoted || text->data[end] != ' '); end++) {
        if (text->data[end] == '"')
            quoted = !quoted;
        else if (text->data[end] == '\\' && end + 1 < text->len)
            end++;
    }
    struct bytes word = bytes_slice(*text, start, end - start);
    *text = bytes_slice(*text, end, text->len);
    return word;
}
