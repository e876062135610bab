/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/search/search.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/batch.h"
#include "harness/explore/soundness.h"

const char *const search_strategy_names[] = {"none", "meet", "reads", "merge", NULL};

size_t search_bytes(const struct search *search)
{
    return search->node_room * sizeof *search->nodes + search->point_room * sizeof *search->points +
           state_bytes(search) + table_bytes(&search->met) + table_bytes(&search->judged) +
           search->verdict_count * sizeof *search->verdicts + search->journal_bytes + answer_bytes(search) +
           merge_bytes(search) + search->late_room * sizeof *search->late + table_bytes(&search->late_index);
}

static volatile sig_atomic_t interrupted;

void search_interrupt(void)
{
    interrupted = 1;
}

bool search_interrupted(void)
{
    return interrupted;
}

bool search_is_late(const void *arg)
{
    const struct search *search = arg;
    return interrupted || (search->deadline > 0 && search_seconds() > search->deadline);
}

double search_rate(const struct search *search)
{
    return (double)(search->done - search->resumed) / (search->wall_s + 1e-9);
}

/* ---- the search ---- */

static int cut_short(const struct search *search, struct error *error)
{
    return error_set(error, interrupted ? ERROR_INTERRUPTED : ERROR_TIMEOUT,
                     "%s: %s before the boot without a cut was over", search->spec->path,
                     interrupted ? "interrupted" : "the time budget was used up");
}

static void progress(const struct search *search, double began, bool last)
{
    static double shown;
    double now = search_seconds();
    if (!search->options.progress || (!last && now - shown < 0.2))
        return;
    shown = now;
    size_t queue = search->node_count - search->done;
    double rate = (double)(search->done - search->resumed) / (now - began + 1e-9);
    fprintf(stderr, "\r%zu states, depth %u, %.0f/s, %zu waiting, about %.0f s  \033[K%s", search->done,
            search->depth, rate, queue, rate > 0 ? (double)queue / rate : 0, last ? "\n" : "");
}

/* The limit that was reached; NULL: none. */
static const char *limit_of(const struct search *search)
{
    const struct search_options *options = &search->options;
    return options->memory_max && search_bytes(search) > options->memory_max ? "memory"
           : options->states_max && search->done >= options->states_max      ? "number of states"
                                                                             : NULL;
}

/* Takes what a batch found; false: a limit was reached. */
static bool take_batch(struct search *search, struct batch *batch, size_t *failures)
{
    uint32_t taken = 0;
    const char *limit = NULL;
    for (; taken < batch->ran && !(limit = batch->first + taken ? limit_of(search) : NULL); taken++) {
        search_take(search, batch->first + taken, &batch->results[taken], batch->stored, batch->merging);
        *failures += search_fails_anew(search, batch->first + taken);
    }
    if (search->contradiction && !search->bound)
        search->bound = "contradiction";
    state_taken(search);
    search->resumed += batch->stored ? taken : 0;
    if (taken < batch->ran)
        search->bound = limit;
    else if (batch->ran < batch->count)
        search->bound = interrupted ? "interruption" : "time budget";
    batch_release(batch, taken);
    return !search->bound;
}

const char *search_late_bound(void)
{
    return interrupted ? "interruption" : "time budget";
}

static int step(struct search *search, struct batch *batch, uint32_t *most, struct checkpoint *checkpoint,
                bool *stored, size_t *failures, double began, struct error *error)
{
    const struct search_options *options = &search->options;
    unsigned depth = state_at(search, (uint32_t)search->done).depth;
    batch->collect = search_is_cut(search, depth);
    if (search->done && options->budget_s > 0)
        search->deadline = began + options->budget_s * BUDGET_SEARCH;
    if (batch_run(batch, *most, checkpoint, stored, error))
        return -1;
    if (!batch->first && !batch->ran) {
        batch_release(batch, 0);
        return cut_short(search, error);
    }
    *most = batch_next_most(batch, *most);
    search->unfinished = !take_batch(search, batch, failures);
    bool level_over =
        search->done < search->node_count && state_at(search, (uint32_t)search->done).depth != depth;
    if (level_over && *failures && options->first && !search->bound)
        search->bound = "first depth with failures";
    progress(search, began, search->done == search->node_count || search->bound);
    return 0;
}

