/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the parts of `otarig repro` for states of an exploration (live.h): what the rack is told and tells,
 * contents through the probe. Waits end after seconds; what goes wrong is the rig's fault. */
#ifndef OTARIG_REPLAY_LIVE_INTERNAL_H
#define OTARIG_REPLAY_LIVE_INTERNAL_H

#include "harness/run/by_hand.h"
#include "harness/replay/live_case.h"

#define LIVE_PAGE 4096u       /* flash is taken in pieces of so many bytes */
#define LIVE_EDGE_US 2000000u /* for the rack to tell of a cut */

struct live {
    struct by_hand hand;
    struct live_case it;
    const char *place;
    const char *rack;        /* its folder */
    uint8_t *now, *expected; /* now: as read back, where that was done */
    char *scratch;           /* a file for the probe */
    long truth_at;           /* what of the rack's log has been read */
    const cJSON *reset;      /* in the next power cycle; NULL: none */
};

/* ---- live_rig.c ---- */

/* Without waiting for the rail. */
int live_rig_power(struct live *live, bool on, struct error *error);
/* One command, which is deleted, to the rack about this place; the caller deletes the answer. */
cJSON *live_rig_control(struct live *live, cJSON *command, struct error *error);
/* `verb` about the next boot, with what `cut` says; NULL: about now. */
int live_rig_tell(struct live *live, const char *verb, const cJSON *cut, double boot, struct error *error);
int live_rig_check_chip(struct live *live, struct error *error);
/* Time passes as fast as the host can. */
int live_rig_set_pace(struct live *live, struct error *error);
/* The next line of the rack's log of this kind; the caller deletes it. */
cJSON *live_rig_await(struct live *live, const char *what, uint64_t for_us, struct error *error);
int live_rig_await_state(struct live *live, const char *state, uint64_t for_us, struct error *error);
/* And the rail has followed. */
int live_rig_power_now(struct live *live, bool on, struct error *error);
/* A power cycle that ends with a cut exactly there; a reset that was to come first must have come. */
int live_rig_cut(struct live *live, const cJSON *where, struct error *error);

/* ---- live_memory.c ---- */

uint32_t live_memory_address(const struct live *live, size_t at);
/* All of the start contents, from power off to power off. */
int live_memory_restore(struct live *live, struct error *error);
/* The same after a read_back, without a boot between: the core is held, then halted. */
int live_memory_put_back(struct live *live, struct error *error);
/* To live->now, with the core held from power-up on; stays so. Not `all`: only what may have changed. */
int live_memory_read_back(struct live *live, bool all, struct error *error);
/* Can put_back do it? Not where an erase takes more than a piece, nor when UICR has changed. */
bool live_memory_can_put_back(const struct live *live);
bool live_memory_is_read(const struct live *live, size_t at); /* by read_back */

#endif
