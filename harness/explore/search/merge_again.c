/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States of the search by classes that are looked at again, as more is known: of words that count, of runs.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/merge_parts.h"

bool merge_goes_on(const struct search *search)
{
    return !search->bound && !search->contradiction && !search_is_late(search);
}

/* A list of states that are looked at again. */
struct list {
    uint32_t *numbers;
    uint32_t count, room;
};

static void add(struct list *list, uint32_t number)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 256;
        list->numbers = mem_resize(list->numbers, list->room, sizeof *list->numbers);
    }
    list->numbers[list->count++] = number;
}

#define LIST_CHUNK 64
#define LIST_PART 8192u /* states at once: their results take room */

/* A task for parts of a list; `done` takes in what came of each state. False: the time is over. */
typedef void (*list_done)(struct batch *batch, uint32_t i, void *arg);
static bool for_list(struct batch *batch, const struct list *list, batch_task task, list_done done, void *arg)
{
    for (uint32_t from = 0; from < list->count; from += LIST_PART) {
        uint32_t count = list->count - from < LIST_PART ? list->count - from : LIST_PART;
        batch->numbers = list->numbers + from;
        batch->count = count;
        batch->results = mem_array(count, sizeof *batch->results);
        batch_for_each(batch, count, LIST_CHUNK, task, arg);
        bool good = merge_goes_on(batch->search);
        for (uint32_t i = 0; i < count; i++) {
            if (batch->results[i].wrong)
                batch->search->contradiction = batch->results[i].wrong;
            else if (good)
                done(batch, i, arg);
            result_release(&batch->results[i]);
        }
        free(batch->results);
        if (!good)
            return false;
    }
    return true;
}

enum purpose {
    TO_ADOPT, /* what is known already: which words count */
    TO_FIND,  /* what nobody stands for */
    TO_SHOW   /* all that fail */
};

static void walk_again(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    const enum purpose *purpose = arg;
    uint32_t number = batch_number(batch, i);
    const struct search *search = batch->search;
    const struct node *node = &search->nodes[number];
    struct result *result = &batch->results[i];
    uint32_t run = search_run_of(search, number), count = search->nodes[run].log->all_ops;
    worker_begin(worker, number, search_is_cut(search, node->depth), result);
    result->judgement = TABLE_NONE;
    if ((result->wrong = worker_go(worker, number)))
        return;
    merge_walk_begin(worker, merge_slot(search, run, node->torn));
    worker->walk.whole = worker->clean_only = *purpose == TO_ADOPT;
    worker->walk.failing = *purpose == TO_SHOW;
    worker->walk.fails = worker->walk.failing && search_fails_anew(search, number);
    bool met = node->answered && node->donor_op && !node->merged; /* the rest is another one's */
    size_t undo = worker->trail.undo_count;
    merge_walk_ops(worker, node, run, met ? node->donor_op : count);
    worker->clean_only = false;
    merge_hand_over(worker, result);
    if (!met)
        result->judgement = answer_judgement(search, node, worker->trail.image);
    trail_back(&worker->trail, undo);
}

static void take_walk(struct batch *batch, uint32_t i, void *arg)
{
    const enum purpose *purpose = arg;
    struct search *search = batch->search;
    struct result *result = &batch->results[i];
    uint32_t number = batch_number(batch, i);
    bool further = search_goes_on(search, number);
    if (further && *purpose != TO_ADOPT)
        search_take_candidates(search, number, result);
    merge_take_children(search, number, result->children, further ? result->child_count : 0,
                        further && result->incomplete, result->judgement);
}

struct keys {
    struct sum of[LIST_PART][MERGE_TORN_MAX + 1];
    struct list reopened;
};

static void find_keys_again(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    struct keys *keys = arg;
    const struct search *search = batch->search;
    uint32_t number = batch_number(batch, i), run = search_run_of(search, number);
    if ((batch->results[i].wrong = worker_go(worker, number)))
        return;
    for (unsigned t = merge_first_torn(search, search->nodes[number].torn); t <= search->merge.most; t++)
        keys->of[i][t] = merge_key(search, merge_slot(search, run, t), worker->trail.image);
}

static void take_keys(struct batch *batch, uint32_t i, void *arg)
{
    struct keys *keys = arg;
    struct search *search = batch->search;
    uint32_t number = batch_number(batch, i);
    struct node *node = &search->nodes[number];
    if (!node->merged) {
        for (unsigned t = merge_first_torn(search, node->torn); t <= search->merge.most; t++)
            table_put(&search->merge.classes, keys->of[i][t], number);
        return;
    }
    uint32_t alias = merge_take_class(search, number, node->torn, keys->of[i]);
    if (alias == NODE_NONE)
        add(&keys->reopened, number);
    node->alias = alias; /* NODE_NONE: not known for now */
}

/* All states whose slots have grown find their classes anew. */
static bool rekey(struct batch *batch, struct list *reopened)
{
    struct search *search = batch->search;
    struct merge *merge = &search->merge;
    struct list list = {0};
    for (uint32_t i = 0; i < search->done; i++) {
        uint32_t run = search_run_of(search, i);
        bool grown = false;
        for (unsigned t = merge_first_torn(search, search->nodes[i].torn); t <= merge->most && !grown; t++)
            grown = merge->slots[merge_slot(search, run, t)].version == merge->version;
        if (grown)
            add(&list, i);
    }
    struct keys *keys = mem_alloc(sizeof *keys);
    bool good = for_list(batch, &list, find_keys_again, take_keys, keys);
    *reopened = keys->reopened;
    free(keys);
    free(list.numbers);
    return good;
}

