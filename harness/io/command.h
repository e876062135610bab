/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands as JSON objects: {"do": VERB, "id": ANY, ...}. */
#ifndef OTARIG_IO_COMMAND_H
#define OTARIG_IO_COMMAND_H

#include "harness/base/json.h"

struct command {
    const char *verb;
    /* Does it, and adds to `answer`; -1: nothing has changed. `at` is the whole object, with "do" and "id".
     */
    int (*act)(void *arg, struct json at, cJSON *answer, struct error *error);
};

/* Does what `text` says by the table, whose last verb is NULL. 0: *answer is {"event": "answer", "id": that
 * of the command, ...}, the caller frees it. -1: ERROR_INPUT, or what the command says. */
int command_do(const struct command *table, void *arg, const char *text, size_t len, cJSON **answer,
               struct error *error);

#endif
