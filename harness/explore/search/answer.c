/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers for states out of runs that are known (soundness.h). A batch goes in rounds: all its states are
 * looked up; of those that nobody knows, the first of each place in the tree where look-ups end is run (no
 * two of them can be the same); what they read is learnt, and the rest is looked up again. So a run is made
 * once, the one who makes it comes before all whom it answers for, and nothing depends on the number of
 * workers. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/answer.h"

/* Runs of a round cannot meet each other: few at first, so that those of the next ones have somebody to meet.
 */
#define ROUND_FIRST 4
#define ROUND_MOST 256

/* ---- runs ---- */

uint32_t batch_number(const struct batch *batch, uint32_t i)
{
    return batch->numbers ? batch->numbers[i] : batch->first + i;
}

static void look_up(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    struct round *round = arg;
    struct item *item = &round->items[i];
    if (item->run != TREE_NONE || batch->results[i].wrong)
        return;
    batch->results[i].wrong = worker_go(worker, batch_number(batch, i));
    if (!batch->results[i].wrong)
        item->run = tree_find(&batch->search->runs, worker->trail.image, &item->place);
}

static void run_picked(struct batch *batch, struct worker *worker, uint32_t k, void *arg)
{
    struct round *round = arg;
    uint32_t i = round->picked[k];
    worker_node(worker, batch_number(batch, i), batch->collect && !batch->merging, STRATEGY_READS,
                &batch->results[i]);
    round->items[i].own = !worker->machine->abandoned;
}

/* The first item of each place among those that `wanted` is true of. */
static uint32_t pick(const struct batch *batch, struct round *round, bool (*wanted)(const struct item *))
{
    struct table places = {0};
    round->count = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct item *item = &round->items[i];
        const struct node *node = &batch->results[i].node;
        if (batch->results[i].wrong || !wanted(item) || round->count == round->most)
            continue;
        struct sum key = sum_with((struct sum){item->place.node, item->place.read}, item->place.value);
        if (item->run != TREE_NONE)
            key = sum_with(sum_with(key, node->end), node->end_pc);
        if (table_put(&places, key, i))
            round->picked[round->count++] = i;
    }
    table_free(&places);
    return round->count;
}

static bool is_unknown(const struct item *item)
{
    return item->run == TREE_NONE;
}

static bool goes_on(const struct batch *batch)
{
    return !batch->search->contradiction && !search_is_late(batch->search);
}

void answer_find_runs(struct batch *batch, struct round *round)
{
    struct search *search = batch->search;
    for (round->most = ROUND_FIRST;; round->most *= round->most < ROUND_MOST ? 2 : 1) {
        batch_for_each(batch, batch->count, batch_chunk(batch), look_up, round);
        if (!goes_on(batch) || !pick(batch, round, is_unknown))
            return;
        batch_for_each(batch, round->count, 1, run_picked, round);
        for (uint32_t k = 0; k < round->count; k++) {
            uint32_t i = round->picked[k];
            struct item *item = &round->items[i];
            if (!item->own || batch->results[i].wrong)
                continue;
            item->run = batch_number(batch, i);
            item->walked = item->judged = true;
            answer_learn_run(search, item->run, &batch->results[i]);
            if (batch->merging)
                run_log_shrink(batch->results[i].node.log);
            else
                search_take_points(search, &batch->results[i]);
            if (batch->results[i].has_verdict)
                answer_learn_verdict(search, &batch->results[i]);
        }
    }
}

/* ---- what cuts in an answered run leave ---- */

static void find_leads(struct batch *batch, struct round *round)
{
    struct search *search = batch->search;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct item *item = &round->items[i];
        unsigned torn = state_at(search, batch_number(batch, i)).torn;
        bool led = item->own || item->run == TREE_NONE;
        for (unsigned t = 0; t <= torn && !led; t++)
            led = table_find(&search->leads, answer_lead_key(item->run, t)) != TABLE_NONE;
        if (led)
            continue;
        item->lead = true;
        table_put(&search->leads, answer_lead_key(item->run, torn), batch_number(batch, i));
    }
}

static void cursor_settle(struct cursor *cursor)
{
    while (cursor->op >= cursor->node->op_count && cursor->node->donor != NODE_NONE) {
        cursor->op += cursor->node->donor_op - cursor->node->op_count;
        cursor->node = &cursor->search->nodes[cursor->node->donor];
    }
}

struct cursor cursor_at(const struct search *search, uint32_t run)
{
    struct cursor cursor = {search, &search->nodes[run], 0};
    cursor_settle(&cursor);
    return cursor;
}

