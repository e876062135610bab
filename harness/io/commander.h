/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that is told what to do by lines of JSON on its stdin, and by clients of a unix socket, and tells
 * events as lines on its stdout. It ends with its stdin. */
#ifndef OTARIG_IO_COMMANDER_H
#define OTARIG_IO_COMMANDER_H

#include <cjson/cJSON.h>

#include "harness/base/error.h"
#include "harness/io/loop.h"

struct commander;

/* Does one command; as otad_command: 0 and *answer, or -1. */
typedef int commander_act(void *arg, const char *text, size_t len, cJSON **answer, struct error *error);

/* `socket` may be NULL. An answer goes where its command came from; what was wrong is its member "error". */
struct commander *commander_new(struct loop *loop, const char *socket, commander_act *act, void *arg,
                                struct error *error);
/* A line on stdout. When it cannot be written the loop is stopped. */
void commander_tell(struct commander *commander, const cJSON *event);
/* Runs the loop until stdin ends, or SIGTERM or SIGINT comes. */
int commander_run(struct commander *commander, struct error *error);
void commander_free(struct commander *commander); /* NULL is allowed */

#endif
