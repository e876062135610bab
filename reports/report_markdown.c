/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Markdown for the summary page of a CI job: numbers first, then what is not a pass. */
#include "reports/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/escape.h"
#include "harness/base/member.h"
#include "reports/case.h"
#include "reports/result.h"

#define HEAD_LEN_MAX 1024 /* of what stands above the rows */
#define LAST_LEN_MAX 100

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

static char *row_text(const char *run_folder, const cJSON *one)
{
    char *repro = case_repro(run_folder, one), *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    fputs("| ", out);
    cell(out, member_text(one, "id"));
    cell(out, member_text(one, "verdict"));
    cell(out, member_text(one, "class"));
    cell(out, member_text(one, "reason"));
    escape_markdown(out, repro);
    fputs(" |\n", out);
    fclose(out);
    free(repro);
    return text;
}

/* Failures first, then what says nothing of the board. */
static void print_bad(FILE *out, const char *run_folder, const cJSON *cases, size_t len_max)
{
    const cJSON *one;
    int rows = 0, left_off = 0;
    for (int turn = 0; turn < 2; turn++)
        cJSON_ArrayForEach(one, cases)
        {
            const char *verdict = member_text(one, "verdict");
            if (!strcmp(verdict, "pass") || (strcmp(verdict, "fail") != 0) == (turn == 0))
                continue;
            if (!rows++)
                fputs("\n| case | verdict | class | reason | again |\n|---|---|---|---|---|\n", out);
            char *row = left_off ? NULL : row_text(run_folder, one);
            if (row && (size_t)ftell(out) + strlen(row) + LAST_LEN_MAX <= len_max)
                fputs(row, out);
            else
                left_off++;
            free(row);
        }
    if (left_off)
        fprintf(out, "\n%d more are in result.json.\n", left_off);
}

char *report_summary(const cJSON *result, const char *run_folder, size_t len_max)
{
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(result, "run");
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    fputs("## otarig ", out);
    escape_markdown(out, member_text(run, "id"));
    fputs("\n\n", out);
    print_summary(out, cJSON_GetObjectItemCaseSensitive(result, "summary"));
    if (result_missing(result))
        fprintf(out, "\nThe run ended early: %zu more cases were asked for and have no verdict.\n",
                result_missing(result));
    print_bad(out, run_folder, member_list(result, "cases"), len_max);
    fclose(out);
    return text;
}

int report_markdown(const cJSON *result, const char *run_folder, FILE *out, struct error *error)
{
    char *text = report_summary(result, run_folder, REPORT_SUMMARY_MAX);
    fputs(text, out);
    free(text);
    return 0;
}

int report_append_summary(const cJSON *result, const char *run_folder, const char *path, struct error *error)
{
    struct stat about;
    FILE *file = fopen(path, "ae");
    bool ok = file && !fstat(fileno(file), &about);
    size_t there = ok && about.st_size > 0 ? (size_t)about.st_size : 0;
    if (ok && there + HEAD_LEN_MAX + LAST_LEN_MAX < REPORT_SUMMARY_MAX) {
        char *text = report_summary(result, run_folder, REPORT_SUMMARY_MAX - there);
        ok = fputs(text, file) >= 0;
        free(text);
    }
    int why = errno;
    if (file && fclose(file)) {
        ok = false;
        why = errno;
    }
    return ok ? 0 : error_set_errno(error, ERROR_SYSTEM, why, "%s", path);
}
