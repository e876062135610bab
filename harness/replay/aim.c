/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/replay/aim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/replay/aim_time.h"
#include "harness/replay/live_case.h"

/* The watchpoint of a cut; an erase is a store of the page's address into the flash controller, which the
 * board file names as the watch "erase". NULL: before the first operation nothing can be watched. */
static cJSON *watchpoint(const cJSON *cut)
{
    const cJSON *aim = cJSON_GetObjectItem(cut, "aim");
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItem(aim, "kind"));
    char address[16];
    if (!kind)
        return NULL;
    cJSON *trigger = cJSON_CreateObject();
    snprintf(address, sizeof address, "0x%X", (unsigned)live_case_number(aim, "address"));
    cJSON_AddStringToObject(trigger, "on", "watch");
    if (*kind == 'e')
        cJSON_AddStringToObject(trigger, "watch", "erase");
    cJSON_AddStringToObject(trigger, *kind == 'e' ? "value" : "address", address);
    cJSON_AddNumberToObject(trigger, "count", live_case_number(aim, "occurrence"));
    return trigger;
}

static cJSON *trigger_of(const struct live_case *it, struct aim_time *time, const cJSON *cut,
                         const cJSON *old, struct error *error)
{
    cJSON *trigger = NULL;
    if (cJSON_HasObjectItem(cut, "flip"))
        error_set(error, ERROR_INPUT, "%s: a bit that flips is no power cut: it cannot be aimed", it->path);
    else if (cJSON_IsTrue(cJSON_GetObjectItem(cut, "reset")))
        error_set(error, ERROR_INPUT, "%s: a reset that RAM outlives is no power cut: it cannot be aimed",
                  it->path);
    else if (time)
        trigger = aim_time_trigger(time, cut, old, error);
    else if (cJSON_HasObjectItem(cut, "model"))
        error_set(error, ERROR_INPUT,
                  "%s: a watchpoint halts the core between two operations: a cut inside of one needs --time",
                  it->path);
    else if (!(trigger = watchpoint(cut)))
        error_set(
            error, ERROR_INPUT,
            "%s: a cut before the first operation cannot be aimed at: nothing is written before it; see "
            "--time",
            it->path);
    return trigger;
}

/* Variations that nothing refers to any more. */
static void drop_unused(cJSON *scenario)
{
    cJSON *vary = cJSON_DetachItemFromObject(scenario, "vary"), *item = vary ? vary->child : NULL;
    char *text = cJSON_PrintUnformatted(scenario);
    while (item) {
        cJSON *next = item->next;
        char *name = mem_printf("\"$%s\"", item->string);
        if (!strstr(text, name))
            cJSON_Delete(cJSON_DetachItemViaPointer(vary, item));
        free(name);
        item = next;
    }
    cJSON_free(text);
    if (vary && vary->child)
        cJSON_AddItemToObject(scenario, "vary", vary);
    else
        cJSON_Delete(vary);
}

static int aim(const struct live_case *it, struct aim_time *time, cJSON *scenario, const char *base,
               struct error *error)
{
    const cJSON *state = it->states->child, *cut;
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(scenario, "name"));
    cJSON *fault = cJSON_GetObjectItem(scenario, "faults");
    fault = fault ? fault->child : NULL;
    cJSON_ArrayForEach(cut, cJSON_GetObjectItem(state, "cuts"))
    {
        const char *action = NULL;
        for (; fault; fault = fault->next) {
            action = cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetObjectItem(fault, "action"), "do"));
            if (action && !strcmp(action, "power_cut"))
                break;
        }
        if (!fault)
            return error_set(error, ERROR_INPUT, "%s: $.faults: expected a power_cut for each of the %d cuts",
                             base, cJSON_GetArraySize(cJSON_GetObjectItem(state, "cuts")));
        cJSON *trigger = trigger_of(it, time, cut, cJSON_GetObjectItem(fault, "trigger"), error);
        if (!trigger)
            return -1;
        cJSON_DeleteItemFromObject(fault, "trigger");
        cJSON_AddItemToObject(fault, "trigger", trigger);
        fault = fault->next;
    }
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(state, "id"));
    char *aimed = mem_printf("%s-%s", name ? name : "aimed", id ? id : "");
    cJSON_ReplaceItemInObject(scenario, "name", cJSON_CreateString(aimed));
    free(aimed);
    drop_unused(scenario);
    return 0;
}

/* On stderr, as the scenario goes to a file. */
static void tell_runs(const struct aim_time *time)
{
    unsigned runs = aim_time_runs(time);
    fprintf(stderr,
            "otarig repro: a power switch that scatters by +-%g ms hits the time in %.3g %% of the runs: "
            "--repeat %u hits it with 95 %%\n",
            time->jitter_ms, 100 * time->hits, runs);
}

int aim_print(const char *folder, const char *base, const char *board, bool by_time, double jitter_ms)
{
    struct live_case it;
    struct aim_time time = {0};
    struct json_document document = {0};
    struct error error = {0};
    cJSON *scenario = NULL;
    int failed = live_case_load(&it, folder, &error) || json_load(&document, base, &error);
    if (!failed && by_time)
        failed = aim_time_open(&time, it.path,
                               board ? board : cJSON_GetStringValue(cJSON_GetObjectItem(it.tree, "board")),
                               jitter_ms, &error);
    if (!failed) {
        scenario = cJSON_Duplicate(document.root, true);
        failed = aim(&it, by_time ? &time : NULL, scenario, base, &error);
    }
    if (!failed) {
        char *text = cJSON_Print(scenario);
        puts(text);
        cJSON_free(text);
        if (by_time)
            tell_runs(&time);
    }
    aim_time_close(&time);
    json_close(&document);
    cJSON_Delete(scenario);
    live_case_release(&it);
    return failed ? error_print(&error) : 0;
}
