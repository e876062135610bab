/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one state after the other on its own twin. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/engine/memo.h"
#include "harness/explore/engine/rot.h"
#include "harness/explore/soundness.h"
#include "harness/explore/search/worker.h"

struct sum search_key(struct sum sum, unsigned torn)
{
    return torn ? sum_with(sum, torn) : sum;
}

/* ---- the flash of a node ---- */

void worker_load_trail(struct worker *worker)
{
    struct machine *machine = worker->machine;
    struct trail *trail = &worker->trail;
    size_t size = worker->search->spec->nvm_size;
    for (size_t page = 0; page < machine->touched_count; page++) {
        size_t at = page << 12, len = at + 4096 <= size ? 4096 : size - at;
        if (at < size && (machine->touched[page] || trail->dirty[page]) &&
            memcmp(machine->nvm + at, trail->image + at, len) != 0)
            machine_set(machine, at, trail->image + at, len);
        machine->touched[page] = trail->dirty[page] = 0;
    }
}

const char *worker_go(struct worker *worker, uint32_t number)
{
    const struct search *search = worker->search;
    struct state state = state_at(search, number);
    trail_go(&worker->trail, &state);
    struct sum sum = state.model == MODEL_RESET ? search->nodes[state.parent].sum : state.sum;
    return sum_equal(worker->trail.sum, sum)
               ? NULL
               : "its memory cannot be rebuilt: a journal was incomplete (a defect of the explorer)";
}

const char *worker_load(struct worker *worker, uint32_t number)
{
    struct state state = state_at(worker->search, number);
    const char *wrong = worker_go(worker, number);
    worker_load_trail(worker);
    if (state.model == MODEL_RESET)
        worker->machine->reset_at = state.op;
    return wrong;
}

static bool on_op(void *arg, struct machine *machine, const struct twin_nvm_op *twin_op)
{
    struct worker *worker = arg;
    size_t k = machine->op_count;
    if (machine->reset_to_come)
        return false; /* so far it is its parent's run */
    struct op op = machine_op(twin_op);
    struct moment at = {machine->nvm, machine->sum, k > 1 ? machine->sums[k - 2] : machine->sum, k,
                        machine->cut_first};
    if (worker->collect && machine->cutting)
        candidate_op(worker, &at, &op);
    return worker->strategy != STRATEGY_WHOLE &&
           (k == 0 || op.kind != TWIN_NVM_WRITE || k % POINT_EVERY == POINT_EVERY - 1 ||
            candidate_in_trailer(worker->search, &op));
}

/* ---- points ---- */

/* May this run end as the donor did, from that point on? */
static bool fits(struct worker *worker, const struct point *point, const struct node *donor)
{
    struct machine *machine = worker->machine;
    const struct spec *spec = worker->search->spec;
    uint64_t now = twin_now_ns(machine->twin) - machine->begin_ns;
    return machine->resets + (donor->resets - point->resets) <= spec->resets &&
           now + (donor->ns - point->ns) < spec->total_ns &&
           !(point->timeless && donor->looks != point->looks);
}

static void inherit(struct worker *worker, const struct point *point, const struct node *donor)
{
    struct node *node = &worker->result->node;
    struct machine *machine = worker->machine;
    node->donor = point->node;
    node->donor_op = point->op;
    node->donor_text = point->text;
    worker->donor_trace = point->trace;
    node->end = donor->end;
    node->end_pc = donor->end_pc;
    node->final = donor->final;
    node->resets = machine->resets + (donor->resets - point->resets);
    node->looks = machine_looks(machine) + (donor->looks - point->looks);
    node->ns = twin_now_ns(machine->twin) - machine->begin_ns + (donor->ns - point->ns);
}

static const struct node *chunk_node(const struct worker *worker, uint32_t number);

static bool meet(struct worker *worker, struct sum key, unsigned torn)
{
    const struct search *search = worker->search;
    if (worker->alone)
        return false;
    uint32_t at = table_find(&search->met, search_key(key, torn));
    if (at != TABLE_NONE) {
        const struct point *point = &search->points[at];
        /* of this batch, and taken after us: it has no verdict yet that we could take over */
        if (point->node > worker->number && point->node >= search->done)
            return false;
        if (!fits(worker, point, &search->nodes[point->node]))
            return false;
        inherit(worker, point, &search->nodes[point->node]);
        return true;
    }
    at = table_find(&worker->met, search_key(key, torn));
    if (at == TABLE_NONE)
        return false;
    const struct point *point = &worker->points[at].point;
    const struct node *donor = chunk_node(worker, point->node);
    if (!donor || !fits(worker, point, donor))
        return false;
    inherit(worker, point, donor);
    return true;
}

