#include "harness/driver/link_fault.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

enum direction { DOWN, UP }; /* to the board, from the board */

struct held {
    uint8_t *data;
    size_t len;
};

struct link_fault {
    struct link link; /* first member */
    struct link *lower;
    struct loop *loop;
    struct sink *sink;
    uint64_t seed, random;
    bool active, acted;
    struct link_fault_spec spec;
    uint64_t sent, hit_bytes, begin_us;
    uint64_t position[2];
    struct held held[2];
    struct loop_source *pump;
};

static const char *const names[] = {"drop", "stall", "corrupt", "duplicate", "cut", "flap", "trickle"};

static double unit(struct link_fault *fault)
{
    fault->random ^= fault->random << 13;
    fault->random ^= fault->random >> 7;
    fault->random ^= fault->random << 17;
    return (double)(fault->random >> 11) / 9007199254740992.0;
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
    struct held *held = &fault->held[direction];
    held->data = mem_resize(held->data, held->len + len, 1);
    memcpy(held->data + held->len, data, len);
    held->len += len;
}

static void release(struct link_fault *fault, enum direction direction)
{
    struct held held = fault->held[direction];
    fault->held[direction] = (struct held){0};
    if (held.len)
        pass(fault, direction, held.data, held.len, NULL);
    free(held.data);
}

static int corrupt(struct link_fault *fault, enum direction direction, const uint8_t *data, size_t len,
                   struct error *error)
{
    uint64_t every = fault->spec.every ? fault->spec.every : 97;
    uint8_t *copy = mem_copy(data, len);
    for (size_t i = 0; i < len; i++) {
        if (++fault->position[direction] % every)
            continue;
        copy[i] ^= (uint8_t)(1u << (unsigned)(unit(fault) * 8));
        note(fault, 1);
    }
    int result = pass(fault, direction, copy, len, error);
    free(copy);
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
    struct held *held = &fault->held[DOWN];
    uint64_t rate = fault->spec.rate ? fault->spec.rate : 1000;
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
    bool idle = !fault->held[DOWN].len;
    hold(fault, DOWN, data, len);
    note(fault, len);
    if (!fault->pump)
        fault->pump = loop_add_timer(fault->loop, LOOP_NEVER, on_pump, fault);
    if (idle)
        loop_timer_set(fault->pump, clock_now_us());
}

static int act(struct link_fault *fault, enum direction direction, const void *data, size_t len,
               struct error *error)
{
    double probability = fault->spec.probability > 0 ? fault->spec.probability : 0.3;
    switch (fault->spec.mode) {
    case LINK_FAULT_CUT:
        note(fault, len);
        return 0;
    case LINK_FAULT_STALL:
        note(fault, len);
        hold(fault, direction, data, len);
        return 0;
    case LINK_FAULT_DROP:
        if (unit(fault) < probability) {
            note(fault, len);
            return 0;
        }
        break;
    case LINK_FAULT_DUPLICATE:
        if (unit(fault) < probability) {
            note(fault, len);
            if (pass(fault, direction, data, len, error))
                return -1;
        }
        break;
    case LINK_FAULT_CORRUPT:
        return corrupt(fault, direction, data, len, error);
    case LINK_FAULT_FLAP:
        if (down_now(fault)) {
            note(fault, len);
            return 0;
        }
        break;
    case LINK_FAULT_TRICKLE:
        if (direction == UP)
            break;
        trickle(fault, data, len);
        return 0;
    }
    return pass(fault, direction, data, len, error);
}

static int on_send(struct link *link, const void *data, size_t len, struct error *error)
{
    struct link_fault *fault = (struct link_fault *)link;
    if (!fault->active)
        return pass(fault, DOWN, data, len, error);
    uint64_t left = fault->spec.from_byte > fault->sent ? fault->spec.from_byte - fault->sent : 0;
    size_t clean = left < len ? (size_t)left : len;
    if (clean && pass(fault, DOWN, data, clean, error))
        return -1;
    fault->sent += len;
    return clean < len ? act(fault, DOWN, (const char *)data + clean, len - clean, error) : 0;
}

static void on_receive(void *arg, const void *data, size_t len, uint64_t t_us)
{
    struct link_fault *fault = arg;
    if (fault->active && fault->sent >= fault->spec.from_byte)
        act(fault, UP, data, len, NULL);
    else
        pass(fault, UP, data, len, NULL);
}

struct link *link_fault_new(struct link *lower, struct loop *loop, struct sink *sink, uint64_t seed)
{
    struct link_fault *fault = mem_alloc(sizeof *fault);
    *fault = (struct link_fault){
        .link = {.send = on_send}, .lower = lower, .loop = loop, .sink = sink, .seed = seed};
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
    fault->sent = fault->hit_bytes = fault->position[UP] = fault->position[DOWN] = 0;
    fault->begin_us = clock_now_us();
    fault->random = fault->seed * 0x9e3779b97f4a7c15u + 0x1234567;
}

void link_fault_clear(struct link *link)
{
    struct link_fault *fault = (struct link_fault *)link;
    if (!fault->active)
        return;
    fault->active = false;
    if (fault->pump)
        loop_timer_set(fault->pump, LOOP_NEVER);
    if (fault->acted)
        event_put_full(fault->sink, EVENT_LINK, "link", names[fault->spec.mode], "lifted",
                       (int64_t)fault->hit_bytes, NULL);
    release(fault, DOWN);
    release(fault, UP);
}

void link_fault_free(struct link *link)
{
    struct link_fault *fault = (struct link_fault *)link;
    if (!fault)
        return;
    fault->lower->receive = NULL;
    loop_remove(fault->pump);
    free(fault->held[UP].data);
    free(fault->held[DOWN].data);
    free(fault);
}
