/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The update mechanism itself, after the fault: does a clean update still succeed? An update is a long talk
 * over the console, so one failure may be a moment's trouble of the rig: it must recur, between boots or
 * answers that show the console sound, before it is the board's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/run/run.h"

#define CONTENTS "contents" /* the step of a clean update that the probe judges */

void run_observe_update(struct run *run, const char *what, const char *image, const char *step)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "image", image);
    if (step) {
        char *why = mem_printf("%s: %s", step, run->update.reason);
        cJSON_AddStringToObject(fields, "why", why);
        free(why);
    }
    run_observe(run, what, step ? "failed" : "ok", EVENT_NO_NUMBER, fields);
}

const char *run_update_to(struct run *run, const struct image *image)
{
    uint64_t limit_us = run_recovery_us(run);
    uint8_t hash[32];
    /* how long each may take is the client's to know */
    const struct update_job state = {.intent = UPDATE_STATE},
                            deliver = {.intent = UPDATE_DELIVER,
                                       .path = image->file,
                                       .version = image->version,
                                       .resume = true},
                            activate = run_job_activate(
                                image, rig_can(run->rig, UPDATE_CAN_TRIAL) ? UPDATE_TRIAL : UPDATE_PERMANENT,
                                hash),
                            restart = {.intent = UPDATE_RESTART}, confirm = {.intent = UPDATE_CONFIRM};
    if (run_update(run, &state))
        return "state";
    if (run_update(run, &deliver))
        return "deliver";
    run_await_restart(run, 0); /* in a moment another image runs, which may not do so */
    if (run_update(run, &activate))
        return "activate";
    if (!run_delivery_restarts(run))
        run->seen = (struct run_seen){0};
    run->calm = false;
    if (run_update(run, &restart))
        return "restart";
    if (run_wait_image(run, image->name, limit_us)) {
        snprintf(run->update.reason, sizeof run->update.reason, "%s runs, not %s",
                 run->seen.app_us ? run_seen_image(run) : "nothing", image->name);
        return "boot";
    }
    run_await_confirmed(run);
    if (run->plan->board->confirms != CONFIRMS_HOST)
        return NULL; /* it does so itself, or nobody does */
    return run_update(run, &confirm) ? "confirm" : NULL;
}

/* A life of its own: does the board come up, and does the console tell so? */
static int boot_again(struct run *run)
{
    if (run_power_cycle(run, run_off_us(run)))
        return -1;
    bool up = !run_wait_app(run, run_recovery_us(run));
    if (run_broken(run))
        return -1;
    run_observe_boot(run, 0, run->on_us, up);
    run->calm = up;
    return up ? 0 : -1;
}

static const char *not_kept(struct run *run, const char *what)
{
    snprintf(run->update.reason, sizeof run->update.reason, "after a power cycle %s runs%s",
             run->seen.app_us ? run_seen_image(run) : "nothing", what);
    return "confirm";
}

/* A success that a power cycle takes back is none, and one that the next will take back neither. */
static const char *stays(struct run *run, const char *name)
{
    for (int life = 0; life < 2; life++) {
        if (boot_again(run) || strcmp(run_seen_image(run), name))
            return not_kept(run, "");
        if (strcmp(run->seen.confirmed, "0") || run->plan->board->confirms == CONFIRMS_NEVER)
            return NULL;
    }
    return not_kept(run, ", not confirmed, twice");
}

/* What the console tells may be a hash that stands in an image of which only a part was written. */
static const char *is_whole(struct run *run, const struct image *image)
{
    if (!rig_probe(run->rig) || !run->plan->board->slots[0].len ||
        run_slot_holds(run, image, "next-slot.bin"))
        return NULL;
    snprintf(run->update.reason, sizeof run->update.reason,
             "%s runs, but the slot does not hold its bytes (next-slot.bin)", image->name);
    return CONTENTS;
}

/* An updater that dies of its second update: the next one would need it. */
static const char *still_answers(struct run *run)
{
    if (!rig_can(run->rig, UPDATE_BOARD_ANSWERS) || run_answers(run, run_answer_us(run)) || run_broken(run) ||
        run_answers(run, run_answer_us(run)))
        return NULL;
    return "answer";
}

static int attempt(struct run *run, const char **step_out)
{
    const char *name = run->plan->scenario.expect.next;
    const struct image *image = image_find(run->plan->images, name);
    const char *step = run_update_to(run, image);
    if (!step && !run_broken(run))
        step = stays(run, name);
    if (!step && !run_broken(run))
        step = is_whole(run, image);
    if (!step && !run_broken(run))
        step = still_answers(run);
    *step_out = step;
    if (run_broken(run))
        return -1;
    run_observe_update(run, "next_update", name, step);
    return step ? -1 : 0;
}

/* The same bytes again: by a probe that misread them once they would differ. */
static void read_again(struct run *run)
{
    const struct image *image = image_find(run->plan->images, run->plan->scenario.expect.next);
    int holds = run_slot_holds(run, image, "next-slot.bin");
    if (holds >= 0)
        run_witness(run, !holds, "G4",
                    holds ? "the probe read other bytes than the image's once, and the image the next time"
                          : "the probe read other bytes than the image's twice, with a boot in between");
}

static void told_twice(struct run *run, bool silent)
{
    if (silent && rig_probe(run->rig))
        run->mute = true;
    else if (run_host_kept_up(run))
        run_witness(run, true, "G4", "it failed twice, between boots that the console told whole");
}

static void forget_state(struct run *run)
{
    for (size_t i = 0; i < run->plan->board->state_count; i++) {
        char *path = mem_printf("%s/state-%zu.bin", run->folder, i);
        remove(path);
        free(path);
    }
}

/* The second attempt begins where the first one did, if that was saved; "" when nothing was. */
static const char *back_to(struct run *run, const struct image *image, bool saved)
{
    int result = saved ? run_state_restore(run, image) : 1;
    if (result < 0 && !run_broken(run))
        run_note(run, "put back to where the first attempt began, it does not come up");
    return result ? "" : ", from the same state";
}

static void try_again(struct run *run, const char *step, const struct image *from, bool saved)
{
    const char *again, *same;
    bool silent = run_was_silent(run);
    /* an image whose start nobody saw may be on trial now: a clean update begins when that is over */
    if (boot_again(run) || (!strcmp(run->seen.confirmed, "0") && boot_again(run))) {
        if (!run_broken(run))
            run_witness_silence(run, "G4", "G4");
        return;
    }
    if (!strcmp(step, CONTENTS)) {
        read_again(run);
        return;
    }
    same = back_to(run, from, saved);
    if (run_broken(run))
        return;
    if (!attempt(run, &again))
        run_witness(run, false, "G4", "a clean update failed once, and the next one succeeded%s", same);
    else if (!run_broken(run) && !boot_again(run))
        told_twice(run, silent && run_was_silent(run));
    else if (!run_broken(run))
        run_witness_silence(run, "G4", "G4");
}

void run_next_update(struct run *run)
{
    const char *step;
    run->phase = "next";
    if (!run->seen.app_us) { /* why has been asked already */
        snprintf(run->update.reason, sizeof run->update.reason, "the application does not run");
        run_observe_update(run, "next_update", run->plan->scenario.expect.next, "boot");
        return;
    }
    const struct image *from = image_find(run->plan->images, run_seen_image(run));
    bool saved = run_state_save(run);
    if (!run_broken(run) && !attempt(run, &step))
        run_await_data(run);
    else if (!run_broken(run))
        try_again(run, step, from, saved);
    forget_state(run);
}
