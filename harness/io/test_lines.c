/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "harness/io/lines.h"

static char seen[4000];
static uint64_t times[100];
static int count;

static void take(void *arg, const char *text, size_t len, uint64_t t_us)
{
    cr_expect_eq(text[len], 0);
    times[count++] = t_us;
    strncat(seen, text, len);
    strcat(seen, "|");
}

static void clear(void)
{
    seen[0] = 0;
    count = 0;
}

Test(lines, are_cut_at_newlines_with_or_without_return)
{
    struct lines lines;
    clear();
    lines_init(&lines, 80, take, NULL);
    lines_put(&lines, "one\r\ntwo\n\nfo", 12, 5);
    lines_put(&lines, "ur", 2, 9);
    cr_expect_str_eq(seen, "one|two||");
    lines_flush(&lines);
    cr_expect_str_eq(seen, "one|two||four|");
    cr_expect_eq(times[3], 5, "a line has the time of its first byte");
    lines_flush(&lines);
    cr_expect_eq(count, 4, "nothing is delivered twice");
    lines_release(&lines);
}

/* What arrives in one read and what arrives in many must be the same lines. */
Test(lines, do_not_depend_on_how_the_bytes_arrive)
{
    static const char text[] = "abcd\nabcde\nabcdefghi\n\nxy\r\nabcd\n";
    char whole[sizeof seen];
    struct lines lines;
    clear();
    lines_init(&lines, 4, take, NULL);
    lines_put(&lines, text, sizeof text - 1, 1);
    strcpy(whole, seen);
    cr_expect_str_eq(whole, "abcd|abcd|e|abcd|efgh|i||xy|abcd|");
    for (size_t a = 0; a < sizeof text; a++)
        for (size_t b = a; b < sizeof text; b++) {
            clear();
            lines_put(&lines, text, a, 1);
            lines_put(&lines, text + a, b - a, 1);
            lines_put(&lines, text + b, sizeof text - 1 - b, 1);
            cr_assert_str_eq(seen, whole, "cut at %zu and %zu", a, b);
        }
    lines_release(&lines);
}

Test(lines, end_with_lf_cr_too)
{
    struct lines lines;
    clear();
    lines_init(&lines, 80, take, NULL);
    lines_put(&lines, "a\n\rb\rc\n\r", 8, 1);
    lines_put(&lines, "\n\rd\n", 5, 1);
    cr_expect_str_eq(seen, "a|b\rc||d|");
    lines_release(&lines);
}

Test(lines, keep_bytes_that_are_no_text)
{
    struct lines lines;
    clear();
    lines_init(&lines, 80, take, NULL);
    lines_put(&lines, "a\xff\x01z\n", 5, 1);
    cr_expect_str_eq(seen, "a\xff\x01z|");
    lines_release(&lines);
}
