/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a live rig needs to go the same way: live.json, start.bin. `otarig repro` reads them
 * (harness/replay/live.c). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/mem.h"
#include "harness/explore/report.h"
#include "harness/explore/soundness.h"
#include "harness/explore/engine/rot.h"

#define RUN_BYTES 64 /* equal bytes that end a run of changed ones */

/* The how-manieth operation of its kind at its address is this one in its power cycle? From 1. */
static uint32_t occurrence(const struct op *ops, uint32_t index)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i <= index; i++)
        count += ops[i].address == ops[index].address && ops[i].kind == ops[index].kind;
    return count;
}

/* What a watchpoint sees: the operation before the cut. A core halts right after the store that it watches
 * for. */
static void put_aim(cJSON *cut, const struct op *ops, uint32_t before)
{
    if (!before)
        return;
    const struct op *op = &ops[before - 1];
    cJSON *aim = cJSON_AddObjectToObject(cut, "aim");
    cJSON_AddStringToObject(aim, "kind", op->kind == TWIN_NVM_WRITE ? "w" : "e");
    cJSON_AddNumberToObject(aim, "address", op->address);
    cJSON_AddNumberToObject(aim, "occurrence", occurrence(ops, before - 1));
}

static cJSON *put_operation(cJSON *list, const struct op *ops, uint32_t index)
{
    cJSON *to = cJSON_CreateObject();
    cJSON_AddStringToObject(to, "kind", ops[index].kind == TWIN_NVM_WRITE ? "w" : "e");
    cJSON_AddNumberToObject(to, "address", ops[index].address);
    cJSON_AddNumberToObject(to, "occurrence", occurrence(ops, index));
    cJSON_AddItemToArray(list, to);
    return to;
}

/* A power cut, a reset right after the operation before, or a bit that flips while the power is off. */
static void put_cut(cJSON *list, const struct search *search, const struct node *node)
{
    const struct node *from = &search->nodes[node->parent];
    if (node->model == MODEL_ROT) {
        cJSON *flip = cJSON_CreateObject();
        cJSON_AddNumberToObject(flip, "address", spec_address(search->spec, rot_word(node->op)));
        cJSON_AddNumberToObject(flip, "flip", node->op & 31);
        cJSON_AddItemToArray(list, flip);
        return;
    }
    bool after = node->op >= from->op_count;
    struct op *ops = search_ops(search, node->parent);
    if (node->model == MODEL_RESET) {
        cJSON_AddTrueToObject(put_operation(list, ops, node->op - 1), "reset");
        free(ops);
        return;
    }
    cJSON *cut = put_operation(list, ops, after ? from->op_count - 1 : node->op);
    cJSON_AddNumberToObject(cut, "fraction_ppm", after ? 1000000 : model_is_tear(node->model) ? 500000 : 0);
    put_aim(cut, ops, node->op);
    free(ops);
    if (model_is_tear(node->model)) {
        cJSON_AddStringToObject(cut, "model", model_names[node->model]);
        cJSON_AddNumberToObject(cut, "seed", (double)search->options.seed);
    }
}

static void put_hex(cJSON *to, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char *hex = mem_alloc(2 * len + 1);
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    cJSON_AddStringToObject(to, "hex", hex);
    free(hex);
}

static void put_change(cJSON *list, const struct spec *spec, const uint8_t *nvm, size_t at, size_t len)
{
    const struct twin_region *regions;
    size_t count = twin_nvm_regions(spec->chip, &regions);
    cJSON *change = cJSON_CreateObject();
    for (size_t i = 0; i < count; i++)
        if (at - regions[i].offset < regions[i].size)
            cJSON_AddNumberToObject(change, "address",
                                    (double)(regions[i].address + (at - regions[i].offset)));
    put_hex(change, nvm + at, len);
    cJSON_AddItemToArray(list, change);
}

/* What a content of the memory differs in from the start. */
static void put_changes(cJSON *to, const char *key, const struct search *search, const uint8_t *nvm)
{
    cJSON *list = cJSON_AddArrayToObject(to, key);
    const uint8_t *root = search->root;
    size_t size = search->spec->nvm_size;
    for (size_t at = 0; at < size; at += 4) {
        if (!memcmp(root + at, nvm + at, 4))
            continue;
        size_t end = at + 4;
        for (size_t next = end; next < size && next - end < RUN_BYTES; next += 4)
            if (memcmp(root + next, nvm + next, 4))
                end = next + 4;
        put_change(list, search->spec, nvm, at, end - at);
        at = end - 4;
    }
}

