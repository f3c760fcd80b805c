/* report_html_demo.c - writes the page of a made-up case: report_html_demo CASE > page.html */
#include "report_html_cases.h"

int main(int argc, char **argv)
{
    struct arena *arena = arena_new(64 << 20);
    struct report_html_case it;
    if (argc != 2 || !arena || !report_html_case(arena, argv[1], &it)) {
        fputs("usage: report_html_demo CASE; cases:", stderr);
        for (size_t i = 0; report_html_case_names[i]; i++)
            fprintf(stderr, " %s", report_html_case_names[i]);
        fputs("\n", stderr);
        return 64;
    }
    bool written = report_html(stdout, &it.figures, it.title, CASES_NOW);
    arena_free(arena);
    return written ? 0 : 1;
}
