/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The update state and the swap, on a flash that loses power: at every operation, in four ways, and again at
 * every operation of what follows. The boot loader's decisions are few enough to be written down here once
 * more (boot() below); the pages, the flags and the swap are the firmware's own code. */
#include <criterion/criterion.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "boot/swap.h"
#include "common/flash.h"
#include "common/layout.h"

/* the same with a defect, to see that this test can see one */
void swap_run_flag_first(enum state_list list, uint32_t pages);
#define DEFECT_TRAILER_BEFORE_DATA
#define swap_run swap_run_flag_first
#include "boot/swap.c"
#undef swap_run

/* ---- the flash ---- */

#define FLASH_LEN 0x100000u
enum tear { TEAR_BEFORE, TEAR_HALF, TEAR_ALMOST, TEAR_AFTER, TEARS };

static uint32_t words[FLASH_LEN / 4];
static bool
    weak[FLASH_LEN / PAGE_LEN]; /* its erase was cut: it may read all ones and not hold what is written */
static long operations_left;
static enum tear tear_kind;
static jmp_buf power_lost;
static uint32_t noise;

static uint32_t next_noise(void)
{
    return noise = noise * 1664525u + 1013904223u;
}

uint32_t flash_word(uint32_t address)
{
    return words[address / 4];
}

const uint8_t *flash_at(uint32_t address)
{
    return (const uint8_t *)words + address;
}

static bool cut_here(void)
{
    return operations_left >= 0 && operations_left-- == 0;
}

void flash_write(uint32_t address, uint32_t value)
{
    uint32_t *word = &words[address / 4];
    if (!cut_here()) {
        *word &= value;
        return;
    }
    if (tear_kind == TEAR_HALF)
        *word &= value | next_noise() << 16 | next_noise() >> 16;
    else if (tear_kind == TEAR_ALMOST)
        *word &= value | 1u << (next_noise() >> 27);
    else if (tear_kind == TEAR_AFTER)
        *word &= value;
    longjmp(power_lost, 1);
}

void flash_erase(uint32_t page_address)
{
    uint32_t *page = &words[page_address / 4];
    bool cut = cut_here();
    for (uint32_t i = 0; i < PAGE_LEN / 4; i++) {
        if (!cut || tear_kind >= TEAR_ALMOST)
            page[i] = 0xffffffff;
        else if (tear_kind == TEAR_HALF)
            page[i] |= next_noise() << 16 | next_noise() >> 16;
    }
    if (!cut || tear_kind == TEAR_AFTER)
        weak[page_address / PAGE_LEN] = false;
    else if (tear_kind != TEAR_BEFORE)
        weak[page_address / PAGE_LEN] = true;
    if (cut)
        longjmp(power_lost, 1);
}

/* ---- images: two words at the beginning of each page, the rest is blank ---- */

#define OLD 0x01d01d00u
#define NEW 0x4e574e57u

static bool holds(uint32_t slot, uint32_t image, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        const uint32_t *page = &words[(slot + i * PAGE_LEN) / 4];
        if (page[0] != (image | i) || page[1] != ~(image | i) || weak[slot / PAGE_LEN + i])
            return false;
        for (uint32_t k = 2; k < PAGE_LEN / 4; k++)
            if (page[k] != 0xffffffff)
                return false;
    }
    return true;
}

static void put_image(uint32_t slot, uint32_t image, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        words[(slot + i * PAGE_LEN) / 4] = image | i;
        words[(slot + i * PAGE_LEN) / 4 + 1] = ~(image | i);
    }
}

/* ---- lives ---- */

enum story { STORY_CONFIRM, STORY_REVERT };
struct world {
    enum story story;
    uint32_t pages;
    void (*swap)(enum state_list list, uint32_t pages);
    char why[120]; /* what went wrong */
};

/* as boot/main.c decides */
static void boot(struct world *world)
{
    if (state_over())
        return;
    if (!state_is(STATE_SWAPPED)) {
        world->swap(STATE_STEPS, state_pages());
        state_set(STATE_SWAPPED);
    }
    if (!state_on_trial())
        return;
    if (state_is(STATE_TRIED)) {
        world->swap(STATE_UNDO, state_pages());
        state_set(STATE_REVERTED);
    } else {
        state_set(STATE_TRIED);
    }
}

/* One life from power-up to the next reset; true: the story is over. */
static bool live(struct world *world)
{
    boot(world);
    bool new_runs = holds(SLOT0, NEW, world->pages);
    if (!new_runs && !holds(SLOT0, OLD, world->pages)) {
        snprintf(world->why, sizeof world->why, "what is started is neither the old nor the new image");
        return true;
    }
    if (new_runs && world->story == STORY_CONFIRM)
        state_set(STATE_CONFIRMED);
    if (state_page() && (state_is(STATE_CONFIRMED) || state_is(STATE_REVERTED)))
        return true;
    if (state_over())
        state_request(world->pages, false);
    return false;
}

static void check_end(struct world *world)
{
    bool confirmed = state_is(STATE_CONFIRMED);
    if (world->why[0])
        return;
    if (!holds(SLOT0, confirmed ? NEW : OLD, world->pages) ||
        !holds(SLOT1, confirmed ? OLD : NEW, world->pages))
        snprintf(world->why, sizeof world->why, "in the end the slots do not hold both images");
    else if (!state_over() || state_on_trial())
        snprintf(world->why, sizeof world->why, "the update is not over");
    if (world->why[0])
        return;
    state_request(world->pages, true);
    if (state_over() || state_pages() != world->pages || !state_is(STATE_PERMANENT))
        snprintf(world->why, sizeof world->why, "another update cannot be requested");
}

