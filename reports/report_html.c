/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One page that needs nothing else: no script, no font, no picture from elsewhere. It can be mailed or kept
 * for years. */
#include "reports/report.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/record/journal.h"
#include "harness/base/escape.h"
#include "harness/base/member.h"
#include "reports/case.h"
#include "reports/result.h"
#include "reports/timeline.h"

#define TIMELINES_MAX 500

static const char style[] =
    ":root{color-scheme:light "
    "dark;--b:#fff;--t:#1a1a1a;--l:#d0d0d0;--g:#187a3d;--r:#b3261e;--y:#8a6100;--v:#7a2ea0;--s:#e8edf5}"
    "@media(prefers-color-scheme:dark){:root{--b:#15171a;--t:#e6e6e6;--l:#3a3d42;--g:#5fd08a;--r:#ff8a80;--y:"
    "#e3b341;"
    "--v:#d2a8ff;--s:#232a35}}"
    "body{background:var(--b);color:var(--t);font:15px/1.45 system-ui,sans-serif;max-width:1100px;margin:2em "
    "auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%;margin:.6em 0}td,th{border-bottom:1px solid "
    "var(--l);padding:.25em .6em;text-align:"
    "left;vertical-align:top}table.k{width:auto}th.n{text-align:right}td.n{text-align:right;font-variant-"
    "numeric:tabular-nums}code{font-size:.92em;"
    "overflow-wrap:anywhere}"
    "details{border:1px solid var(--l);border-radius:6px;margin:.4em 0;padding:.3em "
    ".8em}summary{cursor:pointer}"
    ".v{font-weight:600}.pass .v{color:var(--g)}.fail .v{color:var(--r)}.inconclusive "
    ".v{color:var(--y)}.rig-error .v{color:var(--v)}"
    ".no{color:var(--r);font-weight:600}.tiles span{display:inline-block;margin-right:1.6em}.tiles "
    "b{font-size:1.6em}"
    "input[name=f]{margin:0 .2em 0 .9em}"
    "#f-pass:checked~.case:not(.pass),#f-fail:checked~.case:not(.fail),#f-inconclusive:checked~.case:not(."
    "inconclusive),"
    "#f-rig-error:checked~.case:not(.rig-error){display:none}"
    "svg{width:100%;height:auto}svg text{fill:var(--t);font-size:11px}svg line{stroke:var(--l)}"
    "svg .p{fill:var(--g)}svg .s{fill:var(--s);stroke:var(--l)}svg .m{fill:var(--t)}svg .f{fill:var(--r)}svg "
    ".t{fill:var(--y)}"
    "svg .o{fill:var(--v)}";

static void text(FILE *out, const char *tag, const char *value)
{
    fprintf(out, "<%s>", tag);
    escape_markup(out, value);
    fprintf(out, "</%s>", tag);
}

static void print_head(FILE *out, const cJSON *result)
{
    static const char *const shown[] = {"started", "host", "otarig_version", "command"};
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(result, "run");
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width\"><title>otarig ",
          out);
    escape_markup(out, member_text(run, "id"));
    fprintf(out, "</title><style>%s</style></head><body>\n<h1>otarig run ", style);
    escape_markup(out, member_text(run, "id"));
    fputs("</h1>\n<table>", out);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        fprintf(out, "<tr><th>%s", shown[i]);
        text(out, "td", member_text(run, shown[i]));
    }
    fputs("<tr><th>firmware", out);
    text(out, "td", member_text(result, "firmware"));
    fputs("</table>\n", out);
}

static void print_summary(FILE *out, const cJSON *summary)
{
    static const char *const shown[] = {"cases", "pass", "fail", "inconclusive", "rig_error"};
    fputs("<p class=\"tiles\">", out);
    for (int i = 0; i < 5; i++)
        fprintf(out, "<span><b>%" PRId64 "</b> %s</span>", member_integer(summary, shown[i], 0),
                strcmp(shown[i], "rig_error") ? shown[i] : "rig-error");
    fputs("</p>\n", out);
}

