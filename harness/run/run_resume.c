/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Can the upload that the fault has interrupted be finished, without a power cycle in between? That the
 * client sent all of it says nothing of what the board has stored: the image must be whole. The probe reads
 * it, or the board is made to run it. */
#include <stdio.h>
#include <string.h>

#include "harness/run/run.h"

#define CONTENTS "contents" /* the step that the probe judges */

/* 1, 0, -1: nobody can look. */
static int is_stored(struct run *run, const struct image *image)
{
    const struct board *board = run->plan->board;
    int holds = 0;
    if (!rig_probe(run->rig) || !board->slots[1].len)
        return -1;
    for (size_t slot = 2; slot-- > 0 && !holds && !run_broken(run);)
        if (image->len <= board->slots[slot].len)
            holds = run_one_slot_holds(run, slot, image, "resumed-slot.bin");
    return run_broken(run) ? -1 : holds;
}

/* A board that never confirms, or does so by itself, would keep what is only to be looked at. */
static const char *is_started(struct run *run, const struct image *image)
{
    uint8_t hash[32];
    const struct update_job activate = run_job_activate(image, UPDATE_TRIAL, hash),
                            restart = {.intent = UPDATE_RESTART};
    if (run->plan->board->confirms != CONFIRMS_HOST)
        return NULL;
    if (!run_delivery_restarts(run)) {
        if (!rig_can(run->rig, UPDATE_CAN_TRIAL))
            return NULL;
        if (run_update(run, &activate))
            return "activate";
        run->seen = (struct run_seen){0};
        run->calm = false;
        if (run_update(run, &restart))
            return "restart";
    }
    if (!run_wait_image(run, image->name, run_recovery_us(run)))
        return NULL;
    snprintf(run->update.reason, sizeof run->update.reason, "%s runs, not %s",
             run->seen.app_us ? run_seen_image(run) : "nothing", image->name);
    return "boot";
}

static const char *is_whole(struct run *run, const struct image *image)
{
    int holds = is_stored(run, image);
    if (holds < 0)
        return run_broken(run) ? CONTENTS : is_started(run, image);
    snprintf(run->update.reason, sizeof run->update.reason,
             "the upload ended, but no slot holds the bytes of %s (resumed-slot.bin)", image->name);
    return holds ? NULL : CONTENTS;
}

/* NULL: it was finished. */
static const char *resume_once(struct run *run)
{
    const struct expect *expect = &run->plan->scenario.expect;
    const struct image *image = image_find(run->plan->images, expect->resume);
    const struct update_job job = {.intent = UPDATE_DELIVER,
                                   .path = image->file,
                                   .version = image->version,
                                   .resume = true,
                                   .deadline_us = (uint64_t)expect->resume_within_us};
    const char *step = run_update(run, &job) ? "deliver" : is_whole(run, image);
    if (!run_broken(run))
        run_observe_update(run, "resume", expect->resume, step);
    return step;
}

/* Sent once more it would come out whole, and prove nothing. */
static void read_again(struct run *run)
{
    const struct image *image = image_find(run->plan->images, run->plan->scenario.expect.resume);
    int holds = is_stored(run, image);
    if (holds >= 0)
        run_witness(run, !holds, "G4",
                    holds ? "the probe read other bytes than the image's once, and the image the next time"
                          : "the probe read other bytes than the image's twice");
}

/* No power cycle before the second attempt: it might mend what is asked about. */
void run_resume_upload(struct run *run)
{
    const char *step = run->plan->scenario.expect.resume ? resume_once(run) : NULL;
    if (!step || run_broken(run))
        return;
    if (!strcmp(step, CONTENTS)) {
        read_again(run);
        return;
    }
    bool sound = run_answers(run, run_answer_us(run));
    if (run_broken(run))
        return;
    if (!resume_once(run))
        run_witness(run, false, "G4", "the interrupted upload failed once and was finished a moment later");
    else if (!run_broken(run) && !sound)
        run_witness_silence(run, "G4", "G4");
    else if (!run_broken(run) && run_host_kept_up(run))
        run_witness(run, true, "G4", "it failed twice, and the board answered in between");
}
