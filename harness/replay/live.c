/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/replay/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/replay/live_internal.h"

#define SAID_US 5000000u /* for the last byte to come over the serial line */

static int expect(struct live *live, const cJSON *changes, struct error *error)
{
    const cJSON *item;
    memcpy(live->expected, live->it.start, live->it.size);
    cJSON_ArrayForEach(item, changes) if (live_case_change(&live->it, item, live->expected, error)) return -1;
    return 0;
}

static int compare(const struct live *live, const char *id, const char *when)
{
    size_t bad = 0, first = 0;
    for (size_t at = 0; at < live->it.size; at += 4)
        if (live_memory_is_read(live, at) && memcmp(live->now + at, live->expected + at, 4) && !bad++)
            first = at;
    if (bad)
        printf("DIFFERS %s %s: %zu words, the first at 0x%08x\n", id, when, bad,
               live_memory_address(live, first));
    return bad ? 1 : 0;
}

/* The power is off. */
static int flip(struct live *live, const cJSON *where, struct error *error)
{
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "flip");
    cJSON_AddNumberToObject(command, "address", live_case_number(where, "address"));
    cJSON_AddNumberToObject(command, "bit", live_case_number(where, "flip"));
    cJSON *answer = live_rig_control(live, command, error), *report = NULL;
    if (answer)
        report = live_rig_await(live, "flip", LIVE_EDGE_US, error);
    bool flipped = report != NULL;
    cJSON_Delete(answer);
    cJSON_Delete(report);
    return flipped ? 0 : -1;
}

static int disturb(struct live *live, const cJSON *cuts, struct error *error)
{
    const cJSON *where;
    live->reset = NULL;
    cJSON_ArrayForEach(where, cuts)
    {
        if (cJSON_IsTrue(cJSON_GetObjectItem(where, "reset")))
            live->reset = where;
        else if (cJSON_HasObjectItem(where, "flip")) {
            if (flip(live, where, error))
                return -1;
        } else if (live_rig_cut(live, where, error))
            return -1;
    }
    return 0;
}

/* A boot to its last operation; where it has none, a reset has nothing to follow. */
static int boot_to_end(struct live *live, const cJSON *last, struct error *error)
{
    return cJSON_GetArraySize(last) ? live_rig_cut(live, cJSON_GetArrayItem(last, 0), error) : 0;
}

/* What the board said over the serial line in its failing boot is what the explorer heard: a contract may ask
 * for it. The line is slower than the board here. */
static int compare_said(struct live *live, const char *id, const cJSON *state, struct error *error)
{
    size_t len;
    const struct rig *rig = &live->hand.rig;
    uint8_t *said = live_case_bytes(cJSON_GetObjectItem(state, "said"), &len);
    uint64_t end_us = clock_now_us() + SAID_US;
    bool found = !said || !rig->self[RACK_CONSOLE];
    while (!found && clock_now_us() < end_us) {
        found = live->hand.heard && memmem(live->hand.heard, live->hand.heard_len, said, len);
        if (!found && by_hand_wait(&live->hand, 2000, error))
            break;
    }
    free(said);
    if (!found)
        printf("DIFFERS %s: the console did not say in the failing boot what it said in the explorer's\n",
               id);
    return found ? 0 : 1;
}

/* "2 cuts", "1 cut and 1 reset", "0 cuts and 1 flipped bit" */
static void describe(const cJSON *cuts, char *text, size_t size)
{
    int resets = 0, flips = 0, count = cJSON_GetArraySize(cuts);
    const cJSON *where;
    cJSON_ArrayForEach(where, cuts)
    {
        resets += cJSON_HasObjectItem(where, "reset");
        flips += cJSON_HasObjectItem(where, "flip");
    }
    count -= resets + flips;
    int len = snprintf(text, size, "%d cut%s", count, count == 1 ? "" : "s");
    if (resets || flips)
        snprintf(text + len, size - (size_t)len, " and %d %s%s", resets + flips,
                 resets ? "reset" : "flipped bit", resets + flips == 1 ? "" : "s");
}

