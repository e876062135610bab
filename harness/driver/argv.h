/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of the user with places to fill in: ["esptool.py", "write_flash", "{address}", "{file}"]. There is
 * no shell: a word stays one word, whatever is filled in. "{{" is a brace. */
#ifndef OTARIG_DRIVER_ARGV_H
#define OTARIG_DRIVER_ARGV_H

#include <stdbool.h>

#include "harness/base/error.h"

struct argv_place {
    const char *name;  /* without braces; NULL ends a list */
    const char *value; /* NULL: nothing is known for it this time */
};

/* The words with their places filled in, NULL-terminated; argv_free(). NULL: a place that is not in the list
 * or has no value (ERROR_INPUT). */
char **argv_fill(char *const *words, const struct argv_place *places, struct error *error);
/* NULL, or a place that none of `places` (values do not matter) is, with its braces; free it. */
char *argv_unknown(char *const *words, const struct argv_place *places);
bool argv_uses(char *const *words, const char *place);
void argv_free(char **words); /* NULL is allowed */

#endif
