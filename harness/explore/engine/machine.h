/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One twin that runs whole power cycles: from power-up to whatever ends a boot, with a journal of its flash
 * operations and a digest of its non-volatile memory after each of them. */
#ifndef OTARIG_EXPLORE_ENGINE_MACHINE_H
#define OTARIG_EXPLORE_ENGINE_MACHINE_H

#include "fixtures/twin/core/twin.h"
#include "harness/explore/spec/spec.h"
#include "harness/explore/engine/sum.h"

#define MACHINE_BOOT_SEED 1 /* one for all boots: else runs could not meet (soundness.h) */

enum machine_end {
    END_EXEC,  /* code ran in a watched region */
    END_MARK,  /* the console line that ends a boot */
    END_SLEEP, /* asleep, and nothing will wake it */
    END_QUIET, /* neither flash operation nor reset for the given time */
    END_LOCKUP,
    END_RESETS, /* more resets than a power cycle may take */
    END_TOTAL,  /* longer than a power cycle may take */
    END_POINT,  /* the point hook ended it */
    END_LOOP,   /* the whole machine came back to a state it had been in: it will do so for ever */
    END_CUT,    /* power was cut where asked for */
    END_BLIND,  /* as quiet or total, while it polls a register of which the twin knows nothing: a chip might
                 * go  on */
};
extern const char *const machine_end_names[];

struct op {
    uint32_t address, value; /* ERASE: value is the length */
    uint32_t pc;
    uint32_t kind : 4, len : 8; /* enum twin_nvm_kind; of a word */
    uint32_t to_ppm : 20;       /* ERASE_PAGE: TWIN_WHOLE_PPM, or how far this part of one gets */
};
/* As a journal keeps it. */
struct op machine_op(const struct twin_nvm_op *op);

struct machine;
/* Each may be NULL. `op` is called before an operation happens, with nvm and sum as before; true asks for a
 * call of `point` at the next consistent moment. `point` returns true to end the cycle. `over`: a cycle has
 * ended. */
struct machine_hooks {
    bool (*op)(void *arg, struct machine *machine, const struct twin_nvm_op *op);
    bool (*point)(void *arg, struct machine *machine);
    void (*over)(void *arg, struct machine *machine);
    void *arg;
};

struct machine {
    const struct spec *spec;
    struct twin *twin;
    uint8_t *nvm;              /* page aligned, spec->nvm_size */
    const struct input *input; /* of the power cycles to come; that of the spec at first */
    struct sum sum;            /* of nvm now; whoever changes nvm from outside says so (machine_set) */
    struct op *ops;
    struct sum *sums; /* after each operation */
    size_t op_count, op_room;
    char *text; /* what the console said, not terminated */
    size_t text_len, text_room, line_begin;
    uint64_t *line_ns; /* when each whole line of it had left the chip, since power-up */
    size_t line_count, line_room;
    uint8_t *touched; /* one per 4 KiB of nvm: written since machine_touched_clear */
    size_t touched_count;
    enum machine_end end;
    uint32_t end_pc;
    unsigned resets;
    uint64_t begin_ns, last_ns, end_ns;
    uint64_t looks_begin; /* twin_clock_looks at power-up */
    bool cutting;         /* operations are subject to cuts from here on */
    size_t cut_first;     /* index of the first such operation */
    uint64_t instructions;
    char **notes;
    size_t note_count;
    struct machine_hooks hooks;
    /* Asked now and then while a cycle runs: true ends it, and `abandoned` is set (the owner takes it
     * back): nothing of it counts. NULL:
     * never. */
    bool (*is_late)(const void *arg);
    const void *late_arg;
    bool abandoned;
    /* A pin reset, RAM kept, after this many operations of the next power cycle; it does not count among
     * `resets`. machine_cycle sets it back to UINT64_MAX. */
    uint64_t reset_at;
    bool reset_to_come; /* in this cycle */
    /* Cuts power at the first operation that begins this long after power-up of the next cycle; machine_cycle
     * sets it back to UINT64_MAX. */
    uint64_t cut_after_ns;
    struct twin_look waits; /* the register it looked at last, when it ended in silence; count 0: none */
    uint32_t waits_pc;      /* where it was then; 0: it did not end so */
    struct op cut_op;       /* END_CUT: the operation that did not happen */
    const char *wrong; /* the twin broke a rule of its own: nothing of this machine is to be believed; NULL */
    bool logging;      /* machine_log */
    /* internal */
    bool ended, point_wanted, reset_wanted;
    uint64_t cut_at, cut_ns;
    uint64_t
        silent_ns; /* when a boot in which nothing happens any more would have ended; 0: it ended by itself */
    struct outside outside;
};

/* `reads`: machine_log will be asked for, which makes all code slower. */
struct machine *machine_new(const struct spec *spec, uint64_t seed, bool reads, struct error *error);
void machine_free(struct machine *machine);
/* Power-up to the end. `cut_at`: cuts power right before this operation (UINT64_MAX: never). */
void machine_cycle(struct machine *machine, uint64_t cut_at);
/* Has the one who waits for this no time left (is_late)? Then the cycle is over, and abandoned. */
bool machine_gives_up(struct machine *machine);
/* Ends the cycle at this moment; from a hook. The first caller says why. */
void machine_stop(struct machine *machine, enum machine_end end);
/* Copies bytes into nvm from outside; keeps sum right. */
void machine_set(struct machine *machine, size_t offset, const uint8_t *data, size_t len);
/* Makes nvm equal to this image. */
void machine_load(struct machine *machine, const uint8_t *image);
/* Everything the future of this power cycle depends on; two cycles that meet in it go on alike (soundness.h).
 */
struct sum machine_digest(struct machine *machine);
/* The same, and a second one without clocks that run on and that nobody looks at (twin_digest_timeless):
 * cycles that meet in that one go on alike as long as nobody does. True: there is such a clock. */
bool machine_digests(struct machine *machine, struct sum *full, struct sum *timeless);
/* spin.c: is the core where it was before, some blocks (at most `steps`, which it runs) ago? The whole
 * machine is compared, with the times of all that is to come: it will go on like that for ever, and waiting
 * brings nothing. Hooks may have asked for something meanwhile. */
bool machine_spins(struct machine *machine, uint64_t steps);
/* Begins a log of what the power cycles to come read, up to where each ends (twin_log_reads); NULL: forgets
 * it. */
void machine_log(struct machine *machine, const struct twin_log *log);
size_t machine_reads(const struct machine *machine, const struct twin_read **list);
/* How often this cycle has looked at a clock so far. */
uint32_t machine_looks(const struct machine *machine);
/* Offset in nvm of an operation's address. */
size_t machine_offset(const struct spec *spec, uint32_t address);
/* Makes the start image: all entries in order, boots included, each with its own input if it has one. A hook
 * that ends a boot ends it all. */
void machine_prepare(struct machine *machine, const struct prepare_list *list);

#endif
