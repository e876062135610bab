/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a scenario: one function each, in one table. A step that fails because a fault has struck ends
 * the steps and the case goes on with settling; one that fails before any fault is the board's or the
 * scenario's business and ends them too: what follows from it is for the contract to say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/run/run.h"

static bool any_fault_struck(const struct run *run)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++)
        if (run->faults[i].state >= FAULT_ACTIVE)
            return true;
    return false;
}

/* ---- upload and what follows it ---- */

static int write_image(const char *path, const uint8_t *data, size_t len, struct run *run)
{
    FILE *file = fopen(path, "wb");
    bool ok = file && fwrite(data, 1, len, file) == len;
    if (file && fclose(file))
        ok = false;
    if (!ok)
        run_fail_rig(run, "%s cannot be written", path);
    return ok ? 0 : -1;
}

/* The image as the scenario wants it, in the case folder when it was changed. */
static char *image_path(struct run *run, const struct step *step, size_t *len)
{
    const struct image *image = image_find(run->plan->images, step->image);
    *len = image->len;
    if (!step->change.any)
        return mem_string(image->file);
    uint8_t *data = image_changed(image, &step->change, len);
    char *path = mem_printf("%s/delivered.bin", run->folder);
    int failed = write_image(path, data, *len, run);
    free(data);
    if (!failed)
        return path;
    free(path);
    return NULL;
}

static bool refused(const struct run *run)
{
    return run->update.outcome == UPDATE_REFUSED;
}

/* No answer, though nothing was done to board or link: is it the board's silence or the wire's? One that
 * answers something else in between is asked again; the silence of one that does not says nothing of it. */
static int without_answer(struct run *run, const struct step *step, const struct update_job *job)
{
    bool answers = run_answers(run, run_answer_us(run));
    if (!run_broken(run) && !run_update(run, job)) {
        run_note(run, "%s: no answer at first, though nothing was done to the board", step->kind_name);
        return 0;
    }
    if (!run_broken(run) && !answers && !refused(run))
        run_witness(
            run, false, "G2 G3 G6",
            "the board did not answer '%s', twice, nor anything in between, though nothing was done to it",
            step->kind_name);
    return -1;
}

/* The fault has been over for a while, and still there is no answer: it is the board's silence if it answers
 * something else before and after. */
static void witness_unheard(struct run *run, const struct step *step, const struct update_job *job)
{
    bool answers = run_answers(run, run_answer_us(run));
    bool done = answers && !run_update(run, job);
    if (run_broken(run) || (answers && !done && (refused(run) || run_answers(run, run_answer_us(run)))))
        return;
    run_witness(run, false, "G1 G2 G3 G6",
                done      ? "the board did not answer '%s' when the fault was over, and did a moment later"
                : answers ? "the board did not answer '%s' when the fault was over, and then nothing at all"
                          : "the board did not answer '%s' when the fault was over, nor anything else",
                step->kind_name);
}

static bool is_over_for_long(struct run *run)
{
    return !run_faults_active(run) && run->recovery.from_us &&
           clock_now_us() > run->recovery.from_us + run_answer_us(run);
}

static int with_attempts(struct run *run, const struct step *step, const struct update_job *job)
{
    int result = -1;
    unsigned struck = run->struck;
    for (int64_t i = 0; i < step->attempts && result && !run_broken(run); i++) {
        result = run_update(run, job);
        if (result && refused(run) && step->may_refuse)
            break;
        if (result && i + 1 < step->attempts)
            run_sleep(run, 200000);
    }
    if (result && !refused(run) && run->struck == struck && !run_faults_active(run) && !run_broken(run))
        result = without_answer(run, step, job);
    else if (result && run->struck != struck && run_was_silent(run) && is_over_for_long(run) &&
             !run_broken(run))
        witness_unheard(run, step, job);
    return result;
}

static void prove(struct run *run, const struct step *step, const char *why)
{
    if (step->proves)
        run_fault_image(run, run_fault_named(run, step->proves), why);
}

