/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/json_pointer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ~1 is a slash, ~0 a tilde (section 4). */
static bool is_name(const char *name, const char *token, size_t len)
{
    for (size_t i = 0; i < len; i++, name++) {
        char c = token[i];
        if (c == '~' && i + 1 < len)
            c = token[++i] == '1' ? '/' : '~';
        if (*name != c)
            return false;
    }
    return !*name;
}

static const cJSON *element(const cJSON *list, const char *token, size_t len)
{
    size_t index = 0;
    if (!len || len > 6 || (len > 1 && token[0] == '0'))
        return NULL;
    for (size_t i = 0; i < len; i++) {
        if (token[i] < '0' || token[i] > '9')
            return NULL;
        index = index * 10 + (size_t)(token[i] - '0');
    }
    const cJSON *at = list->child;
    while (at && index--)
        at = at->next;
    return at;
}

const cJSON *json_pointer(const cJSON *root, const char *pointer)
{
    const cJSON *at = root;
    while (at && *pointer) {
        if (*pointer != '/')
            return NULL;
        const char *token = pointer + 1;
        size_t len = strcspn(token, "/");
        if (cJSON_IsArray(at)) {
            at = element(at, token, len);
        } else {
            const cJSON *member = cJSON_IsObject(at) ? at->child : NULL;
            while (member && !is_name(member->string, token, len))
                member = member->next;
            at = member;
        }
        pointer = token + len;
    }
    return at;
}

bool json_pointer_text(const cJSON *node, char *text, size_t size)
{
    if (cJSON_IsBool(node))
        snprintf(text, size, "%s", cJSON_IsTrue(node) ? "true" : "false");
    else if (cJSON_IsNumber(node))
        snprintf(text, size, "%.15g", node->valuedouble);
    else if (cJSON_IsString(node))
        snprintf(text, size, "%s", node->valuestring);
    else
        return false;
    return true;
}
