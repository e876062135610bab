#include "harness/explore/search.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/explore/soundness.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- questions about what was found ---- */

void search_path(const struct search *search, uint32_t number, uint32_t *path)
{
    for (unsigned i = search->nodes[number].depth; i-- > 0; number = search->nodes[number].parent)
        path[i] = number;
}

char *search_text(const struct search *search, uint32_t number, size_t *len)
{
    char *text = NULL;
    size_t from = 0;
    *len = 0;
    for (;;) {
        const struct node *node = &search->nodes[number];
        size_t more = node->text_len > from ? node->text_len - from : 0;
        text = mem_resize(text, *len + more + 1, 1);
        if (more)
            memcpy(text + *len, node->text + from, more);
        *len += more;
        text[*len] = 0;
        if (node->donor == NODE_NONE)
            return text;
        from = node->donor_text;
        number = node->donor;
    }
}

unsigned search_odd_cuts(const struct search *search)
{
    const struct search_options *options = &search->options;
    return options->torn ? options->torn : options->resets || options->rot;
}

size_t search_bytes(const struct search *search)
{
    return search->node_room * sizeof *search->nodes + search->point_room * sizeof *search->points +
           table_bytes(&search->visited) + table_bytes(&search->met) + table_bytes(&search->judged) +
           search->verdict_count * sizeof *search->verdicts + search->journal_bytes;
}

double search_rate(const struct search *search)
{
    return (double)(search->done - search->resumed) / (search->wall_s + 1e-9);
}

/* ---- taking results in ---- */

static void add_node(struct search *search, const struct node *node)
{
    if (search->node_count == search->node_room) {
        search->node_room = search->node_room ? search->node_room * 2 : 1024;
        search->nodes = mem_resize(search->nodes, search->node_room, sizeof *search->nodes);
    }
    table_put(&search->visited, search_key(node->sum, node->torn), (uint32_t)search->node_count);
    search->nodes[search->node_count++] = *node;
}

static uint32_t add_verdict(struct search *search, const struct verdict *verdict)
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

static void take_verdict(struct search *search, uint32_t number, const struct result *result)
{
    struct node *node = &search->nodes[number];
    if (node->donor == NODE_NONE) {
        node->flash_verdict = add_verdict(search, &result->verdict);
        struct sum key = sum_with(sum_with(node->final, node->end), node->end_pc);
        table_put(&search->judged, key, node->flash_verdict);
    } else {
        node->flash_verdict = search->nodes[node->donor].flash_verdict;
    }
    node->verdict = node->flash_verdict;
    if (!has_text_clauses(search->spec))
        return;
    struct verdict verdict = search->verdicts[node->flash_verdict];
    size_t len;
    char *text = search_text(search, number, &len);
    judge_text(search->spec, text, len, &verdict);
    free(text);
    node->verdict = add_verdict(search, &verdict);
}

static void take_points(struct search *search, const struct result *result)
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

static void take_candidates(struct search *search, uint32_t number, const struct result *result)
{
    for (size_t i = 0; i < result->candidate_count; i++) {
        const struct candidate *candidate = &result->candidates[i];
        bool known = false;
        for (unsigned t = 0; t <= candidate->torn && !known; t++)
            known = table_find(&search->visited, search_key(candidate->sum, t)) != TABLE_NONE;
        if (known)
            continue;
        struct node node = {.sum = candidate->sum,
                            .parent = number,
                            .op = candidate->op,
                            .model = candidate->model,
                            .torn = candidate->torn,
                            .depth = (uint8_t)(search->nodes[number].depth + 1),
                            .donor = NODE_NONE};
        add_node(search, &node);
    }
}

/* A state that fails in a way of its own is a finding, not a way to more of them: shorter sequences are what
 * is looked for. What fails like the run without any cut tells nothing, so it goes on. */
static bool goes_on(const struct search *search, uint32_t number)
{
    uint32_t verdict = search->nodes[number].flash_verdict;
    return !search->verdicts[verdict].fails || verdict == search->nodes[0].flash_verdict;
}

