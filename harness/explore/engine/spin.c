/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A core that goes round for ever. */
#include "fixtures/twin/debug/debug.h"
#include "harness/explore/engine/machine.h"

#define COMPARED_MAX 16

static struct sum spin_digest(const struct machine *machine)
{
    struct twin_digest full, rest;
    twin_digest_timeless(machine->twin, machine->spec->total_ns, &full, &rest);
    struct sum sum = sum_with(sum_with(machine->sum, rest.low), rest.high);
    return sum_with(sum_with(sum, machine->text_len), twin_clock_looks(machine->twin));
}

/* Something is still to be typed, or a watchdog outside will bark: the machine is not left to itself. */
static bool acted_upon(const struct machine *machine)
{
    if (machine->outside.bark_ns != UINT64_MAX)
        return true;
    for (size_t i = 0; i < machine->input->count; i++)
        if (machine->outside.due_ns[i] != UINT64_MAX)
            return true;
    return false;
}

static bool same_registers(struct machine *machine, const uint32_t *registers)
{
    for (unsigned i = 16; i-- > 0;)
        if (debug_register(machine->twin, i) != registers[i])
            return false;
    return true;
}

bool machine_spins(struct machine *machine, uint64_t steps)
{
    size_t op_count = machine->op_count;
    unsigned resets = machine->resets, compared = 0;
    uint32_t registers[16];
    if (acted_upon(machine) || twin_exclusive_open(machine->twin))
        return false;
    for (unsigned i = 0; i < 16; i++)
        registers[i] = debug_register(machine->twin, i);
    struct sum first = spin_digest(machine);
    for (uint64_t i = 0; i < steps && compared < COMPARED_MAX; i++) {
        twin_run(machine->twin, twin_now_ns(machine->twin) + 1);
        if (machine->ended || machine->reset_wanted || machine->point_wanted ||
            op_count != machine->op_count || resets != machine->resets)
            return false;
        if (!same_registers(machine, registers))
            continue;
        if (sum_equal(first, spin_digest(machine)))
            return true;
        compared++;
    }
    return false;
}
