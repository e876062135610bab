/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nobody has booted what most cuts leave: another state stands for it. Chains of cuts are drawn here, torn
 * ones too, each at a place of another kind (an erase, a flag, a first word, anywhere). Everything on the way
 * is run and judged to its end, and what cuts in those boots leave is looked up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/answer.h"
#include "harness/explore/engine/judge.h"
#include "harness/explore/soundness.h"

#define CHAINS 64 /* at most, and no more when so much was run: */
#define INSTRUCTIONS UINT64_C(1500000000)
#define LINKS 3
#define LOOKS 64   /* places that are looked at for one of a kind */
#define CLOSED 256 /* places of a run whose cuts are looked up, beside its erases */

static void fail(struct search *search, uint32_t number, const char *what)
{
    search->sample_bad++;
    snprintf(search->sample_detail, sizeof search->sample_detail, "behind state %u: %s", number, what);
}

static unsigned kind_of(const struct search *search, const struct op *op)
{
    size_t offset = op->kind == TWIN_NVM_ERASE_ALL ? 0 : machine_offset(search->spec, op->address);
    return op->kind != TWIN_NVM_WRITE                 ? 0
           : search->trailer[offset >> TRAILER_SHIFT] ? 1
           : offset % (1u << TRAILER_SHIFT) < 4       ? 2
                                                      : 3;
}

/* The number of operations that are done before power is cut; 0: nothing may be cut. */
static uint32_t draw_cut(const struct search *search, uint32_t run, unsigned kind, uint64_t *chance)
{
    const struct run_log *log = search->nodes[run].log;
    uint32_t first = log->cut_first ? log->cut_first : 1, drawn = 0;
    if (log->cut_first == UINT32_MAX || first > log->all_ops)
        return 0;
    for (unsigned i = 0; i < LOOKS; i++) {
        drawn = first + (uint32_t)(mix_next(chance) % (log->all_ops - first + 1));
        const struct op *op = search_op(search, run, drawn);
        if (search->options.full && op && kind_of(search, op) == kind)
            return drawn;
    }
    return search->options.full ? drawn : 0; /* the reduced alphabet tries some places only */
}

static bool same_run(const struct search *search, uint32_t run, const struct machine *machine)
{
    const struct node *node = &search->nodes[run];
    if (machine->end != node->end || machine->end_pc != node->end_pc ||
        machine->op_count != node->log->all_ops)
        return false;
    for (uint32_t i = 0; i < machine->op_count; i++) {
        const struct op *a = search_op(search, run, i), *b = &machine->ops[i];
        if (a->address != b->address || a->value != b->value || a->pc != b->pc || a->kind != b->kind ||
            a->len != b->len || a->to_ppm != b->to_ppm)
            return false;
    }
    return true;
}

/* Boots the trail's memory, un-pruned. *further: may its boot be cut? NULL, or what is wrong. */
static const char *boot(struct worker *worker, unsigned torn, uint32_t *run, bool *further)
{
    const struct search *search = worker->search;
    struct machine *machine = worker->machine;
    uint32_t stands = merge_find(search, worker->trail.sum, worker->trail.image, torn);
    if (stands == NODE_NONE)
        return "a state that nobody stands for";
    *run = search_run_of(search, stands);
    *further = search_goes_on(search, stands);
    worker_load_trail(worker);
    struct machine_hooks hooks = machine->hooks;
    machine->hooks = (struct machine_hooks){0};
    machine->abandoned = false;
    machine_cycle(machine, UINT64_MAX);
    machine->hooks = hooks;
    if (machine->abandoned || search->nodes[*run].end == END_LOOP)
        return NULL; /* un-pruned it does not see that it goes round */
    if (!same_run(search, *run, machine))
        return "another run than that of the one which stands for it";
    struct verdict verdict;
    const struct verdict *known = &search->verdicts[search->nodes[stands].flash_verdict];
    judge_flash(machine, machine->end, machine->end_pc, NULL, &verdict);
    bool alike = verdict.fails == known->fails && verdict.phase == known->phase &&
                 verdict.clause == known->clause && !strcmp(verdict.fail_class, known->fail_class);
    return alike || machine->abandoned ? NULL : "another verdict than that of the one which stands for it";
}

