/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/cmd/folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"

static int is_json(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && !strcmp(entry->d_name + len - 5, ".json") && !strstr(entry->d_name, ".schema.");
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* What a folder holds, as paths. */
static cJSON *paths_in(const char *folder, int (*wanted)(const struct dirent *))
{
    struct dirent **entries;
    cJSON *list = cJSON_CreateArray();
    int count = scandir(folder, &entries, wanted, by_name);
    for (int i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s", folder, entries[i]->d_name);
        cJSON_AddItemToArray(list, cJSON_CreateString(path));
        free(path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return list;
}

int folder_json_files(cJSON *list, const char *folder)
{
    cJSON *paths = paths_in(folder, is_json);
    int count = cJSON_GetArraySize(paths);
    while (list && paths->child)
        cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(paths, 0));
    cJSON_Delete(paths);
    return count;
}

/* Other folders hold other JSON files: a scenario has a family. */
static bool holds_scenarios(const char *folder)
{
    bool holds = false;
    cJSON *paths = paths_in(folder, is_json);
    for (const cJSON *path = paths->child; path && !holds; path = path->next) {
        struct json_document document;
        if (json_load(&document, path->valuestring, NULL))
            continue;
        holds = cJSON_HasObjectItem(document.root, "family");
        json_close(&document);
    }
    cJSON_Delete(paths);
    return holds;
}

cJSON *folder_scenarios_in(const char *path)
{
    cJSON *all = paths_in(path, is_shown), *folders = cJSON_CreateArray();
    while (all->child) {
        cJSON *inner = cJSON_DetachItemFromArray(all, 0);
        if (holds_scenarios(inner->valuestring))
            cJSON_AddItemToArray(folders, inner);
        else
            cJSON_Delete(inner);
    }
    cJSON_Delete(all);
    return folders;
}

cJSON *folder_scenarios_shipped(void)
{
    cJSON *folders = folder_scenarios_in(surroundings_scenarios()), *files = cJSON_CreateArray();
    for (const cJSON *folder = folders->child; folder; folder = folder->next)
        folder_json_files(files, folder->valuestring);
    cJSON_Delete(folders);
    return files;
}
