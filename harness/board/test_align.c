/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/pattern.h"
#include "harness/board/align.h"

#define LINES_MAX 8

static struct align_boot boots[4];
static struct align_line lines[4][LINES_MAX];
static struct align align;

/* One start: lines, ended by NULL, 10 ms apart. */
static void start(size_t boot, enum align_kind kind, const char *const *text)
{
    boots[boot] = (struct align_boot){.kind = kind, .lines = lines[boot]};
    for (; text[boots[boot].count]; boots[boot].count++)
        lines[boot][boots[boot].count] =
            (struct align_line){(char *)text[boots[boot].count], 10.0 * (double)boots[boot].count};
}

#define START(boot, kind, ...) start(boot, kind, (const char *const[]){__VA_ARGS__, NULL})

static char *expression(size_t cluster)
{
    return align_expression(&align.clusters[cluster], (size_t)-1, NULL, 0, NULL);
}

static void expect_expression(size_t cluster, const char *wanted)
{
    char *found = expression(cluster), why[100];
    cr_expect_str_eq(found, wanted, "%s", found);
    void *pattern = pattern_compile(found, why, sizeof why);
    cr_assert(pattern, "%s: %s", found, why);
    for (size_t h = 0; h < align.clusters[cluster].hit_count; h++) {
        const struct align_hit *hit = &align.clusters[cluster].hits[h];
        const char *text = boots[hit->boot].lines[hit->line].text;
        cr_expect(pattern_matches(pattern, text, strlen(text)), "'%s' does not match '%s'", found, text);
    }
    pattern_free(pattern);
    free(found);
}

TestSuite(align, .fini = NULL);

