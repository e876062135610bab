/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console driver "stream" against real sockets. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/table.h"

#define LIMIT_US 600000000u /* only ends a test that has failed */

struct bench {
    struct sink sink; /* first member */
    struct loop *loop;
    struct driver_env env;
    void *config, *self;
    struct error error;
    char folder[40], events[500], input[64], linked[64];
};

static void put(struct sink *sink, const struct event *event)
{
    struct bench *bench = (struct bench *)sink;
    size_t n = strlen(bench->events);
    if (event->kind == EVENT_INPUT)
        snprintf(bench->input + strlen(bench->input), sizeof bench->input - strlen(bench->input), "%.*s",
                 (int)event->len, (const char *)event->data);
    else
        snprintf(bench->events + n, sizeof bench->events - n, "%s %s|", event_kind_name(event->kind),
                 event->what);
}

static void receive(void *arg, const void *data, size_t len, uint64_t t_us)
{
    struct bench *bench = arg;
    snprintf(bench->linked + strlen(bench->linked), sizeof bench->linked - strlen(bench->linked), "%.*s",
             (int)len, (const char *)data);
}

static void bench_begin(struct bench *bench)
{
    *bench = (struct bench){.sink = {.put = put}, .loop = loop_new(), .folder = "/tmp/otarig-stream.XXXXXX"};
    cr_assert(mkdtemp(bench->folder));
    bench->env = (struct driver_env){
        .loop = bench->loop, .sink = &bench->sink, .place = "p1", .role = "console", .folder = bench->folder};
}

static int parse(struct bench *bench, const char *key, const char *value)
{
    const struct driver *driver = &console_stream_driver;
    struct json_document document;
    char *text = mem_printf("{\"%s\":\"%s\"}", key, value);
    if (bench->config)
        option_release(driver->options, bench->config);
    else
        bench->config = mem_alloc(driver->config_size);
    cr_assert_eq(json_parse(&document, "test", text, strlen(text), &bench->error), 0);
    int result = option_parse(driver->options, json_root(&document), NULL, bench->config, driver->config_size,
                              &bench->error);
    json_close(&document);
    free(text);
    return result;
}

static void configure(struct bench *bench, const char *key, const char *value)
{
    cr_assert_eq(parse(bench, key, value), 0, "%s", bench->error.text);
}

static int bench_open(struct bench *bench)
{
    int result = console_stream_driver.open(&bench->env, bench->config, &bench->self, &bench->error);
    if (!result) {
        struct link *link = console_stream_driver.console->link(bench->self);
        link->receive = receive;
        link->receive_arg = bench;
    }
    return result;
}

static void bench_end(struct bench *bench)
{
    if (bench->self)
        console_stream_driver.close(bench->self);
    if (bench->config)
        option_release(console_stream_driver.options, bench->config);
    free(bench->config);
    loop_free(bench->loop);
    char *command = mem_printf("rm -rf %s", bench->folder);
    cr_expect_eq(system(command), 0);
    free(command);
}

static void until(struct bench *bench, const char *text, const char *wanted)
{
    uint64_t limit_us = clock_now_us() + LIMIT_US;
    while (!strstr(text, wanted) && clock_now_us() < limit_us)
        loop_turn(bench->loop, 50000, NULL);
    cr_assert(strstr(text, wanted), "'%s' never came, only '%s'", wanted, text);
}

static int listen_unix(const struct bench *bench, const char *name)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(where.sun_path, sizeof where.sun_path, "%s/%s", bench->folder, name);
    unlink(where.sun_path);
    cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&where, sizeof where) && !listen(fd, 4));
    return fd;
}

/* On 127.0.0.1; listening or, as a port where nobody is, not. */
static int bind_tcp(unsigned *port, bool listening)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof where;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&where, sizeof where) &&
              (!listening || !listen(fd, 4)) && !getsockname(fd, (struct sockaddr *)&where, &len));
    *port = ntohs(where.sin_port);
    return fd;
}

static void read_all(struct bench *bench, int fd, char *data, size_t len)
{
    uint64_t limit_us = clock_now_us() + LIMIT_US;
    for (size_t n = 0; n < len;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        cr_assert_lt(clock_now_us(), limit_us, "%zu of %zu bytes came", n, len);
        loop_turn(bench->loop, 0, NULL);
        if (poll(&ready, 1, 10) == 1) {
            ssize_t got = read(fd, data + n, len - n);
            cr_assert_gt(got, 0);
            n += (size_t)got;
        }
    }
}

static void talk(struct bench *bench, int board)
{
    char answer[3];
    cr_assert_eq(write(board, "boot\n", 5), 5);
    until(bench, bench->input, "boot\n");
    until(bench, bench->linked, "boot\n");
    cr_assert_eq(console_stream_driver.console->write(bench->self, "ab", 2, &bench->error), 0);
    struct link *link = console_stream_driver.console->link(bench->self);
    cr_assert_eq(link->send(link, "c", 1, &bench->error), 0);
    read_all(bench, board, answer, 3);
    cr_expect_eq(memcmp(answer, "abc", 3), 0);
}

Test(console_stream, unix_socket)
{
    struct bench bench;
    bench_begin(&bench);
    int server = listen_unix(&bench, "uart");
    char *path = mem_printf("%s/uart", bench.folder);
    configure(&bench, "path", path);
    cr_assert_eq(bench_open(&bench), 0, "%s", bench.error.text);
    int board = accept(server, NULL, NULL);
    talk(&bench, board);
    close(board);
    close(server);
    bench_end(&bench);
    free(path);
}

