/* Could this computer keep up? Times that accuse the board are those at which lines were read here, and on a
 * virtual rack the board's own time stands still while its process gets no processor. Both are the rig's
 * fault. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/run/run.h"
#include "harness/run/virtual_rack.h"

#define TICK_US 100000u
#define LATE_US 50000u   /* of a tick, as any busy computer has now and then */
#define LOST_MAX_MS 1000 /* in a case; a quarter of the shortest limit that boards have */

static void on_tick(void *arg, uint64_t now_us)
{
    struct run_host *host = &((struct run *)arg)->host;
    if (now_us > host->due_us + LATE_US)
        host->late_us += now_us - host->due_us;
    host->due_us = now_us + TICK_US;
    loop_timer_set(host->ticks, host->due_us);
}

/* What the rack had to take away from this place's time since it was started; -1: it has none, or does not
 * say. */
static double slipped_ms(struct run *run)
{
    const char *rack = getenv("OTARIG_RACK");
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "status");
    cJSON *answer = rack ? virtual_rack_control(rack, command, NULL) : NULL;
    const cJSON *item, *slip = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(answer, "places"))
    {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name"));
        if (name && !strcmp(name, run->rig->place->name))
            slip =
                cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(item, "twin"), "slip_us");
    }
    double ms = cJSON_IsNumber(slip) ? slip->valuedouble / 1000 : -1;
    cJSON_Delete(answer);
    cJSON_Delete(command);
    return ms;
}

void run_host_begin(struct run *run)
{
    run->host.due_us = clock_now_us() + TICK_US;
    run->host.ticks = loop_add_timer(run->loop, run->host.due_us, on_tick, run);
    run->host.slipped_ms = slipped_ms(run);
}

void run_host_end(struct run *run)
{
    loop_remove(run->host.ticks);
    run->host.ticks = NULL;
}

void run_witness_host(struct run *run)
{
    double late_ms = (double)run->host.late_us / 1000, slip_ms = slipped_ms(run) - run->host.slipped_ms;
    if (slip_ms > LOST_MAX_MS)
        run_witness(run, false, RUN_ALL_CLAUSES,
                    "this computer is too slow: the virtual board's time stood still for %.0f ms", slip_ms);
    else if (late_ms > LOST_MAX_MS)
        run_witness(run, false, RUN_ALL_CLAUSES, "this computer was too slow: %.0f ms late in all", late_ms);
}
