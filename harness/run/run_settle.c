/* Before and after: the healthy board a case begins with, and what is looked at once the fault is over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/run/run.h"

#define OFF_US 200000u        /* long enough for any relay and for the rail to discharge */
#define FIRST_RUN_US 2000000u /* the application's own start-up work: its data page, its report */

static bool app_is_up(struct run *run, const void *arg)
{
    return run->seen.app_us != 0;
}

int run_wait_app(struct run *run, uint64_t limit_us)
{
    return run_until(run, app_is_up, NULL, clock_now_us() + limit_us);
}

const char *run_seen_image(struct run *run)
{
    const struct image *image = image_by_hash(run->plan->images, run->seen.hash);
    return image ? image->name : "unknown";
}

void run_observe_boot(struct run *run, int cycle, uint64_t from_us, bool up)
{
    cJSON *fields = cJSON_CreateObject();
    uint64_t until_us = up ? run->seen.app_us : clock_now_us();
    cJSON_AddNumberToObject(fields, "cycle", cycle);
    cJSON_AddStringToObject(fields, "phase", run->phase);
    cJSON_AddStringToObject(fields, "version", run->seen.version);
    cJSON_AddStringToObject(fields, "hash", run->seen.hash);
    cJSON_AddStringToObject(fields, "confirmed", run->seen.confirmed);
    run_observe(run, "boot", up ? run_seen_image(run) : "none", (int64_t)(until_us - from_us) / 1000, fields);
}

/* ---- baseline ---- */

static int program_one(struct run *run, const char *name)
{
    const struct board *board = run->plan->board;
    bool start = !strcmp(name, "$start");
    const struct image *image = image_find(run->plan->images, start ? run->plan->scenario.start : name);
    const struct board_image *where = start ? NULL : board_image(board, name);
    if (!image || (!start && (!where || !where->has_address))) {
        run_fail_rig(run, "%s: $.initial: '%s' is no image with an address", board->path, name);
        return -1;
    }
    const struct probe_job job = {.verb = PROBE_PROGRAM,
                                  .path = image->file,
                                  .address = start ? board->slots[0].address : where->address,
                                  .blank = true};
    return run_probe(run, &job);
}

static int program_all(struct run *run)
{
    if (run_probe(run, &(struct probe_job){.verb = PROBE_ERASE_ALL}))
        return -1;
    for (char **name = run->plan->board->initial; *name; name++)
        if (program_one(run, *name))
            return -1;
    return 0;
}

/* Console and probe must be wires of one and the same board. */
static int check_identity(struct run *run)
{
    const struct board *board = run->plan->board;
    char hex[40] = "";
    if (!board->device_id_len || !run->seen.id[0])
        return 0;
    const struct probe_job job = {
        .verb = PROBE_READ, .address = board->device_id_address, .len = board->device_id_len};
    if (run_probe(run, &job))
        return -1;
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(run->probe.fields, "hex");
    snprintf(hex, sizeof hex, "%s", cJSON_IsString(found) ? found->valuestring : "");
    /* the board prints the words in order of address as one little-endian number */
    char reversed[40] = "";
    size_t bytes = strlen(hex) / 2;
    for (size_t i = 0; i < bytes; i++)
        memcpy(reversed + 2 * i, hex + 2 * (bytes - 1 - i), 2);
    if (!strcasecmp(reversed, run->seen.id) || !strcasecmp(hex, run->seen.id))
        return 0;
    run_fail_rig(run,
                 "console and probe belong to different boards: the console says id %s, the probe reads %s",
                 run->seen.id, reversed);
    return -1;
}

static int cold_start(struct run *run, const char *phase)
{
    uint64_t limit_us = (uint64_t)run->plan->board->boot_ms * 1000;
    if (run_power_cycle(run, OFF_US))
        return -1;
    if (run_wait_app(run, limit_us)) {
        if (!run_broken(run))
            run_fail_rig(
                run,
                run->seen.boots
                    ? "%s: the board boots (its console talks) but the application does not start "
                      "from a freshly written flash"
                    : "%s: no line on the console after power-up with a freshly written flash: check "
                      "the console cable, its baud rate and the power relay",
                phase);
        return -1;
    }
    if (run->talked_while_off || (int64_t)run->seen.reset != run->plan->board->power_on_reset) {
        run_fail_rig(
            run,
            "%s: the relay was switched off and on, but the board did not lose power (reset reason 0x%x)",
            phase, run->seen.reset);
        return -1;
    }
    if (strcmp(run_seen_image(run), run->plan->scenario.start)) {
        run_fail_rig(
            run,
            "%s: the probe wrote '%s' but '%s' (version %s) runs: probe and console are on different boards?",
            phase, run->plan->scenario.start, run_seen_image(run), run->seen.version);
        return -1;
    }
    return 0;
}

