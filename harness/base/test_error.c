/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "harness/base/error.h"

Test(error, can_be_returned_and_may_be_ignored)
{
    struct error error = {0};
    cr_expect_eq(error_set(&error, ERROR_INPUT, "n %d", 7), -1);
    cr_expect_str_eq(error.text, "n 7");
    cr_expect_eq(error_set(NULL, ERROR_RIG, "x"), -1);
    cr_expect_eq(error_set_errno(NULL, ERROR_RIG, ENOENT, "x"), -1);
    cr_expect_eq(error_prefix(NULL, "x"), -1);
}

Test(error, names_the_reason_of_the_system)
{
    struct error error = {0};
    error_set_errno(&error, ERROR_SYSTEM, ENOENT, "open %s", "/x");
    cr_expect_str_eq(error.text, "open /x: No such file or directory");
}

Test(error, may_hold_its_own_text)
{
    struct error error = {0};
    error_set(&error, ERROR_INPUT, "inner");
    error_set(&error, ERROR_RIG, "outer (%s)", error.text);
    cr_expect_str_eq(error.text, "outer (inner)");
}

Test(error, gets_one_prefix_a_layer_and_keeps_its_kind)
{
    struct error error = {0};
    error_set(&error, ERROR_TIMEOUT, "no answer");
    error_prefix(&error, "step %d", 4);
    error_prefix(&error, "scenario %s", "swap");
    cr_expect_str_eq(error.text, "scenario swap: step 4: no answer");
    cr_expect_eq(error.kind, ERROR_TIMEOUT);
}

Test(error, is_never_longer_than_its_text_nor_cut_inside_a_character)
{
    char longest[1000];
    for (size_t shift = 0; shift < 3; shift++) {
        struct error error = {0};
        memset(longest, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof longest; i += 3)
            memcpy(longest + i, "\xe2\x82\xac", 4);
        error_set(&error, ERROR_INPUT, "%s", longest);
        cr_expect_lt(strlen(error.text), sizeof error.text);
        cr_expect_eq((strlen(error.text) - shift) % 3, 0, "whole characters, shift %zu", shift);
        error_prefix(&error, "%s", longest);
        cr_expect_lt(strlen(error.text), sizeof error.text);
        cr_expect_eq((strlen(error.text) - shift) % 3, 0, "whole characters in a prefix, shift %zu", shift);
        error_set_errno(&error, ERROR_INPUT, EIO, "%s", longest);
        cr_expect_lt(strlen(error.text), sizeof error.text);
    }
}

Test(error, kind_gives_the_exit_code)
{
    static const struct {
        enum error_kind kind;
        int code;
    } rows[] = {
        {ERROR_INPUT, 2}, {ERROR_RIG, 3}, {ERROR_TIMEOUT, 3}, {ERROR_SYSTEM, 3}, {ERROR_INTERRUPTED, 130}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {.kind = rows[i].kind};
        cr_expect_eq(error_exit_code(&error), rows[i].code, "%s", error_kind_name(rows[i].kind));
    }
}

Test(error, is_one_line)
{
    struct error error = {0};
    error_set(&error, ERROR_INPUT, "%s", "a\nb\tc\033[2Jd\x7f");
    cr_expect_str_eq(error.text, "a b c?[2Jd?");
    error_prefix(&error, "%s", "p\r");
    cr_expect_str_eq(error.text, "p?: a b c?[2Jd?");
}
