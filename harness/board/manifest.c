/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/board/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/mem.h"
#include "harness/board/image.h"
#include "harness/base/take.h"

const struct manifest_role manifest_roles[] = {
    {"bootloader", "what starts the application; the probe writes it"},
    {"v1", "the image that runs before the update"},
    {"v2", "the update"},
    {"v3", "one more update: is the updater still well afterwards?"},
    {"v4", "the update after v3"},
    {"v5", "the update after v4"},
    {"v9", "of version 9: the image before an update to one of two digits"},
    {"v10", "of version 10, the update of v9: newer as a number, older as a text"},
    {"v11", "of version 11, the update after v10"},
    {"v0", "older than v1, well signed: the board must not go back to it"},
    {"v2-wrong-key", "v2 signed with a key that the board does not know"},
    {"v2-unsigned", "v2 without a signature"},
    {"v2-wrong-hardware", "v2 made for another board"},
    {"v2-crash", "v2 that crashes as soon as it starts"},
    {"v2-hang", "v2 that hangs as soon as it starts"},
    {"v2-dead-updater", "v2 that runs and confirms itself, but takes no update"},
    {"v2-bad-selftest", "v2 whose self-test fails"},
    {"v2-auto", "v2 that confirms itself"},
    {"v2-large", "v2 that fills most of a slot"},
    {"v2-oversize", "v2 that is larger than a slot"},
    {NULL, NULL}};

const struct manifest_role *manifest_role(const char *name)
{
    for (const struct manifest_role *role = manifest_roles; role->name; role++)
        if (!strcmp(role->name, name))
            return role;
    return NULL;
}

static bool in_list(const cJSON *list, const char *text)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, list) if (!strcmp(one->valuestring, text)) return true;
    return false;
}

/* The value of "KEY=VALUE" in a list; NULL: there is none. */
static const char *value_of(const cJSON *list, const char *key)
{
    size_t len = strlen(key);
    const cJSON *one;
    cJSON_ArrayForEach(one, list) if (!strncmp(one->valuestring, key, len) &&
                                      one->valuestring[len] == '=') return one->valuestring +
        len + 1;
    return NULL;
}

/* ---- looking ---- */

static int is_candidate(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "manifest.json") != 0;
}

static int look_at(const char *path, const char *file, struct manifest *manifest, struct error *error)
{
    struct image_look look;
    uint8_t *data;
    size_t len;
    if (image_read(path, &data, &len, error))
        return -1;
    int result = image_look(path, data, len, &look, error);
    free(data);
    if (!result)
        manifest->entries[manifest->count++] =
            (struct manifest_entry){.file = mem_string(file), .look = look, .size = len};
    return result;
}

int manifest_look(const char *folder, const struct manifest_told *told,
                  void (*refuse)(const struct error *why), struct manifest *manifest, struct error *error)
{
    struct dirent **entries;
    size_t refused = 0;
    int count = scandir(folder, &entries, is_candidate, alphasort);
    *manifest = (struct manifest){.folder = mem_string(folder)};
    if (count < 0)
        return error_set_errno(error, ERROR_INPUT, errno, "%s", folder);
    manifest->entries = mem_array((size_t)count + 1, sizeof *manifest->entries);
    for (int i = 0; i < count; i++) {
        struct error why = {0};
        struct stat about;
        char *path = mem_printf("%s/%s", folder, entries[i]->d_name);
        bool folder_inside = !stat(path, &about) && S_ISDIR(about.st_mode);
        if (!folder_inside && !in_list(told->left_out, entries[i]->d_name) &&
            look_at(path, entries[i]->d_name, manifest, &why)) {
            refused++;
            if (refuse)
                refuse(&why);
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    if (refused)
        return error_set(error, ERROR_INPUT,
                         "%s: expected images only, found %zu other file%s (--leave FILE leaves one out)",
                         folder, refused, refused == 1 ? "" : "s");
    return manifest->count ? 0 : error_set(error, ERROR_INPUT, "%s: expected images, found no file", folder);
}

/* ---- naming ---- */

static bool is_name_of(const struct manifest *manifest, const char *text, size_t len)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_entry *entry = &manifest->entries[i];
        if ((!strncmp(entry->file, text, len) && !entry->file[len]) ||
            (entry->name && !strncmp(entry->name, text, len) && !entry->name[len]))
            return true;
    }
    return false;
}

/* Every "KEY=VALUE" must have both and mean a file. */
static int check_told(const struct manifest *manifest, const char *option, const cJSON *list,
                      struct error *error)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, list)
    {
        const char *text = one->valuestring, *equals = strchr(text, '=');
        if (!equals || equals == text || !equals[1])
            return error_set(error, ERROR_INPUT, "%s: expected FILE=%s, found '%s'", option,
                             !strcmp(option, "--name") ? "NAME" : "VERSION", text);
        if (!is_name_of(manifest, text, (size_t)(equals - text)))
            return error_set(error, ERROR_INPUT, "%s: expected a file of %s, found '%.*s'", option,
                             manifest->folder, (int)(equals - text), text);
        if (!strcmp(option, "--name") && !take_is_name(equals + 1))
            return error_set(error, ERROR_INPUT,
                             "--name: expected a name of 1 to 64 letters, digits, '.', '_' or '-', found "
                             "'%s'",
                             equals + 1);
    }
    return 0;
}

