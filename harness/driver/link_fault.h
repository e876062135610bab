/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults on the way between the update client and the board. The link passes everything until a fault is set;
 * what it does then is a function of the seed and of byte positions, not of the clock (but for stalls and
 * flapping, which are about time). */
#ifndef OTARIG_DRIVER_LINK_FAULT_H
#define OTARIG_DRIVER_LINK_FAULT_H

#include "harness/driver/driver.h"

struct link_fault_spec {
    enum link_mode mode;
    uint64_t from_byte; /* bytes sent to the board since the fault was set that still pass */
    uint64_t up_us, down_us, for_us, rate, every;
    double probability;
    /* for_us: lifts itself after so long; 0: stays until it is lifted */
};

/* Decorates `lower` (borrowed) in both directions. Puts EVENT_LINK when a fault acts first and its totals
 * when it is lifted. */
struct link *link_fault_new(struct link *lower, struct loop *loop, struct sink *sink, uint64_t seed);
void link_fault_set(struct link *link, const struct link_fault_spec *spec);
void link_fault_clear(struct link *link);
/* All that the user of the link sent and all that the board sent, since link_fault_new, whatever became of
 * it.
 */
struct link_fault_count {
    uint64_t sent, received;
};
struct link_fault_count link_fault_count(const struct link *link);
/* Calls `reached` once, at the end of the send in which `bytes` more bytes have been sent. NULL: no more. */
void link_fault_reach(struct link *link, uint64_t bytes, void (*reached)(void *arg), void *arg);
void link_fault_free(struct link *link); /* NULL is allowed */

#endif
