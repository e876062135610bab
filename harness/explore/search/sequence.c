/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/search/sequence.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/base/mem.h"

static int parse_cut(struct json at, struct sequence_cut *cut, struct error *error)
{
    static const char *const known[] = {"operation", "after_ms", "model", "comment", NULL};
    static const char *const models[] = {TORN_NAMES, "reset", NULL}; /* what a cut can be */
    struct json operation = json_get(at, "operation"), after = json_get(at, "after_ms"),
                model = json_get(at, "model");
    int64_t number = 0;
    double ms = 0;
    int which = TORN_CLEAN;

    *cut = (struct sequence_cut){.operation = SEQUENCE_NONE, .after_ns = SEQUENCE_NONE};
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
    if (which == MODEL_RESET && !(json_present(operation) && number > 0))
        return json_expected(at, error, "an operation above 0 for a reset");
    if (json_present(operation))
        cut->operation = (uint64_t)number;
    else
        cut->after_ns = (uint64_t)(ms * 1e6);
    cut->model = (unsigned)which;
    return 0;
}

int sequence_parse(const struct json_document *document, struct sequence_cut **cuts, size_t *count,
                   struct error *error)
{
    static const char *const known[] = {"schema_version", "kind", "comment", "cuts", NULL};
    static const char *const kinds[] = {"sequence", NULL};
    struct json root = json_root(document), list = json_get(root, "cuts");
    int64_t version;
    int kind;

    if (json_object(root, error) || json_check_keys(root, known, error) ||
        json_integer(json_get(root, "schema_version"), 1, 1, &version, error) ||
        json_choice(json_get(root, "kind"), kinds, &kind, error) || json_array(list, error))
        return -1;
    *count = json_count(list);
    if (*count < 1 || *count > SEQUENCE_MAX)
        return json_expected(list, error, "1 to %d cuts", SEQUENCE_MAX);
    *cuts = mem_array(*count, sizeof **cuts);
    for (size_t i = 0; i < *count; i++) {
        if (parse_cut(json_at(list, i), &(*cuts)[i], error))
            return -1;
        if (i && (*cuts)[i].model == MODEL_RESET && (*cuts)[i - 1].model == MODEL_RESET)
            return json_expected(json_at(list, i), error, "a power cut between two resets");
    }
    return 0;
}

int sequence_load(const char *path, struct sequence_cut **cuts, size_t *count, struct error *error)
{
    struct json_document document;
    if (json_load(&document, path, error))
        return -1;
    int result = sequence_parse(&document, cuts, count, error);
    json_close(&document);
    return result;
}

void sequence_print(const struct sequence_cut *cuts, size_t count)
{
    cJSON *root = cJSON_CreateObject();

    cJSON_AddNumberToObject(root, "schema_version", 1);
    cJSON_AddStringToObject(root, "kind", "sequence");
    cJSON *list = cJSON_AddArrayToObject(root, "cuts");
    for (size_t i = 0; i < count; i++) {
        cJSON *item = cJSON_CreateObject();
        if (cuts[i].operation != SEQUENCE_NONE)
            cJSON_AddNumberToObject(item, "operation", (double)cuts[i].operation);
        else
            cJSON_AddNumberToObject(item, "after_ms", (double)cuts[i].after_ns / 1e6);
        if (cuts[i].model)
            cJSON_AddStringToObject(item, "model", model_names[cuts[i].model]);
        cJSON_AddItemToArray(list, item);
    }
    char *text = cJSON_Print(root);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(root);
}
