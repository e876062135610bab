/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chance that repeats: the finalizer of splitmix64 (G. L. Steele, D. Lea, C. H. Flood, "Fast splittable
 * pseudorandom number generators", OOPSLA 2014). Every bit of the argument reaches every bit of the result;
 * nothing here is for cryptography. */
#ifndef OTARIG_BASE_MIX_H
#define OTARIG_BASE_MIX_H

#include <stdint.h>

#define MIX_STEP UINT64_C(0x9e3779b97f4a7c15) /* from one state of splitmix64 to the next */

static inline uint64_t mix64(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* The next number of the stream. */
static inline uint64_t mix_next(uint64_t *state)
{
    return mix64(*state += MIX_STEP);
}

/* 0 <= result < 1 */
static inline double mix_unit(uint64_t number)
{
    return (double)(number >> 11) / 9007199254740992.0;
}

#endif
