#include "harness/explore/shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/explore/judge.h"
#include "harness/explore/machine.h"
#include "harness/explore/search.h"
#include "harness/explore/torn.h"

#define CUTS_MAX 1000
#define NONE UINT64_MAX

struct step {
    uint64_t operation, after_ns; /* NONE: by the other one */
    enum torn_model model;
    /* of the last trial */
    struct op hit;
    uint64_t hit_at; /* its number; NONE: the boot was over before */
};

struct trial {
    const struct spec *spec;
    struct machine *machine;
    const uint8_t *root;
    uint64_t seed;
    unsigned count;
    struct verdict verdict;
};

/* ---- the file ---- */

static int parse_step(struct json at, struct step *step, struct error *error)
{
    static const char *const known[] = {"operation", "after_ms", "model", "comment", NULL};
    static const char *const models[] = {"clean",      "one-bit",   "all-but-one",      "random-bits",
                                         "first-half", "last-half", "random-page-bits", "reset",
                                         NULL};
    struct json operation = json_get(at, "operation"), after = json_get(at, "after_ms"),
                model = json_get(at, "model");
    int64_t number = 0;
    double ms = 0;
    int which = TORN_CLEAN;

    *step = (struct step){.operation = NONE, .after_ns = NONE};
    if (json_object(at, error) || json_check_keys(at, known, error))
        return -1;
    if (json_present(operation) == json_present(after))
        return json_expected(at, error, "either operation or after_ms");
    if (json_present(operation) && json_integer(operation, 0, UINT32_MAX, &number, error))
        return -1;
    if (json_present(after) && json_number(after, 0, 1e7, &ms, error))
        return -1;
    if (json_present(model) && json_choice(model, models, &which, error))
        return -1;
    if (which == TORN_RESET && !(json_present(operation) && number > 0))
        return json_expected(at, error, "an operation above 0 for a reset");
    if (json_present(operation))
        step->operation = (uint64_t)number;
    else
        step->after_ns = (uint64_t)(ms * 1e6);
    step->model = (enum torn_model)which;
    return 0;
}

static int parse(const struct json_document *document, struct step **steps, size_t *count,
                 struct error *error)
{
    static const char *const known[] = {"schema_version", "kind", "comment", "cuts", NULL};
    static const char *const kinds[] = {"sequence", NULL};
    struct json root = json_root(document), cuts = json_get(root, "cuts");
    int64_t version;
    int kind;

    if (json_object(root, error) || json_check_keys(root, known, error) ||
        json_integer(json_get(root, "schema_version"), 1, 1, &version, error) ||
        json_choice(json_get(root, "kind"), kinds, &kind, error) || json_array(cuts, error))
        return -1;
    *count = json_count(cuts);
    if (*count < 1 || *count > CUTS_MAX)
        return json_expected(cuts, error, "1 to %d cuts", CUTS_MAX);
    *steps = mem_array(*count, sizeof **steps);
    for (size_t i = 0; i < *count; i++)
        if (parse_step(json_at(cuts, i), &(*steps)[i], error))
            return -1;
    return 0;
}

/* ---- trials ---- */

static void cut(struct trial *trial, struct step *step)
{
    struct machine *machine = trial->machine;

    if (step->model == TORN_RESET) {
        machine->reset_at = step->operation; /* of the next cycle */
        step->hit_at = step->operation;
        return;
    }
    machine->cut_after_ns = step->after_ns;
    machine_cycle(machine, step->operation);
    step->hit_at = machine->end == END_CUT ? machine->op_count : NONE;
    step->hit = machine->cut_op;
    bool erase = step->hit.kind != TWIN_NVM_WRITE;
    if (step->hit_at == NONE || step->model == TORN_CLEAN || torn_is_erase(step->model) != erase)
        return;
    uint8_t *copy = mem_copy(machine->nvm, trial->spec->nvm_size);
    search_tear(trial->spec, copy, &step->hit, step->model, trial->seed);
    machine_load(machine, copy);
    free(copy);
}

static void run(struct trial *trial, struct step *steps, size_t count)
{
    struct machine *machine = trial->machine;

    trial->count++;
    machine_load(machine, trial->root);
    for (size_t i = 0; i < count; i++)
        cut(trial, &steps[i]);
    machine_cycle(machine, UINT64_MAX);
    size_t len = machine->text_len;
    char *text = mem_copy(len ? machine->text : "", len + 1);
    judge_flash(machine, machine->end, machine->end_pc, &trial->verdict);
    judge_text(trial->spec, text, len, &trial->verdict);
    free(text);
}

