/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>

#include "harness/base/mem.h"

#define OPTIONS_MAX 40

int arguments_wrong(const char *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "otarig %s: ", command);
    vfprintf(stderr, format, args);
    fprintf(stderr, " (see otarig %s --help)\n", command);
    va_end(args);
    return 2;
}

static void print_option(const struct argument *row, int width, FILE *out)
{
    int room = width - (int)strlen(row->name);
    fprintf(out, "  --%s %-*s", row->name, room > 0 ? room : 0, row->value ? row->value : "");
    for (const char *at = row->help; *at; at += strspn(at, "\n")) {
        size_t len = strcspn(at, "\n");
        fprintf(out, "%*s%.*s\n", at == row->help ? 2 : width + 7, "", (int)len, at);
        at += len;
    }
}

void arguments_help(const struct arguments *arguments, FILE *out)
{
    int width = 0;
    fprintf(out, "%s", arguments->usage);
    for (const struct argument *row = arguments->table; row && row->name; row++) {
        int len = row->type == ARGUMENT_HEADING ? 0 : (int)strlen(row->name);
        len += row->value ? (int)strlen(row->value) : 0;
        width = len > width ? len : width;
    }
    for (const struct argument *row = arguments->table; row && row->name; row++) {
        if (row == arguments->table)
            fputc('\n', out);
        if (row->type == ARGUMENT_HEADING)
            fprintf(out, "\n%s\n\n", row->help);
        else
            print_option(row, width, out);
    }
    if (arguments->after)
        fprintf(out, "\n%s", arguments->after);
}

static int take_number(const char *command, const struct argument *row, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    bool whole = row->type == ARGUMENT_WHOLE;
    bool digits = !text[strspn(text, "0123456789.eE+-")];
    if (digits && end != text && !*end && value >= row->low && value <= row->high &&
        (!whole || value == floor(value))) {
        *(double *)row->to = value;
        return 0;
    }
    return arguments_wrong(command,
                           whole ? "--%s: expected a whole number from %.0f to %.0f, found '%s'"
                                 : "--%s: expected a number from %g to %g, found '%s'",
                           row->name, row->low, row->high, text);
}

static int take(const char *command, const struct argument *row, const char *text)
{
    if (row->given)
        *row->given = row->name;
    switch (row->type) {
    case ARGUMENT_FLAG:
        *(bool *)row->to = true;
        return 0;
    case ARGUMENT_TEXT:
        *(const char **)row->to = text;
        return 0;
    case ARGUMENT_TEXTS:
        cJSON_AddItemToArray(row->to, cJSON_CreateString(text));
        return 0;
    case ARGUMENT_WHOLE:
    case ARGUMENT_NUMBER:
        return take_number(command, row, text);
    case ARGUMENT_HEADING:
        break;
    }
    return 0;
}

int arguments_take(const struct arguments *arguments, int argc, char **argv, int *first, int *code)
{
    struct option options[OPTIONS_MAX + 2] = {{"help", no_argument, NULL, 'h'}};
    const struct argument *rows[OPTIONS_MAX + 2] = {0};
    int count = 1, index = 0, which = -1;
    for (const struct argument *row = arguments->table; row && row->name && count <= OPTIONS_MAX; row++)
        if (row->type != ARGUMENT_HEADING) {
            rows[count] = row;
            options[count++] =
                (struct option){row->name, row->value ? required_argument : no_argument, NULL, 'o'};
        }
    char *whole = mem_printf("otarig %s", arguments->command), *name = argv[0];
    argv[0] = whole;
    optind = 0; /* glibc: from the start, whatever was parsed before */
    *code = -1;
    while (*code < 0 && (which = getopt_long(argc, argv, "h", options, &index)) != -1) {
        if (which == 'h') {
            arguments_help(arguments, stdout);
            *code = 0;
        } else if (which == '?' || take(arguments->command, rows[index], optarg)) {
            *code = 2;
        }
    }
    argv[0] = name;
    free(whole);
    *first = optind;
    return *code < 0 ? 0 : -1;
}

int arguments_next(int argc, char **argv, const struct option *options)
{
    char whole[64], *command = argv[0];

    snprintf(whole, sizeof whole, "otarig %s", command);
    argv[0] = whole;
    int which = getopt_long(argc, argv, "h", options, NULL);
    argv[0] = command;
    return which;
}

int arguments_u32(const char *what, const char *text, uint32_t low, uint32_t high, uint32_t *out,
                  struct error *error)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hex ? text + 2 : text;
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(digits, &end, hex ? 16 : 10);
    bool first = hex ? isxdigit((unsigned char)*digits) : isdigit((unsigned char)*digits);
    if (!first || *end || errno || value < low || value > high)
        return error_set(error, ERROR_INPUT, "%s: expected a number from 0x%x to 0x%x, found '%s'", what, low,
                         high, text);
    *out = (uint32_t)value;
    return 0;
}
