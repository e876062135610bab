/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A batch of new states in the search by classes: which one stands for whom, and what cuts in its boot leave.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/merge_parts.h"

/* ---- one state that goes further ---- */

void merge_hand_over(struct worker *worker, struct result *result)
{
    struct merge_walk *walk = &worker->walk;
    result->children = walk->count ? mem_copy(walk->children, walk->count * sizeof *walk->children) : NULL;
    result->child_count = walk->count;
    result->incomplete = walk->incomplete;
}

void merge_walk_ops(struct worker *worker, const struct node *node, uint32_t run, uint32_t count)
{
    uint32_t mine = node->answered || node->donor == NODE_NONE ? UINT32_MAX : node->op_count;
    const struct search *search = worker->search;
    struct trail *trail = &worker->trail;
    struct cursor at = cursor_at(search, run);
    uint32_t cut_first = search->nodes[run].log->cut_first;
    struct moment moment = {
        .nvm = trail->image, .sum = trail->sum, .before = trail->sum, .cut_first = cut_first};
    worker->merging = true;
    if (worker->collect)
        candidate_rot(worker, &moment);
    for (uint32_t k = 0; k < count; k++, cursor_next(&at)) {
        const struct op *op = cursor_op(&at);
        moment.k = k;
        worker->walk.foreign = k >= mine;
        if (worker->collect && cut_first <= k)
            candidate_op(worker, &moment, op);
        merge_walk_op(worker, op);
        moment.before = moment.sum;
        trail_apply(trail, op);
        moment.sum = trail->sum;
    }
    worker->walk.foreign = count >= mine;
    if (worker->collect && cut_first != UINT32_MAX && count && count == search->nodes[run].log->all_ops)
        candidate_put(worker, trail->sum, trail->image, count, TORN_CLEAN);
    worker->merging = false;
}

static void begin_own(struct worker *worker, uint32_t number, bool collect, struct result *result)
{
    worker->result = result;
    worker->number = number;
    worker->collect = collect;
    worker->candidate_room = worker->own_room = 0;
    candidate_begin(worker);
}

static void walk_item(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    struct round *round = arg;
    struct item *item = &round->items[i];
    struct result *result = &batch->results[i];
    const struct search *search = batch->search;
    uint32_t number = batch_number(batch, i);
    bool collect = search_is_cut(search, state_at(search, number).depth);
    if (result->wrong || item->run == TREE_NONE)
        return;
    if (item->own)
        begin_own(worker, number, collect, result);
    else
        worker_begin(worker, number, collect, result);
    struct node *node = &result->node;
    result->judgement = TABLE_NONE;
    node->alias = item->alias;
    node->merged = item->alias != NODE_NONE;
    if (!item->own)
        answer_fill(search, node, item->run);
    if (node->merged)
        return;
    if ((result->wrong = worker_go(worker, number)))
        return;
    size_t undo = worker->trail.undo_count;
    merge_walk_begin(worker, merge_slot(search, item->run, node->torn));
    merge_walk_ops(worker, node, item->run, item->own ? node->log->all_ops : node->op_count);
    merge_hand_over(worker, result);
    result->judgement = answer_judgement(search, node, worker->trail.image);
    if (!item->own) {
        node->final = worker->trail.sum;
        item->judged = sum_equal(node->final, search->nodes[item->run].final);
    }
    if (!item->judged)
        item->judged = result->has_verdict =
            answer_verdict(search, node, node->final, worker->trail.image, &result->verdict, &item->place);
    trail_back(&worker->trail, undo);
    item->walked = true;
}

/* Those whose ends were judged only now. */
static void find_judgement(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    struct round *round = arg;
    const struct item *item = &round->items[i];
    struct result *result = &batch->results[i];
    if (!item->walked || !item->judged || result->wrong || item->alias != NODE_NONE ||
        result->judgement != TABLE_NONE)
        return;
    size_t undo = answer_go_to_end(batch, worker, item, i);
    if (result->wrong)
        return;
    result->judgement = answer_judgement(batch->search, &result->node, worker->trail.image);
    trail_back(&worker->trail, undo);
}

/* ---- classes ---- */

static void find_keys(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    struct round *round = arg;
    struct item *item = &round->items[i];
    const struct search *search = batch->search;
    struct state state = state_at(search, batch_number(batch, i));
    if (item->run == TREE_NONE || batch->results[i].wrong)
        return;
    if ((batch->results[i].wrong = worker_go(worker, batch_number(batch, i))))
        return;
    for (unsigned t = merge_first_torn(search, state.torn); t <= search->merge.most; t++)
        item->keys[t] = merge_key(search, merge_slot(search, item->run, t), worker->trail.image);
}

uint32_t merge_take_class(struct search *search, uint32_t number, unsigned torn, const struct sum *keys)
{
    unsigned first = merge_first_torn(search, torn);
    uint32_t alias = torn < search->merge.from ? TABLE_NONE : table_find(&search->merge.classes, keys[first]);
    if (alias != TABLE_NONE && alias != number)
        return alias;
    for (unsigned t = first; t <= search->merge.most; t++)
        table_put(&search->merge.classes, keys[t], number);
    return NODE_NONE;
}

void merge_batch(struct batch *batch, struct round *round)
{
    batch_for_each(batch, batch->count, batch_chunk(batch), find_keys, round);
    for (uint32_t i = 0; i < batch->count && !search_is_late(batch->search); i++) {
        struct item *item = &round->items[i];
        uint32_t number = batch_number(batch, i);
        if (item->run == TREE_NONE || batch->results[i].wrong)
            continue;
        item->alias =
            merge_take_class(batch->search, number, state_at(batch->search, number).torn, item->keys);
        if (item->alias != NODE_NONE)
            item->walked = item->judged = true;
        else
            item->walked = false;
    }
    batch_for_each(batch, batch->count, batch_chunk(batch), walk_item, round);
    answer_judge_ends(batch, round);
    batch_for_each(batch, batch->count, batch_chunk(batch), find_judgement, round);
}
