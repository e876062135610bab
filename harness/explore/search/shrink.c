/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/search/shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/engine/judge.h"
#include "harness/explore/engine/machine.h"
#include "harness/explore/search/search.h"
#include "harness/explore/search/sequence.h"
#include "harness/explore/engine/model.h"

struct trial {
    const struct spec *spec;
    struct machine *machine;
    const uint8_t *root;
    uint64_t seed;
    unsigned count;
    struct verdict verdict;
};

/* ---- trials ---- */

static void cut(struct trial *trial, struct sequence_cut *step)
{
    struct machine *machine = trial->machine;

    if (step->model == MODEL_RESET) {
        machine->reset_at = step->operation; /* of the next cycle */
        step->hit_at = step->operation;
        return;
    }
    machine->cut_after_ns = step->after_ns;
    machine_cycle(machine, step->operation);
    step->hit_at = machine->end == END_CUT ? machine->op_count : SEQUENCE_NONE;
    step->hit = machine->cut_op;
    bool erase = step->hit.kind != TWIN_NVM_WRITE;
    step->tore =
        step->hit_at != SEQUENCE_NONE && step->model != TORN_CLEAN && torn_is_erase(step->model) == erase;
    if (!step->tore)
        return;
    uint8_t *copy = mem_copy(machine->nvm, trial->spec->nvm_size);
    apply_torn(trial->spec, copy, &step->hit, step->model, trial->seed);
    machine_load(machine, copy);
    free(copy);
}

static void run(struct trial *trial, struct sequence_cut *steps, size_t count)
{
    struct machine *machine = trial->machine;

    trial->count++;
    machine_load(machine, trial->root);
    for (size_t i = 0; i < count; i++)
        cut(trial, &steps[i]);
    machine_cycle(machine, UINT64_MAX);
    size_t len = machine->text_len;
    enum machine_end end = machine->end;
    char *text = mem_copy(len ? machine->text : "", len + 1);
    judge_flash(machine, machine->end, machine->end_pc, NULL, &trial->verdict);
    judge_text(trial->spec, end, text, len, &trial->verdict);
    free(text);
}

/* Without steps[from .. from + len): does the same clause break? */
static bool fails_without(struct trial *trial, const struct sequence_cut *steps, size_t count, size_t from,
                          size_t len, const struct verdict *wanted, struct sequence_cut *rest)
{
    memcpy(rest, steps, from * sizeof *steps);
    memcpy(rest + from, steps + from + len, (count - from - len) * sizeof *steps);
    run(trial, rest, count - len);
    return trial->verdict.fails && trial->verdict.phase == wanted->phase &&
           trial->verdict.clause == wanted->clause;
}

static size_t reduce(struct trial *trial, struct sequence_cut *steps, size_t count,
                     const struct verdict *wanted)
{
    struct sequence_cut *rest = mem_array(count, sizeof *rest);

    for (size_t len = count; len > 0;) {
        bool less = false;
        for (size_t from = 0; from < count;) {
            size_t take = from + len <= count ? len : count - from;
            if (!fails_without(trial, steps, count, from, take, wanted, rest)) {
                from += take;
                continue;
            }
            count -= take;
            memcpy(steps, rest, count * sizeof *steps);
            less = true;
        }
        /* a cut that was needed may not be any more: single ones go round until none can go */
        len = len > 1 ? len / 2 : less ? 1 : 0;
    }
    free(rest);
    return count;
}

/* ---- what is told ---- */

static void print_step(const struct spec *spec, size_t number, const struct sequence_cut *step)
{
    printf("    %zu: ", number);
    if (step->model == MODEL_RESET) {
        printf("reset, RAM kept, before operation %llu\n", (unsigned long long)step->operation);
        return;
    }
    if (step->operation != SEQUENCE_NONE)
        printf("power cut at operation %llu", (unsigned long long)step->operation);
    else
        printf("power cut after %.3f ms", (double)step->after_ns / 1e6);
    if (step->hit_at == SEQUENCE_NONE) {
        puts(": the boot was over");
        return;
    }
    const struct spec_region *region = spec_region_of(spec, step->hit.address);
    printf(": %s operation %llu, %s 0x%08x%s%s\n", step->tore ? model_names[step->model] : "before",
           (unsigned long long)step->hit_at, step->hit.kind == TWIN_NVM_WRITE ? "word" : "erase of",
           step->hit.address, region ? " in " : "", region ? region->name : "");
}

static int shrink_steps(struct trial *trial, struct sequence_cut *steps, size_t count, bool json)
{
    size_t before = count;

    run(trial, steps, count);
    struct verdict wanted = trial->verdict;
    if (!wanted.fails) {
        fprintf(stderr, "the contract holds after these %zu cuts: nothing to shrink\n", count);
        return 0;
    }
    count = reduce(trial, steps, count, &wanted);
    run(trial, steps, count); /* for what was hit */
    if (json) {
        sequence_print(steps, count);
        return 1;
    }
    const struct clause *clause = &trial->spec->phases[wanted.phase].clauses[wanted.clause];
    printf("FAIL: %s: not so: %s; %s\n", wanted.fail_class, clause->text, trial->verdict.detail);
    printf("%zu of %zu cuts are needed (%u trials):\n", count, before, trial->count);
    for (size_t i = 0; i < count; i++)
        print_step(trial->spec, i + 1, &steps[i]);
    if (!count)
        puts("    it fails without any cut");
    return 1;
}

int shrink(const struct spec *spec, const char *path, const uint8_t *start, uint64_t seed, bool json,
           struct error *error)
{
    struct sequence_cut *steps = NULL;
    size_t count = 0;
    uint8_t *root = NULL;
    int result = -1;

    struct machine *machine = NULL;
    if (!sequence_load(path, &steps, &count, error) && steps &&
        (machine = machine_new(spec, seed, false, error))) {
        if (start)
            machine_load(machine, start);
        else
            machine_prepare(machine, &spec->prepare);
        root = mem_copy(machine->nvm, spec->nvm_size);
        struct trial trial = {.spec = spec, .machine = machine, .root = root, .seed = seed};
        result = shrink_steps(&trial, steps, count, json);
    }
    machine_free(machine);
    free(root);
    free(steps);
    return result;
}
