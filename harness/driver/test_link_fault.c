/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/link_fault.h"

struct tray {
    char data[8192];
    size_t len;
};

struct bench {
    struct sink sink;  /* first member */
    struct link lower; /* the board's side */
    struct link *link;
    struct loop *loop;
    struct tray board, host; /* what arrived there */
    int acts, lifts;
    int64_t lifted_bytes;
};

static void put_into(struct tray *tray, const void *data, size_t len)
{
    cr_assert_leq(tray->len + len, sizeof tray->data);
    memcpy(tray->data + tray->len, data, len);
    tray->len += len;
}

static int lower_send(struct link *link, const void *data, size_t len, struct error *error)
{
    struct bench *bench = (struct bench *)((char *)link - offsetof(struct bench, lower));
    put_into(&bench->board, data, len);
    return 0;
}

static void host_receive(void *arg, const void *data, size_t len, uint64_t t_us)
{
    put_into(&((struct bench *)arg)->host, data, len);
}

static void on_event(struct sink *sink, const struct event *event)
{
    struct bench *bench = (struct bench *)sink;
    cr_assert_eq(event->kind, EVENT_LINK);
    bench->acts += !strcmp(event->value, "acts");
    bench->lifts += !strcmp(event->value, "lifted");
    bench->lifted_bytes = event->number;
}

static struct bench *bench_new(uint64_t seed)
{
    struct bench *bench = mem_alloc(sizeof *bench);
    bench->sink.put = on_event;
    bench->lower.send = lower_send;
    bench->loop = loop_new();
    bench->link = link_fault_new(&bench->lower, bench->loop, &bench->sink, seed);
    bench->link->receive = host_receive;
    bench->link->receive_arg = bench;
    return bench;
}

static void bench_free(struct bench *bench)
{
    link_fault_free(bench->link);
    loop_free(bench->loop);
    free(bench);
}

static void down(struct bench *bench, const char *text)
{
    cr_assert_eq(bench->link->send(bench->link, text, strlen(text), NULL), 0);
}

static void up(struct bench *bench, const char *text)
{
    bench->lower.receive(bench->lower.receive_arg, text, strlen(text), clock_now_us());
}

static void set(struct bench *bench, struct link_fault_spec spec)
{
    link_fault_set(bench->link, &spec);
}

#define EXPECT(tray, text)                                                                                   \
    cr_assert((tray).len == strlen(text) && !memcmp((tray).data, text, (tray).len), "found '%.*s'",          \
              (int)(tray).len, (tray).data)

Test(link_fault, passes_everything_without_a_fault)
{
    struct bench *bench = bench_new(1);
    down(bench, "ab");
    up(bench, "cd");
    EXPECT(bench->board, "ab");
    EXPECT(bench->host, "cd");
    cr_assert_eq(bench->acts, 0);
    bench_free(bench);
}

Test(link_fault, cuts_after_the_exact_byte_in_both_directions)
{
    struct bench *bench = bench_new(1);
    set(bench, (struct link_fault_spec){.mode = LINK_CUT, .from_byte = 5});
    down(bench, "abc");
    up(bench, "1");
    down(bench, "defg");
    up(bench, "2");
    down(bench, "h");
    EXPECT(bench->board, "abcde");
    EXPECT(bench->host, "1");
    cr_assert_eq(bench->acts, 1);
    link_fault_clear(bench->link);
    down(bench, "i");
    up(bench, "3");
    EXPECT(bench->board, "abcdei");
    EXPECT(bench->host, "13");
    cr_assert_eq(bench->lifts, 1);
    cr_assert_eq(bench->lifted_bytes, 4, "f, g, 2 and h");
    bench_free(bench);
}

Test(link_fault, a_fault_that_did_not_act_says_nothing)
{
    struct bench *bench = bench_new(1);
    set(bench, (struct link_fault_spec){.mode = LINK_CUT, .from_byte = 50});
    down(bench, "abc");
    link_fault_clear(bench->link);
    cr_assert_eq(bench->acts + bench->lifts, 0);
    bench_free(bench);
}

Test(link_fault, delivers_what_stalled)
{
    struct bench *bench = bench_new(1);
    set(bench, (struct link_fault_spec){.mode = LINK_STALL, .for_us = 20000});
    down(bench, "ab");
    up(bench, "12");
    down(bench, "c");
    EXPECT(bench->board, "");
    EXPECT(bench->host, "");
    for (int i = 0; i < 1000 && !bench->lifts; i++)
        loop_turn(bench->loop, 100000, NULL);
    EXPECT(bench->board, "abc");
    EXPECT(bench->host, "12");
    bench_free(bench);
}

