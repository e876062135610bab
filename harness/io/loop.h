/* The event loop: a small facade over sd-event. One thread, no callbacks after loop_remove. */
#ifndef OTARIG_IO_LOOP_H
#define OTARIG_IO_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#include "harness/base/error.h"

struct loop;
struct loop_source;

#define LOOP_NEVER UINT64_MAX

/* Also sets SIGPIPE to be ignored: a peer that goes away is an error of the write. */
struct loop *loop_new(void);
void loop_free(struct loop *loop); /* removes what is left */

/* Runs until loop_stop(); 0, or -1 when the loop itself failed. */
int loop_run(struct loop *loop, struct error *error);
/* One turn: waits at most `timeout_us` (LOOP_NEVER: no limit); 1 when something ran, 0 on timeout, -1 on
 * error. */
int loop_turn(struct loop *loop, uint64_t timeout_us, struct error *error);
/* For good: a stopped loop cannot be run again. */
void loop_stop(struct loop *loop);

/* `events` are EPOLL* bits. The descriptor stays the caller's and must outlive the source. */
struct loop_source *loop_add_fd(struct loop *loop, int fd, uint32_t events,
                                void (*ready)(void *arg, int fd, uint32_t events), void *arg);
void loop_fd_events(struct loop_source *source, uint32_t events);

/* One-shot timer at absolute CLOCK_MONOTONIC microseconds, accuracy 1 us; LOOP_NEVER: unarmed. Rearm with
 * loop_timer_set at any time, also from its own callback. */
struct loop_source *loop_add_timer(struct loop *loop, uint64_t at_us,
                                   void (*fire)(void *arg, uint64_t now_us), void *arg);
void loop_timer_set(struct loop_source *source, uint64_t at_us);

/* Blocks the signal for the process and delivers it in the loop. */
struct loop_source *loop_add_signal(struct loop *loop, int signal_number,
                                    void (*caught)(void *arg, int signal_number), void *arg);

/* Runs once before the loop sleeps next; the source removes itself. */
void loop_defer(struct loop *loop, void (*run)(void *arg), void *arg);

/* Lower runs first among sources ready in the same turn; default 0. */
void loop_priority(struct loop_source *source, int64_t priority);

/* NULL is allowed. Safe inside the source's own callback. */
void loop_remove(struct loop_source *source);

/* For child.c: the sd_event behind the facade. */
struct sd_event *loop_sd_event(struct loop *loop);

#endif
