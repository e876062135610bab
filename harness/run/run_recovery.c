/* SPDX-License-Identifier: GPL-2.0-or-later */
/* G1: how long the board takes to come back, from the end of what was done to it to the first start of an
 * image that may run. */
#include <string.h>

#include "harness/run/run.h"

uint64_t run_recovery_us(const struct run *run)
{
    int64_t own_ms = run->plan->scenario.recovery_ms;
    return (uint64_t)(own_ms ? own_ms : run->plan->board->recovery_ms) * 1000;
}

void run_recovery_from(struct run *run, uint64_t t_us, const char *what)
{
    run->recovery = (struct run_recovery){.from_us = t_us, .since_us = t_us, .from = what};
}

/* It may have started before it was known that it has power: then it took no time. */
void run_recovery_from_power(struct run *run, const char *what)
{
    run->recovery = (struct run_recovery){.from_us = run->on_by_us, .since_us = run->on_us, .from = what};
    run_recovery_app(run);
}

void run_recovery_app(struct run *run)
{
    struct run_recovery *recovery = &run->recovery;
    if (!recovery->from_us || recovery->app_us || run->seen.app_us < recovery->since_us)
        return;
    const char *image = run_seen_image(run);
    for (char **name = run->plan->scenario.expect.runs; *name; name++)
        if (!strcmp(*name, image))
            recovery->app_us = run->seen.app_us;
}

/* When none that may run came, another did: that it may not is for G2 to say. */
bool run_observe_recovery(struct run *run)
{
    const struct run_recovery *recovery = &run->recovery;
    uint64_t app_us = recovery->app_us ? recovery->app_us : run->seen.app_us;
    if (!recovery->from_us || app_us < recovery->since_us)
        return false;
    int64_t ms = app_us > recovery->from_us ? (int64_t)(app_us - recovery->from_us) / 1000 : 0;
    run_observe(run, "recovery", recovery->from, ms, NULL);
    return true;
}
