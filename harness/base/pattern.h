/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Regular expressions over console lines (PCRE2). A compiled one may be used by several threads at once. */
#ifndef OTARIG_BASE_PATTERN_H
#define OTARIG_BASE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* NULL: it is none; `why` says where and why. Belongs to the caller: pattern_free. */
void *pattern_compile(const char *text, char *why, size_t size);
void pattern_free(void *pattern); /* NULL is allowed */
/* Does it match anywhere in this line? */
bool pattern_matches(const void *pattern, const char *line, size_t len);

#endif