static bool data_told(struct run *run, const void *arg)
{
    return run->seen.data[0] != 0;
}

int run_baseline(struct run *run, const char *phase)
{
    const char *before = run->phase;
    run->phase = phase;
    int result = -1;
    /* the probe works on a powered board; a cold start makes it the same whatever was before */
    if (run_power_cycle(run, OFF_US) || run_sleep(run, 50000) || program_all(run) || cold_start(run, phase) ||
        check_identity(run))
        goto out;
    /* user data are made at the first start; from the second on they must be there */
    run_until(run, data_told, NULL, clock_now_us() + FIRST_RUN_US);
    if (run_broken(run) || cold_start(run, phase))
        goto out;
    run_until(run, data_told, NULL, clock_now_us() + FIRST_RUN_US);
    result = run_broken(run) ? -1 : 0;
out:
    if (!run->interrupted && !strcmp(phase, "baseline"))
        run_observe(run, "baseline", result ? "failed" : "ok", EVENT_NO_NUMBER, NULL);
    run->phase = before;
    return result;
}

/* ---- settling ---- */

void run_observe_data(struct run *run)
{
    const char *state = run->seen.data;
    run_observe(run, "data",
                !strcmp(state, "ok")         ? "intact"
                : !strcmp(state, "migrated") ? "migrated"
                                             : "lost",
                EVENT_NO_NUMBER, NULL);
}

/* A board that says nothing of its data has lost them. */
static void observe_data(struct run *run)
{
    if (board_mark(run->plan->board, "data") &&
        run_until(run, data_told, NULL, clock_now_us() + FIRST_RUN_US) && !run_broken(run))
        run_observe_data(run);
}

static bool report_told(struct run *run, const void *arg)
{
    return run->seen.report[0] != 0;
}

/* Byte for byte: which authentic image is in the running slot? */
static void observe_contents(struct run *run)
{
    const struct board *board = run->plan->board;
    const struct image *image = image_by_hash(run->plan->images, run->seen.hash);
    const char *found = "none";
    if (!image || !rig_probe(run->rig))
        return;
    char *path = mem_printf("%s/running-slot.bin", run->folder);
    const struct probe_job job = {
        .verb = PROBE_DUMP, .path = path, .address = board->slots[0].address, .len = (uint32_t)image->len};
    if (!run_probe(run, &job)) {
        FILE *file = fopen(path, "rb");
        uint8_t *data = mem_alloc(image->len);
        if (file && fread(data, 1, image->len, file) == image->len && !memcmp(data, image->data, image->len))
            found = image->name;
        if (file)
            fclose(file);
        free(data);
        run_observe(run, "contents", found, EVENT_NO_NUMBER, NULL);
        if (strcmp(found, "none"))
            remove(path); /* equal to an image that is on file: no evidence */
    }
    free(path);
}

static void observe_running(struct run *run, int settled, bool stable)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "version", run->seen.version);
    cJSON_AddStringToObject(fields, "hash", run->seen.hash);
    cJSON_AddStringToObject(fields, "confirmed", run->seen.confirmed);
    run_observe(run, "running", run_seen_image(run), EVENT_NO_NUMBER, fields);
    run_observe(run, "settled", stable ? "yes" : "no", settled, NULL);
}

struct life {
    bool up;
    char hash[72], confirmed[8], report[64];
};

static void live(struct run *run, int cycle, uint64_t from_us, uint64_t limit_us, struct life *life)
{
    life->up = !run_wait_app(run, limit_us);
    if (run_broken(run))
        return;
    run_observe_boot(run, cycle, from_us, life->up);
    if (life->up && board_mark(run->plan->board, "report"))
        run_until(run, report_told, NULL, clock_now_us() + FIRST_RUN_US);
    snprintf(life->hash, sizeof life->hash, "%s", run->seen.hash);
    snprintf(life->confirmed, sizeof life->confirmed, "%s", run->seen.confirmed);
    snprintf(life->report, sizeof life->report, "%s", run->seen.report);
    if (life->report[0])
        run_observe(run, "report", life->report, EVENT_NO_NUMBER, NULL);
}

static bool same(const struct life *a, const struct life *b)
{
    return a->up && b->up && !strcmp(a->hash, b->hash);
}

/* Stable: two lives in a row run the same image. The number of power cycles that were needed until the first
 * of the two is what G3 bounds. */
