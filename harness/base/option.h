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
    OPTION_NAME,    /* as OPTION_STRING: letters, digits, '.', '_' and '-', at most 64 characters */
    OPTION_COMMENT, /* a text, or a list of texts, that nobody reads but people; nothing is stored */
    OPTION_VERSION, /* the number `low`; nothing is stored */
    OPTION_BELOW,   /* what the caller reads itself: only its key is looked at here; `below` describes it */
};

struct option_spec {
    const char *name; /* NULL ends a table */
    const char *help;
    enum option_type type;
    size_t offset; /* offsetof() in the config struct */
    bool required;
    const char *standard;       /* default as text, NULL: zero / NULL */
    int64_t low, high;          /* OPTION_INTEGER, OPTION_WORD; both 0: any */
    bool or_zero;               /* 0 is fine, too, though `low` is higher */
    const char *const *choices; /* OPTION_CHOICE, NULL-terminated */
    /* OPTION_STRING, each of OPTION_STRINGS: a regular expression that PCRE and JSON Schema read alike, and
     * what it wants in words ("VENDOR:PRODUCT in hexadecimal"); both or neither. */
    const char *pattern, *wanted;
    bool runs; /* who writes it decides what is executed: only in a file that its user owns */
    /* OPTION_BELOW: its JSON Schema; the caller owns it. */
    cJSON *(*below)(const struct option_spec *spec);
};

/* What several options of an object owe each other. */
enum option_rule_kind {
    OPTION_ANY_OF = 1,    /* at least one of `names` is there */
    OPTION_ONE_OF,        /* exactly one of them is */
    OPTION_NEEDS,         /* `names` only where the option `when` is there, too */
    OPTION_NOT_WITH,      /* `names` only where it is not */
    OPTION_ONLY_WHERE,    /* `names` only where the option `when` is `is` */
    OPTION_EXACTLY_WHERE, /* `names` where the option `when` is `is`, and only there */
};
struct option_rule {
    enum option_rule_kind kind; /* 0 ends a table */
    const char *const *names;   /* NULL-terminated */
    const char *when, *is;      /* an option and, of the rules that say so, its value: a choice, or "true" */
    const char *wanted;         /* what is expected, in words */
};

/* Fills `config` (zeroed first, `size` bytes) from an object. Keys that are neither in the table nor in
 * `also` (NULL-terminated or NULL) are an error, as are absent required ones. Also after a failure the config
 * wants option_release. */
int option_parse(const struct option_spec *table, struct json object, const char *const *also, void *config,
                 size_t size, struct error *error);
/* Do the rules (NULL: none) hold in an object that option_parse has accepted? */
int option_hold_rules(const struct option_rule *rules, struct json object, struct error *error);
/* The JSON Schema (draft 2020-12) of an object with these options; the caller owns it. */
cJSON *option_schema(const struct option_spec *table, const struct option_rule *rules);
/* What `at` says is to be executed: refused when its file is somebody else's, unless --allow-exec says so. */
int option_may_run(struct json at, struct error *error);
/* Frees what option_parse allocated inside the config. */
void option_release(const struct option_spec *table, void *config);

#endif
