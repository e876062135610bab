/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of a command of otarig. */
#ifndef OTARIG_BASE_ARGUMENTS_H
#define OTARIG_BASE_ARGUMENTS_H

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/base/error.h"

/* One option of a command: a row of the table that parses it and prints its help. */
struct argument {
    const char *name;  /* without the dashes; NULL ends a table */
    const char *value; /* what stands for the value in the help ("FILE"); NULL: a flag */
    const char *help;  /* lines after the first are set in below it */
    enum argument_type {
        ARGUMENT_FLAG,   /* to a bool */
        ARGUMENT_TEXT,   /* to a const char *, which stays argv's */
        ARGUMENT_TEXTS,  /* to a cJSON list; the option may be given several times */
        ARGUMENT_WHOLE,  /* to a double: a whole number from low to high */
        ARGUMENT_NUMBER, /* to a double from low to high */
        ARGUMENT_HEADING /* no option: its help is a paragraph between options */
    } type;
    void *to;
    double low, high;
    const char **given; /* may be NULL; gets the name when the option is there */
};
/* What --help says: the usage line and what the command does, the options, and what follows them. */
struct arguments {
    const char *command, *usage, *after; /* `after` may be NULL */
    const struct argument *table;        /* may be NULL */
};

/* Takes the options. 0: go on, and *first is the index of the first word that is no option (all of them stand
 * at the end of argv then); else the caller ends with *code: 0 after --help or -h, 2 after a line on stderr
 * that says what was expected. */
int arguments_take(const struct arguments *arguments, int argc, char **argv, int *first, int *code);
void arguments_help(const struct arguments *arguments, FILE *out);
/* "otarig COMMAND: TEXT (see otarig COMMAND --help)" on stderr. Returns 2, the exit code. */
int arguments_wrong(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* getopt_long(3) with -h as the one short option, which gives 'h' like --help; what it says on stderr begins
 * with "otarig COMMAND:". argv[0] is the command, as before the call afterwards. */
int arguments_next(int argc, char **argv, const struct option *options);

/* A number from low to high, decimal or after 0x hexadecimal, and nothing else: no sign, no blank, no octal.
 * `what` begins the message of the ERROR_INPUT. */
int arguments_u32(const char *what, const char *text, uint32_t low, uint32_t high, uint32_t *out,
                  struct error *error);

#endif
