/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A board: a type of device. Memory map, console marks, how long it may take, which images it gets.
 * boards/<name>.json */
#ifndef OTARIG_BOARD_BOARD_H
#define OTARIG_BOARD_BOARD_H

#include <stdint.h>

#include "harness/base/json.h"
#include "harness/board/facts.h"

/* Marks that the engine knows by name, none of which a board must have; what a named group tells is a fact
 * (facts.h), and each group may be missing.
 * - boot (reset, id): the first line of every boot
 * - app_up (version, hash, confirmed): the application runs
 * - data (state; print): state of the user data: ok | migrated | lost; print: what their contents come to,
 *   which no update may change
 * - report (last): what the device says of the last update
 * - jump (version): the boot loader starts what is in the slot */
struct board_mark {
    char *name;
    char *expression; /* PCRE2 */
};

struct board_span {
    char *name;
    uint32_t address, len;
};

/* A stretch of an update at which faults aim. It begins at a mark; a board that prints none gives the time
 * from a restart to it. */
struct board_phase {
    char *name, *mark; /* mark: NULL where there is none */
    int64_t after_ms;  /* from the restart that begins the update; -1: unknown */
    int64_t length_ms; /* 0: unknown */
};

/* Who makes a new image permanent. */
enum board_confirms { CONFIRMS_HOST, CONFIRMS_ITSELF, CONFIRMS_NEVER };

/* Where an image of a set lies when the probe writes the board's initial contents. */
struct board_image {
    char *name; /* "bootloader", "v1", ... */
    char *file; /* in the firmware folder */
    bool has_address;
    uint32_t address;
};

struct board {
    char *name, *title, *chip, *path; /* title: may be NULL when bare */
    bool bare; /* it has neither marks nor facts: a chip to explore, of which no run could tell anything */
    struct fact_sources facts[FACTS];
    struct board_phase *phases;
    size_t phase_count;
    enum board_confirms confirms;
    bool runs_either; /* the image runs where it was delivered, in one of the slots; else always in the first
                       */
    struct board_mark *marks;
    size_t mark_count;
    struct board_span flash, data, slots[2];
    struct board_span *watches; /* named registers or ranges a probe trigger may use */
    size_t watch_count;
    struct board_span *state; /* where the update mechanism keeps its records */
    size_t state_count;
    struct board_span *evidence; /* what is dumped when something failed; a whole flash may take a minute */
    size_t evidence_count;
    struct board_image *images;
    size_t image_count;
    char *
        *initial; /* names of images that make the start state, NULL-terminated ("$start" = the scenario's) */
    uint32_t device_id_address, device_id_len; /* len 0: none */
    uint32_t slot_header_len;
    int64_t boot_ms, recovery_ms, cycles, quiet_ms;
    int64_t boot_factor;    /* so many times longer than before the fault a boot may take; 0: any time */
    int64_t off_ms;         /* without power for so long the rail is down, whatever is on it */
    int64_t first_run_ms;   /* the application's own start-up work: its data page, its report */
    int64_t answer_ms;      /* a question may take so long to be answered */
    int64_t power_on_reset; /* value of the boot mark's reset group after a power-up */
    /* Other resets show that value too (a brown-out of the chip's own making, a boot loader that clears the
     * reason and resets): a loss of power that nobody commanded cannot be told then. */
    bool power_on_reset_shared;
    char **transports; /* update drivers it understands: "smp", "probe"; NULL-terminated */
};

int board_load(const char *path, struct board *board, struct error *error);
/* Looks for boards/<name>.json in `folder` unless the name has a slash or ends in .json. */
int board_find(const char *folder, const char *name, struct board *board, struct error *error);
/* Of a board file; a bare one may have but what an exploration makes use of. */
int board_check_keys(struct json root, struct error *error);
/* -1: it is bare. */
int board_can_run(const struct board *board, struct error *error);
void board_release(struct board *board);
const struct board_mark *board_mark(const struct board *board, const char *name);
const struct board_phase *board_phase(const struct board *board, const char *name);
extern const char *const board_confirms_words[]; /* by enum board_confirms */
/* Where the file names none: swap_state is the first area of $.memory.state, revert_state the last, if one
 * comparator can watch it. NULL: no such watch. */
const struct board_span *board_watch(const struct board *board, const char *name);
const struct board_image *board_image(const struct board *board, const char *name);
/* Where what stands in "initial" is written: an image by its address, BOARD_START to the first slot. false:
 * it has no place, which board_load refuses. */
#define BOARD_START "$start" /* the image that the scenario starts with */
bool board_where(const struct board *board, const char *name, uint32_t *address);

#endif
