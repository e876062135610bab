/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A power cycle from power-up to its end, and the start image, which is made of some. */
#include <stdlib.h>
#include <string.h>

#include "fixtures/twin/debug/debug.h"
#include "harness/base/mem.h"
#include "harness/explore/engine/machine.h"

#define SECOND UINT64_C(1000000000)
#define LATE_NS UINT64_C(50000000) /* time of the board after which somebody is asked whether it is late */

static void begin(struct machine *machine, uint64_t cut_at)
{
    const struct spec *spec = machine->spec;
    machine->op_count = machine->text_len = machine->line_begin = machine->line_count = machine->cut_first =
        0;
    machine->ended = machine->point_wanted = machine->reset_wanted = false;
    machine->reset_to_come = machine->reset_at != UINT64_MAX;
    machine->resets = 0;
    machine->silent_ns = 0;
    machine->waits = (struct twin_look){0};
    machine->waits_pc = 0;
    machine->end_pc = 0;
    machine->cutting = !spec->cut_from;
    machine->cut_at = cut_at;
    /* every power-up at a whole second: clocks of any frequency stand in the same phase */
    uint64_t now = twin_now_ns(machine->twin);
    twin_run(machine->twin, (now / SECOND + 1) * SECOND);
    machine->begin_ns = machine->last_ns = twin_now_ns(machine->twin);
    machine->looks_begin = twin_clock_looks(machine->twin);
    if (machine->logging)
        twin_log_pause(machine->twin, false);
    outside_power_on(&machine->outside, machine->input, &spec->watchdog, machine->begin_ns);
    twin_power_on(machine->twin, MACHINE_BOOT_SEED);
}

static enum machine_end quiet_end(struct machine *machine, enum twin_stop why)
{
    if (why == TWIN_STOP_LOCKUP)
        return END_LOCKUP;
    return why == TWIN_STOP_SLEEP && twin_next_ns(machine->twin) == UINT64_MAX ? END_SLEEP : END_QUIET;
}

/* ---- silence ---- */

#define SPIN_FIRST_NS UINT64_C(2000000)
#define SPIN_STEPS 256 /* blocks, at the first look */

/* Waiting for the quiet time to pass costs seconds when the core spins, so that is looked for: at growing
 * distances from the last operation or reset, over growing lengths, so that it costs about as much as running
 * on. */

/* How far from the last operation or reset to look next, as a power of two times the first distance. */
static unsigned next_look(const struct machine *machine, uint64_t now)
{
    unsigned look = 0;
    while (machine->last_ns + (SPIN_FIRST_NS << look) <= now)
        look++;
    return look;
}

/* Where the core waits, and for what: the register that it still looked at in the last quarter of the
 * silence. */
static bool look_at_wait(struct machine *machine, enum twin_stop why)
{
    struct twin_look any, blind;
    uint64_t now = twin_now_ns(machine->twin), late = now - (now - machine->last_ns) / 4;
    twin_looks_at(machine->twin, &any, &blind);
    bool polls = blind.count > 1 && blind.at_ns >= late && why != TWIN_STOP_LOCKUP;
    machine->waits_pc = debug_register(machine->twin, 15);
    machine->waits = polls ? blind : any.at_ns >= late ? any : (struct twin_look){0};
    return polls;
}

static void end_in_silence(struct machine *machine, enum twin_stop why, uint64_t quiet_ns, uint64_t total_ns)
{
    bool quiet = quiet_ns <= total_ns, blind = look_at_wait(machine, why);
    machine_stop(machine, blind ? END_BLIND : quiet ? quiet_end(machine, why) : END_TOTAL);
    machine->silent_ns = quiet ? quiet_ns : total_ns;
}

/* What hooks asked for while code ran. */
static void attend(struct machine *machine)
{
    if (machine->reset_wanted) {
        twin_reset(machine->twin, TWIN_RESET_PIN);
        machine->reset_wanted = machine->reset_to_come = false;
    }
    if (!machine->point_wanted)
        return;
    machine->point_wanted = false;
    if (!twin_exclusive_open(machine->twin) && machine->hooks.point(machine->hooks.arg, machine))
        machine_stop(machine, END_POINT);
}

