/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JUnit XML of an exploration: one test case for each clause of the contract. GitLab shows the text of a
 * failure and nothing else of it, so all that matters stands there. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/explore/report.h"

/* The first one; NULL: the clause holds. */
static const struct finding *finding_of(const struct search *search, const struct findings *findings,
                                        size_t phase, size_t clause)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct verdict *verdict = &search->verdicts[findings->items[i].verdict];
        if (verdict->phase == phase && verdict->clause == clause)
            return &findings->items[i];
    }
    return NULL;
}

/* Readers drop the second of two cases of one name: a clause that stands twice in a phase is numbered. */
static void write_name(FILE *file, const struct spec *spec, size_t phase, size_t clause)
{
    const struct clause *clauses = spec->phases[phase].clauses;
    size_t before = 0;
    for (size_t i = 0; i < clause; i++)
        before += !strcmp(clauses[i].text, clauses[clause].text);
    fputs("  <testcase classname=\"explore.", file);
    escape_markup(file, spec->name);
    fprintf(file, "\" name=\"phase %zu: ", phase);
    escape_markup(file, clauses[clause].text);
    if (before)
        fprintf(file, " (%zu)", before + 1);
    fputs("\" file=\"", file);
    escape_markup(file, spec->path);
    fputs("\">\n", file);
}

static void write_again(FILE *file, const struct search *search, const char *out, size_t number)
{
    char *here = out[0] == '/' ? NULL : getcwd(NULL, 0);
    char *path = mem_printf("%s%s%s/cases/%s-f%zu", here ? here : "", here ? "/" : "", out,
                            search->spec->name, number);
    char *word = escape_shell(path);
    fprintf(file, "evidence in ");
    escape_markup(file, out);
    fprintf(file, ": evidence/f%zu-before.bin, evidence/f%zu-after.bin\nagain: otarig repro ", number,
            number);
    escape_markup(file, word);
    fputc('\n', file);
    free(here);
    free(path);
    free(word);
}

static void write_failure(FILE *file, const struct search *search, const struct findings *findings,
                          const struct finding *finding, const char *out)
{
    const struct verdict *verdict = &search->verdicts[finding->verdict];
    const struct clause *clause = &search->spec->phases[verdict->phase].clauses[verdict->clause];
    char *detail = explore_report_detail(search, finding);
    fputs("    <failure type=\"", file);
    escape_markup(file, verdict->fail_class);
    fputs("\" message=\"", file);
    escape_markup(file, detail);
    fputs("\">", file);
    escape_markup(file, verdict->fail_class);
    fputs(": not so: ", file);
    escape_markup(file, clause->text);
    fputs("; ", file);
    escape_markup(file, detail);
    fprintf(file, "\n%zu states; the shortest sequence has %zu cut%s\n", finding->states, finding->cut_count,
            finding->cut_count == 1 ? "" : "s");
    if (out)
        write_again(file, search, out, (size_t)(finding - findings->items) + 1);
    fputs("</failure>\n", file);
    free(detail);
}

void explore_report_junit(FILE *file, const struct search *search, const struct findings *findings,
                          const char *out)
{
    const struct spec *spec = search->spec;
    size_t tests = 0, failed = 0;
    for (size_t p = 0; p < spec->phase_count; p++)
        for (size_t c = 0; c < spec->phases[p].clause_count; c++, tests++)
            failed += finding_of(search, findings, p, c) != NULL;
    char *why = findings->count ? NULL : explore_report_open(search, findings);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"explore.", file);
    escape_markup(file, spec->name);
    fprintf(file, "\" tests=\"%zu\" failures=\"%zu\" errors=\"%d\" skipped=\"0\" time=\"%.3f\">\n",
            tests + (why ? 1 : 0), failed, why ? 1 : 0, search->wall_s);
    for (size_t p = 0; p < spec->phase_count; p++)
        for (size_t c = 0; c < spec->phases[p].clause_count; c++) {
            const struct finding *finding = finding_of(search, findings, p, c);
            write_name(file, spec, p, c);
            if (finding)
                write_failure(file, search, findings, finding, out);
            fputs("  </testcase>\n", file);
        }
    if (why) { /* no gate may take it for a pass */
        fputs("  <testcase classname=\"explore.", file);
        escape_markup(file, spec->name);
        fputs("\" name=\"all states\">\n    <error type=\"inconclusive\" message=\"", file);
        escape_markup(file, why);
        fputs("\">inconclusive: ", file);
        escape_markup(file, why);
        fputs("</error>\n  </testcase>\n", file);
    }
    free(why);
    fputs("</testsuite>\n", file);
}
