/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig repro: one stored case again. What it was is in its own journal and in the run's run.json. On a
 * virtual rack the cuts land on the very operations they hit before, which the truth log of the case tells.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/arguments.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/base/surroundings.h"
#include "harness/replay/aim.h"
#include "harness/cmd/cmd.h"
#include "harness/replay/live.h"
#include "harness/replay/live_case.h"
#include "harness/supervise/supervise.h"
#include "harness/record/journal.h"
#include "harness/record/verdict.h"

/* ---- where the cuts landed ---- */

/* Lines of truth.jsonl as an array. */
static cJSON *read_truth(const char *folder)
{
    char *path = mem_printf("%s/truth.jsonl", folder), *line = NULL;
    size_t room = 0;
    cJSON *list = cJSON_CreateArray();
    FILE *file = fopen(path, "r");
    while (file && getline(&line, &room, file) > 0) {
        cJSON *event = cJSON_Parse(line);
        if (event)
            cJSON_AddItemToArray(list, event);
    }
    if (file)
        fclose(file);
    free(line);
    free(path);
    return list;
}

/* What a twin itself reported: "on", "off", ...; NULL when the line is something else. */
static const cJSON *twin_report(const cJSON *event, const char *what)
{
    const cJSON *report = cJSON_GetObjectItemCaseSensitive(event, "report");
    const char *kind = member_text_or(event, "what", NULL), *said = member_text_or(report, "what", NULL);
    return kind && !strcmp(kind, "twin") && said && !strcmp(said, what) ? report : NULL;
}

/* The first edge after each commanded cut is that cut's: a busy host may command late, but in order. */
static bool caused_by(const cJSON *off, const struct verdict *verdict, size_t *next)
{
    bool mine = *next < verdict->cut_count &&
                member_number(off, "t_us", 0) >= (double)verdict->cuts[*next].commanded_us;
    *next += mine;
    return mine;
}

static cJSON *align_one(const cJSON *off, double first_boot, const char *place)
{
    const cJSON *op = cJSON_GetObjectItemCaseSensitive(off, "op");
    const char *kind = member_text_or(op, "kind", NULL);
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "align");
    cJSON_AddStringToObject(command, "place", place);
    cJSON_AddNumberToObject(command, "boot", member_number(off, "boot", 0) - first_boot + 1);
    cJSON_AddStringToObject(command, "kind", kind ? kind : "-");
    cJSON_AddNumberToObject(command, "address", member_number(op, "address", 0));
    cJSON_AddNumberToObject(command, "occurrence", member_number(op, "occurrence", 0));
    cJSON_AddNumberToObject(command, "fraction_ppm", member_number(op, "fraction_ppm", 0));
    return command;
}

static cJSON *align_commands(const cJSON *truth, const struct verdict *verdict, const char *place)
{
    const cJSON *event;
    cJSON *list = cJSON_CreateArray();
    double first_boot = 0;
    size_t next = 0;
    cJSON_ArrayForEach(event, truth)
    {
        const cJSON *on = twin_report(event, "on"), *off = twin_report(event, "off");
        if (on && !first_boot)
            first_boot = member_number(on, "boot", 0);
        if (off && first_boot && caused_by(event, verdict, &next))
            cJSON_AddItemToArray(list, align_one(off, first_boot, place));
    }
    return list;
}

/* "write 0x80100 at 43 %": what the cuts of a case hit, to compare. */
static char *torn_operations(const char *folder, const struct verdict *verdict)
{
    cJSON *truth = read_truth(folder);
    const cJSON *event;
    char *text = mem_string("");
    size_t next = 0;
    cJSON_ArrayForEach(event, truth)
    {
        const cJSON *off = twin_report(event, "off"), *op = cJSON_GetObjectItemCaseSensitive(off, "op");
        if (!off || !caused_by(event, verdict, &next))
            continue;
        char *longer =
            mem_printf("%s%s%s 0x%x (occurrence %.0f, %.4f %% done)", text, text[0] ? "; " : "",
                       !op                                              ? "none"
                       : !strcmp(member_text_or(op, "kind", NULL), "w") ? "write"
                                                                        : "erase",
                       (unsigned)member_number(op, "address", 0), member_number(op, "occurrence", 0),
                       member_number(op, "fraction_ppm", 0) / 10000);
        free(text);
        text = longer;
    }
    cJSON_Delete(truth);
    return text;
}

