/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stock/swap.h"

#include "common/flash.h"
#include "common/layout.h"
#include "common/sys.h"

static void copy_page(uint32_t from, uint32_t to)
{
    flash_erase(to);
    for (uint32_t at = 0; at < PAGE_LEN; at += 4)
        flash_write(to + at, flash_word(from + at));
}

/* Steps 0 to pages - 1 move up, the two of each page follow. */
static void do_step(uint32_t step, uint32_t pages)
{
    if (step < pages) {
        uint32_t to = SLOT0 + (pages - step) * PAGE_LEN;
        copy_page(to - PAGE_LEN, to);
        return;
    }
    uint32_t offset = (step - pages) / 2 * PAGE_LEN;
    if ((step - pages) % 2 == 0)
        copy_page(SLOT1 + offset, SLOT0 + offset);
    else
        copy_page(SLOT0 + offset + PAGE_LEN, SLOT1 + offset);
}

/* The second slot's trailer says what is to be done until the first one's does. A revert is asked for by the
 * first slot's alone, so it is written into the second, too, before the first is erased: as one that is here
 * to stay. From then on the second one must not be touched: it is all that is left. */
static void begin(enum swap_type type, uint32_t size)
{
    bool stays = type != SWAP_TEST;
#ifdef DEFECT_REVERT_RESUMED_AS_TEST
    stays = type == SWAP_PERM; /* set at the end of it */
#endif
#ifndef DEFECT_REVERT_LOST_WHEN_CUT
    if (type == SWAP_REVERT &&
        (trailer_read(SLOT0).magic == MAGIC_GOOD || trailer_read(SLOT1).magic != MAGIC_GOOD)) {
        trailer_erase(SLOT1);
        trailer_begin(SLOT1, type, true, size);
    }
#endif
#ifdef DEFECT_STATUS_OF_LAST_SWAP
    if (trailer_read(SLOT0).magic == MAGIC_GOOD)
        return; /* "it is there already" */
#endif
#ifdef DEFECT_CONFIRMED_FOR_EVER
    stays |= trailer_read(SLOT0).image_ok == FLAG_SET; /* what was here is kept: also that it was confirmed */
#endif
    trailer_erase(SLOT0);
    trailer_begin(SLOT0, type, stays, size);
}

static void run_step(uint32_t step, uint32_t pages)
{
#ifdef DEFECT_STATUS_BEFORE_COPY
    trailer_step_set(step);
    do_step(step, pages);
#else
    do_step(step, pages);
    trailer_step_set(step);
#endif
}

void swap_run(enum swap_type type, uint32_t size, bool resumed)
{
    if (!resumed)
        begin(type, size);
    uint32_t pages = (size + PAGE_LEN - 1) / PAGE_LEN, done = trailer_steps_done();
#ifdef DEFECT_STATUS_IN_RAM
    if (!resumed)
        done = 0;
#endif
    /* also when it looks erased: a page whose erase was cut may read so */
    if (!done)
        trailer_erase(SLOT1);
    for (uint32_t step = done; step < 3 * pages; step++) {
        run_step(step, pages);
#ifdef ODD_TWO_BOOTS
        if (step + 1 == pages)
            reset_chip(); /* the second half in a boot of its own */
#endif
    }
#ifdef DEFECT_REVERT_RESUMED_AS_TEST
    if (type == SWAP_REVERT)
        trailer_set_image_ok(SLOT0);
#endif
    trailer_set_copy_done(SLOT0);
}