static void print_row(FILE *out, const cJSON *one)
{
    int64_t recovery_ms = member_integer(one, "recovery_ms", -1);
    fputs("<tr class=\"", out);
    escape_markup(out, member_text(one, "verdict"));
    fputs("\"><td><a href=\"#", out);
    escape_link(out, member_text(one, "id"));
    fputs("\">", out);
    escape_markup(out, member_text(one, "id"));
    fputs("</a>", out);
    text(out, "td", member_text(one, "family"));
    text(out, "td", member_text(one, "place"));
    fputs("<td class=\"v\">", out);
    escape_markup(out, member_text(one, "verdict"));
    text(out, "td", member_text(one, "class"));
    fputs("<td class=\"n\">", out);
    if (recovery_ms >= 0)
        fprintf(out, "%" PRId64, recovery_ms);
    fprintf(out, "<td class=\"n\">%.1f\n", (double)member_integer(one, "duration_ms", 0) / 1000);
}

/* What is not a pass comes first: it is what the reader came for. */
static void each_case(const cJSON *cases, void (*print)(FILE *out, const cJSON *one), FILE *out)
{
    const cJSON *one;
    for (int passed = 0; passed < 2; passed++)
        cJSON_ArrayForEach(one, cases)
        {
            bool pass = strcmp(member_text(one, "verdict"), "pass") == 0;
            if (pass == (passed == 1))
                print(out, one);
        }
}

static void print_overview(FILE *out, const cJSON *cases)
{
    fputs("<h2>Overview</h2><table><tr><th>case<th>family<th>place<th>verdict<th>class<th "
          "class=\"n\">recovery, ms<th class=\"n\">took, s\n",
          out);
    each_case(cases, print_row, out);
    fputs("</table>\n", out);
}

/* Radio buttons and sibling selectors: it filters without any script. */
static void print_filter(FILE *out)
{
    static const char *const kinds[] = {"all", "pass", "fail", "inconclusive", "rig-error"};
    fputs("<h2>Cases</h2>\n", out);
    for (int i = 0; i < 5; i++)
        fprintf(out, "<input type=\"radio\" name=\"f\" id=\"f-%s\"%s><label for=\"f-%s\">%s</label>\n",
                kinds[i], i ? "" : " checked", kinds[i], kinds[i]);
}

static void print_contract(FILE *out, const cJSON *contract)
{
    const cJSON *clause;
    fputs("<table><tr><th>clause<th>holds<th>what was seen\n", out);
    cJSON_ArrayForEach(clause, contract)
    {
        fputs("<tr>", out);
        text(out, "td", member_text(clause, "clause"));
        fputs(member_true(clause, "holds") ? "<td>yes" : "<td class=\"no\">no", out);
        text(out, "td", member_text(clause, "detail"));
        fputc('\n', out);
    }
    fputs("</table>\n", out);
}

static void print_delay(FILE *out, const cJSON *cut, const char *key, int64_t planned_us)
{
    int64_t at_us = member_integer(cut, key, -1);
    if (at_us < 0 || planned_us < 0)
        fputs("<td class=\"n\">not known", out);
    else
        fprintf(out, "<td class=\"n\">%+" PRId64 " us", at_us - planned_us);
}

static void print_cuts(FILE *out, const cJSON *cuts)
{
    const cJSON *cut;
    if (!cuts || !cuts->child)
        return;
    fputs("<table class=\"k\"><tr><th class=\"n\">power cut planned at, us<th class=\"n\">commanded<th "
          "class=\"n\">sensed\n",
          out);
    cJSON_ArrayForEach(cut, cuts)
    {
        int64_t planned_us = member_integer(cut, "planned_us", -1);
        fprintf(out, "<tr><td class=\"n\">%" PRId64, planned_us);
        print_delay(out, cut, "commanded_us", planned_us);
        print_delay(out, cut, "achieved_us", planned_us);
        fputc('\n', out);
    }
    fputs("</table>\n", out);
}

