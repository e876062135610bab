/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/record/text.h"

#define CONSOLE_LINE_MAX 1024

bool run_is_judged(const struct run *run)
{
    return strcmp(run->phase, "baseline") && strcmp(run->phase, "rig");
}

/* ---- the sink: triggers first, then the journal, then whoever waits ---- */

static void wake(void *arg)
{
    struct run *run = arg;
    run->waking = false;
    fiber_resume(run->fiber);
}

/* The fiber is resumed from the loop's next turn, never from within a driver's callback. */
void run_wake(struct run *run)
{
    if (run->waking || !run->fiber || fiber_done(run->fiber))
        return;
    run->waking = true;
    loop_defer(run->loop, wake, run);
}

/* What the fold makes of it is a fault of the rig also when nobody reported one. */
static void record(struct run *run, const struct event *event)
{
    struct event copy = *event;
    copy.step = run->step;
    journal_put(run->journal, &copy);
    verdict_event(run->fold, &copy);
    if (verdict_rig_fault(run->fold) && run->fatal.kind == ERROR_NONE)
        run_fail_rig(run, "%s", verdict_rig_fault(run->fold));
}

static int64_t see_boot(struct run *run, size_t mark, const char *text, uint64_t t_us)
{
    unsigned boots = run->seen.boots + 1;
    char *end;
    if (run->calm)
        run_observe_restart(run);
    run->seen = (struct run_seen){.boot_us = t_us, .boots = boots};
    struct run_seen *seen = &run->seen;
    const struct source *cold = facts_source(run->plan->board, FACT_COLD, SOURCE_MARK);
    if (cold && !strcmp(cold->mark, marks_name(run->marks, mark)))
        marks_group(run->marks, mark, text, cold->group, seen->reset, sizeof seen->reset);
    seen->cold = run_cold_line(run, seen->reset);
    if (boots == 1) {
        run->first_cold = seen->cold;
        run->first_on_us = run->on_us;
    }
    marks_group(run->marks, mark, text, "id", seen->id, sizeof seen->id);
    run_fault_boot(run);
    run_garble_boot(run);
    unsigned long long number = strtoull(seen->reset, &end, 16);
    return end != seen->reset && !*end ? (int64_t)number : EVENT_NO_NUMBER;
}

static bool has_version(const struct run *run, const char *name, const char *version)
{
    const struct image *image = name ? image_find(run->plan->images, name) : NULL;
    return image && image->version && !strcmp(image->version, version);
}

/* The boot loader starts what must never run: that it dies before it tells its name makes it no better.
 * Versions tell that only where nothing else that may run has the same. */
static void see_jump(struct run *run, size_t mark, const char *text)
{
    const struct expect *expect = &run->plan->scenario.expect;
    char version[32];
    if (!run_is_judged(run) || !marks_group(run->marks, mark, text, "version", version, sizeof version) ||
        has_version(run, run->plan->scenario.start, version) || has_version(run, expect->next, version))
        return;
    for (char **name = expect->runs; name && *name; name++)
        if (has_version(run, *name, version))
            return;
    for (size_t i = 0; i < expect->never_count; i++)
        if (has_version(run, expect->never[i].image, version))
            run_observe(run, "jumped", expect->never[i].image, EVENT_NO_NUMBER, NULL);
}

/* Where the line does not say which image it is, it is asked for later. */
static bool tells_image(const struct run *run)
{
    return run->seen.hash[0] || run->seen.version[0];
}

/* A line of the boot loader that the board file trusts to tell the image. */
static bool tells_start(const struct run *run, const char *mark)
{
    const struct source *source = facts_source(run->plan->board, FACT_IMAGE, SOURCE_MARK);
    return source && !strcmp(source->mark, mark) && strcmp(mark, "app_up");
}

