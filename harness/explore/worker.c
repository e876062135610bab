/* Runs one state after the other on its own twin. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/memo.h"
#include "harness/explore/rot.h"
#include "harness/explore/soundness.h"
#include "harness/explore/worker.h"

struct sum search_key(struct sum sum, unsigned torn)
{
    return torn ? sum_with(sum, torn) : sum;
}

/* ---- the flash of a node ---- */

static void mark(struct worker *worker, const struct op *op)
{
    const struct spec *spec = worker->search->spec;
    if (op->kind == TWIN_NVM_ERASE_ALL) {
        memset(worker->dirty, 1, worker->machine->touched_count);
        return;
    }
    size_t offset = machine_offset(spec, op->address), len = op->kind == TWIN_NVM_WRITE ? op->len : op->value;
    for (size_t page = offset >> 12; page <= (offset + len - 1) >> 12; page++)
        worker->dirty[page] = 1;
}

static void advance(struct worker *worker, uint32_t to)
{
    for (; worker->parent_op < to; worker->parent_op++) {
        const struct op *op = search_op(worker->search, worker->parent, worker->parent_op);
        search_apply(worker->search->spec, worker->image, op);
        mark(worker, op);
    }
}

static void rebuild(struct worker *worker, uint32_t parent)
{
    const struct search *search = worker->search;
    uint32_t path[256];
    unsigned depth = search->nodes[parent].depth;
    memcpy(worker->image, search->root, search->spec->nvm_size);
    memset(worker->dirty, 1, worker->machine->touched_count);
    search_path(search, parent, path);
    for (unsigned i = 0; i < depth; i++) {
        const struct node *node = &search->nodes[path[i]];
        if (node->model == MODEL_RESET)
            continue; /* its run begins where its parent's does */
        if (node->model == MODEL_ROT) {
            rot_flip(worker->image, node->op);
            continue;
        }
        for (uint32_t op = 0; op < node->op; op++)
            search_apply(search->spec, worker->image, search_op(search, node->parent, op));
        if (node->model)
            search_tear(search->spec, worker->image, search_op(search, node->parent, node->op), node->model,
                        search->options.seed);
    }
    worker->parent = parent;
    worker->parent_op = 0;
    worker->parent_known = true;
}

static void load_image(struct worker *worker, const uint8_t *image)
{
    struct machine *machine = worker->machine;
    size_t size = worker->search->spec->nvm_size;
    for (size_t page = 0; page < machine->touched_count; page++) {
        size_t at = page << 12, len = at + 4096 <= size ? 4096 : size - at;
        if (at < size && (machine->touched[page] || worker->dirty[page]) &&
            memcmp(machine->nvm + at, image + at, len) != 0)
            machine_set(machine, at, image + at, len);
        machine->touched[page] = worker->dirty[page] = 0;
    }
}

static void tear_in_machine(struct worker *worker, const struct state *node)
{
    const struct search *search = worker->search;
    const struct op *op = search_op(search, node->parent, node->op);
    size_t offset = op->kind == TWIN_NVM_ERASE_ALL ? 0 : machine_offset(search->spec, op->address);
    size_t len = op->kind == TWIN_NVM_WRITE       ? op->len
                 : op->kind == TWIN_NVM_ERASE_ALL ? search->spec->nvm_size
                                                  : op->value;
    uint8_t *saved = mem_copy(worker->machine->nvm + offset, len);
    search_tear(search->spec, worker->machine->nvm, op, node->model, search->options.seed);
    uint8_t *torn = mem_copy(worker->machine->nvm + offset, len);
    memcpy(worker->machine->nvm + offset, saved, len);
    machine_set(worker->machine, offset, torn, len);
    free(saved);
    free(torn);
}

