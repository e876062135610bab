/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/supervise/part.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "harness/base/mem.h"
#include "harness/base/surroundings.h"

/* ---- the rack ---- */

/* What nobody else is wired to need not be in one process with the others; nor need those run that take no
 * part. */
static const char *place_alone(const struct part *part)
{
    const struct job *job = part->job;
    bool alone = part->count > 1 || (job->place_count == 1 && rack_stands_alone(&job->rack, job->places[0]));
    return alone ? job->places[part->number]->name : NULL;
}

static int start_rack(struct part *part, const char *folder, struct error *error)
{
    const char *place = place_alone(part);
    char *own = part->count > 1 ? mem_printf("%s/%s", folder, place) : mem_string(folder);
    int result = virtual_rack_start(&part->rack, part->loop, part->job->rack.path, surroundings_boards(), own,
                                    false, place, error);
    free(own);
    return result;
}

int part_start_racks(struct part *parts, struct error *error)
{
    char *folder = mem_printf("%s/rack", parts->folder);
    int result = 0;
    if (parts->count > 1 && mkdir(folder, 0755))
        result = error_set_errno(error, ERROR_SYSTEM, errno, "%s", folder);
    for (size_t i = 0; i < parts->count && !result; i++)
        result = start_rack(&parts[i], folder, error);
    free(folder);
    return result;
}

/* ---- the worker ---- */

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct part *part = arg;
    part->line(part->arg, part, stream, text, len);
}

static void on_ended(void *arg, int wait_status, bool asked)
{
    struct part *part = arg;
    part->ended = true;
    part->status = wait_status;
}

int part_start(struct part *part, const char *verb, struct error *error)
{
    char *program = surroundings_beside("otarig"), *which = mem_printf("%zu/%zu", part->number, part->count);
    const char *argv[] = {program, "worker", verb, part->folder, which, NULL};
    const int pass[] = {part->alive, -1};
    const struct child_spec spec = {.name = "worker",
                                    .argv = argv,
                                    .pass_fds = pass,
                                    .parent_death_signal = SIGTERM,
                                    .environment = (const char *const *)part->rack.environment};
    const struct child_events events = {.line = on_line, .ended = on_ended};
    part->ended = false;
    part->worker = child_start(part->loop, &spec, &events, part, error);
    free(program);
    free(which);
    return part->worker ? 0 : -1;
}

int part_await(struct part *part, struct error *error)
{
    while (!part->ended)
        if (loop_turn(part->loop, LOOP_NEVER, error) < 0)
            return -1;
    child_free(part->worker);
    part->worker = NULL;
    return 0;
}

void part_close(struct part *part)
{
    child_free(part->worker);
    part->worker = NULL;
    virtual_rack_stop(&part->rack, part->loop);
}