int search_step(struct search *search, struct worker **workers, uint32_t *most, bool merging,
                size_t *failures, double began, struct error *error)
{
    struct batch batch = {.search = search, .workers = workers, .merging = merging};
    bool stored = false;
    return step(search, &batch, most, NULL, &stored, failures, began, error);
}

static int explore(struct search *search, struct worker **workers, struct checkpoint *checkpoint,
                   struct error *error)
{
    const struct search_options *options = &search->options;
    double began = search_seconds();
    uint32_t most = 1;
    size_t failures = 0;
    bool stored = checkpoint != NULL, merging = search->merge.on;
    while (!(merging && !search->merge.from) && search->done < search->node_count && !search->bound) {
        struct batch batch = {.search = search, .workers = workers};
        if (step(search, &batch, &most, checkpoint, &stored, &failures, began, error))
            return -1;
    }
    if (merging && !search->bound && merge_explore(search, workers, began, error))
        return -1;
    if (options->budget_s > 0) /* the rest is for the self-test */
        search->deadline = began + options->budget_s;
    search->endless = !search->bound && search->too_deep;
    search->fixpoint = !search->bound && options->depth < 0 && !search->endless;
    if (!search->fixpoint && !search->bound)
        search->bound = "depth";
    return 0;
}

static struct sum with_text(struct sum sum, const char *text)
{
    for (; *text; text++)
        sum = sum_with(sum, (uint8_t)*text);
    return sum;
}

/* Whatever the results depend on: a checkpoint of anything else must not be taken in. */
static struct sum identity(const struct search *search)
{
    const struct search_options *options = &search->options;
    const struct spec *spec = search->spec;
    struct sum sum = sum_span(search->root, 0, spec->nvm_size & ~(size_t)3);
    uint64_t parts[] = {(uint64_t)(int64_t)options->depth,
                        options->full,
                        options->torn,
                        options->resets,
                        options->rot,
                        options->seed,
                        search->options.strategy,
                        options->merge_all};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        sum = sum_with(sum, parts[i]);
    sum = with_text(sum, spec->sha256);
    for (size_t i = 0; i < spec->image_count; i++)
        sum = with_text(sum, spec->images[i].sha256);
    return sum;
}

static void make_root(struct search *search, struct machine *machine, const uint8_t *start)
{
    struct machine_hooks hooks = machine->hooks;
    machine->hooks = (struct machine_hooks){0};
    if (start)
        machine_load(machine, start);
    else
        machine_prepare(machine, &search->spec->prepare);
    machine->hooks = hooks;
    search->root = mem_copy(machine->nvm, search->spec->nvm_size);
    state_add(search, &(struct state){.sum = sum_span(search->root, 0, search->spec->nvm_size & ~(size_t)3),
                                      .parent = NODE_NONE});
}

/* A vector table whose stack is nowhere is no vector table, or one of another chip. */
static void note_stack(struct search *search)
{
    const struct twin_region *regions;
    struct twin_core core;
    uint32_t sp;
    memcpy(&sp, search->root, sizeof sp);
    if (!twin_nvm_regions(search->spec->chip, &regions) || !twin_chip_core(search->spec->chip, &core) ||
        (sp > core.ram_base && sp <= core.ram_base + core.ram_size && !(sp & 3)))
        return;
    search->notes = mem_resize(search->notes, search->note_count + 1, sizeof *search->notes);
    search->notes[search->note_count++] = mem_printf(
        "the vector table at 0x%08x begins with the stack pointer 0x%08x, which is not in RAM (0x%08x, "
        "0x%x bytes)",
        regions[0].address, sp, core.ram_base, core.ram_size);
}

/* The boot without a cut, on a machine of its own, so that nothing depends on who ran what: which pages hold
 * flags, and what the twin had to say: registers it does not model, and the like. */
