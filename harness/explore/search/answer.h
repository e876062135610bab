/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What answer.c and merge.c share: the states of a batch, and a place in a known run. */
#ifndef OTARIG_EXPLORE_SEARCH_ANSWER_H
#define OTARIG_EXPLORE_SEARCH_ANSWER_H

#include "harness/explore/search/batch.h"
#include "harness/explore/search/worker.h"

/* A state of the batch. */
struct item {
    uint32_t run; /* the node whose run it makes; TREE_NONE: unknown so far */
    struct tree_place place;
    bool own;    /* it makes the run itself */
    bool lead;   /* its own walk is the first one of its kind */
    bool walked; /* its candidates are known */
    bool judged;
    uint32_t alias;                      /* STRATEGY_MERGE: the one that stands for it; NODE_NONE: none */
    struct sum keys[MERGE_TORN_MAX + 1]; /* in the slot of so many torn cuts */
};
struct round {
    struct item *items;
    uint32_t *picked; /* numbers of items */
    uint32_t count, most;
};

/* The number of the i-th state of the batch. */
uint32_t batch_number(const struct batch *batch, uint32_t i);
/* Finds the run of each item; those that nobody knows are run. */
void answer_find_runs(struct batch *batch, struct round *round);
/* Fills in what an answered node has from its run. */
void answer_fill(const struct search *search, struct node *node, uint32_t run);
/* Judges the ends that nobody has judged. */
void answer_judge_ends(struct batch *batch, struct round *round);
/* What this memory is judged by after a run that ended so; TABLE_NONE: unknown. */
uint32_t answer_judgement(const struct search *search, const struct node *node, const uint8_t *nvm);
/* Makes the trail's memory what the item's whole run leaves; trail_back to what is returned undoes it. */
size_t answer_go_to_end(struct batch *batch, struct worker *worker, const struct item *item, uint32_t i);

/* learn.c: a finished run, and what judging its end has read, for all that come after. */
void answer_learn_run(struct search *search, uint32_t number, const struct result *result);
void answer_learn_verdict(struct search *search, const struct result *result);
struct sum answer_lead_key(uint32_t run, unsigned torn); /* in search->leads */

/* A place in a run, which goes on in the one that it met. */
struct cursor {
    const struct search *search;
    const struct node *node;
    uint32_t op;
};
struct cursor cursor_at(const struct search *search, uint32_t run);
void cursor_next(struct cursor *cursor);
const struct op *cursor_op(const struct cursor *cursor);

/* merge.c: who of a batch whose runs are known stands for whom; the others are walked and judged. */
void merge_batch(struct batch *batch, struct round *round);

#endif
