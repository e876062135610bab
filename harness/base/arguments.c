#include "harness/base/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int arguments_next(int argc, char **argv, const struct option *options)
{
    char whole[64], *command = argv[0];

    snprintf(whole, sizeof whole, "otarig %s", command);
    argv[0] = whole;
    int which = getopt_long(argc, argv, "", options, NULL);
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
