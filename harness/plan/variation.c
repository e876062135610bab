/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/plan/variation.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/mix.h"

struct axis {
    const char *key;
    cJSON *values;      /* array */
    const cJSON **list; /* its items: walking the array for each case would be quadratic */
    size_t count;
};

/* {"from", "to", "step"} or {"from", "to", "random": N} */
static int range_values(struct json at, uint64_t seed, cJSON *values, struct error *error)
{
    static const char *const keys[] = {"from", "to", "step", "random", NULL};
    double from, to, step = 1;
    int64_t random = 0;
    if (json_check_keys(at, keys, error) || json_number(json_get(at, "from"), -1e12, 1e12, &from, error) ||
        json_number(json_get(at, "to"), from, 1e12, &to, error))
        return -1;
    if (json_present(json_get(at, "step")) && json_number(json_get(at, "step"), 1e-6, 1e12, &step, error))
        return -1;
    if (json_present(json_get(at, "random")) &&
        json_integer(json_get(at, "random"), 1, VARIATION_CASES_MAX, &random, error))
        return -1;
    if (!random && (to - from) / step > VARIATION_CASES_MAX)
        return json_expected(at, error, "at most %d values", VARIATION_CASES_MAX);
    for (int64_t i = 0; i < random; i++) {
        double unit = mix_unit(mix64(seed + (uint64_t)i + MIX_STEP));
        cJSON_AddItemToArray(values, cJSON_CreateNumber(floor(from + unit * (to - from + 1))));
    }
    size_t count = random ? 0 : (size_t)floor((to - from) / step + 1e-9) + 1;
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(values, cJSON_CreateNumber(from + step * (double)i));
    return 0;
}

static int list_values(struct json at, cJSON *values, struct error *error)
{
    if (json_count(at) > VARIATION_CASES_MAX)
        return json_expected(at, error, "at most %d values", VARIATION_CASES_MAX);
    for (size_t i = 0; i < json_count(at); i++) {
        struct json item = json_at(at, i);
        if (!cJSON_IsNumber(item.node) && !cJSON_IsString(item.node) && !cJSON_IsBool(item.node))
            return json_expected(item, error, "a number, a string, true or false");
        if (cJSON_IsString(item.node) && strlen(item.node->valuestring) > VARIATION_TEXT_MAX)
            return json_expected(item, error, "at most %d bytes", VARIATION_TEXT_MAX);
        cJSON_AddItemToArray(values, cJSON_Duplicate(item.node, true));
    }
    if (!json_count(at))
        return json_expected(at, error, "at least one value");
    return 0;
}

/* "key=a,b,c": each value a number where it reads as one */
static cJSON *override_values(const char *key, const char *text, struct error *error)
{
    cJSON *values = cJSON_CreateArray();
    char *copy = mem_string(text), *save = NULL;
    int failed = 0;
    for (char *word = strtok_r(copy, ",", &save); word && !failed; word = strtok_r(NULL, ",", &save)) {
        char *end;
        double number = strtod(word, &end);
        if (strlen(word) > VARIATION_TEXT_MAX)
            failed = error_set(error, ERROR_INPUT, "--vary %s: expected at most %d bytes, found '%s'", key,
                               VARIATION_TEXT_MAX, word);
        else if (!*end && end != word && !isfinite(number))
            failed = error_set(error, ERROR_INPUT,
                               "--vary %s: expected a finite number or a word, found '%s'", key, word);
        cJSON_AddItemToArray(values,
                             *end || end == word ? cJSON_CreateString(word) : cJSON_CreateNumber(number));
    }
    free(copy);
    if (!failed && !cJSON_GetArraySize(values))
        failed = error_set(error, ERROR_INPUT, "--vary %s=: expected at least one value, found none", key);
    if (!failed)
        return values;
    cJSON_Delete(values);
    return NULL;
}

static const char *override_find(const char *const *overrides, const char *key)
{
    size_t len = strlen(key);
    const char *found = NULL;
    for (size_t i = 0; overrides && overrides[i]; i++)
        if (!strncmp(overrides[i], key, len) && overrides[i][len] == '=')
            found = overrides[i] + len + 1;
    return found;
}

static int axis_parse(struct json at, const char *const *overrides, uint64_t seed, struct axis *axis,
                      struct error *error)
{
    const char *override = override_find(overrides, at.node->string);
    axis->key = at.node->string;
    if (override) {
        axis->values = override_values(axis->key, override, error);
        return axis->values ? 0 : -1;
    }
    axis->values = cJSON_CreateArray();
    if (cJSON_IsArray(at.node))
        return list_values(at, axis->values, error);
    if (cJSON_IsObject(at.node))
        return range_values(at, mix64((seed ^ (uint64_t)at.node->string[0]) + MIX_STEP), axis->values, error);
    return json_expected(at, error, "a list of values or {\"from\", \"to\", \"step\" or \"random\"}");
}

