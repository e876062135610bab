/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/search/states.h"

#include <stdlib.h>

#include "harness/base/mem.h"
#include "harness/explore/search/search.h"

struct state state_at(const struct search *search, uint32_t number)
{
    if (number >= search->done)
        return search->waiting[number - search->waiting_base];
    const struct node *node = &search->nodes[number];
    return (struct state){node->sum, node->parent, node->op, node->model, node->torn, node->depth};
}

static struct sum key_of(const struct search *search, uint32_t number)
{
    if (number >= search->done) {
        const struct state *state = &search->waiting[number - search->waiting_base];
        return search_key(state->sum, state->torn);
    }
    return search_key(search->nodes[number].sum, search->nodes[number].torn);
}

/* Where this key is, or would be. */
static uint32_t *slot(const struct search *search, struct sum key)
{
    size_t mask = search->index_room - 1;
    for (size_t at = key.low & mask;; at = (at + 1) & mask) {
        uint32_t *entry = &search->index[at];
        if (*entry == STATE_NONE || sum_equal(key_of(search, *entry), key))
            return entry;
    }
}

uint32_t state_find(const struct search *search, struct sum sum, unsigned torn)
{
    return search->index_room ? *slot(search, search_key(sum, torn)) : STATE_NONE;
}

static void grow_index(struct search *search)
{
    free(search->index);
    search->index_room = search->index_room ? search->index_room * 2 : 1024;
    search->index = mem_array(search->index_room, sizeof *search->index);
    for (size_t i = 0; i < search->index_room; i++)
        search->index[i] = STATE_NONE;
    for (uint32_t i = 0; i < search->node_count; i++)
        *slot(search, key_of(search, i)) = i;
}

void state_add(struct search *search, const struct state *state)
{
    size_t count = search->node_count - search->waiting_base;
    if (search->node_count * 3 >= search->index_room * 2)
        grow_index(search);
    if (count == search->waiting_room) {
        search->waiting_room += search->waiting_room / 2 + 1024;
        search->waiting = mem_resize(search->waiting, search->waiting_room, sizeof *search->waiting);
    }
    uint32_t *entry = slot(search, search_key(state->sum, state->torn));
    search->waiting[count] = *state;
    *entry = *entry == STATE_NONE ? (uint32_t)search->node_count : *entry;
    search->node_count++;
}

/* What is taken makes room when it is half of all: each state is moved once on average. */
void state_taken(struct search *search)
{
    size_t gone = search->done - search->waiting_base, left = search->node_count - search->done;
    if (gone < 4096 || gone < left)
        return;
    memmove(search->waiting, search->waiting + gone, left * sizeof *search->waiting);
    search->waiting_base = search->done;
    search->waiting_room = left + 1024;
    search->waiting = mem_resize(search->waiting, search->waiting_room, sizeof *search->waiting);
}

size_t state_bytes(const struct search *search)
{
    return search->waiting_room * sizeof *search->waiting + search->index_room * sizeof *search->index;
}

void state_free(struct search *search)
{
    free(search->waiting);
    free(search->index);
}
