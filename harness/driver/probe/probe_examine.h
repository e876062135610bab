/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `otarig doctor` does with a probe: attach once. */
#ifndef OTARIG_DRIVER_PROBE_PROBE_EXAMINE_H
#define OTARIG_DRIVER_PROBE_PROBE_EXAMINE_H

#include "harness/driver/driver.h"

/* As driver.examine, in a loop of its own; blocks 2 s at most. `advice_for`: the fix for a job that failed
 * for this reason. */
int probe_examine(const struct driver *driver, const struct driver_env *env, const void *config,
                  const char *(*advice_for)(const char *reason), char *advice, size_t size,
                  struct error *error);

#endif
