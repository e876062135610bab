/* SPDX-License-Identifier: GPL-2.0-or-later */
/* live.json and start.bin: states of an exploration as a rig can make them
 * (reports/schemas/live.schema.json). */
#ifndef OTARIG_REPLAY_LIVE_CASE_H
#define OTARIG_REPLAY_LIVE_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"

#define LIVE_REGIONS_MAX 4
/* what a virtual rack types at once */
#define LIVE_BYTES_MAX 4096
#define LIVE_MARK_MAX 1024
#define LIVE_INPUT_MAX 16

struct live_memory {
    uint32_t address, len;
    size_t offset; /* in start.bin */
    uint32_t page; /* what one erase takes; 0: not the same everywhere */
};
struct live_case {
    char *path; /* of live.json */
    cJSON *tree;
    const cJSON *states;
    const cJSON *chance, *input, *watchdog; /* in each boot; watchdog: NULL for none */
    const char *chip;
    struct live_memory
        memory[LIVE_REGIONS_MAX]; /* non-volatile, without holes; the code flash, in whole pages, first */
    size_t memory_count, size;
    uint8_t *start;
};

/* Is this the folder of a state or finding of `otarig explore`? */
bool live_case_is(const char *folder);
int live_case_load(struct live_case *it, const char *folder, struct error *error);
void live_case_release(struct live_case *it);
/* One of a state's "changes" or "after", put into `nvm` (size bytes). */
int live_case_change(const struct live_case *it, const cJSON *change, uint8_t *nvm, struct error *error);
/* The bytes of its "hex"; free them. NULL: none, or no hex digits. */
uint8_t *live_case_bytes(const cJSON *object, size_t *len);
/* 0 to UINT32_MAX; -1: absent or none */
double live_case_number(const cJSON *object, const char *key);

#endif
