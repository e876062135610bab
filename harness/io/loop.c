#include "harness/io/loop.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

#include "harness/base/mem.h"

/* sd-event takes 0 as "the default accuracy", which is 250 ms */
#define ACCURACY_US 1

struct loop_source {
    struct loop *loop;
    struct loop_source *next, *previous;
    sd_event_source *event;
    int fd;
    void (*ready)(void *arg, int fd, uint32_t events);
    void (*fire)(void *arg, uint64_t now_us);
    void (*caught)(void *arg, int signal_number);
    void (*run)(void *arg);
    void *arg;
};

struct loop {
    sd_event *event;
    struct loop_source *sources;
};

struct loop *loop_new(void)
{
    struct loop *loop = mem_alloc(sizeof *loop);
    signal(SIGPIPE, SIG_IGN);
    if (sd_event_new(&loop->event) < 0)
        abort();
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->sources)
        loop_remove(loop->sources); /* NOLINT(clang-analyzer-unix.Malloc): the first has no previous one */
    sd_event_unref(loop->event);
    free(loop);
}

struct sd_event *loop_sd_event(struct loop *loop)
{
    return loop->event;
}

int loop_run(struct loop *loop, struct error *error)
{
    int result = sd_event_loop(loop->event);
    return result < 0 ? error_set_errno(error, ERROR_SYSTEM, -result, "event loop") : 0;
}

int loop_turn(struct loop *loop, uint64_t timeout_us, struct error *error)
{
    int result = sd_event_run(loop->event, timeout_us);
    if (result < 0)
        return error_set_errno(error, ERROR_SYSTEM, -result, "event loop");
    return result > 0;
}

void loop_stop(struct loop *loop)
{
    sd_event_exit(loop->event, 0);
}

static struct loop_source *source_new(struct loop *loop, void *arg)
{
    struct loop_source *source = mem_alloc(sizeof *source);
    source->loop = loop;
    source->arg = arg;
    source->next = loop->sources;
    if (source->next)
        source->next->previous = source;
    loop->sources = source;
    return source;
}

static struct loop_source *source_checked(struct loop_source *source, int result)
{
    if (result < 0)
        abort(); /* out of memory or descriptors, or a descriptor that cannot be polled: our bug */
    return source;
}

static int on_fd(sd_event_source *event, int fd, uint32_t events, void *arg)
{
    struct loop_source *source = arg;
    source->ready(source->arg, fd, events);
    return 0;
}

struct loop_source *loop_add_fd(struct loop *loop, int fd, uint32_t events,
                                void (*ready)(void *arg, int fd, uint32_t events), void *arg)
{
    struct loop_source *source = source_new(loop, arg);
    source->ready = ready;
    source->fd = fd;
    return source_checked(source, sd_event_add_io(loop->event, &source->event, fd, events, on_fd, source));
}

void loop_fd_events(struct loop_source *source, uint32_t events)
{
    sd_event_source_set_io_events(source->event, events);
}

static int on_timer(sd_event_source *event, uint64_t due_us, void *arg)
{
    struct loop_source *source = arg;
    uint64_t now_us = due_us;
    sd_event_now(source->loop->event, CLOCK_MONOTONIC, &now_us);
    source->fire(source->arg, now_us);
    return 0;
}

struct loop_source *loop_add_timer(struct loop *loop, uint64_t at_us,
                                   void (*fire)(void *arg, uint64_t now_us), void *arg)
{
    struct loop_source *source = source_new(loop, arg);
    source->fire = fire;
    source_checked(source, sd_event_add_time(loop->event, &source->event, CLOCK_MONOTONIC,
                                             at_us == LOOP_NEVER ? 0 : at_us, ACCURACY_US, on_timer, source));
    loop_timer_set(source, at_us);
    return source;
}

void loop_timer_set(struct loop_source *source, uint64_t at_us)
{
    if (at_us != LOOP_NEVER)
        sd_event_source_set_time(source->event, at_us);
    sd_event_source_set_enabled(source->event, at_us == LOOP_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static int on_signal(sd_event_source *event, const struct signalfd_siginfo *info, void *arg)
{
    struct loop_source *source = arg;
    source->caught(source->arg, (int)info->ssi_signo);
    return 0;
}

struct loop_source *loop_add_signal(struct loop *loop, int signal_number,
                                    void (*caught)(void *arg, int signal_number), void *arg)
{
    struct loop_source *source = source_new(loop, arg);
    sigset_t set;
    source->caught = caught;
    sigemptyset(&set);
    sigaddset(&set, signal_number);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return source_checked(source,
                          sd_event_add_signal(loop->event, &source->event, signal_number, on_signal, source));
}

static int on_defer(sd_event_source *event, void *arg)
{
    struct loop_source *source = arg;
    void (*run)(void *) = source->run;
    void *run_arg = source->arg;
    loop_remove(source);
    run(run_arg);
    return 0;
}

void loop_defer(struct loop *loop, void (*run)(void *arg), void *arg)
{
    struct loop_source *source = source_new(loop, arg);
    source->run = run;
    source_checked(source, sd_event_add_defer(loop->event, &source->event, on_defer, source));
}

void loop_priority(struct loop_source *source, int64_t priority)
{
    sd_event_source_set_priority(source->event, priority);
}

void loop_remove(struct loop_source *source)
{
    if (!source)
        return;
    if (source->previous)
        source->previous->next = source->next;
    else
        source->loop->sources = source->next;
    if (source->next)
        source->next->previous = source->previous;
    /* disabled first: sd-event keeps a source alive while its own callback runs */
    sd_event_source_set_enabled(source->event, SD_EVENT_OFF);
    sd_event_source_unref(source->event);
    free(source);
}