void cursor_next(struct cursor *cursor)
{
    cursor->op++;
    cursor_settle(cursor);
}

const struct op *cursor_op(const struct cursor *cursor)
{
    return &cursor->node->ops[cursor->op];
}

struct walk {
    struct cursor at;
    uint32_t run;
    const struct run_log *log;
    uint32_t leads[MERGE_TORN_MAX + 1]; /* nodes that were there before */
    unsigned lead_count;
};

/* `number`: the state that is walked. A lead of this batch that is taken after it has no verdict yet. */
static void begin_walk(const struct batch *batch, const struct item *item, uint32_t number, unsigned torn,
                       struct walk *walk)
{
    const struct search *search = batch->search;
    walk->at = cursor_at(search, item->run);
    walk->run = item->run;
    walk->log = search->nodes[item->run].log;
    walk->lead_count = 0;
    for (unsigned t = 0; t <= torn && !item->lead; t++) {
        uint32_t lead = table_find(&search->leads, answer_lead_key(item->run, t));
        if (lead != TABLE_NONE && (lead < number || lead < search->done))
            walk->leads[walk->lead_count++] = lead;
    }
}

/* The node whose memory is the same after the operation under the cursor; NODE_NONE. */
static uint32_t met(const struct walk *walk, uint32_t op, struct sum sum)
{
    const struct sum *runs = &walk->at.node->log->sums[walk->at.op];
    for (unsigned i = 0; i < walk->lead_count; i++) {
        uint32_t lead = walk->leads[i];
        const struct run_log *log = walk->at.search->nodes[lead].log;
        if (sum_equal(lead != walk->run && op < log->sum_count ? log->sums[op] : *runs, sum))
            return lead;
    }
    return NODE_NONE;
}

/* Does the run's operations to the memory of this state, as far as nobody else has come by. */
static void walk_run(struct worker *worker, struct walk *walk, struct node *node)
{
    struct trail *trail = &worker->trail;
    uint32_t count = walk->log->all_ops, cut_first = walk->log->cut_first;
    struct moment at = {.nvm = trail->image, .sum = trail->sum, .before = trail->sum, .cut_first = cut_first};
    bool same = false; /* as the run itself */
    if (worker->collect)
        candidate_rot(worker, &at);
    for (uint32_t k = 0; k < count; k++, cursor_next(&walk->at)) {
        const struct op *op = cursor_op(&walk->at);
        at.k = k;
        if (worker->collect && cut_first <= k)
            candidate_op(worker, &at, op);
        at.before = at.sum;
        /* most meet somebody right behind their first erase: large sectors need not be erased for that */
        uint32_t other = trail_after_erase(trail, op, &at.sum) ? met(walk, k, at.sum) : NODE_NONE;
        if (other == NODE_NONE) {
            trail_apply(trail, op);
            at.sum = trail->sum;
            other = met(walk, k, at.sum);
        }
        same |= sum_equal(at.sum, walk->at.node->log->sums[walk->at.op]);
        if (node->log && !same)
            node->log->sums[node->log->sum_count++] = at.sum;
        if (other == NODE_NONE)
            continue;
        node->donor = other;
        node->op_count = node->donor_op = k + 1;
        at.k = k + 1;
        cursor_next(&walk->at);
        if (worker->collect && cut_first <= k + 1 && k + 1 < count)
            candidate_met(worker, &at, cursor_op(&walk->at));
        return;
    }
    if (worker->collect && cut_first != UINT32_MAX && count)
        candidate_put(worker, trail->sum, trail->image, count, TORN_CLEAN);
}

void answer_fill(const struct search *search, struct node *node, uint32_t number)
{
    const struct node *run = &search->nodes[number];
    node->answered = true;
    node->donor = number;
    node->op_count = run->log->all_ops;
    node->end = run->end;
    node->end_pc = run->end_pc;
    node->resets = run->resets;
    node->looks = run->looks;
    node->ns = run->ns;
}

