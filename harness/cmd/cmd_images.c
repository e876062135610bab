/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig images: the manifest of a folder of binaries, and which images are still to be built. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/arguments.h"
#include "harness/base/escape.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/base/output.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/folder.h"
#include "harness/board/image.h"
#include "harness/board/manifest.h"
#include "harness/base/take.h"

/* What is printed may hold names of files and texts out of them: they may move no terminal's cursor. */
static void say(char *text)
{
    escape_terminal(stdout, text);
    free(text);
}

static void refuse(const struct error *why)
{
    fprintf(stderr, "otarig: %s\n", why->text);
}

static void print_entries(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_entry *entry = &manifest->entries[i];
        say(mem_printf("  %-18s %-28s %-12s %s, %zu bytes", entry->name, entry->file,
                       entry->version ? entry->version : "-", image_format_name(entry->look.format),
                       entry->size));
        if (entry->look.hash[0])
            say(mem_printf(", hash %.16s...", entry->look.hash));
        if (entry->look.project[0])
            say(mem_printf(", \"%s\"", entry->look.project));
        putchar('\n');
        if (entry->look.odd[0])
            say(mem_printf("  %-18s note: %s\n", "", entry->look.odd));
    }
}

/* ---- what scenarios ask for ---- */

/* Is `text` one of the strings anywhere below? */
static bool holds(const cJSON *tree, const char *text)
{
    if (cJSON_IsString(tree))
        return !strcmp(tree->valuestring, text);
    for (const cJSON *child = tree ? tree->child : NULL; child; child = child->next)
        if (holds(child, text))
            return true;
    return false;
}

static bool spoils(const cJSON *scenario)
{
    const cJSON *step;
    cJSON_ArrayForEach(
        step, cJSON_GetObjectItem(scenario, "steps")) if (cJSON_GetObjectItem(step, "change")) return true;
    return false;
}

static cJSON *all_scenarios(void)
{
    cJSON *list = cJSON_CreateArray(), *files = folder_scenarios_shipped();
    for (const cJSON *file = files->child; file; file = file->next) {
        struct json_document document;
        if (json_load(&document, file->valuestring, NULL))
            continue;
        cJSON_AddItemToArray(list, document.root);
        document.root = NULL;
        json_close(&document);
    }
    cJSON_Delete(files);
    return list;
}

static bool has(const struct manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->count; i++)
        if (!strcmp(manifest->entries[i].name, name))
            return true;
    return false;
}

/* Families may have scenarios of the same name: each name once. */
static void print_who_needs(const cJSON *scenarios, const char *image)
{
    const cJSON *one;
    cJSON *said = cJSON_CreateObject();
    cJSON_ArrayForEach(one, scenarios)
    {
        const char *name = member_text(one, "name");
        if (!holds(one, image) || cJSON_HasObjectItem(said, name))
            continue;
        cJSON_AddNullToObject(said, name);
        printf(" %s", name);
    }
    cJSON_Delete(said);
}

static void print_lacking(const struct manifest *manifest, const cJSON *scenarios)
{
    const cJSON *one;
    bool any = false;
    for (const struct manifest_role *role = manifest_roles; role->name; role++) {
        int needed = 0;
        if (has(manifest, role->name))
            continue;
        cJSON_ArrayForEach(one, scenarios) needed += holds(one, role->name);
        if (!needed)
            continue;
        if (!any)
            puts("\nNot there. Only your build can make these; scenarios that need them cannot run without:");
        any = true;
        printf("  %-18s %s\n  %-18s needed by", role->name, role->what, "");
        if (needed == cJSON_GetArraySize(scenarios))
            printf(" every scenario");
        else if (needed > 8)
            printf(" %d scenarios", needed);
        else
            print_who_needs(scenarios, role->name);
        putchar('\n');
    }
    printf("\nNot to be built: images that are cut short or have wrong bits are made of v2 while these run:");
    cJSON_ArrayForEach(one, scenarios) if (spoils(one)) printf(" %s", member_text(one, "name"));
    putchar('\n');
}

/* ---- the command ---- */

