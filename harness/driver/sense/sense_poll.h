/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rail that is asked for again and again until it has followed a command: what all drivers of the role
 * "sense" have in common. A driver gives the wire, as that of a switch of which only SWITCH_GET is asked. */
#ifndef OTARIG_DRIVER_SENSE_SENSE_POLL_H
#define OTARIG_DRIVER_SENSE_SENSE_POLL_H

#include "harness/driver/power/slow_switch.h"

/* In a driver's config, by the options below. */
struct sense_limits {
    int64_t every_ms, within_ms, timeout_ms;
};

#define SENSE_NUMBER(config, number, text, usual, least, most)                                               \
    {                                                                                                        \
        .name = #number, .help = text, .type = OPTION_INTEGER, .offset = offsetof(config, limits.number),    \
        .standard = usual, .low = least, .high = most                                                        \
    }
#define SENSE_LIMITS(config)                                                                                 \
    SENSE_NUMBER(config, every_ms, "the rail is read so often while it is to move", "100", 1, 10000),        \
        SENSE_NUMBER(config, within_ms, "the reading must follow the rail within so many ms", "3000", 1,     \
                     60000),                                                                                 \
        SENSE_NUMBER(config, timeout_ms, "limit of one reading", "2000", 10, 60000)

struct sense_poll;

/* `wire` and `limits` stay the caller's and outlive it. */
struct sense_poll *sense_poll_new(const struct driver_env *env, const struct switch_wire *wire,
                                  const struct sense_limits *limits);
void sense_poll_free(struct sense_poll *poll);
/* As sense_ops. */
int sense_poll_expect(struct sense_poll *poll, bool on, uint64_t commanded_us, uint64_t until_us,
                      struct error *error);
int sense_poll_get(struct sense_poll *poll, bool *on, struct error *error);
uint64_t sense_limits_us(const struct sense_limits *limits);

#endif