static int do_upload(struct run *run, const struct step *step)
{
    size_t len;
    char *path = image_path(run, step, &len);
    if (!path)
        return -1;
    struct update_job job = {
        .intent = UPDATE_DELIVER, .path = path, .resume = true, .deadline_us = (uint64_t)step->within_us};
    run->upload_len = len;
    run->delivered = image_find(run->plan->images, step->image);
    job.version = run->delivered ? run->delivered->version : NULL;
    run_barred_delivered(run, path);
    int result = with_attempts(run, step, &job);
    free(path);
    if (!result)
        prove(run, step, "the image was delivered whole");
    else if (step->may_refuse && refused(run)) {
        prove(run, step, "the board refused the image on its way");
        return 0;
    }
    return result;
}

static int with_proof(struct run *run, const struct step *step, const struct update_job *job,
                      const char *refusal, const char *success)
{
    int result = with_attempts(run, step, job);
    if (result && step->may_refuse && refused(run)) {
        prove(run, step, refusal);
        return 0;
    }
    if (!result) {
        run_fault_done(run);
        prove(run, step, success);
    }
    return result;
}

static int do_activate(struct run *run, const struct step *step)
{
    uint8_t hash[32];
    struct update_job job = run_job_activate(
        run->delivered, !strcmp(step->mode, "confirm") ? UPDATE_PERMANENT : UPDATE_TRIAL, hash);
    job.listed = true; /* it may have been changed on purpose */
    job.deadline_us = (uint64_t)step->within_us;
    return with_proof(run, step, &job, "the board refused to activate the image",
                      "the board accepted the image");
}

static int do_confirm(struct run *run, const struct step *step)
{
    const struct update_job job = {.intent = UPDATE_CONFIRM, .deadline_us = (uint64_t)step->within_us};
    if (run->plan->board->confirms != CONFIRMS_HOST) {
        run_note(run, "confirm: left to the board, which confirms by '%s'",
                 board_confirms_words[run->plan->board->confirms]);
        run_await_confirmed(run);
        run_fault_done(run);
        return 0;
    }
    return with_proof(run, step, &job, "the board refused to confirm", "the board confirmed the image");
}

/* ---- reset, waiting ---- */

/* What the board does from here on is what it has to come back from, unless a fault strikes later. */
static void restarts(struct run *run, const char *what)
{
    run_recovery_from(run, clock_now_us(), what);
    run->wait.started_mark = -1;
    run_fault_restart(run);
}

static int power_cycle(struct run *run, uint64_t off_us)
{
    run->wait.started_mark = -1;
    if (run_power_cycle(run, off_us))
        return -1;
    run_recovery_from_power(run, "power came back");
    run_fault_restart(run);
    return 0;
}

static int do_reset(struct run *run, const struct step *step)
{
    if (!strcmp(step->by, "power"))
        return power_cycle(run, run_off_us(run) + 100000);
    if (!strcmp(step->by, "update") && run_delivery_restarts(run)) {
        run_note(run, "reset: the delivery has started it again");
        return 0;
    }
    run->seen = (struct run_seen){0};
    restarts(run, "the reset");
    if (!strcmp(step->by, "probe"))
        return run_probe(run, &(struct probe_job){.verb = PROBE_RESET_RUN});
    return run_update(
        run, &(struct update_job){.intent = UPDATE_RESTART, .deadline_us = (uint64_t)step->within_us});
}

/* A mark with a version but no hash is of a boot loader, before the image itself can say what it is. */
static bool tells_version(struct run *run, size_t mark, const char *text, char *version, size_t size)
{
    char hash[72];
    return !marks_group(run->marks, mark, text, "hash", hash, sizeof hash) &&
           marks_group(run->marks, mark, text, "version", version, size);
}

static bool is_version(const struct run *run, const char *version, const char *name)
{
    const struct image *image = image_find(run->plan->images, name);
    return image && image->version && !strcmp(image->version, version);
}

/* By its hash: a folder may give the same image under two names. */
static bool is_running(const struct run *run, const char *name)
{
    const struct image *image = image_find(run->plan->images, name);
    size_t len = strlen(run->seen.hash);
    if (!len && !run->seen.version[0] &&
        run->seen.started[0]) /* it has not come up: what the boot loader says */
        return is_version(run, run->seen.started, name);
    if (!len)
        return !strcmp(run_seen_image(run), name);
    return image && image->hash && len >= 16 && !strncasecmp(image->hash, run->seen.hash, len);
}