const char *worker_load(struct worker *worker, uint32_t number)
{
    static const char incomplete[] =
        "its memory cannot be rebuilt: a journal was incomplete (a defect of the "
        "explorer)";
    const struct search *search = worker->search;
    const struct state state = state_at(search, number), *node = &state;
    if (node->parent == NODE_NONE) {
        memset(worker->dirty, 1, worker->machine->touched_count);
        load_image(worker, search->root);
        memset(worker->dirty, 1, worker->machine->touched_count);
    } else if (node->model == MODEL_RESET) {
        rebuild(worker, node->parent);
        load_image(worker, worker->image);
        worker->machine->reset_at = node->op;
        return sum_equal(worker->machine->sum, search->nodes[node->parent].sum) ? NULL : incomplete;
    } else if (node->model == MODEL_ROT) {
        rebuild(worker, node->parent);
        rot_flip(worker->image, node->op);
        load_image(worker, worker->image);
        worker->parent_known = false; /* the image is not the parent's any more */
    } else {
        if (!worker->parent_known || worker->parent != node->parent || worker->parent_op > node->op)
            rebuild(worker, node->parent);
        advance(worker, node->op);
        load_image(worker, worker->image);
        if (node->model)
            tear_in_machine(worker, node);
    }
    return sum_equal(worker->machine->sum, node->sum) ? NULL : incomplete;
}

static bool on_op(void *arg, struct machine *machine, const struct twin_nvm_op *op)
{
    struct worker *worker = arg;
    size_t k = machine->op_count;
    if (machine->reset_to_come)
        return false; /* so far it is its parent's run */
    if (worker->collect && machine->cutting && candidate_in_alphabet(worker, op)) {
        if (k > 0)
            candidate_put(worker, machine->sum, k, TORN_CLEAN);
        candidate_torn(worker, op);
        candidate_reset(worker);
    }
    return worker->prune && (k == 0 || op->kind != TWIN_NVM_WRITE || k % POINT_EVERY == POINT_EVERY - 1 ||
                             candidate_in_trailer(worker, op));
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
    uint32_t at = table_find(&search->met, search_key(key, torn));
    if (at != TABLE_NONE) {
        const struct point *point = &search->points[at];
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
    worker->machine = machine_new(search->spec, search->options.seed, error);
    if (!worker->machine) {
        free(worker);
        return NULL;
    }
    worker->machine->hooks = (struct machine_hooks){.op = on_op, .point = on_point, .arg = worker};
    worker->image = mem_alloc(search->spec->nvm_size);
    worker->dirty = mem_alloc(worker->machine->touched_count);
    worker->scratch = mem_alloc(search->spec->nvm_size);
    worker->memo = memo_new(search->trailer);
    memset(worker->dirty, 1, worker->machine->touched_count);
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
    free(worker->image);
    free(worker->dirty);
    free(worker->scratch);
    memo_free(worker->memo);
    free(worker);
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
        judge_flash(worker->machine, node->end, node->end_pc, worker->prune ? worker->memo : NULL,
                    &result->verdict);
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

void worker_node(struct worker *worker, uint32_t number, bool collect, bool prune, struct result *result)
{
    struct machine *machine = worker->machine;
    struct state state = state_at(worker->search, number);
    *result = (struct result){.node = {.sum = state.sum,
                                       .parent = state.parent,
                                       .op = state.op,
                                       .model = state.model,
                                       .torn = state.torn,
                                       .depth = state.depth,
                                       .donor = NODE_NONE}};
    worker->result = result;
    worker->number = number;
    worker->collect = collect;
    worker->prune = prune;
    worker->candidate_room = worker->own_room = 0;
    worker->last_page = UINT32_MAX;
    worker->page_candidate = false;
    table_clear(&worker->own);
    result->wrong = worker_load(worker, number);
    if (result->wrong)
        return;
    if (collect)
        candidate_rot(worker);
    uint64_t before = machine->instructions;
    machine_cycle(machine, UINT64_MAX);
    /* not those of judging: they depend on what this worker knows already */
    result->instructions = machine->instructions - before;
    struct node *node = &result->node;
    result->wrong = machine->wrong;
    take_run(worker, node);
    if (node->donor == NODE_NONE) {
        if (collect && machine->cutting && node->op_count)
            candidate_put(worker, machine->sum, node->op_count, TORN_CLEAN);
        judge(worker, result);
    }
    if (node->end == END_RESETS || node->end == END_TOTAL)
        result->point_count = 0; /* soundness.h, 2 */
    if (prune)
        remember(worker, result);
}

void result_release(struct result *result)
{
    free(result->candidates);
    free(result->points);
    result->candidates = NULL;
    result->points = NULL;
}
