/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client of OpenOCD's Tcl server against a tiny one in the same loop. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/probe/tcl_rpc.h"

struct bench {
    struct loop *loop;
    struct tcl_rpc *rpc;
    struct loop_source *source;
    int server;
    char seen[600];
    const char *reply; /* NULL: none */
    size_t reply_len, piece;
    int ends;
    enum tcl_end end;
    char *text;
};

static void on_end(void *arg, enum tcl_end end, const char *text)
{
    struct bench *bench = arg;
    bench->ends++;
    bench->end = end;
    free(bench->text);
    bench->text = mem_string(text);
}

static void on_request(void *arg, int fd, uint32_t events)
{
    struct bench *bench = arg;
    size_t len = strlen(bench->seen);
    ssize_t n = read(fd, bench->seen + len, sizeof bench->seen - 1 - len);
    if (n <= 0) {
        loop_remove(bench->source);
        bench->source = NULL;
        return;
    }
    if (bench->seen[len + (size_t)n - 1] != 0x1a)
        return;
    size_t piece = bench->piece ? bench->piece : bench->reply_len;
    for (size_t at = 0; bench->reply && at < bench->reply_len; at += piece) {
        size_t left = bench->reply_len - at;
        cr_assert_gt(write(fd, bench->reply + at, left < piece ? left : piece), 0);
        loop_turn(bench->loop, 0, NULL);
    }
}

static struct bench *bench_new(void)
{
    struct bench *bench = mem_alloc(sizeof *bench);
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    bench->loop = loop_new();
    bench->server = fds[1];
    bench->source = loop_add_fd(bench->loop, fds[1], EPOLLIN, on_request, bench);
    bench->rpc = tcl_open_fd(bench->loop, fds[0], on_end, bench);
    return bench;
}

static void bench_free(struct bench *bench)
{
    tcl_close(bench->rpc);
    loop_free(bench->loop);
    close(bench->server);
    free(bench->text);
    free(bench);
}

static void ask(struct bench *bench, const char *reply, size_t len)
{
    int before = bench->ends;
    bench->reply = reply;
    bench->reply_len = len;
    bench->seen[0] = 0;
    memset(bench->seen, 0, sizeof bench->seen);
    tcl_send(bench->rpc, "mdw 0", reply ? 10000000 : 20000);
    for (int i = 0; i < 1000 && bench->ends == before; i++)
        loop_turn(bench->loop, 100000, NULL);
    cr_assert_eq(bench->ends, before + 1, "one end for each command");
}

#define REPLY(text) (text), sizeof(text) - 1

Test(tcl_rpc, wraps_the_command_and_unwraps_the_reply)
{
    struct bench *bench = bench_new();
    ask(bench, REPLY("<0>0x0: 12345678\n\x1a"));
    cr_assert_str_eq(bench->seen, "set _c [catch {capture {mdw 0}} _r]; set _x \"<$_c>$_r\"\x1a");
    cr_assert_eq(bench->end, TCL_OK);
    cr_assert_str_eq(bench->text, "0x0: 12345678\n");
    ask(bench, REPLY("<-107>JTAG-DP STICKY ERROR\x1a"));
    cr_assert_eq(bench->end, TCL_ERROR);
    cr_assert_str_eq(bench->text, "JTAG-DP STICKY ERROR");
    ask(bench, REPLY("<2>returned\x1a"));
    cr_assert_eq(bench->end, TCL_ERROR, "a return is no success");
    ask(bench, REPLY("<0>\x1a"));
    cr_assert_eq(bench->end, TCL_OK);
    cr_assert_str_eq(bench->text, "");
    bench_free(bench);
}

Test(tcl_rpc, replies_that_are_none_are_errors)
{
    static const char *const replies[] = {"\x1a",     "0\x1a",  "<0\x1a",  "<>\x1a",
                                          "<00>\x1a", "0>\x1a", "< 0>\x1a"};
    struct bench *bench = bench_new();
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        ask(bench, replies[i], strlen(replies[i]));
        cr_assert_eq(bench->end, TCL_ERROR, "%s", replies[i]);
    }
    bench_free(bench);
}

Test(tcl_rpc, puts_pieces_together)
{
    struct bench *bench = bench_new();
    size_t len = 100000;
    char *long_reply = mem_alloc(len);
    memset(long_reply, 'x', len);
    memcpy(long_reply, "<0>", 3);
    long_reply[len - 1] = 0x1a;
    bench->piece = 7000;
    ask(bench, long_reply, len);
    cr_assert_eq(bench->end, TCL_OK);
    cr_assert_eq(strlen(bench->text), len - 4);
    bench->piece = 1;
    ask(bench, REPLY("<0>abc\x1a"));
    cr_assert_str_eq(bench->text, "abc");
    free(long_reply);
    bench_free(bench);
}

Test(tcl_rpc, notices_silence_and_a_closed_connection)
{
    struct bench *bench = bench_new();
    ask(bench, NULL, 0);
    cr_assert_eq(bench->end, TCL_LATE);
    /* what comes too late is not taken for the next reply */
    cr_assert_eq(write(bench->server, "<0>late\x1a", 8), 8);
    loop_turn(bench->loop, 100000, NULL);
    ask(bench, REPLY("<0>in time\x1a"));
    cr_assert_str_eq(bench->text, "in time");
    shutdown(bench->server, SHUT_RDWR);
    tcl_send(bench->rpc, "mdw 0", 10000000);
    for (int i = 0; i < 100 && bench->ends < 3; i++)
        loop_turn(bench->loop, 100000, NULL);
    cr_assert_eq(bench->ends, 3);
    cr_assert_neq(bench->end, TCL_OK);
    bench_free(bench);
}

Test(tcl_rpc, says_when_nobody_listens)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof where;
    struct loop *loop = loop_new();
    struct error error = {0};
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, never listening: the port stays nobody's */
    cr_assert_eq(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&where, &len), 0);
    cr_assert_null(tcl_open(loop, ntohs(where.sin_port), on_end, NULL, &error));
    cr_assert_eq(error.kind, ERROR_RIG);
    close(fd);
    loop_free(loop);
}
