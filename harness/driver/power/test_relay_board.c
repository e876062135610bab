/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/power/test_relay_board.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"

#define LIMIT_US 30000000u

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct test_relay_board *board = arg;
    size_t had = strlen(board->moves);
    if (!strncmp(text, "relay ", 6))
        snprintf(board->moves + had, sizeof board->moves - had, "%s;", text + 6);
    board->pulls += !strcmp(text, "unplugged");
    board->plugs += !strcmp(text, "plugged");
}

static void on_ready(void *arg, const char *line)
{
    struct test_relay_board *board = arg;
    char root[200];
    cr_assert_eq(sscanf(line, "ready %199s %79s", root, board->where), 2);
    setenv("UMOCKDEV_DIR", root, 1);
}

void test_relay_board_start(struct test_relay_board *board, struct loop *loop, const char *protocol,
                            const char *defect)
{
    const char *const argv[] = {OTARIG_RELAYS, protocol, defect, NULL};
    const struct child_spec spec = {
        .name = "board", .argv = argv, .ready_prefix = "ready ", .stdin_pipe = true};
    const struct child_events events = {.line = on_line, .ready = on_ready};
    struct error error = {0};
    *board = (struct test_relay_board){.loop = loop};
    board->child = child_start(loop, &spec, &events, board, &error);
    cr_assert(board->child, "%s", error.text);
    while (!board->where[0])
        cr_assert(loop_turn(loop, LIMIT_US, NULL) > 0, "the board does not get ready");
}

void test_relay_board_plug(struct test_relay_board *board, bool plugged)
{
    const char *word = plugged ? "plug\n" : "unplug\n";
    unsigned *count = plugged ? &board->plugs : &board->pulls, before = *count;
    cr_assert_eq(child_write(board->child, word, strlen(word), NULL), 0);
    while (*count == before)
        cr_assert(loop_turn(board->loop, LIMIT_US, NULL) > 0);
}

void test_relay_board_expect(struct test_relay_board *board, const char *moves)
{
    uint64_t end_us = clock_host_us() + LIMIT_US;
    while (strlen(board->moves) < strlen(moves) && clock_host_us() < end_us)
        loop_turn(board->loop, 10000, NULL);
    cr_expect_str_eq(board->moves, moves);
}

void test_relay_board_stop(struct test_relay_board *board)
{
    unsetenv("UMOCKDEV_DIR");
    child_free(board->child);
    board->child = NULL;
}

int test_relay_board_main(int argc, char **argv)
{
    if (!getenv("OTARIG_TEST_PRELOADED")) {
        setenv("OTARIG_TEST_PRELOADED", "1", 1);
        setenv("LD_PRELOAD", "libumockdev-preload.so.0", 1);
        setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
        execv("/proc/self/exe", argv);
        return 1;
    }
    struct criterion_test_set *tests = criterion_initialize();
    int code = criterion_handle_args(argc, argv, true) ? !criterion_run_all_tests(tests) : 0;
    criterion_finalize(tests);
    return code;
}