/* "v4": of a row of images with rising versions. */
static bool is_of_row(const char *stem)
{
    size_t digits = strspn(stem + 1, "0123456789");
    return stem[0] == 'v' && digits && digits < 4 && !stem[1 + digits];
}

/* What is told, or what the file is called when that is a role or a place in a row. */
static char *plain_name(const struct manifest_entry *entry, const cJSON *names)
{
    const char *told = value_of(names, entry->file);
    if (told)
        return mem_string(told);
    char *stem = mem_string(entry->file), *dot = strchr(stem, '.');
    if (dot)
        *dot = 0;
    if (manifest_role(stem) || is_of_row(stem))
        return stem;
    free(stem);
    return NULL;
}

static int by_version(const void *a, const void *b)
{
    const struct manifest_entry *one = *(const struct manifest_entry *const *)a,
                                *other = *(const struct manifest_entry *const *)b;
    return image_version_order(one->version, other->version);
}

static int find_version(struct manifest_entry *entry, const cJSON *versions, const struct manifest *manifest,
                        struct error *error)
{
    const char *told = value_of(versions, entry->file);
    if (!told && entry->name)
        told = value_of(versions, entry->name);
    if (!told && entry->look.version[0])
        told = entry->look.version;
    entry->version = mem_string(told);
    if (told || (entry->name && !strcmp(entry->name, "bootloader")))
        return 0;
    return error_set(error, ERROR_INPUT,
                     "%s/%s: expected a version, found a %s that tells none: --version %s=VERSION, --name "
                     "%s=bootloader or --leave %s",
                     manifest->folder, entry->file, image_format_name(entry->look.format), entry->file,
                     entry->file, entry->file);
}

static const struct manifest_entry *named(const struct manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->count; i++)
        if (manifest->entries[i].name && !strcmp(manifest->entries[i].name, name))
            return &manifest->entries[i];
    return NULL;
}

static int name_in_order(struct manifest *manifest, struct manifest_entry **list, size_t count,
                         struct error *error)
{
    unsigned number = 0;
    for (size_t i = 0; i < count; i++) {
        if (i && !image_version_order(list[i - 1]->version, list[i]->version))
            return error_set(error, ERROR_INPUT,
                             "%s: expected one file of version %s, found %s and %s: --name FILE=NAME tells "
                             "them apart",
                             manifest->folder, list[i]->version, list[i - 1]->file, list[i]->file);
        char name[16];
        do
            snprintf(name, sizeof name, "v%u", ++number);
        while (named(manifest, name));
        list[i]->name = mem_string(name);
    }
    return 0;
}

static int check_names_differ(const struct manifest *manifest, struct error *error)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_entry *entry = &manifest->entries[i], *first;
        if (entry->name && (first = named(manifest, entry->name)) != entry)
            return error_set(error, ERROR_INPUT, "%s: expected one file to be '%s', found %s and %s",
                             manifest->folder, entry->name, first->file, entry->file);
    }
    return 0;
}

int manifest_name(struct manifest *manifest, const struct manifest_told *told, struct error *error)
{
    for (size_t i = 0; i < manifest->count; i++)
        manifest->entries[i].name = plain_name(&manifest->entries[i], told->names);
    if (check_told(manifest, "--name", told->names, error) ||
        check_told(manifest, "--version", told->versions, error) || check_names_differ(manifest, error))
        return -1;
    struct manifest_entry **list = mem_array(manifest->count + 1, sizeof *list);
    size_t count = 0;
    int result = 0;
    for (size_t i = 0; i < manifest->count && !result; i++) {
        result = find_version(&manifest->entries[i], told->versions, manifest, error);
        if (!manifest->entries[i].name)
            list[count++] = &manifest->entries[i];
    }
    if (!result) {
        qsort(list, count, sizeof *list, by_version);
        result = name_in_order(manifest, list, count, error);
    }
    free(list);
    return result;
}

cJSON *manifest_json(const struct manifest *manifest, const char *variant)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema_version", 1);
    cJSON_AddStringToObject(root, "variant", variant);
    cJSON *images = cJSON_AddObjectToObject(root, "images");
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_entry *entry = &manifest->entries[i];
        cJSON *one = cJSON_AddObjectToObject(images, entry->name);
        cJSON_AddStringToObject(one, "file", entry->file);
        if (entry->version)
            cJSON_AddStringToObject(one, "version", entry->version);
        if (entry->look.hash[0])
            cJSON_AddStringToObject(one, "hash", entry->look.hash);
        cJSON_AddNumberToObject(one, "size", (double)entry->size);
    }
    return root;
}

void manifest_release(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        free(manifest->entries[i].file);
        free(manifest->entries[i].name);
        free(manifest->entries[i].version);
    }
    free(manifest->entries);
    free(manifest->folder);
    *manifest = (struct manifest){0};
}
