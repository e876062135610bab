/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/member.h"
#include "harness/board/board.h"
#include "harness/board/propose.h"

#define BOOTS_MAX 8
#define LINES_MAX 12

static struct align_boot boots[BOOTS_MAX];
static struct align_line lines[BOOTS_MAX][LINES_MAX];
static size_t boot_count;
static struct align align;
static struct proposal proposal;
static cJSON *given;

/* Lines are "MS text". */
static void start(enum align_kind kind, const char *version, const char *const *text)
{
    struct align_boot *boot = &boots[boot_count];
    *boot = (struct align_boot){.kind = kind, .version = (char *)version, .lines = lines[boot_count]};
    for (; text[boot->count]; boot->count++) {
        char *rest;
        lines[boot_count][boot->count].ms = strtod(text[boot->count], &rest);
        lines[boot_count][boot->count].text = rest + 1;
    }
    boot_count++;
}
#define START(kind, version, ...) start(kind, version, (const char *const[]){__VA_ARGS__, NULL})

static const char board_text[] =
    "{\"schema_version\":1,\"name\":\"b\",\"title\":\"t\",\"chip\":\"c\","
    "\"facts\":{\"up\":[{\"from\":\"update\"}],\"image\":[{\"from\":\"update\"}]},"
    "\"marks\":{\"reject\":\"not valid\",\"boot\":\"wrong\"},\"limits\":{\"cycles\":2}}";

static void propose(void)
{
    given = cJSON_Parse(board_text);
    align_lines(boots, boot_count, &align);
    propose_board(&align, given, &proposal);
}

static void release(void)
{
    proposal_release(&proposal);
    align_release(&align);
    cJSON_Delete(given);
}

static const char *mark(const char *name)
{
    return member_text(cJSON_GetObjectItem(proposal.board, "marks"), name);
}

static double limit(const char *name)
{
    return member_number(cJSON_GetObjectItem(proposal.board, "limits"), name, -1);
}

static const cJSON *source(const char *fact, int index)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItem(cJSON_GetObjectItem(proposal.board, "facts"), fact), index);
}

static bool has_gap(const char *begin)
{
    for (size_t i = 0; i < proposal.gap_count; i++)
        if (!strncmp(proposal.gaps[i], begin, strlen(begin)))
            return true;
    return false;
}

/* What is proposed must be a board file. */
static void expect_parses(void)
{
    char path[] = "/tmp/otarig-propose.XXXXXX", *text = cJSON_Print(proposal.board);
    struct board board;
    struct error error = {0};
    int fd = mkstemp(path);
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    cr_expect_eq(board_load(path, &board, &error), 0, "%s: %s", error.text, text);
    if (!error.text[0])
        board_release(&board);
    unlink(path);
    cJSON_free(text);
}

/* As MCUboot with Zephyr prints. */
static void zephyr(bool warm, bool update, bool revert)
{
    START(ALIGN_COLD, "1.0.0", "20 *** Booting MCUboot v2.2.0 ***", "30 I: Swap type: none",
          "40 I: Image version: v1.0.0", "60 *** Booting Zephyr ***", "70 sample 1", "80 sample 2");
    START(ALIGN_COLD, "1.0.0", "22 *** Booting MCUboot v2.2.0 ***", "30 I: Swap type: none",
          "40 I: Image version: v1.0.0", "100 *** Booting Zephyr ***", "110 sample 1");
    if (warm)
        START(ALIGN_WARM, "1.0.0", "22 *** Booting MCUboot v2.2.0 ***", "30 I: Swap type: none",
              "40 I: Image version: v1.0.0", "60 *** Booting Zephyr ***");
    if (update)
        START(ALIGN_UPDATE, "2.0.0", "22 *** Booting MCUboot v2.2.0 ***", "30 I: Swap type: test",
              "32 I: Starting swap", "932 I: Image version: v2.0.0", "960 *** Booting Zephyr ***");
    if (revert)
        START(ALIGN_REVERT, "1.0.0", "22 *** Booting MCUboot v2.2.0 ***", "30 I: Swap type: revert",
              "32 I: Starting swap", "1032 I: Image version: v1.0.0", "1060 *** Booting Zephyr ***");
}

Test(propose, marks_of_a_board_that_prints_like_mcuboot, .fini = release)
{
    zephyr(true, true, true);
    propose();
    cr_expect(strstr(mark("boot"), "Booting MCUboot"), "%s", mark("boot"));
    cr_expect(strstr(mark("app_up"), "Booting Zephyr"), "%s", mark("app_up"));
    cr_expect(strstr(mark("jump"), "Image version: v(?<version>"), "%s", mark("jump"));
    cr_expect(strstr(mark("swap_begin"), "Starting swap") || strstr(mark("swap_begin"), "Swap type: test"),
              "%s", mark("swap_begin"));
    cr_expect(strstr(mark("revert_begin"), "Swap type: revert"), "%s", mark("revert_begin"));
    cr_expect_str_eq(mark("reject"), "not valid", "a mark that a healthy board does not print is kept");
    expect_parses();
}

