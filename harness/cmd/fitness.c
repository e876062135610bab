/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/cmd/fitness.h"

#include <string.h>

static bool listed(const cJSON *list, const char *text)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        if (!strcmp(item->valuestring, text))
            return true;
    }
    return false;
}

static void add_reasons(cJSON *list, const struct plan *plan)
{
    for (size_t i = 0; i < plan->unfit_count; i++)
        if (!listed(list, plan->unfit[i]))
            cJSON_AddItemToArray(list, cJSON_CreateString(plan->unfit[i]));
}

static void add_left_out(cJSON *list, const struct plan *plan)
{
    for (size_t i = 0; i < plan->scenario.without_count && !cJSON_GetArraySize(list); i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "clause", plan->scenario.without[i].clause);
        cJSON_AddStringToObject(one, "why", plan->scenario.without[i].why);
        cJSON_AddItemToArray(list, one);
    }
}

int fitness_add(cJSON *one, const char *path, const struct board *board, const struct image_set *images,
                const struct rack_place *place, struct error *error)
{
    struct plan_file file;
    int runs = 0, result = 0;
    if (plan_file_load(path, NULL, 1, &file, error))
        return -1;
    cJSON *reasons = cJSON_CreateArray(), *left_out = cJSON_CreateArray();
    for (size_t i = 0; i < file.variations.count && !result; i++) {
        struct plan plan;
        result = plan_build(&file, i, board, images, &plan, error);
        if (result)
            break;
        plan_find_unfit(&plan, place);
        plan_fit(&plan, place);
        add_reasons(reasons, &plan);
        if (!plan.unfit_count)
            add_left_out(left_out, &plan);
        runs += !plan.unfit_count;
        plan_release(&plan);
    }
    cJSON_AddNumberToObject(one, "runs", runs);
    cJSON_AddItemToObject(one, "not_judged", left_out);
    cJSON_AddItemToObject(one, "reasons", reasons);
    plan_file_release(&file);
    return result;
}
