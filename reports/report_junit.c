/* JUnit XML as CI servers read it: what is not a pass must not look like one, so inconclusive cases are
 * errors, too. */
#include "reports/report.h"

#include <stdbool.h>
#include <string.h>

#include "reports/escape.h"
#include "harness/base/member.h"
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

static void write_case(const cJSON *one, const char *run_folder, FILE *out)
{
    static const char *const properties[] = {"board", "place", "firmware", "class"};
    const char *verdict = member_text(one, "verdict"), *class = member_text(one, "class");
    bool fail = !strcmp(verdict, "fail");
    fputs("    <testcase", out);
    attribute(out, "classname", member_text(one, "family"));
    attribute(out, "name", member_text(one, "id"));
    fprintf(out, " time=\"%.3f\">\n      <properties>\n",
            (double)member_integer(one, "duration_ms", 0) / 1000.0);
    property(out, "        ", "verdict", verdict);
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        property(out, "        ", properties[i], member_text(one, properties[i]));
    fputs("      </properties>\n", out);
    if (strcmp(verdict, "pass")) {
        fprintf(out, "      <%s", fail ? "failure" : "error");
        attribute(out, "type", fail ? class : verdict);
        attribute(out, "message", member_text(one, "reason"));
        fputs(">again: otarig repro ", out);
        escape_markup(out, run_folder);
        fputc('/', out);
        escape_markup(out, member_text(one, "folder"));
        fprintf(out, "</%s>\n", fail ? "failure" : "error");
    }
    fputs("    </testcase>\n", out);
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
    fprintf(out,
            "    <testcase classname=\"otarig\" name=\"the rest of the run\">\n"
            "      <error type=\"inconclusive\" message=\"the run ended early: %zu more cases were asked for "
            "and have no verdict\"/>\n    </testcase>\n",
            missing);
}

int report_junit(const cJSON *result, const char *run_folder, FILE *out, struct error *error)
{
    const cJSON *summary = cJSON_GetObjectItem(result, "summary"), *run = cJSON_GetObjectItem(result, "run"),
                *one;
    size_t missing = result_missing(result);
    int errors = (missing != 0) + (int)member_integer(summary, "rig_error", 0) +
                 (int)member_integer(summary, "inconclusive", 0);
    fprintf(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"otarig\" tests=\"%d\" "
        "failures=\"%d\" errors=\"%d\"",
        (int)member_integer(summary, "cases", 0) + (missing != 0), (int)member_integer(summary, "fail", 0),
        errors);
    attribute(out, "timestamp", member_text(run, "started"));
    attribute(out, "hostname", member_text(run, "host"));
    fputs(">\n", out);
    write_run_properties(result, out);
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(result, "cases")) write_case(one, run_folder, out);
    if (missing)
        write_missing(missing, out);
    fputs("  </testsuite>\n</testsuites>\n", out);
    return 0;
}
