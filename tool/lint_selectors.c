/* lint_selectors.c - the DKIM selectors that this host signs a domain with; see lint.h.
 *
 * Only the names of keys are read, from KeyTable and KeyDirectory: no private key is opened, so
 * that lint needs no rights. What cannot be read is told on standard error and left out. */
#include "lint.h"

#include "key_directory.h"
#include "key_table.h"
#include "message_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A row with "%" holds for every author, but only those have a key for whom there is a file. */
static bool is_of_domain(struct arena *arena, const struct key_row *row, struct domain domain)
{
    if (!row->for_any_author)
        return domain_equal(row->domain, domain);
    if (!domain_is_none(row->domain) && !domain_equal(row->domain, domain))
        return false;
    const char *path = row->is_path ? key_row_path(row, arena, domain) : NULL;
    return path && access(path, F_OK) == 0;
}

void lint_selectors_add(struct lint_selectors *selectors, struct domain selector)
{
    for (size_t i = 0; i < selectors->count; i++) {
        if (domain_equal(selectors->items[i], selector))
            return;
    }
    if (selectors->count < LINT_SELECTORS_MAX && !domain_is_none(selector))
        selectors->items[selectors->count++] = selector;
}

static void add_rows(struct arena *arena, struct bytes text, enum table_form form,
                     struct domain domain, struct lint_selectors *selectors)
{
    const char *problem;
    unsigned line;
    size_t count = 0;
    const struct key_table *table = key_table_parse(arena, text, form, &problem, &line);
    if (!table) {
        fprintf(stderr, "assay: KeyTable, line %u: %s\n", line, problem);
        return;
    }
    const struct key_row *table_rows = key_table_rows(table, &count);
    for (size_t i = 0; i < count; i++) {
        if (!table_rows[i].shadowed && is_of_domain(arena, &table_rows[i], domain))
            lint_selectors_add(selectors, table_rows[i].selector);
    }
}

void lint_selectors_of_table(struct arena *arena, const char *source, struct domain domain,
                             struct lint_selectors *selectors)
{
    enum table_form form;
    struct bytes rest, text = BYTES_EMPTY;
    const char *problem = table_source_parse(bytes_of(source), &form, &rest);
    if (problem) {
        fprintf(stderr, "assay: KeyTable %s: %s\n", source, problem);
        return;
    }
    if (form == TABLE_LIST) {
        add_rows(arena, rest, form, domain, selectors);
        return;
    }
    const char *path = arena_copy(arena, rest.data, rest.len);
    if (!path || !message_file_read(path, &text)) {
        fprintf(stderr, "assay: KeyTable %s: %s\n", source, strerror(path ? errno : ENOMEM));
        return;
    }
    struct bytes kept = arena_bytes(arena, text); /* rows are views of it */
    free((void *)(uintptr_t)text.data);
    add_rows(arena, kept, form, domain, selectors);
}

void lint_selectors_of_directory(struct arena *arena, const char *path, struct domain domain,
                                 struct lint_selectors *selectors)
{
    struct key_directory_list *list = arena_alloc(arena, sizeof(*list));
    struct strbuf problem;
    strbuf_init(&problem, arena);
    if (!list)
        return;
    enum key_directory_status status = key_directory_list(arena, path, domain.name, list, &problem);
    if (status == KEY_DIRECTORY_DENIED || status == KEY_DIRECTORY_FAILED)
        fprintf(stderr, "assay: %s\n", strbuf_string(&problem));
    for (size_t i = 0; status == KEY_DIRECTORY_LISTED && i < list->count; i++)
        lint_selectors_add(selectors, list->files[i].selector);
}