static void answer(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    struct round *round = arg;
    struct item *item = &round->items[i];
    struct result *result = &batch->results[i];
    struct walk walk;
    if (item->walked || item->run == TREE_NONE || result->wrong)
        return;
    worker_begin(worker, batch_number(batch, i), batch->collect, result);
    if ((result->wrong = worker_go(worker, batch_number(batch, i))))
        return;
    begin_walk(batch, item, batch_number(batch, i), result->node.torn, &walk);
    const struct node *run = &batch->search->nodes[item->run];
    struct node *node = &result->node;
    answer_fill(batch->search, node, item->run);
    if (item->lead) {
        node->log = mem_alloc(sizeof *node->log);
        node->log->sums = mem_array(node->op_count + 1u, sizeof *node->log->sums);
    }
    size_t undo = worker->trail.undo_count;
    walk_run(worker, &walk, node);
    if (node->log)
        node->log->sums = mem_resize(node->log->sums, node->log->sum_count + 1u, sizeof *node->log->sums);
    /* at its end the walk either has met a lead or is the state's own */
    node->final = node->donor_op ? batch->search->nodes[node->donor].final : worker->trail.sum;
    item->judged = node->donor_op || sum_equal(node->final, run->final);
    if (!item->judged)
        item->judged = result->has_verdict = answer_verdict(
            batch->search, node, node->final, worker->trail.image, &result->verdict, &item->place);
    trail_back(&worker->trail, undo);
    item->walked = true;
}

/* Others look at what a lead leaves. */
static void take_leads(struct batch *batch, const struct round *round)
{
    for (uint32_t i = 0; i < batch->count; i++)
        if (round->items[i].lead && round->items[i].walked)
            batch->search->nodes[batch_number(batch, i)] = batch->results[i].node;
}

static void answer_leads(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    const struct round *round = arg;
    if (round->items[i].lead)
        answer(batch, worker, i, arg);
}

/* ---- ends that nobody has judged ---- */

/* The memory that the whole run of an answered state leaves; what trail_back undoes. */
size_t answer_go_to_end(struct batch *batch, struct worker *worker, const struct item *item, uint32_t i)
{
    struct cursor at = cursor_at(batch->search, item->run);
    size_t undo = worker->trail.undo_count;
    if ((batch->results[i].wrong = worker_go(worker, batch_number(batch, i))))
        return undo;
    undo = worker->trail.undo_count;
    uint32_t count = batch->search->nodes[item->run].log->all_ops;
    for (uint32_t k = 0; k < count; k++, cursor_next(&at))
        trail_apply(&worker->trail, cursor_op(&at));
    return undo;
}

static bool is_unjudged(const struct item *item)
{
    return item->walked && !item->judged;
}

static void judge_picked(struct batch *batch, struct worker *worker, uint32_t k, void *arg)
{
    struct round *round = arg;
    uint32_t i = round->picked[k];
    struct item *item = &round->items[i];
    size_t undo = answer_go_to_end(batch, worker, item, i);
    if (batch->results[i].wrong)
        return;
    worker_load_trail(worker);
    trail_back(&worker->trail, undo);
    worker_judge_reads(worker, &batch->results[i]);
    item->judged = !worker->machine->abandoned;
}

static void look_up_end(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    struct round *round = arg;
    struct item *item = &round->items[i];
    struct result *result = &batch->results[i];
    if (!is_unjudged(item) || result->wrong)
        return;
    size_t undo = answer_go_to_end(batch, worker, item, i);
    if (result->wrong)
        return;
    item->judged = result->has_verdict = answer_verdict(batch->search, &result->node, worker->trail.sum,
                                                        worker->trail.image, &result->verdict, &item->place);
    trail_back(&worker->trail, undo);
}

void answer_judge_ends(struct batch *batch, struct round *round)
{
    round->most = ROUND_MOST;
    while (goes_on(batch) && pick(batch, round, is_unjudged)) {
        batch_for_each(batch, round->count, 1, judge_picked, round);
        for (uint32_t k = 0; k < round->count; k++)
            if (round->items[round->picked[k]].judged)
                answer_learn_verdict(batch->search, &batch->results[round->picked[k]]);
        batch_for_each(batch, batch->count, batch_chunk(batch), look_up_end, round);
    }
}

/* ---- a batch ---- */

void answer_batch(struct batch *batch, bool *ran)
{
    struct round round = {.items = mem_array(batch->count, sizeof *round.items),
                          .picked = mem_array(batch->count, sizeof *round.picked)};
    for (uint32_t i = 0; i < batch->count; i++) {
        round.items[i].run = TREE_NONE;
        round.items[i].alias = NODE_NONE;
    }
    search_reserve(batch->search, batch->search->done + batch->count);
    answer_find_runs(batch, &round);
    if (batch->merging) {
        merge_batch(batch, &round);
    } else {
        find_leads(batch, &round);
        batch_for_each(batch, batch->count, 1, answer_leads, &round);
        take_leads(batch, &round);
        batch_for_each(batch, batch->count, batch_chunk(batch), answer, &round);
        answer_judge_ends(batch, &round);
    }
    for (uint32_t i = 0; i < batch->count; i++)
        ran[i] = batch->results[i].wrong || (round.items[i].walked && round.items[i].judged);
    free(round.items);
    free(round.picked);
}
