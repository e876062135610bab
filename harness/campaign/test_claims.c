/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Campaigns against boards whose truth is known: how often is what is said of them false? */
#include <criterion/criterion.h>
#include <math.h>

#include "harness/base/mix.h"
#include "harness/campaign/claims.h"
#include "harness/campaign/strategy.h"
#include "harness/record/confidence.h"

#define PHASES 3
#define ROUND 12
#define HIGH 100.0
#define RESOLUTION 0.1
#define CELLS 1001

/* Phases begin at these times; a cut in a window fails, and one elsewhere with `rate`. */
struct board {
    double begins[PHASES], from[2], to[2], rate;
};

static int phase_at(const struct board *board, double at)
{
    int phase = 0;
    while (phase + 1 < PHASES && at >= board->begins[phase + 1])
        phase++;
    return phase;
}

static double fails_at(const struct board *board, double at)
{
    for (int i = 0; i < 2; i++)
        if (at >= board->from[i] && at < board->to[i])
            return 1;
    return board->rate;
}

static void truth_of(const struct board *board, double truth[PHASES])
{
    double cells[PHASES] = {0};
    for (int phase = 0; phase < PHASES; phase++)
        truth[phase] = 0;
    for (int i = 0; i < CELLS; i++) {
        int phase = phase_at(board, i * RESOLUTION + RESOLUTION / 100);
        cells[phase]++;
        truth[phase] += fails_at(board, i * RESOLUTION + RESOLUTION / 100);
    }
    for (int phase = 0; phase < PHASES; phase++)
        truth[phase] /= cells[phase];
}

static bool all_below(const struct claim claims[PHASES], double below)
{
    for (int phase = 0; phase < PHASES; phase++)
        if (claim_bounds(&claims[phase], 0.95, true).below >= below)
            return false;
    return true;
}

/* As `otarig run --strategy` does it. */
static void campaign(const struct board *board, enum strategy_kind kind, unsigned cuts, double below,
                     uint64_t seed, struct claim claims[PHASES])
{
    struct strategy strategy = strategy_begin(kind, 0, HIGH, RESOLUTION, seed);
    uint64_t chance = seed * 77 + 1;
    double at[ROUND];
    bool by_chance[ROUND];
    for (unsigned done = 0; done < cuts;) {
        size_t wanted = cuts - done < ROUND ? cuts - done : ROUND;
        size_t count = strategy_next(&strategy, at, by_chance, wanted);
        if (!count && below > 0 && strategy.kind == STRATEGY_ADAPTIVE) {
            strategy.kind = STRATEGY_UNIFORM;
            continue;
        }
        if (!count)
            break;
        for (size_t i = 0; i < count; i++) {
            double time = at[i] + RESOLUTION / 100; /* not on the edge of a cell */
            int outcome = mix_unit(mix_next(&chance)) < fails_at(board, time);
            strategy_tell(&strategy, at[i], outcome);
            claim_take(&claims[phase_at(board, time)], outcome, by_chance[i]);
        }
        for (int phase = 1; phase < PHASES; phase++)
            strategy_phase(&strategy, board->begins[phase]);
        done += (unsigned)count;
        if (below > 0 && all_below(claims, below))
            break;
    }
    strategy_release(&strategy);
}

/* The share of campaigns whose statement of a phase is false, for the phase where it is most often. */
static double share_false(const struct board *board, enum strategy_kind kind, unsigned campaigns,
                          unsigned cuts, double below, bool any_time, bool above)
{
    unsigned wrong[PHASES] = {0}, worst = 0;
    double truth[PHASES];
    truth_of(board, truth);
    for (uint64_t seed = 1; seed <= campaigns; seed++) {
        struct claim claims[PHASES] = {0};
        campaign(board, kind, cuts, below, seed, claims);
        for (int phase = 0; phase < PHASES; phase++) {
            struct claim_bounds bounds = claim_bounds(&claims[phase], 0.95, any_time);
            if (any_time)
                wrong[phase] += bounds.above > truth[phase] || bounds.below < truth[phase];
            else
                wrong[phase] += above ? bounds.above > truth[phase] : bounds.below < truth[phase];
        }
    }
    for (int phase = 0; phase < PHASES; phase++)
        worst = wrong[phase] > worst ? wrong[phase] : worst;
    return (double)worst / campaigns;
}

/* so many campaigns scatter around 5 %: three standard deviations */
static double most(unsigned campaigns)
{
    return 0.05 + 3 * sqrt(0.05 * 0.95 / campaigns);
}

static const struct board boards[] = {
    {.begins = {0, 20, 33.3}, .from = {40, 25}, .to = {41, 25.3}}, /* narrow windows */
    {.begins = {0, 4, 96}, .from = {10, 97}, .to = {40, 99.5}},    /* wide ones, short phases */
    {.begins = {0, 30, 60}, .rate = 0.051},                        /* at random, just above --below */
    {.begins = {0, 8.4, 17},
     .from = {8.4, 16.7},
     .to = {9.3, 17.6},
     .rate = 0.02} /* at the edges of a round's parts */
};
#define BOARDS (sizeof boards / sizeof *boards)

Test(claims, settled_numbers)
{
    static const enum strategy_kind kinds[] = {STRATEGY_UNIFORM, STRATEGY_STRATIFIED};
    for (unsigned b = 0; b < BOARDS; b++)
        for (int k = 0; k < 2; k++)
            for (int above = 0; above < 2; above++) {
                double share = share_false(&boards[b], kinds[k], 1000, 60, 0, false, above);
                cr_expect(share < most(1000), "board %u, %s, %s: false in %.1f %%", b,
                          strategy_names[kinds[k]], above ? "above" : "below", 100 * share);
            }
}

Test(claims, ended_by_what_was_seen)
{
    static const double belows[] = {0, 0.05, 0.2};
    for (unsigned b = 0; b < BOARDS; b++)
        for (int kind = 0; kind < 3; kind++)
            for (int i = 0; i < 3; i++) {
                bool adaptive = kind == STRATEGY_ADAPTIVE; /* its arithmetic takes longer */
                unsigned campaigns = adaptive ? 200 : 1000;
                double share = share_false(&boards[b], (enum strategy_kind)kind, campaigns,
                                           adaptive ? 120 : 240, belows[i], true, false);
                cr_expect(share < most(campaigns), "board %u, %s, --below %g: false in %.1f %%", b,
                          strategy_names[kind], belows[i], 100 * share);
            }
}

/* Why it must be like this: what was said before is false far too often, and this test can tell. */
Test(claims, what_would_be_false)
{
    uint64_t chance = 7;
    unsigned wrong = 0;
    for (unsigned t = 0; t < 1000; t++)
        for (unsigned runs = 0, fails = 0; runs < 2000;) {
            for (int i = 0; i < 4; i++, runs++)
                fails += mix_unit(mix_next(&chance)) < 0.051;
            if (confidence_upper(fails, runs, 0.95) < 0.05) {
                wrong++;
                break;
            }
        }
    cr_expect_gt(wrong, 150, "bounds for a settled number, looked at after each round");
    wrong = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct claim claims[PHASES] = {0};
        double truth[PHASES];
        truth_of(&boards[0], truth);
        campaign(&boards[0], STRATEGY_ADAPTIVE, 120, 0, seed, claims);
        wrong += confidence_lower(claims[2].fails, claims[2].runs, 0.95) > truth[2];
    }
    cr_expect_gt(wrong, 50, "aimed cuts counted as if by chance: %u of 200", wrong);
}