static void print_value(char *out, size_t size, const cJSON *value)
{
    if (cJSON_IsString(value))
        snprintf(out, size, "%s", value->valuestring);
    else if (cJSON_IsBool(value))
        snprintf(out, size, "%s", cJSON_IsTrue(value) ? "true" : "false");
    else
        snprintf(out, size, "%.12g", value->valuedouble);
}

static void add_case(const char *name, const struct axis *axes, size_t axis_count, size_t index,
                     struct variation *out)
{
    char *id = mem_string(name);
    out->values = cJSON_CreateObject();
    for (size_t i = 0; i < axis_count; i++) {
        size_t radix = 1;
        for (size_t k = i + 1; k < axis_count; k++)
            radix *= axes[k].count;
        const cJSON *value = axes[i].list[index / radix % axes[i].count];
        char text[128];
        print_value(text, sizeof text, value);
        char *longer = mem_printf("%s%c%s=%s", id, i ? ',' : '+', axes[i].key, text);
        free(id);
        id = longer;
        cJSON_AddItemToObject(out->values, axes[i].key, cJSON_Duplicate(value, true));
    }
    out->id = id;
}

/* An id is the name of a folder (255 bytes on Linux), with "#1000" where it is repeated. */
static int check_ids(struct json vary, const struct variations *list, struct error *error)
{
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->list[i].id) > VARIATION_ID_MAX)
            return json_expected(vary, error,
                                 "values that make ids of cases of at most %d bytes, not '%.60s...'",
                                 VARIATION_ID_MAX, list->list[i].id);
    return 0;
}

static void fill_list(struct axis *axis)
{
    const cJSON *value;
    axis->list = mem_array((size_t)cJSON_GetArraySize(axis->values) + 1, sizeof *axis->list);
    cJSON_ArrayForEach(value, axis->values) axis->list[axis->count++] = value;
}

static int by_id(const void *a, const void *b)
{
    const struct variation *const *one = a, *const *two = b;
    int order = strcmp((*one)->id, (*two)->id);
    return order ? order : (*one > *two) - (*one < *two);
}

/* Random values may repeat, and so may those of a list; a case is its id, and there is each only once. */
static void drop_twins(struct variations *out)
{
    struct variation **sorted = mem_array(out->count + 1, sizeof *sorted);
    for (size_t i = 0; i < out->count; i++)
        sorted[i] = &out->list[i];
    qsort(sorted, out->count, sizeof *sorted, by_id);
    bool *twin = mem_array(out->count + 1, sizeof *twin);
    for (size_t i = 1; i < out->count; i++)
        twin[sorted[i] - out->list] = !strcmp(sorted[i - 1]->id, sorted[i]->id);
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++) {
        if (!twin[i]) {
            out->list[kept++] = out->list[i];
            continue;
        }
        free(out->list[i].id);
        cJSON_Delete(out->list[i].values);
    }
    out->count = kept;
    free(twin);
    free(sorted);
}

static int check_overrides(struct json vary, const char *const *overrides, struct error *error)
{
    for (size_t i = 0; overrides && overrides[i]; i++) {
        const char *equals = strchr(overrides[i], '=');
        if (!equals || equals == overrides[i])
            return error_set(error, ERROR_INPUT, "--vary %s: expected KEY=VALUE", overrides[i]);
        bool known = false;
        for (size_t k = 0; k < json_count(vary); k++) {
            const char *key = json_member(vary, k).node->string;
            known |=
                strlen(key) == (size_t)(equals - overrides[i]) && !strncmp(key, overrides[i], strlen(key));
        }
        if (!known)
            return error_set(error, ERROR_INPUT, "--vary %s: %s has no such value in its \"vary\" block",
                             overrides[i], vary.document->name);
    }
    return 0;
}