void run_step_mark(struct run *run, size_t mark, const char *text)
{
    struct run_wait *wait = &run->wait;
    char version[32];
    bool told = tells_version(run, mark, text, version, sizeof version);
    if (told) {
        wait->started_mark = (int)mark;
        snprintf(wait->started, sizeof wait->started, "%s", version);
    }
    if (wait->mark != (int)mark)
        return;
    wait->came |=
        !wait->image || (told ? is_version(run, version, wait->image) : is_running(run, wait->image));
}

static bool mark_came(struct run *run, const void *arg)
{
    return run->wait.came;
}

/* A mark of that image that came since the last reset counts: the step before may have ended after it. */
static bool has_come(struct run *run, const struct step *step, int mark)
{
    if (!step->image)
        return false;
    return (!strcmp(step->mark, "app_up") && run->seen.app_us && is_running(run, step->image)) ||
           (run->wait.started_mark == mark && is_version(run, run->wait.started, step->image));
}

/* As long as the scenario says, or as the board may take. */
static uint64_t within_us(const struct run *run, const struct step *step)
{
    return step->within_us ? (uint64_t)step->within_us : run_recovery_us(run);
}

/* Of a board whose console does not tell which image starts. */
static int wait_for_fact(struct run *run, const struct step *step)
{
    uint64_t limit_us = within_us(run, step);
    int result = step->image ? run_wait_image(run, step->image, limit_us) : run_wait_app(run, limit_us);
    if (run_broken(run) || !result == step->absent)
        return -1;
    run_observe_boot(run, 0, run->on_us, run->seen.app_us != 0);
    prove(run, step, step->absent ? "it was not seen to run" : "it was seen to run");
    return 0;
}

/* An application is up before it listens: what is asked of it meanwhile is lost. */
static int wait_for_answer(struct run *run, const struct step *step)
{
    bool answers = !run_can_answer(run) || run_answers(run, within_us(run, step));
    if (run_broken(run) || answers == step->absent)
        return -1;
    prove(run, step, step->absent ? "it did not answer" : "it answers");
    return 0;
}

static int do_wait(struct run *run, const struct step *step)
{
    if (step->fact && !strcmp(step->mark, "alive"))
        return wait_for_answer(run, step);
    const struct source *told = facts_source(run->plan->board, FACT_IMAGE, SOURCE_MARK);
    if ((step->optional || step->if_told) && marks_find(run->marks, step->mark) < 0 && !step->fact) {
        run_note(run, "wait: this board prints no mark '%s'", step->mark);
        prove(run, step, "the image was delivered, and this board prints nothing of what it does");
        return 0;
    }
    if (!strcmp(step->mark, "app_up") && (!run_tells_up(run) || (step->image && !told)))
        return wait_for_fact(run, step);
    run->wait.mark = marks_find(run->marks, step->mark);
    run->wait.image = step->image;
    run->wait.came = has_come(run, step, run->wait.mark);
    int result = run_until(run, mark_came, NULL, clock_now_us() + within_us(run, step));
    run->wait.mark = -1;
    if (run_broken(run) || !result == step->absent)
        return -1;
    prove(run, step, step->absent ? "the mark was not seen" : "the mark was seen");
    return 0;
}

static bool fault_over(struct run *run, const void *arg)
{
    return ((const struct run_fault *)arg)->state == FAULT_OVER;
}

static uint64_t lasts_us(const struct action *action)
{
    return (uint64_t)(action->for_us +
                      (action->off_us + action->on_us) * (action->times ? action->times : 1));
}

static int do_await(struct run *run, const struct step *step)
{
    struct run_fault *fault = run_fault_named(run, step->fault);
    /* it may have to start first, and then to reach the moment that is meant */
    uint64_t limit_us = step->within_us ? (uint64_t)step->within_us
                                        : run_recovery_us(run) + (uint64_t)fault->fault->trigger.delay_us +
                                              lasts_us(&fault->fault->action);
    if (run_until(run, fault_over, fault, clock_now_us() + limit_us))
        return -1;
    run_fault_ask_cold(run, fault, false);
    return run_broken(run) ? -1 : 0;
}