static void take(struct search *search, uint32_t number, struct result *result)
{
    search->nodes[number] = result->node;
    search->done = number + 1u;
    search->journal_bytes += result->node.op_count * sizeof *result->node.ops + result->node.text_len;
    take_verdict(search, number, result);
    take_points(search, result);
    if (goes_on(search, number))
        take_candidates(search, number, result);
    else
        search->not_cut_further++;
    if (result->node.donor == NODE_NONE)
        search->ran_to_end++;
    else
        search->inherited++;
    search->loops += result->node.end == END_LOOP;
    search->instructions += result->instructions;
    if (search->nodes[number].depth > search->depth)
        search->depth = search->nodes[number].depth;
    result_release(result);
}

/* ---- workers ---- */

struct batch {
    struct search *search;
    struct worker **workers;
    struct result *results;
    bool *ran;
    uint32_t first, count, chunk;
    bool collect;
    double deadline;  /* 0: none */
    atomic_uint next; /* chunk */
};
struct hand {
    struct batch *batch;
    struct worker *worker;
};

static void *work(void *arg)
{
    struct hand *hand = arg;
    struct batch *batch = hand->batch;
    for (;;) {
        uint32_t begin = atomic_fetch_add(&batch->next, 1) * batch->chunk;
        if (begin >= batch->count)
            return NULL;
        worker_begin_chunk(hand->worker);
        for (uint32_t i = begin; i < begin + batch->chunk && i < batch->count; i++) {
            if (batch->deadline > 0 && seconds() > batch->deadline)
                return NULL;
            worker_node(hand->worker, batch->first + i, batch->collect, batch->search->options.prune,
                        &batch->results[i]);
            batch->ran[i] = true;
        }
    }
}

static void run_batch(struct batch *batch, unsigned jobs)
{
    pthread_t threads[64];
    struct hand hands[64];
    bool started[64] = {false};
    atomic_store(&batch->next, 0);
    for (unsigned i = 1; i < jobs; i++) {
        hands[i] = (struct hand){batch, batch->workers[i]};
        started[i] = pthread_create(&threads[i], NULL, work, &hands[i]) == 0;
    }
    work(&(struct hand){batch, batch->workers[0]});
    for (unsigned i = 1; i < jobs; i++)
        if (started[i])
            pthread_join(threads[i], NULL);
}

/* ---- trailers ---- */

static void take_trailers(struct search *search)
{
    const struct spec *spec = search->spec;
    for (size_t i = 0; i < spec->trailer_count; i++) {
        size_t offset = machine_offset(spec, spec->trailers[i].address);
        for (size_t at = offset; at < offset + spec->trailers[i].len; at += 4096)
            search->trailer[at >> 12] = 1;
    }
}

/* Pages that are come back to again and again for few operations each: flags, not data. */
static void find_trailers(struct search *search)
{
    const struct spec *spec = search->spec;
    size_t pages = (spec->nvm_size >> 12) + 1, last = SIZE_MAX;
    uint32_t *visits = mem_array(pages, sizeof *visits), *writes = mem_array(pages, sizeof *writes);
    const struct node *root = &search->nodes[0];
    for (uint32_t i = 0; i < root->op_count; i++) {
        if (root->ops[i].kind != TWIN_NVM_WRITE)
            continue;
        size_t page = machine_offset(spec, root->ops[i].address) >> 12;
        visits[page] += page != last;
        writes[page]++;
        last = page;
    }
    for (size_t i = 0; i < pages; i++)
        search->trailer[i] = writes[i] && writes[i] <= 16 * visits[i];
    free(visits);
    free(writes);
}

/* ---- the search ---- */

