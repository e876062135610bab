/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/supervise/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness/base/surroundings.h"
#include "harness/rack/lock.h"

#define GUARD_FD 3
/* a killed process' USB interface is free a moment later */
#define TRIES 10
#define TRY_AGAIN_US 300000u

int guard_start(struct guard *guard, struct loop *loop, const char *folder, struct error *error)
{
    int ends[2];
    *guard = (struct guard){.alive = -1};
    if (pipe2(ends, O_CLOEXEC))
        return error_set_errno(error, ERROR_SYSTEM, errno, "guard: no pipe");
    char *program = surroundings_beside("otarig");
    const char *argv[] = {program, "worker", "guard", folder, NULL};
    const int pass[] = {ends[0], -1};
    /* a signal that does nothing: it must outlive us */
    const struct child_spec spec = {
        .name = "guard", .argv = argv, .pass_fds = pass, .parent_death_signal = SIGURG};
    const struct child_events events = {0};
    guard->child = child_start(loop, &spec, &events, NULL, error);
    free(program);
    close(ends[0]);
    guard->alive = ends[1];
    if (!guard->child)
        guard_stop(guard);
    return guard->child ? 0 : -1;
}

void guard_stop(struct guard *guard)
{
    child_free(guard->child); /* before the pipe ends */
    if (guard->alive >= 0)
        close(guard->alive);
    *guard = (struct guard){.alive = -1};
}

int guard_main(struct job *job)
{
    char byte;
    ssize_t n;
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    do
        n = read(GUARD_FD, &byte, 1);
    while (n > 0 || (n < 0 && errno == EINTR));
    if (n < 0)
        return 3;
    for (size_t i = 0; i < job->place_count; i++) {
        const struct rack_place *place = job->places[i];
        const char *claim = place->devices[RACK_POWER].claim;
        int fd = -1, code = 3;
        for (int turn = 0; turn < TRIES && code; turn++) {
            if (turn)
                usleep(TRY_AGAIN_US);
            if (claim[0] && fd < 0 && lock_take(claim, place->name, &fd, NULL))
                continue;
            code = worker_make_place_safe(job, place);
        }
        lock_release(fd);
    }
    return 0;
}
