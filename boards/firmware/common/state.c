/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/state.h"

#include "common/flash.h"
#include "common/layout.h"

#define MAGIC 0x0a7a4160u
#define FLAG_BASE 0x40u
#define PAGES_AT 0x20u
#define REASON_AT 0x28u
#define STEPS_AT 0x100u
#define LIST_LEN 0x600u /* bytes: 384 steps, three for each of at most 112 pages */
#define FLAG_VALUE(n) (0x1d0c0000u | (n))
#define STEP_VALUE(n) (0x2e0a0000u | (n))
#define COUNT_VALUE(n) (0x3c050000u | (n))
#define FLOOR_MAX 512u

static bool valid(uint32_t page)
{
    return flash_word(page) == MAGIC && flash_word(page + 4) == ~flash_word(page + 8);
}

uint32_t state_page(void)
{
    bool a = valid(STATE_A), b = valid(STATE_B);
    if (a && b)
        return flash_word(STATE_A + 4) > flash_word(STATE_B + 4) ? STATE_A : STATE_B;
    return a ? STATE_A : b ? STATE_B : 0;
}

static uint32_t flag_at(enum state_flag flag)
{
    return FLAG_BASE + 8u * (uint32_t)flag;
}

bool state_is(enum state_flag flag)
{
    uint32_t page = state_page();
    return page && flash_word(page + flag_at(flag)) == FLAG_VALUE((uint32_t)flag);
}

void state_set(enum state_flag flag)
{
    uint32_t page = state_page();
#ifdef DEFECT_CONFIRM_WRITES_SAME_PAGE
    if (flag == STATE_CONFIRMED && valid(STATE_A))
        page = STATE_A; /* "that is where the state is" */
#endif
    if (page && !state_is(flag))
        flash_write(page + flag_at(flag), FLAG_VALUE((uint32_t)flag));
}

/* A number and its complement; 0 when they do not fit. */
static uint32_t number_at(uint32_t offset)
{
    uint32_t page = state_page();
    if (!page || flash_word(page + offset) != ~flash_word(page + offset + 4))
        return 0;
    return flash_word(page + offset);
}

uint32_t state_pages(void)
{
    uint32_t pages = number_at(PAGES_AT);
    return pages <= SLOT_LEN / PAGE_LEN ? pages : 0;
}

uint32_t state_reason(void)
{
    return number_at(REASON_AT);
}

void state_refuse(uint32_t reason)
{
    uint32_t page = state_page();
    flash_write(page + REASON_AT, reason);
    flash_write(page + REASON_AT + 4, ~reason);
    state_set(STATE_REFUSED);
}

static uint32_t step_at(enum state_list list, uint32_t index)
{
    return STEPS_AT + (list == STATE_UNDO ? LIST_LEN : 0) + 4 * index;
}

bool state_step(enum state_list list, uint32_t index)
{
    return flash_word(state_page() + step_at(list, index)) == STEP_VALUE(index);
}

void state_step_set(enum state_list list, uint32_t index)
{
    flash_write(state_page() + step_at(list, index), STEP_VALUE(index));
}

bool state_on_trial(void)
{
    return state_is(STATE_SWAPPED) && !state_is(STATE_CONFIRMED) && !state_is(STATE_REVERTED);
}

bool state_over(void)
{
    return !state_is(STATE_REQUEST) || state_is(STATE_REFUSED) || state_is(STATE_CONFIRMED) ||
           state_is(STATE_REVERTED);
}

void state_request(uint32_t pages, bool permanent)
{
    uint32_t current = state_page(), other = current == STATE_A ? STATE_B : STATE_A;
    uint32_t sequence = current ? flash_word(current + 4) + 1 : 1;
#ifdef DEFECT_SEQUENCE_WRAPS_AT_THIRD
    sequence %= 3; /* "two pages, so three numbers are enough" */
#endif
    flash_erase(other);
    flash_write(other + PAGES_AT, pages);
    flash_write(other + PAGES_AT + 4, ~pages);
    if (permanent)
        flash_write(other + flag_at(STATE_PERMANENT), FLAG_VALUE((uint32_t)STATE_PERMANENT));
    flash_write(other, MAGIC);
    flash_write(other + 4, sequence);
    flash_write(other + 8, ~sequence);
    state_set(STATE_REQUEST);
}

uint32_t floor_get(void)
{
    uint32_t count = 0;
    while (count < FLOOR_MAX && flash_word(COUNTERS + 4 * count) == COUNT_VALUE(count))
        count++;
    return count;
}

void floor_raise(uint32_t counter)
{
    for (uint32_t count = floor_get(); count < counter && count < FLOOR_MAX; count++)
        flash_write(COUNTERS + 4 * count, COUNT_VALUE(count));
}
