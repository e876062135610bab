/* What the files of a worker share: worker.c runs states, candidate.c says what cuts in their boots leave. */
#ifndef OTARIG_EXPLORE_WORKER_H
#define OTARIG_EXPLORE_WORKER_H

#include "harness/explore/search.h"

struct worker {
    struct search *search;
    struct machine *machine;
    /* flash of `parent` after its first `parent_op` operations */
    uint8_t *image, *dirty;
    uint32_t parent, parent_op;
    bool parent_known;
    struct table met, own, judged; /* points of this chunk, of this run; verdicts of this chunk */
    struct found_point *points;    /* those of `met` */
    size_t point_count, point_room;
    struct verdict *verdicts;
    size_t verdict_count;
    /* the run under way */
    struct result *result;
    bool collect, prune;
    uint32_t number;
    size_t candidate_room, own_room;
    uint32_t last_page;
    unsigned in_page;
    bool page_candidate; /* the last operation was put among the candidates */
    uint8_t *scratch;
    struct memo *memo;
};

/* ---- candidate.c: all of them at the operation that is about to happen ---- */
/* This digest, left by a cut at that operation: a candidate, unless it is known. */
void candidate_put(struct worker *worker, struct sum sum, size_t op, unsigned model);
bool candidate_in_trailer(const struct worker *worker, const struct twin_nvm_op *op);
/* Is this operation cut? In the reduced alphabet: erases, everything in trailers, and the first, second and
 * last word of a stretch in one page. Asked of each operation in order. */
bool candidate_in_alphabet(struct worker *worker, const struct twin_nvm_op *op);
void candidate_torn(struct worker *worker, const struct twin_nvm_op *op);
void candidate_reset(struct worker *worker);
/* Before the first operation: the power cycle may begin with a bit of its memory flipped. A reset's begins
 * where its parent's does, which has tried that. */
void candidate_rot(struct worker *worker);

#endif