int variation_list(struct json root, const char *name, const char *const *overrides, uint64_t seed,
                   struct variations *out, struct error *error)
{
    struct json vary = json_get(root, "vary");
    *out = (struct variations){0};
    if (json_present(vary) && json_object(vary, error))
        return -1;
    if (check_overrides(vary, overrides, error))
        return -1;
    size_t axis_count = json_count(vary), total = 1;
    if (axis_count > VARIATION_KEYS_MAX)
        return json_expected(vary, error, "at most %d keys", VARIATION_KEYS_MAX);
    struct axis *axes = mem_array(axis_count + 1, sizeof *axes);
    int result = 0;
    for (size_t i = 0; i < axis_count && !result; i++) {
        result = axis_parse(json_member(vary, i), overrides, seed + i, &axes[i], error);
        total *= result ? 0 : (size_t)cJSON_GetArraySize(axes[i].values);
        if (!result && total > VARIATION_CASES_MAX)
            result = json_expected(vary, error, "at most %d cases in all", VARIATION_CASES_MAX);
    }
    if (!result) {
        for (size_t i = 0; i < axis_count; i++)
            fill_list(&axes[i]);
        out->list = mem_array(total + 1, sizeof *out->list);
        for (size_t i = 0; i < total; i++)
            add_case(name, axes, axis_count, i, &out->list[out->count++]);
        result = check_ids(vary, out, error);
        drop_twins(out);
    }
    for (size_t i = 0; i < axis_count; i++) {
        cJSON_Delete(axes[i].values);
        free(axes[i].list);
    }
    free(axes);
    return result;
}

void variation_release(struct variations *variations)
{
    for (size_t i = 0; i < variations->count; i++) {
        free(variations->list[i].id);
        cJSON_Delete(variations->list[i].values);
    }
    free(variations->list);
    *variations = (struct variations){0};
}

static void become(cJSON *node, const cJSON *value)
{
    if (cJSON_IsString(node))
        free(node->valuestring);
    node->valuestring = cJSON_IsString(value) ? mem_string(value->valuestring) : NULL;
    node->type = (node->type & ~0xff) | (value->type & 0xff);
    node->valuedouble = value->valuedouble;
    node->valueint = value->valueint;
}

static bool is_plain(const cJSON *value)
{
    return cJSON_IsNumber(value) || cJSON_IsString(value) || cJSON_IsBool(value);
}

/* {"$name": {"VALUE": ..., "*": ...}}: the entry for what the value is in this case, "*" for any other. Every
 * entry is looked at, also those of other cases. 1: the entry is null, which stands for no member at all. */
static int look_up(cJSON *node, const cJSON *values, const char *file, struct error *error)
{
    cJSON *table = node->child;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(values, table->string + 1), *odd;
    char text[128] = "";
    if (value)
        print_value(text, sizeof text, value);
    const cJSON *entry = value ? cJSON_GetObjectItemCaseSensitive(table, text) : NULL;
    if (!entry)
        entry = value ? cJSON_GetObjectItemCaseSensitive(table, "*") : NULL;
    cJSON_ArrayForEach(odd, table) if (!is_plain(odd) && !cJSON_IsNull(odd)) break;
    if (!entry || odd)
        return error_set(error, ERROR_INPUT,
                         odd ? "%s: {\"%s\": {\"%s\": ...}}: expected a number, a string, true, false or null"
                             : "%s: {\"%s\": ...}: expected an entry \"%s\" or \"*\"",
                         file, table->string, odd ? odd->string : text);
    node->child = NULL;
    become(node, entry);
    cJSON_Delete(table);
    return cJSON_IsNull(node) ? 1 : 0;
}

static int substitute(cJSON *node, const cJSON *values, const char *file, struct error *error)
{
    if (cJSON_IsObject(node) && node->child && !node->child->next && node->child->string[0] == '$' &&
        cJSON_IsObject(node->child))
        return look_up(node, values, file, error);
    if (cJSON_IsString(node) && node->valuestring[0] == '$') {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(values, node->valuestring + 1);
        if (!value)
            return error_set(error, ERROR_INPUT,
                             "%s: $.vary: expected a value named '%s', which is used, found none", file,
                             node->valuestring + 1);
        become(node, value);
        return 0;
    }
    for (cJSON *child = node->child, *next; child; child = next) {
        next = child->next;
        int result = substitute(child, values, file, error);
        if (result < 0)
            return -1;
        if (result && cJSON_IsObject(node))
            cJSON_Delete(cJSON_DetachItemViaPointer(node, child));
    }
    return 0;
}

int variation_apply(struct json root, const cJSON *values, cJSON **out, struct error *error)
{
    cJSON *copy = cJSON_Duplicate(root.node, true), *known = cJSON_Duplicate(values, true);
    if (!cJSON_HasObjectItem(known, "confirms")) /* of no board in particular */
        cJSON_AddStringToObject(known, "confirms", "host");
    cJSON_DeleteItemFromObjectCaseSensitive(copy, "vary");
    int result = substitute(copy, known, root.document->name, error);
    cJSON_Delete(known);
    if (result < 0) {
        cJSON_Delete(copy);
        return -1;
    }
    *out = copy;
    return 0;
}