static void run_again(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    worker->alone = true; /* who it would meet has left out those pages, too */
    worker_node(worker, batch_number(batch, i), false, STRATEGY_READS, &batch->results[i]);
    worker->alone = false;
}

static void take_run_again(struct batch *batch, uint32_t i, void *arg)
{
    answer_learn_again(batch->search, batch_number(batch, i), &batch->results[i]);
}

/* Runs that the tree has lost, as they had read a page that is written after all. */
static bool repair(struct batch *batch)
{
    struct search *search = batch->search;
    struct list lost = {0};
    for (size_t i = 0; i < search->merge.run_count; i++)
        if (search->nodes[search->merge.runs[i].run].log->dropped)
            add(&lost, search->merge.runs[i].run);
    bool good = for_list(batch, &lost, run_again, take_run_again, NULL);
    free(lost.numbers);
    return good;
}

/* Those that nobody stands for any more. */
static bool reopen(struct batch *batch, const struct list *list)
{
    struct search *search = batch->search;
    for (uint32_t from = 0; from < list->count; from += LIST_PART) {
        batch->numbers = list->numbers + from;
        batch->count = list->count - from < LIST_PART ? list->count - from : LIST_PART;
        batch->results = mem_array(batch->count, sizeof *batch->results);
        bool *ran = mem_array(batch->count, sizeof *ran);
        batch->collect = batch->merging = true;
        answer_batch(batch, ran);
        bool good = merge_goes_on(search);
        for (uint32_t i = 0; i < batch->count; i++) {
            if (good && batch->results[i].wrong)
                search->contradiction = batch->results[i].wrong;
            else if (good && ran[i])
                search_retake(search, list->numbers[from + i], &batch->results[i]);
            result_release(&batch->results[i]);
        }
        free(ran);
        free(batch->results);
        if (!good)
            return false;
    }
    return true;
}

static bool is_stale(const struct merge *merge, const struct merge_rep *rep, bool incomplete)
{
    if (rep->incomplete && incomplete)
        return true;
    for (uint32_t i = 0; i < rep->seen_count; i++)
        if (merge->slots[rep->seen[i]].version > rep->version)
            return true;
    return false;
}

bool merge_sync(struct batch *batch, bool last, bool *news)
{
    struct search *search = batch->search;
    struct merge *merge = &search->merge;
    struct list reopened = {0}, stale = {0};
    size_t before = search->node_count;
    bool good = repair(batch), grown = merge_propagate(search);
    enum purpose purpose = TO_FIND;
    *news = grown;
    if (grown)
        good = good && rekey(batch, &reopened) && reopen(batch, &reopened);
    *news |= reopened.count > 0;
    for (size_t i = 0; i < merge->rep_count; i++)
        if (is_stale(merge, &merge->reps[i], last))
            add(&stale, merge->reps[i].node);
    search_settle(search);
    good = good && for_list(batch, &stale, walk_again, take_walk, &purpose);
    *news |= search->node_count > before || merge->unheard;
    free(reopened.numbers);
    free(stale.numbers);
    return good;
}

bool merge_adopt(struct batch *batch)
{
    struct search *search = batch->search;
    struct list all = {0}, reopened = {0};
    enum purpose purpose = TO_ADOPT;
    for (uint32_t i = 0; i < search->done; i++)
        add(&all, i);
    bool good = repair(batch) && for_list(batch, &all, walk_again, take_walk, &purpose);
    merge_propagate(search);
    for (size_t i = 0; i < search->merge.slot_count; i++) /* all of them */
        search->merge.slots[i].version = search->merge.version;
    good = good && rekey(batch, &reopened);
    free(reopened.numbers);
    free(all.numbers);
    return good;
}

bool merge_tear(struct batch *batch, unsigned depth)
{
    struct search *search = batch->search;
    struct list list = {0};
    enum purpose purpose = TO_FIND;
    for (uint32_t i = 0; i < search->done; i++)
        if (search->nodes[i].depth == depth && search->nodes[i].torn < search->merge.from)
            add(&list, i);
    bool good = for_list(batch, &list, walk_again, take_walk, &purpose);
    free(list.numbers);
    return good;
}

bool merge_show(struct batch *batch)
{
    struct search *search = batch->search;
    const struct merge *merge = &search->merge;
    struct list list = {0};
    enum purpose purpose = TO_SHOW;
    bool *fails = mem_array(merge->slot_count + 1, sizeof *fails);
    for (uint32_t i = 0; i < search->done; i++) {
        uint32_t slot = search_fails_anew(search, i)
                            ? merge_slot(search, search_run_of(search, i), search->nodes[i].torn)
                            : TABLE_NONE;
        if (slot != TABLE_NONE)
            fails[slot] = true;
    }
    for (size_t i = 0; i < merge->rep_count; i++) {
        bool any = false;
        for (uint32_t k = 0; k < merge->reps[i].seen_count && !any; k++)
            any = fails[merge->reps[i].seen[k]];
        if (any)
            add(&list, merge->reps[i].node);
    }
    bool good = for_list(batch, &list, walk_again, take_walk, &purpose);
    search_shorten_all(search);
    free(fails);
    free(list.numbers);
    return good;
}
