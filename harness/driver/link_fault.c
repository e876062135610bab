/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/link_fault.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/mix.h"

#define PIECE_MAX 128        /* a line of SMP has at most 127 bytes */
#define HELD_MAX (16u << 20) /* what a stalled link keeps; more is lost */
#define STANDARD_PROBABILITY 0.3
#define STANDARD_EVERY 97
#define STANDARD_RATE 1000

enum direction { DOWN, UP }; /* to the board, from the board */

struct held {
    uint8_t *data;
    size_t len;
};

/* One direction while a fault is set. Pieces are lines (or PIECE_MAX bytes without an end): how the bytes
 * were cut up by whoever read them must not matter. */
struct lane {
    uint64_t position; /* bytes seen since the fault began to act in this direction */
    uint8_t piece[PIECE_MAX];
    size_t piece_len; /* of the piece that has begun */
    bool chosen;      /* that piece is to be dropped, or doubled */
    struct held held;
};

struct link_fault {
    struct link link; /* first member */
    struct link *lower;
    struct loop *loop;
    struct sink *sink;
    uint64_t seed;
    bool active, acted;
    struct link_fault_spec spec;
    uint64_t sent, hit_bytes, begin_us; /* since the fault was set */
    struct lane lanes[2];
    struct loop_source *pump, *limit;
    struct link_fault_count total;
    uint64_t reach_at;
    void (*reached)(void *arg);
    void *reached_arg;
};

static const char *const names[] = {"drop", "stall", "corrupt", "duplicate", "cut", "flap", "trickle"};

/* A number of its own for each seed, direction and place in the stream, whatever happened before. */
static uint64_t number_at(const struct link_fault *fault, enum direction direction, uint64_t position)
{
    return mix64(fault->seed * MIX_STEP + position * 2 + direction + MIX_STEP);
}

static void note(struct link_fault *fault, size_t len)
{
    fault->hit_bytes += len;
    if (fault->acted)
        return;
    fault->acted = true;
    event_put_full(fault->sink, EVENT_LINK, "link", names[fault->spec.mode], "acts", (int64_t)fault->sent,
                   NULL);
}

static int pass(struct link_fault *fault, enum direction direction, const void *data, size_t len,
                struct error *error)
{
    if (direction == DOWN)
        return fault->lower->send(fault->lower, data, len, error);
    if (fault->link.receive)
        fault->link.receive(fault->link.receive_arg, data, len, clock_now_us());
    return 0;
}

static void hold(struct link_fault *fault, enum direction direction, const void *data, size_t len)
{
    struct held *held = &fault->lanes[direction].held;
    if (held->len + len > HELD_MAX)
        return;
    held->data = mem_resize(held->data, held->len + len, 1);
    memcpy(held->data + held->len, data, len);
    held->len += len;
}

static void release(struct link_fault *fault, enum direction direction)
{
    struct held held = fault->lanes[direction].held;
    fault->lanes[direction].held = (struct held){0};
    if (held.len)
        pass(fault, direction, held.data, held.len, NULL);
    free(held.data);
}

static int corrupt(struct link_fault *fault, enum direction direction, const uint8_t *data, size_t len,
                   struct error *error)
{
    uint64_t every = fault->spec.every ? fault->spec.every : STANDARD_EVERY;
    struct lane *lane = &fault->lanes[direction];
    uint8_t *copy = mem_copy(data, len);
    for (size_t i = 0; i < len; i++) {
        uint64_t position = lane->position++;
        if ((position + 1) % every)
            continue;
        copy[i] ^= (uint8_t)(1u << (number_at(fault, direction, position) & 7));
        note(fault, 1);
    }
    int result = pass(fault, direction, copy, len, error);
    free(copy);
    return result;
}

static void begin_piece(struct link_fault *fault, enum direction direction)
{
    struct lane *lane = &fault->lanes[direction];
    double probability = fault->spec.probability > 0 ? fault->spec.probability : STANDARD_PROBABILITY;
    lane->chosen = mix_unit(number_at(fault, direction, lane->position)) < probability;
}

/* Drops or doubles the pieces that the seed chose. What passes is handed on in runs, not byte by byte. */
static int choose(struct link_fault *fault, enum direction direction, const uint8_t *data, size_t len,
                  struct error *error)
{
    struct lane *lane = &fault->lanes[direction];
    bool drops = fault->spec.mode == LINK_DROP;
    uint8_t *out = mem_alloc(2 * len + PIECE_MAX);
    size_t out_len = 0;
    for (size_t i = 0; i < len; i++) {
        if (!lane->piece_len)
            begin_piece(fault, direction);
        lane->piece[lane->piece_len++] = data[i];
        lane->position++;
        if (!lane->chosen || !drops)
            out[out_len++] = data[i];
        if (data[i] != '\n' && lane->piece_len < PIECE_MAX)
            continue;
        if (lane->chosen && !drops) {
            memcpy(out + out_len, lane->piece, lane->piece_len);
            out_len += lane->piece_len;
        }
        if (lane->chosen)
            note(fault, lane->piece_len);
        lane->piece_len = 0;
    }
    int result = out_len ? pass(fault, direction, out, out_len, error) : 0;
    free(out);
    return result;
}

static bool down_now(const struct link_fault *fault)
{
    uint64_t period = fault->spec.up_us + fault->spec.down_us;
    return period && (clock_now_us() - fault->begin_us) % period >= fault->spec.up_us;
}

