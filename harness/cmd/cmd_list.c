/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig drivers, boards, scenarios: what there is, as text or JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arguments.h"
#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/fitness.h"
#include "harness/cmd/folder.h"
#include "harness/driver/driver.h"
#include "harness/board/board.h"
#include "harness/plan/variation.h"
#include "harness/base/surroundings.h"

/* Every listing takes --json and nothing else. 0: go on; else the end, with *code. */
static int take_options(const char *command, const char *usage, int argc, char **argv, bool *as_json,
                        int *code)
{
    const struct argument table[] = {{"json", NULL, "as JSON", ARGUMENT_FLAG, .to = as_json}, {0}};
    const struct arguments arguments = {command, usage, NULL, table};
    int first;
    *as_json = false;
    if (arguments_take(&arguments, argc, argv, &first, code))
        return -1;
    if (first < argc)
        *code = arguments_wrong(command, "expected no argument, found '%s'", argv[first]);
    return first < argc ? -1 : 0;
}

/* What stands in files may move no terminal's cursor. */
static void print_line(char *text)
{
    escape_terminal(stdout, text);
    free(text);
}

static void print_json(cJSON *tree)
{
    char *text = cJSON_Print(tree);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(tree);
}

/* ---- drivers ---- */

static const char *type_name(enum option_type type)
{
    static const char *const names[] = {"string",  "number", "number", "true|false", "choice", "list",
                                        "program", "name",   "text",   "version",    "object"};
    return names[type];
}

static cJSON *driver_json(const struct driver *driver)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "name", driver->name);
    cJSON_AddStringToObject(one, "kind", driver_kind_name(driver->kind));
    cJSON_AddStringToObject(one, "help", driver->help);
    cJSON *options = cJSON_AddArrayToObject(one, "options");
    for (const struct option_spec *spec = driver->options; spec && spec->name; spec++) {
        cJSON *option = cJSON_CreateObject();
        cJSON_AddStringToObject(option, "name", spec->name);
        cJSON_AddStringToObject(option, "type", type_name(spec->type));
        cJSON_AddStringToObject(option, "help", spec->help);
        cJSON_AddBoolToObject(option, "required", spec->required);
        if (spec->standard)
            cJSON_AddStringToObject(option, "default", spec->standard);
        if ((spec->type == OPTION_INTEGER || spec->type == OPTION_WORD) && (spec->low || spec->high)) {
            cJSON_AddNumberToObject(option, "low", (double)spec->low);
            cJSON_AddNumberToObject(option, "high", (double)spec->high);
        }
        cJSON *choices = spec->type == OPTION_CHOICE ? cJSON_AddArrayToObject(option, "choices") : NULL;
        for (size_t i = 0; choices && spec->choices[i]; i++)
            cJSON_AddItemToArray(choices, cJSON_CreateString(spec->choices[i]));
        cJSON_AddItemToArray(options, option);
    }
    return one;
}

static void print_driver(const struct driver *driver)
{
    printf("%s %s: %s\n", driver_kind_name(driver->kind), driver->name, driver->help);
    for (const struct option_spec *spec = driver->options; spec && spec->name; spec++)
        printf("    %-14s %-10s %s%s%s%s\n", spec->name, type_name(spec->type), spec->help,
               spec->required ? " (required)" : "", spec->standard ? ", default " : "",
               spec->standard ? spec->standard : "");
}

int cmd_drivers(int argc, char **argv)
{
    bool as_json;
    int code;
    if (take_options(
            "drivers",
            "usage: otarig drivers [--json]\nLists the drivers and the options they take in a rack file.\n",
            argc, argv, &as_json, &code))
        return code;
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; driver_table[i]; i++) {
        if (as_json)
            cJSON_AddItemToArray(list, driver_json(driver_table[i]));
        else
            print_driver(driver_table[i]);
    }
    if (as_json)
        print_json(list);
    else
        cJSON_Delete(list);
    return 0;
}

