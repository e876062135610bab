/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A supervised child process: own session, dies with us, ready by a line, ended by TERM then KILL to the
 * group. LD_PRELOAD and UMOCKDEV_DIR are scrubbed from its environment unless asked for. SIGCHLD is not used:
 * pidfds. */
#ifndef OTARIG_IO_CHILD_H
#define OTARIG_IO_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "harness/base/error.h"
#include "harness/io/loop.h"

struct child;

#define CHILD_PASS_FDS_MAX 16

/* No child_free() from `line` and `ready`; from `ended` it is allowed. */
struct child_events {
    /* One line of stdout (stream 1) or stderr (stream 2), without its newline; NUL-terminated. */
    void (*line)(void *arg, int stream, const char *text, size_t len);
    /* The ready line was seen (once). */
    void (*ready)(void *arg, const char *line);
    /* The process is gone and its output drained; `wait_status` as of waitpid. `asked` when child_stop or
     * child_kill was called before. The child object stays valid until child_free. */
    void (*ended)(void *arg, int wait_status, bool asked);
};

struct child_spec {
    const char *name;               /* for messages */
    const char *const *argv;        /* NULL-terminated, argv[0] looked up in PATH */
    const char *const *environment; /* NULL-terminated "NAME=value" added to ours, or NULL */
    const char *directory;          /* working directory or NULL */
    const char *ready_prefix;       /* a line that begins so makes it ready; NULL: ready at once */
    /* -1-terminated, at most CHILD_PASS_FDS_MAX: pass_fds[i] becomes descriptor 3+i in the child; or NULL */
    const int *pass_fds;
    int parent_death_signal; /* 0: SIGKILL */
    bool keep_emulation;     /* keep LD_PRELOAD and UMOCKDEV_DIR */
    bool stdin_pipe;         /* child_write() reaches its stdin; else /dev/null */
};

/* Starts it; blocks only for fork and exec (an exec failure is reported here). */
struct child *child_start(struct loop *loop, const struct child_spec *spec, const struct child_events *events,
                          void *arg, struct error *error);
pid_t child_pid(const struct child *child);
bool child_running(const struct child *child);
/* All of it, or an error after 1 s in which the child did not read. */
int child_write(struct child *child, const void *data, size_t len, struct error *error);
/* TERM now, KILL to the whole group after grace_us. Returns at once; `ended` follows. A second call sets the
 * grace anew. */
void child_stop(struct child *child, uint64_t grace_us);
void child_kill(struct child *child);
/* Kills the group if it still runs and waits for its end, at most limit_us. No callbacks. false: the kernel
 * has not ended it yet. */
bool child_reap(struct child *child, uint64_t limit_us);
/* child_reap() with a limit of 1 s, and frees. Whoever must know that it is gone asks child_reap() first.
 * NULL is allowed. */
void child_free(struct child *child);

#endif