static void pass(struct worker *worker, struct sum key, bool timeless)
{
    struct result *result = worker->result;
    const struct machine *machine = worker->machine;
    if (result->point_count == worker->own_room) {
        worker->own_room = worker->own_room ? worker->own_room * 2 : 16;
        result->points = mem_resize(result->points, worker->own_room, sizeof *result->points);
    }
    result->points[result->point_count++] =
        (struct found_point){search_key(key, result->node.torn),
                             {.node = worker->number,
                              .op = (uint32_t)machine->op_count,
                              .text = (uint32_t)machine->text_len,
                              .resets = machine->resets,
                              .looks = machine_looks(machine),
                              .trace = worker->trace,
                              .timeless = timeless,
                              .ns = twin_now_ns(machine->twin) - machine->begin_ns}};
}

/* Was this run here before, and did it look at no clock since? */
static bool goes_round(struct worker *worker, struct sum key, bool timeless)
{
    uint32_t looks = timeless ? machine_looks(worker->machine) : 0;
    return !table_put(&worker->own, key, looks) && table_find(&worker->own, key) == looks;
}

static bool on_point(void *arg, struct machine *machine)
{
    struct worker *worker = arg;
    struct sum keys[2];
    unsigned torn = worker->result->node.torn;
    bool clocks = machine_digests(machine, &keys[0], &keys[1]);
    for (int i = 0; i <= clocks; i++)
        for (unsigned t = 0; t <= torn; t++)
            if (meet(worker, keys[i], t))
                return true;
    if (worker->strategy == STRATEGY_READS)
        worker->trace = (uint32_t)twin_log_segment(machine->twin);
    for (int i = 0; i <= clocks; i++) {
        if (goes_round(worker, keys[i], i)) {
            machine_stop(machine, END_LOOP);
            return true;
        }
        pass(worker, keys[i], i);
    }
    return false;
}

/* ---- a chunk ---- */

/* Results of this chunk, so that later runs of it may inherit from them. */
struct chunk_memory {
    uint32_t first, count;
    struct node nodes[CHUNK_NODES];
};
static _Thread_local struct chunk_memory chunk;

static const struct node *chunk_node(const struct worker *worker, uint32_t number)
{
    return number - chunk.first < chunk.count ? &chunk.nodes[number - chunk.first] : NULL;
}

struct worker *worker_new(struct search *search, struct error *error)
{
    struct worker *worker = mem_alloc(sizeof *worker);
    worker->search = search;
    worker->strategy = search->options.strategy;
    worker->machine =
        machine_new(search->spec, search->options.seed, worker->strategy >= STRATEGY_READS, error);
    if (!worker->machine) {
        free(worker);
        return NULL;
    }
    worker->machine->is_late = search_is_late;
    worker->machine->late_arg = search;
    worker->machine->hooks = (struct machine_hooks){.op = on_op, .point = on_point, .arg = worker};
    trail_init(&worker->trail, search);
    if (search->root) /* a worker of its own, after the search: its memory is still a new chip's */
        trail_reset(&worker->trail);
    worker->scratch = mem_alloc(search->spec->nvm_size);
    worker->memo = memo_new(search->trailer);
    return worker;
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    machine_free(worker->machine);
    table_free(&worker->met);
    table_free(&worker->own);
    table_free(&worker->judged);
    free(worker->points);
    free(worker->verdicts);
    trail_release(&worker->trail);
    free(worker->scratch);
    memo_free(worker->memo);
    table_free(&worker->walk.told);
    free(worker->walk.children);
    free(worker);
}

void worker_set_root(struct worker *worker)
{
    trail_reset(&worker->trail);
    memset(worker->trail.dirty, 1, worker->machine->touched_count);
}

struct machine *worker_machine(struct worker *worker)
{
    return worker->machine;
}

void worker_begin_chunk(struct worker *worker)
{
    table_clear(&worker->met);
    table_clear(&worker->judged);
    worker->point_count = worker->verdict_count = 0;
    chunk.count = 0;
}

