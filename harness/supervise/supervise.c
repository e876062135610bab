/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor of a run: the virtual rack and the worker are its children; it judges what the worker
 * leaves, keeps result.json current, and puts the rails into their safe state when the worker dies. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/base/output.h"
#include "harness/supervise/supervise.h"
#include "harness/supervise/guard.h"
#include "harness/supervise/progress.h"
#include "harness/supervise/run_folder.h"
#include "harness/io/child.h"
#include "harness/record/verdict.h"
#include "harness/supervise/part.h"
#include "harness/supervise/worker.h"
#include "reports/report.h"
#include "reports/result.h"

#define WORKER_LIVES 4
#define WORKER_GRACE_US 8000000u /* beyond what its switches need to be safe */
#define TICK_US 1000000u
#define LOG_TICK_US 120000000u
#define WRITE_SHARE 20 /* result.json of a long night takes a while: a twentieth of the time goes into it */

struct supervisor {
    struct loop *loop;
    struct job job;
    struct run_request *request;
    struct part *parts;
    size_t part_count;
    struct guard guard;
    struct progress progress;
    struct loop_source *tick, *writer;
    uint64_t write_from_us; /* not before */
    cJSON *result;
    char *folder, *result_path, *rack_fault;
    bool *begun, *over;
    size_t done, unjudged;
    bool interrupted, terminal;
};

/* ---- one case is over ---- */

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void write_result(void *arg, uint64_t now_us)
{
    struct supervisor *sup = arg;
    struct error error = {0};
    uint64_t begin_us = clock_now_us();
    if (result_write(sup->result, sup->result_path, &error))
        fprintf(stderr, "otarig: %s\n", error.text);
    uint64_t end_us = clock_now_us();
    sup->write_from_us = end_us + (end_us - begin_us) * WRITE_SHARE;
}

static void put_result(struct supervisor *sup)
{
    uint64_t now_us = clock_now_us();
    if (now_us >= sup->write_from_us)
        write_result(sup, now_us);
    else
        loop_timer_set(sup->writer, sup->write_from_us);
}

static void print_case(const struct supervisor *sup, size_t index, const char *place,
                       const struct verdict *verdict, int64_t duration_ms)
{
    bool pass = verdict->kind == VERDICT_PASS;
    char *line =
        mem_printf("%-12s %-52s %-4s %5.1f s%s%s", verdict_kind_name(verdict->kind), sup->job.cases[index].id,
                   place, (double)duration_ms / 1000, pass ? "" : "  ", pass ? "" : verdict->reason);
    fputs(sup->terminal ? "\r\033[K" : "", stdout);
    escape_terminal(stdout, line);
    fputc('\n', stdout);
    free(line);
}

static void add_result(struct supervisor *sup, size_t index, int64_t duration_ms)
{
    struct error error = {0};
    struct verdict verdict;
    cJSON *fields = NULL;
    char *folder = job_case_folder(&sup->job, index), *journal = mem_printf("%s/journal.jsonl", folder);
    struct dirent **files = NULL;
    int count = scandir(folder, &files, is_file, alphasort);
    const char **evidence = mem_array((size_t)(count > 0 ? count : 0) + 1, sizeof *evidence);
    for (int i = 0; i < count; i++)
        evidence[i] = files[i]->d_name;
    if (verdict_of_journal(journal, &verdict, &fields, &error) || !fields) {
        /* what cannot be judged must not vanish from the sum */
        fprintf(stderr, "otarig: %s: %s\n", sup->job.cases[index].id,
                error.text[0] ? error.text : "a journal without its first line");
        sup->unjudged++;
    } else {
        result_add_case(sup->result, fields, &verdict, folder + strlen(sup->folder) + 1, evidence,
                        duration_ms);
        put_result(sup);
        if (!sup->request->quiet)
            print_case(sup, index, member_text(fields, "place"), &verdict, duration_ms);
    }
    for (int i = 0; i < count; i++)
        free(files[i]);
    free(files);
    free(evidence);
    verdict_release(&verdict);
    cJSON_Delete(fields);
    free(folder);
    free(journal);
    sup->over[index] = true;
    sup->done++;
    progress_end(&sup->progress, index, (uint64_t)duration_ms * 1000);
}

static void show_progress(struct supervisor *sup)
{
    char text[120];
    if (!sup->terminal || sup->request->quiet)
        return;
    progress_text(&sup->progress, clock_now_us(), text, sizeof text);
    printf("\r\033[K%s", text);
    fflush(stdout);
}

/* On a terminal a line that changes; in a log a line now and then, so that whoever looks at a long run sees
 * that it goes on. */