static int look_at_root(struct search *search, struct error *error)
{
    struct machine *machine = machine_new(search->spec, search->options.seed, false, error);
    if (!machine)
        return -1;
    machine->is_late = search_is_late;
    machine->late_arg = search;
    machine_load(machine, search->root);
    machine_cycle(machine, UINT64_MAX);
    if (machine->abandoned) {
        machine_free(machine);
        return cut_short(search, error);
    }
    search->root_after = mem_copy(machine->nvm, search->spec->nvm_size);
    search->root_text_len = machine->text_len;
    search->root_text = mem_copy(machine->text_len ? machine->text : "", machine->text_len + 1);
    search_find_trailers(search, machine->ops, machine->op_count);
    answer_begin(search, machine->ops, machine->op_count);
    search->vacuous = search->options.depth && (!machine->cutting || machine->cut_first >= machine->op_count);
    search->notes = machine->notes;
    search->note_count = machine->note_count;
    machine->notes = NULL;
    machine->note_count = 0;
    machine_free(machine);
    note_stack(search);
    return 0;
}

static int run_once(struct search *search, const struct spec *spec, const struct search_options *options,
                    const uint8_t *start, struct error *error)
{
    struct worker *workers[64] = {NULL};
    struct checkpoint *checkpoint = NULL;
    *search = (struct search){.spec = spec, .options = *options};
    search->options.jobs = options->jobs < 1 ? 1 : options->jobs > 64 ? 64 : options->jobs;
    if (options->resets && options->strategy >= STRATEGY_READS)
        search->options.strategy = STRATEGY_MEET; /* what RAM kept decides, too */
    if (search->options.strategy == STRATEGY_MERGE && (options->depth >= 0 || options->first))
        search->options.strategy = STRATEGY_READS; /* of one level, or until one is over: all its states */
    if (search->options.strategy == STRATEGY_MERGE && !search_odd_cuts(search) && !options->merge_all)
        search->options.strategy = STRATEGY_READS;
    merge_begin(search);
    search->trailer = mem_alloc((spec->nvm_size >> TRAILER_SHIFT) + 1);
    if (options->budget_s > 0)
        search->deadline = search_seconds() + options->budget_s;
    int result = 0;
    for (unsigned i = 0; i < search->options.jobs && !result; i++)
        result = (workers[i] = worker_new(search, error)) ? 0 : -1;
    if (!result)
        make_root(search, worker_machine(workers[0]), start);
    if (!result && worker_machine(workers[0])->abandoned)
        result = cut_short(search, error);
    for (unsigned i = 0; i < search->options.jobs && !result; i++)
        worker_set_root(workers[i]);
    if (!result)
        result = look_at_root(search, error);
    if (!result && options->checkpoint)
        result = (checkpoint = checkpoint_open(options->checkpoint, identity(search), error)) ? 0 : -1;
    if (!result)
        result = explore(search, workers, checkpoint, error);
    if (!result && !search->contradiction)
        search_self_test(search, workers);
    checkpoint_close(checkpoint);
    for (unsigned i = 0; i < search->options.jobs; i++)
        worker_free(workers[i]);
    return result;
}

int search_run(struct search *search, const struct spec *spec, const struct search_options *options,
               const uint8_t *start, struct error *error)
{
    double began = search_seconds();
    int result = run_once(search, spec, options, start, error);
    if (!result && (search->sample_bad || search->contradiction) && !options->leave_out) {
        /* runs may not share what follows, whatever the reason: nothing of it counts */
        struct search_options whole = *options;
        char *detail = search->contradiction
                           ? mem_string(search->contradiction)
                           : mem_printf("%zu of %zu repeated states differ: %s", search->sample_bad,
                                        search->sampled, search->sample_detail);
        whole.strategy = STRATEGY_WHOLE;
        search_free(search);
        result = run_once(search, spec, &whole, start, error);
        search->fell_back = detail;
    }
    search->wall_s = search_seconds() - began;
    return result;
}

void search_free(struct search *search)
{
    for (size_t i = 0; i < search->done; i++) {
        free(search->nodes[i].ops);
        free(search->nodes[i].text);
        run_log_free(search->nodes[i].log);
    }
    for (size_t i = 0; i < search->note_count; i++)
        free(search->notes[i]);
    free(search->notes);
    free(search->nodes);
    free(search->points);
    free(search->verdicts);
    free(search->trailer);
    free(search->root);
    free(search->root_after);
    free(search->root_text);
    free(search->fell_back);
    state_free(search);
    table_free(&search->met);
    table_free(&search->judged);
    answer_free(search);
    merge_free(search);
    free(search->late);
    table_free(&search->late_index);
    *search = (struct search){0};
}
