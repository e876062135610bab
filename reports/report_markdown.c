/* Markdown for the summary page of a CI job: numbers first, then what is not a pass. */
#include "reports/report.h"

#include <inttypes.h>
#include <string.h>

#include "reports/escape.h"
#include "harness/base/member.h"
#include "reports/result.h"

#define ROWS_MAX 200 /* a step summary on GitHub holds 1 MiB */

static void cell(FILE *out, const char *text)
{
    escape_markdown(out, text);
    fputs(" | ", out);
}

static void print_summary(FILE *out, const cJSON *summary)
{
    static const char *const names[] = {"cases", "pass", "fail", "inconclusive", "rig_error"};
    fputs("| cases | pass | fail | inconclusive | rig-error |\n|--:|--:|--:|--:|--:|\n|", out);
    for (int i = 0; i < 5; i++)
        fprintf(out, " %" PRId64 " |", member_integer(summary, names[i], 0));
    fputs("\n", out);
}

static void print_bad(FILE *out, const char *run_folder, const cJSON *cases)
{
    const cJSON *one;
    int rows = 0;
    cJSON_ArrayForEach(one, cases)
    {
        if (!strcmp(member_text(one, "verdict"), "pass"))
            continue;
        if (!rows++)
            fputs("\n| case | verdict | class | reason | again |\n|---|---|---|---|---|\n", out);
        if (rows > ROWS_MAX)
            continue;
        fputs("| ", out);
        cell(out, member_text(one, "id"));
        cell(out, member_text(one, "verdict"));
        cell(out, member_text(one, "class"));
        cell(out, member_text(one, "reason"));
        fputs("otarig repro ", out);
        escape_markdown(out, run_folder);
        fputc('/', out);
        escape_markdown(out, member_text(one, "folder"));
        fputs(" |\n", out);
    }
    if (rows > ROWS_MAX)
        fprintf(out, "\n%d more are in result.json.\n", rows - ROWS_MAX);
}

int report_markdown(const cJSON *result, const char *run_folder, FILE *out, struct error *error)
{
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(result, "run");
    fputs("## otarig ", out);
    escape_markdown(out, member_text(run, "id"));
    fputs("\n\n", out);
    print_summary(out, cJSON_GetObjectItemCaseSensitive(result, "summary"));
    if (result_missing(result))
        fprintf(out, "\nThe run ended early: %zu more cases were asked for and have no verdict.\n",
                result_missing(result));
    print_bad(out, run_folder, member_list(result, "cases"));
    return 0;
}
