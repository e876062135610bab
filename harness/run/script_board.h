/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A board made of a script, for unit tests of the engine: four drivers over one small model, on a clock that
 * the test moves. A boot takes 100 ms, a swap a second, an upload a second, an answer a millisecond; no
 * process, no wire, and a whole case in milliseconds. */
#ifndef OTARIG_RUN_SCRIPT_BOARD_H
#define OTARIG_RUN_SCRIPT_BOARD_H

#include "harness/plan/plan.h"
#include "harness/record/verdict.h"

#define SWITCH_LATENCY_US 200000u /* of the slow switch, as its documentation says */

/* What is wrong with the board, or with the rig around it. */
struct script_faults {
    bool no_revert;            /* an image on trial stays */
    bool hangs_after_cut;      /* the first start after a power cut tells of itself and answers nothing */
    bool dead_after_cut;       /* nothing starts any more after a power cut */
    bool updater_dead;         /* state and deliver are never answered after the first update */
    bool loses_second_confirm; /* every second confirmation is lost: by the parity of a record */
    bool other_version;        /* the console tells another version than the image has */
    unsigned data_untold_in;   /* the rig: what the network is told of the data is lost in this life */
    bool data_replaced;        /* the print of the data is another one after a power cut */
    bool leaves_hole;          /* the end of what is delivered is not written, and nobody says so */
    bool runs_half;       /* an image on trial runs though half of it lacks; what is gone back to is whole */
    bool refuses;         /* v2, after it was delivered whole; that is right */
    bool fails_itself;    /* v2 says so before it is up, and restarts; that is right */
    bool delivery_starts; /* no fault: what is delivered starts by itself, on trial, and cannot be asked for
                             otherwise */
    uint64_t deliver_us;  /* no fault: a delivery takes so long; 0: a second */
    bool relay_stuck;     /* the rig: switched off, the board stays on */
    bool silent_once;     /* the rig: the lines of the first life after the fault are lost */
    unsigned deaf_pings;  /* the rig: so many pings are lost */
    /* The rig: a switch that takes its time. It tells that it acted so long after the command (0: it acts in
     * the call), and moves the rail so long after it (0: when it tells). */
    uint64_t switch_tells_us, switch_moves_us;
    bool switch_moves_nothing; /* it tells, from the first update on, that it acted, and does not */
    bool switch_dies;          /* it fails, from the first update on */
    bool switch_dies_once;     /* it fails once after the first update */
    bool switch_mute_once;     /* it tells nothing of one command after the first update */
};

struct script_result {
    struct verdict verdict;
    unsigned lives;   /* how often the board started */
    uint64_t took_us; /* of its clock */
    unsigned after;   /* commands to the switch after it failed once */
};

/* One case of a scenario (JSON text) on a board file (JSON text) with these faults; the images v1, v2, v3 are
 * made. `roles`: which of the place's devices there are (1 << RACK_POWER ...). Release the verdict. */
void script_run(const char *board_json, const char *scenario_json, unsigned roles,
                const struct script_faults *faults, struct script_result *result);

#endif