/* *wrong: why its memory is not known; stays NULL when it is. */
static cJSON *state_json(const struct search *search, struct worker *worker, uint32_t number, const char *id,
                         const char **wrong)
{
    uint32_t path[DEPTH_MAX + 1];
    cJSON *state = cJSON_CreateObject(), *cuts;
    cJSON_AddStringToObject(state, "id", id);
    cuts = cJSON_AddArrayToObject(state, "cuts");
    search_path(search, number, path);
    for (unsigned i = 0; i < search->nodes[number].depth; i++)
        put_cut(cuts, search, &search->nodes[path[i]]);
    const char *why = worker_load(worker, number);
    *wrong = *wrong ? *wrong : why;
    put_changes(state, "changes", search, worker_machine(worker)->nvm);
    return state;
}

/* When to cut, for rigs that aim by time. */
static void put_time(cJSON *to, const struct cut *cut)
{
    if (!cut->timed)
        return;
    cJSON_AddNumberToObject(to, "from_us", (double)cut->from_ns / 1e3);
    cJSON_AddNumberToObject(to, "to_us", (double)cut->to_ns / 1e3);
    cJSON *lines = cJSON_AddArrayToObject(to, "console");
    const char *text = cut->text;
    for (size_t i = 0; i < cut->line_count; i++) {
        size_t len = strcspn(text, "\n");
        char *line = mem_printf("%.*s", (int)(len && text[len - 1] == ' ' ? len - 1 : len), text);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "at_us", (double)cut->line_ns[i] / 1e3);
        cJSON_AddStringToObject(item, "text", line);
        cJSON_AddItemToArray(lines, item);
        free(line);
        text += len + 1;
    }
}

/* The failing power cycle as well: up to right after its last operation. */
static cJSON *finding_json(const struct search *search, struct worker *worker, const struct finding *finding,
                           const char *id, const char **wrong)
{
    cJSON *state = state_json(search, worker, finding->node, id, wrong);
    for (size_t i = 0; i < finding->cut_count; i++)
        put_time(cJSON_GetArrayItem(cJSON_GetObjectItem(state, "cuts"), (int)i), &finding->cuts[i]);
    cJSON_AddStringToObject(state, "class", search->verdicts[finding->verdict].fail_class);
    cJSON *end = cJSON_AddArrayToObject(state, "last_operation");
    if (finding->op_count)
        cJSON_AddNumberToObject(put_operation(end, finding->ops, (uint32_t)finding->op_count - 1),
                                "fraction_ppm", 1000000);
    put_changes(state, "after", search, finding->after);
    if (finding->said_len)
        put_hex(cJSON_AddObjectToObject(state, "said"), (const uint8_t *)finding->text, finding->said_len);
    return state;
}

/* A sample of the states, the same for the same seed; no state twice. One whose last step is a reset leaves
 * no state of its own. */
static void put_sample(cJSON *states, const struct search *search, struct worker *worker, unsigned wanted,
                       const char **wrong)
{
    uint32_t *numbers = mem_array(search->done + 1, sizeof *numbers);
    size_t count = 0;
    uint64_t chance = search->options.seed;
    for (uint32_t i = 0; i < search->done; i++)
        if (search->nodes[i].depth && search->nodes[i].model != MODEL_RESET)
            numbers[count++] = i;
    for (size_t i = 0; i < wanted && i < count; i++) {
        size_t other = i + mix_next(&chance) % (count - i);
        uint32_t number = numbers[other];
        char id[40];
        numbers[other] = numbers[i];
        snprintf(id, sizeof id, "state-%u", number);
        cJSON_AddItemToArray(states, state_json(search, worker, number, id, wrong));
    }
    free(numbers);
}

static int write_json(const cJSON *tree, const char *folder, struct error *error)
{
    char *path = mem_printf("%s/live.json", folder), *text = cJSON_PrintUnformatted(tree);
    FILE *file = fopen(path, "w");
    int failed = !file || fputs(text, file) < 0;
    if (file && fclose(file))
        failed = 1;
    int result = failed ? error_set_errno(error, ERROR_SYSTEM, errno, "%s", path) : 0;
    cJSON_free(text);
    free(path);
    return result;
}

