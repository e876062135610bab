/* What the commands for work by hand share: one place of a rack with its drivers, on a virtual rack inside
 * its emulation. */
#ifndef OTARIG_CMD_BY_HAND_H
#define OTARIG_CMD_BY_HAND_H

#include "harness/run/rig.h"
#include "harness/run/virtual_rack.h"

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
};

/* argv: PLACE ... --rack RACK [...]. A virtual rack is started first and this program started again inside of
 * it; that call does not return here (its exit code is `*code`). 0: the place is there, `*argc` and `argv`
 * hold what is left. */
int by_hand_begin(struct by_hand *hand, int *argc, char **argv, const char *usage, int *code);
/* The same for a command that has read its arguments itself. argv: all of them, from the command on. */
int by_hand_enter(struct by_hand *hand, const char *rack_file, const char *place, int argc, char **argv,
                  int *code);
int by_hand_open(struct by_hand *hand, struct error *error);
void by_hand_end(struct by_hand *hand);
/* Turns the loop for this long. */
int by_hand_wait(struct by_hand *hand, uint64_t for_us, struct error *error);
int by_hand_probe(struct by_hand *hand, const struct probe_job *job, struct error *error);

#endif
