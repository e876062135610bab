/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fiber: a function that can stop in its middle and go on later, so that a case reads from top to bottom
 * while one loop drives many places. Everything runs on one thread; a fiber is resumed from the loop only. */
#ifndef OTARIG_RUN_FIBER_H
#define OTARIG_RUN_FIBER_H

#include <stdbool.h>

struct fiber;

/* Runs `entry` until its first fiber_wait(). */
struct fiber *fiber_start(void (*entry)(void *arg), void *arg);
/* Inside a fiber: returns after the next fiber_resume(). */
void fiber_wait(void);
/* From outside of any fiber. Nothing happens when it is done. */
void fiber_resume(struct fiber *fiber);
bool fiber_done(const struct fiber *fiber);
/* Must be done. NULL is allowed. */
void fiber_free(struct fiber *fiber);

#endif