static void judge(struct worker *worker, struct result *result)
{
    struct node *node = &result->node;
    struct sum key = sum_with(sum_with(node->final, node->end), node->end_pc);
    uint32_t known = table_find(&worker->search->judged, key);
    if (known != TABLE_NONE) {
        result->verdict = worker->search->verdicts[known];
    } else if ((known = table_find(&worker->judged, key)) != TABLE_NONE) {
        result->verdict = worker->verdicts[known];
    } else {
        judge_flash(worker->machine, node->end, node->end_pc,
                    worker->strategy == STRATEGY_MEET ? worker->memo : NULL, &result->verdict);
        worker->verdicts = mem_resize(worker->verdicts, worker->verdict_count + 1, sizeof *worker->verdicts);
        worker->verdicts[worker->verdict_count] = result->verdict;
        table_put(&worker->judged, key, (uint32_t)worker->verdict_count++);
    }
    result->has_verdict = true;
}

static void take_run(struct worker *worker, struct node *node)
{
    struct machine *machine = worker->machine;
    node->op_count = (uint32_t)machine->op_count;
    node->cut_first = machine->cutting ? (uint32_t)machine->cut_first : UINT32_MAX;
    uint32_t shared = node_shared(node), own = node->op_count - shared;
    node->ops = own ? mem_copy(machine->ops + shared, own * sizeof *machine->ops) : NULL;
    node->text_len = (uint32_t)machine->text_len;
    node->text = machine->text_len ? mem_copy(machine->text, machine->text_len) : NULL;
    if (node->donor != NODE_NONE)
        return;
    node->end = (uint8_t)machine->end;
    node->end_pc = machine->end_pc;
    node->resets = machine->resets;
    node->looks = machine_looks(machine);
    node->ns = machine->end_ns - machine->begin_ns;
    node->final = machine->sum;
}

/* ---- by what they read (answer.c) ---- */

static void take_reads(struct worker *worker, struct twin_read **reads, size_t *count)
{
    const struct twin_read *list;
    *count = machine_reads(worker->machine, &list);
    *reads = *count ? mem_copy(list, *count * sizeof *list) : NULL;
    machine_log(worker->machine, NULL);
}

static void begin_log(struct worker *worker, struct node *node)
{
    node->log = mem_alloc(sizeof *node->log);
    node->log->constant = mem_alloc(worker->search->page_count);
    struct twin_log log = {worker->search->live, node->log->constant, true};
    twin_log_leave_out(worker->machine->twin, worker->search->options.leave_out);
    machine_log(worker->machine, &log);
    worker->donor_trace = worker->trace = 0;
}

/* The log goes on over the runs that were met, which have been through it. */
static void follow(struct worker *worker, struct run_log *log, uint32_t donor)
{
    const struct search *search = worker->search;
    for (uint32_t from = log->donor_trace; donor != NODE_NONE;) {
        const struct node *node = &search->nodes[donor];
        twin_log_replay(worker->machine->twin, node->log->trace + from, node->log->trace_count - from);
        const uint8_t *untraced = node->log->untraced ? node->log->untraced : node->log->constant;
        for (size_t page = 0; page < search->page_count; page++)
            log->constant[page] |= untraced[page];
        from = node->log->donor_trace;
        donor = node->donor;
    }
}

/* Of what may be cut, and how many operations there are: its own, or what follows in the run it met. */
static void count_ops(const struct worker *worker, const struct node *node, struct run_log *log)
{
    const struct machine *machine = worker->machine;
    const struct node *donor = node->donor == NODE_NONE ? NULL : &worker->search->nodes[node->donor];
    log->all_ops = node->op_count + (donor ? donor->log->all_ops - node->donor_op : 0);
    log->cut_first = UINT32_MAX;
    if (machine->cutting)
        log->cut_first = (uint32_t)machine->cut_first;
    else if (donor && donor->log->cut_first != UINT32_MAX)
        log->cut_first = donor->log->cut_first - node->donor_op + node->op_count;
}

