/* import_headers.c - SignHeaders, OversignHeaders; RemoveARFrom.
 *
 * OpenDKIM's lists are lists, or changes to its default: "*,+name,-name". The
 * default that they change is then Assay's.
 */
#include "dkim_sign.h"
#include "import_read.h"

/* ---- lists of field names ---- */

static void remove_item(struct import_line *list, struct bytes name)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!bytes_equal_nocase(list->items[i], name))
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

static void add_name(struct import *import, struct import_line *list, struct bytes name)
{
    remove_item(list, name);
    import_add_item(import, list, name);
}

static struct dataset_entry *entries_of(struct import *import, struct import_option *option)
{
    const char *problem;
    struct dataset dataset = dataset_parse(import, IMPORT_OPENDKIM, option->value);
    struct dataset_entry *entries = dataset_entries(import, &dataset, &problem);
    if (problem)
        import_judge(import, option, IMPORT_UNKNOWN, "It cannot be read: %s.", problem);
    return entries;
}

static bool has_star(const struct dataset_entry *entry)
{
    while (entry && !bytes_is(entry->key, "*"))
        entry = entry->next;
    return entry != NULL;
}

static void apply(struct import *import, struct import_line *list,
                  const struct dataset_entry *entry)
{
    for (; entry; entry = entry->next) {
        char sign = entry->key.data[0];
        struct bytes name = bytes_slice(entry->key, sign == '+' || sign == '-', entry->key.len);
        if (sign == '-')
            remove_item(list, name);
        else if (!bytes_is(name, "*") && name.len)
            add_name(import, list, name);
    }
}

/* ---- SignHeaders ---- */

/* Takes the names of OmitHeaders out; false when none was in. */
static bool omit(struct import_line *list, const struct dataset_entry *entry)
{
    size_t before = list->count;
    for (; entry; entry = entry->next) {
        char sign = entry->key.data[0];
        if (sign != '-' && !bytes_is(entry->key, "From"))
            remove_item(list, bytes_slice(entry->key, sign == '+', entry->key.len));
    }
    return list->count < before;
}

static bool has_name(const struct import_line *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bytes_is(list->items[i], name))
            return true;
    }
    return false;
}

/* The order of names plays no part. */
static bool is_default(const struct import_line *list)
{
    size_t count = 0;
    for (; dkim_sign_default_headers[count]; count++) {
        if (!has_name(list, dkim_sign_default_headers[count]))
            return false;
    }
    return list->count == count;
}

static void take_sign_headers(struct import *import)
{
    struct import_option *sign = import_given(import, IMPORT_OPENDKIM, "SignHeaders");
    struct import_option *without = import_given(import, IMPORT_OPENDKIM, "OmitHeaders");
    struct import_line list = {0};
    struct dataset_entry *wanted = sign ? entries_of(import, sign) : NULL;
    struct dataset_entry *omitted = without ? entries_of(import, without) : NULL;
    bool delta = !wanted || has_star(wanted);
    for (size_t i = 0; delta && dkim_sign_default_headers[i]; i++)
        add_name(import, &list, bytes_of(dkim_sign_default_headers[i]));
    apply(import, &list, wanted);
    if (wanted && !delta)
        add_name(import, &list, BYTES("From")); /* must be signed, RFC 6376 5.4; OpenDKIM adds it */
    bool fewer = omit(&list, omitted);
    if (wanted && is_default(&list)) {
        import_judge(import, sign, IMPORT_NOT_NEEDED, "Assay's default has all of these.");
    } else if (wanted) {
        for (size_t i = 0; i < list.count; i++)
            import_set(import, "SignHeaders", sign, list.items[i]);
        import_judge(import, sign, delta ? IMPORT_CHANGED : IMPORT_KEPT, "%s",
                     delta ? "* stands for Assay's default list." : "");
    } else if (fewer) {
        for (size_t i = 0; i < list.count; i++)
            import_set(import, "SignHeaders", without, list.items[i]);
    }
    if (fewer)
        import_judge(import, without, IMPORT_KEPT, "Its names were left out of SignHeaders.");
}

static void take_oversign_headers(struct import *import)
{
    struct import_option *option = import_given(import, IMPORT_OPENDKIM, "OversignHeaders");
    struct dataset_entry *entry = option ? entries_of(import, option) : NULL;
    struct import_line list = {0};
    if (!entry)
        return;
    apply(import, &list, entry);
    for (size_t i = 0; i < list.count; i++)
        import_set(import, "OversignHeaders", option, list.items[i]);
    import_add_comment(import, import_line(import, "OversignHeaders"),
                       "Assay's default covers more; remove the line to have it.");
    import_judge(import, option, IMPORT_KEPT, NULL);
}

/* ---- forged fields ---- */

static void take_aliases(struct import *import)
{
    struct import_option *option = import_given(import, IMPORT_OPENDKIM, "RemoveARFrom");
    struct dataset_entry *entry = option ? entries_of(import, option) : NULL;
    if (!entry)
        return;
    for (; entry; entry = entry->next)
        import_set(import, "AuthservIDAliases", option, entry->key);
    import_judge(import, option, IMPORT_KEPT, NULL);
}

void import_headers(struct import *import)
{
    if (!import->paths[IMPORT_OPENDKIM])
        return;
    take_sign_headers(import);
    take_oversign_headers(import);
    take_aliases(import);
}