Test(console_stream, relative_path_lies_in_the_rack)
{
    struct bench bench;
    bench_begin(&bench);
    int server = listen_unix(&bench, "p1.uart");
    configure(&bench, "path", "p1.uart");
    cr_expect_eq(bench_open(&bench), -1);
    setenv("OTARIG_RACK", bench.folder, 1);
    cr_assert_eq(bench_open(&bench), 0, "%s", bench.error.text);
    close(server);
    bench_end(&bench);
}

Test(console_stream, tcp)
{
    struct bench bench;
    unsigned port;
    int server = bind_tcp(&port, true);
    char *where = mem_printf("localhost:%u", port); /* perhaps ::1 first, where nobody listens */
    bench_begin(&bench);
    configure(&bench, "tcp", where);
    cr_assert_eq(bench_open(&bench), 0, "%s", bench.error.text);
    int board = accept(server, NULL, NULL);
    talk(&bench, board);
    close(board);
    close(server);
    bench_end(&bench);
    free(where);
}

Test(console_stream, nobody_listens)
{
    struct bench bench;
    unsigned port;
    int other = bind_tcp(&port, false);
    char *where = mem_printf("127.0.0.1:%u", port), advice[300] = "";
    bench_begin(&bench);
    configure(&bench, "tcp", where);
    cr_expect_eq(bench_open(&bench), -1);
    cr_expect(strstr(bench.error.text, where) && strstr(bench.error.text, "Connection refused"), "%s",
              bench.error.text);
    cr_expect_eq(bench.error.kind, ERROR_RIG);
    cr_expect_eq(console_stream_driver.examine(&bench.env, bench.config, advice, sizeof advice, &bench.error),
                 -1);
    cr_expect_neq(advice[0], 0);
    cr_assert_eq(listen(other, 1), 0);
    cr_expect_eq(console_stream_driver.examine(&bench.env, bench.config, advice, sizeof advice, &bench.error),
                 0);
    close(other);
    bench_end(&bench);
    free(where);
}

Test(console_stream, what_is_no_address)
{
    static const char *const bad[] = {"localhost", ":1", "localhost:", ""};
    struct bench bench;
    char path[200] = "/";
    bench_begin(&bench);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(parse(&bench, "tcp", bad[i]), -1, "%s", bad[i]);
        cr_expect_eq(bench.error.kind, ERROR_INPUT, "%s", bench.error.text);
    }
    memset(path, 'x', 150);
    configure(&bench, "path", path);
    cr_expect_eq(bench_open(&bench), -1);
    cr_expect(strstr(bench.error.text, "too long for a unix socket"));
    bench_end(&bench);
}

Test(console_stream, comes_back_after_a_loss)
{
    struct bench bench;
    bench_begin(&bench);
    int server = listen_unix(&bench, "uart");
    char *path = mem_printf("%s/uart", bench.folder);
    configure(&bench, "path", path);
    cr_assert_eq(bench_open(&bench), 0, "%s", bench.error.text);
    int board = accept(server, NULL, NULL);
    talk(&bench, board);
    close(board);
    close(server);
    unlink(path);
    until(&bench, bench.events, "note lost|");
    cr_expect_eq(console_stream_driver.console->write(bench.self, "x", 1, &bench.error), -1);
    server = listen_unix(&bench, "uart");
    until(&bench, bench.events, "note reopened|");
    board = accept(server, NULL, NULL);
    bench.input[0] = bench.linked[0] = 0;
    talk(&bench, board);
    close(board);
    close(server);
    bench_end(&bench);
    free(path);
}

Test(console_stream, who_does_not_come_back_is_the_rigs_fault)
{
    struct bench bench;
    unsigned port;
    int server = bind_tcp(&port, true);
    char *where = mem_printf("127.0.0.1:%u", port);
    bench_begin(&bench);
    configure(&bench, "tcp", where);
    cr_assert_eq(bench_open(&bench), 0, "%s", bench.error.text);
    close(accept(server, NULL, NULL));
    close(server);
    until(&bench, bench.events, "note lost|rig lost|");
    bench_end(&bench);
    free(where);
}

Test(console_stream, what_the_board_does_not_read_yet_waits)
{
    struct bench bench;
    size_t len = 900000, sent = 0;
    char *data = mem_alloc(len), *got = mem_alloc(len);
    bench_begin(&bench);
    int server = listen_unix(&bench, "uart");
    setenv("OTARIG_RACK", bench.folder, 1);
    configure(&bench, "path", "uart");
    cr_assert_eq(bench_open(&bench), 0, "%s", bench.error.text);
    int board = accept(server, NULL, NULL);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 7 >> 3);
    cr_assert_eq(console_stream_driver.console->write(bench.self, data, len, &bench.error), 0);
    read_all(&bench, board, got, len);
    cr_expect_eq(memcmp(data, got, len), 0);
    /* but not without end */
    while (sent < 5000000 && !console_stream_driver.console->write(bench.self, data, len, &bench.error))
        sent += len;
    cr_expect_lt(sent, 5000000);
    cr_expect(strstr(bench.error.text, "nobody reads"), "%s", bench.error.text);
    close(board);
    close(server);
    bench_end(&bench);
    free(data);
    free(got);
}
