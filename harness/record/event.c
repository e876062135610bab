/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/record/event.h"

#include "harness/base/clock.h"

const char *event_kind_name(enum event_kind kind)
{
    static const char *const names[EVENT_KINDS] = {
        "case",    "step",  "power",   "input",  "line", "mark",     "probe", "update", "link",
        "trigger", "fault", "observe", "server", "rig",  "evidence", "note",  "end"};
    return (unsigned)kind < EVENT_KINDS ? names[kind] : "?";
}

void event_put_full(struct sink *sink, enum event_kind kind, const char *source, const char *what,
                    const char *value, int64_t number, const cJSON *fields)
{
    const struct event event = {.kind = kind,
                                .step = -1,
                                .t_us = clock_now_us(),
                                .source = source,
                                .what = what,
                                .value = value,
                                .number = number,
                                .fields = fields};
    sink->put(sink, &event);
}

void event_put(struct sink *sink, enum event_kind kind, const char *source, const char *what,
               const char *value)
{
    event_put_full(sink, kind, source, what, value, EVENT_NO_NUMBER, NULL);
}
