/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/campaign/strategy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/mix.h"

#define BY_CHANCE 4 /* of adaptive's cuts, one in so many */
#define REPEATS 3   /* failures seen at the edge of a window before it is believed */

const char *const strategy_names[] = {"uniform", "stratified", "adaptive", NULL};

struct strategy strategy_begin(enum strategy_kind kind, double low, double high, double resolution,
                               uint64_t seed)
{
    return (struct strategy){
        .kind = kind, .low = low, .high = high, .resolution = resolution, .chance = seed};
}

void strategy_release(struct strategy *strategy)
{
    free(strategy->trials);
    free(strategy->phases);
}

static double chance(struct strategy *strategy)
{
    return mix_unit(mix_next(&strategy->chance));
}

static double on_grid(const struct strategy *strategy, double at)
{
    double steps = floor((at - strategy->low) / strategy->resolution + 0.5);
    double most = floor((strategy->high - strategy->low) / strategy->resolution + 1e-9);
    return strategy->low + (steps < 0 ? 0 : steps > most ? most : steps) * strategy->resolution;
}

static bool close_to(const struct strategy *strategy, double a, double b)
{
    return fabs(a - b) < strategy->resolution / 2;
}

static bool taken(const struct strategy *strategy, const double *out, size_t count, double at)
{
    for (size_t i = 0; i < count; i++)
        if (close_to(strategy, out[i], at))
            return true;
    return false;
}

static size_t add(const struct strategy *strategy, double *out, size_t count, double at)
{
    at = on_grid(strategy, at);
    if (taken(strategy, out, count, at))
        return count;
    out[count] = at;
    return count + 1;
}

/* ---- adaptive ---- */

static bool fails(const struct strategy_trial *trial)
{
    return trial->fails > 0;
}

static bool known(const struct strategy_trial *trial)
{
    return trial->fails || trial->passes;
}

static size_t edges(const struct strategy *strategy, double *out, size_t count, size_t wanted)
{
    for (size_t i = 0; i + 1 < strategy->trial_count && count < wanted; i++) {
        const struct strategy_trial *a = &strategy->trials[i], *b = a + 1;
        if (!known(a) || !known(b) || fails(a) == fails(b))
            continue;
        const struct strategy_trial *bad = fails(a) ? a : b;
        if (b->at - a->at > 1.5 * strategy->resolution)
            count = add(strategy, out, count, (a->at + b->at) / 2);
        else if (bad->fails < REPEATS)
            count = add(strategy, out, count, bad->at);
    }
    return count;
}

/* The largest hole among trials and planned times of one stretch, in units of `unit`; kept when it beats
 * `best`. */
static void hole_in(const struct strategy *strategy, const double *out, size_t count, double begin,
                    double end, double unit, double *best, double *middle)
{
    double from = begin;
    while (from < end) {
        double next = end;
        for (size_t i = 0; i < strategy->trial_count; i++)
            if (strategy->trials[i].at > from + strategy->resolution / 2 && strategy->trials[i].at < next)
                next = strategy->trials[i].at;
        for (size_t i = 0; i < count; i++)
            if (out[i] > from + strategy->resolution / 2 && out[i] < next)
                next = out[i];
        if (next - from > 1.5 * strategy->resolution && (next - from) / unit > *best) {
            *best = (next - from) / unit;
            *middle = (from + next) / 2;
        }
        from = next;
    }
}

/* A defect may be bad for long, or in a phase that is short: of two looks one goes by time, one gives each
 * phase the same. Either alone loses to chance where the other one wins (measured: bench_strategy). */
static bool look(const struct strategy *strategy, const double *out, size_t count, bool by_phase,
                 double *middle)
{
    double best = 0;
    if (!by_phase) {
        /* a step more on both sides: the ends of the range are times like any other */
        hole_in(strategy, out, count, strategy->low - strategy->resolution,
                strategy->high + strategy->resolution, 1, &best, middle);
        return best > 0;
    }
    for (size_t phase = 0; phase <= strategy->phase_count; phase++) {
        double begin = phase ? strategy->phases[phase - 1] : strategy->low;
        double end = phase < strategy->phase_count ? strategy->phases[phase] : strategy->high;
        if (end - begin >= strategy->resolution)
            hole_in(strategy, out, count, begin, end, end - begin, &best, middle);
    }
    return best > 0;
}

