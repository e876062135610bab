/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A batch: states of one level that workers boot side by side, between two merges of what was found. Its size
 * and results depend on what was found before, never on time or on the number of workers. */
#ifndef OTARIG_EXPLORE_SEARCH_BATCH_H
#define OTARIG_EXPLORE_SEARCH_BATCH_H

#include "harness/explore/search/search.h"

struct batch {
    struct search *search;
    struct worker **workers;
    bool collect;        /* what cuts in their boots would leave */
    uint32_t first;      /* search->done */
    uint32_t count, ran; /* ran: the first ones of them; fewer only because of the deadline */
    struct result *results;
    bool stored;             /* they come from the checkpoint */
    bool merging;            /* states that another one stands for are not cut further (merge.h) */
    const uint32_t *numbers; /* NULL: from `first` on */
};

/* Takes the next stored batch while *stored, else boots the states and stores them when all ran. `most`: of
 * the batch before, 1 at first. On -1 nothing is left to release. */
int batch_run(struct batch *batch, uint32_t most, struct checkpoint *checkpoint, bool *stored,
              struct error *error);
/* How many states the next one may have. */
uint32_t batch_next_most(const struct batch *batch, uint32_t most);
/* Releases results[taken] and all behind it; those before belong to the search. */
void batch_release(struct batch *batch, uint32_t taken);

/* Calls the task for 0 .. count - 1 from all workers, each with `chunk` of them in order; in no more once
 * the time is over. Returns when all are done. */
typedef void (*batch_task)(struct batch *batch, struct worker *worker, uint32_t i, void *arg);
void batch_for_each(struct batch *batch, uint32_t count, uint32_t chunk, batch_task task, void *arg);
uint32_t batch_chunk(const struct batch *batch);

/* answer.c: the same by what runs read. ran[i]: the i-th result is whole. */
void answer_batch(struct batch *batch, bool *ran);

double search_seconds(void); /* CLOCK_MONOTONIC */

#endif
