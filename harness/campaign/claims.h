/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cuts of a campaign allow to be said of the probability to fail in one phase of the board's work.
 */
#ifndef OTARIG_CAMPAIGN_CLAIMS_H
#define OTARIG_CAMPAIGN_CLAIMS_H

#include <stdbool.h>

/* The cuts that fell into the phase. The probability meant is that of a cut at any time of the phase, each as
 * likely: only cuts at times by chance tell it. Those that were aimed, at the edges of what fails, find; they
 * would make failures look frequent. */
struct claim {
    unsigned runs, fails, unknown;
    unsigned chance_runs, chance_fails; /* of these, at times by chance; judged ones only */
};

struct claim_bounds {
    double above, below;
};

/* outcome: 0 passed, 1 failed, -1 not known. */
void claim_take(struct claim *claim, int outcome, bool by_chance);
/* With this confidence (0 to 1). `any_time`: the campaign was, or might have been, ended because of what was
 * seen; else its number of cuts was settled beforehand, and each bound holds by itself. */
struct claim_bounds claim_bounds(const struct claim *claim, double confidence, bool any_time);

#endif
