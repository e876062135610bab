/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clock of a virtual rack: what its keeper (fixtures/rack/keeper.c) and those who follow it say to each
 * other, over a SOCK_SEQPACKET pair, and the follower's side of it.
 *
 * The keeper moves time only while nobody computes. It grants: "it is now_ns, you may go up to limit_ns". A
 * follower does all that is to be done, and reports: nothing more until next_ns. A report counts for the
 * grant whose number it bears, so nothing that was sent to a follower before a grant can be overlooked: the
 * follower looks at all its wires after it has read the grant.
 *
 * A worker (`otarig run`) never goes further than now_ns. A board runs ahead up to limit_ns, or up to the
 * first moment at which somebody may see something of it.
 *
 * holds: so many answers are awaited from programs outside of the rack (OpenOCD), which live in the host's
 * time. Time stands for them, but for what a board's debug port needs to answer: demand_ns.
 *
 * A debugger asks a board thousands of times. While nobody else waits for anything the board moves time for
 * that by itself, short of alone_ns, and says no more of it than the keeper must know to move it again. It
 * gives that up as soon as anybody can see anything else of it, and with every demand that it reports; the
 * keeper takes it back with the next grant. */
#ifndef OTARIG_IO_CLOCK_WIRE_H
#define OTARIG_IO_CLOCK_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/error.h"

#define CLOCK_NEVER UINT64_MAX
#define CLOCK_WIRE_VERSION 2u

/* Keeper to follower. The first one, number 0, carries the descriptor of a page whose first eight bytes are
 * the time now in nanoseconds. */
struct clock_grant {
    uint64_t version, number, now_ns, limit_ns, alone_ns; /* the last: 0 when it may not */
    char stuck[96]; /* not empty: who holds the clock for good; the last message */
};
/* Follower to keeper, after each grant and whenever something of it changes. */
struct clock_report {
    uint64_t number, next_ns, demand_ns, holds;
};

struct clock_follower;

/* Takes over `fd` and waits for the keeper's greeting (60 s at most); clock_now_us() is the rack's from here
 * on. NULL on error. */
struct clock_follower *clock_follower_open(int fd, struct error *error);
/* The same at the keeper's socket in a rack's folder. *found false, and no error: that rack is in real time.
 */
struct clock_follower *clock_follower_join(const char *rack_folder, bool *found, struct error *error);
/* Goes on in the host's time. NULL is allowed. */
void clock_follower_close(struct clock_follower *follower);
int clock_follower_fd(const struct clock_follower *follower); /* readable: a grant */
/* Takes the grant that is there. 1: one came, 0: none, -1 (RIG): the keeper is gone, or names who is stuck.
 */
int clock_follower_take(struct clock_follower *follower, struct error *error);
uint64_t clock_follower_limit_ns(const struct clock_follower *follower); /* of the last grant */
uint64_t clock_follower_alone_ns(const struct clock_follower *follower); /* the same */
/* Short of alone_ns, and never back. */
void clock_follower_move(struct clock_follower *follower, uint64_t now_ns);
/* Nothing is said twice. -1 (RIG): the keeper is gone. */
int clock_follower_report(struct clock_follower *follower, const struct clock_report *report,
                          struct error *error);

#endif
