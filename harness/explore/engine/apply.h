/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operation, whole or torn, does to an image of the memory. */
#ifndef OTARIG_EXPLORE_ENGINE_APPLY_H
#define OTARIG_EXPLORE_ENGINE_APPLY_H

#include "fixtures/twin/core/torn.h"
#include "harness/explore/engine/machine.h"

void apply_op(const struct spec *spec, uint8_t *nvm, const struct op *op);
/* Tears the operation in an image that is as before it. */
void apply_torn(const struct spec *spec, uint8_t *nvm, const struct op *op, enum torn_model model,
                uint64_t seed);

#endif
