#include <stdlib.h>
#include <string.h>

#include "harness/explore/report.h"

static void escaped(FILE *file, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default:
            fputc((unsigned char)*text < ' ' && *text != '\n' && *text != '\t' ? ' ' : *text & 0x7f, file);
        }
}

/* One test case for each clause of the contract. */
void explore_report_junit(FILE *file, const struct search *search, const struct findings *findings)
{
    const struct spec *spec = search->spec;
    size_t tests = 0, failed = 0;
    for (size_t p = 0; p < spec->phase_count; p++)
        for (size_t c = 0; c < spec->phases[p].clause_count; c++, tests++)
            for (size_t i = 0; i < findings->count; i++) {
                const struct verdict *verdict = &search->verdicts[findings->items[i].verdict];
                if (verdict->phase == p && verdict->clause == c) {
                    failed++;
                    break;
                }
            }
    char *why = findings->count ? NULL : explore_report_open(search, findings);
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"explore.%s\" tests=\"%zu\" "
            "failures=\"%zu\" "
            "errors=\"%d\" time=\"%.3f\">\n",
            spec->name, tests + (why ? 1 : 0), failed, why ? 1 : 0, search->wall_s);
    for (size_t p = 0; p < spec->phase_count; p++)
        for (size_t c = 0; c < spec->phases[p].clause_count; c++) {
            fprintf(file, "  <testcase classname=\"explore.%s\" name=\"phase %zu: ", spec->name, p);
            escaped(file, spec->phases[p].clauses[c].text);
            fputs("\">\n", file);
            for (size_t i = 0; i < findings->count; i++) {
                const struct verdict *verdict = &search->verdicts[findings->items[i].verdict];
                if (verdict->phase != p || verdict->clause != c)
                    continue;
                fprintf(file, "    <failure type=\"%s\" message=\"", verdict->fail_class);
                char *detail = explore_report_detail(search, &findings->items[i]);
                escaped(file, detail);
                free(detail);
                fprintf(file, "\">%zu states; the shortest sequence has %zu cut%s</failure>\n",
                        findings->items[i].states, findings->items[i].cut_count,
                        findings->items[i].cut_count == 1 ? "" : "s");
                break;
            }
            fputs("  </testcase>\n", file);
        }
    if (why) /* no gate may take it for a pass */
        fprintf(file,
                "  <testcase classname=\"explore.%s\" name=\"all states\">\n    <error type=\"inconclusive\" "
                "message=\"",
                spec->name);
    if (why) {
        escaped(file, why);
        fputs("\"/>\n  </testcase>\n", file);
    }
    free(why);
    fputs("</testsuite>\n", file);
}
