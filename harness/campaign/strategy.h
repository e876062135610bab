/* SPDX-License-Identifier: GPL-2.0-or-later */
/* At which times to cut next: strategies for a board that can only be looked at from outside.
 *
 *   uniform     anywhere, each time with the same chance
 *   stratified  one in each of as many equal parts as a round has cuts
 *   adaptive    learns phases; looks into the longest stretch that nobody looked into, every other time into
 * the one that is longest for its phase, so that short phases have their share; between a time that passed
 * and one that failed it halves the distance down to the resolution, then repeats the failing side
 */
#ifndef OTARIG_CAMPAIGN_STRATEGY_H
#define OTARIG_CAMPAIGN_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum strategy_kind { STRATEGY_UNIFORM, STRATEGY_STRATIFIED, STRATEGY_ADAPTIVE };
extern const char *const strategy_names[]; /* NULL-terminated */

struct strategy_trial {
    double at;
    unsigned fails, passes; /* at this time; a trial without verdict counts in neither */
};
struct strategy {
    enum strategy_kind kind;
    double low, high, resolution; /* of what is varied; every value is low + n * resolution */
    uint64_t chance;
    struct strategy_trial *trials; /* by time, each time once */
    size_t trial_count;
    double *phases; /* begins of phases, in order; the first phase begins at `low` */
    size_t phase_count;
    unsigned given; /* times so far, for the share of those by chance */
    unsigned looks; /* into holes so far */
};

struct strategy strategy_begin(enum strategy_kind kind, double low, double high, double resolution,
                               uint64_t seed);
void strategy_release(struct strategy *strategy);
/* Up to `wanted` different times for the next round, unless nothing is left to learn (adaptive only): 0.
 * by_chance[i]: every time of the range was as likely at that place of the round, whatever was seen before;
 * only these say how often a board fails. Of adaptive's every fourth is one. */
size_t strategy_next(struct strategy *strategy, double *out, bool *by_chance, size_t wanted);
/* outcome: 0 passed, 1 failed, -1 not known. */
void strategy_tell(struct strategy *strategy, double at, int outcome);
/* A phase begins about here. Told again, it is the same one when it lies within the resolution. */
void strategy_phase(struct strategy *strategy, double at);

/* A stretch of failing times with the nearest passing ones outside (or the ends of the range). */
struct strategy_window {
    double pass_before, first_fail, last_fail, pass_after;
    bool bounded_before, bounded_after; /* a passing time is known there */
    unsigned fails;
};
/* Fills up to `max`; how many there are. */
size_t strategy_windows(const struct strategy *strategy, struct strategy_window *out, size_t max);

#endif
