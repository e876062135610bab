/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A switch or a meter behind HTTP as a wire of slow_switch.h: what its drivers have in common. */
#ifndef OTARIG_DRIVER_HTTP_SWITCH_H
#define OTARIG_DRIVER_HTTP_SWITCH_H

#include "harness/driver/http_device.h"
#include "harness/driver/power/slow_switch.h"

struct http_switch {
    struct switch_wire wire;
    struct loop *loop;
    const struct http_device *device;
    int64_t timeout_ms;
    void *arg; /* of the two that the driver gives: */
    /* what a question asks for; what it points to stays for as long as `arg` */
    void (*wish)(void *arg, enum switch_ask ask, struct http_wish *wish);
    /* what an answer says; *on counts of SWITCH_GET */
    int (*judge)(void *arg, enum switch_ask ask, const char *name, const struct http_answer *answer, bool *on,
                 struct error *error);
    /* the question that is under way */
    enum switch_ask ask;
    struct http_talk *talk;
    switch_ended *ended;
    void *owner;
};

/* Fills in `wire` of one that has the rest; `name` stays the caller's. */
void http_switch_init(struct http_switch *self, const char *name, bool gets);

#endif