struct wish {
    char *folder;
    const char *variant;
    bool replace;
    cJSON *names, *versions, *left_out;
};

static int write_manifest(const struct wish *wish, const struct manifest *manifest, const char *path,
                          struct error *error)
{
    char *copy = mem_string(wish->folder);
    const char *variant = wish->variant ? wish->variant : basename(copy);
    int result = -1;
    if (!take_is_name(variant))
        error_set(error, ERROR_INPUT,
                  "--variant: expected a name of 1 to 64 letters, digits, '.', '_' or '-', found '%s'",
                  variant);
    else if (!wish->replace && !access(path, F_OK))
        error_set(error, ERROR_INPUT, "%s: is there already (--replace writes it anew)", path);
    else {
        cJSON *root = manifest_json(manifest, variant);
        char *text = cJSON_Print(root);
        result = output_text(path, text, error);
        cJSON_free(text);
        cJSON_Delete(root);
    }
    free(copy);
    return result;
}

static int make(const struct wish *wish, struct error *error)
{
    const struct manifest_told told = {wish->names, wish->versions, wish->left_out};
    struct manifest manifest = {0};
    struct image_set set;
    char *path = mem_printf("%s/manifest.json", wish->folder);
    int result = manifest_look(wish->folder, &told, refuse, &manifest, error);
    if (!result)
        result = manifest_name(&manifest, &told, error);
    if (!result)
        result = write_manifest(wish, &manifest, path, error);
    if (!result)
        result = image_set_load(wish->folder, &set, error); /* with the parser that will read it */
    if (!result) {
        image_set_release(&set);
        cJSON *scenarios = all_scenarios();
        printf("%s: %zu image%s\n", path, manifest.count, manifest.count == 1 ? "" : "s");
        print_entries(&manifest);
        print_lacking(&manifest, scenarios);
        cJSON_Delete(scenarios);
    }
    free(path);
    manifest_release(&manifest);
    return result;
}

int cmd_images(int argc, char **argv)
{
    struct wish wish = {
        .names = cJSON_CreateArray(), .versions = cJSON_CreateArray(), .left_out = cJSON_CreateArray()};
    const struct argument table[] = {
        {"name", "FILE=NAME", "this file is the image NAME (v1, v2-wrong-key, bootloader, ...)",
         ARGUMENT_TEXTS, .to = wish.names},
        {"version", "FILE=V", "the version of a file that tells none, or another than it tells",
         ARGUMENT_TEXTS, .to = wish.versions},
        {"leave", "FILE", "this file is no image", ARGUMENT_TEXTS, .to = wish.left_out},
        {"variant", "NAME", "what this build is called (default: the name of the folder)", ARGUMENT_TEXT,
         .to = &wish.variant},
        {"replace", NULL, "even if there is a manifest.json", ARGUMENT_FLAG, .to = &wish.replace},
        {0}};
    const struct arguments arguments = {
        "images",
        "usage: otarig images FOLDER [option...]\n"
        "Writes FOLDER/manifest.json, which says what the images of a build are called. It reads versions "
        "and\n"
        "hashes from MCUboot images, ESP-IDF applications and U-Boot FITs; other files need --version. A "
        "file\n"
        "that is called like an image of the scenarios (bootloader.bin, v2-crash.bin) is that image; the "
        "others\n"
        "become v1, v2, v3 in the order of their versions. It lists the images that scenarios need and that\n"
        "are not there.\n",
        "Exit: 0 written, 2 something is no image or cannot be told apart (then nothing is written).\n",
        table};
    struct error error = {0};
    int first, code;
    if (!arguments_take(&arguments, argc, argv, &first, &code)) {
        if (argc - first != 1) {
            code = arguments_wrong("images", "expected one folder, found %d", argc - first);
        } else {
            wish.folder = argv[first];
            cmd_trim(wish.folder);
            code = make(&wish, &error) ? error_print(&error) : 0;
        }
    }
    cJSON_Delete(wish.names);
    cJSON_Delete(wish.versions);
    cJSON_Delete(wish.left_out);
    return code;
}
