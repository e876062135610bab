/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of a worker share: worker.c runs states, answer.c answers for states without running them,
 * candidate.c says what cuts in their boots leave. */
#ifndef OTARIG_EXPLORE_SEARCH_WORKER_H
#define OTARIG_EXPLORE_SEARCH_WORKER_H

#include "harness/explore/search/search.h"
#include "harness/explore/search/trail.h"

struct worker {
    struct search *search;
    struct machine *machine;
    struct trail trail;
    struct table met, own, judged; /* points of this chunk, of this run; verdicts of this chunk */
    struct found_point *points;    /* those of `met` */
    size_t point_count, point_room;
    struct verdict *verdicts;
    size_t verdict_count;
    /* the run under way */
    struct result *result;
    enum search_strategy strategy;
    bool collect;
    uint32_t number;
    size_t candidate_room, own_room;
    uint32_t last_page;
    unsigned in_page;
    uint32_t trace,
        donor_trace;     /* where this point's segment begins; where that of the point that was met does */
    bool page_candidate; /* the last operation was put among the candidates */
    bool alone;          /* it meets nobody */
    bool merging;        /* states that another one stands for are no candidates */
    bool clean_only;     /* torn cuts and bits that flip were tried before */
    struct merge_walk walk;
    uint8_t *scratch;
    struct memo *memo;
};

/* ---- worker.c ---- */
/* The result of a state of which nothing is known yet. */
void worker_begin(struct worker *worker, uint32_t number, bool collect, struct result *result);
/* Makes the trail's memory that of a state; NULL, or what is wrong: its digest does not fit. */
const char *worker_go(struct worker *worker, uint32_t number);
/* Makes the machine's memory that of the trail. */
void worker_load_trail(struct worker *worker);
/* Judges what the machine's memory holds after this node's run; result->judge_reads: what that looked at. */
void worker_judge_reads(struct worker *worker, struct result *result);

/* ---- answer.c ---- */
/* Is it known what this memory is judged to be, after a run that ended as this node's did? */
bool answer_verdict(const struct search *search, const struct node *node, struct sum sum, const uint8_t *nvm,
                    struct verdict *verdict, struct tree_place *place);

/* ---- candidate.c: what cuts in a run leave ---- */
/* Right before the k-th operation of a run. */
struct moment {
    uint8_t *nvm;           /* is changed for a while */
    struct sum sum, before; /* now, and before the operation before */
    size_t k, cut_first;    /* cut_first: of the operations that may be cut */
};
/* A run begins: candidate_op then hears of each operation that may be cut, in order. */
void candidate_begin(struct worker *worker);
void candidate_op(struct worker *worker, const struct moment *at, const struct op *op);
/* The rest of the run is another one's, which begins with `next`. */
void candidate_met(struct worker *worker, const struct moment *at, const struct op *next);
/* This digest, left by a cut at that operation: a candidate, unless it is known. `nvm`: the memory; NULL: not
 * at hand. */
void candidate_put(struct worker *worker, struct sum sum, const uint8_t *nvm, size_t op, unsigned model);
bool candidate_in_trailer(const struct search *search, const struct op *op);
/* Is this a way to tear that operation? */
bool candidate_tears(const struct search *search, const struct op *op, enum torn_model model);
/* Before the first operation: the power cycle may begin with a bit of its memory flipped. A reset's begins
 * where its parent's does, which has tried that. */
void candidate_rot(struct worker *worker, const struct moment *at);

#endif
