/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers for states out of runs that are known (soundness.h). A batch goes in rounds: all its states are
 * looked up; of those that nobody knows, the first of each place in the tree where look-ups end is run (no
 * two of them can be the same); what they read is learnt, and the rest is looked up again. So a run is made
 * once, the one who makes it comes before all whom it answers for, and nothing depends on the number of
 * workers. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/engine/answer.h"

/* Runs of a round cannot meet each other: few at first, so that those of the next ones have somebody to meet.
 */
#define ROUND_FIRST 4
#define ROUND_MOST 256
#define TREE_SHARE 2 /* of the memory, for the tree of runs */

/* ---- what is known ---- */

static const struct tree *judge_tree(const struct search *search, const struct node *node)
{
    for (size_t i = 0; i < search->judge_tree_count; i++)
        if (search->judge_trees[i].end == node->end && search->judge_trees[i].end_pc == node->end_pc)
            return &search->judge_trees[i].tree;
    return NULL;
}

bool answer_verdict(const struct search *search, const struct node *node, struct sum sum, const uint8_t *nvm,
                    struct verdict *verdict, struct tree_place *place)
{
    uint32_t known = table_find(&search->judged, sum_with(sum_with(sum, node->end), node->end_pc));
    const struct tree *tree = judge_tree(search, node);
    if (place)
        *place = (struct tree_place){0, 0, 0};
    if (known == TABLE_NONE && tree && (known = tree_find(tree, nvm, place)) != TABLE_NONE)
        known = search->judgements[known].verdict;
    if (known == TABLE_NONE)
        return false;
    *verdict = search->verdicts[known];
    return true;
}

uint32_t answer_judgement(const struct search *search, const struct node *node, const uint8_t *nvm)
{
    const struct tree *tree = judge_tree(search, node);
    return tree ? tree_find(tree, nvm, NULL) : TABLE_NONE;
}

static uint32_t add_judgement(struct search *search, const struct result *result, uint32_t verdict)
{
    search->judgements =
        mem_resize(search->judgements, search->judgement_count + 1, sizeof *search->judgements);
    struct judgement *judgement = &search->judgements[search->judgement_count];
    *judgement = (struct judgement){.verdict = verdict};
    if (search->merge.on) {
        judgement->word_count = (uint32_t)result->judge_count;
        judgement->words = mem_array(result->judge_count, sizeof *judgement->words);
        for (size_t i = 0; i < result->judge_count; i++)
            judgement->words[i] = result->judge_reads[i].word;
    }
    return (uint32_t)search->judgement_count++;
}

static void learn_verdict(struct search *search, const struct result *result)
{
    const struct node *node = &result->node;
    uint32_t verdict = search_add_verdict(search, &result->verdict);
    table_put(&search->judged, search_end_key(node), verdict);
    if (!result->judge_count)
        return;
    size_t at = 0;
    while (at < search->judge_tree_count &&
           (search->judge_trees[at].end != node->end || search->judge_trees[at].end_pc != node->end_pc))
        at++;
    if (at == search->judge_tree_count) {
        search->judge_trees = mem_resize(search->judge_trees, at + 1, sizeof *search->judge_trees);
        search->judge_trees[search->judge_tree_count++] =
            (struct judge_tree){.end = node->end, .end_pc = node->end_pc};
    }
    uint32_t mine = add_judgement(search, result, verdict);
    uint32_t leaf = tree_add(&search->judge_trees[at].tree, result->judge_reads, result->judge_count, mine);
    if (leaf == TREE_NONE || search->judgements[leaf].verdict != verdict)
        search->contradiction = "judging was decided by something else than what it has read";
}

/* Nothing that the run took for the same in all states has been written since. */
static bool is_good(const struct search *search, const struct node *node)
{
    for (size_t page = 0; page < search->page_count; page++)
        if (node->log->constant[page] && search->live[page])
            return false;
    return true;
}

static struct sum lead_key(uint32_t run, unsigned torn)
{
    return sum_with((struct sum){run, ~(uint64_t)run}, torn);
}

/* A page is found to be written that runs have read without saying which words: those who did are no good any
 * more, the others are put into a tree anew. */
static void relearn(struct search *search)
{
    struct tree old = search->runs;
    struct twin_read *reads = NULL;
    search->runs = (struct tree){0};
    for (size_t leaf = 0; leaf < old.node_count; leaf++) {
        uint32_t run = old.nodes[leaf].leaf;
        if (run == TREE_NONE)
            continue;
        search->nodes[run].log->dropped = !is_good(search, &search->nodes[run]);
        if (search->nodes[run].log->dropped)
            continue;
        size_t count = tree_path(&old, (uint32_t)leaf, &reads);
        if (tree_add(&search->runs, reads, count, run) != run)
            search->contradiction = "a run was decided by something else than what it has read";
    }
    free(reads);
    tree_free(&old);
    table_clear(&search->merge.told); /* places in the old one */
}

static void see_pages(struct search *search, const struct op *ops, size_t count, bool *news)
{
    for (size_t i = 0; i < count; i++) {
        bool all = ops[i].kind == TWIN_NVM_ERASE_ALL;
        size_t begin = all ? 0 : machine_offset(search->spec, ops[i].address);
        size_t len = all ? search->spec->nvm_size : ops[i].kind == TWIN_NVM_WRITE ? ops[i].len : ops[i].value;
        for (size_t page = begin >> 12; page <= (begin + len - 1) >> 12; page++) {
            *news |= !search->live[page];
            search->live[page] = 1;
        }
    }
}

