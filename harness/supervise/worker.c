/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/supervise/worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/run/run.h"
#include "harness/rack/virtual_rack.h"

/* One place at work. */
struct bench {
    struct rig rig;
    bool open, delivered; /* the latter: see deliver_from_factory */
    struct run *run;
    struct plan plan;
    char *folder;
    size_t index;
    uint64_t begin_us; /* of this computer's time: for whoever waits */
};

struct worker {
    struct job *job;
    struct loop *loop;
    struct bench *benches;
    size_t next;
    uint64_t seed;
    bool interrupted, faulty; /* the latter: the former for a cause of our own */
};

static void on_signal(void *arg, int signal_number)
{
    struct worker *worker = arg;
    worker->interrupted = true;
    for (size_t i = 0; i < worker->job->place_count; i++)
        if (worker->benches[i].run)
            run_interrupt(worker->benches[i].run);
}

/* Precise timing where the system allows it; what was granted is said once. */
static void ask_for_precision(void)
{
    struct sched_param param = {.sched_priority = 10};
    bool fifo = !sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
    bool locked = !mlockall(MCL_CURRENT);
    fprintf(stderr, "timing: %s, memory %s\n", fifo ? "SCHED_FIFO" : "ordinary scheduling",
            locked ? "locked" : "not locked");
}

static int open_rigs(struct worker *worker, uint64_t seed, struct error *error)
{
    struct job *job = worker->job;
    for (size_t i = 0; i < job->place_count; i++) {
        if (rig_open(&worker->benches[i].rig, worker->loop, job->places[i], job->folder, seed + job->part + i,
                     error))
            return -1;
        worker->benches[i].open = true;
    }
    return 0;
}

/* The first case that nobody has begun: its folder is the claim, also against an earlier worker of this run.
 */
static bool take_case(struct worker *worker, struct bench *bench)
{
    struct job *job = worker->job;
    struct error error = {0};
    while (worker->next < job->case_count) {
        size_t index = worker->next++;
        if (!job_has_case(job, index))
            continue;
        char *folder = job_case_folder(job, index);
        if (mkdir(folder, 0755)) {
            free(folder);
            continue;
        }
        if (plan_build(&job->files[job->cases[index].file], job->cases[index].index, &job->board,
                       &job->images, &bench->plan, &error)) {
            free(folder);
            continue; /* checked before the run: cannot happen */
        }
        plan_fit(&bench->plan, bench->rig.place);
        free(bench->plan.id);
        bench->plan.id = mem_string(job->cases[index].id);
        bench->index = index;
        bench->folder = folder;
        return true;
    }
    return false;
}

/* On a virtual rack chance is part of the case: what tears how, and how long a contact takes, depends on the
 * case's id, not on what ran before it. */
static void seed_virtual_place(const struct worker *worker, const struct bench *bench)
{
    const char *rack = surroundings_rack();
    uint32_t seed = (uint32_t)worker->seed ^ 0x811c9dc5u;
    if (!rack)
        return;
    for (const char *c = bench->plan.id; *c && *c != '#'; c++)
        seed = (seed ^ (unsigned char)*c) * 0x01000193u;
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "seed");
    cJSON_AddStringToObject(command, "place", bench->rig.place->name);
    cJSON_AddNumberToObject(command, "seed", seed);
    cJSON_Delete(virtual_rack_control(rack, command, NULL));
    cJSON_Delete(command);
}

/* A board of a virtual rack that nothing here can program has its firmware from the factory, as any other. */
static void deliver_from_factory(const struct worker *worker, struct bench *bench)
{
    const char *rack = surroundings_rack();
    const struct board *board = &worker->job->board;
    if (!rack || rig_probe(&bench->rig) || bench->delivered || !board->initial)
        return;
    bench->delivered = true;
    for (char **name = board->initial; *name; name++) {
        bool start = !strcmp(*name, BOARD_START);
        uint32_t address;
        const struct image *image =
            image_find(&worker->job->images, start ? bench->plan.scenario.start : *name);
        char *path = image ? realpath(image->file, NULL) : NULL;
        if (!board_where(board, *name, &address))
            continue;
        cJSON *command = cJSON_CreateObject();
        cJSON_AddStringToObject(command, "do", "load");
        cJSON_AddStringToObject(command, "place", bench->rig.place->name);
        cJSON_AddNumberToObject(command, "address", address);
        cJSON_AddStringToObject(command, "path", path ? path : "");
        cJSON_Delete(virtual_rack_control(rack, command, NULL));
        cJSON_Delete(command);
        free(path);
    }
}

static void begin_case(struct worker *worker, struct bench *bench)
{
    struct error error = {0};
    deliver_from_factory(worker, bench);
    seed_virtual_place(worker, bench);
    bench->begin_us = clock_host_us();
    bench->run = run_begin(worker->loop, &bench->plan, &bench->rig, bench->folder, &error);
    printf("begin %zu %s\n", bench->index, bench->rig.place->name);
    fflush(stdout);
    if (bench->run)
        return;
    fprintf(stderr, "%s: %s\n", bench->plan.id, error.text);
    plan_release(&bench->plan);
    free(bench->folder);
    bench->folder = NULL;
}

