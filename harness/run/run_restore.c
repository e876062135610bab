/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A board without storage that can be written from outside is made what it was by its own update: to the
 * image with which the scenario begins, confirmed. It has to be one that still updates, so a case that ends
 * with a board beyond that cannot prove its rig sound. */
#include <stdio.h>
#include <string.h>

#include "harness/run/run.h"

#define TRIES 3

static bool is_settled(struct run *run, const char *name)
{
    if (run_wait_app(run, run_recovery_us(run)) || strcmp(run_seen_image(run), name))
        return false;
    return strcmp(run->seen.confirmed, "0") || run->plan->board->confirms == CONFIRMS_NEVER;
}

int run_restore(struct run *run)
{
    const char *name = run->plan->scenario.start, *step = NULL;
    for (int i = 0; i < TRIES && !run_broken(run); i++) {
        if (is_settled(run, name))
            return 0;
        if (run->seen.app_us)
            step = run_update_to(run, image_find(run->plan->images, name));
        if (!step && is_settled(run, name))
            return 0;
        if (!run_broken(run) && run_power_cycle(run, run_off_us(run)))
            return -1;
    }
    if (!run_broken(run))
        run_fail_rig(
            run,
            "no probe writes this board's storage, and its own update does not bring it to '%s' (%s%s%s)",
            name, step ? step : "nothing runs", step ? ": " : "", step ? run->update.reason : "");
    return -1;
}
