/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-event.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/io/clock_wire.h"

/* sd-event takes 0 as "the default accuracy", which is 250 ms */
#define ACCURACY_US 1
/* so long time stood, and nobody was asked anything: the rack is stopped or stuck */
#define GRANT_LIMIT_MS 240000
#define PACE_MS 2 /* of the host's time, and of the rack's: see loop_pace */

struct loop_source {
    struct loop *loop;
    struct loop_source *next, *previous;
    sd_event_source *event; /* NULL: a timer or a wire that goes by a rack's clock */
    uint64_t number;        /* in the order of the adding */
    int64_t priority;
    int fd;
    uint32_t events;
    uint64_t at_us; /* of a timer that goes by a rack's clock */
    bool by_host;
    void (*ready)(void *arg, int fd, uint32_t events);
    void (*fire)(void *arg, uint64_t now_us);
    void (*caught)(void *arg, int signal_number);
    void (*run)(void *arg);
    void *arg;
};

struct loop {
    sd_event *event;
    struct loop_source *sources; /* youngest first */
    uint64_t added;
    size_t source_count, polled_room;
    struct pollfd *polled; /* see poll_sources */
    bool clocked;          /* timers go by a rack's clock */
    bool stirred;
    struct clock_follower *follower; /* NULL: none, or we keep it ourselves */
    unsigned holds, paces;
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
    clock_follower_close(loop->follower);
    sd_event_unref(loop->event);
    free(loop->polled);
    free(loop);
}

struct sd_event *loop_sd_event(struct loop *loop)
{
    return loop->event;
}

/* ---- a rack's clock ---- */

static bool is_wire(const struct loop_source *source)
{
    return source->ready && !source->event;
}

static bool is_clocked_timer(const struct loop_source *source)
{
    return source->fire && !source->event;
}

static short poll_events(uint32_t events)
{
    return (short)((events & EPOLLIN ? POLLIN : 0) | (events & EPOLLOUT ? POLLOUT : 0));
}

static uint32_t epoll_events(short events)
{
    return (events & POLLIN ? EPOLLIN : 0u) | (events & POLLOUT ? EPOLLOUT : 0u) |
           (events & POLLHUP ? EPOLLHUP : 0u) | (events & POLLERR ? EPOLLERR : 0u);
}

/* Those that are wanted, with one call for all: each call costs the system as much as a few descriptors do.
 * How many are ready; loop->polled holds the descriptors, in the order of the sources. */
static int poll_sources(struct loop *loop, bool (*wanted)(const struct loop_source *source))
{
    nfds_t count = 0;
    if (loop->polled_room < loop->source_count) {
        loop->polled_room = loop->source_count * 2;
        loop->polled = mem_resize(loop->polled, loop->polled_room, sizeof *loop->polled);
    }
    for (struct loop_source *source = loop->sources; source; source = source->next)
        if (wanted(source))
            loop->polled[count++] = (struct pollfd){.fd = source->fd, .events = poll_events(source->events)};
    return count ? poll(loop->polled, count, 0) : 0;
}

static bool comes_first(const struct loop_source *a, const struct loop_source *b)
{
    return !b || a->priority < b->priority || (a->priority == b->priority && a->number < b->number);
}

/* One wire at a time, always the same one first. */
static bool read_wire(struct loop *loop)
{
    struct loop_source *first = NULL;
    uint32_t first_events = 0;
    if (poll_sources(loop, is_wire) <= 0)
        return false;
    const struct pollfd *polled = loop->polled;
    for (struct loop_source *source = loop->sources; source; source = source->next) {
        uint32_t events = is_wire(source) ? epoll_events((polled++)->revents) : 0;
        if (events && comes_first(source, first)) {
            first = source;
            first_events = events;
        }
    }
    if (first)
        first->ready(first->arg, first->fd, first_events);
    return first;
}

static struct loop_source *next_timer(const struct loop *loop)
{
    struct loop_source *next = NULL;
    for (struct loop_source *source = loop->sources; source; source = source->next)
        if (is_clocked_timer(source) && source->at_us != LOOP_NEVER &&
            (!next || source->at_us < next->at_us ||
             (source->at_us == next->at_us && comes_first(source, next))))
            next = source;
    return next;
}

bool loop_fire_due(struct loop *loop)
{
    struct loop_source *timer = next_timer(loop);
    uint64_t now_us = clock_now_us();
    if (!timer || timer->at_us > now_us)
        return false;
    timer->at_us = LOOP_NEVER;
    timer->fire(timer->arg, now_us);
    return true;
}

uint64_t loop_next_us(const struct loop *loop)
{
    const struct loop_source *timer = next_timer(loop);
    return timer ? timer->at_us : LOOP_NEVER;
}

