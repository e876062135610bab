/* JUnit XML as CI servers read it: what is not a pass must not look like one, so inconclusive cases are
 * errors, too. */
#include "reports/report.h"

#include <stdbool.h>
#include <string.h>

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(node) ? node->valuestring : "";
}

static int number_of(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(node) ? node->valueint : 0;
}

/* XML 1.0, 2.2: control characters but tab, newline and return cannot be written at all. */
static void escaped(FILE *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&')
            fputs("&amp;", out);
        else if (c == '<')
            fputs("&lt;", out);
        else if (c == '>')
            fputs("&gt;", out);
        else if (c == '"')
            fputs("&quot;", out);
        else if (c < 0x20)
            fputc(' ', out);
        else
            fputc(c, out);
    }
}

static void attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    escaped(out, value);
    fputc('"', out);
}

static void write_case(const cJSON *one, FILE *out)
{
    const char *verdict = text_of(one, "verdict"), *class = text_of(one, "class");
    bool fail = !strcmp(verdict, "fail");
    fputs("    <testcase", out);
    attribute(out, "classname", text_of(one, "family"));
    attribute(out, "name", text_of(one, "id"));
    fprintf(out, " time=\"%.3f\"", number_of(one, "duration_ms") / 1000.0);
    if (!strcmp(verdict, "pass")) {
        fputs("/>\n", out);
        return;
    }
    fprintf(out, ">\n      <%s", fail ? "failure" : "error");
    attribute(out, "type", fail ? class : verdict);
    attribute(out, "message", text_of(one, "reason"));
    fprintf(out, ">evidence: ");
    escaped(out, text_of(one, "folder"));
    fprintf(out, "</%s>\n    </testcase>\n", fail ? "failure" : "error");
}

int report_junit(const cJSON *result, const char *run_folder, FILE *out, struct error *error)
{
    const cJSON *summary = cJSON_GetObjectItem(result, "summary"), *run = cJSON_GetObjectItem(result, "run"),
                *one;
    int errors = number_of(summary, "rig_error") + number_of(summary, "inconclusive");
    fprintf(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"otarig\" tests=\"%d\" "
        "failures=\"%d\" errors=\"%d\"",
        number_of(summary, "cases"), number_of(summary, "fail"), errors);
    attribute(out, "timestamp", text_of(run, "started"));
    attribute(out, "hostname", text_of(run, "host"));
    fputs(">\n", out);
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(result, "cases")) write_case(one, out);
    fputs("  </testsuite>\n</testsuites>\n", out);
    return 0;
}