/* Any mark may tell that the image is to stay, in the words of the board. */
static void see_confirmed(struct run *run, size_t mark, const char *text)
{
    const struct source *source = facts_source(run->plan->board, FACT_CONFIRMED, SOURCE_MARK);
    const char *name = marks_name(run->marks, mark), *of = source && source->mark ? source->mark : "app_up";
    char told[40] = "";
    if (strcmp(name, of) ||
        !marks_group(run->marks, mark, text, source && source->group ? source->group : "confirmed", told,
                     sizeof told) ||
        !told[0])
        return;
    if (source && source->equals)
        snprintf(run->seen.confirmed, sizeof run->seen.confirmed, "%d", run_equals(told, source->equals));
    else
        run_take_flag(run->seen.confirmed, told);
}

/* The mark's number: the reset reason of a boot. */
static int64_t see_mark(struct run *run, size_t mark, const char *text, uint64_t t_us)
{
    struct run_seen *seen = &run->seen;
    const char *name = marks_name(run->marks, mark);
    see_confirmed(run, mark, text);
    if (!strcmp(name, "boot")) {
        return see_boot(run, mark, text, t_us);
    } else if (tells_start(run, name)) {
        marks_group(run->marks, mark, text, "version", seen->started, sizeof seen->started);
    } else if (!strcmp(name, "app_up")) {
        if (seen->app_us && run_is_judged(run))
            run_witness(run, false, RUN_ALL_CLAUSES,
                        "an application started, and the console did not show the start of the board before");
        seen->app_us = t_us;
        marks_group(run->marks, mark, text, "version", seen->version, sizeof seen->version);
        marks_group(run->marks, mark, text, "hash", seen->hash, sizeof seen->hash);
        if (!tells_image(run)) /* the boot loader has, of what it started */
            snprintf(seen->version, sizeof seen->version, "%s", seen->started);
        if (tells_image(run))
            seen->image_from = "mark";
        run_recovery_app(run);
    } else if (!strcmp(name, "data")) {
        marks_group(run->marks, mark, text, "state", seen->data, sizeof seen->data);
        marks_group(run->marks, mark, text, "print", seen->data_print, sizeof seen->data_print);
        seen->data_from = source_name(SOURCE_MARK);
    } else if (!strcmp(name, "report")) {
        marks_group(run->marks, mark, text, "last", seen->report, sizeof seen->report);
    }
    return EVENT_NO_NUMBER;
}

/* Of a board's start: whether its line tells of a loss of power. */
static cJSON *mark_fields(const struct run *run, const char *mark)
{
    if (strcmp(mark, "boot") || run->seen.cold == RUN_COLD_UNKNOWN)
        return NULL;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddBoolToObject(fields, "cold", run->seen.cold == RUN_COLD_YES);
    return fields;
}

static void see_line(struct run *run, const char *text, size_t len, uint64_t t_us)
{
    size_t count = marks_count(run->marks);
    bool marked = false;
    struct event line = {.kind = EVENT_LINE,
                         .t_us = t_us,
                         .source = "console",
                         .what = "line",
                         .value = text,
                         .number = EVENT_NO_NUMBER};
    record(run, &line);
    run_question_line(run, text, len);
    for (size_t i = 0; i < count; i++) {
        if (!marks_match(run->marks, i, text, len))
            continue;
        struct event mark = {.kind = EVENT_MARK,
                             .t_us = t_us,
                             .source = "console",
                             .what = marks_name(run->marks, i),
                             .value = text,
                             .number = EVENT_NO_NUMBER};
        marked = true;
        mark.number = see_mark(run, i, text, t_us);
        cJSON *fields = mark_fields(run, mark.what);
        mark.fields = fields;
        run_step_mark(run, i, text);
        record(run, &mark);
        cJSON_Delete(fields);
        /* what ran during the steps counts even when it is gone before the settling */
        if (!strcmp(mark.what, "app_up") && !strcmp(run->phase, "run") && tells_image(run))
            run_observe_boot(run, 0, run->on_us, true);
        if (!strcmp(mark.what, "jump"))
            see_jump(run, i, text);
        /* data that are lost once stay lost, also if the board makes new ones */
        if (!strcmp(mark.what, "data") && run_is_judged(run))
            run_observe_data(run);
        if (!strcmp(mark.what, "report") && !strcmp(run->phase, "run"))
            run_observe(run, "report", run->seen.report, EVENT_NO_NUMBER, NULL);
    }
    run_garble_line(run, text, len, marked);
}

