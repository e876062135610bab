/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A digest of non-volatile memory that can be kept up to date word by word: the XOR of one 128-bit hash for
 * each word that is not erased. Erased words count nothing, so an erase only takes out what was there. */
#ifndef OTARIG_EXPLORE_ENGINE_SUM_H
#define OTARIG_EXPLORE_ENGINE_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "harness/base/mix.h"

struct sum {
    uint64_t low, high;
};

/* The share of the word at this offset in nvm (offset / 4). */
static inline struct sum sum_word(uint32_t index, uint32_t value)
{
    if (value == UINT32_MAX)
        return (struct sum){0, 0};
    uint64_t key = (uint64_t)index << 32 | value;
    return (struct sum){mix64(key + MIX_STEP), mix64(key ^ 0xd1b54a32d192ed03u)};
}

static inline struct sum sum_xor(struct sum a, struct sum b)
{
    return (struct sum){a.low ^ b.low, a.high ^ b.high};
}

static inline bool sum_equal(struct sum a, struct sum b)
{
    return a.low == b.low && a.high == b.high;
}

/* The whole words that hold bytes offset .. offset + len - 1 of nvm. */
static inline struct sum sum_span(const uint8_t *nvm, size_t offset, size_t len)
{
    struct sum sum = {0, 0};
    for (size_t at = offset & ~(size_t)3; at < offset + len; at += 4) {
        uint32_t word;
        memcpy(&word, nvm + at, 4);
        sum = sum_xor(sum, sum_word((uint32_t)(at / 4), word));
    }
    return sum;
}

/* One more thing put into a digest; not undone by XOR. */
static inline struct sum sum_with(struct sum sum, uint64_t more)
{
    return (struct sum){mix64(sum.low + mix64(more + 1)), mix64(sum.high ^ mix64(~more))};
}

#endif
