/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs as the wire of a switch, or of who senses a rail: each question is one of them, run to its end. */
#ifndef OTARIG_DRIVER_EXEC_SWITCH_H
#define OTARIG_DRIVER_EXEC_SWITCH_H

#include "harness/driver/power/slow_switch.h"

struct exec_switch {
    struct switch_wire wire; /* `name` is the program that was run last */
    struct driver_env env;
    char *const *programs[3]; /* by enum switch_ask; NULL: none */
    int64_t timeout_ms;
    /* the question that is under way */
    struct exec_call *call;
    enum switch_ask ask;
    switch_ended *ended;
    void *owner;
};

/* The programs stay the caller's. Afterwards `self->wire` can be used; nothing needs to be freed. */
void exec_switch_init(struct exec_switch *self, const struct driver_env *env, char *const *off,
                      char *const *on, char *const *get, int64_t timeout_ms);

#endif