/* `before`: so much of the line was of another one, with which they have been told already. */
static void tell_faults(struct run *run, const char *text, size_t len, size_t before, uint64_t t_us)
{
    for (size_t i = 0; i < marks_count(run->marks); i++)
        if (run_fault_wants_mark(run, marks_name(run->marks, i)) &&
            !(before && marks_match(run->marks, i, text, len)) &&
            marks_match(run->marks, i, text + before, len - before))
            run_fault_mark(run, marks_name(run->marks, i), t_us);
}

/* A board that loses power or is reset ends its line anywhere, and a pin that floats adds to it: the line of
 * its start then begins in the middle of another. */
static void on_plain_line(struct run *run, const char *text, size_t len, uint64_t t_us)
{
    /* what a fault waits for comes before everything else: its delay is part of the result */
    tell_faults(run, text, len, 0, t_us);
    int boot = marks_find(run->marks, "boot");
    size_t before = boot < 0 ? 0 : marks_find_inside(run->marks, (size_t)boot, text, len);
    if (before) {
        char *cut_off = mem_alloc(before + 1); /* it may hold zeros */
        memcpy(cut_off, text, before);
        tell_faults(run, text, len, before, t_us);
        see_line(run, cut_off, before, t_us);
        free(cut_off);
    }
    see_line(run, text + before, len - before, t_us);
}

/* Marks are of what people read: a board that paints its words says the same. */
static void on_line(void *arg, const char *text, size_t len, uint64_t t_us)
{
    if (!memchr(text, 0x1b, len)) {
        on_plain_line(arg, text, len, t_us);
        return;
    }
    char *plain = mem_alloc(len + 1); /* it may hold zeros */
    memcpy(plain, text, len);
    len = text_plain(plain, len);
    plain[len] = 0;
    on_plain_line(arg, plain, len, t_us);
    free(plain);
}

#define LATE_US 100000u

static void on_input(struct run *run, const struct event *event)
{
    /* A board that goes on talking after its power was cut still has power. Bytes on their way when it was
     * cut may come late on a busy host, but all at once. */
    if (!run->powered && run->off_us && event->t_us > run->off_us + LATE_US && !run_host_was_late(run)) {
        if (!run->late_us)
            run->late_us = event->t_us;
        else if (event->t_us > run->late_us + LATE_US)
            run->talked_while_off = true;
    }
    if (run->console_fd >= 0 && write(run->console_fd, event->data, event->len) < 0)
        run_fail_rig(run, "console.log: %s", strerror(errno));
    lines_put(&run->lines, event->data, event->len, event->t_us);
}

static void end_job(struct run_job *job, const struct event *event, bool ok)
{
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(event->fields, "reason");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(event->fields, "text");
    job->running = false;
    job->ok = ok;
    snprintf(job->reason, sizeof job->reason, "%s%s%s",
             cJSON_IsString(reason) ? reason->valuestring : "failed", cJSON_IsString(text) ? ": " : "",
             cJSON_IsString(text) ? text->valuestring : "");
    job->outcome = update_outcome_of(event->fields, ok);
    cJSON_Delete(job->fields);
    job->fields = cJSON_Duplicate(event->fields, true);
}

static void on_probe(struct run *run, const struct event *event)
{
    if (!strcmp(event->what, "halted")) {
        run->probe_halted = true;
        run_fault_halted(run);
    } else if (!strcmp(event->what, "done") || !strcmp(event->what, "failed")) {
        end_job(&run->probe, event, !strcmp(event->what, "done"));
        run_fault_probe(run);
    }
}

