/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/engine/rot.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/mix.h"

void rot_flip(uint8_t *nvm, uint32_t bit)
{
    nvm[bit >> 3] ^= (uint8_t)(1u << (bit & 7));
}

/* Offsets of the words in which a bit may flip. */
static size_t find_words(const uint8_t *nvm, size_t begin, size_t end, uint32_t *words)
{
    size_t count = 0;
    bool held = false; /* did the word before hold something? */
    for (size_t at = begin & ~(size_t)3; at + 4 <= end; at += 4) {
        uint32_t word;
        memcpy(&word, nvm + at, 4);
        bool holds = word != UINT32_MAX;
        if (holds || held)
            words[count++] = (uint32_t)at;
        held = holds;
    }
    return count;
}

static bool among(const uint32_t *bits, size_t count, uint32_t bit)
{
    for (size_t i = 0; i < count; i++)
        if (bits[i] == bit)
            return true;
    return false;
}

size_t rot_draw(const struct spec *spec, const uint8_t *nvm, unsigned wanted, uint64_t seed, uint32_t *bits)
{
    size_t count = 0, left;
    uint64_t chance = seed;
    for (size_t i = 0; i < spec->rot_count; i++) {
        size_t begin = spec_offset(spec, spec->rot[i].address, &left), end = begin + spec->rot[i].len;
        uint32_t *words = mem_array((end - begin) / 4 + 2, sizeof *words);
        size_t word_count = find_words(nvm, begin, end, words), first = count;
        for (unsigned draw = 0; draw < wanted && word_count; draw++) {
            uint64_t random = mix_next(&chance);
            uint32_t bit = words[random % word_count] * 8 + (uint32_t)(random >> 32) % 32;
            if (!among(bits + first, count - first, bit))
                bits[count++] = bit;
        }
        free(words);
    }
    return count;
}