/* After the `count` times that are planned already. */
static size_t adaptive(struct strategy *strategy, double *out, size_t count, size_t wanted)
{
    double middle = 0;
    count = edges(strategy, out, count, wanted);
    while (count < wanted) {
        bool by_phase = strategy->phase_count && strategy->looks % 2;
        size_t before = count;
        if (!look(strategy, out, count, by_phase, &middle) && !look(strategy, out, count, !by_phase, &middle))
            break;
        count = add(strategy, out, count, middle);
        if (count == before)
            break;
        strategy->looks++;
    }
    return count;
}

/* `wanted` different times, each as likely as any other; `parts`: one in each of equal parts. */
static size_t at_random(struct strategy *strategy, double *out, size_t wanted, bool parts)
{
    size_t count = 0;
    double places = floor((strategy->high - strategy->low) / strategy->resolution + 1e-9) + 1;
    if ((double)wanted > places)
        wanted = (size_t)places;
    for (unsigned tries = 0; count < wanted && tries < 64 * wanted; tries++) {
        double unit =
            parts ? ((double)(tries % wanted) + chance(strategy)) / (double)wanted : chance(strategy);
        count = add(strategy, out, count, strategy->low + floor(unit * places) * strategy->resolution);
    }
    return count;
}

/* Those by chance come first and yield to none: one that was left out because a failing time is planned
 * already would make failures look rare. */
static size_t learn(struct strategy *strategy, double *out, size_t wanted, size_t *chances)
{
    *chances = 0;
    struct strategy peek = *strategy;
    double left;
    if (!adaptive(&peek, &left, 0, wanted ? 1 : 0))
        return 0;
    size_t share = (strategy->given + wanted) / BY_CHANCE - strategy->given / BY_CHANCE;
    strategy->given += (unsigned)wanted;
    *chances = at_random(strategy, out, share, false);
    return adaptive(strategy, out, *chances, wanted);
}

size_t strategy_next(struct strategy *strategy, double *out, bool *by_chance, size_t wanted)
{
    size_t chances = wanted;
    size_t count = strategy->kind == STRATEGY_ADAPTIVE
                       ? learn(strategy, out, wanted, &chances)
                       : at_random(strategy, out, wanted, strategy->kind == STRATEGY_STRATIFIED);
    for (size_t i = 0; i < count; i++)
        by_chance[i] = i < chances;
    return count;
}

void strategy_tell(struct strategy *strategy, double at, int outcome)
{
    size_t i = 0;
    at = on_grid(strategy, at);
    while (i < strategy->trial_count && strategy->trials[i].at < at - strategy->resolution / 2)
        i++;
    if (i == strategy->trial_count || !close_to(strategy, strategy->trials[i].at, at)) {
        strategy->trials = mem_resize(strategy->trials, strategy->trial_count + 1, sizeof *strategy->trials);
        memmove(strategy->trials + i + 1, strategy->trials + i,
                (strategy->trial_count++ - i) * sizeof *strategy->trials);
        strategy->trials[i] = (struct strategy_trial){.at = at};
    }
    strategy->trials[i].fails += outcome == 1;
    strategy->trials[i].passes += outcome == 0;
}

void strategy_phase(struct strategy *strategy, double at)
{
    size_t i = 0;
    if (at <= strategy->low + strategy->resolution || at >= strategy->high - strategy->resolution)
        return;
    while (i < strategy->phase_count && strategy->phases[i] < at)
        i++;
    if ((i && at - strategy->phases[i - 1] <= strategy->resolution) ||
        (i < strategy->phase_count && strategy->phases[i] - at <= strategy->resolution))
        return;
    strategy->phases = mem_resize(strategy->phases, strategy->phase_count + 1, sizeof *strategy->phases);
    memmove(strategy->phases + i + 1, strategy->phases + i,
            (strategy->phase_count++ - i) * sizeof *strategy->phases);
    strategy->phases[i] = at;
}

size_t strategy_windows(const struct strategy *strategy, struct strategy_window *out, size_t max)
{
    size_t count = 0;
    const struct strategy_trial *pass = NULL;
    struct strategy_window *open = NULL, spare;
    for (size_t i = 0; i < strategy->trial_count; i++) {
        const struct strategy_trial *trial = &strategy->trials[i];
        if (!known(trial))
            continue;
        if (!fails(trial)) {
            if (open) {
                open->pass_after = trial->at;
                open->bounded_after = true;
            }
            open = NULL;
            pass = trial;
            continue;
        }
        if (!open) {
            open = count < max ? &out[count] : &spare;
            count++;
            *open = (struct strategy_window){.pass_before = pass ? pass->at : strategy->low,
                                             .bounded_before = pass != NULL,
                                             .first_fail = trial->at,
                                             .pass_after = strategy->high};
        }
        open->last_fail = trial->at;
        open->fails += trial->fails;
    }
    return count;
}
