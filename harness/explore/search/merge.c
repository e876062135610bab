/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search by classes of states (merge.h). It begins where the exact one has ended: with all states that
 * have fewer torn cuts, which stand for others, too. Level by level, new states are looked up and taken into
 * a class, or walked and judged. What is learnt about the words that count makes classes finer: then their
 * members are looked at again (sync). It is over when a look at all of them brings nothing. */
#include "harness/explore/search/merge.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/engine/answer.h"
#include "harness/explore/engine/rot.h"

static unsigned first_torn(const struct search *search, unsigned torn)
{
    return torn < search->merge.from ? search->merge.from : torn;
}

/* ---- one state that goes further ---- */

static void hand_over(struct worker *worker, struct result *result)
{
    struct merge_walk *walk = &worker->walk;
    result->children = walk->count ? mem_copy(walk->children, walk->count * sizeof *walk->children) : NULL;
    result->child_count = walk->count;
    result->incomplete = walk->incomplete;
}

/* Does `count` operations of a run to the memory of the trail, and puts what cuts leave among the candidates.
 */
static void walk_ops(struct worker *worker, const struct node *node, uint32_t run, uint32_t count)
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
    walk_ops(worker, node, item->run, item->own ? node->log->all_ops : node->op_count);
    hand_over(worker, result);
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
    for (unsigned t = first_torn(search, state.torn); t <= search->merge.most; t++)
        item->keys[t] = merge_key(search, merge_slot(search, item->run, t), worker->trail.image);
}

/* The one that stands for this state; NODE_NONE: itself does, from now on. */
static uint32_t take_class(struct search *search, uint32_t number, unsigned torn, const struct sum *keys)
{
    unsigned first = first_torn(search, torn);
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
        item->alias = take_class(batch->search, number, state_at(batch->search, number).torn, item->keys);
        if (item->alias != NODE_NONE)
            item->walked = item->judged = true;
        else
            item->walked = false;
    }
    batch_for_each(batch, batch->count, batch_chunk(batch), walk_item, round);
    answer_judge_ends(batch, round);
    batch_for_each(batch, batch->count, batch_chunk(batch), find_judgement, round);
}

/* ---- those that were there before ---- */

static bool goes_on(const struct search *search)
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
        bool good = goes_on(batch->search);
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
    walk_ops(worker, node, run, met ? node->donor_op : count);
    worker->clean_only = false;
    hand_over(worker, result);
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
    for (unsigned t = first_torn(search, search->nodes[number].torn); t <= search->merge.most; t++)
        keys->of[i][t] = merge_key(search, merge_slot(search, run, t), worker->trail.image);
}

