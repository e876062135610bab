/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the search by classes share: merge_batch.c takes new states into classes and walks those
 * that stand for one, merge_again.c comes back to states when more is known, merge.c goes level by level. */
#ifndef OTARIG_EXPLORE_SEARCH_MERGE_PARTS_H
#define OTARIG_EXPLORE_SEARCH_MERGE_PARTS_H

#include "harness/explore/search/answer.h"
#include "harness/explore/search/merge.h"

/* The first slot of a state with so many torn cuts. */
static inline unsigned merge_first_torn(const struct search *search, unsigned torn)
{
    return torn < search->merge.from ? search->merge.from : torn;
}

/* ---- merge_batch.c ---- */
/* Does `count` operations of a run to the memory of the trail, and puts what cuts leave among the candidates.
 */
void merge_walk_ops(struct worker *worker, const struct node *node, uint32_t run, uint32_t count);
/* What that walk saw, into the result. */
void merge_hand_over(struct worker *worker, struct result *result);
/* The one that stands for this state; NODE_NONE: itself does, from now on. */
uint32_t merge_take_class(struct search *search, uint32_t number, unsigned torn, const struct sum *keys);

/* ---- merge_again.c: states that were there before; false: the time is over ---- */
bool merge_goes_on(const struct search *search);
/* Looks at all again that what was learnt concerns. *news: something came of it, or has to be passed on. */
bool merge_sync(struct batch *batch, bool last, bool *news);
/* What the exact search has found stands for others from now on. */
bool merge_adopt(struct batch *batch);
/* The torn cuts that the exact search has left out, in boots of states that are so deep. */
bool merge_tear(struct batch *batch, unsigned depth);
/* Those that fail and that cuts in the boots of these leave, as states of their own: they are counted, and
 * one of them may come by fewer cuts. */
bool merge_show(struct batch *batch);

#endif