static void on_tick(void *arg, uint64_t now_us)
{
    struct supervisor *sup = arg;
    char text[120];
    if (sup->terminal) {
        show_progress(sup);
    } else {
        progress_text(&sup->progress, now_us, text, sizeof text);
        printf("progress: %s\n", text);
    }
    loop_timer_set(sup->tick, now_us + (sup->terminal ? TICK_US : LOG_TICK_US));
}

/* What an interrupt leaves, also where nobody sees the table. */
static void tell_interrupted(const struct supervisor *sup)
{
    char *word = escape_shell(sup->folder);
    fprintf(
        stderr,
        "otarig: interrupted: %zu of %zu cases have a verdict (otarig report %s); to go on, run the others "
        "with --case\n",
        sup->done - sup->unjudged, sup->job.case_count, word);
    free(word);
}

/* Places of other boards take no part: said once, so that nobody believes they did. */
static void tell_left_out(const struct supervisor *sup)
{
    for (size_t i = 0; i < sup->job.rack.place_count; i++) {
        const struct rack_place *place = &sup->job.rack.places[i];
        if (strcmp(place->board, sup->job.places[0]->board) != 0)
            fprintf(stderr, "otarig: place '%s' takes no part: it holds a %s, not a %s\n", place->name,
                    place->board, sup->job.places[0]->board);
    }
}

/* ---- the worker's words ---- */

static void on_line(void *arg, const struct part *part, int stream, const char *text, size_t len)
{
    struct supervisor *sup = arg;
    size_t index;
    char place[80];
    unsigned long long ms;
    if (stream == 2 && part->number && !strncmp(text, "timing: ", 8)) {
        /* the first one has said so */
    } else if (stream == 2) {
        if (sup->terminal && !sup->request->quiet) {
            fputs("\r\033[K", stdout); /* off the line of the progress */
            fflush(stdout);
        }
        fprintf(stderr, "%s\n", text);
    } else if (sscanf(text, "begin %zu %79s", &index, place) == 2 && index < sup->job.case_count) {
        sup->begun[index] = true;
        progress_begin(&sup->progress, index, clock_now_us());
        show_progress(sup);
    } else if (sscanf(text, "end %zu %79s %llu", &index, place, &ms) == 3 && index < sup->job.case_count) {
        add_result(sup, index, (int64_t)ms);
        show_progress(sup);
    } else if (!strncmp(text, "fault ", 6)) {
        free(sup->rack_fault);
        sup->rack_fault = mem_string(text + 6);
    }
}

/* A worker that is asked to end closes its rigs, one after the other. */
static uint64_t grace_us(const struct job *job)
{
    uint64_t us = WORKER_GRACE_US;
    for (size_t i = 0; i < job->place_count; i++) {
        const struct rack_device *power = &job->places[i]->devices[RACK_POWER];
        if (power->driver && power->driver->power->safe_us)
            us += power->driver->power->safe_us(power->config);
    }
    return us;
}

static void on_signal(void *arg, int signal_number)
{
    struct supervisor *sup = arg;
    sup->interrupted = true;
    for (size_t i = 0; i < sup->part_count; i++)
        if (sup->parts[i].worker && !sup->parts[i].making_safe)
            child_stop(sup->parts[i].worker, grace_us(&sup->job));
}

/* A worker that died leaves rails as they were and cases without an end. */
static int worker_died(struct supervisor *sup, struct part *part, struct error *error)
{
    fprintf(stderr, "otarig: the worker died (%s %d); the rails are put into their safe state\n",
            WIFSIGNALED(part->status) ? "signal" : "status",
            WIFSIGNALED(part->status) ? WTERMSIG(part->status) : WEXITSTATUS(part->status));
    for (size_t i = 0; i < sup->job.case_count; i++)
        if (i % sup->part_count == part->number && sup->begun[i] && !sup->over[i])
            add_result(sup, i, 0);
    part->making_safe = true;
    int failed = part_start(part, "safe", error) || part_await(part, error) ? -1 : 0;
    part->making_safe = false;
    return failed;
}

/* 1: a worker has died and has to live again. */
static int run_parts(struct supervisor *sup, struct error *error)
{
    int died = 0;
    for (size_t i = 0; i < sup->part_count; i++)
        if (!sup->parts[i].over && part_start(&sup->parts[i], "run", error))
            return -1;
    for (size_t i = 0; i < sup->part_count; i++) {
        struct part *part = &sup->parts[i];
        if (part->over)
            continue;
        if (part_await(part, error))
            return -1;
        part->over = WIFEXITED(part->status) && WEXITSTATUS(part->status) != 127;
        if (part->over)
            continue;
        died = 1;
        if (worker_died(sup, part, error))
            return -1;
    }
    return died;
}

