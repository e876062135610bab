/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/search/trail.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/engine/rot.h"

void trail_init(struct trail *trail, const struct search *search)
{
    *trail = (struct trail){.search = search};
    trail->image = mem_alloc(search->spec->nvm_size);
    trail->dirty = mem_alloc((search->spec->nvm_size >> 12) + 1);
    trail->page_sums = mem_array((search->spec->nvm_size >> 12) + 1, sizeof *trail->page_sums);
}

void trail_release(struct trail *trail)
{
    free(trail->image);
    free(trail->dirty);
    free(trail->page_sums);
    free(trail->undo);
    free(trail->marks);
}

void trail_reset(struct trail *trail)
{
    size_t size = trail->search->spec->nvm_size;
    memcpy(trail->image, trail->search->root, size);
    memset(trail->dirty, 1, (size >> 12) + 1);
    trail->sum = (struct sum){0, 0};
    for (size_t page = 0; page << 12 < (size & ~(size_t)3); page++) {
        size_t at = page << 12, left = (size & ~(size_t)3) - at;
        trail->page_sums[page] = sum_span(trail->image, at, left < 4096 ? left : 4096);
        trail->sum = sum_xor(trail->sum, trail->page_sums[page]);
    }
    trail->step_count = 0;
    trail->undo_count = trail->mark_count = 0;
}

static void change_word(struct trail *trail, uint32_t word, uint32_t before, uint32_t value)
{
    struct sum sum = sum_xor(sum_word(word, before), sum_word(word, value));
    trail->sum = sum_xor(trail->sum, sum);
    trail->page_sums[word >> 10] = sum_xor(trail->page_sums[word >> 10], sum);
    trail->dirty[word >> 10] = 1;
}

static void put_word(struct trail *trail, uint32_t word, uint32_t value)
{
    uint8_t *at = trail->image + 4 * (size_t)word;
    uint32_t before;
    memcpy(&before, at, 4);
    if (before == value)
        return;
    if (trail->undo_count == trail->undo_room) {
        trail->undo_room = trail->undo_room ? trail->undo_room * 2 : 4096;
        trail->undo = mem_resize(trail->undo, trail->undo_room, sizeof *trail->undo);
    }
    trail->undo[trail->undo_count++] = (struct trail_undo){word, before};
    change_word(trail, word, before, value);
    memcpy(at, &value, 4);
}

void trail_back(struct trail *trail, size_t undo_count)
{
    while (trail->undo_count > undo_count) {
        struct trail_undo undo = trail->undo[--trail->undo_count];
        uint8_t *at = trail->image + 4 * (size_t)undo.word;
        uint32_t now;
        memcpy(&now, at, 4);
        change_word(trail, undo.word, now, undo.value);
        memcpy(at, &undo.value, 4);
    }
}

/* ---- operations ---- */

static void put_bytes(struct trail *trail, size_t offset, const uint8_t *bytes, size_t len)
{
    for (size_t at = offset & ~(size_t)3; at < offset + len; at += 4) {
        uint32_t value;
        memcpy(&value, trail->image + at, 4);
        for (size_t i = 0; i < 4; i++)
            if (at + i >= offset && at + i < offset + len)
                ((uint8_t *)&value)[i] = bytes[at + i - offset];
        put_word(trail, (uint32_t)(at / 4), value);
    }
}

static size_t span_of(const struct trail *trail, const struct op *op, size_t *offset)
{
    bool all = op->kind == TWIN_NVM_ERASE_ALL;
    *offset = all ? 0 : machine_offset(trail->search->spec, op->address);
    return all                          ? trail->search->spec->nvm_size & ~(size_t)3
           : op->kind == TWIN_NVM_WRITE ? op->len
                                        : op->value;
}

/* `change` works on the whole image: what it did is found, put back, and done in a way that can be undone. */
static void change(struct trail *trail, const struct op *op, unsigned model)
{
    size_t offset, len = span_of(trail, op, &offset);
    uint8_t *before = mem_copy(trail->image + offset, len);
    if (model)
        apply_torn(trail->search->spec, trail->image, op, (enum torn_model)model,
                   trail->search->options.seed);
    else
        apply_op(trail->search->spec, trail->image, op);
    uint8_t *after = mem_copy(trail->image + offset, len);
    memcpy(trail->image + offset, before, len);
    put_bytes(trail, offset, after, len);
    free(before);
    free(after);
}

void trail_apply(struct trail *trail, const struct op *op)
{
    size_t offset, len = span_of(trail, op, &offset);
    if (op->kind == TWIN_NVM_WRITE) {
        put_bytes(trail, offset, (const uint8_t *)&op->value, op->len);
    } else if (op->kind == TWIN_NVM_ERASE_PAGE && op->to_ppm == TWIN_WHOLE_PPM && !((offset | len) & 3)) {
        for (size_t at = offset; at < offset + len; at += 4)
            put_word(trail, (uint32_t)(at / 4), UINT32_MAX);
    } else {
        change(trail, op, 0);
    }
}

