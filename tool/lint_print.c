/* lint_print.c - findings as text for people and as JSON for programs; see lint.h. */
#include "lint.h"

#include <string.h>

enum {
    LINE_COLUMNS = 90, /* where text is broken */
    INDENT = 11,       /* columns in front of what belongs to a finding */
};

static const char *const severity_names[LINT_SEVERITIES] = {"ok", "note", "warning", "error"};

/* ---- text ---- */

/* Words, broken into lines; the first line goes on at `column`. */
static void print_words(FILE *out, const char *text, size_t column)
{
    bool first = true;
    for (size_t len; *text; text += len) {
        text += strspn(text, " ");
        len = strcspn(text, " ");
        if (!first && column + 1 + len > LINE_COLUMNS) {
            fprintf(out, "\n%*s", INDENT, "");
            column = INDENT;
        } else if (!first) {
            putc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", (int)len, text);
        column += len;
        first = false;
    }
    putc('\n', out);
}

static void print_paragraph(FILE *out, const char *label, const char *text, const char *reference)
{
    char paragraph[1024];
    bool has_reference = reference[0] != '\0';
    snprintf(paragraph, sizeof(paragraph), "%s%s%s%s%s", label, text, has_reference ? " (" : "",
             reference, has_reference ? ")" : "");
    fprintf(out, "%*s", INDENT, "");
    print_words(out, paragraph, INDENT);
}

static void print_finding(FILE *out, const struct lint_finding *finding)
{
    const struct lint_rule *rule = finding->rule;
    fprintf(out, "  %-*s%s: ", INDENT - 2, severity_names[rule->severity], finding->name);
    print_words(out, finding->found, INDENT + strlen(finding->name) + 2);
    if (rule->severity == LINT_SEVERITY_OK)
        return;
    print_paragraph(out, "Why: ", rule->why, rule->reference);
    print_paragraph(out, "Do: ", rule->action, "");
}

static void print_count(FILE *out, const char *before, size_t count, const char *what)
{
    fprintf(out, "%s%zu %s%s", before, count, what, count == 1 ? "" : "s");
}

void lint_print(FILE *out, const struct lint *lint)
{
    fputs(lint->domain.name, out);
    print_count(out, ": ", lint->counts[LINT_SEVERITY_ERROR], "error");
    print_count(out, ", ", lint->counts[LINT_SEVERITY_WARNING], "warning");
    print_count(out, ", ", lint->counts[LINT_SEVERITY_NOTE], "note");
    putc('\n', out);
    for (const struct lint_finding *finding = lint->first; finding; finding = finding->next)
        print_finding(out, finding);
}

/* ---- JSON ---- */

static json_t *finding_json(const struct lint_finding *finding)
{
    const struct lint_rule *rule = finding->rule;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "severity",
                     severity_names[rule->severity], "rule", rule->id, "name", finding->name,
                     "found", finding->found, "why", rule->why, "reference", rule->reference,
                     "action", rule->action);
}

json_t *lint_json(const struct lint *lint)
{
    json_t *findings = json_array();
    for (const struct lint_finding *finding = lint->first; finding; finding = finding->next)
        json_array_append_new(findings, finding_json(finding));
    return json_pack("{s:s, s:I, s:I, s:I, s:{s:I, s:I}, s:o}", "domain", lint->domain.name,
                     "errors", (json_int_t)lint->counts[LINT_SEVERITY_ERROR], "warnings",
                     (json_int_t)lint->counts[LINT_SEVERITY_WARNING], "notes",
                     (json_int_t)lint->counts[LINT_SEVERITY_NOTE], "spf", "lookups",
                     (json_int_t)lint->spf_lookups, "void_lookups",
                     (json_int_t)lint->spf_void_lookups, "findings", findings);
}
