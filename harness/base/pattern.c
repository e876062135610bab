/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/pattern.h"

#include <stdio.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

void *pattern_compile(const char *text, char *why, size_t size)
{
    int number;
    PCRE2_SIZE offset;
    PCRE2_UCHAR reason[120];
    void *pattern = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &number, &offset, NULL);
    if (pattern)
        return pattern;
    pcre2_get_error_message(number, reason, sizeof reason);
    snprintf(why, size, "%s at %zu", (const char *)reason, (size_t)offset);
    return NULL;
}

void pattern_free(void *pattern)
{
    pcre2_code_free(pattern);
}

bool pattern_matches(const void *pattern, const char *line, size_t len)
{
    /* the compiled pattern is shared between threads, the match data must not be, and must not outlive them
     */
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    bool found = pcre2_match(pattern, (PCRE2_SPTR)line, len, 0, 0, data, NULL) >= 0;
    pcre2_match_data_free(data);
    return found;
}
