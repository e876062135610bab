/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/search/batch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "harness/base/mem.h"
#include "harness/explore/soundness.h"

double search_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- workers ---- */

struct team {
    struct batch *batch;
    batch_task task;
    void *arg;
    uint32_t count, chunk;
    atomic_uint next; /* chunk */
};
struct hand {
    struct team *team;
    struct worker *worker;
};

static void *work(void *arg)
{
    struct hand *hand = arg;
    struct team *team = hand->team;
    for (;;) {
        uint32_t begin = atomic_fetch_add(&team->next, 1) * team->chunk;
        if (begin >= team->count)
            return NULL;
        worker_begin_chunk(hand->worker);
        for (uint32_t i = begin; i < begin + team->chunk && i < team->count; i++) {
            if (search_is_late(team->batch->search))
                return NULL;
            team->task(team->batch, hand->worker, i, team->arg);
        }
    }
}

void batch_for_each(struct batch *batch, uint32_t count, uint32_t chunk, batch_task task, void *arg)
{
    struct team team = {.batch = batch, .task = task, .arg = arg, .count = count, .chunk = chunk};
    pthread_t threads[64];
    struct hand hands[64];
    bool started[64] = {false};
    unsigned jobs = batch->search->options.jobs;
    for (unsigned i = 1; i < jobs; i++) {
        hands[i] = (struct hand){&team, batch->workers[i]};
        started[i] = pthread_create(&threads[i], NULL, work, &hands[i]) == 0;
    }
    work(&(struct hand){&team, batch->workers[0]});
    for (unsigned i = 1; i < jobs; i++)
        if (started[i])
            pthread_join(threads[i], NULL);
}

static void run_node(struct batch *batch, struct worker *worker, uint32_t i, void *arg)
{
    bool *ran = arg;
    worker_node(worker, batch->first + i, batch->collect, batch->search->options.strategy,
                &batch->results[i]);
    ran[i] = !worker_machine(worker)->abandoned;
}

/* ---- size ---- */

/* States of one level only, so that nobody is met by somebody less deep. */
static void plan(struct batch *batch, uint32_t most)
{
    const struct search *search = batch->search;
    batch->first = (uint32_t)search->done;
    batch->count = 1; /* never called with none left */
    unsigned depth = state_at(search, batch->first).depth;
    while (batch->count < most && batch->first + batch->count < search->node_count &&
           state_at(search, batch->first + batch->count).depth == depth)
        batch->count++;
}

/* Fewer when they take long, so that all workers have something to do. */
uint32_t batch_chunk(const struct batch *batch)
{
    uint32_t chunk = (batch->count + BATCH_CHUNKS - 1) / BATCH_CHUNKS;
    return chunk < CHUNK_LEAST ? CHUNK_LEAST : chunk > CHUNK_NODES ? CHUNK_NODES : chunk;
}

uint32_t batch_next_most(const struct batch *batch, uint32_t most)
{
    uint64_t instructions = 0, candidates = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        instructions += batch->results[i].instructions;
        candidates += batch->results[i].candidate_count;
    }
    uint32_t count = batch->count ? batch->count : 1;
    uint64_t limit = (uint64_t)most * 2;
    uint64_t by_time = BATCH_INSTRUCTIONS / (instructions / count + 1);
    uint64_t by_room = BATCH_CANDIDATES / (candidates / count + 1);
    limit = limit < by_time ? limit : by_time;
    limit = limit < by_room ? limit : by_room;
    limit = limit < BATCH_NODES ? limit : BATCH_NODES;
    return limit < BATCH_LEAST ? BATCH_LEAST : (uint32_t)limit;
}

/* ---- a batch ---- */

void batch_release(struct batch *batch, uint32_t taken)
{
    for (uint32_t i = taken; i < batch->count; i++) {
        free(batch->results[i].node.ops);
        free(batch->results[i].node.text);
        run_log_free(batch->results[i].node.log);
        result_release(&batch->results[i]);
    }
    free(batch->results);
}

int batch_run(struct batch *batch, uint32_t most, struct checkpoint *checkpoint, bool *stored,
              struct error *error)
{
    size_t count = 0;
    plan(batch, most);
    batch->ran = batch->count;
    batch->results = *stored ? checkpoint_read(checkpoint, &count) : NULL;
    batch->stored = *stored = batch->results != NULL;
    if (*stored && count == batch->count)
        return 0;
    if (*stored) {
        batch->count = (uint32_t)count;
        batch_release(batch, 0);
        return error_set(error, ERROR_INPUT, "%s: does not fit this exploration",
                         batch->search->options.checkpoint);
    }
    batch->results = mem_array(batch->count, sizeof *batch->results);
    bool *ran = mem_array(batch->count, sizeof *ran);
    if (batch->search->options.strategy >= STRATEGY_READS)
        answer_batch(batch, ran);
    else
        batch_for_each(batch, batch->count, batch_chunk(batch), run_node, ran);
    for (batch->ran = 0; batch->ran < batch->count && ran[batch->ran];)
        batch->ran++;
    free(ran);
    for (uint32_t i = 0; i < batch->ran; i++)
        if (batch->results[i].wrong) {
            error_set(error, ERROR_SYSTEM, "%s: state %u: %s", batch->search->spec->path, batch->first + i,
                      batch->results[i].wrong);
            batch_release(batch, 0);
            return -1;
        }
    if (!checkpoint || batch->ran < batch->count ||
        !checkpoint_write(checkpoint, batch->results, batch->count, (uint32_t)batch->search->page_count,
                          error))
        return 0;
    batch_release(batch, 0);
    return -1;
}