/* The slot goes with the version: neither is text that stays. */
Test(align, a_word_that_goes_with_the_version_is_a_place)
{
    START(0, ALIGN_COLD, "app 1.0.0 here, slot A", "swap begins");
    START(1, ALIGN_UPDATE, "app 2.0.0 here, slot B", "swap ends");
    START(2, ALIGN_REVERT, "app 1.0.0 here, slot A");
    boots[0].version = boots[2].version = "1.0.0";
    boots[1].version = "2.0.0";
    align_lines(boots, 3, &align);
    cr_assert_eq(align.count, 3, "lines without a version stay apart");
    cr_expect_eq(align.clusters[0].hit_count, 3);
    expect_expression(0, "app [0-9A-Za-z_.+-]+ here, slot");
    expect_expression(1, "swap begins");
    align_release(&align);
    static const char *const rows[][4] = {
        /* v1's line, v2's, how many clusters, what the first matches */
        {"Application 1.0.0 confirmed", "Application 2.0.0 (test)", "2", "Application 1\\.0\\.0 confirmed"},
        {"Boot slot=A version 1.0.0 ok", "Boot slot=B version 2.0.0 ok", "1",
         "Boot slot=[0-9a-fA-F]+ version [0-9A-Za-z_.+-]+ ok"},
        {"Run 1.0.0 from bank (one),", "Run 2.0.0 from bank (second),", "1",
         "Run [0-9A-Za-z_.+-]+ from bank \\("},
        {"a 1.0.0 x-y", "a 2.0.0 x_y", "1", "a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        START(0, ALIGN_COLD, rows[i][0]);
        START(1, ALIGN_UPDATE, rows[i][1]);
        boots[0].version = "1.0.0";
        boots[1].version = "2.0.0";
        align_lines(boots, 2, &align);
        cr_expect_eq(align.count, (size_t)atoi(rows[i][2]), "row %zu: %zu clusters", i, align.count);
        expect_expression(0, rows[i][3]);
        align_release(&align);
    }
    START(0, ALIGN_COLD, "app 1.0.0 here, slot A", "swap begins");
    START(1, ALIGN_UPDATE, "app 2.0.0 here, slot B", "swap ends");
    boots[0].version = "1.0.0";
    boots[1].version = "3.0.0"; /* the line does not tell it */
    align_lines(boots, 3, &align);
    cr_expect_eq(align.count, 4);
    align_release(&align);
    boots[0].version = boots[1].version = boots[2].version = NULL;
}

Test(align, what_counts_is_a_place_and_what_stays_is_text)
{
    START(0, ALIGN_COLD, "Boot 17 of board A4", "Free 0x1a00 bytes");
    START(1, ALIGN_COLD, "Boot 18 of board A4", "Free 0x0b10 bytes");
    align_lines(boots, 2, &align);
    cr_assert_eq(align.count, 2);
    cr_expect_eq(align.clusters[0].hit_count, 2);
    cr_expect(align.clusters[0].pieces[1].varies);
    cr_expect_not(align.clusters[0].pieces[3].varies, "A4 is the same in both");
    expect_expression(0, "Boot [0-9]+ of board A4");
    expect_expression(1, "Free 0x[0-9a-fA-F]+ bytes");
    align_release(&align);
}

Test(align, time_stamps_and_prompts_before_the_text_are_left_out)
{
    START(0, ALIGN_COLD, "[00:00:00.005,000] <inf> boot: Starting", "I (29) boot: ready");
    START(1, ALIGN_COLD, "[00:00:00.006,120] <inf> boot: Starting", "I (31) boot: ready");
    align_lines(boots, 2, &align);
    cr_assert_eq(align.count, 2);
    expect_expression(0, "<inf> boot: Starting");
    align_release(&align);
}

Test(align, colours_do_not_matter)
{
    START(0, ALIGN_COLD, "\x1b[0;32mI boot: \x1b[1mready\x1b[0m");
    START(1, ALIGN_COLD, "\x1b[0;31mI boot: \x1b[1mready\x1b[0m");
    align_lines(boots, 2, &align);
    cr_assert_eq(align.count, 1);
    expect_expression(0, "I boot: (?:\\x1b\\[[0-9;]*[A-Za-z])*ready");
    align_release(&align);
}

Test(align, words_that_differ_make_other_lines)
{
    size_t least, most;
    START(0, ALIGN_COLD, "Swap type: none", "tick 1", "tick 2");
    START(1, ALIGN_UPDATE, "Swap type: test", "tick 1");
    align_lines(boots, 2, &align);
    cr_assert_eq(align.count, 3);
    cr_expect_eq(align_hits(&align.clusters[0], 0), 1);
    cr_expect_eq(align_hits(&align.clusters[0], 1), 0);
    cr_expect(align_range(&align, &align.clusters[1], ALIGN_COLD, &least, &most));
    cr_expect_eq(least, 2);
    cr_expect_eq(most, 2);
    cr_expect_not(align_range(&align, &align.clusters[1], ALIGN_WARM, &least, &most));
    cr_expect_null(align_first(&align.clusters[0], 1));
    cr_expect_eq(align_first(&align.clusters[1], 0)->line, 1);
    align_release(&align);
}

Test(align, a_group_takes_the_place_that_it_is_asked_for)
{
    START(0, ALIGN_COLD, "App v1.0.0 runs on B7");
    START(1, ALIGN_UPDATE, "App v2.0.0 runs on B7");
    align_lines(boots, 2, &align);
    char *found = align_expression(&align.clusters[0], 1, "version", 1, "[0-9.]+");
    cr_expect_str_eq(found, "App v(?<version>[0-9.]+) runs on B7");
    free(found);
    align_release(&align);
}

Test(align, what_an_expression_means_by_itself_is_quoted)
{
    START(0, ALIGN_COLD, "*** Boot (a+b)? [x] {y} | $z ^\\ ***");
    START(1, ALIGN_COLD, "*** Boot (a+b)? [x] {y} | $z ^\\ ***");
    align_lines(boots, 2, &align);
    expect_expression(0, "\\*\\*\\* Boot \\(a\\+b\\)\\? \\[x\\] \\{y\\} \\| \\$z \\^\\\\ \\*\\*\\*");
    align_release(&align);
}

Test(align, frames_of_an_update_client_and_empty_lines_are_left_out)
{
    START(0, ALIGN_COLD,
          "\x06\x09"
          "AAsBAAAB",
          "", "up");
    align_lines(boots, 1, &align);
    cr_expect_eq(align.count, 1);
    align_release(&align);
}