/* ---- the run again ---- */

static void replace(cJSON *spec, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObject(spec, key);
    cJSON_AddItemToObject(spec, key, value);
}

static cJSON *list_of(const char *text)
{
    cJSON *list = cJSON_CreateArray();
    cJSON_AddItemToArray(list, cJSON_CreateString(text));
    return list;
}

static cJSON *make_spec(const char *folder, const cJSON *fields, const char *rack, const char *place,
                        struct error *error)
{
    struct json_document document;
    char *path = mem_printf("%s/../../run.json", folder);
    int failed = json_load(&document, path, error);
    free(path);
    if (failed) {
        error_prefix(error, "the run of this case");
        return NULL;
    }
    cJSON *spec = cJSON_Duplicate(document.root, true);
    json_close(&document);
    char *id = mem_string(member_text_or(fields, "case", NULL));
    id[strcspn(id, "#")] = 0;
    replace(spec, "scenarios", list_of(member_text_or(fields, "scenario_file", NULL)));
    replace(spec, "cases", list_of(id));
    replace(spec, "places", list_of(place ? place : member_text_or(fields, "place", NULL)));
    replace(spec, "repeat", cJSON_CreateNumber(1));
    if (rack)
        replace(spec, "rack", cJSON_CreateString(rack));
    free(id);
    return spec;
}

static char *find_folder(const char *name, const char *run)
{
    char *path = run ? mem_printf("%s/cases/%s", run, name) : mem_string(name);
    char *absolute = realpath(path, NULL);
    free(path);
    return absolute;
}

static void compare(const char *before, const struct verdict *was, const char *after)
{
    struct verdict is;
    struct error error = {0};
    char *journal = mem_printf("%s/journal.jsonl", after);
    if (verdict_of_journal(journal, &is, NULL, &error)) {
        error_print(&error);
        free(journal);
        return;
    }
    char *torn_before = torn_operations(before, was), *torn_after = torn_operations(after, &is);
    bool same = was->kind == is.kind && was->class == is.class;
    printf("before: %s %s\nnow:    %s %s\n%s\n", verdict_kind_name(was->kind), verdict_class_name(was->class),
           verdict_kind_name(is.kind), verdict_class_name(is.class),
           same ? "the same verdict" : "ANOTHER VERDICT");
    if (torn_before[0] && torn_after[0])
        printf("cut before: %s\ncut now:    %s\n%s\n", torn_before, torn_after,
               !strcmp(torn_before, torn_after) ? "the same flash operation" : "ANOTHER FLASH OPERATION");
    free(torn_before);
    free(torn_after);
    verdict_release(&is);
    free(journal);
}

/* A path that is named here and used elsewhere; the caller frees. */
static char *absolute(const char *path)
{
    char *here = !path || path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *whole = here ? mem_printf("%s/%s", here, path) : mem_string(path);
    free(here);
    return whole;
}

/* Whatever the run was told by a relative path, and what its rack file names so, counts from where it was
 * started. That folder may be gone, or the run may have come from another machine: then from here. */
static void go_back(const cJSON *spec)
{
    const char *folder = member_text(spec, "working_folder");
    if (*folder && chdir(folder))
        fprintf(stderr, "otarig repro: %s: %s; paths of the run count from here\n", folder, strerror(errno));
}

static int repro_here(const char *folder, const char *rack, const char *place, const char *out)
{
    struct verdict verdict;
    struct error error = {0};
    cJSON *fields = NULL;
    char *journal = mem_printf("%s/journal.jsonl", folder), *folder_now = NULL;
    int failed = verdict_of_journal(journal, &verdict, &fields, &error);
    free(journal);
    cJSON *spec = failed || !fields ? NULL : make_spec(folder, fields, rack, place, &error);
    if (!spec) {
        cJSON_Delete(fields);
        verdict_release(&verdict);
        return error_print(&error);
    }
    go_back(spec);
    cJSON *truth = read_truth(folder);
    replace(spec, "align",
            align_commands(truth, &verdict, place ? place : member_text_or(fields, "place", NULL)));
    struct run_request request = {.spec = spec, .command = "otarig repro", .out = out, .folder = &folder_now};
    int code = supervise_run(&request);
    if (folder_now) {
        char *id = mem_string(member_text_or(fields, "case", NULL));
        id[strcspn(id, "#")] = 0;
        char *after = mem_printf("%s/cases/%s", folder_now, id);
        compare(folder, &verdict, after);
        free(after);
        free(id);
    }
    free(folder_now);
    cJSON_Delete(truth);
    cJSON_Delete(spec);
    cJSON_Delete(fields);
    verdict_release(&verdict);
    return code;
}

