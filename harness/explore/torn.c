#include "harness/explore/torn.h"

#include <string.h>

#include "harness/explore/sum.h"

const char *const torn_names[] = {"clean",     "one-bit",          "all-but-one", "random-bits", "first-half",
                                  "last-half", "random-page-bits", "reset",       NULL};

static uint64_t draw(enum torn_model model, uint64_t seed, uint32_t address, uint32_t what)
{
    return mix64(mix64(seed + (uint64_t)model) ^ ((uint64_t)address << 32 | what));
}

static uint32_t nth_bit(uint32_t bits, unsigned n)
{
    while (n--)
        bits &= bits - 1;
    return bits & ~(bits - 1);
}

uint32_t torn_word(enum torn_model model, uint64_t seed, uint32_t address, uint32_t before, uint32_t value)
{
    uint32_t falling = before & ~value;
    unsigned count = (unsigned)__builtin_popcount(falling);
    if (!count)
        return before;
    uint64_t random = draw(model, seed, address, before ^ value * 31);
    switch (model) {
    case TORN_ONE_BIT:
        return before & ~nth_bit(falling, (unsigned)(random % count));
    case TORN_ALL_BUT_ONE:
        return value | nth_bit(falling, (unsigned)(random % count));
    case TORN_RANDOM:
        return before & ~(falling & (uint32_t)random);
    default:
        return before;
    }
}

void torn_erase(enum torn_model model, uint64_t seed, uint32_t address, uint8_t *page, size_t len)
{
    if (model == TORN_FIRST_HALF)
        memset(page, 0xff, len / 2);
    else if (model == TORN_LAST_HALF)
        memset(page + len / 2, 0xff, len - len / 2);
    for (size_t i = 0; model == TORN_BITS && i + 4 <= len; i += 4) {
        uint32_t word;
        memcpy(&word, page + i, 4);
        word |= (uint32_t)draw(model, seed, address + (uint32_t)i, 0);
        memcpy(page + i, &word, 4);
    }
}
