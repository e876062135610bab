/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/run/marks.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

struct marks {
    const struct board_mark *list;
    size_t count;
    pcre2_code **codes;
    pcre2_match_data *match;
};

struct marks *marks_new(const struct board_mark *list, size_t count, const char *path, struct error *error)
{
    struct marks *marks = mem_alloc(sizeof *marks);
    marks->list = list;
    marks->count = count;
    marks->codes = mem_array(count + 1, sizeof *marks->codes);
    marks->match = pcre2_match_data_create(32, NULL);
    for (size_t i = 0; i < count; i++) {
        int code;
        PCRE2_SIZE offset;
        marks->codes[i] =
            pcre2_compile((PCRE2_SPTR)list[i].expression, PCRE2_ZERO_TERMINATED, 0, &code, &offset, NULL);
        if (!marks->codes[i]) { /* board_load has refused it */
            error_set(error, ERROR_INPUT, "%s: mark '%s' is not a regular expression", path, list[i].name);
            marks_free(marks);
            return NULL;
        }
        pcre2_jit_compile(marks->codes[i], PCRE2_JIT_COMPLETE);
    }
    return marks;
}

void marks_free(struct marks *marks)
{
    if (!marks)
        return;
    for (size_t i = 0; i < marks->count; i++)
        pcre2_code_free(marks->codes[i]);
    pcre2_match_data_free(marks->match);
    free(marks->codes);
    free(marks);
}

size_t marks_count(const struct marks *marks)
{
    return marks->count;
}

const char *marks_name(const struct marks *marks, size_t index)
{
    return marks->list[index].name;
}

int marks_find(const struct marks *marks, const char *name)
{
    for (size_t i = 0; i < marks->count; i++)
        if (!strcmp(marks->list[i].name, name))
            return (int)i;
    return -1;
}

bool marks_match(struct marks *marks, size_t index, const char *line, size_t len)
{
    return pcre2_match(marks->codes[index], (PCRE2_SPTR)line, len, 0, 0, marks->match, NULL) >= 0;
}

size_t marks_find_inside(struct marks *marks, size_t index, const char *line, size_t len)
{
    if (marks_match(marks, index, line, len))
        return 0;
    for (size_t at = 1; at < len; at++)
        if (marks_match(marks, index, line + at, len - at))
            return at;
    return 0;
}

bool marks_group(struct marks *marks, size_t index, const char *line, const char *group, char *out,
                 size_t size)
{
    int number = pcre2_substring_number_from_name(marks->codes[index], (PCRE2_SPTR)group);
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(marks->match);
    *out = 0;
    if (number < 0 || (uint32_t)number >= pcre2_get_ovector_count(marks->match) ||
        ends[2 * number] == PCRE2_UNSET)
        return false;
    size_t len = ends[2 * number + 1] - ends[2 * number];
    if (len >= size)
        len = size - 1;
    memcpy(out, line + ends[2 * number], len);
    out[len] = 0;
    return true;
}
