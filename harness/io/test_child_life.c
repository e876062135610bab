/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lives and deaths of children: who goes with whom, and that no peer can hold or kill us. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/io/child.h"

#define LIMIT_US 600000000u /* only ends a test that has failed */

struct seen {
    char text[1000];
    bool over;
    int status;
};

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct seen *seen = arg;
    size_t n = strlen(seen->text);
    snprintf(seen->text + n, sizeof seen->text - n, "%s|", text);
}

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct seen *seen = arg;
    seen->over = true;
    seen->status = wait_status;
}

static const struct child_events events = {.line = on_line, .ended = on_ended};

static struct child *start(struct loop *loop, struct seen *seen, const char *script, bool stdin_pipe)
{
    struct error error = {0};
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct child_spec spec = {.name = "test", .argv = argv, .stdin_pipe = stdin_pipe};
    struct child *child = child_start(loop, &spec, &events, seen, &error);
    cr_assert(child, "%s", error.text);
    return child;
}

static void until_over(struct loop *loop, const struct seen *seen)
{
    uint64_t limit_us = clock_now_us() + LIMIT_US;
    while (!seen->over && clock_now_us() < limit_us)
        loop_turn(loop, 100000, NULL);
    cr_assert(seen->over);
}

/* `watch` reads EOF when everybody who holds its other end is gone. */
static bool ends(int watch)
{
    struct pollfd gone = {.fd = watch, .events = POLLIN};
    char byte;
    return poll(&gone, 1, 20000) == 1 && read(watch, &byte, 1) == 0;
}

Test(child_life, who_stays_behind_dies_with_it)
{
    struct loop *loop = loop_new();
    struct seen seen = {0};
    struct error error = {0};
    int watch[2];
    cr_assert(!pipe2(watch, O_CLOEXEC));
    const char *const argv[] = {"sh", "-c", "sleep 1000 & echo done", NULL};
    const struct child_spec spec = {.name = "test", .argv = argv, .pass_fds = (const int[]){watch[1], -1}};
    struct child *child = child_start(loop, &spec, &events, &seen, &error);
    cr_assert(child, "%s", error.text);
    close(watch[1]);
    until_over(loop, &seen);
    cr_expect_str_eq(seen.text, "done|");
    cr_expect(ends(watch[0]), "the sleep lives on");
    child_free(child);
    loop_free(loop);
    close(watch[0]);
}

Test(child_life, it_dies_with_its_parent)
{
    int watch[2], ready[2];
    char byte;
    cr_assert(!pipe(watch) && !pipe2(ready, O_CLOEXEC));
    pid_t parent = fork();
    if (parent == 0) {
        struct seen seen = {0};
        struct error error = {0};
        const char *const argv[] = {"sleep", "1000", NULL};
        const struct child_spec spec = {
            .name = "test", .argv = argv, .pass_fds = (const int[]){watch[1], -1}};
        if (!child_start(loop_new(), &spec, &events, &seen, &error) || write(ready[1], "r", 1) != 1)
            _exit(1);
        pause();
        _exit(1);
    }
    close(watch[1]);
    close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    cr_expect(ends(watch[0]), "the child outlives its parent");
    close(watch[0]);
    close(ready[0]);
}

Test(child_life, writing_to_a_dead_one_is_an_error)
{
    struct loop *loop = loop_new();
    struct seen seen = {0};
    struct error error = {0};
    struct child *child = start(loop, &seen, "exit 0", true);
    until_over(loop, &seen);
    cr_expect_eq(child_write(child, "x", 1, &error), -1);
    cr_expect_str_eq(error.text, "test: write: Broken pipe");
    child_free(child);
    loop_free(loop);
}

