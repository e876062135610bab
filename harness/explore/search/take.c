/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes results into the search, in the order of their numbers: verdicts, points, and what cuts leave. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/search.h"
#include "harness/explore/soundness.h"

uint32_t search_add_verdict(struct search *search, const struct verdict *verdict)
{
    for (size_t i = search->verdict_count; i-- > 0;)
        /* all of them come from zeroed memory, padding too
           NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
        if (memcmp(&search->verdicts[i], verdict, sizeof *verdict) == 0)
            return (uint32_t)i;
    search->verdicts = mem_resize(search->verdicts, search->verdict_count + 1, sizeof *search->verdicts);
    search->verdicts[search->verdict_count] = *verdict;
    return (uint32_t)search->verdict_count++;
}

static bool has_text_clauses(const struct spec *spec)
{
    for (size_t i = 0; i < spec->phases[0].clause_count; i++)
        if (spec->phases[0].clauses[i].kind == CLAUSE_SEEN || spec->phases[0].clauses[i].kind == CLAUSE_NEVER)
            return true;
    return false;
}

struct sum search_end_key(const struct node *node)
{
    return sum_with(sum_with(node->final, node->end), node->end_pc);
}

static void take_verdict(struct search *search, uint32_t number, const struct result *result)
{
    struct node *node = &search->nodes[number];
    const struct node *donor = node->donor == NODE_NONE ? NULL : &search->nodes[node->donor];
    if (donor && node->donor >= number && node->donor >= search->done)
        search->contradiction = "a state takes over a verdict that nobody has given yet";
    if (node->merged) {
        node->flash_verdict = search->nodes[node->alias].flash_verdict;
        node->verdict = search->nodes[node->alias].verdict;
        return;
    }
    if (result->has_verdict) {
        node->flash_verdict = search_add_verdict(search, &result->verdict);
        table_put(&search->judged, search_end_key(node), node->flash_verdict);
    } else {
        node->flash_verdict = donor->flash_verdict;
    }
    node->verdict = node->flash_verdict;
    if (!has_text_clauses(search->spec))
        return;
    if (node->answered && node->flash_verdict == donor->flash_verdict) {
        node->verdict = donor->verdict; /* the same console, too */
        return;
    }
    struct verdict verdict = search->verdicts[node->flash_verdict];
    size_t len;
    char *text = search_text(search, number, &len);
    judge_text(search->spec, (enum machine_end)node->end, text, len, &verdict);
    free(text);
    node->verdict = search_add_verdict(search, &verdict);
}

/* Whoever stands for it may be another one now, or nobody yet. */
void search_settle(struct search *search)
{
    struct verdict holds;
    memset(&holds, 0, sizeof holds); /* padding, too */
    holds.fail_class = "";
    uint32_t unknown = search_add_verdict(search, &holds);
    search->merge.open = 0;
    for (size_t i = 0; i < search->done; i++) {
        struct node *node = &search->nodes[i];
        if (!node->merged)
            continue;
        bool open = node->alias == NODE_NONE;
        node->flash_verdict = open ? unknown : search->nodes[node->alias].flash_verdict;
        node->verdict = open ? unknown : search->nodes[node->alias].verdict;
        search->merge.open += open;
    }
}

void search_take_points(struct search *search, const struct result *result)
{
    for (size_t i = 0; i < result->point_count; i++) {
        if (search->point_count == search->point_room) {
            search->point_room = search->point_room ? search->point_room * 2 : 1024;
            search->points = mem_resize(search->points, search->point_room, sizeof *search->points);
        }
        search->points[search->point_count] = result->points[i].point;
        if (table_put(&search->met, result->points[i].key, (uint32_t)search->point_count))
            search->point_count++;
    }
}

/* It waits until all is known that has fewer torn cuts. */
static void add_late(struct search *search, const struct state *state)
{
    if (!table_put(&search->late_index, state->sum, (uint32_t)search->late_count))
        return;
    if (search->late_count == search->late_room) {
        search->late_room += search->late_room / 2 + 1024;
        search->late = mem_resize(search->late, search->late_room, sizeof *search->late);
    }
    search->late[search->late_count++] = *state;
}

