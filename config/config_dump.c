/* config_dump.c - the configuration in force, for `assay config`. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

/* True when the option has a line of its own in a dump. */
static bool is_shown(const struct config *config, size_t id, bool only_changed)
{
    const struct config_value *value = &config->values[id];
    if (config_options[id].type == TYPE_INCLUDE) /* what was included stands there itself */
        return false;
    return !only_changed || !value->is_default;
}

void config_dump(FILE *out, const struct config *config, bool only_changed)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *text = config->values[i].text;
        if (is_shown(config, i, only_changed))
            fprintf(out, "%s %s\n", config_options[i].name, *text ? text : "\"\"");
    }
}

/* JSON is UTF-8; a path need not be: the octets beyond ASCII of one that is not become "?". */
static json_t *text_json(const char *text)
{
    json_t *string = json_string(text);
    char *copy = string ? NULL : strdup(text);
    for (char *at = copy; at && *at; at++) {
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    }
    if (copy)
        string = json_string(copy);
    free(copy);
    return string;
}

json_t *config_json(const struct config *config, bool only_changed)
{
    json_t *root = json_object();
    for (size_t i = 0; root && i < OPTION_COUNT; i++) {
        const struct config_value *value = &config->values[i];
        if (!is_shown(config, i, only_changed))
            continue;
        json_t *object =
            json_pack("{s:o, s:s, s:o}", "value", text_json(value->text), "default",
                      config_options[i].default_text, "origin", text_json(value->origin));
        /* Both steal the reference, also when they fail. */
        if (!object || json_object_set_new(root, config_options[i].name, object) != 0) {
            json_decref(root);
            return NULL;
        }
    }
    return root;
}
