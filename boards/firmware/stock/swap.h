/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Swapping the two slots by moving: the first slot's pages go up by one, from the last to the first; then for
 * each page the second slot's goes to the first slot, and the moved one to the second.
 *
 * What a step reads is not changed before the step after the next, so a step whose mark is missing is done
 * again from its erase on. */
#ifndef FW_STOCK_SWAP_H
#define FW_STOCK_SWAP_H

#include "stock/trailer.h"

/* `type` TEST, PERM or REVERT; `size` in bytes, of the larger image. A swap under way (`resumed`) takes both
 * from the trailer. */
void swap_run(enum swap_type type, uint32_t size, bool resumed);

#endif
