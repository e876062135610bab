/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/search/windows.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/trail.h"
#include "harness/explore/search/worker.h"

bool windows_same_kind(const struct search *search, uint32_t a, uint32_t b)
{
    const struct verdict *mine = &search->verdicts[search->nodes[a].verdict],
                         *other = &search->verdicts[search->nodes[b].verdict];
    return mine->fails && other->fails && mine->phase == other->phase && mine->clause == other->clause &&
           !strcmp(mine->fail_class, other->fail_class) && search->nodes[a].end == search->nodes[b].end;
}

/* A run that is looked at, operation by operation. */
struct look {
    const struct search *search;
    struct windows *windows;
    struct window *open;
    uint32_t number; /* the failure */
    uint32_t run;
    unsigned torn; /* cuts of a sequence that leads to the run */
    bool resets;
    struct trail trail;
    uint8_t *scratch;
    struct table states; /* of the window that is open */
};

/* ---- what a cut leaves ---- */

/* The node that tells what becomes of it; NODE_NONE: nobody has judged that. */
static uint32_t node_of(const struct look *look, struct sum sum, const uint8_t *nvm, unsigned torn)
{
    const struct search *search = look->search;
    for (unsigned t = 0; t <= torn; t++) {
        uint32_t number = state_find(search, sum, t);
        if (number != STATE_NONE && number < search->done)
            return number;
    }
    return search->merge.on && torn >= search->merge.from ? merge_find(search, sum, nvm, torn) : NODE_NONE;
}

static bool fails(struct look *look, struct sum sum, const uint8_t *nvm, unsigned torn)
{
    uint32_t node = node_of(look, sum, nvm, torn);
    return node != NODE_NONE && windows_same_kind(look->search, look->number, node);
}

/* Resets are named after the run they hit, and behind where that has met another one, after that one. */
static bool reset_fails(struct look *look, uint32_t k)
{
    const struct search *search = look->search;
    const struct node *node = &search->nodes[look->run];
    for (;; k += node->donor_op - node->op_count, node = &search->nodes[node->donor]) {
        struct sum sum = sum_with(sum_with(node->sum, k), MODEL_RESET);
        uint32_t number = state_find(search, sum, look->torn + 1);
        if (number != STATE_NONE && number < search->done)
            return windows_same_kind(search, look->number, number);
        if (k < node->op_count || node->donor == NODE_NONE)
            return false;
    }
}

/* ---- windows ---- */

static void open_window(struct look *look, uint32_t k, bool clean)
{
    struct windows *windows = look->windows;
    if (windows->count == WINDOWS_MAX) {
        windows->left_off++;
        return;
    }
    windows->items = mem_resize(windows->items, windows->count + 1, sizeof *windows->items);
    look->open = &windows->items[windows->count++];
    const struct op *op = search_op(look->search, look->run, k);
    *look->open = (struct window){.run = look->run, .first = k, .resets = look->resets, .first_torn = !clean};
    look->open->first_op = *(op ? op : search_op(look->search, look->run, k - 1));
    table_clear(&look->states);
}

static void take_state(struct look *look, struct sum sum)
{
    look->open->states += table_put(&look->states, sum, 0);
}

/* Right before an operation, or behind the last one (op: NULL). *skip: it is one of a window that is left
 * off. */
static void take_clean(struct look *look, uint32_t k, const struct op *op, bool bad, struct sum sum,
                       bool *skip)
{
    if (!bad) {
        look->open = NULL;
        *skip = false;
        return;
    }
    if (!look->open && !*skip)
        open_window(look, k, true);
    *skip = !look->open;
    if (!look->open)
        return;
    look->open->last_torn = false;
    look->open->behind = !op;
    look->open->last = k;
    look->open->last_op = *(op ? op : search_op(look->search, look->run, k - 1));
    take_state(look, sum);
}

static void take_torn(struct look *look, uint32_t k, const struct op *op, struct sum sum, bool *skip)
{
    if (!look->open && !*skip)
        open_window(look, k, false);
    *skip = !look->open;
    if (!look->open)
        return;
    look->open->last_torn = true;
    look->open->last = k;
    look->open->last_op = *op;
    take_state(look, sum);
}

static void tear(struct look *look, uint32_t k, const struct op *op, bool *skip)
{
    const struct search *search = look->search;
    uint8_t *image = look->trail.image;
    if (look->torn >= search_odd_cuts(search) || !search->options.torn || op->kind == TWIN_NVM_ERASE_ALL)
        return;
    size_t begin = machine_offset(search->spec, op->address) & ~(size_t)3;
    size_t len = op->kind == TWIN_NVM_WRITE ? 4 : op->value;
    struct sum rest = sum_xor(look->trail.sum, sum_span(image, begin, len));
    memcpy(look->scratch, image + begin, len);
    for (enum torn_model model = TORN_ONE_BIT; model < TORN_MODELS; model++) {
        if (!candidate_tears(search, op, model))
            continue;
        apply_torn(search->spec, image, op, model, search->options.seed);
        struct sum sum = sum_xor(rest, sum_span(image, begin, len));
        if (!sum_equal(sum, look->trail.sum) && fails(look, sum, image, look->torn + 1))
            take_torn(look, k, op, sum, skip);
        memcpy(image + begin, look->scratch, len);
    }
}

static void look_at_run(struct look *look)
{
    const struct search *search = look->search;
    struct state state = state_at(search, look->run);
    uint32_t first = search_cut_first(search, look->run);
    bool skip = false;
    look->torn = state.torn;
    look->open = NULL;
    trail_go(&look->trail, &state);
    for (uint32_t k = 0; first != UINT32_MAX; k++) {
        const struct op *op = search_op(search, look->run, k);
        struct sum sum = look->trail.sum;
        bool bad = k && k >= first &&
                   (look->resets ? reset_fails(look, k) : fails(look, sum, look->trail.image, look->torn));
        if (k || !op)
            take_clean(look, k, op, bad, look->resets ? sum_with(sum, k) : sum, &skip);
        if (!op)
            return;
        if (k >= first && !look->resets)
            tear(look, k, op, &skip);
        trail_apply(&look->trail, op);
    }
}

/* ---- runs ---- */

static void look_at(struct look *look, uint32_t run, size_t *runs, struct table *known)
{
    if (!table_put(known, (struct sum){run, look->resets}, 0))
        return;
    look->run = run;
    if (++*runs > WINDOWS_RUNS_MAX)
        look->windows->left_off++;
    else
        look_at_run(look);
}

void windows_find(struct windows *windows, const struct search *search, uint32_t number)
{
    const struct node *wanted = &search->nodes[number];
    struct look *look = mem_alloc(sizeof *look);
    struct table known = {0};
    size_t runs = 0;
    *windows = (struct windows){0};
    *look = (struct look){.search = search, .windows = windows, .number = number};
    trail_init(&look->trail, search);
    trail_reset(&look->trail);
    look->scratch = mem_alloc(search->spec->nvm_size);
    look->resets = wanted->model == MODEL_RESET;
    if (wanted->depth && wanted->model != MODEL_ROT)
        look_at(look, wanted->parent, &runs, &known);
    for (uint32_t i = 0; i < search->done && wanted->depth; i++) {
        const struct node *node = &search->nodes[i];
        if (node->depth != wanted->depth || node->model == MODEL_ROT || !windows_same_kind(search, number, i))
            continue; /* a flipped bit is no operation of the parent's run */
        look->resets = node->model == MODEL_RESET;
        look_at(look, node->parent, &runs, &known);
    }
    trail_release(&look->trail);
    table_free(&look->states);
    table_free(&known);
    free(look->scratch);
    free(look);
}
