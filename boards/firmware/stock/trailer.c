/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stock/trailer.h"

#include "common/flash.h"
#include "common/layout.h"

#define MAGIC_AT (SLOT_LEN - 16)
#define IMAGE_OK_AT (SLOT_LEN - 24)
#define COPY_DONE_AT (SLOT_LEN - 32)
#define SWAP_INFO_AT (SLOT_LEN - 40)
#define SWAP_SIZE_AT (SLOT_LEN - 48)
#define STEPS_MAX 384u /* three for each of 128 pages */
#define STEPS_AT (SWAP_SIZE_AT - 4 * STEPS_MAX)

static const uint32_t magic_words[4] = {0xf395c277, 0x7fefd260, 0x0f505235, 0x8079b62c};

static enum trailer_magic read_magic(uint32_t slot)
{
    uint32_t good = 0, blank = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t word = flash_word(slot + MAGIC_AT + 4 * i);
        good += word == magic_words[i];
        blank += word == 0xffffffff;
    }
    return good == 4 ? MAGIC_GOOD : blank == 4 ? MAGIC_UNSET : MAGIC_BAD;
}

static enum trailer_flag read_flag(uint32_t address)
{
    uint8_t value = (uint8_t)flash_word(address);
    return value == 1 ? FLAG_SET : value == 0xff ? FLAG_UNSET : FLAG_BAD;
}

struct trailer trailer_read(uint32_t slot)
{
    uint8_t info = flash_word(slot + SWAP_INFO_AT) & 15;
    struct trailer trailer = {.magic = read_magic(slot),
                              .type = info <= SWAP_REVERT && info ? (enum swap_type)info : SWAP_NONE,
                              .copy_done = read_flag(slot + COPY_DONE_AT),
                              .image_ok = read_flag(slot + IMAGE_OK_AT),
                              .swap_size = flash_word(slot + SWAP_SIZE_AT)};
    return trailer;
}

const char *trailer_magic_name(enum trailer_magic magic)
{
    static const char *const names[] = {"", "good", "bad", "unset"};
    return names[magic];
}

bool trailer_swapping(const struct trailer *first)
{
    return first->magic == MAGIC_GOOD && first->copy_done != FLAG_SET;
}

enum swap_type trailer_wanted(const struct trailer *first, const struct trailer *second)
{
    if (second->magic == MAGIC_GOOD)
        return second->image_ok == FLAG_SET ? SWAP_PERM : SWAP_TEST;
#ifdef DEFECT_REVERT_WANTS_UNSET_MAGIC
    if (second->magic != MAGIC_UNSET)
        return SWAP_NONE; /* no rule of the table has a bad one */
#endif
    if (first->magic == MAGIC_GOOD && first->copy_done == FLAG_SET && first->image_ok != FLAG_SET)
        return SWAP_REVERT;
    return SWAP_NONE;
}

bool trailer_on_trial(void)
{
    struct trailer first = trailer_read(SLOT0);
    return first.magic == MAGIC_GOOD && first.image_ok != FLAG_SET;
}

/* An erase that is cut takes each word at its own time: "copy done" may be gone while the magic still stands,
 * and the rest of an old swap's steps would be done once more. Without its magic none of it counts. */
void trailer_erase(uint32_t slot)
{
#ifndef DEFECT_TRAILER_ERASED_AT_ONCE
    if (read_magic(slot) != MAGIC_UNSET)
        flash_write(slot + MAGIC_AT, 0);
#endif
    flash_erase(slot + SLOT_LEN - PAGE_LEN);
}

void trailer_begin(uint32_t slot, enum swap_type type, bool image_ok, uint32_t swap_size)
{
    flash_write(slot + SWAP_INFO_AT, 0xffffff00 | (uint32_t)type);
    if (image_ok)
        trailer_set_image_ok(slot);
    if (swap_size)
        flash_write(slot + SWAP_SIZE_AT, swap_size);
    for (uint32_t i = 0; i < 4; i++)
        flash_write(slot + MAGIC_AT + 4 * i, magic_words[i]);
}

void trailer_set_copy_done(uint32_t slot)
{
    flash_write(slot + COPY_DONE_AT, 0xffffff01);
}

void trailer_set_image_ok(uint32_t slot)
{
    flash_write(slot + IMAGE_OK_AT, 0xffffff01);
}

/* ---- steps ---- */

#ifdef DEFECT_STATUS_IN_RAM
/* "flash wears out, and a reset keeps the RAM" */
__attribute__((section(".noinit"))) static uint32_t ram_mark, ram_steps;
#define RAM_MARK 0x53574150u

uint32_t trailer_steps_done(void)
{
    return ram_mark == RAM_MARK && ram_steps <= STEPS_MAX ? ram_steps : 0;
}

void trailer_step_set(uint32_t step)
{
    ram_mark = RAM_MARK;
    ram_steps = step + 1;
}
#else
#define STEP_VALUE(n) (0x57000000u | (n))

uint32_t trailer_steps_done(void)
{
    uint32_t steps = STEPS_MAX;
    while (steps && flash_word(SLOT0 + STEPS_AT + 4 * (steps - 1)) != STEP_VALUE(steps - 1))
        steps--;
    return steps;
}

void trailer_step_set(uint32_t step)
{
    flash_write(SLOT0 + STEPS_AT + 4 * step, STEP_VALUE(step));
}
#endif