/* What acts on the board in each of the boots: who types, and a watchdog at its reset pin. */
static void put_outside(cJSON *tree, const struct spec *spec)
{
    cJSON *input = cJSON_AddArrayToObject(tree, "input");
    for (size_t i = 0; i < spec->input.count; i++) {
        const struct stimulus *stimulus = &spec->input.items[i];
        if (!stimulus->len)
            continue;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "after_us", (double)stimulus->after_ns / 1e3);
        if (stimulus->mark)
            cJSON_AddStringToObject(item, "mark", *stimulus->mark ? stimulus->mark : "^");
        cJSON_AddNumberToObject(item, "port", stimulus->port);
        put_hex(item, stimulus->data, stimulus->len);
        cJSON_AddItemToArray(input, item);
    }
    if (!spec->watchdog.timeout_ns)
        return;
    cJSON *watchdog = cJSON_AddObjectToObject(tree, "watchdog");
    cJSON_AddNumberToObject(watchdog, "timeout_us", (double)spec->watchdog.timeout_ns / 1e3);
    if (spec->watchdog.pin >= 0)
        cJSON_AddNumberToObject(watchdog, "pin", spec->watchdog.pin);
}

static int write_case(const struct search *search, const char *folder, cJSON *states, struct error *error)
{
    const struct twin_region *regions;
    size_t count = twin_nvm_regions(search->spec->chip, &regions);
    cJSON *tree = cJSON_CreateObject(), *memory;
    char *path = mem_printf("%s/start.bin", folder);
    mkdir(folder, 0777);
    cJSON_AddNumberToObject(tree, "schema_version", 2);
    cJSON_AddStringToObject(tree, "scenario", search->spec->name);
    cJSON_AddStringToObject(tree, "board", search->spec->board);
    cJSON_AddStringToObject(tree, "chip", search->spec->chip);
    cJSON_AddStringToObject(tree, "start", "start.bin");
    memory = cJSON_AddArrayToObject(tree, "memory");
    for (size_t i = 0; i < count; i++) {
        cJSON *region = cJSON_CreateObject();
        cJSON_AddNumberToObject(region, "address", regions[i].address);
        cJSON_AddNumberToObject(region, "len", regions[i].size);
        cJSON_AddNumberToObject(region, "offset", (double)regions[i].offset);
        if (regions[i].page)
            cJSON_AddNumberToObject(region, "page", regions[i].page);
        cJSON_AddItemToArray(memory, region);
    }
    cJSON *chance = cJSON_AddObjectToObject(tree, "chance");
    cJSON_AddNumberToObject(chance, "seed", (double)search->options.seed);
    cJSON_AddNumberToObject(chance, "boot_seed", MACHINE_BOOT_SEED);
    put_outside(tree, search->spec);
    cJSON_AddItemToObject(tree, "states", states);
    FILE *file = fopen(path, "w");
    int failed = !file || fwrite(search->root, 1, search->spec->nvm_size, file) != search->spec->nvm_size;
    if (file && fclose(file))
        failed = 1;
    int result =
        failed ? error_set_errno(error, ERROR_SYSTEM, errno, "%s", path) : write_json(tree, folder, error);
    cJSON_Delete(tree);
    free(path);
    return result;
}

int explore_report_live(struct search *search, const struct findings *findings, const char *out,
                        unsigned sample, struct error *error)
{
    struct worker *worker = worker_new(search, error);
    int result = worker ? 0 : -1;
    const char *wrong = NULL;
    char *cases = mem_printf("%s/cases", out);
    mkdir(cases, 0777);
    for (size_t i = 0; i < findings->count && !result; i++) {
        char *id = mem_printf("%s-f%zu", search->spec->name, i + 1), *folder = mem_printf("%s/%s", cases, id);
        cJSON *states = cJSON_CreateArray();
        cJSON_AddItemToArray(states, finding_json(search, worker, &findings->items[i], id, &wrong));
        result = write_case(search, folder, states, error);
        free(folder);
        free(id);
    }
    if (sample && !result) {
        char *folder = mem_printf("%s/sample", cases);
        cJSON *states = cJSON_CreateArray();
        put_sample(states, search, worker, sample, &wrong);
        result = write_case(search, folder, states, error);
        free(folder);
    }
    if (wrong && !result)
        result = error_set(error, ERROR_SYSTEM, "%s: a state of a case: %s", cases, wrong);
    worker_free(worker);
    free(cases);
    return result;
}