static void take_keys(struct batch *batch, uint32_t i, void *arg)
{
    struct keys *keys = arg;
    struct search *search = batch->search;
    uint32_t number = batch_number(batch, i);
    struct node *node = &search->nodes[number];
    if (!node->merged) {
        for (unsigned t = first_torn(search, node->torn); t <= search->merge.most; t++)
            table_put(&search->merge.classes, keys->of[i][t], number);
        return;
    }
    uint32_t alias = take_class(search, number, node->torn, keys->of[i]);
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
        for (unsigned t = first_torn(search, search->nodes[i].torn); t <= merge->most && !grown; t++)
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
        bool good = goes_on(search);
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

/* Looks at all again that what was learnt concerns. *news: something came of it. False: the time is over. */
static bool sync(struct batch *batch, bool last, bool *news)
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

/* What the exact search has found stands for others from now on. */
static bool adopt(struct batch *batch)
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

/* The torn cuts that the exact search has left out, in boots of states that are so deep. */
static bool tear(struct batch *batch, unsigned depth)
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

/* Those that fail and that cuts in the boots of these leave, as states of their own: they are counted, and
 * one of them may come by fewer cuts. */
static bool show(struct batch *batch)
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

/* ---- the levels ---- */

/* Those that waited for their turn, as deep as that. */
static void let_in(struct search *search, unsigned depth)
{
    for (; search->late_taken < search->late_count && search->late[search->late_taken].depth <= depth;
         search->late_taken++) {
        const struct state *state = &search->late[search->late_taken];
        bool known = false;
        for (unsigned t = 0; t <= state->torn && !known; t++)
            known = state_find(search, state->sum, t) != STATE_NONE;
        if (!known)
            state_add(search, state);
    }
}

/* The next level has states, all of them; false: there is none. *torn: up to which depth torn cuts in boots
 * of states that were found exactly were tried. */
static bool begin_level(struct batch *batch, unsigned *level, unsigned *torn)
{
    struct search *search = batch->search;
    for (;;) {
        bool waits = search->done < search->node_count, late = search->late_taken < search->late_count;
        unsigned depth = waits ? state_at(search, (uint32_t)search->done).depth : UINT32_MAX;
        if (late && search->late[search->late_taken].depth < depth)
            depth = search->late[search->late_taken].depth;
        if (*torn < search->merge.exact_depth && *torn < depth) {
            if (!tear(batch, (*torn)++))
                return false;
            continue;
        }
        if (!waits && !late)
            return false;
        *level = depth;
        let_in(search, depth);
        return true;
    }
}

static bool any_incomplete(const struct merge *merge)
{
    for (size_t i = 0; i < merge->rep_count; i++)
        if (merge->reps[i].incomplete)
            return true;
    return false;
}

int merge_explore(struct search *search, struct worker **workers, double began, struct error *error)
{
    struct batch again = {.search = search, .workers = workers};
    uint32_t most = 64;
    unsigned level = UINT32_MAX, torn = 0;
    size_t failures = 0;
    bool news = true, shown = false, good = !search->done || adopt(&again);
    search->merge.exact_depth = search->done ? search->depth + 1 : 0;
    while (good && !search->bound && !search->contradiction) {
        bool waits = search->done < search->node_count;
        if (!waits || state_at(search, (uint32_t)search->done).depth != level) {
            bool last =
                !waits && search->late_taken == search->late_count && torn >= search->merge.exact_depth;
            good = !search->done || sync(&again, last, &news);
            if (good && !begin_level(&again, &level, &torn)) {
                good = goes_on(search);
                if (good && !news && !shown) {
                    good = shown = show(&again);
                    continue;
                }
                if (!news)
                    break;
                continue;
            }
        }
        if (!good || search->done == search->node_count)
            continue; /* all that were let in are known by now */
        if (search_step(search, workers, &most, true, &failures, began, error))
            return -1;
    }
    if (search->contradiction && !search->bound)
        search->bound = "contradiction";
    if (!good && !search->bound)
        search->bound = search_late_bound();
    if (!search->bound && any_incomplete(&search->merge))
        search->bound = "memory"; /* for runs: some are told apart by nothing but that */
    search->unfinished |= search->bound != NULL;
    search_shorten_all(search); /* paths are as long as depths say, however it ended */
    return 0;
}

size_t merge_cut_further(const struct search *search)
{
    size_t count = 0;
    for (size_t i = 0; i < search->merge.rep_count; i++)
        count += search_goes_on(search, search->merge.reps[i].node);
    return count;
}

uint32_t merge_find(const struct search *search, struct sum sum, const uint8_t *nvm, unsigned torn)
{
    for (unsigned t = 0; t <= torn; t++) {
        uint32_t number = state_find(search, sum, t);
        if (number != STATE_NONE && number < search->done)
            return search->nodes[number].merged ? search->nodes[number].alias : number;
    }
    uint32_t run = tree_find(&search->runs, nvm, NULL);
    uint32_t slot = run == TREE_NONE ? TABLE_NONE : merge_slot(search, run, first_torn(search, torn));
    return slot == TABLE_NONE ? UINT32_MAX : table_find(&search->merge.classes, merge_key(search, slot, nvm));
}
