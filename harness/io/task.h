/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A piece of work for a library that only knows calls that block: it runs on a thread of its own, and its end
 * comes as an event of the loop. The work must touch nothing but what `arg` gives it, and end by itself. */
#ifndef OTARIG_IO_TASK_H
#define OTARIG_IO_TASK_H

#include "harness/io/loop.h"

struct task;

/* `work` runs at once, elsewhere; `done` is called once, from the loop, and task_free() is allowed in it.
 * NULL: no thread can be had (ERROR_SYSTEM). */
struct task *task_start(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg,
                        struct error *error);
/* Waits for the work, if it still runs; `done` is not called any more. NULL is allowed. */
void task_free(struct task *task);

#endif
