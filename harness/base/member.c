/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/member.h"

#include <stddef.h>

const char *member_text_or(const cJSON *object, const char *key, const char *absent)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(node) ? node->valuestring : absent;
}

const char *member_text(const cJSON *object, const char *key)
{
    return member_text_or(object, key, "");
}

double member_number(const cJSON *object, const char *key, double absent)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(node) ? node->valuedouble : absent;
}

int64_t member_integer(const cJSON *object, const char *key, int64_t absent)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    bool fits = cJSON_IsNumber(node) && node->valuedouble > -9e15 && node->valuedouble < 9e15;
    return fits ? (int64_t)node->valuedouble : absent;
}

bool member_true(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

const cJSON *member_list(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsArray(node) ? node : NULL;
}
