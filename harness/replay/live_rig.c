/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the rack is told about a place, and what it tells. */
#include "harness/replay/live_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#define HIT_US 60000000u /* for the code to come to the operation of a cut */

int live_rig_power(struct live *live, bool on, struct error *error)
{
    struct power_report report = {0};
    struct rig *rig = &live->hand.rig;
    if (rig_switch(rig, on, &report, error))
        return -1;
    if (rig_probe(rig))
        rig_probe(rig)->power(rig->self[RACK_PROBE], on);
    return 0;
}

cJSON *live_rig_control(struct live *live, cJSON *command, struct error *error)
{
    cJSON_AddStringToObject(command, "place", live->place);
    cJSON *answer = virtual_rack_control(live->rack, command, error);
    cJSON_Delete(command);
    return answer;
}

int live_rig_tell(struct live *live, const char *verb, const cJSON *cut, double boot, struct error *error)
{
    /* for boards that cannot be told, and for us */
    static const char *const for_others[] = {"aim", "from_us", "to_us", "console", "reset", NULL};
    cJSON *command = cut ? cJSON_Duplicate(cut, true) : cJSON_CreateObject();
    for (size_t i = 0; for_others[i]; i++)
        cJSON_DeleteItemFromObject(command, for_others[i]);
    cJSON_AddStringToObject(command, "do", verb);
    if (cut)
        cJSON_AddNumberToObject(command, "boot", boot);
    cJSON *answer = live_rig_control(live, command, error);
    cJSON_Delete(answer);
    return answer ? 0 : -1;
}

/* How often this place was powered up: what the rack counts its next one by. -1: trouble. */
static double power_ups(struct live *live, struct error *error)
{
    cJSON *status = virtual_rack_place(live->rack, live->place, error);
    double count = status ? live_case_number(status, "power_ups") : -1;
    cJSON_Delete(status);
    return count;
}

int live_rig_check_chip(struct live *live, struct error *error)
{
    cJSON *status = virtual_rack_place(live->rack, live->place, error);
    const char *chip = cJSON_GetStringValue(cJSON_GetObjectItem(status, "chip"));
    int result = -1;
    if (chip && !strcmp(chip, live->it.chip))
        result = 0;
    else if (status)
        error_set(error, ERROR_INPUT, "%s: $.chip: expected %s, which place '%s' of this rack has, found %s",
                  live->it.path, chip ? chip : "that", live->place, live->it.chip);
    cJSON_Delete(status);
    return result;
}

/* What acts on the board in its next boot, besides us: the rack does it in virtual time, as the explorer did.
 */
static int surround(struct live *live, double boot, struct error *error)
{
    const cJSON *item;
    if (live_rig_tell(live, "chance", live->it.chance, boot, error))
        return -1;
    cJSON_ArrayForEach(item, live->it.input) if (live_rig_tell(live, "type", item, boot, error)) return -1;
    return live->it.watchdog ? live_rig_tell(live, "watchdog", live->it.watchdog, boot, error) : 0;
}

/* The next line of the rack's log that tells this of our twin; NULL: not yet. */
static cJSON *next_report(struct live *live, const char *what)
{
    char *path = mem_printf("%s/truth.jsonl", live->rack), *line = NULL;
    FILE *file = fopen(path, "r");
    size_t room = 0;
    ssize_t len;
    cJSON *found = NULL;
    free(path);
    if (file && !fseek(file, live->truth_at, SEEK_SET))
        while (!found && (len = getline(&line, &room, file)) > 0 && line[len - 1] == '\n') {
            cJSON *event = cJSON_Parse(line);
            const cJSON *report = cJSON_GetObjectItem(event, "report");
            const char *place = cJSON_GetStringValue(cJSON_GetObjectItem(event, "place"));
            const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(report, "what"));
            live->truth_at = ftell(file);
            if (place && name && !strcmp(place, live->place) && !strcmp(name, what))
                found = cJSON_Duplicate(report, true);
            cJSON_Delete(event);
        }
    free(line);
    if (file)
        fclose(file);
    return found;
}

cJSON *live_rig_await(struct live *live, const char *what, uint64_t for_us, struct error *error)
{
    uint64_t end_us = clock_now_us() + for_us;
    while (clock_now_us() < end_us) {
        cJSON *report = next_report(live, what);
        if (report || by_hand_wait(&live->hand, 2000, error))
            return report;
    }
    error_set(error, ERROR_RIG, "the rack's log does not tell of '%s' in %llu s", what,
              (unsigned long long)(for_us / 1000000));
    return NULL;
}

int live_rig_await_state(struct live *live, const char *state, uint64_t for_us, struct error *error)
{
    cJSON *report;
    while ((report = live_rig_await(live, "align", for_us, error))) {
        const char *found = cJSON_GetStringValue(cJSON_GetObjectItem(report, "state"));
        bool is = found && !strcmp(found, state);
        cJSON_Delete(report);
        if (is)
            return 0;
    }
    return -1;
}

/* The same, and the rail has followed. */
int live_rig_power_now(struct live *live, bool on, struct error *error)
{
    if (live_rig_power(live, on, error))
        return -1;
    cJSON *report = live_rig_await(live, on ? "on" : "off", LIVE_EDGE_US, error);
    cJSON_Delete(report);
    return report ? 0 : -1;
}

/* The code stands where the cut is to be; a reset that was to come first must have come. One right after the
 * last operation, where the cut is, too, is told of after the stop. */
static int await_cut(struct live *live, bool reset, struct error *error)
{
    bool hit = false;
    while (reset || !hit) {
        cJSON *report = live_rig_await(live, "align", HIT_US, error);
        const char *state = cJSON_GetStringValue(cJSON_GetObjectItem(report, "state"));
        if (!report)
            return -1;
        hit = hit || (state && !strcmp(state, "hit"));
        reset = reset && !(state && !strcmp(state, "reset"));
        cJSON_Delete(report);
    }
    return 0;
}

/* A power cycle that ends with a cut exactly there. */
int live_rig_cut(struct live *live, const cJSON *where, struct error *error)
{
    double boot = power_ups(live, error) + 1;
    const cJSON *reset = live->reset;
    live->reset = NULL;
    if (boot < 1 || surround(live, boot, error) ||
        (reset && live_rig_tell(live, "reset_at", reset, boot, error)) ||
        live_rig_tell(live, "align", where, boot, error) || live_rig_power(live, true, error) ||
        await_cut(live, reset, error) || live_rig_power(live, false, error))
        return -1;
    cJSON *off = live_rig_await(live, "off", LIVE_EDGE_US, error);
    bool aligned = cJSON_IsTrue(cJSON_GetObjectItem(off, "aligned"));
    cJSON_Delete(off);
    return aligned ? 0 : error_set(error, ERROR_RIG, "the rail did not fall at the operation");
}

/* What happens in a board does not depend on its pace, and here nobody needs it to be that of real time. */
int live_rig_set_pace(struct live *live, struct error *error)
{
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "pace");
    cJSON_AddStringToObject(command, "pace", "free");
    cJSON *answer = live_rig_control(live, command, error);
    cJSON_Delete(answer);
    return answer ? 0 : -1;
}
