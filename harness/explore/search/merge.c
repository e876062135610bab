/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search by classes of states (merge.h). It begins where the exact one has ended: with all states that
 * have fewer torn cuts, which stand for others, too. Level by level, new states are looked up and taken into
 * a class, or walked and judged. What is learnt about the words that count makes classes finer: then their
 * members are looked at again (sync). It is over when a look at all of them brings nothing. */
#include "harness/explore/search/merge_parts.h"

/* Those that waited for their turn, as deep as that. */
static void let_in(struct search *search, unsigned depth)
{
    for (; search->late_taken < search->late_count && search->late[search->late_taken].depth <= depth;
         search->late_taken++) {
        const struct state *state = &search->late[search->late_taken];
        bool known = false;
        for (unsigned t = 0; t <= state->torn && !known; t++)
            known = state_find(search, state->sum, t) != STATE_NONE;
        if (!known)
            state_add(search, state);
    }
}

/* The next level has states, all of them; false: there is none. *torn: up to which depth torn cuts in boots
 * of states that were found exactly were tried. */
static bool begin_level(struct batch *batch, unsigned *level, unsigned *torn)
{
    struct search *search = batch->search;
    for (;;) {
        bool waits = search->done < search->node_count, late = search->late_taken < search->late_count;
        unsigned depth = waits ? state_at(search, (uint32_t)search->done).depth : UINT32_MAX;
        if (late && search->late[search->late_taken].depth < depth)
            depth = search->late[search->late_taken].depth;
        if (*torn < search->merge.exact_depth && *torn < depth) {
            if (!merge_tear(batch, (*torn)++))
                return false;
            continue;
        }
        if (!waits && !late)
            return false;
        *level = depth;
        let_in(search, depth);
        return true;
    }
}

static bool any_incomplete(const struct merge *merge)
{
    for (size_t i = 0; i < merge->rep_count; i++)
        if (merge->reps[i].incomplete)
            return true;
    return false;
}

int merge_explore(struct search *search, struct worker **workers, double began, struct error *error)
{
    struct batch again = {.search = search, .workers = workers};
    uint32_t most = 64;
    unsigned level = UINT32_MAX, torn = 0;
    size_t failures = 0;
    bool news = true, shown = false, good = !search->done || merge_adopt(&again);
    search->merge.exact_depth = search->done ? search->depth + 1 : 0;
    while (good && !search->bound && !search->contradiction) {
        bool waits = search->done < search->node_count;
        if (!waits || state_at(search, (uint32_t)search->done).depth != level) {
            bool last =
                !waits && search->late_taken == search->late_count && torn >= search->merge.exact_depth;
            good = !search->done || merge_sync(&again, last, &news);
            if (good && !begin_level(&again, &level, &torn)) {
                good = merge_goes_on(search);
                if (good && !news && !shown) {
                    good = shown = merge_show(&again);
                    continue;
                }
                if (!news)
                    break;
                continue;
            }
        }
        if (!good || search->done == search->node_count)
            continue; /* all that were let in are known by now */
        if (search_step(search, workers, &most, true, &failures, began, error))
            return -1;
    }
    if (search->contradiction && !search->bound)
        search->bound = "contradiction";
    if (!good && !search->bound)
        search->bound = search_late_bound();
    if (!search->bound && any_incomplete(&search->merge))
        search->bound = "memory"; /* for runs: some are told apart by nothing but that */
    search->unfinished |= search->bound != NULL;
    search_shorten_all(search); /* paths are as long as depths say, however it ended */
    return 0;
}

size_t merge_cut_further(const struct search *search)
{
    size_t count = 0;
    for (size_t i = 0; i < search->merge.rep_count; i++)
        count += search_goes_on(search, search->merge.reps[i].node);
    return count;
}

uint32_t merge_find(const struct search *search, struct sum sum, const uint8_t *nvm, unsigned torn)
{
    for (unsigned t = 0; t <= torn; t++) {
        uint32_t number = state_find(search, sum, t);
        if (number != STATE_NONE && number < search->done)
            return search->nodes[number].merged ? search->nodes[number].alias : number;
    }
    uint32_t run = tree_find(&search->runs, nvm, NULL);
    uint32_t slot = run == TREE_NONE ? TABLE_NONE : merge_slot(search, run, merge_first_torn(search, torn));
    return slot == TABLE_NONE ? UINT32_MAX : table_find(&search->merge.classes, merge_key(search, slot, nvm));
}
