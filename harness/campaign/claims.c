/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/campaign/claims.h"

#include "harness/record/confidence.h"

void claim_take(struct claim *claim, int outcome, bool by_chance)
{
    claim->runs += outcome >= 0;
    claim->fails += outcome == 1;
    claim->unknown += outcome < 0;
    claim->chance_runs += by_chance && outcome >= 0;
    claim->chance_fails += by_chance && outcome == 1;
}

struct claim_bounds claim_bounds(const struct claim *claim, double confidence, bool any_time)
{
    unsigned fails = claim->chance_fails, runs = claim->chance_runs;
    if (any_time)
        return (struct claim_bounds){.above = confidence_lower_any_time(fails, runs, confidence),
                                     .below = confidence_upper_any_time(fails, runs, confidence)};
    return (struct claim_bounds){.above = confidence_lower(fails, runs, confidence),
                                 .below = confidence_upper(fails, runs, confidence)};
}
