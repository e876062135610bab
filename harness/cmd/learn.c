/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/cmd/learn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/json_text.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/run/flash.h"

#define LINE_MAX_LEN 2000
#define TURN_US 50000u
#define STATE_WITHIN_US 3000000u

/* ---- listening ---- */

/* What JSON cannot hold is replaced; NULs and line ends that floating pins add at the front are left out. */
static char *clean(const char *text, size_t len)
{
    char *out = mem_alloc(len + 1);
    size_t n = 0, begin = 0;
    while (begin < len && (!text[begin] || text[begin] == '\r' || text[begin] == '\xff'))
        begin++;
    while (len > begin && text[len - 1] == '\r')
        len--;
    while (begin < len) {
        size_t whole = json_text_utf8(text + begin, len - begin);
        if (!whole) {
            out[n++] = '?';
            begin++;
            continue;
        }
        memcpy(out + n, text + begin, whole);
        n += whole;
        begin += whole;
    }
    return out;
}

static void on_line(void *arg, const char *text, size_t len, uint64_t t_us)
{
    struct learn *learn = arg;
    if (!learn->now)
        return;
    struct align_boot *boot = learn->now;
    boot->lines = mem_resize(boot->lines, boot->count + 1, sizeof *boot->lines);
    double ms = t_us > learn->from_us ? (double)(t_us - learn->from_us) / 1000 : 0;
    boot->lines[boot->count++] = (struct align_line){clean(text, len), ms};
}

static void put(struct sink *sink, const struct event *event)
{
    struct learn *learn = (struct learn *)sink;
    if (event->kind == EVENT_INPUT) {
        learn->heard_us = event->t_us;
        lines_put(&learn->lines, event->data, event->len, event->t_us);
        return;
    }
    learn->hand->sink.put(&learn->hand->sink, event);
}

void learn_begin(struct learn *learn, struct by_hand *hand, const struct board *board,
                 const struct image_set *images)
{
    learn->sink.put = put;
    learn->hand = hand;
    learn->board = board;
    learn->images = images;
    lines_init(&learn->lines, LINE_MAX_LEN, on_line, learn);
    hand->rig.listener = &learn->sink;
}

void learn_end(struct learn *learn)
{
    for (size_t b = 0; b < learn->count; b++) {
        for (size_t l = 0; l < learn->boots[b].count; l++)
            free(learn->boots[b].lines[l].text);
        free(learn->boots[b].lines);
        free(learn->boots[b].version);
        free(learn->boots[b].hash);
    }
    free(learn->boots);
    lines_release(&learn->lines);
}

static void begin_boot(struct learn *learn, enum align_kind kind)
{
    learn->boots = mem_resize(learn->boots, learn->count + 1, sizeof *learn->boots);
    learn->now = &learn->boots[learn->count++];
    *learn->now = (struct align_boot){.kind = kind};
    lines_flush(&learn->lines);
    learn->from_us = learn->heard_us = clock_now_us();
}

/* Is the software on the board there, and able to say which image runs? */
static bool can_ask(const struct learn *learn)
{
    return rig_can(&learn->hand->rig, UPDATE_CAN_STATE) && rig_can(&learn->hand->rig, UPDATE_BOARD_ANSWERS);
}

static int ask_state(struct learn *learn, struct error *error)
{
    const struct update_job job = {.intent = UPDATE_STATE, .deadline_us = STATE_WITHIN_US};
    return by_hand_update(learn->hand, &job, error);
}

/* Which image runs: by what the board says, else by what was put onto it. */
static void take_image(struct learn *learn, bool answered)
{
    const struct image *image = learn->ran ? image_find(learn->images, learn->ran) : NULL;
    const char *version = image ? image->version : NULL, *hash = image ? image->hash : NULL;
    const cJSON *one;
    if (answered)
        cJSON_ArrayForEach(one, cJSON_GetObjectItem(learn->hand->fields, "images"))
        {
            if (!member_true(one, "active"))
                continue;
            version = member_text_or(one, "version", version);
            hash = member_text_or(one, "hash", hash);
        }
    learn->now->version = mem_string(version);
    learn->now->hash = mem_string(hash);
}

