/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The look at a JSON text before cJSON sees it. cJSON is lenient where a harness must not be: it takes
 * numbers as strtod does, control characters in strings, \u0000 (which cuts a string short) and any depth up
 * to a thousand. */
#ifndef OTARIG_BASE_JSON_TEXT_H
#define OTARIG_BASE_JSON_TEXT_H

#include <stddef.h>

#include "harness/base/error.h"

/* Holds the characters, strings, numbers (RFC 8259) and the depth of nesting against the rules; how they
 * follow each other is left to cJSON. ERROR_INPUT "NAME:LINE:COLUMN: expected WHAT, found VALUE". */
int json_text_check(const char *name, const char *text, size_t len, struct error *error);

/* "NAME:LINE:COLUMN: expected WHAT, found 'the text from `at` on'", or "the end of the file" when at == len.
 * The column counts characters. Returns -1. */
int json_text_expected(const char *name, const char *text, size_t len, size_t at, const char *what,
                       struct error *error);

/* Length of the UTF-8 sequence at `text`, 0 when it is none (RFC 3629: no overlong forms, no surrogates) or
 * NUL. */
size_t json_text_utf8(const char *text, size_t left);

/* Copies as many whole characters as fit, with "..." when that is not all. */
void json_text_cut(char *out, size_t size, const char *text, size_t len);

#endif