static void on_update(struct run *run, const struct event *event)
{
    if (!strcmp(event->what, "progress")) {
        run->update.seen_us = event->t_us;
        run_fault_bytes(run, event->number);
    } else if (!strcmp(event->what, "done") || !strcmp(event->what, "failed"))
        end_job(&run->update, event, !strcmp(event->what, "done"));
}

uint64_t run_time_at(const cJSON *fields, const char *key)
{
    double time_us = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(fields, key));
    return time_us > 0 ? (uint64_t)time_us : 0;
}

static void put(struct sink *sink, const struct event *event)
{
    struct run *run = (struct run *)sink;
    if (run->finished)
        return;
    switch (event->kind) {
    case EVENT_INPUT: /* its lines are recorded, its bytes are evidence */
        on_input(run, event);
        run_wake(run);
        return;
    case EVENT_PROBE:
        on_probe(run, event);
        break;
    case EVENT_UPDATE:
        on_update(run, event);
        break;
    case EVENT_LINK:
        run_fault_link(run);
        break;
    case EVENT_SERVER:
        run_fault_server(run, event);
        break;
    case EVENT_RIG:
        if (run->fatal.kind == ERROR_NONE)
            error_set(&run->fatal, ERROR_RIG, "%s", event->value ? event->value : event->what);
        break;
    default:
        break;
    }
    record(run, event);
    if (event->kind == EVENT_POWER || event->kind == EVENT_RIG)
        run_power_event(run, event); /* once it is recorded: what follows from it may be the next command */
    if (journal_failed(run->journal) && run->fatal.kind == ERROR_NONE)
        error_set(&run->fatal, ERROR_RIG, "the journal cannot be written");
    run_wake(run);
}

/* ---- for the fiber ---- */

bool run_broken(const struct run *run)
{
    return run->interrupted || run->fatal.kind != ERROR_NONE;
}

void run_fail_rig(struct run *run, const char *format, ...)
{
    char text[360];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (run->fatal.kind != ERROR_NONE)
        return;
    error_set(&run->fatal, ERROR_RIG, "%s", text);
    event_put(&run->sink, EVENT_RIG, "run", "fault", text);
}

void run_note(struct run *run, const char *format, ...)
{
    char text[360];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    event_put(&run->sink, EVENT_NOTE, "run", "note", text);
}

void run_observe(struct run *run, const char *what, const char *value, int64_t number, cJSON *fields)
{
    event_put_full(&run->sink, EVENT_OBSERVE, "run", what, value, number, fields);
    cJSON_Delete(fields);
}

static void on_deadline(void *arg, uint64_t now_us)
{
    run_wake(arg);
}

int run_until(struct run *run, bool (*done)(struct run *run, const void *arg), const void *arg,
              uint64_t deadline_us)
{
    for (;;) {
        if (run_broken(run))
            return -1;
        if (done && done(run, arg))
            return 0;
        if (clock_now_us() >= deadline_us)
            return -1;
        loop_timer_set(run->timer, deadline_us);
        fiber_wait();
    }
}

void run_pause(struct run *run, uint64_t for_us)
{
    uint64_t end_us = clock_now_us() + for_us;
    while (clock_now_us() < end_us) {
        loop_timer_set(run->timer, end_us);
        fiber_wait();
    }
}

int run_sleep(struct run *run, uint64_t for_us)
{
    run_until(run, NULL, NULL, clock_now_us() + for_us);
    return run_broken(run) ? -1 : 0;
}

/* ---- the case from begin to end ---- */

static bool judged_bad(struct run *run)
{
    return verdict_suspect(run->fold);
}