/* What was found out of order may come by fewer cuts from here. */
static void shorten(struct search *search, uint32_t parent, const struct candidate *candidate)
{
    uint32_t number = state_find(search, candidate->sum, candidate->torn);
    unsigned depth = search->nodes[parent].depth + 1u;
    if (number == STATE_NONE || number >= search->done || search->nodes[number].depth <= depth)
        return;
    struct node *node = &search->nodes[number];
    node->parent = parent;
    node->op = candidate->op;
    node->model = candidate->model;
    node->depth = (uint8_t)depth;
    search->merge.shortened = true;
}

static unsigned deepest(const struct search *search)
{
    unsigned depth = 0;
    for (size_t i = 0; i < search->done; i++)
        depth = search->nodes[i].depth > depth ? search->nodes[i].depth : depth;
    return depth;
}

/* Those that come from states which were shortened. */
void search_shorten_all(struct search *search)
{
    for (bool again = search->merge.shortened; again;) {
        again = false;
        for (size_t i = 1; i < search->done; i++) {
            struct node *node = &search->nodes[i];
            uint8_t depth = (uint8_t)(search->nodes[node->parent].depth + 1);
            again |= node->depth != depth;
            node->depth = depth;
        }
    }
    if (search->merge.shortened)
        search->depth = deepest(search);
    search->merge.shortened = false;
}

void search_take_candidates(struct search *search, uint32_t number, const struct result *result)
{
    struct merge *merge = &search->merge;
    if (!search_is_cut(search, search->nodes[number].depth))
        return;
    for (size_t i = 0; i < result->candidate_count; i++) {
        const struct candidate *candidate = &result->candidates[i];
        bool known = false;
        for (unsigned t = 0; t <= candidate->torn && !known; t++)
            known = state_find(search, candidate->sum, t) != STATE_NONE;
        if (known && merge->on)
            shorten(search, number, candidate);
        bool told = candidate->told.low || candidate->told.high;
        if (known || (told && !table_put(&search->merge.told, candidate->told, 0)))
            continue;
        struct state state = {.sum = candidate->sum,
                              .parent = number,
                              .op = candidate->op,
                              .model = candidate->model,
                              .torn = candidate->torn,
                              .depth = (uint8_t)(search->nodes[number].depth + 1u)};
        if (merge->on && search->nodes[number].torn < merge->from && state.torn >= merge->from)
            add_late(search, &state);
        else
            state_add(search, &state);
    }
}

void search_take(struct search *search, uint32_t number, struct result *result, bool stored, bool merging)
{
    search_reserve(search, number + 1u);
    if (stored)
        answer_learn(search, number, result);
    search->nodes[number] = result->node;
    search->done = number + 1u;
    size_t own = result->node.op_count - node_shared(&result->node);
    search->journal_bytes += (result->node.ops ? own * sizeof *result->node.ops : 0) +
                             run_log_bytes(result->node.log) + result->node.text_len;
    take_verdict(search, number, result);
    if (stored || search->options.strategy < STRATEGY_READS)
        search_take_points(search, result);
    bool further = search_goes_on(search, number);
    if (further)
        search_take_candidates(search, number, result);
    else
        search->not_cut_further++;
    if (merging && result->node.merged)
        search->merge.merged++;
    else if (merging)
        merge_take_children(search, number, result->children, further ? result->child_count : 0,
                            further && result->incomplete, result->judgement);
    if (result->node.donor == NODE_NONE)
        search->ran_to_end++;
    else
        search->inherited++;
    search->loops += result->node.end == END_LOOP;
    search->instructions += result->instructions;
    if (search->nodes[number].depth > search->depth)
        search->depth = search->nodes[number].depth;
    search->too_deep |= search->options.depth < 0 && search->nodes[number].depth == DEPTH_MAX;
    result_release(result);
}

/* A state that another one stood for. */
void search_retake(struct search *search, uint32_t number, struct result *result)
{
    struct node *node = &search->nodes[number];
    bool was_merged = node->merged;
    *node = result->node;
    take_verdict(search, number, result);
    search->merge.merged -= was_merged && !node->merged;
    if (node->merged)
        return;
    bool further = search_goes_on(search, number);
    if (further)
        search_take_candidates(search, number, result);
    merge_take_children(search, number, result->children, further ? result->child_count : 0,
                        further && result->incomplete, result->judgement);
}