bool trail_after_erase(const struct trail *trail, const struct op *op, struct sum *sum)
{
    size_t offset, len = span_of(trail, op, &offset), page = offset >> 12;
    if (op->kind != TWIN_NVM_ERASE_PAGE || op->to_ppm != TWIN_WHOLE_PPM || ((offset | len) & 3))
        return false;
    *sum = trail->sum;
    if ((offset | len) & 4095)
        *sum = sum_xor(*sum, sum_span(trail->image, offset, len));
    else
        for (; page < (offset + len) >> 12; page++)
            *sum = sum_xor(*sum, trail->page_sums[page]);
    return true;
}

void trail_set(struct trail *trail, const uint8_t *image)
{
    for (size_t at = 0; at + 4 <= trail->search->spec->nvm_size; at += 4) {
        uint32_t value;
        memcpy(&value, image + at, 4);
        put_word(trail, (uint32_t)(at / 4), value);
    }
}

static void disturb(struct trail *trail, const struct trail_step *step)
{
    if (step->model == MODEL_ROT) {
        uint32_t word;
        memcpy(&word, trail->image + rot_word(step->op), 4);
        put_word(trail, (uint32_t)(rot_word(step->op) / 4), word ^ rot_mask(step->op));
    } else if (model_is_tear(step->model)) {
        change(trail, search_op(trail->search, step->run, step->op), step->model);
    }
}

/* ---- the path ---- */

static void run_ops(struct trail *trail, struct trail_step *step, uint32_t from, uint32_t to)
{
    size_t count = step->mark + to;
    if (count > trail->mark_room) {
        trail->mark_room = count + count / 2;
        trail->marks = mem_resize(trail->marks, trail->mark_room, sizeof *trail->marks);
    }
    for (uint32_t op = from; op < to; op++) {
        trail->marks[step->mark + op] = (uint32_t)trail->undo_count;
        trail_apply(trail, search_op(trail->search, step->run, op));
    }
    trail->mark_count = count;
    step->undo_model = trail->undo_count;
}

/* The step that is there goes on to a later operation of the same run, or back to an earlier one; false: it
 * cannot. */
static bool go_on(struct trail *trail, struct trail_step *step, const struct trail_step *wanted)
{
    if (step->run != wanted->run || step->model == MODEL_ROT || wanted->model == MODEL_ROT)
        return false;
    trail_back(trail, wanted->op < step->op ? trail->marks[step->mark + wanted->op] : step->undo_model);
    run_ops(trail, step, wanted->op < step->op ? wanted->op : step->op, wanted->op);
    step->op = wanted->op;
    step->model = wanted->model;
    disturb(trail, step);
    return true;
}

static void begin(struct trail *trail, struct trail_step *step, const struct trail_step *wanted)
{
    *step = *wanted;
    step->undo = step->undo_model = trail->undo_count;
    step->mark = trail->mark_count;
    if (step->model != MODEL_ROT)
        run_ops(trail, step, 0, step->op);
    disturb(trail, step);
}

static void end(struct trail *trail, const struct trail_step *step)
{
    trail_back(trail, step->undo);
    trail->mark_count = step->mark;
}

static bool same(const struct trail_step *a, const struct trail_step *b)
{
    return a->run == b->run && a->op == b->op && a->model == b->model;
}

/* The path to a state, first cut first; a reset leads to the memory that its parent's run began with. */
static unsigned path_to(const struct search *search, const struct state *state, struct trail_step *steps)
{
    unsigned count = 0;
    struct state at = *state;
    while (at.parent != NODE_NONE) {
        if (at.model != MODEL_RESET)
            steps[count++] = (struct trail_step){.run = at.parent, .op = at.op, .model = at.model};
        at = state_at(search, at.parent);
    }
    for (unsigned i = 0; i < count / 2; i++) {
        struct trail_step other = steps[i];
        steps[i] = steps[count - 1 - i];
        steps[count - 1 - i] = other;
    }
    return count;
}

void trail_go(struct trail *trail, const struct state *state)
{
    struct trail_step wanted[DEPTH_MAX + 1];
    unsigned count = path_to(trail->search, state, wanted), i = 0;
    while (i < count && i < trail->step_count && same(&wanted[i], &trail->steps[i]))
        i++;
    if (i < trail->step_count) {
        /* what lies above the step that differs goes first */
        size_t undo = i + 1 < trail->step_count ? trail->steps[i + 1].undo : trail->undo_count;
        trail_back(trail, undo);
        trail->step_count = i + 1;
        trail->mark_count =
            trail->steps[i].mark + (trail->steps[i].model == MODEL_ROT ? 0 : trail->steps[i].op);
        if (i < count && go_on(trail, &trail->steps[i], &wanted[i]))
            i++;
        else
            end(trail, &trail->steps[i]);
        trail->step_count = i;
    }
    for (; i < count; i++)
        begin(trail, &trail->steps[i], &wanted[i]);
    trail->step_count = count;
}