/* The journal's own words on why; its first will do. */
static void print_no_dump(FILE *out, const char *journal)
{
    struct error error = {0};
    struct journal_reader *reader = journal_open(journal, &error);
    struct journal_line line;
    bool said = false;
    fputs("<p class=\"no\">no flash dump", out);
    while (reader && !said && journal_read(reader, &line, &error) == 1) {
        const char *text = line.event.kind == EVENT_NOTE ? line.event.value : NULL;
        said = text && strstr(text, "dump failed");
        if (said) {
            fputs(": ", out);
            escape_markup(out, text);
        }
    }
    journal_reader_free(reader);
    fputs("</p>\n", out);
}

static bool has_dump(const cJSON *evidence)
{
    const cJSON *file;
    cJSON_ArrayForEach(file, evidence) if (cJSON_IsString(file) &&
                                           !strncmp(file->valuestring, "flash-", 6)) return true;
    return false;
}

static void print_evidence(FILE *out, const cJSON *one, const char *run_folder)
{
    const char *folder = member_text(one, "folder");
    const cJSON *file;
    fputs("<p>evidence:", out);
    cJSON_ArrayForEach(file, member_list(one, "evidence"))
    {
        const char *name = cJSON_IsString(file) ? file->valuestring : "";
        fputs(" <a href=\"", out);
        escape_link(out, folder);
        fputc('/', out);
        escape_link(out, name);
        fputs("\">", out);
        escape_markup(out, name);
        fputs("</a>", out);
    }
    char *repro = case_repro(run_folder, one);
    fputs("</p><p>again: <code>", out);
    escape_markup(out, repro);
    fputs("</code></p>\n", out);
    free(repro);
}

static void print_timeline(FILE *out, const cJSON *one, const char *run_folder)
{
    struct error error = {0};
    char *path = mem_printf("%s/%s/journal.jsonl", run_folder, member_text(one, "folder"));
    if (timeline_write(path, out, &error)) {
        fputs("<p>no timeline: ", out);
        escape_markup(out, error.text);
        fputs("</p>\n", out);
    }
    free(path);
}

/* `brief`: without what a page of thousands of cases cannot carry. */
static void print_case(FILE *out, const cJSON *one, const char *run_folder, bool brief)
{
    const char *verdict = member_text(one, "verdict");
    fputs("<details class=\"case ", out);
    escape_markup(out, verdict);
    fputs("\" id=\"", out);
    escape_markup(out, member_text(one, "id"));
    fprintf(out, "\"%s><summary><span class=\"v\">", strcmp(verdict, "pass") ? " open" : "");
    escape_markup(out, verdict);
    fputs("</span> ", out);
    text(out, "b", member_text(one, "id"));
    fputs(" ", out);
    escape_markup(out, member_text(one, "class"));
    fputs("</summary>\n", out);
    text(out, "p", member_text(one, "reason"));
    if (!brief)
        print_timeline(out, one, run_folder);
    print_contract(out, member_list(one, "contract"));
    print_cuts(out, member_list(one, "cuts"));
    print_evidence(out, one, run_folder);
    if ((!strcmp(verdict, "fail") || !strcmp(verdict, "rig-error")) &&
        !has_dump(member_list(one, "evidence"))) {
        char *journal = mem_printf("%s/%s/journal.jsonl", run_folder, member_text(one, "folder"));
        print_no_dump(out, journal);
        free(journal);
    }
    fputs("</details>\n", out);
}

int report_html(const cJSON *result, const char *run_folder, FILE *out, struct error *error)
{
    const cJSON *cases = member_list(result, "cases"), *one;
    print_head(out, result);
    print_summary(out, cJSON_GetObjectItemCaseSensitive(result, "summary"));
    if (result_missing(result))
        fprintf(out, "<p>The run ended early: %zu more cases were asked for and have no verdict.</p>\n",
                result_missing(result));
    print_overview(out, cases);
    print_filter(out);
    bool many = cJSON_GetArraySize(cases) > TIMELINES_MAX;
    if (many)
        fprintf(out, "<p>Of more than %d cases those that passed have no timeline here.</p>\n",
                TIMELINES_MAX);
    cJSON_ArrayForEach(one, cases)
        print_case(out, one, run_folder, many && !strcmp(member_text(one, "verdict"), "pass"));
    fputs("</body></html>\n", out);
    return 0;
}