void answer_begin(struct search *search, const struct op *ops, size_t count)
{
    const struct spec *spec = search->spec;
    bool news = false;
    search->page_count = (spec->nvm_size >> 12) + 1;
    search->live = mem_alloc(search->page_count);
    see_pages(search, ops, count, &news);
    for (size_t i = 0; i < spec->rot_count && search->options.rot; i++) {
        size_t begin = machine_offset(spec, spec->rot[i].address), len = spec->rot[i].len;
        memset(search->live + (begin >> 12), 1, ((begin + len - 1) >> 12) - (begin >> 12) + 1);
    }
}

/* A boot loader whose every run reads other words fills the tree with paths that answer for nobody: from
 * there on its runs only meet. */
static bool has_room(const struct search *search)
{
    return !search->options.memory_max || tree_bytes(&search->runs) < search->options.memory_max / TREE_SHARE;
}

static void learn_run(struct search *search, uint32_t number, const struct result *result)
{
    bool news = false;
    search->nodes[number] = result->node;
    see_pages(search, result->node.ops, result->node.op_count, &news);
    if (news)
        relearn(search);
    result->node.log->dropped = !is_good(search, &result->node);
    if (!result->node.log->dropped && has_room(search) &&
        tree_add(&search->runs, result->reads, result->read_count, number) == TREE_NONE)
        search->contradiction = "a run was decided by something else than what it has read";
    table_put(&search->leads, lead_key(number, result->node.torn), number);
    merge_learn_run(search, number, result->reads, result->read_count);
}

void answer_learn_again(struct search *search, uint32_t number, struct result *result)
{
    struct run_log *log = search->nodes[number].log;
    if (is_good(search, &result->node) && has_room(search)) {
        if (tree_add(&search->runs, result->reads, result->read_count, number) == TREE_NONE)
            search->contradiction = "a run was decided by something else than what it has read";
        uint8_t *before = log->constant; /* the trace is what it was: who meets this run lacks these pages */
        log->constant = mem_copy(result->node.log->constant, search->page_count);
        if (log->untraced)
            free(before);
        else
            log->untraced = before;
        log->dropped = false;
        merge_learn_run(search, number, result->reads, result->read_count);
    }
    free(result->node.ops);
    free(result->node.text);
    run_log_free(result->node.log);
}

static uint32_t run_of(const struct search *search, const struct node *node, uint32_t number)
{
    while (node->answered) {
        number = node->donor;
        node = &search->nodes[number];
    }
    return number;
}

uint32_t search_run_of(const struct search *search, uint32_t number)
{
    return run_of(search, &search->nodes[number], number);
}

void answer_learn(struct search *search, uint32_t number, const struct result *result)
{
    if (search->options.strategy < STRATEGY_READS)
        return;
    if (!result->node.answered)
        learn_run(search, number, result);
    else if (result->node.log)
        table_put(&search->leads, lead_key(run_of(search, &result->node, number), result->node.torn), number);
    if (result->has_verdict)
        learn_verdict(search, result);
}

size_t answer_bytes(const struct search *search)
{
    size_t bytes = tree_bytes(&search->runs) + table_bytes(&search->leads);
    for (size_t i = 0; i < search->judge_tree_count; i++)
        bytes += tree_bytes(&search->judge_trees[i].tree);
    for (size_t i = 0; i < search->judgement_count; i++)
        bytes += sizeof *search->judgements + search->judgements[i].word_count * sizeof(uint32_t);
    return bytes;
}

void answer_free(struct search *search)
{
    tree_free(&search->runs);
    for (size_t i = 0; i < search->judge_tree_count; i++)
        tree_free(&search->judge_trees[i].tree);
    free(search->judge_trees);
    for (size_t i = 0; i < search->judgement_count; i++)
        free(search->judgements[i].words);
    free(search->judgements);
    table_free(&search->leads);
    free(search->live);
}

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
            learn_run(search, item->run, &batch->results[i]);
            if (batch->merging)
                run_log_shrink(batch->results[i].node.log);
            else
                search_take_points(search, &batch->results[i]);
            if (batch->results[i].has_verdict)
                learn_verdict(search, &batch->results[i]);
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
            led = table_find(&search->leads, lead_key(item->run, t)) != TABLE_NONE;
        if (led)
            continue;
        item->lead = true;
        table_put(&search->leads, lead_key(item->run, torn), batch_number(batch, i));
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

static void begin_walk(const struct batch *batch, const struct item *item, unsigned torn, struct walk *walk)
{
    const struct search *search = batch->search;
    walk->at = cursor_at(search, item->run);
    walk->run = item->run;
    walk->log = search->nodes[item->run].log;
    walk->lead_count = 0;
    for (unsigned t = 0; t <= torn && !item->lead; t++) {
        uint32_t lead = table_find(&search->leads, lead_key(item->run, t));
        if (lead != TABLE_NONE)
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
    begin_walk(batch, item, result->node.torn, &walk);
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
                learn_verdict(batch->search, &batch->results[round->picked[k]]);
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