uint64_t loop_next_but_us(const struct loop *loop, bool (*leave_out)(void *arg, const void *timer_arg),
                          void *arg)
{
    uint64_t next_us = LOOP_NEVER;
    for (struct loop_source *source = loop->sources; source; source = source->next)
        if (is_clocked_timer(source) && source->at_us < next_us && !leave_out(arg, source->arg))
            next_us = source->at_us;
    return next_us;
}

static bool listens(const struct loop_source *source)
{
    return source->ready && source->events;
}

bool loop_has_input(struct loop *loop)
{
    return poll_sources(loop, listens) > 0;
}

bool loop_stirred(struct loop *loop)
{
    bool stirred = loop->stirred;
    loop->stirred = false;
    return stirred;
}

void loop_keep_clock(struct loop *loop)
{
    loop->clocked = true;
}

int loop_join_clock(struct loop *loop, const char *rack_folder, bool *found, struct error *error)
{
    loop->follower = clock_follower_join(rack_folder, found, error);
    loop->clocked = loop->follower;
    return *found && !loop->follower ? -1 : 0;
}

void loop_hold(struct loop *loop)
{
    loop->holds++;
}

void loop_release(struct loop *loop)
{
    loop->holds--;
}

bool loop_held(const struct loop *loop)
{
    return loop->holds;
}

void loop_pace(struct loop *loop)
{
    loop->paces++;
}

void loop_unpace(struct loop *loop)
{
    loop->paces--;
}

static void turn_into_host_source(struct loop_source *source);

/* The clock stands for good: what is left to do is done in the host's time. */
static int leave_clock(struct loop *loop)
{
    clock_follower_close(loop->follower);
    loop->follower = NULL;
    loop->clocked = false;
    for (struct loop_source *source = loop->sources; source; source = source->next)
        if (is_wire(source) || is_clocked_timer(source))
            turn_into_host_source(source);
    return -1;
}

static int poll_while_time_passes(struct pollfd *ready, nfds_t ready_count, int limit_ms)
{
    uint64_t before_ns;
    int count;
    do {
        before_ns = clock_now_ns();
        count = poll(ready, ready_count, limit_ms);
    } while (count == 0 && clock_now_ns() != before_ns);
    return count;
}

/* The clock may go on by one piece when as much of the host's time has passed and nobody outside has said
 * anything meanwhile. It never catches up: a program that did not get to run must not be late for that. */
static bool paced(struct loop *loop, uint64_t *next_us)
{
    struct pollfd outside = {.fd = sd_event_get_fd(loop->event), .events = POLLIN};
    uint64_t piece_us = clock_now_us() + PACE_MS * 1000;
    if (poll(&outside, 1, PACE_MS) > 0)
        return true;
    if (piece_us < *next_us)
        *next_us = piece_us;
    return false;
}

/* Nothing is left to do: tells the keeper, and waits for it or for somebody outside of the rack. */
static int wait_for_clock(struct loop *loop, uint64_t end_us, struct error *error)
{
    uint64_t next_us = loop_next_us(loop);
    if (end_us < next_us)
        next_us = end_us;
    if (loop->paces && paced(loop, &next_us))
        return 0;
    const struct clock_report report = {.next_ns = next_us > UINT64_MAX / 1000 ? CLOCK_NEVER : next_us * 1000,
                                        .demand_ns = CLOCK_NEVER,
                                        .holds = loop->holds};
    struct pollfd ready[] = {{.fd = clock_follower_fd(loop->follower), .events = POLLIN},
                             {.fd = sd_event_get_fd(loop->event), .events = POLLIN}};
    if (clock_follower_report(loop->follower, &report, error))
        return leave_clock(loop);
    int count = poll_while_time_passes(ready, 2, loop->holds ? -1 : GRANT_LIMIT_MS);
    if (count == 0) {
        error_set(error, ERROR_RIG, "the virtual rack, which keeps the clock, does not answer (stopped?)");
        return leave_clock(loop);
    }
    if (count > 0 && ready[0].revents && clock_follower_take(loop->follower, error) < 0)
        return leave_clock(loop);
    return 0;
}

static int turn_by_clock(struct loop *loop, uint64_t timeout_us, struct error *error)
{
    uint64_t end_us = timeout_us == LOOP_NEVER ? LOOP_NEVER : clock_now_us() + timeout_us;
    for (;;) {
        int ran = sd_event_run(loop->event, 0);
        if (ran < 0)
            return error_set_errno(error, ERROR_SYSTEM, -ran, "event loop");
        if (ran > 0 || read_wire(loop) || loop_fire_due(loop))
            return 1;
        if (clock_now_us() >= end_us)
            return 0;
        if (wait_for_clock(loop, end_us, error))
            return -1;
    }
}

/* ---- turns ---- */

