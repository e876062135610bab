/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is what runs inherited and verdicts remembered true? The boot without a cut and a seeded sample of states
 * are run and judged again to their ends (soundness.h), the first ones looking at every instruction: what a
 * real core faults on and the twin lets pass is found there. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/engine/judge.h"
#include "harness/explore/search/search.h"
#include "harness/explore/soundness.h"
#include "harness/explore/search/worker.h"

#define STRICT                                                                                               \
    4 /* of the samples, in which every instruction is looked at: the others go three times as fast */

struct sample {
    uint32_t number;
    bool judged;       /* not by an earlier one with the same end */
    const char *wrong; /* what differs; NULL: nothing */
    bool skipped;
    bool quick; /* what cuts leave is not looked at */
};
struct share {
    struct search *search;
    struct worker *worker;
    struct sample *samples;
    unsigned first, step, count;
};

/* Resets are named after the run they hit: those of the run that was met are other ones by name. */
static bool passes_unknown(const struct result *result)
{
    for (size_t i = 0; i < result->candidate_count; i++)
        if (result->candidates[i].model != MODEL_RESET)
            return true;
    return false;
}

static bool judged_alike(struct search *search, struct worker *worker, uint32_t number,
                         const struct node *again)
{
    const struct verdict *known = &search->verdicts[search->nodes[number].flash_verdict];
    struct verdict verdict;
    judge_flash(worker_machine(worker), again->end, again->end_pc, NULL, &verdict);
    return verdict.fails == known->fails && verdict.phase == known->phase &&
           verdict.clause == known->clause && !strcmp(verdict.fail_class, known->fail_class) &&
           !strcmp(verdict.detail, known->detail);
}

/* Every operation, with the code that did it. */
static bool same_ops(const struct search *search, uint32_t number, const struct node *again)
{
    if (again->model == MODEL_RESET)
        return true; /* a part of its operations is its parent's */
    for (uint32_t i = 0; i < again->op_count; i++) {
        const struct op *a = search_op(search, number, i), *b = &again->ops[i];
        if (!a || a->address != b->address || a->value != b->value || a->pc != b->pc || a->kind != b->kind ||
            a->len != b->len || a->to_ppm != b->to_ppm)
            return false;
    }
    return true;
}

static const char *difference(struct search *search, struct worker *worker, const struct sample *sample,
                              const struct result *result)
{
    const struct node *node = &search->nodes[sample->number], *again = &result->node;
    size_t len;
    char *text = search_text(search, sample->number, &len);
    bool same_text = again->text_len == len && (!len || memcmp(again->text, text, len) == 0);
    free(text);
    if (again->end != node->end || again->end_pc != node->end_pc)
        return "end";
    if (!same_ops(search, sample->number, again))
        return "what it does";
    if (!node->merged && !sum_equal(again->final, node->final))
        return "final memory";
    if (again->resets != node->resets || again->ns != node->ns)
        return "time or resets";
    if (!same_text)
        return "console";
    if (search_goes_on(search, sample->number) && passes_unknown(result))
        return "a state it passes is unknown, which";
    if (sample->judged && !judged_alike(search, worker, sample->number, again))
        return "verdict";
    return NULL;
}

static void repeat(struct share *share, struct sample *sample)
{
    struct search *search = share->search;
    struct result result;
    merge_walk_begin(share->worker, TABLE_NONE);
    share->worker->walk.whole = true;
    share->worker->merging = search->merge.on;
    worker_begin_chunk(share->worker);
    bool collect = search->fixpoint && search->options.full && !sample->quick;
    worker_node(share->worker, sample->number, collect, STRATEGY_WHOLE, &result);
    share->worker->merging = false;
    sample->skipped =
        search->nodes[sample->number].end == END_LOOP; /* un-pruned it does not see that it goes round */
    if (worker_machine(share->worker)->abandoned)
        sample->skipped = true;
    else if (result.wrong)
        sample->wrong = result.wrong;
    else if (!sample->skipped)
        sample->wrong = difference(search, share->worker, sample, &result);
    if (worker_machine(share->worker)->abandoned) { /* while it was judged: nothing is known */
        sample->wrong = NULL;
        sample->skipped = true;
    }
    free(result.node.ops);
    free(result.node.text);
    run_log_free(result.node.log);
    result_release(&result);
}

static void *work(void *arg)
{
    struct share *share = arg;
    struct twin *twin = worker_machine(share->worker)->twin;
    twin_strict(twin, true);
    twin_poll_whole(twin, true);
    for (unsigned i = share->first; i < share->count; i += share->step) {
        if (search_is_late(share->search)) {
            share->samples[i].skipped = true;
            continue;
        }
        share->samples[i].quick = share->search->merge.on && i >= 2 * STRICT;
        if (i >= STRICT)
            twin_strict(twin, false);
        if (i >= 2 * STRICT)
            twin_poll_whole(twin, false);
        repeat(share, &share->samples[i]);
    }
    twin_poll_whole(twin, false);
    return NULL;
}