/* Turns until the board has nothing more to say; a swap is silent, too, so who can answer is asked then. */
static int end_boot(struct learn *learn, struct error *error)
{
    uint64_t latest_us = learn->from_us + learn->watch_us;
    bool answered = false;
    while (clock_now_us() < latest_us) {
        uint64_t quiet_us = learn->quiet_us;
        while (clock_now_us() < learn->heard_us + quiet_us && clock_now_us() < latest_us)
            if (by_hand_wait(learn->hand, TURN_US, error))
                return -1;
        struct align_boot *boot = learn->now;
        learn->now = NULL; /* what it prints of our question is no part of its start */
        struct error why = {0};
        answered = can_ask(learn) && !ask_state(learn, &why);
        learn->now = boot;
        if (why.kind == ERROR_INTERRUPTED)
            return error_set(error, why.kind, "%s", why.text);
        if (!can_ask(learn) || answered)
            break;
        learn->heard_us = clock_now_us();
    }
    lines_flush(&learn->lines);
    if (can_ask(learn) && !answered) {
        learn->now = NULL;
        return error_set(
            error, ERROR_RIG, "learn: the board did not answer its update client within %.0f s of a %s start",
            (double)learn->watch_us / 1e6, align_kind_names[learn->boots[learn->count - 1].kind]);
    }
    take_image(learn, answered);
    learn->now = NULL;
    return 0;
}

/* ---- starts ---- */

static int power(struct learn *learn, bool on, struct error *error)
{
    struct power_report report;
    return rig_switch(&learn->hand->rig, on, &report, error);
}

static int cold_start(struct learn *learn, struct error *error)
{
    const struct probe_ops *probe = rig_probe(&learn->hand->rig);
    if (probe)
        probe->power(learn->hand->rig.self[RACK_PROBE], false);
    if (power(learn, false, error) ||
        by_hand_wait(learn->hand, (uint64_t)learn->board->off_ms * 1000 + 500000, error))
        return -1;
    begin_boot(learn, ALIGN_COLD);
    if (power(learn, true, error))
        return -1;
    if (probe)
        probe->power(learn->hand->rig.self[RACK_PROBE], true);
    return end_boot(learn, error);
}

static int do_update(struct learn *learn, struct update_job job, struct error *error)
{
    return by_hand_update(learn->hand, &job, error);
}

static int warm_start(struct learn *learn, enum align_kind kind, struct error *error)
{
    begin_boot(learn, kind);
    int failed = rig_can(&learn->hand->rig, UPDATE_CAN_RESTART)
                     ? do_update(learn, (struct update_job){.intent = UPDATE_RESTART}, error)
                     : by_hand_probe(learn->hand, &(struct probe_job){.verb = PROBE_RESET_RUN}, error);
    if (failed) {
        learn->now = NULL;
        return -1;
    }
    return end_boot(learn, error);
}

static bool can_restart(const struct learn *learn)
{
    return rig_can(&learn->hand->rig, UPDATE_CAN_RESTART) || rig_probe(&learn->hand->rig);
}

int learn_colds(struct learn *learn, unsigned count, struct error *error)
{
    for (unsigned i = 0; i < count; i++)
        if (cold_start(learn, error))
            return -1;
    return 0;
}

int learn_warms(struct learn *learn, unsigned count, struct error *error)
{
    for (unsigned i = 0; i < count && can_restart(learn); i++)
        if (warm_start(learn, ALIGN_WARM, error))
            return -1;
    return 0;
}

/* ---- updates ---- */

/* v1 on the board as it was made, and running. Without a probe only the first update begins with it. */
static int put_first(struct learn *learn, struct error *error)
{
    if (!rig_probe(&learn->hand->rig) || !learn->board->initial)
        return 0;
    learn->now = NULL;
    if (flash_board(learn->hand, learn->board, learn->images, "v1", false, error))
        return -1;
    learn->ran = "v1";
    return by_hand_wait(learn->hand, (uint64_t)(learn->board->boot_ms + learn->board->first_run_ms) * 1000,
                        error);
}

