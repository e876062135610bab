/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Swapping the first pages of the two slots through the scratch page, resumable at every operation.
 *
 * For page i: slot 1 to scratch; slot 0 to slot 1; scratch to slot 0. Each of the three has its flag
 * (state.h), set when it is done. What a step reads is not changed before the next step, so a step without
 * its flag is simply done again, from its erase on. */
#ifndef FW_SWAP_H
#define FW_SWAP_H

#include "common/state.h"

void swap_run(enum state_list list, uint32_t pages);

#endif
