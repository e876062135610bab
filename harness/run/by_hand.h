/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the commands for work by hand share: one place of a rack with its drivers, on a virtual rack inside
 * its emulation. */
#ifndef OTARIG_RUN_BY_HAND_H
#define OTARIG_RUN_BY_HAND_H

#include "harness/run/rig.h"
#include "harness/rack/virtual_rack.h"

#define BY_HAND_HEARD_MAX (1u << 20)

struct by_hand {
    struct sink sink; /* first member: prints what the drivers say */
    struct loop *loop;
    struct rack rack;
    const struct rack_place *place;
    struct rig rig;
    bool open, signals, job_over, job_ok, interrupted, raw;
    uint8_t
        *heard; /* what the console said since `heard_len` was set to 0, the first BY_HAND_HEARD_MAX bytes */
    size_t heard_len;
    char reason[300];
    cJSON *fields;
    int argc; /* the whole command line, from the command on */
    char **argv;
    bool rack_time; /* set before by_hand_enter: a virtual rack keeps its own time, which the caller joins */
    bool elsewhere; /* a call of this program inside the virtual rack did the work: its exit code */
    int code;
};

/* argv: PLACE ... --rack RACK [...]. Reads the rack and finds the place; no device is touched and no virtual
 * rack started. 0: `*argc` and `argv` hold what is left, a pointer of `flags` (NULL-terminated, may be NULL)
 * for each "--flag" among it; any other option is refused. -1: said on stderr (or --help on stdout), with the
 * exit code in `*code`; by_hand_end() all the same. */
int by_hand_begin(struct by_hand *hand, int *argc, char **argv, const char *const *flags, const char *usage,
                  int *code);
/* Opens the devices of the place whose bits (1 << RACK_POWER, ...) are in `roles`, after everything that can
 * be wrong with the input was looked at. A virtual rack is started first and this program started again
 * inside of it: -1 then, with `elsewhere`. */
int by_hand_open(struct by_hand *hand, unsigned roles, struct error *error);
/* For a command that has read its arguments itself (argv: all of them, from the command on): rack, place and,
 * for a virtual rack, the call inside of it. -1: over, with the exit code. */
int by_hand_enter(struct by_hand *hand, const char *rack_file, const char *place, int argc, char **argv,
                  int *code);
/* Prints the error, if any, and closes what is open. `leave`: the rail stays as it is; else it goes into the
 * place's safe state. The exit code. */
int by_hand_finish(struct by_hand *hand, bool leave, int failed, const struct error *error);
void by_hand_end(struct by_hand *hand); /* into the safe state */
/* Turns the loop for this long. */
int by_hand_wait(struct by_hand *hand, uint64_t for_us, struct error *error);
int by_hand_probe(struct by_hand *hand, const struct probe_job *job, struct error *error);
/* The same with the place's update client; what it answered is in hand->fields. A refusal of the board, or
 * its silence, is an ERROR_RIG here, as by hand nobody judges. */
int by_hand_update(struct by_hand *hand, const struct update_job *job, struct error *error);
/* Has the place a device for it? Else ERROR_INPUT. */
int by_hand_need(const struct by_hand *hand, enum rack_role role, struct error *error);
/* Switches the place on, if it has a switch, and waits 100 ms for the board. */
int by_hand_power_up(struct by_hand *hand, struct error *error);

#endif
