/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/engine/model.h"

const char *const model_names[] = {TORN_NAMES, "reset", "bit-rot", NULL};
