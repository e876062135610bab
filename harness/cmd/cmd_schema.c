/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig schema: the JSON Schemas of what people write and of what otarig writes, for editors and validators.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arguments.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/board/image.h"
#include "harness/gate/policy.h"
#include "harness/cmd/cmd.h"
#include "harness/rack/rack.h"

/* Of a format that is read by tables of options the tables themselves tell the schema; the others lie in a
 * file. */
static const struct format {
    const char *name, *help, *title;
    cJSON *(*build)(void);
    const char *file;
} formats[] = {
    {"rack", "places and their wiring", "A rack", rack_schema, NULL},
    {"board", "a type of device", NULL, NULL, "boards/schemas/board.schema.json"},
    {"manifest", "the images of a firmware folder", "manifest.json of a firmware folder", image_schema, NULL},
    {"scenario", "what is done to a board, and what must hold", NULL, NULL, "scenarios/scenario.schema.json"},
    {"explore", "what is explored", NULL, NULL, "scenarios/explore.schema.json"},
    {"sequence", "a sequence of cuts", NULL, NULL, "scenarios/sequence.schema.json"},
    {"policy", "what a release needs", "What a release needs", policy_schema, NULL},
    {"result", "the result of a run", NULL, NULL, "reports/schemas/result.schema.json"},
    {"journal", "a line of a journal", NULL, NULL, "reports/schemas/journal.schema.json"},
    {"campaign", "the result of a campaign", NULL, NULL, "reports/schemas/campaign.schema.json"},
    {"explored", "the result of an exploration", NULL, NULL, "reports/schemas/explore.schema.json"},
};
#define FORMAT_COUNT (sizeof formats / sizeof *formats)

static int print_file(const char *name)
{
    struct error error = {0};
    char *path = surroundings_data(name), piece[4096];
    FILE *file = file_open(path, &error);
    free(path);
    if (!file)
        return error_print(&error);
    for (size_t len; (len = fread(piece, 1, sizeof piece, file));)
        fwrite(piece, 1, len, stdout);
    fclose(file);
    return 0;
}

static int print_built(const struct format *format)
{
    cJSON *schema = format->build();
    char *id = mem_printf("urn:otarig:%s:1", format->name);
    cJSON_AddStringToObject(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    cJSON_AddStringToObject(schema, "$id", id);
    cJSON_AddStringToObject(schema, "title", format->title);
    char *text = cJSON_Print(schema);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(schema);
    free(id);
    return 0;
}

static int print_schema(const char *name)
{
    for (const struct format *format = formats; format < formats + FORMAT_COUNT; format++)
        if (!strcmp(format->name, name))
            return format->build ? print_built(format) : print_file(format->file);
    return arguments_wrong("schema", "expected the name of a format (`otarig schema` lists them), found '%s'",
                           name);
}

int cmd_schema(int argc, char **argv)
{
    static const struct arguments arguments = {
        "schema",
        "usage: otarig schema [FORMAT]\nPrints the JSON Schema (draft 2020-12) of a format; "
        "without one, lists the formats.\n",
        NULL, NULL};
    int first, code;
    if (arguments_take(&arguments, argc, argv, &first, &code))
        return code;
    if (argc - first > 1)
        return arguments_wrong("schema", "expected one format, found '%s'", argv[first + 1]);
    if (first < argc)
        return print_schema(argv[first]);
    for (size_t i = 0; i < FORMAT_COUNT; i++)
        printf("%-10s %s\n", formats[i].name, formats[i].help);
    return 0;
}