/* From the start contents and power off to a core that is held. 0: agrees, 1: does not, -1: trouble. */
static int one(struct live *live, const cJSON *state, bool all, struct error *error)
{
    const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(state, "id"));
    const cJSON *cuts = cJSON_GetObjectItem(state, "cuts"),
                *end = cJSON_GetObjectItem(state, "last_operation");
    char done[64];
    describe(cuts, done, sizeof done);
    if (expect(live, cJSON_GetObjectItem(state, "changes"), error) || disturb(live, cuts, error) ||
        live_memory_read_back(live, all, error))
        return -1;
    int differs = compare(live, id, "after the cuts");
    if (!differs && end) {
        if (expect(live, cJSON_GetObjectItem(state, "after"), error) ||
            live_rig_power_now(live, false, error))
            return -1;
        live->hand.heard_len = 0;
        if (boot_to_end(live, end, error) || live_memory_read_back(live, all, error))
            return -1;
        differs = compare(live, id, "after the failing boot") || compare_said(live, id, state, error);
    }
    const char *said = cJSON_HasObjectItem(state, "said") ? " and says the same: " : ": ";
    if (!differs && !end)
        printf("agrees %s: %s\n", id, done);
    else if (!differs)
        printf("agrees %s: %s, and the boot after them leaves the same memory%s%s\n", id, done, said,
               cJSON_GetStringValue(cJSON_GetObjectItem(state, "class")));
    fflush(stdout);
    return differs;
}

/* A state that is put back after another relies on what was read of that one, so all of the memory is read
 * now and then, and in the end. */
static int all_states(struct live *live, bool *finding, struct error *error)
{
    const cJSON *state;
    size_t count = 0, differ = 0, total = (size_t)cJSON_GetArraySize(live->it.states);
    uint64_t begin_us = clock_now_us();
    cJSON_ArrayForEach(state, live->it.states)
    {
        bool all = count % 100 == 99 || (total > 1 && count + 1 == total);
        *finding |= cJSON_HasObjectItem(state, "class");
        if (!count && live_memory_restore(live, error))
            return -1;
        int how = one(live, state, all, error);
        if (how < 0)
            return -1;
        count++;
        differ += (size_t)how;
        bool put_back = live_memory_can_put_back(live);
        if (state->next && put_back && live_memory_put_back(live, error))
            return -1;
        if (live_rig_power_now(live, false, error) ||
            (state->next && !put_back && live_memory_restore(live, error)))
            return -1;
    }
    printf("%zu state%s on the rig: %zu agree word by word, %zu do not; %.1f s each\n", count,
           count == 1 ? "" : "s", count - differ, differ,
           (double)(clock_now_us() - begin_us) / 1e6 / (double)count);
    return differ ? error_set(error, ERROR_RIG, "the explorer and the rig do not agree") : 0;
}

/* Places of this rack are called by their chip. */
#define RACK_OF_CHIPS "virtual-chips.json"
#define RACK_OF_BOARDS "virtual-6.json"
#define CHIP_OF_BOARDS "nrf52840"

int live_repro(const char *folder, const char *its_rack, const char *its_place, int argc, char **argv)
{
    struct live live = {.rack = surroundings_rack()};
    struct error error = {0};
    int code;
    bool finding = false;
    /* before a rack is started for it */
    if (live_case_load(&live.it, folder, &error)) {
        live_case_release(&live.it);
        return error_print(&error);
    }
    bool chips = !its_rack && strcmp(live.it.chip, CHIP_OF_BOARDS) != 0;
    char *rack =
        its_rack ? mem_string(its_rack)
                 : mem_printf("%s/racks/%s", surroundings_boards(), chips ? RACK_OF_CHIPS : RACK_OF_BOARDS);
    live.place = its_place ? its_place : chips ? live.it.chip : "p1";
    if (by_hand_enter(&live.hand, rack, live.place, argc, argv, &code)) {
        by_hand_end(&live.hand);
        live_case_release(&live.it);
        free(rack);
        return code;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    live.now = mem_alloc(live.it.size);
    live.expected = mem_alloc(live.it.size);
    live.scratch = mem_printf("%s/repro.bin", live.rack ? live.rack : "/tmp");
    int failed = 0;
    if (!live.rack || !live.hand.rack.is_virtual)
        failed = error_set(
            &error, ERROR_INPUT,
            "%s: only a virtual rack can cut exactly at an operation; for a real board see --aim", rack);
    failed = failed || live_rig_check_chip(&live, &error) ||
             by_hand_open(&live.hand, (1u << RACK_ROLES) - 1, &error) || live_rig_set_pace(&live, &error) ||
             all_states(&live, &finding, &error);
    code = failed ? error_print(&error) : finding;
    by_hand_end(&live.hand);
    live_case_release(&live.it);
    free(live.now);
    free(live.expected);
    free(live.scratch);
    free(rack);
    return code;
}