static int arm_watch(struct run *run, const struct trigger *trigger)
{
    const struct board_span word = {.address = trigger->address, .len = 4};
    const struct board_span *span = trigger->watch ? board_watch(run->plan->board, trigger->watch) : &word;
    const struct probe_job job = {.verb = PROBE_WATCH,
                                  .address = span->address,
                                  .len = span->len,
                                  .access = PROBE_ACCESS_WRITE,
                                  .match_value = trigger->match_value,
                                  .value = trigger->value,
                                  .count = (unsigned)trigger->count};
    run->probe_halted = false;
    return run_probe(run, &job);
}

static int do_arm(struct run *run, const struct step *step)
{
    struct run_fault *fault = run_fault_named(run, step->fault);
    if (run_fault_cuts(fault) && run_cold_begin(run))
        return -1;
    run_fault_arm(run, fault);
    if (fault->fault->trigger.kind != TRIGGER_WATCH)
        return 0;
    /* the probe counts the hits itself */
    fault->hits = fault->fault->trigger.count - 1;
    return arm_watch(run, &fault->fault->trigger);
}

static int do_power(struct run *run, const struct step *step)
{
    if (step->untold)
        return run_power_untold(run, (uint64_t)step->off_us);
    if (!strcmp(step->mode, "cycle"))
        return power_cycle(run, (uint64_t)step->off_us);
    if (run_power(run, step->on, 0))
        return -1;
    if (step->on)
        run_recovery_from_power(run, "power came back");
    return 0;
}

static int do_sleep(struct run *run, const struct step *step)
{
    return run_sleep(run, (uint64_t)step->sleep_us);
}

static int do_stage(struct run *run, const struct step *step)
{
    size_t len;
    char *path = image_path(run, step, &len);
    if (!path)
        return -1;
    const struct probe_job job = {
        .verb = PROBE_PROGRAM, .path = path, .address = run->plan->board->slots[1].address};
    run->delivered = image_find(run->plan->images, step->image);
    run_barred_delivered(run, path);
    int result = run_probe(run, &job);
    free(path);
    if (!result)
        prove(run, step, "the probe wrote the image");
    return result;
}

static int (*const table[])(struct run *run, const struct step *step) = {
    [STEP_UPLOAD] = do_upload, [STEP_ACTIVATE] = do_activate, [STEP_CONFIRM] = do_confirm,
    [STEP_RESET] = do_reset,   [STEP_WAIT] = do_wait,         [STEP_AWAIT] = do_await,
    [STEP_ARM] = do_arm,       [STEP_POWER] = do_power,       [STEP_SLEEP] = do_sleep,
    [STEP_STAGE] = do_stage,
};

static void end_step(struct run *run, const struct step *step, int result)
{
    cJSON *fields = result ? cJSON_CreateObject() : NULL;
    if (fields)
        cJSON_AddBoolToObject(fields, "optional", step->optional);
    event_put_full(&run->sink, EVENT_STEP, "run",
                   !result                 ? "end"
                   : any_fault_struck(run) ? "disturbed"
                                           : "failed",
                   step->kind_name, EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

void run_steps(struct run *run)
{
    const struct scenario *scenario = &run->plan->scenario;
    for (size_t i = 0; i < scenario->step_count && !run_broken(run); i++) {
        const struct step *step = &scenario->steps[i];
        run->step = (int)i;
        event_put(&run->sink, EVENT_STEP, "run", "begin", step->kind_name);
        int result = table[step->kind](run, step);
        if (run_broken(run))
            break;
        end_step(run, step, result);
        if (result && !step->optional)
            break;
    }
    run->step = -1;
    /* a fault that is under way (the power is off, a storm goes on) ends before anything is judged */
    uint64_t limit_us = clock_now_us() + 60000000;
    while (run_faults_active(run) && !run_broken(run) && clock_now_us() < limit_us) {
        bool only_link = true;
        for (size_t i = 0; i < scenario->fault_count; i++)
            if ((run->faults[i].state == FAULT_ACTIVE || run->faults[i].state == FAULT_DELAYED) &&
                run->faults[i].fault->action.kind != ACTION_LINK &&
                run->faults[i].fault->action.kind != ACTION_SERVER)
                only_link = false;
        if (only_link)
            break;
        run_sleep(run, 10000);
    }
}