static void progress(const struct search *search, double began, bool last)
{
    static double shown;
    double now = seconds();
    if (!search->options.progress || (!last && now - shown < 0.2))
        return;
    shown = now;
    size_t queue = search->node_count - search->done;
    double rate = (double)(search->done - search->resumed) / (now - began + 1e-9);
    fprintf(stderr, "\r%zu states, depth %u, %.0f/s, %zu waiting, about %.0f s  \033[K%s", search->done,
            search->depth, rate, queue, rate > 0 ? (double)queue / rate : 0, last ? "\n" : "");
}

static bool memory_is_full(const struct search *search)
{
    return search->options.memory_max && search_bytes(search) > search->options.memory_max;
}

/* How many states come next, and how many of them to a worker. Nodes of one level only, so that nobody is met
 * by somebody less deep; fewer when they take long or lead to many, so that a limit is kept and all workers
 * have something to do. It depends on what was found, never on time or workers. */
static void plan_batch(const struct search *search, struct batch *batch, uint32_t most)
{
    while (batch->count < most && batch->first + batch->count < search->node_count &&
           search->nodes[batch->first + batch->count].depth == search->nodes[batch->first].depth)
        batch->count++;
    uint32_t chunk = (batch->count + BATCH_CHUNKS - 1) / BATCH_CHUNKS;
    batch->chunk = chunk < CHUNK_LEAST ? CHUNK_LEAST : chunk > CHUNK_NODES ? CHUNK_NODES : chunk;
}

static uint32_t next_most(const struct batch *batch, uint32_t most)
{
    uint64_t instructions = 0, candidates = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        instructions += batch->results[i].instructions;
        candidates += batch->results[i].candidate_count;
    }
    uint64_t limit = (uint64_t)most * 2;
    uint64_t by_time = BATCH_INSTRUCTIONS / (instructions / batch->count + 1);
    uint64_t by_room = BATCH_CANDIDATES / (candidates / batch->count + 1);
    limit = limit < by_time ? limit : by_time;
    limit = limit < by_room ? limit : by_room;
    limit = limit < BATCH_NODES ? limit : BATCH_NODES;
    return limit < BATCH_LEAST ? BATCH_LEAST : (uint32_t)limit;
}

/* From the checkpoint or by running it; 0: taken, and written. The first `ran` results count. */
static int do_batch(struct search *search, struct batch *batch, struct checkpoint *checkpoint, bool *stored,
                    uint32_t *ran, struct error *error)
{
    const struct search_options *options = &search->options;
    size_t count = 0;
    *ran = batch->count;
    batch->results = *stored ? checkpoint_read(checkpoint, &count) : NULL;
    *stored = batch->results != NULL;
    if (*stored && count != batch->count)
        return error_set(error, ERROR_INPUT, "%s: does not fit this exploration", options->checkpoint);
    if (*stored)
        return 0;
    batch->results = mem_array(batch->count, sizeof *batch->results);
    batch->ran = mem_array(batch->count, sizeof *batch->ran);
    run_batch(batch, options->jobs);
    for (*ran = 0; *ran < batch->count && batch->ran[*ran];)
        ++*ran;
    free(batch->ran);
    return checkpoint && *ran == batch->count ? checkpoint_write(checkpoint, batch->results, *ran, error) : 0;
}

static void drop_results(struct batch *batch, uint32_t from)
{
    for (uint32_t i = from; i < batch->count; i++) {
        free(batch->results[i].node.ops);
        free(batch->results[i].node.text);
        result_release(&batch->results[i]);
    }
    free(batch->results);
}

