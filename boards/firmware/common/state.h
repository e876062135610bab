/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of an update, in flash, safe at every cut.
 *
 * Two pages take turns. A page is valid when its header words are exact: magic, sequence number, its
 * complement. The valid page with the higher number is the current one. A new update erases the other page
 * and writes its header last, so until that last word is whole the old page, whose update is over, stays
 * current. A half erased page cannot become valid by accident: erasing only turns zeros into ones, and a
 * number whose bits rise no longer fits its complement.
 *
 * Everything after the header is a flag: one word at a fixed place that counts only when it has exactly its
 * value. A torn word has some of the bits still 1, so it does not count, and writing the same value again
 * completes it. Flags are only ever set, in this order: REQUEST, [step 0 .. step n-1], SWAPPED, TRIED, then
 * CONFIRMED or [undo 0 .. undo n-1], REVERTED; or REFUSED. A step's flag is set after its work; work is
 * repeated when its flag is missing, and begins with an erase, because a page whose erase was cut may read
 * all ones and still be no good. */
#ifndef FW_STATE_H
#define FW_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum state_flag {
    STATE_REQUEST,
    STATE_PERMANENT,
    STATE_REFUSED,
    STATE_SWAPPED,
    STATE_TRIED,
    STATE_CONFIRMED,
    STATE_REVERTED,
    STATE_FLAGS
};
enum state_list { STATE_STEPS, STATE_UNDO };

uint32_t state_page(void); /* the current page; 0: none */
bool state_is(enum state_flag flag);
void state_set(enum state_flag flag);
uint32_t state_pages(void);  /* pages that the swap covers; 0: none or unreadable */
uint32_t state_reason(void); /* why REFUSED, an enum image_fault */
void state_refuse(uint32_t reason);
bool state_step(enum state_list list, uint32_t index);
void state_step_set(enum state_list list, uint32_t index);
/* An image is on trial: it runs, or is about to, and is not confirmed. Slot 1 holds the way back. */
bool state_on_trial(void);
/* A new update: the previous one must be over. `pages` to swap. */
void state_request(uint32_t pages, bool permanent);
bool state_over(void);

/* The version floor: one word for each count, only ever set. */
uint32_t floor_get(void);
void floor_raise(uint32_t counter);

#endif
