/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arguments.h"
#include "harness/base/mem.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/trust.h"
#include "reports/report.h"
#include "reports/result.h"

static const struct report_format *format_named(const char *name)
{
    const struct report_format *format = report_formats;
    while (format->name && strcmp(format->name, name))
        format++;
    if (format->name)
        return format;
    char *list = mem_string("");
    for (format = report_formats; format->name; format++) {
        const char *between = format == report_formats ? "" : format[1].name ? ", " : " or ";
        char *longer = mem_printf("%s%s%s", list, between, format->name);
        free(list);
        list = longer;
    }
    arguments_wrong("report", "--format: expected %s, found '%s'", list, name);
    free(list);
    return NULL;
}

/* The formats are those of the table; the caller frees. */
static char *list_formats(void)
{
    char *text = mem_string("Formats:\n");
    for (const struct report_format *format = report_formats; format->name; format++) {
        char *longer = mem_printf("%s  %-10s %s\n", text, format->name, format->help);
        free(text);
        text = longer;
    }
    return text;
}

/* 0: go on; else the end, with *code. */
static int take_options(int argc, char **argv, const struct report_format **format, char **folder, int *code)
{
    const char *wanted = "text";
    const struct argument table[] = {
        {"format", "FORMAT", "one of those below (default: text)", ARGUMENT_TEXT, .to = &wanted}, {0}};
    char *list = list_formats(),
         *after =
             mem_printf("%s\nExit: 0 the journals say the same, 2 result.json says otherwise, 4 journals "
                        "are gone.\n",
                        list);
    const struct arguments arguments = {
        "report",
        "usage: otarig report DIR [--format FORMAT]\nPrints the result of a run (its folder), whose journals "
        "are judged again first.\nWhat they do not bear out is told as inconclusive.\n",
        after, table};
    int first, ended = arguments_take(&arguments, argc, argv, &first, code);
    free(list);
    free(after);
    if (ended)
        return -1;
    *code = 2;
    if (first + 1 != argc) {
        arguments_wrong("report", "expected one folder of a run, found %d", argc - first);
        return -1;
    }
    *folder = argv[first];
    cmd_trim(*folder);
    *format = format_named(wanted);
    return *format ? 0 : -1;
}

int cmd_report(int argc, char **argv)
{
    const struct report_format *format;
    struct error error = {0};
    char *folder;
    int code;
    if (take_options(argc, argv, &format, &folder, &code))
        return code;
    char *path = mem_printf("%s/result.json", folder);
    cJSON *result = result_read(path, &error);
    free(path);
    code = result ? trust_result(result, folder) : 0;
    if (!result || format->write(result, folder, stdout, &error))
        code = error_print(&error);
    cJSON_Delete(result);
    return code;
}
