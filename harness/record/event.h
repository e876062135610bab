/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event: the only thing a run produces. Drivers and steps put events into a sink; the journal, the
 * triggers and the progress line listen there. */
#ifndef OTARIG_RECORD_EVENT_H
#define OTARIG_RECORD_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

enum event_kind {
    EVENT_CASE,  /* first line: everything the verdict needs to know of the plan */
    EVENT_STEP,  /* what: begin | end; value: name of the step */
    EVENT_POWER, /* what: on | off; fields: planned_us, commanded_us, returned_us, verified, latency_us; what:
                  * acted (a slow switch has told), edge (the rail is seen to move), value: on | off; fields:
                  * commanded_us, achieved_us, within_us */
    EVENT_INPUT, /* raw bytes from a console, as read (data, len); not journaled line by line */
    EVENT_LINE,  /* what: line; value: text of one console line */
    EVENT_MARK,  /* what: name of the board's mark; value: captured text */
    EVENT_PROBE, /* what: done | failed | halted | lost; value: verb or reason; fields: result */
    EVENT_UPDATE,  /* what: progress | done | failed; value: intent; number: bytes; fields: result, outcome */
    EVENT_LINK,    /* a link fault acted: what: drop | stall | corrupt | ... */
    EVENT_TRIGGER, /* what: armed | hit | disarmed; value: fault name */
    EVENT_FAULT,   /* what: fired | over | proven | unproven; value: fault name */
    EVENT_OBSERVE, /* something the contract judges: what: name; value/number: what was seen */
    EVENT_SERVER,  /* what the update server saw or did: request | response | report | rollout | fault (value:
                    * name of the rule; fields.what: acts | told) | ...; fields: as the server tells it */
    EVENT_RIG,     /* a rig's fault, never the board's: value: message */
    EVENT_EVIDENCE, /* value: file in the case folder; what: kind */
    EVENT_NOTE,     /* for the reader */
    EVENT_END,      /* last line: the run of the case is over */
    EVENT_KINDS
};

struct event {
    enum event_kind kind;
    uint64_t seq;       /* set by the journal */
    int step;           /* index of the running step, -1 outside */
    uint64_t t_us;      /* CLOCK_MONOTONIC; for input: when it was read */
    const char *source; /* role of the driver or "run", "trigger", ... */
    const char *what;
    const char *value; /* may be NULL */
    int64_t number;    /* meaning depends on kind; INT64_MIN: absent */
    const void *data;  /* raw bytes, borrowed for the call */
    size_t len;
    const cJSON *fields; /* further members, borrowed for the call; may be NULL */
};

#define EVENT_NO_NUMBER INT64_MIN

struct sink {
    void (*put)(struct sink *sink, const struct event *event);
};

const char *event_kind_name(enum event_kind kind);

/* Puts a simple event with the time of now. */
void event_put(struct sink *sink, enum event_kind kind, const char *source, const char *what,
               const char *value);
/* As above with a number and fields (fields may be NULL; the caller keeps ownership). */
void event_put_full(struct sink *sink, enum event_kind kind, const char *source, const char *what,
                    const char *value, int64_t number, const cJSON *fields);

#endif