/* Is what cuts in that run leave known, all along? */
static const char *closed(struct worker *worker, unsigned torn, uint32_t run)
{
    const struct search *search = worker->search;
    const struct run_log *log = search->nodes[run].log;
    struct trail *trail = &worker->trail;
    size_t undo = trail->undo_count;
    uint32_t stride = log->all_ops / CLOSED + 1;
    const char *wrong = NULL;
    for (uint32_t i = 0; i < log->all_ops && !wrong && search->options.full; i++) {
        const struct op *op = search_op(search, run, i);
        bool look = i >= log->cut_first && i && (i % stride == 0 || op->kind != TWIN_NVM_WRITE);
        if (look && merge_find(search, trail->sum, trail->image, torn) == NODE_NONE)
            wrong = "a state that nobody stands for";
        trail_apply(trail, op);
    }
    trail_back(trail, undo);
    return wrong;
}

/* Tears the operation in the trail's memory. */
static void tear(struct worker *worker, const struct op *op, enum torn_model model)
{
    const struct search *search = worker->search;
    uint8_t *image = mem_copy(worker->trail.image, search->spec->nvm_size);
    apply_torn(search->spec, image, op, model, search->options.seed);
    trail_set(&worker->trail, image);
    free(image);
}

/* A way to tear it; TORN_CLEAN: none fits, power goes right before it. */
static enum torn_model draw_model(const struct search *search, const struct op *op, uint64_t *chance)
{
    for (unsigned i = 0; i < LOOKS && op && op->kind != TWIN_NVM_ERASE_ALL; i++) {
        enum torn_model model = TORN_ONE_BIT + (unsigned)(mix_next(chance) % (TORN_MODELS - TORN_ONE_BIT));
        if (torn_is_erase(model) == (op->kind != TWIN_NVM_WRITE) &&
            (!torn_is_flags(model) || kind_of(search, op) == 1))
            return model;
    }
    return TORN_CLEAN;
}

/* From a state on: one cut, and what it leaves is booted. False: the chain ends. */
static bool link(struct worker *worker, uint32_t *run, unsigned *torn, uint64_t *chance, const char **wrong)
{
    const struct search *search = worker->search;
    bool further = true;
    uint32_t cut = draw_cut(search, *run, (unsigned)(mix_next(chance) & 3), chance);
    if (!cut)
        return false;
    for (uint32_t i = 0; i < cut; i++)
        trail_apply(&worker->trail, search_op(search, *run, i));
    const struct op *op = search_op(search, *run, cut);
    enum torn_model model =
        *torn < search->merge.most && search->options.torn ? draw_model(search, op, chance) : TORN_CLEAN;
    if (model) {
        tear(worker, op, model);
        ++*torn;
    }
    *wrong = boot(worker, *torn, run, &further);
    if (!*wrong && further && *torn >= search->merge.from)
        *wrong = closed(worker, *torn, *run);
    return further && !*wrong;
}

static void follow_chain(struct search *search, struct worker *worker, uint32_t number, uint64_t *chance)
{
    uint32_t run = search_run_of(search, number);
    unsigned torn = search->nodes[number].torn;
    const char *wrong = worker_go(worker, number);
    size_t undo = worker->trail.undo_count;
    for (unsigned i = 0; i < LINKS && !wrong && !search_is_late(search) && search_goes_on(search, number);
         i++) {
        bool more = link(worker, &run, &torn, chance, &wrong);
        search->sampled++;
        if (!more)
            break;
    }
    if (wrong)
        fail(search, number, wrong);
    trail_back(&worker->trail, undo);
}

/* Each number of cuts is as likely: there are few states behind few of them, and all others come from those.
 */
static uint32_t draw_start(const struct search *search, uint64_t *chance)
{
    unsigned depth = (unsigned)(mix_next(chance) % (search->depth + 1));
    uint32_t from = (uint32_t)(mix_next(chance) % search->done);
    for (uint32_t i = 0; i < search->done; i++) {
        uint32_t number = (uint32_t)((from + (uint64_t)i) % search->done);
        if (search->nodes[number].depth == depth)
            return number;
    }
    return 0;
}

void merge_self_test(struct search *search, struct worker **workers)
{
    struct worker *worker = workers[0];
    uint64_t chance = search->options.seed * 31 + 7, before = worker->machine->instructions;
    unsigned most = search->options.sample * 2 < CHAINS ? search->options.sample * 2 : CHAINS;
    for (unsigned i = 0;
         i < most && !search->sample_bad && worker->machine->instructions - before < INSTRUCTIONS; i++)
        follow_chain(search, worker, draw_start(search, &chance), &chance);
}
