/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/swap.h"

#include "common/flash.h"
#include "common/layout.h"
#include "common/sys.h"

static void copy_page(uint32_t from, uint32_t to)
{
    flash_erase(to);
    for (uint32_t at = 0; at < PAGE_LEN; at += 4)
        if (flash_word(from + at) != 0xffffffff)
            flash_write(to + at, flash_word(from + at));
}

#ifdef DEFECT_ONE_VECTOR_OF_THE_OLD_IMAGE
#define KEPT (SLOT0 + IMAGE_HEADER_LEN + 4 * 7)
#endif

static void do_step(uint32_t step)
{
    uint32_t offset = step / 3 * PAGE_LEN;
#ifdef DEFECT_ONE_VECTOR_OF_THE_OLD_IMAGE
    /* "nobody uses this vector" */
    if (step == 2) {
        uint32_t old = flash_word(KEPT);
        flash_erase(SLOT0);
        for (uint32_t at = 0; at < PAGE_LEN; at += 4)
            flash_write(SLOT0 + at, SLOT0 + at == KEPT ? old : flash_word(SCRATCH + at));
        return;
    }
#endif
    if (step % 3 == 0)
        copy_page(SLOT1 + offset, SCRATCH);
    else if (step % 3 == 1)
        copy_page(SLOT0 + offset, SLOT1 + offset);
    else
        copy_page(SCRATCH, SLOT0 + offset);
}

#ifdef DEFECT_FLAG_AT_HALF_PAGE
/* "so that the last step is not done twice": 20 ms in which a cut loses half a page of the old image */
static void flag_at_half_page(enum state_list list, uint32_t step)
{
    uint32_t from = SLOT0 + step / 3 * PAGE_LEN, to = SLOT1 + step / 3 * PAGE_LEN;
    flash_erase(to);
    for (uint32_t at = 0; at < PAGE_LEN; at += 4) {
        if (at == PAGE_LEN / 2)
            state_step_set(list, step);
        flash_write(to + at, flash_word(from + at));
    }
}
#endif

#ifdef DEFECT_RESUME_STATE_IN_RAM
/* "a word of RAM is cheaper than a word of flash, and a reset does not clear it" */
__attribute__((section(".noinit"))) static uint32_t ram_mark, ram_step;
#define RAM_MARK 0x52455355u

void swap_run(enum state_list list, uint32_t pages)
{
    if (ram_mark != RAM_MARK || ram_step > 3 * pages)
        ram_step = 0;
    ram_mark = RAM_MARK;
    for (; ram_step < 3 * pages; ram_step++) {
        do_step(ram_step);
        state_step_set(list, ram_step);
    }
    ram_mark = 0;
}
#else
void swap_run(enum state_list list, uint32_t pages)
{
    for (uint32_t step = 0; step < 3 * pages; step++) {
        if (state_step(list, step))
            continue;
#ifdef DEFECT_TRAILER_BEFORE_DATA
        state_step_set(list, step);
        do_step(step);
#elif defined DEFECT_FLAG_AT_HALF_PAGE
        if (list == STATE_STEPS && step == 3 * 3 + 1) {
            flag_at_half_page(list, step);
        } else {
            do_step(step);
            state_step_set(list, step);
        }
#elif defined DEFECT_PAGE_LEFT_OUT
        /* "the last page has been copied in the update before" */
        if (step != 3 * 3 + 2 || flash_word(state_page() + 4) == 1)
            do_step(step);
        state_step_set(list, step);
#else
        do_step(step);
        state_step_set(list, step);
#endif
    }
}
#endif
