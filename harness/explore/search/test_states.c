/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States by number and by digest, while they wait and after they were booted. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "harness/explore/search/search.h"

#define COUNT 50000u

static struct state nth(uint32_t i)
{
    return (struct state){
        .sum = sum_word(i / 2, i), .parent = i / 3, .op = i, .torn = (uint8_t)(i & 1), .depth = 2};
}

static void take(struct search *search, uint32_t until)
{
    while (search->done < until) {
        struct state state = state_at(search, (uint32_t)search->done);
        search->nodes[search->done++] = (struct node){
            .sum = state.sum, .parent = state.parent, .op = state.op, .torn = state.torn, .depth = 2};
    }
    state_taken(search);
}

static void expect_all(const struct search *search)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        struct state wanted = nth(i), state = state_at(search, i);
        cr_assert(sum_equal(state.sum, wanted.sum));
        cr_assert_eq(state.op, i);
        cr_assert_eq(state.parent, i / 3);
        cr_assert_eq(state_find(search, wanted.sum, i & 1), i);
        cr_assert_eq(state_find(search, wanted.sum, !(i & 1)), STATE_NONE);
    }
}

Test(states, are_found_waiting_and_booted)
{
    struct search search = {.nodes = calloc(COUNT, sizeof(struct node))};
    cr_assert_eq(state_find(&search, nth(1).sum, 1), STATE_NONE);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct state state = nth(i);
        state_add(&search, &state);
        if (i % 7 == 0)
            take(&search, i / 3);
    }
    expect_all(&search);
    size_t waiting = search.node_count - search.done;
    cr_expect_leq(state_bytes(&search), waiting * 100 + COUNT * 12, "%zu bytes", state_bytes(&search));
    take(&search, COUNT);
    expect_all(&search);
    cr_expect_leq(state_bytes(&search), COUNT * 12 + 200000, "what was booted waits no more: %zu",
                  state_bytes(&search));
    state_free(&search);
    free(search.nodes);
}

Test(states, are_small_while_they_wait)
{
    struct search search = {0};
    for (uint32_t i = 0; i < COUNT; i++) {
        struct state state = nth(i);
        state_add(&search, &state);
    }
    cr_expect_leq(state_bytes(&search), COUNT * 64, "%zu bytes each", state_bytes(&search) / COUNT);
    state_free(&search);
}
