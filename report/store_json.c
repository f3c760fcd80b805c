/* store_json.c - signatures and override reasons of a tuple as JSON in a column.
 *
 * Whoever reads the store with psql or sqlite3 can take them apart there. Text was cleaned
 * before (store_clean). Relies on jansson.
 */
#include "store_internal.h"

#include <jansson.h>
#include <stdlib.h>

static const char *dumped(struct arena *arena, json_t *list)
{
    char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    json_decref(list);
    const char *out = text ? arena_printf(arena, "%s", text) : NULL;
    free(text);
    return out;
}

static json_t *string_of(struct arena *arena, struct bytes text)
{
    struct bytes clean = store_clean(arena, text);
    return json_stringn(clean.data, clean.len);
}

/* False leaves an incomplete list behind, which the caller gives up. */
static bool append(json_t *list, json_t *object)
{
    return list && object && json_array_append_new(list, object) == 0;
}

const char *store_json_reasons(struct arena *arena, const struct report_row *row)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; good && i < row->reason_count; i++) {
        const struct report_reason *reason = &row->reasons[i];
        good = append(list, json_pack("{s:s,s:o}", "type", override_name(reason->type), "comment",
                                      string_of(arena, reason->comment)));
    }
    const char *text = dumped(arena, list);
    return good ? text : NULL;
}

const char *store_json_signatures(struct arena *arena, const struct report_row *row)
{
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; good && i < row->signature_count; i++) {
        const struct report_signature *signature = &row->signatures[i];
        good = append(list,
                      json_pack("{s:o,s:o,s:s,s:o}", "domain", string_of(arena, signature->domain),
                                "selector", string_of(arena, signature->selector), "result",
                                auth_result_name(signature->result), "reason",
                                string_of(arena, signature->reason)));
    }
    const char *text = dumped(arena, list);
    return good ? text : NULL;
}

enum auth_result store_auth_result(struct bytes name)
{
    for (enum auth_result result = AUTH_NONE; result <= AUTH_PERMERROR; result++)
        if (bytes_is(name, auth_result_name(result)))
            return result;
    return AUTH_NONE;
}

static struct bytes member(struct arena *arena, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return arena_bytes(arena, (struct bytes){json_string_value(value), json_string_length(value)});
}

static enum override override_of(struct bytes name)
{
    for (enum override type = OVERRIDE_NONE; type <= OVERRIDE_OTHER; type++)
        if (bytes_is(name, override_name(type)))
            return type;
    return OVERRIDE_OTHER;
}

/* NULL when it is none; somebody may have changed the table by hand. */
static json_t *list_of(struct bytes json)
{
    json_t *list = json_loadb(json.data, json.len, 0, NULL);
    if (json_is_array(list))
        return list;
    json_decref(list);
    return NULL;
}

void store_json_read_reasons(struct arena *arena, struct bytes json, struct report_row *out)
{
    json_t *list = list_of(json), *item;
    size_t i;
    out->reason_count = 0;
    json_array_foreach(list, i, item)
    {
        if (i >= REPORT_REASONS_MAX)
            break;
        out->reasons[out->reason_count++] = (struct report_reason){
            override_of(member(arena, item, "type")), member(arena, item, "comment")};
    }
    json_decref(list);
}

void store_json_read_signatures(struct arena *arena, struct bytes json, struct report_row *out)
{
    json_t *list = list_of(json), *item;
    size_t i, count = json_array_size(list);
    if (count > REPORT_SIGNATURES_MAX)
        count = REPORT_SIGNATURES_MAX;
    out->signature_count = 0;
    out->signatures = count ? arena_array(arena, count, sizeof(*out->signatures)) : NULL;
    json_array_foreach(list, i, item)
    {
        if (!out->signatures || i >= count)
            break;
        out->signatures[out->signature_count++] = (struct report_signature){
            .domain = member(arena, item, "domain"),
            .selector = member(arena, item, "selector"),
            .result = store_auth_result(member(arena, item, "result")),
            .reason = member(arena, item, "reason"),
        };
    }
    json_decref(list);
}
