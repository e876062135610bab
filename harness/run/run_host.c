/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Could this computer keep up? Times that accuse the board are those at which lines were read here, and on a
 * virtual rack the board's own time stands still while its process gets no processor. Both are the rig's
 * fault. */
#include <stdlib.h>

#include "harness/base/clock.h"
#include "harness/base/surroundings.h"
#include "harness/run/run.h"
#include "harness/rack/virtual_rack.h"

#define TICK_US 100000u
#define LATE_US 50000u /* of a tick, as any busy computer has now and then */
#define RECENT_US 500000u
#define MOST_MS 1000.0 /* in a case; less where a board's limits are shorter than those of most */

static void on_tick(void *arg, uint64_t now_us)
{
    struct run_host *host = &((struct run *)arg)->host;
    if (now_us > host->due_us + LATE_US) {
        host->late_us += now_us - host->due_us;
        host->last_us = now_us;
    }
    host->due_us = now_us + TICK_US;
    loop_timer_set(host->ticks, host->due_us);
}

/* What the rack had to take away from this place's time since it was started; 0: there is no such rack. */
static double slipped_ms(struct run *run)
{
    const char *rack = surroundings_rack();
    cJSON *status = rack ? virtual_rack_place(rack, run->rig->place->name, NULL) : NULL;
    const cJSON *twin = cJSON_GetObjectItemCaseSensitive(status, "twin");
    double us = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(twin, "slip_us"));
    cJSON_Delete(status);
    return us > 0 ? us / 1000 : 0;
}

/* On a rack's clock neither can be late: it stands while anybody computes. */
void run_host_begin(struct run *run)
{
    if (clock_is_virtual())
        return;
    run->host.due_us = clock_now_us() + TICK_US;
    run->host.ticks = loop_add_timer(run->loop, run->host.due_us, on_tick, run);
    run->host.slipped_ms = slipped_ms(run);
}

void run_host_end(struct run *run)
{
    loop_remove(run->host.ticks);
    run->host.ticks = NULL;
}

struct slowness {
    double late_ms, slip_ms, most_ms;
};

static struct slowness slowness(struct run *run)
{
    if (clock_is_virtual())
        return (struct slowness){0};
    double share_ms = (double)run->plan->board->boot_ms / 4;
    return (struct slowness){.late_ms = (double)run->host.late_us / 1000,
                             .slip_ms = slipped_ms(run) - run->host.slipped_ms,
                             .most_ms = share_ms < MOST_MS ? share_ms : MOST_MS};
}

bool run_host_was_late(const struct run *run)
{
    const struct run_host *host = &run->host;
    uint64_t now_us = clock_now_us();
    return host->ticks &&
           ((host->last_us && now_us < host->last_us + RECENT_US) || now_us > host->due_us + LATE_US);
}

bool run_host_kept_up(struct run *run)
{
    struct slowness now = slowness(run);
    return now.slip_ms <= now.most_ms && now.late_ms <= now.most_ms;
}

void run_witness_host(struct run *run)
{
    struct slowness now = slowness(run);
    if (now.slip_ms > now.most_ms)
        run_witness(run, false, RUN_ALL_CLAUSES,
                    "this computer is too slow: the virtual board's time stood still for %.0f ms",
                    now.slip_ms);
    else if (now.late_ms > now.most_ms)
        run_witness(run, false, RUN_ALL_CLAUSES, "this computer was too slow: %.0f ms late in all",
                    now.late_ms);
}