static int explore(struct search *search, struct worker **workers, struct checkpoint *checkpoint,
                   struct error *error)
{
    const struct search_options *options = &search->options;
    double began = seconds();
    uint32_t most = 1, ran;
    size_t failures = 0;
    bool stored = checkpoint != NULL;
    while (search->done < search->node_count && !search->bound) {
        uint32_t first = (uint32_t)search->done;
        unsigned depth = search->nodes[first].depth;
        bool collect = options->depth < 0 ? depth < 255 : depth < (unsigned)options->depth;
        struct batch batch = {.search = search, .workers = workers, .first = first, .collect = collect};
        plan_batch(search, &batch, most);
        if (first && options->budget_s > 0)
            batch.deadline = began + options->budget_s;
        if (do_batch(search, &batch, checkpoint, &stored, &ran, error)) {
            drop_results(&batch, 0);
            return -1;
        }
        if (ran < batch.count)
            search->bound = "time budget";
        else
            most = next_most(&batch, most);
        uint32_t taken = 0;
        for (; taken < ran && !(first && memory_is_full(search)); taken++) {
            take(search, first + taken, &batch.results[taken]);
            failures += first + taken > 0 && !goes_on(search, first + taken);
        }
        search->resumed += stored ? taken : 0;
        if (taken < ran)
            search->bound = "memory";
        drop_results(&batch, taken);
        if (first == 0 && !search->spec->trailers_given)
            find_trailers(search);
        progress(search, began, search->done == search->node_count || search->bound);
        bool level_over = search->done < search->node_count && search->nodes[search->done].depth != depth;
        if (search->bound)
            search->unfinished = true;
        else if (level_over && failures && options->first)
            search->bound = "first depth with failures";
    }
    search->fixpoint = !search->bound && options->depth < 0 && search->depth < 255;
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
                        options->prune};
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
    struct node node = {.sum = sum_span(search->root, 0, search->spec->nvm_size & ~(size_t)3),
                        .parent = NODE_NONE,
                        .donor = NODE_NONE};
    add_node(search, &node);
}

/* What the twin had to say about the boot without a cut: registers it does not model, and the like. From a
 * machine of its own, so that the list does not depend on who ran what. */
static int take_notes(struct search *search, struct error *error)
{
    struct machine *machine = machine_new(search->spec, search->options.seed, error);
    if (!machine)
        return -1;
    machine_load(machine, search->root);
    machine_cycle(machine, UINT64_MAX);
    search->notes = machine->notes;
    search->note_count = machine->note_count;
    machine->notes = NULL;
    machine->note_count = 0;
    machine_free(machine);
    return 0;
}

int search_run(struct search *search, const struct spec *spec, const struct search_options *options,
               const uint8_t *start, struct error *error)
{
    struct worker *workers[64] = {NULL};
    struct checkpoint *checkpoint = NULL;
    *search = (struct search){.spec = spec, .options = *options};
    search->options.jobs = options->jobs < 1 ? 1 : options->jobs > 64 ? 64 : options->jobs;
    search->trailer = mem_alloc((spec->nvm_size >> 12) + 1);
    take_trailers(search);
    double began = seconds();
    int result = 0;
    for (unsigned i = 0; i < search->options.jobs && !result; i++)
        result = (workers[i] = worker_new(search, error)) ? 0 : -1;
    if (!result)
        make_root(search, worker_machine(workers[0]), start);
    if (!result && options->checkpoint)
        result = (checkpoint = checkpoint_open(options->checkpoint, identity(search), error)) ? 0 : -1;
    if (!result)
        result = explore(search, workers, checkpoint, error);
    if (!result && options->prune)
        search_self_test(search, workers[0]);
    if (!result)
        result = take_notes(search, error);
    checkpoint_close(checkpoint);
    for (unsigned i = 0; i < search->options.jobs; i++)
        worker_free(workers[i]);
    search->wall_s = seconds() - began;
    return result;
}

void search_free(struct search *search)
{
    for (size_t i = 0; i < search->node_count; i++) {
        free(search->nodes[i].ops);
        free(search->nodes[i].text);
    }
    for (size_t i = 0; i < search->note_count; i++)
        free(search->notes[i]);
    free(search->notes);
    free(search->nodes);
    free(search->points);
    free(search->verdicts);
    free(search->trailer);
    free(search->root);
    table_free(&search->visited);
    table_free(&search->met);
    table_free(&search->judged);
    *search = (struct search){0};
}
