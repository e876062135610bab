/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event loop: a small facade over sd-event. One thread, no callbacks after loop_remove. */
#ifndef OTARIG_IO_LOOP_H
#define OTARIG_IO_LOOP_H

#include <stdbool.h>
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

/* The descriptor is a wire of the virtual rack: on a loop that follows a rack's clock its data are read when
 * the clock says so, in the order of the priorities, then of the adding. */
void loop_fd_of_rack(struct loop_source *source);

/* One-shot timer at absolute microseconds of clock_now_us(), accuracy 1 us; LOOP_NEVER: unarmed. Rearm with
 * loop_timer_set at any time, also from its own callback. */
struct loop_source *loop_add_timer(struct loop *loop, uint64_t at_us,
                                   void (*fire)(void *arg, uint64_t now_us), void *arg);
void loop_timer_set(struct loop_source *source, uint64_t at_us);
/* The same in microseconds of clock_host_us(), for limits on programs, which live in this computer's time. */
struct loop_source *loop_add_host_timer(struct loop *loop, uint64_t at_us,
                                        void (*fire)(void *arg, uint64_t now_us), void *arg);

/* Blocks the signal for the process and delivers it in the loop. */
struct loop_source *loop_add_signal(struct loop *loop, int signal_number,
                                    void (*caught)(void *arg, int signal_number), void *arg);

/* Runs once before the loop sleeps next; the source removes itself. */
void loop_defer(struct loop *loop, void (*run)(void *arg), void *arg);

/* Lower runs first among sources ready in the same turn; default 0. */
void loop_priority(struct loop_source *source, int64_t priority);

/* NULL is allowed. Safe inside the source's own callback. */
void loop_remove(struct loop_source *source);

/* The sd_event behind the facade. */
struct sd_event *loop_sd_event(struct loop *loop);

/* ---- the clock of a virtual rack ---- */

/* From here on timers go by the rack's clock, which stands while this loop works. To be called before timers
 * are added. *found false, and no error: the rack is in real time. loop_turn fails (RIG) when the clock
 * stands for good; the loop has left it then and goes on in the host's time. */
int loop_join_clock(struct loop *loop, const char *rack_folder, bool *found, struct error *error);
/* An answer is awaited from a program outside of the rack: until it came the rack's clock stands, but for
 * what a board's debug port needs to answer. Counted. Nothing happens on a loop that follows no clock. */
void loop_hold(struct loop *loop);
void loop_release(struct loop *loop);
bool loop_held(const struct loop *loop);
/* A program outside of the rack talks to a board over a wire of the rack, and has deadlines of its own in the
 * host's time: until loop_unpace the rack's clock goes no faster than the host's. Counted, as above. */
void loop_pace(struct loop *loop);
void loop_unpace(struct loop *loop);

/* For the rack, which keeps the clock. Timers of a loop that was given it fire in loop_fire_due only. */
void loop_keep_clock(struct loop *loop);
uint64_t loop_next_us(const struct loop *loop); /* of the timers; LOOP_NEVER: none */
/* As the one above, without the timer that is left out (NULL: none). */
uint64_t loop_next_but_us(const struct loop *loop, bool (*leave_out)(void *arg, const void *timer_arg),
                          void *arg);
bool loop_fire_due(struct loop *loop); /* the first that is due; false: none */
/* A descriptor has input that was not dispatched yet. Pseudo terminals deliver late: asking makes them. */
bool loop_has_input(struct loop *loop);
/* A timer was set, or a descriptor served, since the last call. */
bool loop_stirred(struct loop *loop);

#endif
