/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image of non-volatile memory that goes from state to state: down the path of cuts that leads to one,
 * back up as far as the next one's path is the same. Its digest is kept along. */
#ifndef OTARIG_EXPLORE_SEARCH_TRAIL_H
#define OTARIG_EXPLORE_SEARCH_TRAIL_H

#include "harness/explore/search/search.h"
#include "harness/explore/soundness.h"

struct trail_undo {
    uint32_t word, value;
};
/* What one cut of the path did: the first `op` operations of a run, then a tear or a flipped bit. */
struct trail_step {
    uint32_t run, op;
    uint8_t model;
    size_t undo, undo_model; /* what is to be undone from there on: all of it, or only what `model` did */
    size_t mark;             /* in marks: where each operation's undoing begins */
};
struct trail {
    const struct search *search;
    uint8_t *image;
    struct sum sum;
    struct sum *page_sums; /* of it, one per 4 KiB */
    uint8_t *dirty;        /* one per 4 KiB: changed since the owner of this array cleared it */
    struct trail_step steps[DEPTH_MAX + 1];
    unsigned step_count;
    struct trail_undo *undo;
    size_t undo_count, undo_room;
    uint32_t *marks;
    size_t mark_count, mark_room;
};

void trail_init(struct trail *trail, const struct search *search);
void trail_release(struct trail *trail);
/* Forgets where it is: the search has another root, or nodes were taken back. */
void trail_reset(struct trail *trail);
/* The memory that this state's run begins with. A state with MODEL_RESET is its parent's again. */
void trail_go(struct trail *trail, const struct state *state);
/* Does an operation; trail_back undoes all since `undo_count` was this. */
void trail_apply(struct trail *trail, const struct op *op);
/* What the digest would be after this whole erase, which is not done; false: it is none. */
bool trail_after_erase(const struct trail *trail, const struct op *op, struct sum *sum);
/* Makes the memory this image; trail_back undoes it, too. */
void trail_set(struct trail *trail, const uint8_t *image);
void trail_back(struct trail *trail, size_t undo_count);

#endif