static void take_board(const char *path, cJSON *list)
{
    struct board board;
    struct error error = {0};
    if (board_load(path, &board, &error)) {
        fprintf(stderr, "otarig: %s\n", error.text);
        return;
    }
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "name", board.name);
    cJSON_AddStringToObject(one, "chip", board.chip);
    cJSON_AddStringToObject(one, "title", board.title ? board.title : "");
    cJSON_AddStringToObject(one, "file", path);
    cJSON_AddItemToArray(list, one);
    board_release(&board);
}

int cmd_boards(int argc, char **argv)
{
    bool as_json;
    int code;
    if (take_options("boards", "usage: otarig boards [--json]\nLists the boards that are described.\n", argc,
                     argv, &as_json, &code))
        return code;
    cJSON *list = cJSON_CreateArray(), *files = cJSON_CreateArray(), *one;
    folder_json_files(files, surroundings_boards());
    for (const cJSON *file = files->child; file; file = file->next)
        take_board(file->valuestring, list);
    cJSON_Delete(files);
    if (as_json) {
        print_json(list);
        return 0;
    }
    cJSON_ArrayForEach(one, list) printf("%-16s %-12s %s\n", member_text(one, "name"),
                                         member_text(one, "chip"), member_text(one, "title"));
    cJSON_Delete(list);
    return 0;
}

/* The name of the folder it lies in, by which it is asked for. */
static const char *folder_of(const cJSON *scenario)
{
    static char name[64];
    const char *file = member_text(scenario, "file"), *end = strrchr(file, '/'), *begin = end;
    while (begin > file && begin[-1] != '/')
        begin--;
    snprintf(name, sizeof name, "%.*s", end ? (int)(end - begin) : 0, begin ? begin : "");
    return name;
}

static void take_scenario(const char *path, cJSON *list)
{
    struct json_document document;
    struct variations variations = {0};
    struct error error = {0};
    if (json_load(&document, path, &error) ||
        variation_list(json_root(&document), "x", NULL, 1, &variations, &error)) {
        fprintf(stderr, "otarig: %s\n", error.text);
        return;
    }
    cJSON *one = cJSON_CreateObject(), *covers = cJSON_GetObjectItemCaseSensitive(document.root, "covers");
    cJSON_AddStringToObject(one, "name", member_text(document.root, "name"));
    cJSON_AddStringToObject(one, "family", member_text(document.root, "family"));
    cJSON_AddStringToObject(one, "title", member_text(document.root, "title"));
    cJSON_AddNumberToObject(one, "cases", (double)variations.count);
    cJSON_AddItemToObject(one, "covers", covers ? cJSON_Duplicate(covers, true) : cJSON_CreateArray());
    cJSON_AddStringToObject(one, "file", path);
    cJSON_AddItemToArray(list, one);
    variation_release(&variations);
    json_close(&document);
}

struct asked {
    struct board board;
    struct image_set images;
    struct rack rack;
    const struct rack_place *place;
};

static void release_asked(struct asked *asked)
{
    rack_release(&asked->rack);
    image_set_release(&asked->images);
    board_release(&asked->board);
}

/* Against which board, at which place: a rack says both. */
static int load_asked(struct asked *asked, const char *board, const char *rack, const char *place,
                      const char *firmware, struct error *error)
{
    *asked = (struct asked){0};
    if (rack && rack_load(rack, &asked->rack, error))
        return -1;
    if (rack)
        asked->place = place ? rack_place(&asked->rack, place) : &asked->rack.places[0];
    if (rack && !asked->place)
        return error_set(error, ERROR_INPUT, "%s: no place '%s'", rack, place);
    if (board_find(surroundings_boards(), board ? board : asked->place->board, &asked->board, error) ||
        board_can_run(&asked->board, error))
        return -1;
    char *demo = surroundings_firmware();
    int result = image_set_load(firmware ? firmware : demo, &asked->images, error);
    free(demo);
    return result;
}