static int repro(const char *folder, const char *rack_named, const char *place, const char *out_named)
{
    char *rack = absolute(rack_named), *out = absolute(out_named);
    int code = repro_here(folder, rack, place, out);
    free(rack);
    free(out);
    return code;
}

struct wish {
    const char *name, *rack, *place, *run, *out, *aim, *jitter_given, *board;
    bool by_time, allow_exec;
    double jitter_ms;
};

/* 0: go on; else the end, with *code. */
static int take_wish(struct wish *wish, int argc, char **argv, int *code)
{
    const struct argument table[] = {
        {"aim", "BASE",
         "of an exploration: print scenario BASE with its power cuts aimed there by probe watchpoints,\nfor "
         "a "
         "real board",
         ARGUMENT_TEXT, .to = &wish->aim},
        {"time", NULL, "with --aim: by the time after a console mark, for a rig without a probe",
         ARGUMENT_FLAG, .to = &wish->by_time},
        {"board", "BOARD",
         "with --time: whose marks count, a name or a file of your own\n(default: the board that was "
         "explored)",
         ARGUMENT_TEXT, .to = &wish->board},
        {"jitter", "MS", "with --time: the power switch scatters by +-MS (1)", ARGUMENT_NUMBER,
         .to = &wish->jitter_ms, 0, 10000, &wish->jitter_given},
        {"rack", "RACK", "on another rack than before", ARGUMENT_TEXT, .to = &wish->rack},
        {"place", "P", "on another place than before", ARGUMENT_TEXT, .to = &wish->place},
        {"run", "DIR", "the run's folder, when CASE is an id", ARGUMENT_TEXT, .to = &wish->run},
        {"out", "DIR", "where the result goes (default: out)", ARGUMENT_TEXT, .to = &wish->out},
        {"allow-exec", NULL, "run what a rack file of somebody else says is to be run", ARGUMENT_FLAG,
         .to = &wish->allow_exec},
        {0}};
    const struct arguments arguments = {
        "repro",
        "usage: otarig repro CASE [--rack RACK] [--place P] [--out DIR]\n"
        "Runs a stored case (its folder, or CASE-ID with --run RUN-FOLDER) again and compares the verdicts.\n"
        "Of an exploration (OUT/cases/...): makes the same cuts on a virtual rack and compares the memory "
        "word by word.\n",
        NULL, table};
    int first;
    if (arguments_take(&arguments, argc, argv, &first, code))
        return -1;
    if (wish->allow_exec)
        surroundings_allow_exec();
    *code = 2;
    if (first + 1 != argc)
        arguments_wrong("repro", "expected one case, found %d", argc - first);
    else if ((wish->by_time || wish->jitter_given) && !wish->aim)
        arguments_wrong("repro", "--time and --jitter: expected --aim beside them");
    else
        *code = 0;
    wish->by_time |= wish->jitter_given != NULL;
    wish->name = argv[first];
    return *code ? -1 : 0;
}

int cmd_repro(int argc, char **argv)
{
    struct wish wish = {.out = "out", .jitter_ms = 1};
    int code;
    if (take_wish(&wish, argc, argv, &code))
        return code;
    char *folder = find_folder(wish.name, wish.run);
    if (!folder) {
        fprintf(stderr, "otarig repro: %s: no such case folder%s\n", wish.name,
                wish.run ? "" : " (a case id needs --run RUN-FOLDER)");
        return 2;
    }
    if (wish.aim && !live_case_is(folder)) {
        fprintf(stderr, "otarig repro: --aim: %s is no case of an exploration\n", folder);
        code = 2;
    } else if (wish.aim) {
        code = aim_print(folder, wish.aim, wish.board, wish.by_time, wish.jitter_ms);
    } else if (live_case_is(folder)) {
        code = live_repro(folder, wish.rack, wish.place, argc, argv);
    } else {
        code = repro(folder, wish.rack, wish.place, wish.out);
    }
    free(folder);
    return code;
}
