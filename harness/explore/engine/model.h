/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a step of a sequence disturbs the board: a clean cut, a way to tear the operation that is cut
 * (fixtures/twin/core/torn.h), or what is no cut at all. */
#ifndef OTARIG_EXPLORE_ENGINE_MODEL_H
#define OTARIG_EXPLORE_ENGINE_MODEL_H

#include "fixtures/twin/core/torn.h"

enum {
    MODEL_RESET = TORN_MODELS, /* a pin reset before the operation, RAM keeps its contents */
    MODEL_ROT,                 /* a bit that flips while the power is off (rot.h) */
    MODEL_COUNT
};
extern const char *const model_names[]; /* ends with NULL */

static inline bool model_is_tear(unsigned model)
{
    return model > TORN_CLEAN && model < TORN_MODELS;
}

#endif
