/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a slot, as MCUboot lays it out (docs/design.md, "Image trailer"): swap status, swap size, swap
 * info, copy done, image ok, magic; the fields lie 8 bytes apart.
 *
 * Boot loader and application share it: the application asks for an update by the second slot's trailer and
 * confirms by the first one's. */
#ifndef FW_TRAILER_H
#define FW_TRAILER_H

#include <stdbool.h>
#include <stdint.h>

enum trailer_magic { MAGIC_GOOD = 1, MAGIC_BAD, MAGIC_UNSET };
enum trailer_flag { FLAG_SET = 1, FLAG_BAD, FLAG_UNSET };
enum swap_type { SWAP_NONE = 1, SWAP_TEST, SWAP_PERM, SWAP_REVERT, SWAP_FAIL, SWAP_PANIC };

struct trailer {
    enum trailer_magic magic;
    enum swap_type type;
    enum trailer_flag copy_done, image_ok;
    uint32_t swap_size;
};

struct trailer trailer_read(uint32_t slot);
const char *trailer_magic_name(enum trailer_magic magic);

/* What the next boot has to do by the two trailers, when no swap is under way. */
enum swap_type trailer_wanted(const struct trailer *first, const struct trailer *second);
/* A swap has begun and is not over. */
bool trailer_swapping(const struct trailer *first);
/* The running image may still be taken back. */
bool trailer_on_trial(void);

/* Erases the page, in an order that leaves no trailer that looks whole. */
void trailer_erase(uint32_t slot);
/* On an erased page; the magic, last, makes it count. */
void trailer_begin(uint32_t slot, enum swap_type type, bool image_ok, uint32_t swap_size);
void trailer_set_copy_done(uint32_t slot);
void trailer_set_image_ok(uint32_t slot);

/* Steps of a swap that are done, in the first slot's trailer. Steps are done in order, so the highest that is
 * set tells. */
uint32_t trailer_steps_done(void);
void trailer_step_set(uint32_t step);

#endif
