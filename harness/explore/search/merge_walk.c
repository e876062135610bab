/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/worker.h"

/* Runs of which nothing is known are told apart by where the look-up ended. */
static struct sum place_key(const struct tree_place *place, unsigned torn)
{
    struct sum sum = sum_with((struct sum){place->node, ~(uint64_t)place->read}, place->value);
    return sum_with(sum, torn);
}

void merge_walk_begin(struct worker *worker, uint32_t slot)
{
    struct merge_walk *walk = &worker->walk;
    struct table told = walk->told;
    struct merge_child *children = walk->children;
    size_t room = walk->room;
    table_clear(&told);
    *walk = (struct merge_walk){.slot = slot, .told = told, .children = children, .room = room};
}

/* The slot of the state that was looked up last, had one more cut been torn. */
static uint32_t torn_slot(const struct worker *worker)
{
    const struct search *search = worker->search;
    uint32_t slot = worker->walk.slot;
    return slot == TABLE_NONE
               ? TABLE_NONE
               : merge_slot(search, search->merge.slots[slot].run, worker->result->node.torn + 1);
}

void merge_walk_op(struct worker *worker, const struct op *op)
{
    struct merge_walk *walk = &worker->walk;
    uint32_t torn = torn_slot(worker);
    if (walk->slot != TABLE_NONE && !walk->changed)
        walk->changed = merge_changes(worker->search, walk->slot, op);
    if (torn == walk->slot)
        walk->torn_changed = walk->changed;
    else if (torn != TABLE_NONE && !walk->torn_changed)
        walk->torn_changed = merge_changes(worker->search, torn, op);
}

static void add_child(struct merge_walk *walk, uint32_t run, size_t op, unsigned torn)
{
    if (walk->count == walk->room) {
        walk->room = walk->room ? walk->room * 2 : 64;
        walk->children = mem_resize(walk->children, walk->room, sizeof *walk->children);
    }
    walk->children[walk->count++] = (struct merge_child){run, (uint32_t)op, (uint8_t)torn};
}

bool merge_tears_alike(struct worker *worker, const struct op *op, size_t k)
{
    struct merge_walk *walk = &worker->walk;
    const struct search *search = worker->search;
    uint32_t slot = torn_slot(worker);
    if (walk->whole || slot == TABLE_NONE || walk->changed || walk->torn_changed || walk->fails ||
        merge_changes(search, slot, op))
        return false;
    if (!walk->torn_known) /* what counts there counts here, as for any other state that a cut leaves */
        add_child(walk, search->merge.slots[slot].run, k, search->merge.slots[slot].torn);
    return walk->torn_known = true;
}

/* The states that follow are the same as this one as long as nothing changes that counts there. */
static void look_from(struct worker *worker, uint32_t slot, bool clean)
{
    if (!clean)
        return;
    worker->walk.slot = slot;
    worker->walk.changed = worker->walk.torn_changed = worker->walk.torn_known = worker->walk.fails = false;
}

/* Does the one that stands for it fail, so that it belongs to a window? */
static bool wanted(struct worker *worker, uint32_t stands, bool clean)
{
    bool fails = worker->walk.failing && search_fails_anew(worker->search, stands);
    worker->walk.fails = clean ? fails : worker->walk.fails;
    return fails;
}

/* It was found before, as it is. *shorter: but by more cuts, and it is wanted. */
static bool is_found(struct worker *worker, struct sum sum, size_t op, unsigned torn, bool clean,
                     bool *shorter)
{
    const struct search *search = worker->search;
    uint32_t number = STATE_NONE;
    for (unsigned t = 0; t <= torn && number == STATE_NONE; t++)
        number = state_find(search, sum, t);
    if (number == STATE_NONE)
        return false;
    if (number >= search->done) {
        worker->walk.incomplete = true;
        look_from(worker, TABLE_NONE, clean);
        return true;
    }
    uint32_t run = search_run_of(search, number);
    add_child(&worker->walk, run, op, torn);
    look_from(worker, merge_slot(search, run, torn), clean);
    *shorter = wanted(worker, number, clean) && search->nodes[number].depth > worker->result->node.depth + 1;
    return true;
}

static bool is_new(struct worker *worker, struct sum sum, const uint8_t *nvm, size_t op, unsigned torn,
                   bool clean, struct sum *told)
{
    const struct search *search = worker->search;
    struct merge_walk *walk = &worker->walk;
    struct tree_place place;
    if (clean && nvm && !walk->whole && walk->slot != TABLE_NONE && !walk->changed)
        return walk->fails;
    bool shorter = false;
    if (is_found(worker, sum, op, torn, clean, &shorter))
        return shorter;
    if (!nvm) {
        walk->incomplete = true;
        return true;
    }
    uint32_t run = tree_find(&search->runs, nvm, &place);
    uint32_t slot = run == TREE_NONE ? TABLE_NONE : merge_slot(search, run, torn);
    look_from(worker, slot, clean);
    if (slot == TABLE_NONE) {
        walk->incomplete = true;
        *told = place_key(&place, torn);
        return walk->whole || table_put(&walk->told, *told, 0);
    }
    add_child(walk, run, op, torn);
    struct sum key = merge_key(search, slot, nvm);
    uint32_t stands = table_find(&search->merge.classes, key);
    if (stands != TABLE_NONE)
        return wanted(worker, stands, clean);
    *told = key;
    return walk->whole || table_put(&walk->told, key, 0);
}

bool merge_is_new(struct worker *worker, struct sum sum, const uint8_t *nvm, size_t op, unsigned torn,
                  bool clean, struct sum *told)
{
    if (!is_new(worker, sum, nvm, op, torn, clean, told))
        return false;
    worker->walk.incomplete |= worker->walk.foreign;
    return !worker->walk.foreign;
}
