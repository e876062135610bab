/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shell/records.h"

#include "common/flash.h"
#include "common/layout.h"

/* sequence, state and slot, the complement of both words mixed, the first word again: written in this order
 */
#define RECORD_LEN 16u
#define PER_PAGE (PAGE_LEN / RECORD_LEN)
#define MARK 0x5e110000u

static bool whole(uint32_t at)
{
    uint32_t sequence = flash_word(at), what = flash_word(at + 4);
    return (what & 0xffff0000) == MARK && flash_word(at + 8) == ~(sequence ^ what) &&
           flash_word(at + 12) == sequence;
}

/* The newest record; 0: none. */
static uint32_t newest(void)
{
    static const uint32_t pages[] = {RECORDS_A, RECORDS_B};
    uint32_t best = 0;
    for (uint32_t page = 0; page < 2; page++)
        for (uint32_t at = pages[page]; at < pages[page] + PAGE_LEN; at += RECORD_LEN)
            if (whole(at) && (!best || flash_word(at) > flash_word(best)))
                best = at;
    return best;
}

struct record record_get(void)
{
    uint32_t at = newest();
    uint32_t what = at ? flash_word(at + 4) : 0;
    struct record record = {.state = (enum record_state)(what >> 8 & 15), .slot = what & 1};
    if (!at)
        record.state = RECORD_CONFIRMED;
    return record;
}

static bool blank(uint32_t at)
{
    for (uint32_t i = 0; i < RECORD_LEN; i += 4)
        if (flash_word(at + i) != 0xffffffff)
            return false;
    return true;
}

/* Where the next record goes; one that was cut is passed over. */
static uint32_t place_after(uint32_t last)
{
    uint32_t page = last & ~(PAGE_LEN - 1), other = page == RECORDS_A ? RECORDS_B : RECORDS_A;
    if (!last) {
        flash_erase(RECORDS_A);
        return RECORDS_A;
    }
#ifdef DEFECT_RECORDS_IN_PLACE
    flash_erase(page); /* "one record is enough" */
    return page;
#endif
    for (uint32_t at = last + RECORD_LEN; at < page + PAGE_LEN; at += RECORD_LEN)
        if (blank(at))
            return at;
    flash_erase(other);
    return other;
}

void record_put(enum record_state state, uint32_t slot)
{
    uint32_t last = newest(), sequence = last ? flash_word(last) + 1 : 1;
#ifdef DEFECT_RECORDS_RUN_OUT
    if (sequence > 4)
        return; /* "nobody updates it twice" */
#endif
    uint32_t what = MARK | (uint32_t)state << 8 | slot, at = place_after(last);
    flash_write(at, sequence);
    flash_write(at + 4, what);
    flash_write(at + 8, ~(sequence ^ what));
    flash_write(at + 12, sequence);
}
