/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stretches of operations of one run at which a cut leads to a failure. Each place of the run is looked up by
 * what a cut there leaves, so a window does not depend on how that state was found first, nor on who stands
 * for it. */
#ifndef OTARIG_EXPLORE_SEARCH_WINDOWS_H
#define OTARIG_EXPLORE_SEARCH_WINDOWS_H

#include "harness/explore/search/search.h"
#include "harness/explore/spec/symbols.h"

#define WINDOWS_MAX 40      /* of a finding */
#define WINDOWS_RUNS_MAX 64 /* runs that are looked at for them */

/* A power cut right before any operation but the first one leads to this failure, and one inside of any
 * operation may; before the first one too, unless first_torn. Nothing is said of what nobody has judged: a
 * place outside of the reduced alphabet ends a window. */
struct window {
    uint32_t run, first, last; /* operations; behind: there is none with the number of the last one */
    uint32_t states;           /* different ones that such cuts leave */
    struct op first_op, last_op;
    struct place place, caller;
    bool resets; /* that keep RAM, not power cuts */
    /* Only cuts inside of the first operation fail, not right before it; cuts inside of the last one do. */
    bool first_torn, last_torn;
    bool behind; /* power that goes when all operations are done fails, too */
    /* Since power-up of that boot, from the end of the operation before the first (its begin, when only torn)
     * to the begin of the last (its end, when torn; of the boot, when behind it): power that goes between two
     * operations in it leaves one of these states; inside of one, a torn one, which only a search with torn
     * cuts has judged. Known for the boot that the finding's last cut is in. */
    bool timed;
    uint64_t from_ns, to_ns;
};
struct windows {
    struct window *items;
    size_t count;
    size_t left_off; /* more of them, at least: of each run that was not looked at, one */
};

/* Those of failures that end in this state's way, over the runs in which the last cut of a shortest sequence
 * is made: the run of this state's parent first. Resets and power cuts at the same operations have windows of
 * their own. The caller frees the items. */
void windows_find(struct windows *windows, const struct search *search, uint32_t number);

/* Do these two states fail in the same way? */
bool windows_same_kind(const struct search *search, uint32_t a, uint32_t b);

#endif
