/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long from a console line to the power command? A child writes lines with their time into a unix socket;
 * the stream console reads them, the board's marks are matched, and the time is taken where the power driver
 * would be called. usage: bench_trigger BOARD.json [COUNT]; prints p50 and p99 in microseconds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/driver.h"
#include "harness/io/lines.h"
#include "harness/run/marks.h"

struct bench {
    struct sink sink; /* first member */
    struct loop *loop;
    struct marks *marks;
    struct lines lines;
    int wanted;
    size_t count, max;
    uint64_t *times_ns;
};

static void on_line(void *arg, const char *text, size_t len, uint64_t t_us)
{
    struct bench *bench = arg;
    if (!marks_match(bench->marks, (size_t)bench->wanted, text, len))
        return;
    uint64_t now_ns = clock_now_ns(), sent_ns = strtoull(text + strlen("BOOT swap begin "), NULL, 10);
    if (bench->count < bench->max)
        bench->times_ns[bench->count++] = now_ns - sent_ns;
}

static void put(struct sink *sink, const struct event *event)
{
    struct bench *bench = (struct bench *)sink;
    if (event->kind == EVENT_INPUT)
        lines_put(&bench->lines, event->data, event->len, event->t_us);
}

static void write_lines(int listener, size_t count)
{
    int fd = accept(listener, NULL, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < count; i++) {
        char line[64];
        usleep(5000 + i % 700);
        int len = snprintf(line, sizeof line, "BOOT swap begin %llu\n", (unsigned long long)clock_now_ns());
        if (write(fd, line, (size_t)len) != len)
            break;
    }
    usleep(200000);
    _exit(0);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void *open_console(struct bench *bench, const char *path, struct error *error)
{
    const struct driver *driver = driver_find("stream", DRIVER_CONSOLE);
    struct driver_env env = {
        .loop = bench->loop, .sink = &bench->sink, .place = "bench", .role = "console", .folder = "/tmp"};
    struct json_document document;
    static char config[256];
    void *self = NULL;
    char *text = mem_printf("{\"path\": \"%s\"}", path);
    if (json_parse(&document, "bench", text, strlen(text), error) ||
        option_parse(driver->options, json_root(&document), NULL, config, driver->config_size, error) ||
        driver->open(&env, config, &self, error))
        self = NULL;
    free(text);
    json_close(&document);
    return self;
}

int main(int argc, char **argv)
{
    struct bench bench = {
        .sink = {.put = put}, .loop = loop_new(), .max = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000};
    struct error error = {0};
    struct board board;
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    if (argc < 2 || board_load(argv[1], &board, &error)) {
        fprintf(stderr, "bench_trigger: %s\n", argc < 2 ? "expected a board file" : error.text);
        return 2;
    }
    bench.marks = marks_new(board.marks, board.mark_count, board.path, &error);
    bench.wanted = marks_find(bench.marks, "swap_begin");
    bench.times_ns = mem_array(bench.max, sizeof *bench.times_ns);
    lines_init(&bench.lines, 1024, on_line, &bench);
    snprintf(where.sun_path, sizeof where.sun_path, "/tmp/otarig-bench.%d", (int)getpid());
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&where, sizeof where) || listen(listener, 1))
        return 3;
    pid_t pid = fork();
    if (!pid)
        write_lines(listener, bench.max);
    if (!open_console(&bench, where.sun_path, &error)) {
        fprintf(stderr, "bench_trigger: %s\n", error.text);
        return 3;
    }
    uint64_t end_us = clock_now_us() + 60000000;
    while (bench.count < bench.max && clock_now_us() < end_us)
        if (loop_turn(bench.loop, 100000, &error) < 0)
            return 3;
    unlink(where.sun_path);
    waitpid(pid, NULL, 0);
    qsort(bench.times_ns, bench.count, sizeof *bench.times_ns, compare);
    if (!bench.count)
        return 3;
    uint64_t p50_ns = bench.times_ns[bench.count / 2], p99_ns = bench.times_ns[bench.count * 99 / 100];
    printf("%.1f %.1f\n", (double)p50_ns / 1000, (double)p99_ns / 1000);
    return 0;
}