static int print_fitness(cJSON *list, const struct asked *asked, bool as_json)
{
    struct error error = {0};
    cJSON *one, *reason;
    cJSON_ArrayForEach(one, list)
    {
        if (fitness_add(one, member_text(one, "file"), &asked->board, &asked->images, asked->place, &error))
            return error_print(&error);
    }
    if (as_json) {
        print_json(list);
        return 0;
    }
    facts_print(stdout, &asked->board, asked->place);
    putchar('\n');
    cJSON_ArrayForEach(one, list)
    {
        int runs = cJSON_GetObjectItem(one, "runs")->valueint,
            cases = cJSON_GetObjectItem(one, "cases")->valueint;
        print_line(mem_printf("%-14s %-18s %3d of %3d cases run", folder_of(one), member_text(one, "name"),
                              runs, cases));
        putchar('\n');
        cJSON_ArrayForEach(reason, cJSON_GetObjectItem(one, "not_judged"))
        {
            print_line(
                mem_printf("    without %s: %s", member_text(reason, "clause"), member_text(reason, "why")));
            putchar('\n');
        }
        cJSON_ArrayForEach(reason, cJSON_GetObjectItem(one, "reasons"))
        {
            print_line(mem_printf("    not: %s", reason->valuestring));
            putchar('\n');
        }
    }
    cJSON_Delete(list);
    return 0;
}

static cJSON *all_scenarios(void)
{
    cJSON *list = cJSON_CreateArray(), *files = folder_scenarios_shipped();
    for (const cJSON *file = files->child; file; file = file->next)
        take_scenario(file->valuestring, list);
    cJSON_Delete(files);
    return list;
}

int cmd_scenarios(int argc, char **argv)
{
    bool as_json = false;
    const char *board = NULL, *rack = NULL, *place = NULL, *firmware = NULL;
    int code, first;
    const struct argument table[] = {
        {"board", "BOARD", "which of them this board can be asked for, and why not the others", ARGUMENT_TEXT,
         .to = &board},
        {"rack", "RACK", "the same of a place of this rack", ARGUMENT_TEXT, .to = &rack},
        {"place", "PLACE", "which place (default: the first)", ARGUMENT_TEXT, .to = &place},
        {"firmware", "DIR", "which images there are (default: the good demo firmware)", ARGUMENT_TEXT,
         .to = &firmware},
        {"json", NULL, "as JSON", ARGUMENT_FLAG, .to = &as_json},
        {0}};
    const struct arguments arguments = {
        "scenarios",
        "usage: otarig scenarios [--board BOARD | --rack RACK [--place PLACE]] [--firmware DIR] "
        "[--json]\nLists "
        "the scenarios with their number of cases and what of the catalogue they cover.\n",
        "Exit: 0, 2 bad input.\n", table};
    if (arguments_take(&arguments, argc, argv, &first, &code))
        return code;
    if (first < argc)
        return arguments_wrong("scenarios", "expected no argument, found '%s'", argv[first]);
    cJSON *list = all_scenarios(), *one, *cover;
    if (board || rack) {
        struct asked asked;
        struct error error = {0};
        code = load_asked(&asked, board, rack, place, firmware, &error)
                   ? error_print(&error)
                   : print_fitness(list, &asked, as_json);
        release_asked(&asked);
        return code;
    }
    if (as_json) {
        print_json(list);
        return 0;
    }
    cJSON_ArrayForEach(one, list)
    {
        print_line(mem_printf("%-14s %-18s %3d  %s [", folder_of(one), member_text(one, "name"),
                              cJSON_GetObjectItem(one, "cases")->valueint, member_text(one, "title")));
        cJSON_ArrayForEach(cover, cJSON_GetObjectItem(one, "covers")) print_line(mem_printf(
            "%s%s", cover->prev->next ? " " : "", cJSON_IsString(cover) ? cover->valuestring : "?"));
        puts("]");
    }
    cJSON_Delete(list);
    return 0;
}