static void end_case(struct worker *worker, struct bench *bench)
{
    struct error error = {0};
    if (run_free(bench->run, &error)) {
        printf("fault %s\n", error.text);
        worker->interrupted = true; /* what cannot be recorded need not be run */
        worker->faulty = true;
    }
    bench->run = NULL;
    plan_release(&bench->plan);
    free(bench->folder);
    bench->folder = NULL;
    printf("end %zu %s %llu\n", bench->index, bench->rig.place->name,
           (unsigned long long)((clock_host_us() - bench->begin_us) / 1000));
    fflush(stdout);
}

/* false: nothing runs any more */
static bool step(struct worker *worker)
{
    bool busy = false;
    for (size_t i = 0; i < worker->job->place_count; i++) {
        struct bench *bench = &worker->benches[i];
        /* a case may be over as soon as it has begun; its last wake-up may still be on the way */
        while (true) {
            if (bench->run && bench->run->finished && !bench->run->waking)
                end_case(worker, bench);
            if (bench->run || worker->interrupted || !take_case(worker, bench))
                break;
            begin_case(worker, bench);
        }
        busy |= bench->run != NULL;
    }
    return busy;
}

/* otarig repro on a virtual rack: the cuts of the case land where they landed before. */
static void align_cuts(const cJSON *align)
{
    const char *rack = surroundings_rack();
    const cJSON *command;
    cJSON_ArrayForEach(command, align)
    {
        struct error error = {0};
        cJSON *answer = rack ? virtual_rack_control(rack, command, &error) : NULL;
        if (rack && !answer)
            fprintf(stderr, "repro: %s\n", error.text);
        cJSON_Delete(answer);
    }
}

/* Time is a virtual rack's own, unless its file says otherwise. */
static int follow_rack(struct worker *worker, struct error *error)
{
    const char *rack = getenv("OTARIG_RACK");
    bool found = false;
    if (rack && loop_join_clock(worker->loop, rack, &found, error))
        return -1;
    if (found)
        fprintf(stderr, "timing: by the virtual rack's own clock\n");
    else
        ask_for_precision();
    return 0;
}

/* The clock stands for good: whatever runs ends, in the host's time, as the rig's fault. */
static void lose_clock(struct worker *worker, const char *why)
{
    for (size_t i = 0; i < worker->job->place_count; i++)
        if (worker->benches[i].run)
            run_fail_rig(worker->benches[i].run, "%s", why);
    printf("fault %s\n", why);
    worker->interrupted = worker->faulty = true;
}

int worker_run(struct job *job, uint64_t seed, const cJSON *align)
{
    struct worker worker = {.job = job, .loop = loop_new(), .seed = seed};
    struct error error = {0};
    int code = 0;
    char *cases = mem_printf("%s/cases", job->folder);
    mkdir(cases, 0755);
    free(cases);
    worker.benches = mem_array(job->place_count, sizeof *worker.benches);
    loop_add_signal(worker.loop, SIGTERM, on_signal, &worker);
    loop_add_signal(worker.loop, SIGINT, on_signal, &worker);
    if (follow_rack(&worker, &error) || open_rigs(&worker, seed, &error)) {
        printf("fault %s\n", error.text);
        code = 3;
    } else {
        align_cuts(align);
        while (step(&worker)) {
            if (loop_turn(worker.loop, LOOP_NEVER, &error) >= 0)
                continue;
            if (error.kind == ERROR_RIG) {
                lose_clock(&worker, error.text);
            } else {
                fprintf(stderr, "otarig: %s\n", error.text);
                code = 3;
                worker.interrupted = true;
            }
            error = (struct error){0};
        }
    }
    for (size_t i = 0; i < job->place_count; i++)
        if (worker.benches[i].open)
            rig_close(&worker.benches[i].rig);
    loop_free(worker.loop);
    free(worker.benches);
    fflush(stdout);
    return code ? code : worker.faulty ? 3 : worker.interrupted ? 130 : 0;
}

int worker_make_place_safe(const struct job *job, const struct rack_place *place)
{
    const struct rack_device *power = &place->devices[RACK_POWER];
    struct loop *loop = loop_new();
    struct sink nowhere = {.put = NULL};
    struct driver_env env = {.loop = loop,
                             .sink = &nowhere,
                             .place = place->name,
                             .role = "power",
                             .folder = job->folder,
                             .safe_on = place->safe_on};
    struct error error = {0};
    void *self = NULL;
    int failed = power->driver && power->driver->open(&env, power->config, &self, &error);
    if (failed)
        fprintf(stderr, "place '%s': cannot be made safe: %s\n", place->name, error.text);
    if (self)
        power->driver->close(self);
    loop_free(loop);
    return failed ? 3 : 0;
}

int worker_make_safe(struct job *job)
{
    int code = 0;
    for (size_t i = 0; i < job->place_count; i++)
        if (worker_make_place_safe(job, job->places[i]))
            code = 3;
    return code;
}