Test(propose, the_swap_begins_where_the_board_is_busy_afterwards, .fini = release)
{
    zephyr(true, true, false);
    propose();
    cr_expect(strstr(mark("swap_begin"), "Starting swap"), "%s", mark("swap_begin"));
    const cJSON *swap = cJSON_GetObjectItem(cJSON_GetObjectItem(proposal.board, "phases"), "swap");
    cr_expect_str_eq(member_text(swap, "mark"), "swap_begin");
    cr_expect_eq(member_number(swap, "length_ms", 0), 1360, "900 ms and half as much again, %f",
                 member_number(swap, "length_ms", 0));
    cr_expect(has_gap("revert"));
}

Test(propose, limits_have_a_margin_over_the_slowest_start, .fini = release)
{
    zephyr(true, true, true);
    propose();
    cr_expect_eq(limit("boot_ms"), 400, "100 ms times 1.5 and 200, %f", limit("boot_ms"));
    cr_expect_eq(limit("recovery_ms"), 3000, "twice 1060 ms and two starts, %f", limit("recovery_ms"));
    cr_expect_eq(limit("cycles"), 2, "what was not learnt stays");
    cr_expect(has_gap("limits"));
}

Test(propose, facts_begin_with_the_marks_and_keep_the_rest, .fini = release)
{
    zephyr(true, true, true);
    propose();
    cr_expect_str_eq(member_text(source("image", 0), "mark"), "jump");
    cr_expect_str_eq(member_text(source("image", 0), "group"), "version");
    cr_expect_str_eq(member_text(source("image", 1), "from"), "update");
    cr_expect_str_eq(member_text(source("up", 0), "from"), "mark");
    cr_expect_str_eq(member_text(source("up", 1), "from"), "update");
    cr_expect_str_eq(member_text(source("cold", 0), "from"), "silence");
    cr_expect(has_gap("cold"));
    cr_expect(has_gap("data"));
}

Test(propose, one_version_alone_is_no_proof_that_a_line_tells_it, .fini = release)
{
    zephyr(true, false, false);
    propose();
    cr_expect_str_eq(mark("jump"), "");
    cr_expect(has_gap("version"));
    cr_expect(has_gap("swap"));
    expect_parses();
}

/* The cause of a reset stands on the line that begins a start: a power-up has another than a restart. */
static void esp(bool warm)
{
    START(ALIGN_COLD, "1.0.0", "5 rst:0x1 (POWER),boot:0x13", "50 I (29) app: version 1.0.0");
    START(ALIGN_COLD, "1.0.0", "5 rst:0x1 (POWER),boot:0x13", "51 I (30) app: version 1.0.0");
    if (warm)
        START(ALIGN_WARM, "1.0.0", "5 rst:0xc (POWER),boot:0x13", "51 I (30) app: version 1.0.0");
    START(ALIGN_UPDATE, "2.0.0", "5 rst:0xc (POWER),boot:0x13", "51 I (30) app: version 2.0.0");
}

Test(propose, the_cause_of_a_reset_and_a_version_in_the_line_of_the_application, .fini = release)
{
    esp(true);
    propose();
    cr_expect(strstr(mark("boot"), "0x(?<reset>"), "%s", mark("boot"));
    cr_expect(strstr(mark("app_up"), "version (?<version>"), "%s", mark("app_up"));
    cr_expect_str_eq(mark("jump"), "");
    cr_expect_str_eq(member_text(source("cold", 0), "group"), "reset");
    cr_expect_str_eq(member_text(source("cold", 0), "equals"), "1");
    cr_expect_str_eq(member_text(source("image", 0), "mark"), "app_up");
    expect_parses();
}

Test(propose, without_warm_starts_a_number_may_be_of_the_update_and_is_no_cause, .fini = release)
{
    esp(false);
    propose();
    cr_expect_null(strstr(mark("boot"), "reset"));
    cr_expect(has_gap("cold"));
}

Test(propose, a_board_that_prints_nothing_gets_no_marks_and_is_told_so, .fini = release)
{
    START(ALIGN_COLD, "1.0.0", NULL);
    START(ALIGN_COLD, "1.0.0", NULL);
    propose();
    cr_expect_str_eq(mark("boot"), "");
    cr_expect(has_gap("boot"));
    cr_expect(has_gap("app_up"));
    cr_expect(has_gap("limits"));
    expect_parses();
}

Test(propose, a_line_that_comes_twice_a_start_marks_nothing, .fini = release)
{
    for (int i = 0; i < 2; i++)
        START(ALIGN_COLD, "1.0.0", "5 *** Banner ***", "8 Loader", "20 *** Banner ***", "30 ready now");
    propose();
    cr_expect_str_eq(mark("boot"), "Loader");
    cr_expect_str_eq(mark("app_up"), "ready now");
}

Test(propose, p99_is_the_nearest_rank)
{
    double values[200];
    for (int i = 0; i < 200; i++)
        values[i] = 200 - i;
    cr_expect_eq(propose_p99(values, 200), 198);
    double few[] = {3, 1, 2};
    cr_expect_eq(propose_p99(few, 3), 3);
    cr_expect_eq(propose_p99(few, 0), 0);
}
