/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/task.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "harness/base/mem.h"

struct task {
    pthread_t thread;
    int fd;
    struct loop_source *source;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

static void *run(void *arg)
{
    struct task *task = arg;
    const uint64_t one = 1;
    task->work(task->arg);
    /* an eventfd whose count is 0 takes a 1 (eventfd(2)): nothing to wait for, nothing to go wrong */
    return write(task->fd, &one, sizeof one) == sizeof one ? task : NULL;
}

static void on_done(void *arg, int fd, uint32_t events)
{
    struct task *task = arg;
    loop_remove(task->source);
    task->source = NULL;
    task->done(task->arg);
}

/* Signals are the loop's. */
static int start_thread(struct task *task)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&task->thread, NULL, run, task);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

struct task *task_start(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                        struct error *error)
{
    struct task *task = mem_alloc(sizeof *task);
    *task = (struct task){.work = work, .done = done, .arg = arg};
    task->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int code = task->fd < 0 ? errno : start_thread(task);
    if (code) {
        if (task->fd >= 0)
            close(task->fd);
        free(task);
        error_set_errno(error, ERROR_SYSTEM, code, "a thread");
        return NULL;
    }
    task->source = loop_add_fd(loop, task->fd, EPOLLIN, on_done, task);
    return task;
}

void task_free(struct task *task)
{
    if (!task)
        return;
    pthread_join(task->thread, NULL);
    loop_remove(task->source);
    close(task->fd);
    free(task);
}
