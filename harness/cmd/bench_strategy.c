/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How many cuts does each strategy need to find a defect when the board can only be looked at from outside?
 * The twin gives the black box: for each moment of the update, does a cut there end badly? A relay's contact
 * adds its jitter. usage: bench_strategy SCENARIO BOARD FIRMWARE...; a line for each firmware in which one
 * cut can do harm. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/search.h"
#include "harness/campaign/strategy.h"

#define SEEDS 40
#define CUTS_MAX 600
#define ROUND 6       /* places that cut at once */
#define JITTER_MS 4.0 /* of an electromechanical relay, all in all */

struct box {
    double *end_ms; /* of each operation, since power-up */
    bool *bad;      /* power is cut before this operation; one more at the end */
    size_t count;
    double phases[64], length_ms;
    size_t phase_count, text_len;
};

static bool on_op(void *arg, struct machine *machine, const struct twin_nvm_op *op)
{
    struct box *box = arg;
    box->end_ms = mem_resize(box->end_ms, box->count + 1, sizeof *box->end_ms);
    box->end_ms[box->count++] = (double)(op->end_ns - machine->begin_ns) / 1e6;
    /* a line was printed since the last operation: a phase that a console shows */
    if (machine->text_len != box->text_len && box->phase_count < 64)
        box->phases[box->phase_count++] = (double)(op->begin_ns - machine->begin_ns) / 1e6;
    box->text_len = machine->text_len;
    return false;
}

static int make(struct box *box, const struct spec *spec, struct error *error)
{
    const struct search_options options = {.depth = 1,
                                           .full = false,
                                           .jobs = 2,
                                           .seed = 1,
                                           .strategy = STRATEGY_READS,
                                           .memory_max = (size_t)900 << 20};
    struct search search;
    *box = (struct box){0};
    struct machine *machine = machine_new(spec, 1, false, error);
    if (!machine || search_run(&search, spec, &options, NULL, error)) {
        machine_free(machine);
        return -1;
    }
    machine->hooks = (struct machine_hooks){.op = on_op, .arg = box};
    machine_load(machine, search.root);
    machine_cycle(machine, UINT64_MAX);
    box->length_ms = (double)(machine->end_ns - machine->begin_ns) / 1e6;
    /* the reduced alphabet tries the edges of pages and every flag: between them nothing changes */
    box->bad = mem_array(box->count + 1, sizeof *box->bad);
    char *known = mem_array(box->count + 1, 1);
    for (size_t i = 1; i < search.done; i++)
        if (search.nodes[i].parent == 0 && search.nodes[i].op <= box->count) {
            known[search.nodes[i].op] = 1;
            box->bad[search.nodes[i].op] = search.verdicts[search.nodes[i].verdict].fails;
        }
    for (size_t i = 1; i <= box->count; i++)
        if (!known[i])
            box->bad[i] = box->bad[i - 1];
    free(known);
    machine_free(machine);
    search_free(&search);
    return 0;
}

static bool fails_at(const struct box *box, double at_ms)
{
    size_t low = 0, high = box->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (box->end_ms[middle] <= at_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return box->bad[low];
}

/* Cuts until the first failure; CUTS_MAX: none found. */
static unsigned search_for(const struct box *box, enum strategy_kind kind, uint64_t seed)
{
    struct strategy strategy = strategy_begin(kind, 0, ceil(box->length_ms), 1, seed);
    uint64_t chance = seed * 77 + 5;
    unsigned cuts = 0;
    double at[ROUND];
    bool by_chance[ROUND];
    size_t count;
    bool found = false;
    while (!found && cuts < CUTS_MAX && (count = strategy_next(&strategy, at, by_chance, ROUND))) {
        for (size_t i = 0; i < count && !found; i++) {
            cuts++;
            found = fails_at(box, at[i] + mix_unit(mix_next(&chance)) * JITTER_MS);
            strategy_tell(&strategy, at[i], found);
        }
        for (size_t i = 0; i < box->phase_count; i++)
            strategy_phase(&strategy, box->phases[i]);
    }
    strategy_release(&strategy);
    return found ? cuts : CUTS_MAX;
}

static void tell(const struct box *box, const char *name)
{
    unsigned steps = (unsigned)(box->length_ms / 0.05) + 1, hits = 0;
    for (unsigned i = 0; i < steps; i++)
        hits += fails_at(box, 0.05 * i);
    printf("    %-30s %7.2f %%  ", name, 100.0 * hits / steps);
    for (int kind = 0; strategy_names[kind]; kind++) {
        double sum = 0;
        unsigned missed = 0;
        for (uint64_t seed = 1; seed <= SEEDS; seed++) {
            unsigned cuts = search_for(box, (enum strategy_kind)kind, seed);
            sum += cuts;
            missed += cuts == CUTS_MAX;
        }
        printf("  %7.1f (%2u missed)", sum / SEEDS, missed);
    }
    putchar('\n');
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fputs("usage: bench_strategy SCENARIO BOARD FIRMWARE...\n", stderr);
        return 2;
    }
    printf("    %-30s %9s    %-20s %-20s %s\n", "defect: mean cuts until found", "bad time", "uniform",
           "stratified", "adaptive");
    for (int i = 3; i < argc; i++) {
        struct error error = {0};
        struct spec spec;
        struct box box = {0};
        const char *name = strrchr(argv[i], '/');
        if (spec_load(&spec, argv[1], argv[2], &(struct spec_folders){.firmware = argv[i]}, &error)) {
            fprintf(stderr, "bench_strategy: %s\n", error.text);
            return 2;
        }
        if (make(&box, &spec, &error)) {
            fprintf(stderr, "bench_strategy: %s: %s\n", argv[i], error.text);
        } else {
            bool any = false;
            for (size_t k = 0; k <= box.count; k++)
                any |= box.bad[k];
            if (any)
                tell(&box, name ? name + 1 : argv[i]);
        }
        fflush(stdout);
        free(box.end_ms);
        free(box.bad);
        spec_release(&spec);
    }
    return 0;
}