static void on_pump(void *arg, uint64_t now_us)
{
    struct link_fault *fault = arg;
    struct held *held = &fault->lanes[DOWN].held;
    uint64_t rate = fault->spec.rate ? fault->spec.rate : STANDARD_RATE;
    /* 10 ms worth at a time */
    size_t piece = rate / 100 ? rate / 100 : 1;
    piece = piece < held->len ? piece : held->len;
    if (!piece)
        return;
    uint8_t *data = mem_copy(held->data, piece);
    held->len -= piece;
    memmove(held->data, held->data + piece, held->len);
    pass(fault, DOWN, data, piece, NULL);
    free(data);
    if (held->len)
        loop_timer_set(fault->pump, now_us + piece * 1000000 / rate);
}

static void trickle(struct link_fault *fault, const void *data, size_t len)
{
    bool idle = !fault->lanes[DOWN].held.len;
    hold(fault, DOWN, data, len);
    note(fault, len);
    if (idle)
        loop_timer_set(fault->pump, clock_now_us());
}

static int act(struct link_fault *fault, enum direction direction, const void *data, size_t len,
               struct error *error)
{
    switch (fault->spec.mode) {
    case LINK_CUT:
        note(fault, len);
        return 0;
    case LINK_STALL:
        note(fault, len);
        hold(fault, direction, data, len);
        return 0;
    case LINK_DROP:
    case LINK_DUPLICATE:
        return choose(fault, direction, data, len, error);
    case LINK_CORRUPT:
        return corrupt(fault, direction, data, len, error);
    case LINK_FLAP:
        if (!down_now(fault))
            break;
        note(fault, len);
        return 0;
    case LINK_TRICKLE:
        if (direction == UP)
            break;
        trickle(fault, data, len);
        return 0;
    }
    return pass(fault, direction, data, len, error);
}

/* Last in a send: the callback may set, lift or cut anything. */
static void count(struct link_fault *fault, size_t len)
{
    void (*reached)(void *) = fault->reached;
    fault->total.sent += len;
    if (!reached || fault->total.sent < fault->reach_at)
        return;
    fault->reached = NULL;
    reached(fault->reached_arg);
}

static int send_faulty(struct link_fault *fault, const void *data, size_t len, struct error *error)
{
    if (!fault->active)
        return pass(fault, DOWN, data, len, error);
    uint64_t left = fault->spec.from_byte > fault->sent ? fault->spec.from_byte - fault->sent : 0;
    size_t clean = left < len ? (size_t)left : len;
    if (clean && pass(fault, DOWN, data, clean, error))
        return -1;
    fault->sent += len;
    return clean < len ? act(fault, DOWN, (const char *)data + clean, len - clean, error) : 0;
}

static int on_send(struct link *link, const void *data, size_t len, struct error *error)
{
    struct link_fault *fault = (struct link_fault *)link;
    int result = send_faulty(fault, data, len, error);
    count(fault, len);
    return result;
}

static void on_receive(void *arg, const void *data, size_t len, uint64_t t_us)
{
    struct link_fault *fault = arg;
    fault->total.received += len;
    if (fault->active && fault->sent >= fault->spec.from_byte)
        act(fault, UP, data, len, NULL);
    else
        pass(fault, UP, data, len, NULL);
}

static void on_limit(void *arg, uint64_t now_us)
{
    link_fault_clear(arg);
}

struct link *link_fault_new(struct link *lower, struct loop *loop, struct sink *sink, uint64_t seed)
{
    struct link_fault *fault = mem_alloc(sizeof *fault);
    *fault = (struct link_fault){
        .link = {.send = on_send}, .lower = lower, .loop = loop, .sink = sink, .seed = seed};
    fault->pump = loop_add_timer(loop, LOOP_NEVER, on_pump, fault);
    fault->limit = loop_add_timer(loop, LOOP_NEVER, on_limit, fault);
    lower->receive = on_receive;
    lower->receive_arg = fault;
    return &fault->link;
}

void link_fault_set(struct link *link, const struct link_fault_spec *spec)
{
    struct link_fault *fault = (struct link_fault *)link;
    link_fault_clear(link);
    fault->active = true;
    fault->acted = false;
    fault->spec = *spec;
    fault->sent = fault->hit_bytes = 0;
    for (int i = 0; i < 2; i++)
        fault->lanes[i].position = fault->lanes[i].piece_len = 0;
    fault->begin_us = clock_now_us();
    loop_timer_set(fault->limit, spec->for_us ? fault->begin_us + spec->for_us : LOOP_NEVER);
}

void link_fault_clear(struct link *link)
{
    struct link_fault *fault = (struct link_fault *)link;
    if (!fault->active)
        return;
    fault->active = false;
    loop_timer_set(fault->pump, LOOP_NEVER);
    loop_timer_set(fault->limit, LOOP_NEVER);
    if (fault->acted)
        event_put_full(fault->sink, EVENT_LINK, "link", names[fault->spec.mode], "lifted",
                       (int64_t)fault->hit_bytes, NULL);
    release(fault, DOWN);
    release(fault, UP);
}

struct link_fault_count link_fault_count(const struct link *link)
{
    return ((const struct link_fault *)link)->total;
}

void link_fault_reach(struct link *link, uint64_t bytes, void (*reached)(void *arg), void *arg)
{
    struct link_fault *fault = (struct link_fault *)link;
    fault->reach_at = fault->total.sent + bytes;
    fault->reached = reached;
    fault->reached_arg = arg;
}

void link_fault_free(struct link *link)
{
    struct link_fault *fault = (struct link_fault *)link;
    if (!fault)
        return;
    fault->lower->receive = NULL;
    loop_remove(fault->pump);
    loop_remove(fault->limit);
    free(fault->lanes[UP].held.data);
    free(fault->lanes[DOWN].held.data);
    free(fault);
}