void run_settle(struct run *run)
{
    uint64_t limit_us = (uint64_t)(run->plan->scenario.recovery_ms ? run->plan->scenario.recovery_ms
                                                                   : run->plan->board->recovery_ms) *
                        1000;
    uint64_t from_us = run->recovery.from_us ? run->recovery.from_us : clock_now_us();
    struct life before = {0}, now = {0};
    int cycle = 0;
    bool stable = false;
    run->phase = "settle";
    if (!run->powered && run_power(run, true, 0, NULL))
        return;
    live(run, 0, from_us, limit_us, &before);
    /* a board that ran on all the time has to start when power comes, which the next cycle shows */
    bool ran_on = !run_broken(run) && before.up && !run_observe_recovery(run);
    for (cycle = 0; cycle <= run->plan->board->cycles && !stable && !run_broken(run); cycle++) {
        if (run_power_cycle(run, OFF_US))
            return;
        if (ran_on && !cycle)
            run_recovery_from(run, run->on_us, "the next power-up, as it ran on until then");
        live(run, cycle + 1, run->on_us, limit_us, &now);
        if (ran_on && !cycle && now.up && !run_broken(run))
            run_observe_recovery(run);
        stable = same(&before, &now);
        before = now;
    }
    if (run_broken(run))
        return;
    observe_running(run, stable ? cycle - 1 : cycle, stable);
    if (now.up) {
        observe_data(run);
        observe_contents(run);
    }
}

/* ---- the update mechanism itself ---- */

static int next_failed(struct run *run, const char *what)
{
    cJSON *fields = cJSON_CreateObject();
    char *why = mem_printf("%s: %s", what, run->update.reason);
    cJSON_AddStringToObject(fields, "image", run->plan->scenario.expect.next);
    cJSON_AddStringToObject(fields, "why", why);
    free(why);
    run_observe(run, "next_update", "failed", EVENT_NO_NUMBER, fields);
    return -1;
}

static bool next_is_up(struct run *run, const void *arg)
{
    return run->seen.app_us && !strcmp(run_seen_image(run), arg);
}

static int next_steps(struct run *run)
{
    const struct image *image = image_find(run->plan->images, run->plan->scenario.expect.next);
    uint64_t limit_us = (uint64_t)run->plan->board->recovery_ms * 1000;
    struct update_job upload = {
        .verb = UPDATE_UPLOAD, .path = image->file, .resume = true, .deadline_us = 60000000};
    struct update_job list = {.verb = UPDATE_LIST, .deadline_us = 5000000};
    uint8_t hash[32] = {0};
    for (int i = 0; image->hash && strlen(image->hash) == 64 && i < 32; i++)
        sscanf(image->hash + 2 * i, "%2hhx", &hash[i]);
    struct update_job test = {.verb = UPDATE_TEST, .hash = hash, .deadline_us = 10000000};
    if (run_update(run, &list))
        return next_failed(run, "list");
    if (run_update(run, &upload))
        return next_failed(run, "upload");
    if (run_update(run, &test))
        return next_failed(run, "test");
    run->seen = (struct run_seen){0};
    if (run_update(run, &(struct update_job){.verb = UPDATE_RESET, .deadline_us = 10000000}))
        return next_failed(run, "reset");
    if (run_until(run, next_is_up, image->name, clock_now_us() + limit_us)) {
        snprintf(run->update.reason, sizeof run->update.reason, "%s runs, not %s",
                 run->seen.app_us ? run_seen_image(run) : "nothing", image->name);
        return next_failed(run, "boot");
    }
    if (run_update(run, &(struct update_job){.verb = UPDATE_CONFIRM, .deadline_us = 10000000}))
        return next_failed(run, "confirm");
    return 0;
}

void run_next_update(struct run *run)
{
    uint64_t from_us;
    run->phase = "next";
    if (!run->seen.app_us || next_steps(run) || run_broken(run)) {
        if (!run->seen.app_us && !run_broken(run)) {
            snprintf(run->update.reason, sizeof run->update.reason, "the application does not run");
            next_failed(run, "boot");
        }
        return;
    }
    /* a success that a power cycle takes back is none */
    if (run_power_cycle(run, OFF_US))
        return;
    from_us = run->on_us;
    bool up = !run_wait_app(run, (uint64_t)run->plan->board->recovery_ms * 1000);
    if (run_broken(run))
        return;
    run_observe_boot(run, 0, from_us, up);
    bool ok = up && !strcmp(run_seen_image(run), run->plan->scenario.expect.next);
    if (ok) {
        cJSON *fields = cJSON_CreateObject();
        cJSON_AddStringToObject(fields, "image", run->plan->scenario.expect.next);
        run_observe(run, "next_update", "ok", EVENT_NO_NUMBER, fields);
        observe_data(run);
    } else {
        snprintf(run->update.reason, sizeof run->update.reason, "after a power cycle %s runs",
                 up ? run_seen_image(run) : "nothing");
        next_failed(run, "confirm");
    }
}