Test(child_life, one_that_does_not_read_holds_nobody)
{
    struct loop *loop = loop_new();
    struct seen seen = {0};
    struct error error = {0};
    char *data = mem_alloc(1u << 20);
    struct child *child = start(loop, &seen, "exec sleep 1000", true);
    cr_expect_eq(child_write(child, data, 1u << 20, &error), -1);
    cr_expect_str_eq(error.text, "test: does not read what it is sent");
    child_free(child);
    free(data);
    loop_free(loop);
}

Test(child_life, without_a_pipe_nothing_can_be_written)
{
    struct loop *loop = loop_new();
    struct seen seen = {0};
    struct error error = {0};
    struct child *child = start(loop, &seen, "exec sleep 1000", false);
    cr_expect_eq(child_write(child, "x", 1, &error), -1);
    child_free(child);
    loop_free(loop);
}

static void on_line_slowly(void *arg, int stream, const char *text, size_t len)
{
    usleep(1);
}

/* It leaves its session, keeps the pipe and writes for ever, faster than anybody reads. */
Test(child_life, a_flood_from_outside_of_its_session_ends)
{
    struct loop *loop = loop_new();
    struct seen seen = {0};
    struct error error = {0};
    const char *const argv[] = {"sh", "-c", "setsid yes & echo $!; sleep 0.2; exit 4", NULL};
    const struct child_spec spec = {.name = "test", .argv = argv};
    const struct child_events slow = {.line = on_line_slowly, .ended = on_ended};
    struct child *child = child_start(loop, &spec, &slow, &seen, &error);
    cr_assert(child, "%s", error.text);
    until_over(loop, &seen);
    cr_expect(WIFEXITED(seen.status) && WEXITSTATUS(seen.status) == 4);
    /* its pipe is closed: the flood dies of SIGPIPE */
    child_free(child);
    loop_free(loop);
}

Test(child_life, signals_are_as_for_a_fresh_program)
{
    struct loop *loop = loop_new(); /* ignores SIGPIPE */
    struct seen seen = {0};
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    struct child *child =
        start(loop, &seen, "grep -E 'SigBlk|SigIgn' /proc/self/status | tr -d '\\t 0\\n'", false);
    until_over(loop, &seen);
    cr_expect_str_eq(seen.text, "SigBlk:SigIgn:|");
    child_free(child);
    loop_free(loop);
}

Test(child_life, a_parent_without_standard_streams_can_have_one)
{
    int result[2];
    char text[20] = "";
    cr_assert(!pipe2(result, O_CLOEXEC));
    pid_t parent = fork();
    if (parent == 0) {
        struct loop *loop;
        struct seen seen = {0};
        close(0), close(1), close(2);
        loop = loop_new();
        struct child *child = start(loop, &seen, "read x; echo $x; echo err >&2", true);
        if (child_write(child, "in\n", 3, NULL))
            _exit(1);
        until_over(loop, &seen);
        _exit(write(result[1], seen.text, strlen(seen.text)) < 0);
    }
    close(result[1]);
    cr_expect_gt(read(result[0], text, sizeof text - 1), 0);
    cr_expect(!strcmp(text, "in|err|") || !strcmp(text, "err|in|"), "%s", text);
    waitpid(parent, NULL, 0);
    close(result[0]);
}

Test(child_life, failed_starts_leave_no_descriptor)
{
    struct loop *loop = loop_new();
    struct error error = {0};
    const char *const argv[] = {"/nonexistent", NULL};
    int before = dup(0);
    for (int i = 0; i < 20; i++)
        cr_assert_null(
            child_start(loop, &(struct child_spec){.name = "x", .argv = argv}, &events, NULL, &error));
    const char *const true_argv[] = {"true", NULL};
    cr_assert_null(
        child_start(loop, &(struct child_spec){.name = "x", .argv = true_argv, .directory = "/nonexistent"},
                    &events, NULL, &error));
    cr_expect_str_eq(error.text, "x: cannot start 'true': No such file or directory");
    close(before);
    int after = dup(0);
    cr_expect_eq(after, before);
    close(after);
    loop_free(loop);
}
