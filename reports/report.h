/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports: each format is a row of a table; all of them read result.json (and, where they want more, the
 * journals in the run's folder). */
#ifndef OTARIG_REPORTS_REPORT_H
#define OTARIG_REPORTS_REPORT_H

#include <stdio.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"

struct report_format {
    const char *name, *help;
    int (*write)(const cJSON *result, const char *run_folder, FILE *out, struct error *error);
};
extern const struct report_format report_formats[]; /* ends with name NULL */

int report_text(const cJSON *result, const char *run_folder, FILE *out, struct error *error);
int report_junit(const cJSON *result, const char *run_folder, FILE *out, struct error *error);
int report_html(const cJSON *result, const char *run_folder, FILE *out, struct error *error);
int report_markdown(const cJSON *result, const char *run_folder, FILE *out, struct error *error);
/* GitHub takes 1 MiB of a step's summary, and refuses what is larger. */
#define REPORT_SUMMARY_MAX (900u << 10)
/* The text of report_markdown, with as many of its rows as `len_max` bytes hold; the caller frees. */
char *report_summary(const cJSON *result, const char *run_folder, size_t len_max);
/* Adds it to a file such as GITHUB_STEP_SUMMARY names, as far as it fits beside what is there. */
int report_append_summary(const cJSON *result, const char *run_folder, const char *path, struct error *error);
int report_json(const cJSON *result, const char *run_folder, FILE *out, struct error *error);

#endif
