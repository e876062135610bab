/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JUnit XML as CI servers read it: what is not a pass must not look like one, so inconclusive cases are
 * errors, too. */
#include "reports/report.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "reports/case.h"
#include "reports/result.h"

static void attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    escape_markup(out, value);
    fputc('"', out);
}

static void property(FILE *out, const char *indent, const char *name, const char *value)
{
    if (!value[0])
        return;
    fprintf(out, "%s<property", indent);
    attribute(out, "name", name);
    attribute(out, "value", value);
    fputs("/>\n", out);
}

static double seconds(const cJSON *one)
{
    return (double)member_integer(one, "duration_ms", 0) / 1000.0;
}

/* GitLab shows the text of a failure and neither `message` nor the properties, and makes a link of an
 * attachment: a path from the project's folder, one a case. */
static void write_trouble(const cJSON *one, const char *run_folder, FILE *out)
{
    const char *verdict = member_text(one, "verdict"), *class = member_text(one, "class");
    bool fail = !strcmp(verdict, "fail");
    char *text = case_text(run_folder, one), *attachment = case_attachment(run_folder, one);
    fprintf(out, "      <%s", fail ? "failure" : "error");
    attribute(out, "type", fail ? class : verdict);
    attribute(out, "message", member_text(one, "reason"));
    fputc('>', out);
    fprintf(out, "%s%s", verdict, fail ? " " : "");
    escape_markup(out, fail ? class : "");
    fputs(": ", out);
    escape_markup(out, text);
    fprintf(out, "</%s>\n", fail ? "failure" : "error");
    if (attachment) {
        fputs("      <system-out>[[ATTACHMENT|", out);
        escape_markup(out, attachment);
        fputs("]]</system-out>\n", out);
    }
    free(text);
    free(attachment);
}

static void write_case(const cJSON *one, const char *run_folder, FILE *out)
{
    static const char *const properties[] = {"board", "place", "firmware", "class"};
    const char *verdict = member_text(one, "verdict");
    char *file = case_in_project(member_text(one, "scenario_file"));
    fputs("    <testcase", out);
    attribute(out, "classname", member_text(one, "family"));
    attribute(out, "name", member_text(one, "id"));
    if (*file)
        attribute(out, "file", file);
    fprintf(out, " time=\"%.3f\">\n      <properties>\n", seconds(one));
    property(out, "        ", "verdict", verdict);
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        property(out, "        ", properties[i], member_text(one, properties[i]));
    fputs("      </properties>\n", out);
    if (strcmp(verdict, "pass"))
        write_trouble(one, run_folder, out);
    fputs("    </testcase>\n", out);
    free(file);
}

static void write_run_properties(const cJSON *result, FILE *out)
{
    static const char *const names[] = {"id", "otarig_version", "command"};
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(result, "run");
    fputs("    <properties>\n", out);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        property(out, "      ", names[i], member_text(run, names[i]));
    property(out, "      ", "firmware", member_text(result, "firmware"));
    fputs("    </properties>\n", out);
}

/* What was asked for and not done is an error, too: a sum of the rest must not be green. */
static void write_missing(size_t missing, FILE *out)
{
    static const char words[] = "the run ended early: %zu more cases were asked for and have no verdict";
    char *text = mem_printf(words, missing);
    fprintf(out,
            "    <testcase classname=\"otarig\" name=\"the rest of the run\">\n"
            "      <error type=\"inconclusive\" message=\"%s\">inconclusive: %s</error>\n    </testcase>\n",
            text, text);
    free(text);
}

static void write_numbers(const cJSON *result, size_t missing, FILE *out)
{
    const cJSON *summary = cJSON_GetObjectItemCaseSensitive(result, "summary"), *one;
    int64_t errors =
        (missing != 0) + member_integer(summary, "rig_error", 0) + member_integer(summary, "inconclusive", 0);
    double time_s = 0;
    cJSON_ArrayForEach(one, member_list(result, "cases")) time_s += seconds(one);
    fprintf(out,
            " tests=\"%" PRId64 "\" failures=\"%" PRId64 "\" errors=\"%" PRId64
            "\" skipped=\"0\" time=\"%.3f\"",
            member_integer(summary, "cases", 0) + (missing != 0), member_integer(summary, "fail", 0), errors,
            time_s);
}

int report_junit(const cJSON *result, const char *run_folder, FILE *out, struct error *error)
{
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(result, "run"), *one;
    size_t missing = result_missing(result);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites", out);
    write_numbers(result, missing, out);
    fputs(">\n  <testsuite name=\"otarig\"", out);
    write_numbers(result, missing, out);
    attribute(out, "timestamp", member_text(run, "started"));
    attribute(out, "hostname", member_text(run, "host"));
    fputs(">\n", out);
    write_run_properties(result, out);
    cJSON_ArrayForEach(one, member_list(result, "cases")) write_case(one, run_folder, out);
    if (missing)
        write_missing(missing, out);
    fputs("  </testsuite>\n</testsuites>\n", out);
    return 0;
}
