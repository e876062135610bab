#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arguments.h"
#include "harness/base/mem.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/rejudge.h"
#include "reports/report.h"
#include "reports/result.h"

static void usage(FILE *out)
{
    fputs("usage: otarig report DIR [--format FORMAT]\nPrints the result of a run (its folder), whose "
          "journals are judged again first. Formats:\n",
          out);
    for (const struct report_format *format = report_formats; format->name; format++)
        fprintf(out, "  %-10s %s\n", format->name, format->help);
}

static void tell_difference(void *arg, const char *journal, const struct verdict *verdict, const char *told)
{
    if (told)
        fprintf(stderr, "otarig: %s: %s%s%s, but result.json says %s\n", journal,
                verdict_kind_name(verdict->kind), verdict->class ? " " : "",
                verdict->class ? verdict_class_name(verdict->class) : "", told);
}

/* What is not in the journals is not reported. */
static int check(const cJSON *result, const char *folder, struct error *error)
{
    struct rejudged sum;
    if (rejudge(result, folder, &sum, tell_difference, NULL, error))
        return -1;
    if (sum.differ)
        return error_set(error, ERROR_INPUT, "%s/result.json: expected the verdicts of its journals", folder);
    if (sum.without_journal)
        fprintf(stderr, "otarig: %s: %zu case%s without a journal: told as result.json has %s\n", folder,
                sum.without_journal, sum.without_journal == 1 ? "" : "s",
                sum.without_journal == 1 ? "it" : "them");
    return 0;
}

int cmd_report(int argc, char **argv)
{
    static const struct option options[] = {{"format", 1, NULL, 'f'}, {"help", 0, NULL, 'h'}, {0}};
    const char *wanted = "text";
    struct error error = {0};
    for (int c; (c = arguments_next(argc, argv, options)) != -1;) {
        if (c == 'f') {
            wanted = optarg;
        } else {
            usage(c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (optind + 1 != argc) {
        usage(stderr);
        return 2;
    }
    const struct report_format *format = report_formats;
    while (format->name && strcmp(format->name, wanted))
        format++;
    if (!format->name) {
        fputs("otarig: report: --format: expected ", stderr);
        for (format = report_formats; format->name; format++)
            fprintf(stderr, "%s%s",
                    format == report_formats ? ""
                    : format[1].name         ? ", "
                                             : " or ",
                    format->name);
        fprintf(stderr, ", found '%s'\n", wanted);
        return 2;
    }
    cmd_trim(argv[optind]);
    char *path = mem_printf("%s/result.json", argv[optind]);
    cJSON *result = result_read(path, &error);
    free(path);
    int failed =
        !result || check(result, argv[optind], &error) || format->write(result, argv[optind], stdout, &error);
    cJSON_Delete(result);
    return failed ? cmd_fail(&error) : 0;
}
