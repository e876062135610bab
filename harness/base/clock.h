/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time. A process that works on a virtual rack follows the rack's clock (clock_follow): there time jumps over
 * what is idle and stands while anybody computes. Everywhere else, and on every real rack, the two clocks
 * here are one. Every time in a journal is of clock_now_us() unless its name says otherwise. */
#ifndef OTARIG_BASE_CLOCK_H
#define OTARIG_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

uint64_t clock_now_us(void); /* the rack's clock, or CLOCK_MONOTONIC */
uint64_t clock_now_ns(void);
/* CLOCK_MONOTONIC: for limits on programs that live in this computer's time, whatever clock is followed. */
uint64_t clock_host_us(void);
int64_t clock_wall_s(void); /* CLOCK_REALTIME, for names and reports only, never for arithmetic */

/* From here on this process' time is `*now_ns`, which another process moves; it must stay mapped. NULL: time
 * goes on with the host's from where it stands, never backwards. */
void clock_follow(const uint64_t *now_ns);
bool clock_is_virtual(void);   /* a rack's clock is being followed */
uint64_t clock_ahead_us(void); /* of the host's, modulo 2^64, since a rack's was left; else 0 */

#endif