/* 200 lines; sent whole or byte by byte */
static void send_lines(struct bench *bench, bool in_bytes)
{
    char line[16];
    for (int i = 0; i < 200; i++) {
        snprintf(line, sizeof line, "line %d\n", i);
        for (char *at = line; in_bytes && *at; at++)
            down(bench, (char[2]){*at, 0});
        if (!in_bytes)
            down(bench, line);
    }
}

static size_t lines_in(const struct tray *tray)
{
    size_t count = 0;
    for (size_t i = 0; i < tray->len; i++)
        count += tray->data[i] == '\n';
    return count;
}

Test(link_fault, drops_and_doubles_by_seed_and_position_alone)
{
    static const enum link_mode modes[] = {LINK_DROP, LINK_DUPLICATE};
    for (int i = 0; i < 2; i++) {
        struct bench *whole = bench_new(7), *bytes = bench_new(7), *other = bench_new(8);
        struct link_fault_spec spec = {.mode = modes[i], .probability = 0.25};
        set(whole, spec);
        set(bytes, spec);
        set(other, spec);
        send_lines(whole, false);
        send_lines(bytes, true);
        send_lines(other, false);
        cr_assert(whole->board.len == bytes->board.len &&
                  !memcmp(whole->board.data, bytes->board.data, whole->board.len));
        cr_assert(whole->board.len != other->board.len ||
                  memcmp(whole->board.data, other->board.data, other->board.len));
        size_t count = lines_in(&whole->board);
        if (modes[i] == LINK_DROP)
            cr_assert(count > 120 && count < 180, "%zu of 200 lines left", count);
        else
            cr_assert(count > 220 && count < 280, "200 lines became %zu", count);
        cr_assert_eq(whole->board.data[whole->board.len - 1], '\n', "lines stay whole");
        bench_free(whole);
        bench_free(bytes);
        bench_free(other);
    }
}

Test(link_fault, flips_one_bit_of_every_nth_byte)
{
    struct bench *bench = bench_new(3);
    char text[101];
    memset(text, 'x', 100);
    text[100] = 0;
    set(bench, (struct link_fault_spec){.mode = LINK_CORRUPT, .every = 10});
    down(bench, text);
    cr_assert_eq(bench->board.len, 100);
    for (size_t i = 0; i < 100; i++)
        cr_assert_eq(__builtin_popcount((unsigned char)(bench->board.data[i] ^ 'x')), (i + 1) % 10 ? 0 : 1);
    up(bench, "123456789");
    EXPECT(bench->host, "123456789");
    link_fault_clear(bench->link);
    cr_assert_eq(bench->lifted_bytes, 10);
    bench_free(bench);
}

Test(link_fault, flaps)
{
    struct bench *bench = bench_new(3);
    set(bench, (struct link_fault_spec){.mode = LINK_FLAP, .up_us = 0, .down_us = 1000000});
    down(bench, "lost");
    set(bench, (struct link_fault_spec){.mode = LINK_FLAP, .up_us = 3600000000u, .down_us = 1});
    down(bench, "kept");
    EXPECT(bench->board, "kept");
    cr_assert_eq(bench->acts, 1);
    bench_free(bench);
}

Test(link_fault, trickles_in_order_and_loses_nothing)
{
    struct bench *bench = bench_new(3);
    set(bench, (struct link_fault_spec){.mode = LINK_TRICKLE, .rate = 1000});
    down(bench, "0123456789");
    down(bench, "abcdefghij");
    cr_assert_lt(bench->board.len, 20);
    for (int i = 0; i < 1000 && bench->board.len < 20; i++)
        loop_turn(bench->loop, 100000, NULL);
    EXPECT(bench->board, "0123456789abcdefghij");
    down(bench, "klm");
    link_fault_clear(bench->link);
    EXPECT(bench->board, "0123456789abcdefghijklm");
    bench_free(bench);
}

static void on_reached(void *arg)
{
    struct bench *bench = arg;
    set(bench, (struct link_fault_spec){.mode = LINK_CUT});
}

Test(link_fault, tells_when_bytes_have_been_sent)
{
    struct bench *bench = bench_new(3);
    down(bench, "xx");
    link_fault_reach(bench->link, 4, on_reached, bench);
    down(bench, "abc");
    down(bench, "de");
    down(bench, "f");
    EXPECT(bench->board, "xxabcde");
    cr_assert_eq(link_fault_count(bench->link).sent, 8);
    cr_assert_eq(link_fault_count(bench->link).received, 0);
    bench_free(bench);
}
