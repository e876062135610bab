/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/http_switch.h"

#define MORE_US 1000000u /* beyond the limit of a question, which its owner minds */

static struct http_wish wish_of(const struct http_switch *self, enum switch_ask ask, uint64_t more_us)
{
    struct http_wish wish = {.timeout_us = (uint64_t)self->timeout_ms * 1000 + more_us};
    self->wish(self->arg, ask, &wish);
    return wish;
}

/* ---- one that holds the caller: by hand, and for the safe state ---- */

struct question {
    const struct http_switch *self;
    enum switch_ask ask;
    bool *on;
};

static int take(void *arg, const char *name, const struct http_answer *answer, struct error *error)
{
    const struct question *question = arg;
    const struct http_switch *self = question->self;
    return self->judge(self->arg, question->ask, name, answer, question->on, error);
}

static int call_now(void *arg, enum switch_ask ask, bool *on, struct error *error)
{
    const struct http_switch *self = arg;
    struct question question = {self, ask, on};
    const struct http_wish wish = wish_of(self, ask, 0);
    return http_device_now(self->device, &wish, take, &question, error);
}

/* ---- one beside everything else ---- */

static void cancel(void *arg)
{
    struct http_switch *self = arg;
    http_talk_free(self->talk);
    self->talk = NULL;
}

static void on_ended(void *arg, const char *name, const struct http_answer *answer,
                     const struct error *failed)
{
    struct http_switch *self = arg;
    struct error error = {0};
    bool on = false;
    if (failed)
        error = *failed;
    else if (!self->judge(self->arg, self->ask, name, answer, &on, &error))
        error.kind = ERROR_NONE;
    cancel(self);
    self->ended(self->owner, on, error.kind == ERROR_NONE ? NULL : &error);
}

static int begin(void *arg, enum switch_ask ask, switch_ended *ended, void *owner, struct error *error)
{
    struct http_switch *self = arg;
    self->ended = ended;
    self->owner = owner;
    self->ask = ask;
    const struct http_wish wish = wish_of(self, ask, MORE_US);
    self->talk = http_device_begin(self->loop, self->device, &wish, on_ended, self, error);
    return self->talk ? 0 : -1;
}

void http_switch_init(struct http_switch *self, const char *name, bool gets)
{
    self->wire = (struct switch_wire){
        .self = self, .name = name, .gets = gets, .call = call_now, .begin = begin, .cancel = cancel};
}
