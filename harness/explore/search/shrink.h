/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sequence of cuts, as a field log or a night on a rack gave it, down to the cuts that its failure needs.
 */
#ifndef OTARIG_EXPLORE_SEARCH_SHRINK_H
#define OTARIG_EXPLORE_SEARCH_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/explore/spec/spec.h"

/* Reads a sequence (scenarios/sequence.schema.json), makes its cuts on a twin and judges what the boot after
 * them leaves; then leaves out cuts, halves first (delta debugging), as long as the same clause is broken.
 * The result is 1-minimal: without any one of its cuts it fails in another way or not at all. Prints it,
 * with `json` as a sequence file. `start`: the memory at the start; NULL: made from the scenario's prepare
 * list. Returns 1: it fails, 0: it does not (nothing to shrink), -1: error. Takes one power cycle for each
 * cut of each trial. */
int shrink(const struct spec *spec, const char *path, const uint8_t *start, uint64_t seed, bool json,
           struct error *error);

#endif
