/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all switches have in common that take longer than 50 ms: commands that are tried again, a state that
 * is asked for until it has followed, limits, and the safe state at the end. A driver gives the wire: how one
 * question is put to its device. */
#ifndef OTARIG_DRIVER_POWER_SLOW_SWITCH_H
#define OTARIG_DRIVER_POWER_SLOW_SWITCH_H

#include "harness/driver/driver.h"

enum switch_ask { SWITCH_OFF, SWITCH_ON, SWITCH_GET };

/* A question is over; `failed` NULL: well, and `on` counts if it was SWITCH_GET. */
typedef void switch_ended(void *owner, bool on, const struct error *failed);

struct switch_wire {
    void *self;
    const char *name; /* of the device, for messages; no secret in it */
    bool gets;        /* it can be asked what state it is in */
    /* Puts one question and waits for the answer, for timeout_ms at most. `on` is for SWITCH_GET. It may run
     * on a thread of its own, never two at once: it touches nothing but `self`. */
    int (*call)(void *self, enum switch_ask ask, bool *on, struct error *error);
    /* Where a thread is not wanted: begins it, and returns; its end comes by `ended`, from the loop, never
     * from within this call. NULL: the thread. */
    int (*begin)(void *self, enum switch_ask ask, switch_ended *ended, void *owner, struct error *error);
    void (*cancel)(void *self); /* of begin: nothing is told any more */
};

/* In a driver's config, by the options below. */
struct switch_limits {
    int64_t timeout_ms, follow_ms, latency_ms, retries;
};

#define SWITCH_NUMBER(config, number, text, usual, least, most)                                              \
    {                                                                                                        \
        .name = #number, .help = text, .type = OPTION_INTEGER, .offset = offsetof(config, limits.number),    \
        .standard = usual, .low = least, .high = most                                                        \
    }
/* `latency`: the usual value, as the driver's page explains it. */
#define SWITCH_LIMITS(config, latency)                                                                       \
    SWITCH_NUMBER(config, timeout_ms, "limit of one question to the switch", "5000", 10, 60000),             \
        SWITCH_NUMBER(config, follow_ms, "the state that it tells must follow a command within so many ms",  \
                      "5000", 0, 60000),                                                                     \
        SWITCH_NUMBER(config, latency_ms,                                                                    \
                      "the contact moves at most so many ms after the switch said that it did", latency, 0,  \
                      60000),                                                                                \
        SWITCH_NUMBER(config, retries, "a command that fails is given again so often", "1", 0, 10)

struct slow_switch;

/* `wire` and `limits` stay the caller's and outlive it. */
struct slow_switch *slow_switch_new(const struct driver_env *env, const struct switch_wire *wire,
                                    const struct switch_limits *limits);
/* As power_ops.start and .get. */
int slow_switch_start(struct slow_switch *owner, bool on, struct power_report *report, struct error *error);
int slow_switch_get(struct slow_switch *owner, bool *on, struct error *error);
/* Ends what is under way, and frees. */
void slow_switch_leave(struct slow_switch *owner);
/* The same after it was put into the safe state, which blocks for switch_safe_us() at most. */
void slow_switch_close(struct slow_switch *owner);
uint64_t switch_safe_us(const struct switch_limits *limits); /* as power_ops.safe_us */

/* "on", "off", "1", "true" ... in any case of letters; false: none of them. */
bool switch_word(const char *text, bool *on);
/* The same of a device with words of its own; one of them may be NULL, both: as above. */
bool switch_state(const char *text, const char *is_on, const char *is_off, bool *on);

#endif