static int run_workers(struct supervisor *sup, struct error *error)
{
    int died = 1;
    for (int life = 0; died > 0 && life < WORKER_LIVES && !sup->interrupted; life++)
        died = run_parts(sup, error);
    return died < 0 ? -1 : 0;
}

static int write_spec(struct supervisor *sup, struct error *error)
{
    cJSON *spec = sup->request->spec;
    char *path = mem_printf("%s/run.json", sup->folder);
    cJSON_DeleteItemFromObject(spec, "folder");
    cJSON_AddStringToObject(spec, "folder", sup->folder);
    /* the paths in it count from here: otarig repro goes there first */
    cJSON_DeleteItemFromObject(spec, "working_folder");
    char *here = getcwd(NULL, 0);
    if (here)
        cJSON_AddStringToObject(spec, "working_folder", here);
    free(here);
    char *text = cJSON_Print(spec);
    int result = output_text(path, text, error);
    cJSON_free(text);
    free(path);
    return result;
}

/* 0, or the exit code for what could not be written. */
static int write_reports(struct supervisor *sup)
{
    static const struct {
        const char *name;
        int (*write)(const cJSON *result, const char *run_folder, FILE *out, struct error *error);
    } files[] = {{"junit.xml", report_junit}, {"report.html", report_html}};
    int failed = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = mem_printf("%s/%s", sup->folder, files[i].name);
        struct error error = {0};
        FILE *file = output_file(path, &error);
        if (!file || files[i].write(sup->result, sup->folder, file, &error) ||
            output_commit(file, path, &error))
            failed = error_print(&error);
        free(path);
    }
    const char *summary = sup->request->control ? NULL : getenv("GITHUB_STEP_SUMMARY");
    struct error error = {0};
    if (summary && *summary && report_append_summary(sup->result, sup->folder, summary, &error))
        failed = error_print(&error);
    return failed;
}

static void print_summary(struct supervisor *sup)
{
    struct error error = {0};
    if (sup->terminal && !sup->request->quiet)
        fputs("\r\033[K", stdout);
    if (!sup->request->quiet)
        report_text(sup->result, sup->folder, stdout, &error);
    printf("results: %s\n", sup->folder);
    fflush(stdout);
}

static int supervise(struct supervisor *sup, struct error *error)
{
    /* an empty result from the start: what is killed before its first case leaves one, too */
    int result = write_spec(sup, error) || result_write(sup->result, sup->result_path, error) ? -1 : 0;
    if (!result && sup->job.rack.is_virtual)
        result = part_start_racks(sup->parts, error);
    /* a virtual rack goes with us */
    if (!result && !sup->job.rack.is_virtual)
        result = guard_start(&sup->guard, sup->loop, sup->folder, error);
    for (size_t i = 0; i < sup->part_count; i++)
        sup->parts[i].alive = sup->guard.alive; /* the guard waits for the last of us */
    if (!result)
        result = run_workers(sup, error);
    guard_stop(&sup->guard);
    if (!result && sup->rack_fault)
        result = error_set(error, ERROR_RIG, "%s", sup->rack_fault);
    for (size_t i = 0; i < sup->part_count; i++)
        part_close(&sup->parts[i]);
    return result;
}

/* What this board cannot be asked for is told, once a scenario, and stands in the result. */
static void add_skipped(struct supervisor *sup)
{
    const struct job *job = &sup->job;
    for (size_t i = 0; i < job->skipped_count; i++) {
        const struct job_skipped *one = &job->skipped[i];
        const char *file = job->files[one->file].document.name;
        result_skip(sup->result, one->id, file, one->reasons);
        bool told = i && job->skipped[i - 1].file == one->file &&
                    !strcmp(job->skipped[i - 1].reasons[0], one->reasons[0]);
        if (told || sup->request->quiet)
            continue;
        char *line = mem_printf("skipped      %-52s %s", one->id, one->reasons[0]);
        escape_terminal(stdout, line);
        fputc('\n', stdout);
        free(line);
        for (char **more = one->reasons + 1; *more; more++) {
            fputs("             also: ", stdout);
            escape_terminal(stdout, *more);
            fputc('\n', stdout);
        }
    }
}

