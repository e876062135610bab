/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bit rot: bits that flip while the power is off. Where a memory is asked for it, and which bits then. */
#ifndef OTARIG_EXPLORE_ENGINE_ROT_H
#define OTARIG_EXPLORE_ENGINE_ROT_H

#include "harness/explore/spec/spec.h"

#define ROT_PLACES_MAX 64 /* in each region */

/* Draws `wanted` bits in each of the scenario's regions that may rot, among the words that hold something and
 * the blank one behind each stretch of them, where a record would be looked for next. The same for the same
 * memory and seed, none twice. Puts their numbers (8 times the offset in nvm, plus the bit) into `bits`,
 * which has room for spec->rot_count * wanted; returns how many. */
size_t rot_draw(const struct spec *spec, const uint8_t *nvm, unsigned wanted, uint64_t seed, uint32_t *bits);
/* The word that holds this bit, by its offset in nvm. */
static inline size_t rot_word(uint32_t bit)
{
    return (bit >> 3) & ~(size_t)3;
}
static inline uint32_t rot_mask(uint32_t bit)
{
    return UINT32_C(1) << (bit & 31);
}
void rot_flip(uint8_t *nvm, uint32_t bit);

#endif