/* Without steps[from .. from + len): does the same clause break? */
static bool fails_without(struct trial *trial, const struct step *steps, size_t count, size_t from,
                          size_t len, const struct verdict *wanted, struct step *rest)
{
    memcpy(rest, steps, from * sizeof *steps);
    memcpy(rest + from, steps + from + len, (count - from - len) * sizeof *steps);
    run(trial, rest, count - len);
    return trial->verdict.fails && trial->verdict.phase == wanted->phase &&
           trial->verdict.clause == wanted->clause;
}

static size_t reduce(struct trial *trial, struct step *steps, size_t count, const struct verdict *wanted)
{
    struct step *rest = mem_array(count, sizeof *rest);

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

static void print_json(const struct step *steps, size_t count)
{
    cJSON *root = cJSON_CreateObject();

    cJSON_AddNumberToObject(root, "schema_version", 1);
    cJSON_AddStringToObject(root, "kind", "sequence");
    cJSON *cuts = cJSON_AddArrayToObject(root, "cuts");
    for (size_t i = 0; i < count; i++) {
        cJSON *item = cJSON_CreateObject();
        if (steps[i].operation != NONE)
            cJSON_AddNumberToObject(item, "operation", (double)steps[i].operation);
        else
            cJSON_AddNumberToObject(item, "after_ms", (double)steps[i].after_ns / 1e6);
        if (steps[i].model)
            cJSON_AddStringToObject(item, "model", torn_names[steps[i].model]);
        cJSON_AddItemToArray(cuts, item);
    }
    char *text = cJSON_Print(root);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}

static void print_step(const struct spec *spec, size_t boot, const struct step *step)
{
    printf("    boot %zu: ", boot);
    if (step->model == TORN_RESET)
        printf("reset, RAM kept, before operation %llu", (unsigned long long)step->operation);
    else if (step->operation != NONE)
        printf("power cut (%s) at operation %llu", torn_names[step->model],
               (unsigned long long)step->operation);
    else
        printf("power cut (%s) after %.3f ms", torn_names[step->model], (double)step->after_ns / 1e6);
    if (step->model != TORN_RESET && step->hit_at == NONE) {
        puts(": the boot was over");
        return;
    }
    if (step->model != TORN_RESET) {
        const struct spec_region *region = spec_region_of(spec, step->hit.address);
        printf(": before operation %llu, %s 0x%08x%s%s", (unsigned long long)step->hit_at,
               step->hit.kind == TWIN_NVM_WRITE ? "word" : "erase of", step->hit.address,
               region ? " in " : "", region ? region->name : "");
    }
    puts("");
}

static int shrink_steps(struct trial *trial, struct step *steps, size_t count, bool json)
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
        print_json(steps, count);
        return 1;
    }
    const struct clause *clause = &trial->spec->phases[wanted.phase].clauses[wanted.clause];
    printf("FAIL: %s: not so: %s; %s\n", wanted.fail_class, clause->text, trial->verdict.detail);
    printf("%zu of %zu cuts are needed (%u trials):\n", count, before, trial->count);
    for (size_t i = 0; i < count; i++)
        print_step(trial->spec, i, &steps[i]);
    if (!count)
        puts("    it fails without any cut");
    return 1;
}

int shrink(const struct spec *spec, const char *path, const uint8_t *start, uint64_t seed, bool json,
           struct error *error)
{
    struct json_document document = {0};
    struct step *steps = NULL;
    size_t count = 0;
    uint8_t *root = NULL;
    int result = -1;

    if (json_load(&document, path, error))
        return -1;
    struct machine *machine = NULL;
    if (!parse(&document, &steps, &count, error) && steps && (machine = machine_new(spec, seed, error))) {
        if (start)
            machine_load(machine, start);
        if (start || !machine_prepare(machine, &spec->prepare, error)) {
            root = mem_copy(machine->nvm, spec->nvm_size);
            struct trial trial = {.spec = spec, .machine = machine, .root = root, .seed = seed};
            result = shrink_steps(&trial, steps, count, json);
        }
    }
    machine_free(machine);
    free(root);
    free(steps);
    json_close(&document);
    return result;
}