struct cut {
    long at; /* operations of this life before it */
    enum tear tear;
};

/* The whole story with these cuts, one a life; the number of operations in the life after the last cut. */
static long tell(struct world *world, const struct cut *cuts, int count)
{
    static volatile int life, cuts_made;
    static volatile long used;
    memset(words, 0xff, sizeof words);
    memset(weak, 0, sizeof weak);
    noise = 12345;
    world->why[0] = 0;
    put_image(SLOT0, OLD, world->pages);
    put_image(SLOT1, NEW, world->pages);
    cuts_made = 0;
    used = 0;
    for (life = 0; life < 12; life++) {
        /* a cut's operations are counted over all lives since the last one */
        if (setjmp(power_lost)) {
            cuts_made++;
            used = 0;
            operations_left = -1;
            continue;
        }
        bool more = cuts_made < count;
        operations_left = more ? cuts[cuts_made].at - used : 1000000;
        tear_kind = more ? cuts[cuts_made].tear : TEAR_AFTER;
        long before = operations_left;
        bool over = live(world);
        used += before - operations_left;
        operations_left = -1;
        if (over) {
            check_end(world);
            return used;
        }
    }
    snprintf(world->why, sizeof world->why, "no end within 12 lives");
    return used;
}

/* Every pair of cuts; the number of stories that went wrong. */
static long tell_all_pairs(struct world *world)
{
    long bad = 0, first_length = tell(world, NULL, 0);
    cr_assert_str_eq(world->why, "");
    cr_assert_gt(first_length, 20);
    for (long i = 0; i < first_length; i++)
        for (int a = 0; a < TEARS; a++) {
            struct cut cuts[2] = {{.at = i, .tear = a}};
            long second_length = tell(world, cuts, 1);
            bad += world->why[0] != 0;
            for (long j = 0; j < second_length; j++)
                for (int b = 0; b < TEARS; b++) {
                    cuts[1] = (struct cut){.at = j, .tear = b};
                    tell(world, cuts, 2);
                    bad += world->why[0] != 0;
                    cr_expect(world->swap != swap_run || !world->why[0],
                              "cuts at %ld (tear %d) and %ld (tear %d): %s", i, a, j, b, world->why);
                }
        }
    return bad;
}

Test(state, any_two_cuts_leave_a_board_that_finishes_its_update)
{
    struct world world = {.story = STORY_CONFIRM, .pages = 1, .swap = swap_run};
    cr_expect_eq(tell_all_pairs(&world), 0);
}

Test(state, any_two_cuts_leave_a_board_that_finds_back)
{
    struct world world = {.story = STORY_REVERT, .pages = 1, .swap = swap_run};
    cr_expect_eq(tell_all_pairs(&world), 0);
}

Test(state, several_pages_survive_any_cut)
{
    for (int story = 0; story < 2; story++) {
        struct world world = {.story = story, .pages = 4, .swap = swap_run};
        long length = tell(&world, NULL, 0);
        for (long i = 0; i < length; i++)
            for (int a = 0; a < TEARS; a++) {
                struct cut cut = {.at = i, .tear = a};
                tell(&world, &cut, 1);
                cr_expect_str_eq(world.why, "", "story %d, cut at %ld (tear %d)", story, i, a);
            }
    }
}

/* This test must be able to fail: a flag set before its work is the classic mistake. */
Test(state, a_flag_before_its_work_is_found_out)
{
    struct world world = {.story = STORY_CONFIRM, .pages = 1, .swap = swap_run_flag_first};
    cr_expect_gt(tell_all_pairs(&world), 0);
}

static void raise_with_cut(uint32_t counter, long at, enum tear tear)
{
    operations_left = at;
    tear_kind = tear;
    if (!setjmp(power_lost))
        floor_raise(counter);
    operations_left = -1;
}

Test(state, the_version_floor_survives_any_cut_and_never_sinks)
{
    for (long at = 0; at < 5; at++)
        for (int tear = 0; tear < TEARS; tear++) {
            memset(words, 0xff, sizeof words);
            raise_with_cut(2, -1, TEAR_AFTER);
            raise_with_cut(6, at, tear);
            cr_expect(floor_get() >= 2 && floor_get() <= 6, "%u", floor_get());
            raise_with_cut(6, -1, TEAR_AFTER);
            cr_expect_eq(floor_get(), 6);
            raise_with_cut(3, -1, TEAR_AFTER);
            cr_expect_eq(floor_get(), 6);
        }
}

Test(state, noise_is_no_state)
{
    memset(words, 0, sizeof words);
    cr_expect_eq(state_page(), 0);
    cr_expect(state_over());
    for (uint32_t seed = 1; seed < 200; seed++) {
        noise = seed;
        for (uint32_t i = STATE_A / 4; i < SCRATCH / 4; i++)
            words[i] = next_noise();
        cr_expect_eq(state_page(), 0);
        cr_expect(state_over() && !state_on_trial() && !state_pages());
    }
}
