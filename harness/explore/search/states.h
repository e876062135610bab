/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All states that were found, by number, in the order in which they were: the booted ones come first and are
 * nodes of the search, the others wait. A defective boot loader has millions of them waiting, so those are
 * small, and the index from a digest to a state holds numbers only: what it compares is in the states
 * themselves. */
#ifndef OTARIG_EXPLORE_SEARCH_STATES_H
#define OTARIG_EXPLORE_SEARCH_STATES_H

#include "harness/explore/engine/sum.h"

#define STATE_NONE UINT32_MAX

/* What is known of a state before it is booted. */
struct state {
    struct sum sum;
    uint32_t parent, op; /* power was cut in the parent's run, before this operation (torn: inside of it) */
    uint8_t model, torn, depth;
};

struct search;

/* Any number of threads may call these while nobody adds or takes. */
struct state state_at(const struct search *search, uint32_t number);
/* The first state with this digest after so many torn cuts; STATE_NONE. */
uint32_t state_find(const struct search *search, struct sum sum, unsigned torn);

void state_add(struct search *search, const struct state *state);
/* Some that waited are nodes now (search->done has grown): gives back their room. */
void state_taken(struct search *search);
size_t state_bytes(const struct search *search);
void state_free(struct search *search);

#endif
