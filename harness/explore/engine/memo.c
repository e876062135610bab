/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/engine/memo.h"

#include <stdlib.h>

#include "harness/base/mem.h"
#include "harness/explore/engine/judge.h"
#include "harness/explore/soundness.h"
#include "harness/explore/engine/table.h"

/* About 20 MB a worker; what comes later is judged to its end, or meets what is here. */
#define POINTS_MAX (1u << 18)
#define NO_CYCLE UINT32_MAX

/* A moment right after an operation (or the begin of boots: NO_CYCLE) and what came of it. */
struct passed {
    struct sum key;
    uint32_t cycle, resets; /* of this judgement; resets so far */
    uint64_t ns;            /* since its power-up */
};
struct cycle {
    uint64_t ns;
    uint32_t resets;
    bool limited; /* a limit of the scenario ended it: soundness.h, 2 */
};
struct point {
    uint32_t verdict, resets; /* resets and time still to come in its cycle */
    uint64_t ns;
};

struct memo {
    const uint8_t *trailer;
    struct table known; /* to points */
    struct point *points;
    size_t point_count, point_room;
    struct verdict *verdicts;
    size_t verdict_count, verdict_room;
    /* the judgement under way */
    struct machine *machine;
    struct machine_hooks hooks; /* those of the machine before */
    struct passed *passed;
    size_t passed_count, passed_room;
    struct cycle *cycles;
    size_t cycle_count, cycle_room;
    struct sum place;
    bool text;
    size_t first_cycle; /* of these boots */
    uint32_t met;       /* verdict; TABLE_NONE */
    struct point at;    /* where in a cycle */
};

struct memo *memo_new(const uint8_t *trailer)
{
    struct memo *memo = mem_alloc(sizeof *memo);
    memo->trailer = trailer;
    return memo;
}

void memo_free(struct memo *memo)
{
    if (!memo)
        return;
    table_free(&memo->known);
    free(memo->points);
    free(memo->verdicts);
    free(memo->passed);
    free(memo->cycles);
    free(memo);
}

/* Room for one more. */
static void *room(void *items, size_t count, size_t *have, size_t size)
{
    if (count < *have)
        return items;
    *have = *have ? *have * 2 : 64;
    return mem_resize(items, *have, size);
}

static void pass(struct memo *memo, struct sum key, uint32_t cycle)
{
    const struct machine *machine = memo->machine;
    memo->passed = room(memo->passed, memo->passed_count, &memo->passed_room, sizeof *memo->passed);
    memo->passed[memo->passed_count++] =
        (struct passed){key, cycle, machine->resets, twin_now_ns(machine->twin) - machine->begin_ns};
}

/* ---- hooks of the machine ---- */

static bool on_op(void *arg, struct machine *machine, const struct twin_nvm_op *op)
{
    const struct memo *memo = arg;
    size_t k = machine->op_count;
    return !memo->text && (k == 0 || op->kind != TWIN_NVM_WRITE || k % POINT_EVERY == POINT_EVERY - 1 ||
                           memo->trailer[machine_offset(machine->spec, op->address) >> TRAILER_SHIFT]);
}

static bool fits(const struct machine *machine, const struct point *point)
{
    return machine->resets + point->resets <= machine->spec->resets &&
           twin_now_ns(machine->twin) - machine->begin_ns + point->ns < machine->spec->total_ns;
}

static bool on_point(void *arg, struct machine *machine)
{
    struct memo *memo = arg;
    struct sum key = sum_with(machine_digest(machine), memo->place.low ^ memo->place.high);
    key = sum_with(key, memo->cycle_count - memo->first_cycle);
    uint32_t at = table_find(&memo->known, key);
    if (at != TABLE_NONE && fits(machine, &memo->points[at])) {
        memo->at = memo->points[at];
        memo->met = memo->at.verdict;
        return true;
    }
    pass(memo, key, (uint32_t)memo->cycle_count);
    return false;
}

static void on_cycle(void *arg, struct machine *machine)
{
    struct memo *memo = arg;
    memo->cycles = room(memo->cycles, memo->cycle_count, &memo->cycle_room, sizeof *memo->cycles);
    struct cycle cycle = {machine->end_ns - machine->begin_ns, machine->resets,
                          machine->end == END_RESETS || machine->end == END_TOTAL};
    if (machine->end == END_POINT) { /* as it would have gone on */
        cycle.ns += memo->at.ns;
        cycle.resets += memo->at.resets;
    }
    memo->cycles[memo->cycle_count++] = cycle;
}

/* ---- a judgement ---- */

void memo_begin(struct memo *memo, struct machine *machine)
{
    memo->machine = machine;
    memo->hooks = machine->hooks;
    machine->hooks = (struct machine_hooks){on_op, on_point, on_cycle, memo};
    memo->passed_count = memo->cycle_count = 0;
    memo->met = TABLE_NONE;
}

static void learn(struct memo *memo, const struct passed *passed, uint32_t verdict)
{
    struct point point = {.verdict = verdict};
    if (passed->cycle != NO_CYCLE) {
        if (memo->cycles[passed->cycle].limited)
            return;
        point.resets = memo->cycles[passed->cycle].resets - passed->resets;
        point.ns = memo->cycles[passed->cycle].ns - passed->ns;
    }
    if (memo->point_count == POINTS_MAX || !table_put(&memo->known, passed->key, (uint32_t)memo->point_count))
        return;
    memo->points = room(memo->points, memo->point_count, &memo->point_room, sizeof *memo->points);
    memo->points[memo->point_count++] = point;
}

void memo_end(struct memo *memo, const struct verdict *verdict)
{
    memo->machine->hooks = memo->hooks;
    uint32_t number = memo->met;
    if (number == TABLE_NONE && memo->passed_count) {
        memo->verdicts =
            room(memo->verdicts, memo->verdict_count, &memo->verdict_room, sizeof *memo->verdicts);
        number = (uint32_t)memo->verdict_count++;
        memo->verdicts[number] = *verdict;
    }
    for (size_t i = 0; i < memo->passed_count; i++)
        learn(memo, &memo->passed[i], number);
}

const struct verdict *memo_boots(struct memo *memo, struct sum place, bool text)
{
    memo->place = place;
    memo->text = text;
    memo->first_cycle = memo->cycle_count;
    struct sum key = sum_with(sum_with(memo->machine->sum, place.low), place.high);
    uint32_t at = table_find(&memo->known, key);
    if (at != TABLE_NONE)
        memo->met = memo->points[at].verdict;
    else
        pass(memo, key, NO_CYCLE);
    return memo_met(memo);
}

const struct verdict *memo_met(const struct memo *memo)
{
    return memo->met == TABLE_NONE ? NULL : &memo->verdicts[memo->met];
}
