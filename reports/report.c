/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/report.h"

#include <stdlib.h>

const struct report_format report_formats[] = {
    {"text", "a table for people", report_text},
    {"junit", "JUnit XML for CI", report_junit},
    {"html", "one page for the browser, with timelines", report_html},
    {"markdown", "a summary for a CI job's page", report_markdown},
    {"json", "result.json itself", report_json},
    {0},
};

int report_json(const cJSON *result, const char *run_folder, FILE *out, struct error *error)
{
    char *text = cJSON_Print(result);
    fprintf(out, "%s\n", text);
    cJSON_free(text);
    return 0;
}