static void take_forgiven(struct search *search, const struct twin *twin)
{
    const struct twin_forgiven *list;
    size_t count = twin_forgiven(twin, &list);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < search->forgiven_count && search->forgiven[at].pc < list[i].pc)
            at++;
        if (search->forgiven_count == TWIN_FORGIVEN_MAX ||
            (at < search->forgiven_count && search->forgiven[at].pc == list[i].pc))
            continue;
        memmove(search->forgiven + at + 1, search->forgiven + at,
                (search->forgiven_count++ - at) * sizeof *search->forgiven);
        search->forgiven[at] = list[i];
    }
}

/* What cuts tell apart, and chance would hardly draw: cuts at erases, in flag pages, at the first words of
 * pages and elsewhere; torn or clean; one cut and more of them. */
#define STRATA 16
static unsigned stratum(const struct search *search, uint32_t number)
{
    const struct node *node = &search->nodes[number], *from = &search->nodes[node->parent];
    unsigned place = 3, deep = node->depth > 1, odd = node->model != TORN_CLEAN;
    if (node->model != MODEL_ROT && from->op_count) {
        uint32_t at = node->op < from->op_count ? node->op : from->op_count - 1;
        const struct op *op = search_op(search, node->parent, at);
        size_t offset = op->kind == TWIN_NVM_ERASE_ALL ? 0 : machine_offset(search->spec, op->address);
        place = op->kind != TWIN_NVM_WRITE                 ? 0
                : search->trailer[offset >> TRAILER_SHIFT] ? 1
                : offset % (1u << TRAILER_SHIFT) < 4       ? 2
                                                           : 3;
    }
    return place | deep << 2 | odd << 3;
}

struct strata {
    uint32_t *numbers[STRATA];
    size_t count[STRATA];
};

static void sort_states(const struct search *search, struct strata *strata)
{
    for (unsigned i = 0; i < STRATA; i++)
        strata->numbers[i] = mem_array(search->done + 1, sizeof *strata->numbers[i]);
    for (uint32_t i = 1; i < search->done && search->options.strategy != STRATEGY_WHOLE; i++) {
        unsigned which = stratum(search, i);
        strata->numbers[which][strata->count[which]++] = i;
    }
}

/* The boot without a cut, then different states (none where nothing was inherited), from all strata in turn;
 * of those that ended alike, the first is judged. */
static unsigned draw(const struct search *search, struct sample *samples)
{
    struct strata strata = {0};
    struct table ends = {0};
    unsigned drawn = 1, empty = 0;
    samples[0] = (struct sample){.number = 0, .judged = true};
    sort_states(search, &strata);
    for (unsigned turn = 0; drawn <= search->options.sample && empty < STRATA; turn++) {
        unsigned which = turn % STRATA;
        uint32_t *numbers = strata.numbers[which];
        empty = strata.count[which] ? 0 : empty + 1;
        if (!strata.count[which])
            continue;
        size_t pick = (size_t)(mix64(search->options.seed + drawn * MIX_STEP) % strata.count[which]);
        samples[drawn++] =
            (struct sample){.number = numbers[pick],
                            .judged = table_put(&ends, search_end_key(&search->nodes[numbers[pick]]), 0)};
        numbers[pick] = numbers[--strata.count[which]];
    }
    table_free(&ends);
    for (unsigned i = 0; i < STRATA; i++)
        free(strata.numbers[i]);
    return drawn;
}

void search_self_test(struct search *search, struct worker **workers)
{
    if (!search->done)
        return;
    struct sample *samples = mem_array(search->options.sample + 1, sizeof *samples);
    struct share shares[64];
    pthread_t threads[64];
    bool started[64] = {false};
    unsigned jobs = search->options.jobs, count = draw(search, samples);
    for (unsigned i = jobs; i-- > 0;) {
        shares[i] = (struct share){search, workers[i], samples, i, jobs, count};
        started[i] = i && pthread_create(&threads[i], NULL, work, &shares[i]) == 0;
        if (!started[i])
            work(&shares[i]);
    }
    for (unsigned i = 1; i < jobs; i++)
        if (started[i])
            pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < jobs; i++)
        take_forgiven(search, worker_machine(workers[i])->twin);
    for (unsigned i = 0; i < count; i++) {
        search->sampled += !samples[i].skipped;
        if (samples[i].wrong && !search->sample_bad++)
            snprintf(search->sample_detail, sizeof search->sample_detail, "state %u: %s differs",
                     samples[i].number, samples[i].wrong);
    }
    free(samples);
    if (search->merge.on && !search->bound && !search->sample_bad)
        merge_self_test(search, workers);
}
