/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Digests, tables and the physics of tears. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explore/engine/sum.h"
#include "harness/explore/engine/table.h"
#include "harness/explore/engine/model.h"

Test(sum, follows_single_words)
{
    uint8_t nvm[256];
    memset(nvm, 0xff, sizeof nvm);
    struct sum sum = sum_span(nvm, 0, sizeof nvm);
    cr_assert(sum_equal(sum, (struct sum){0, 0}));
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t at = i * 7919 % 64, value = i * 2654435761u, before;
        memcpy(&before, nvm + 4 * at, 4);
        memcpy(nvm + 4 * at, &value, 4);
        sum = sum_xor(sum, sum_xor(sum_word(at, before), sum_word(at, value)));
        cr_assert(sum_equal(sum, sum_span(nvm, 0, sizeof nvm)));
    }
    sum = sum_xor(sum, sum_span(nvm, 5, 6)); /* the words that hold bytes 5 to 10 */
    memset(nvm + 4, 0xff, 8);
    cr_assert(sum_equal(sum, sum_span(nvm, 0, sizeof nvm)));
}

Test(sum, tells_places_apart)
{
    cr_assert_not(sum_equal(sum_word(0, 1), sum_word(1, 1)));
    cr_assert_not(
        sum_equal(sum_xor(sum_word(0, 1), sum_word(1, 2)), sum_xor(sum_word(0, 2), sum_word(1, 1))));
    cr_assert_not(sum_equal(sum_with(sum_word(0, 1), 2), sum_with(sum_word(0, 1), 3)));
}

Test(table, keeps_first_values)
{
    struct table table = {0};
    for (uint32_t i = 0; i < 5000; i++)
        cr_assert(table_put(&table, sum_word(i, i * 3), i));
    for (uint32_t i = 0; i < 5000; i++) {
        cr_assert_not(table_put(&table, sum_word(i, i * 3), 7));
        cr_assert_eq(table_find(&table, sum_word(i, i * 3)), i);
    }
    cr_assert_eq(table_find(&table, sum_word(5001, 1)), TABLE_NONE);
    table_clear(&table);
    cr_assert_eq(table_find(&table, sum_word(1, 3)), TABLE_NONE);
    table_free(&table);
}

Test(torn, words_lie_between)
{
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t before = (uint32_t)mix64(i), value = before & (uint32_t)mix64(~(uint64_t)i);
        for (enum torn_model model = TORN_ONE_BIT; model < TORN_FIRST_HALF; model++) {
            uint32_t word = torn_word(model, 1, 4 * i, before, value);
            cr_assert_eq(word & value, value); /* a bit that stays 1 stays 1 */
            cr_assert_eq(word & ~before, 0u);  /* no bit rises */
            cr_assert_eq(word, torn_word(model, 1, 4 * i, before, value));
        }
        uint32_t falling = before & ~value;
        if (!falling)
            continue;
        cr_assert_eq(__builtin_popcount(before & ~torn_word(TORN_ONE_BIT, 1, i, before, value)), 1);
        cr_assert_eq(__builtin_popcount(torn_word(TORN_ALL_BUT_ONE, 1, i, before, value) & falling), 1);
    }
}

Test(torn, erases_only_raise_bits)
{
    uint8_t before[256], page[256], ones[256];
    memset(ones, 0xff, sizeof ones);
    for (size_t i = 0; i < sizeof before; i++)
        before[i] = (uint8_t)mix64(i);
    for (enum torn_model model = TORN_FIRST_HALF; model < TORN_MODELS; model++) {
        if (!torn_is_erase(model) || (model >= TORN_WORDS + 12 && model < TORN_PAGE_LANES))
            continue; /* a page of 2^6 words */
        if (model >= TORN_PAGE && model < TORN_WORDS)
            continue; /* one run of words: no subset but all of it */
        memcpy(page, before, sizeof page);
        torn_erase(model, 3, 0x1000, page, ones, sizeof page);
        cr_assert_neq(memcmp(page, before, sizeof page), 0);
        bool whole = true;
        for (size_t i = 0; i < sizeof page; i++) {
            cr_assert_eq(page[i] & before[i], before[i]);
            whole = whole && page[i] == 0xff;
        }
        cr_assert_not(whole);
    }
}

/* Every way in which some of the groups of a word's bits fell, once each. */
static void expect_flags(uint32_t before, uint32_t value, unsigned expected)
{
    uint32_t seen[16];
    unsigned count = 0;
    for (enum torn_model model = TORN_FLAGS; model < TORN_LANES; model++) {
        uint32_t word = torn_word(model, 1, 0, before, value);
        if (word == before)
            continue;
        cr_assert_eq(word & value, value & before);
        cr_assert_eq(word & ~before, 0u);
        cr_assert_neq(word, before & value);
        for (unsigned i = 0; i < count; i++)
            cr_assert_neq(word, seen[i]);
        seen[count++] = word;
    }
    cr_expect_eq(count, expected, "%08x to %08x: %u", before, value, count);
}

Test(torn, flags_are_exhaustive)
{
    cr_expect_str_eq(model_names[TORN_LANES - 1], "flags-14");
    cr_expect_str_eq(model_names[TORN_MODELS - 1], "moment-6");
    cr_expect_str_eq(model_names[MODEL_RESET], "reset");
    expect_flags(0xffffffff, 0xffffffff, 0);
    expect_flags(0xffffffff, 0xfffffffe, 0);
    expect_flags(0xffffffff, 0x7ffffffe, 2);
    expect_flags(0xffffffff, 0xfff8ffff, 6);  /* three bits */
    expect_flags(0xffffffff, 0x7effffee, 14); /* four bits */
    expect_flags(0xffffffff, 0xffffff01, 14); /* one flag of a byte: pairs of its bits */
    expect_flags(0xffffffff, 0x12345678, 14); /* magic: its bytes */
    expect_flags(0xffffffff, 0xff123456, 6);  /* three bytes */
    expect_flags(0x0000ffff, 0x00001234, 14); /* half a word: its half bytes */
    cr_expect_eq(torn_word((enum torn_model)(TORN_FLAGS + 8), 1, 0, UINT32_MAX, 0x12345678), 0x12ffff78);
    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t value = (uint32_t)mix64(i), word = torn_word(TORN_FLAGS + i % 14, 1, 0, UINT32_MAX, value);
        cr_assert_eq(word & value, value);
    }
}
