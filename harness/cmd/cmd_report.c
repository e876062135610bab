/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arguments.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/cmd/cmd.h"
#include "harness/replay/rejudge.h"
#include "reports/report.h"
#include "reports/result.h"

static char *verdict_words(const struct verdict *verdict)
{
    return mem_printf("%s%s%s", verdict_kind_name(verdict->kind), verdict->class ? " " : "",
                      verdict->class ? verdict_class_name(verdict->class) : "");
}

/* What a journal does not bear out is told as inconclusive, in every format: no reader may take it for a
 * pass. */
static void distrust(void *arg, const struct rejudged_case *found)
{
    cJSON *result = arg, *one = found->one;
    char *reason = NULL;
    struct error error;
    if (found->verdict && !found->told)
        return;
    if (!found->verdict && !found->told) {
        reason = mem_printf("its journal is gone: nothing bears out what result.json says of it (%s)",
                            member_text(one, "verdict"));
    } else if (!found->verdict) {
        reason = mem_string(found->told);
    } else {
        char *words = verdict_words(found->verdict);
        reason = mem_printf("its journal says %s, but result.json says %s", words, found->told);
        free(words);
    }
    if (!one) /* taken out of result.json */
        one = result_add_case(result, found->fields, found->verdict, found->folder, NULL, 0);
    error_set(&error, ERROR_INPUT, "%s: %s", found->journal, reason);
    error_print(&error);
    result_distrust(one, reason);
    free(reason);
}

/* The exit code that the journals of a result make of its report. */
static int check(cJSON *result, const char *folder)
{
    struct rejudged sum;
    rejudge(result, folder, &sum, distrust, result);
    result_count(result);
    if (sum.differ)
        fprintf(stderr, "otarig: %s/result.json: expected the verdicts of its journals\n", folder);
    return sum.differ ? 2 : sum.without_journal ? 4 : 0;
}

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
    code = result ? check(result, folder) : 0;
    if (!result || format->write(result, folder, stdout, &error))
        code = error_print(&error);
    cJSON_Delete(result);
    return code;
}