static void run(struct machine *machine)
{
    const struct spec *spec = machine->spec;
    unsigned looks = next_look(machine, twin_now_ns(machine->twin));
    while (!machine->ended) {
        uint64_t quiet = machine->last_ns + spec->quiet_ns, total = machine->begin_ns + spec->total_ns;
        uint64_t until = outside_act(&machine->outside, machine->twin);
        until = until < quiet ? until : quiet;
        until = until < total ? until : total;
        uint64_t look = machine->last_ns + (SPIN_FIRST_NS << looks);
        until = until < look ? until : look;
        uint64_t ask = twin_now_ns(machine->twin) + LATE_NS;
        if (machine->is_late && ask < until)
            until = ask;
        enum twin_stop why = twin_run(machine->twin, until);
        uint64_t now = twin_now_ns(machine->twin);
        if (machine->ended || machine_gives_up(machine))
            return;
        if (outside_bark(&machine->outside, machine->twin, until) && machine->reset_wanted)
            machine->reset_wanted = machine->reset_to_come = false; /* both at once are one */
        attend(machine);
        quiet = machine->last_ns + spec->quiet_ns;
        if (now >= quiet || now >= total) {
            end_in_silence(machine, why, now >= quiet ? quiet : UINT64_MAX, total);
        } else if (now >= machine->last_ns + (SPIN_FIRST_NS << looks)) {
            if (machine_spins(machine, (uint64_t)SPIN_STEPS << looks))
                end_in_silence(machine, why, quiet, total);
            attend(machine);
            looks = next_look(machine, twin_now_ns(machine->twin));
        } else if (now < machine->last_ns + SPIN_FIRST_NS) {
            looks = 0; /* something happened */
        }
    }
}

void machine_cycle(struct machine *machine, uint64_t cut_at)
{
    uint64_t before = twin_instructions(machine->twin);
    begin(machine, cut_at);
    machine->end = END_QUIET;
    run(machine);
    machine->reset_at = machine->cut_after_ns = UINT64_MAX;
    machine->end_ns = machine->silent_ns ? machine->silent_ns : machine->cut_ns;
    /* what the core ran ahead of the moment in which it was over did not happen */
    twin_power_off(machine->twin, machine->cut_ns, NULL);
    machine->instructions += twin_instructions(machine->twin) - before;
    if (machine->hooks.over)
        machine->hooks.over(machine->hooks.arg, machine);
}

/* What the host has written no longer depends on what was there: only that is the same when it writes over
 * something else. */
static void own_written(struct machine *machine, const struct prepare *prepare, const uint8_t *written)
{
    size_t size = machine->spec->nvm_size & ~(size_t)3;
    if (!machine->logging)
        return;
    uint8_t *other = mem_alloc(machine->spec->nvm_size);
    for (size_t i = 0; i < size; i++)
        other[i] = (uint8_t)~machine->nvm[i];
    spec_write(machine->spec, prepare, other);
    for (size_t at = 0; at < size; at += 4)
        if (memcmp(other + at, written + at, 4) == 0)
            twin_log_own(machine->twin, at, 4);
    free(other);
}

void machine_prepare(struct machine *machine, const struct prepare_list *list)
{
    uint8_t *copy = mem_alloc(machine->spec->nvm_size);
    const struct input *input = machine->input;
    bool stopped = false;
    for (size_t i = 0; i < list->count && !stopped; i++) {
        const struct prepare *prepare = &list->items[i];
        machine->input = prepare->input ? prepare->input : input;
        if (prepare->kind != PREPARE_BOOTS) {
            memcpy(copy, machine->nvm, machine->spec->nvm_size);
            spec_write(machine->spec, prepare, copy);
            own_written(machine, prepare, copy);
            machine_load(machine, copy);
        }
        for (unsigned boot = 0; prepare->kind == PREPARE_BOOTS && boot < prepare->boots && !stopped; boot++) {
            machine_cycle(machine, UINT64_MAX);
            stopped = machine->end == END_POINT;
        }
    }
    machine->input = input;
    free(copy);
}
