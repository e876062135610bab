/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Variations: from the "vary" block of a scenario file to the list of its cases.
 *
 *   "vary": { "delay_ms": {"from": 0, "to": 1500, "step": 250}, "bit": [0, 7], "at": {"random": 5, "from": 0,
 * "to": 99} } Every combination is a case. The id of a case is NAME+key=value,key=value (keys in file order),
 * and that id is enough to make the same case again: random values are recorded as values. */
#ifndef OTARIG_PLAN_VARIATION_H
#define OTARIG_PLAN_VARIATION_H

#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

#include "harness/base/json.h"

#define VARIATION_CASES_MAX 100000
#define VARIATION_KEYS_MAX 16
#define VARIATION_TEXT_MAX 100 /* it is a part of the id */
#define VARIATION_ID_MAX 200

struct variation {
    char *id;      /* "swap-grid+delay_ms=250" */
    cJSON *values; /* object */
};
struct variations {
    struct variation *list;
    size_t count;
};

/* `overrides`: NULL-terminated "key=value" of --vary (value lists separated by commas), or NULL. `seed` feeds
 * random values. */
int variation_list(struct json root, const char *name, const char *const *overrides, uint64_t seed,
                   struct variations *out, struct error *error);
void variation_release(struct variations *variations);
/* A copy of the tree without "vary": every string "$key" becomes the value, every {"$key": {"VALUE": X, "*":
 * Y}} the entry for the value. */
int variation_apply(struct json root, const cJSON *values, cJSON **out, struct error *error);

#endif