static int deliver(struct learn *learn, const char *name, struct error *error)
{
    const struct image *image = image_find(learn->images, name);
    if (!image)
        return error_set(error, ERROR_INPUT, "firmware %s: no image '%s'", learn->images->folder, name);
    bool trial = learn->board->confirms != CONFIRMS_NEVER && rig_can(&learn->hand->rig, UPDATE_CAN_TRIAL);
    if (do_update(learn, (struct update_job){.intent = UPDATE_DELIVER, .path = image->file}, error))
        return -1;
    if (rig_can(&learn->hand->rig, UPDATE_CAN_ACTIVATE) &&
        do_update(learn,
                  (struct update_job){.intent = UPDATE_ACTIVATE,
                                      .mode = trial ? UPDATE_TRIAL : UPDATE_PERMANENT,
                                      .listed = true},
                  error))
        return -1;
    learn->ran = name;
    return 0;
}

static int one_update(struct learn *learn, bool confirm, struct error *error)
{
    if (put_first(learn, error) || deliver(learn, "v2", error) || warm_start(learn, ALIGN_UPDATE, error))
        return -1;
    const struct align_boot *boot = &learn->boots[learn->count - 1];
    const struct image *image = image_find(learn->images, "v2");
    if (image->version && boot->version && !image_version_is(boot->version, image->version))
        return error_set(
            error, ERROR_RIG,
            "learn: expected version %s after the update, found %s: the update of a healthy board "
            "must work",
            image->version, boot->version);
    if (confirm && learn->board->confirms == CONFIRMS_HOST && rig_can(&learn->hand->rig, UPDATE_CAN_CONFIRM))
        return do_update(learn, (struct update_job){.intent = UPDATE_CONFIRM}, error);
    return 0;
}

int learn_updates(struct learn *learn, unsigned count, struct error *error)
{
    bool again = rig_probe(&learn->hand->rig) && learn->board->initial;
    if (!learn->hand->rig.self[RACK_UPDATE]) {
        snprintf(learn->note, sizeof learn->note, "updates: the place has no update client");
        return 0;
    }
    if (!again && count > 1) {
        snprintf(
            learn->note, sizeof learn->note,
            "updates: one only, as nothing puts v1 back (a probe and `initial` of the board file would)");
        count = 1;
    }
    for (unsigned i = 0; i < count; i++)
        if (one_update(learn, true, error))
            return -1;
    return 0;
}

int learn_revert(struct learn *learn, struct error *error)
{
    const struct rig *rig = &learn->hand->rig;
    bool possible = learn->board->confirms == CONFIRMS_HOST && rig_can(rig, UPDATE_CAN_TRIAL) &&
                    rig_probe(rig) && learn->board->initial && can_restart(learn);
    if (!possible)
        return 0;
    if (one_update(learn, false, error))
        return -1;
    learn->ran = "v1";
    return warm_start(learn, ALIGN_REVERT, error);
}

cJSON *learn_json(const struct learn *learn)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t b = 0; b < learn->count; b++) {
        const struct align_boot *boot = &learn->boots[b];
        cJSON *one = cJSON_CreateObject(), *lines = cJSON_CreateArray();
        cJSON_AddItemToArray(list, one);
        cJSON_AddNumberToObject(one, "start", (double)b);
        cJSON_AddStringToObject(one, "kind", align_kind_names[boot->kind]);
        if (boot->version)
            cJSON_AddStringToObject(one, "version", boot->version);
        for (size_t l = 0; l < boot->count; l++) {
            cJSON *line = cJSON_CreateObject();
            cJSON_AddNumberToObject(line, "ms", round(boot->lines[l].ms * 10) / 10);
            cJSON_AddStringToObject(line, "text", boot->lines[l].text);
            cJSON_AddItemToArray(lines, line);
        }
        cJSON_AddItemToObject(one, "lines", lines);
    }
    return list;
}
