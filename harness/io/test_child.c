/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/io/child.h"
#include "harness/base/clock.h"

static char seen[4000], ready_line[100];
static int ended, status;
static bool asked;

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    size_t n = strlen(seen);
    snprintf(seen + n, sizeof seen - n, "%d:%s|", stream, text);
}

static void on_ready(void *arg, const char *line)
{
    snprintf(ready_line, sizeof ready_line, "%s", line);
}

static void on_ended(void *arg, int wait_status, bool was_asked)
{
    ended++;
    status = wait_status;
    asked = was_asked;
}

static const struct child_events events = {.line = on_line, .ready = on_ready, .ended = on_ended};

static struct child *start(struct loop *loop, const char *script, struct child_spec spec)
{
    struct error error = {0};
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    spec.name = "test";
    spec.argv = argv;
    struct child *child = child_start(loop, &spec, &events, NULL, &error);
    cr_assert(child, "%s", error.text);
    return child;
}

/* Turns the loop until `wanted` is not zero; the limit only ends a test that has failed. */
static void until(struct loop *loop, const void *wanted)
{
    struct error error = {0};
    uint64_t limit_us = clock_now_us() + 600000000;
    while (!*(const volatile char *)wanted && clock_now_us() < limit_us)
        loop_turn(loop, 100000, &error);
    cr_assert(*(const volatile char *)wanted, "nothing happened");
}

Test(child, gives_its_lines_then_its_end)
{
    struct loop *loop = loop_new();
    struct child *child = start(loop, "echo one; printf 'no newline'; exit 3", (struct child_spec){0});
    until(loop, &ended);
    cr_expect_str_eq(seen, "1:one|1:no newline|");
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    cr_expect(!asked);
    cr_expect(!child_running(child));
    child_free(child);
    loop_free(loop);
}

Test(child, both_streams_are_told_apart)
{
    struct loop *loop = loop_new();
    struct child *child = start(loop, "echo out; echo err >&2", (struct child_spec){0});
    until(loop, &ended);
    cr_expect(strstr(seen, "1:out|") && strstr(seen, "2:err|"), "%s", seen);
    child_free(child);
    loop_free(loop);
}

Test(child, is_ready_when_it_says_so)
{
    struct loop *loop = loop_new();
    struct child *child = start(loop, "echo not yet; echo ready 42; exec sleep 60",
                                (struct child_spec){.ready_prefix = "ready "});
    until(loop, ready_line);
    cr_expect_str_eq(ready_line, "ready 42");
    cr_expect(child_running(child));
    child_free(child);
    cr_expect_eq(ended, 0, "no callback from child_free");
    loop_free(loop);
}

Test(child, that_cannot_start_says_why)
{
    struct error error = {0};
    struct loop *loop = loop_new();
    const char *argv[] = {"/nonexistent/program", NULL};
    struct child_spec spec = {.name = "x", .argv = argv};
    cr_expect_null(child_start(loop, &spec, &events, NULL, &error));
    cr_expect_str_eq(error.text, "x: cannot start '/nonexistent/program': No such file or directory");
    cr_expect_eq(error.kind, ERROR_SYSTEM);
    loop_free(loop);
}

Test(child, that_ignores_term_is_killed_with_its_group)
{
    struct loop *loop = loop_new();
    struct child *child =
        start(loop, "trap '' TERM; sleep 61 & echo $!; echo ready; wait; while :; do sleep 60; done",
              (struct child_spec){.ready_prefix = "ready"});
    until(loop, ready_line);
    pid_t grandchild = (pid_t)atoi(seen + 2);
    cr_assert_gt(grandchild, 1);
    child_stop(child, 20000);
    until(loop, &ended);
    cr_expect(asked);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    /* init reaps it; until then it is a zombie, which no longer runs */
    for (int i = 0; i < 2000 && !kill(grandchild, 0); i++) {
        char path[60], stat[200] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", grandchild);
        FILE *file = fopen(path, "r");
        bool zombie = !file || !fgets(stat, sizeof stat, file) || strstr(stat, ") Z");
        if (file)
            fclose(file);
        if (zombie)
            break;
        usleep(1000);
        cr_expect_lt(i, 1999, "the grandchild lives on");
    }
    child_free(child);
    loop_free(loop);
}

Test(child, that_is_reaped_is_gone_and_tells_nobody)
{
    struct loop *loop = loop_new();
    struct child *child = start(loop, "trap '' TERM; echo ready; while :; do sleep 60; done",
                                (struct child_spec){.ready_prefix = "ready"});
    until(loop, ready_line);
    pid_t pid = child_pid(child);
    cr_expect(child_reap(child, 60000000));
    cr_expect_not(child_running(child));
    cr_expect(kill(pid, 0) < 0 && errno == ESRCH, "it is not even a zombie");
    cr_expect(child_reap(child, 0), "it stays gone");
    cr_expect_not(ended);
    child_free(child);
    loop_free(loop);
}

Test(child, hears_what_is_written_to_it)
{
    struct error error = {0};
    struct loop *loop = loop_new();
    struct child *child = start(loop, "read x; echo got $x", (struct child_spec){.stdin_pipe = true});
    cr_expect_eq(child_write(child, "word\n", 5, &error), 0, "%s", error.text);
    until(loop, &ended);
    cr_expect_str_eq(seen, "1:got word|");
    child_free(child);
    loop_free(loop);
}

Test(child, gets_no_emulation_unless_wanted)
{
    struct loop *loop = loop_new();
    static const char script[] = "echo ${UMOCKDEV_DIR-none} ${EXTRA-none}";
    setenv("UMOCKDEV_DIR", "/somewhere", 1);
    struct child *child =
        start(loop, script, (struct child_spec){.environment = (const char *const[]){"EXTRA=1", NULL}});
    until(loop, &ended);
    cr_expect_str_eq(seen, "1:none 1|");
    child_free(child);
    seen[0] = 0;
    ended = 0;
    child = start(loop, script, (struct child_spec){.keep_emulation = true});
    until(loop, &ended);
    cr_expect_str_eq(seen, "1:/somewhere none|");
    child_free(child);
    loop_free(loop);
}

Test(child, gets_the_descriptors_it_is_given_and_no_others)
{
    struct loop *loop = loop_new();
    int one[2], two[2];
    cr_assert(!pipe(one) && !pipe(two)); /* without CLOEXEC, on purpose */
    /* the second first: the targets are in use by the sources */
    struct child *child = start(loop, "echo first >&3; echo second >&4; ls /proc/self/fd | wc -w",
                                (struct child_spec){.pass_fds = (const int[]){two[1], one[1], -1}});
    until(loop, &ended);
    char text[40] = "";
    cr_expect_eq(read(two[0], text, sizeof text), 6);
    cr_expect_eq(strncmp(text, "first\n", 6), 0);
    cr_expect_eq(read(one[0], text, sizeof text), 7);
    cr_expect_eq(strncmp(text, "second\n", 7), 0);
    cr_expect_str_eq(seen, "1:6|", "0 to 4 and the folder itself");
    child_free(child);
    loop_free(loop);
    close(one[0]), close(one[1]), close(two[0]), close(two[1]);
}

Test(child, free_of_nothing_is_fine)
{
    child_free(NULL);
}
