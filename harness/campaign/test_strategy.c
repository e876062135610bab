/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "harness/campaign/strategy.h"

static bool by_chance[64];

/* A board that fails when cut in [from, to). */
static unsigned cuts_to_find(enum strategy_kind kind, double from, double to, const double *phases,
                             size_t phase_count, uint64_t seed, unsigned most)
{
    struct strategy strategy = strategy_begin(kind, 0, 2000, 1, seed);
    double at[6];
    unsigned cuts = 0;
    while (cuts < most) {
        size_t count = strategy_next(&strategy, at, by_chance, 6);
        if (!count)
            break;
        for (size_t i = 0; i < count; i++) {
            bool bad = at[i] >= from && at[i] < to;
            cuts++;
            strategy_tell(&strategy, at[i], bad);
            if (bad) {
                strategy_release(&strategy);
                return cuts;
            }
        }
        for (size_t i = 0; i < phase_count; i++)
            strategy_phase(&strategy, phases[i]);
    }
    strategy_release(&strategy);
    return most;
}

Test(strategy, a_round_has_different_times_in_range)
{
    for (int kind = 0; strategy_names[kind]; kind++) {
        struct strategy strategy = strategy_begin((enum strategy_kind)kind, 100, 131, 1, 7);
        double at[64];
        size_t count = strategy_next(&strategy, at, by_chance, 8);
        cr_expect_eq(count, 8, "%s gave %zu", strategy_names[kind], count);
        for (size_t i = 0; i < count; i++) {
            cr_expect(at[i] >= 100 && at[i] <= 131);
            cr_expect_eq(at[i], (double)(long)at[i]);
            for (size_t k = 0; k < i; k++)
                cr_expect(at[i] != at[k]);
        }
        count = strategy_next(&strategy, at, by_chance, 64); /* more than there are */
        cr_expect_leq(count, 32);
        strategy_release(&strategy);
    }
}

Test(strategy, the_same_seed_gives_the_same_times)
{
    struct strategy a = strategy_begin(STRATEGY_UNIFORM, 0, 1e6, 1, 3),
                    b = strategy_begin(STRATEGY_UNIFORM, 0, 1e6, 1, 3);
    double x[16], y[16];
    strategy_next(&a, x, by_chance, 16);
    strategy_next(&b, y, by_chance, 16);
    cr_expect_arr_eq(x, y, sizeof x);
}

Test(strategy, adaptive_brackets_a_window_to_the_resolution)
{
    struct strategy strategy = strategy_begin(STRATEGY_ADAPTIVE, 0, 2000, 1, 1);
    struct strategy_window windows[4];
    double at[6];
    for (int round = 0; round < 40; round++) {
        size_t count = strategy_next(&strategy, at, by_chance, 6);
        for (size_t i = 0; i < count; i++)
            strategy_tell(&strategy, at[i], at[i] >= 613 && at[i] < 1247);
    }
    cr_assert_eq(strategy_windows(&strategy, windows, 4), 1);
    cr_expect_eq(windows[0].pass_before, 612);
    cr_expect_eq(windows[0].first_fail, 613);
    cr_expect_eq(windows[0].last_fail, 1246);
    cr_expect_eq(windows[0].pass_after, 1247);
    cr_expect(windows[0].bounded_before && windows[0].bounded_after);
    strategy_release(&strategy);
}

/* A needle of 4 ms in a phase of 10 ms out of two seconds. */
Test(strategy, adaptive_looks_into_short_phases)
{
    static const double phases[] = {1500, 1510};
    unsigned adaptive = cuts_to_find(STRATEGY_ADAPTIVE, 1504, 1508, phases, 2, 1, 3000), uniform = 0;
    for (uint64_t seed = 0; seed < 20; seed++)
        uniform += cuts_to_find(STRATEGY_UNIFORM, 1504, 1508, phases, 2, seed, 3000);
    cr_expect_lt(adaptive * 4, uniform / 20, "adaptive %u, uniform %u", adaptive, uniform / 20);
}

/* What was learned must not change what is drawn by chance, nor how often. */
Test(strategy, times_by_chance_know_nothing)
{
    struct strategy learned = strategy_begin(STRATEGY_ADAPTIVE, 0, 2000, 1, 5),
                    other = strategy_begin(STRATEGY_ADAPTIVE, 0, 2000, 1, 5);
    unsigned drawn = 0, given = 0;
    for (int round = 0; round < 12; round++) {
        double at[6], same[6];
        bool chance[6], too[6];
        size_t count = strategy_next(&learned, at, chance, 6);
        cr_assert_eq(strategy_next(&other, same, too, 6), count);
        for (size_t i = 0; i < count; i++) {
            cr_assert_eq(chance[i], too[i]);
            cr_assert(!chance[i] || at[i] == same[i]);
            drawn += chance[i];
            given++;
            strategy_tell(&learned, at[i], at[i] >= 613 && at[i] < 640);
            strategy_tell(&other, same[i], 0);
        }
        strategy_phase(&learned, 600 + round);
    }
    cr_expect_eq(drawn, given / 4);
    strategy_release(&learned);
    strategy_release(&other);
}

Test(strategy, a_window_without_a_pass_beside_it_is_not_bounded)
{
    struct strategy strategy = strategy_begin(STRATEGY_ADAPTIVE, 0, 10, 1, 1);
    struct strategy_window window;
    strategy_tell(&strategy, 4, 1);
    strategy_tell(&strategy, 6, -1);
    cr_assert_eq(strategy_windows(&strategy, &window, 1), 1);
    cr_expect(!window.bounded_before && !window.bounded_after);
    cr_expect_eq(window.fails, 1);
    strategy_release(&strategy);
}

Test(strategy, adaptive_ends_when_all_is_known)
{
    struct strategy strategy = strategy_begin(STRATEGY_ADAPTIVE, 0, 3, 1, 1);
    double at[8];
    for (int round = 0; round < 8; round++)
        for (size_t i = 0, count = strategy_next(&strategy, at, by_chance, 8); i < count; i++)
            strategy_tell(&strategy, at[i], 0);
    cr_expect_eq(strategy_next(&strategy, at, by_chance, 8), 0);
    strategy_release(&strategy);
}