static void walk(struct run *run)
{
    if (run_baseline(run, "baseline"))
        return;
    run_steps(run);
    if (run_broken(run))
        return;
    run_faults_end(run);
    run_settle(run);
    if (run_broken(run))
        return;
    if (run->plan->scenario.expect.next)
        run_next_update(run);
    if (run_broken(run) || !judged_bad(run))
        return;
    run_witness_garble(run);
    run_witness_host(run);
    run_note(run,
             "something does not hold: evidence first, then the board is restored to prove the rig sound");
    run_evidence(run, true);
    int healthy = run_baseline(run, "rig");
    if (!healthy)
        run_witness_loop(run);
    run_observe(run, "rig_proof", healthy ? "failed" : "ok", EVENT_NO_NUMBER, NULL);
    if (!healthy)
        run_ask_mute(run);
}

static void close_faults(struct run *run)
{
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++) {
        struct run_fault *fault = &run->faults[i];
        loop_remove(fault->timer);
        fault->timer = NULL;
        if (fault->proven || fault->unproven || run_broken(run))
            continue;
        char why[160];
        run_fault_unfired(fault, why, sizeof why);
        run_fault_prove(run, fault, false, why);
    }
}

static void main_of_case(void *arg)
{
    struct run *run = arg;
    run_evidence_begin(run);
    run_host_begin(run);
    walk(run);
    run_host_end(run);
    run_faults_end(run);
    close_faults(run);
    run_power(run, run->rig->place->safe_on, 0);
    run_evidence_truth(run);
    if (!run->interrupted)
        event_put(&run->sink, EVENT_END, "run", "end", NULL);
    run->finished = true;
}

struct run *run_begin(struct loop *loop, const struct plan *plan, struct rig *rig, const char *folder,
                      struct error *error)
{
    struct marks *marks = marks_new(plan->board->marks, plan->board->mark_count, plan->board->path, error);
    if (!marks)
        return NULL;
    char *path = mem_printf("%s/journal.jsonl", folder), *console = mem_printf("%s/console.log", folder);
    struct journal *journal = journal_create(path, error);
    free(path);
    if (!journal) {
        marks_free(marks);
        free(console);
        return NULL;
    }
    struct run *run = mem_alloc(sizeof *run);
    *run = (struct run){.sink = {.put = put},
                        .loop = loop,
                        .plan = plan,
                        .rig = rig,
                        .marks = marks,
                        .folder = mem_string(folder),
                        .journal = journal,
                        .fold = verdict_begin(),
                        .step = -1,
                        .phase = "run",
                        .wait = {.mark = -1, .started_mark = -1}};
    run->console_fd = open(console, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_APPEND, 0644);
    free(console);
    lines_init(&run->lines, CONSOLE_LINE_MAX, on_line, run);
    run->faults = mem_array(plan->scenario.fault_count + 1, sizeof *run->faults);
    for (size_t i = 0; i < plan->scenario.fault_count; i++)
        run->faults[i] = (struct run_fault){.run = run, .fault = &plan->scenario.faults[i]};
    run->timer = loop_add_timer(loop, LOOP_NEVER, on_deadline, run);
    rig->listener = &run->sink;
    cJSON *fields = plan_case_fields(plan, rig->place->name);
    event_put_full(&run->sink, EVENT_CASE, "run", "case", plan->id, EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
    run->fiber = fiber_start(main_of_case, run);
    return run;
}

void run_interrupt(struct run *run)
{
    run->interrupted = true;
    run_wake(run);
}

int run_free(struct run *run, struct error *error)
{
    if (!run)
        return 0;
    struct verdict verdict;
    run->rig->listener = NULL;
    int result = journal_close(run->journal, error);
    verdict_end(run->fold, &verdict);
    verdict_release(&verdict);
    loop_remove(run->timer);
    loop_remove(run->rail.timer);
    lines_release(&run->lines);
    if (run->console_fd >= 0)
        close(run->console_fd);
    cJSON_Delete(run->probe.fields);
    cJSON_Delete(run->update.fields);
    fiber_free(run->fiber);
    marks_free(run->marks);
    free(run->faults);
    free(run->barred_head);
    free((char *)run->folder);
    free(run);
    return result;
}
