/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/command.h"

#define VERBS_MAX 32

static int act(const struct command *table, void *arg, struct json root, cJSON *answer, struct error *error)
{
    const char *verbs[VERBS_MAX] = {NULL};
    int which = 0;
    for (size_t i = 0; table[i].verb && i < VERBS_MAX - 1; i++)
        verbs[i] = table[i].verb;
    if (json_object(root, error) || json_choice(json_get(root, "do"), verbs, &which, error))
        return -1;
    return table[which].act(arg, root, answer, error);
}

int command_do(const struct command *table, void *arg, const char *text, size_t len, cJSON **answer,
               struct error *error)
{
    struct json_document document;
    if (json_parse(&document, "command", text, len, error))
        return -1;
    struct json root = json_root(&document);
    *answer = cJSON_CreateObject();
    cJSON_AddStringToObject(*answer, "event", "answer");
    int result = act(table, arg, root, *answer, error) ? -1 : 0;
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(root.node, "id");
    if (!result && id)
        cJSON_AddItemToObject(*answer, "id", cJSON_Duplicate(id, true));
    json_close(&document);
    if (result) {
        cJSON_Delete(*answer);
        *answer = NULL;
    }
    return result;
}
