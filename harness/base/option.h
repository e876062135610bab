/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option tables: one table describes a set of values for parsing from JSON, for --help and for the schemas.
 */
#ifndef OTARIG_BASE_OPTION_H
#define OTARIG_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/json.h"

enum option_type {
    OPTION_STRING,  /* char *, owned by the config; never empty */
    OPTION_INTEGER, /* int64_t */
    OPTION_WORD,    /* int64_t; also "0x...": a size of memory, a number of USB */
    OPTION_BOOL,    /* bool */
    OPTION_CHOICE,  /* int: index into choices */
    OPTION_STRINGS, /* char **, NULL-terminated, owned by the config */
    OPTION_PROGRAM, /* as OPTION_STRINGS: a program and its arguments, so neither it nor the list is empty */
};

struct option_spec {
    const char *name; /* NULL ends a table */
    const char *help;
    enum option_type type;
    size_t offset; /* offsetof() in the config struct */
    bool required;
    const char *standard;       /* default as text, NULL: zero / NULL */
    int64_t low, high;          /* OPTION_INTEGER, OPTION_WORD; both 0: any */
    const char *const *choices; /* OPTION_CHOICE, NULL-terminated */
    /* OPTION_STRING; may be NULL. What the text should be ("VENDOR:PRODUCT in hexadecimal"); NULL: it is. */
    const char *(*check)(const char *text);
    bool runs; /* who writes it decides what is executed: only in a file that its user owns */
};

/* Fills `config` (zeroed first, `size` bytes) from an object. Keys that are neither in the table nor in
 * `also` (NULL-terminated or NULL) are an error, as are absent required ones. Also after a failure the config
 * wants option_release. */
int option_parse(const struct option_spec *table, struct json object, const char *const *also, void *config,
                 size_t size, struct error *error);
/* What `at` says is to be executed: refused when its file is somebody else's, unless --allow-exec says so. */
int option_may_run(struct json at, struct error *error);
/* Frees what option_parse allocated inside the config. */
void option_release(const struct option_spec *table, void *config);

#endif