static void take_log(struct worker *worker, struct result *result)
{
    struct machine *machine = worker->machine;
    struct node *node = &result->node;
    struct run_log *log = node->log;
    const uint32_t *trace;
    log->trace_count = (uint32_t)twin_trace(machine->twin, &trace);
    log->trace = log->trace_count ? mem_copy(trace, log->trace_count * sizeof *trace) : NULL;
    log->donor_trace = worker->donor_trace;
    log->sum_count = node->op_count;
    log->sums = node->op_count ? mem_copy(machine->sums, node->op_count * sizeof *log->sums) : NULL;
    count_ops(worker, node, log);
    follow(worker, log, node->donor);
    take_reads(worker, &result->reads, &result->read_count);
}

/* Judges what is in the machine, unless it is known already what comes of the words that judging reads. */
void worker_judge_reads(struct worker *worker, struct result *result)
{
    const struct node *node = &result->node;
    struct machine *machine = worker->machine;
    result->has_verdict = true;
    if (answer_verdict(worker->search, node, machine->sum, machine->nvm, &result->verdict, NULL))
        return;
    twin_log_leave_out(machine->twin, TWIN_LEAVE_NONE);
    machine_log(machine, &(struct twin_log){0});
    judge_flash(machine, node->end, node->end_pc, NULL, &result->verdict);
    take_reads(worker, &result->judge_reads, &result->judge_count);
}

/* So that runs after it in this chunk can meet it. */
static void remember(struct worker *worker, const struct result *result)
{
    if (!chunk.count)
        chunk.first = worker->number;
    chunk.nodes[chunk.count++] = result->node;
    for (size_t i = 0; i < result->point_count; i++) {
        if (worker->point_count == worker->point_room) {
            worker->point_room = worker->point_room ? worker->point_room * 2 : 256;
            worker->points = mem_resize(worker->points, worker->point_room, sizeof *worker->points);
        }
        worker->points[worker->point_count] = result->points[i];
        table_put(&worker->met, result->points[i].key, (uint32_t)worker->point_count++);
    }
}

void worker_begin(struct worker *worker, uint32_t number, bool collect, struct result *result)
{
    struct state state = state_at(worker->search, number);
    *result = (struct result){.node = {.sum = state.sum,
                                       .parent = state.parent,
                                       .op = state.op,
                                       .model = state.model,
                                       .torn = state.torn,
                                       .depth = state.depth,
                                       .donor = NODE_NONE,
                                       .alias = NODE_NONE},
                              .judgement = TABLE_NONE};
    worker->result = result;
    worker->number = number;
    worker->collect = collect;
    worker->candidate_room = worker->own_room = 0;
    candidate_begin(worker);
}

void worker_node(struct worker *worker, uint32_t number, bool collect, enum search_strategy strategy,
                 struct result *result)
{
    struct machine *machine = worker->machine;
    worker_begin(worker, number, collect, result);
    worker->strategy = strategy;
    table_clear(&worker->own);
    machine->abandoned = false;
    result->wrong = worker_load(worker, number);
    if (result->wrong)
        return;
    if (collect)
        candidate_rot(worker, &(struct moment){.nvm = machine->nvm, .sum = machine->sum});
    uint64_t before = machine->instructions;
    if (strategy == STRATEGY_READS)
        begin_log(worker, &result->node);
    machine_cycle(machine, UINT64_MAX);
    if (machine->abandoned) {
        machine_log(machine, NULL); /* it points into the node, which nobody takes */
        return;
    }
    /* not those of judging: they depend on what this worker knows already */
    result->instructions = machine->instructions - before;
    struct node *node = &result->node;
    result->wrong = machine->wrong;
    take_run(worker, node);
    if (node->donor == NODE_NONE && collect && machine->cutting && node->op_count)
        candidate_put(worker, machine->sum, machine->nvm, node->op_count, TORN_CLEAN);
    if (strategy == STRATEGY_READS)
        take_log(worker, result);
    if (node->donor == NODE_NONE && strategy == STRATEGY_READS)
        worker_judge_reads(worker, result);
    else if (node->donor == NODE_NONE)
        judge(worker, result);
    if (node->end == END_RESETS || node->end == END_TOTAL)
        result->point_count = 0; /* soundness.h, 2 */
    if (strategy == STRATEGY_MEET)
        remember(worker, result);
}

void result_release(struct result *result)
{
    free(result->candidates);
    free(result->points);
    free(result->reads);
    free(result->judge_reads);
    free(result->children);
    result->children = NULL;
    result->candidates = NULL;
    result->points = NULL;
    result->reads = result->judge_reads = NULL;
}