int supervise_run(struct run_request *request)
{
    struct supervisor sup = {.request = request, .terminal = isatty(1), .guard = {.alive = -1}};
    setvbuf(stdout, NULL, _IOLBF, 0); /* one line a case, as it ends, also in a pipe */
    struct error error = {0};
    if (job_load(&sup.job, request->spec, &error))
        return error_print(&error);
    bool made_out = access(request->out, F_OK) != 0;
    sup.folder =
        run_folder_check(request->out, &sup.job.rack, &error) ? NULL : run_folder_make(request->out, &error);
    if (!sup.folder) {
        job_release(&sup.job);
        return error_print(&error);
    }
    free(sup.job.folder);
    sup.job.folder = mem_string(sup.folder);
    sup.result_path = mem_printf("%s/result.json", sup.folder);
    sup.begun = mem_array(sup.job.case_count + 1, 1);
    sup.over = mem_array(sup.job.case_count + 1, 1);
    const cJSON *seed = cJSON_GetObjectItem(request->spec, "seed");
    sup.result =
        result_new(strrchr(sup.folder, '/') + 1, request->command, seed ? (uint64_t)seed->valuedouble : 1);
    result_plan(sup.result, sup.job.case_count);
    add_skipped(&sup);
    sup.loop = loop_new();
    sup.part_count = job_parts(&sup.job);
    sup.parts = mem_array(sup.part_count, sizeof *sup.parts);
    for (size_t i = 0; i < sup.part_count; i++)
        sup.parts[i] = (struct part){.loop = sup.loop,
                                     .job = &sup.job,
                                     .folder = sup.folder,
                                     .number = i,
                                     .count = sup.part_count,
                                     .alive = -1,
                                     .line = on_line,
                                     .arg = &sup};
    /* closing the terminal ends a run as Ctrl-C does */
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        loop_add_signal(sup.loop, signals[i], on_signal, &sup);
    sup.writer = loop_add_timer(sup.loop, LOOP_NEVER, write_result, &sup);
    sup.progress = progress_new(sup.job.case_count, sup.job.place_count);
    if (!request->quiet)
        sup.tick =
            loop_add_timer(sup.loop, clock_now_us() + (sup.terminal ? TICK_US : LOG_TICK_US), on_tick, &sup);
    if (!cJSON_GetArraySize(cJSON_GetObjectItem(request->spec, "places")))
        tell_left_out(&sup);
    int code = supervise(&sup, &error) ? error_print(&error) : 0;
    if (error.kind == ERROR_INPUT && !sup.done) { /* the rack's emulation refused its file: nothing was run */
        run_folder_remove(sup.folder, made_out ? request->out : NULL);
    } else {
        if (result_write(sup.result, sup.result_path, &error))
            code = error_print(&error);
        int lost = write_reports(&sup);
        code = code ? code : lost;
        print_summary(&sup);
    }
    size_t missing = sup.job.case_count - sup.done + sup.unjudged;
    if (!code && !sup.interrupted && missing) {
        fprintf(stderr, "otarig: %zu of %zu cases have no verdict\n", missing, sup.job.case_count);
        code = 3;
    }
    if (!code)
        code = result_exit_code(sup.result);
    if (sup.interrupted) {
        tell_interrupted(&sup);
        code = 130;
    }
    if (request->folder)
        *request->folder = mem_string(sup.folder);
    progress_free(&sup.progress);
    free(sup.parts);
    loop_free(sup.loop);
    cJSON_Delete(sup.result);
    free(sup.folder);
    free(sup.result_path);
    free(sup.rack_fault);
    free(sup.begun);
    free(sup.over);
    job_release(&sup.job);
    return code;
}

/* "1/6": of the parts into which the job falls. */
static bool takes_part(const char *text, struct job *job)
{
    size_t part, parts;
    if (sscanf(text, "%zu/%zu", &part, &parts) != 2 || part >= parts || parts > job->place_count)
        return false;
    job_take_part(job, part, parts);
    return true;
}

int supervise_worker(int argc, char **argv)
{
    struct job job;
    struct json_document document;
    struct error error = {0};
    if (argc < 3 || argc > 4 ||
        (strcmp(argv[1], "run") && strcmp(argv[1], "safe") && strcmp(argv[1], "guard"))) {
        fputs("otarig worker is started by otarig run\n", stderr);
        return 2;
    }
    char *path = mem_printf("%s/run.json", argv[2]);
    int failed = json_load(&document, path, &error) || job_load(&job, document.root, &error);
    free(path);
    if (failed)
        return error_print(&error);
    if (argc == 4 && !takes_part(argv[3], &job)) {
        fputs("otarig worker is started by otarig run\n", stderr);
        return 2;
    }
    const cJSON *seed = cJSON_GetObjectItem(document.root, "seed");
    int code = !strcmp(argv[1], "guard")  ? guard_main(&job)
               : !strcmp(argv[1], "safe") ? worker_make_safe(&job)
                                          : worker_run(&job, seed ? (uint64_t)seed->valuedouble : 1,
                                                       cJSON_GetObjectItem(document.root, "align"));
    json_close(&document);
    job_release(&job);
    return code;
}