int loop_run(struct loop *loop, struct error *error)
{
    int result = sd_event_loop(loop->event);
    return result < 0 ? error_set_errno(error, ERROR_SYSTEM, -result, "event loop") : 0;
}

int loop_turn(struct loop *loop, uint64_t timeout_us, struct error *error)
{
    if (loop->follower)
        return turn_by_clock(loop, timeout_us, error);
    int result = sd_event_run(loop->event, timeout_us);
    if (result < 0)
        return error_set_errno(error, ERROR_SYSTEM, -result, "event loop");
    return result > 0;
}

void loop_stop(struct loop *loop)
{
    sd_event_exit(loop->event, 0);
}

/* ---- sources ---- */

static struct loop_source *source_new(struct loop *loop, void *arg)
{
    struct loop_source *source = mem_alloc(sizeof *source);
    source->loop = loop;
    source->arg = arg;
    source->number = loop->added++;
    loop->source_count++;
    source->at_us = LOOP_NEVER;
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
    if (source->event && source->priority)
        sd_event_source_set_priority(source->event, source->priority);
    return source;
}

static int on_fd(sd_event_source *event, int fd, uint32_t events, void *arg)
{
    struct loop_source *source = arg;
    source->loop->stirred = true;
    source->ready(source->arg, fd, events);
    return 0;
}

static struct loop_source *watch_fd(struct loop_source *source)
{
    return source_checked(source, sd_event_add_io(source->loop->event, &source->event, source->fd,
                                                  source->events, on_fd, source));
}

struct loop_source *loop_add_fd(struct loop *loop, int fd, uint32_t events,
                                void (*ready)(void *arg, int fd, uint32_t events), void *arg)
{
    struct loop_source *source = source_new(loop, arg);
    source->ready = ready;
    source->fd = fd;
    source->events = events;
    return watch_fd(source);
}

void loop_fd_events(struct loop_source *source, uint32_t events)
{
    source->events = events;
    if (source->event)
        sd_event_source_set_io_events(source->event, events);
}

static void forget_event(struct loop_source *source)
{
    if (!source->event)
        return;
    /* disabled first: sd-event keeps a source alive while its own callback runs */
    sd_event_source_set_enabled(source->event, SD_EVENT_OFF);
    sd_event_source_unref(source->event);
    source->event = NULL;
}

void loop_fd_of_rack(struct loop_source *source)
{
    if (source->loop->follower)
        forget_event(source);
}

static int on_timer(sd_event_source *event, uint64_t due_us, void *arg)
{
    struct loop_source *source = arg;
    uint64_t now_us = due_us;
    sd_event_now(source->loop->event, CLOCK_MONOTONIC, &now_us);
    source->fire(source->arg, now_us + clock_ahead_us());
    return 0;
}

static int on_host_timer(sd_event_source *event, uint64_t due_us, void *arg)
{
    struct loop_source *source = arg;
    source->fire(source->arg, clock_host_us());
    return 0;
}

static struct loop_source *watch_time(struct loop_source *source, sd_event_time_handler_t handler)
{
    source_checked(source, sd_event_add_time(source->loop->event, &source->event, CLOCK_MONOTONIC, 0,
                                             ACCURACY_US, handler, source));
    sd_event_source_set_enabled(source->event, SD_EVENT_OFF);
    return source;
}

struct loop_source *loop_add_timer(struct loop *loop, uint64_t at_us,
                                   void (*fire)(void *arg, uint64_t now_us), void *arg)
{
    struct loop_source *source = source_new(loop, arg);
    source->fire = fire;
    if (!loop->clocked)
        watch_time(source, on_timer);
    loop_timer_set(source, at_us);
    return source;
}

struct loop_source *loop_add_host_timer(struct loop *loop, uint64_t at_us,
                                        void (*fire)(void *arg, uint64_t now_us), void *arg)
{
    struct loop_source *source = source_new(loop, arg);
    source->fire = fire;
    source->by_host = true;
    watch_time(source, on_host_timer);
    loop_timer_set(source, at_us);
    return source;
}

void loop_timer_set(struct loop_source *source, uint64_t at_us)
{
    if (!source->event) {
        source->at_us = at_us;
        source->loop->stirred = true;
        return;
    }
    if (at_us != LOOP_NEVER)
        sd_event_source_set_time(source->event, source->by_host ? at_us : at_us - clock_ahead_us());
    sd_event_source_set_enabled(source->event, at_us == LOOP_NEVER ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void turn_into_host_source(struct loop_source *source)
{
    uint64_t at_us = source->at_us;
    if (source->ready) {
        watch_fd(source);
    } else {
        watch_time(source, on_timer);
        loop_timer_set(source, at_us);
    }
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
    source->priority = priority;
    if (source->event)
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
    forget_event(source);
    free(source);
}
