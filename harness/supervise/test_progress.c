/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "harness/supervise/progress.h"

#define S UINT64_C(1000000)

/* Thirteen cases on six places, 25 s each: two rounds and a rest. */
Test(progress, counts_places)
{
    struct progress progress = progress_new(13, 6);
    char text[100];
    for (size_t i = 0; i < 6; i++)
        progress_begin(&progress, i, 100 * S);
    cr_expect_eq(progress_left_us(&progress, 110 * S), UINT64_MAX);
    progress_text(&progress, 110 * S, text, sizeof text);
    cr_expect_str_eq(text, "0 of 13 cases, 6 running");
    progress_end(&progress, 0, 25 * S);
    /* five are as good as over, seven wait for six places */
    progress_text(&progress, 125 * S, text, sizeof text);
    cr_expect_str_eq(text, "1 of 13 cases, 5 running, about 29 s left");
    progress_free(&progress);
}

Test(progress, last_one_is_not_divided)
{
    struct progress progress = progress_new(3, 6);
    for (size_t i = 0; i < 3; i++)
        progress_begin(&progress, i, 0 * S + 1);
    progress_end(&progress, 0, 20 * S);
    cr_expect_eq(progress_left_us(&progress, 10 * S + 1), 10 * S);
    cr_expect_eq(progress_left_us(&progress, 90 * S), 0);
    progress_end(&progress, 1, 20 * S);
    progress_end(&progress, 2, 20 * S);
    cr_expect_eq(progress_left_us(&progress, 90 * S), 0);
    progress_free(&progress);
}

Test(progress, one_place_goes_one_by_one)
{
    struct progress progress = progress_new(5, 1);
    progress_begin(&progress, 0, 1);
    progress_end(&progress, 0, 10 * S);
    progress_begin(&progress, 1, 10 * S);
    cr_expect_eq(progress_left_us(&progress, 10 * S), 40 * S);
    progress_free(&progress);
}
