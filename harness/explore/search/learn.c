/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What finished runs and judgements have read: put into the trees, and looked up there (soundness.h, 6.
 * to 11.). */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/answer.h"

#define TREE_SHARE 2 /* of the memory, for the tree of runs */

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

void answer_learn_verdict(struct search *search, const struct result *result)
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

struct sum answer_lead_key(uint32_t run, unsigned torn)
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

void answer_learn_run(struct search *search, uint32_t number, const struct result *result)
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
    table_put(&search->leads, answer_lead_key(number, result->node.torn), number);
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
        answer_learn_run(search, number, result);
    else if (result->node.log)
        table_put(&search->leads, answer_lead_key(run_of(search, &result->node, number), result->node.torn),
                  number);
    if (result->has_verdict)
        answer_learn_verdict(search, result);
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
