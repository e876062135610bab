/* otarig repro: one stored case again. What it was is in its own journal and in the run's run.json. On a
 * virtual rack the cuts land on the very operations they hit before, which the truth log of the case tells.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arguments.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/cmd/aim.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/live.h"
#include "harness/cmd/live_case.h"
#include "harness/record/journal.h"
#include "harness/record/verdict.h"
#include "reports/result.h"

static const char usage[] =
    "usage: otarig repro CASE [--rack RACK] [--place P] [--out DIR]\n"
    "Runs a stored case (its folder, or CASE-ID with --run RUN-FOLDER) again and compares the verdicts.\n"
    "Of an exploration (OUT/cases/...): makes the same cuts on a virtual rack and compares the memory word "
    "by word.\n"
    "  --aim BASE    of an exploration: print scenario BASE with its power cuts aimed there by probe "
    "watchpoints,\n"
    "                for a real board\n"
    "  --time        with --aim: by the time after a console mark, for a rig without a probe\n"
    "  --jitter MS   with --time: the power switch scatters by +-MS (1)\n"
    "  --rack RACK   on another rack than before\n"
    "  --place P     on another place than before\n"
    "  --run DIR     the run's folder, when CASE is an id\n"
    "  --out DIR     where the result goes (default: out)\n";

static const char *text_of(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(node) ? node->valuestring : NULL;
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(node) ? node->valuedouble : 0;
}

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
    const char *kind = text_of(event, "what"), *said = text_of(report, "what");
    return kind && !strcmp(kind, "twin") && said && !strcmp(said, what) ? report : NULL;
}

/* The first edge after each commanded cut is that cut's: a busy host may command late, but in order. */
static bool caused_by(const cJSON *off, const struct verdict *verdict, size_t *next)
{
    bool mine =
        *next < verdict->cut_count && number_of(off, "t_us") >= (double)verdict->cuts[*next].commanded_us;
    *next += mine;
    return mine;
}

static cJSON *align_one(const cJSON *off, double first_boot, const char *place)
{
    const cJSON *op = cJSON_GetObjectItemCaseSensitive(off, "op");
    const char *kind = text_of(op, "kind");
    cJSON *command = cJSON_CreateObject();
    cJSON_AddStringToObject(command, "do", "align");
    cJSON_AddStringToObject(command, "place", place);
    cJSON_AddNumberToObject(command, "boot", number_of(off, "boot") - first_boot + 1);
    cJSON_AddStringToObject(command, "kind", kind ? kind : "-");
    cJSON_AddNumberToObject(command, "address", number_of(op, "address"));
    cJSON_AddNumberToObject(command, "occurrence", number_of(op, "occurrence"));
    cJSON_AddNumberToObject(command, "fraction_ppm", number_of(op, "fraction_ppm"));
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
            first_boot = number_of(on, "boot");
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
        char *longer = mem_printf("%s%s%s 0x%x (occurrence %.0f, %.4f %% done)", text, text[0] ? "; " : "",
                                  !op                                 ? "none"
                                  : !strcmp(text_of(op, "kind"), "w") ? "write"
                                                                      : "erase",
                                  (unsigned)number_of(op, "address"), number_of(op, "occurrence"),
                                  number_of(op, "fraction_ppm") / 10000);
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
    char *id = mem_string(text_of(fields, "case"));
    id[strcspn(id, "#")] = 0;
    replace(spec, "scenarios", list_of(text_of(fields, "scenario_file")));
    replace(spec, "cases", list_of(id));
    replace(spec, "places", list_of(place ? place : text_of(fields, "place")));
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
        cmd_fail(&error);
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

static int repro(const char *folder, const char *rack, const char *place, const char *out)
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
        return cmd_fail(&error);
    }
    cJSON *truth = read_truth(folder);
    replace(spec, "align", align_commands(truth, &verdict, place ? place : text_of(fields, "place")));
    struct run_request request = {.spec = spec, .command = "otarig repro", .out = out, .folder = &folder_now};
    int code = cmd_run_spec(&request);
    if (folder_now) {
        char *id = mem_string(text_of(fields, "case"));
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

static int take_jitter(const char *text, double *jitter_ms)
{
    char *end;
    *jitter_ms = strtod(text, &end);
    if (end != text && !*end && *jitter_ms >= 0 && *jitter_ms <= 10000)
        return 0;
    fprintf(stderr, "otarig repro: --jitter: expected 0 to 10000 (ms), not '%s'\n", text);
    return -1;
}

int cmd_repro(int argc, char **argv)
{
    static const struct option options[] = {
        {"rack", 1, NULL, 'r'},   {"place", 1, NULL, 'p'}, {"run", 1, NULL, 'R'},
        {"out", 1, NULL, 'o'},    {"aim", 1, NULL, 'a'},   {"time", 0, NULL, 't'},
        {"jitter", 1, NULL, 'j'}, {"help", 0, NULL, 'h'},  {0}};
    const char *rack = NULL, *place = NULL, *run = NULL, *out = "out", *aim = NULL;
    bool by_time = false;
    double jitter_ms = 1;
    for (int c; (c = arguments_next(argc, argv, options)) != -1;) {
        if (c == 'r')
            rack = optarg;
        else if (c == 'p')
            place = optarg;
        else if (c == 'R')
            run = optarg;
        else if (c == 'a')
            aim = optarg;
        else if (c == 'o')
            out = optarg;
        else if (c == 't')
            by_time = true;
        else if (c == 'j' && take_jitter(optarg, &jitter_ms))
            return 2;
        else if (c == 'j')
            by_time = true;
        else {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return 2;
    }
    char *folder = find_folder(argv[optind], run);
    if (!folder) {
        fprintf(stderr, "otarig repro: %s: no such case folder%s\n", argv[optind],
                run ? "" : " (a case id needs --run RUN-FOLDER)");
        return 2;
    }
    int code;
    if (by_time && !aim) {
        fputs("otarig repro: --time and --jitter need --aim\n", stderr);
        code = 2;
    } else if (aim && !live_case_is(folder)) {
        fprintf(stderr, "otarig repro: --aim: %s is no case of an exploration\n", folder);
        code = 2;
    } else if (aim) {
        code = aim_print(folder, aim, by_time, jitter_ms);
    } else if (live_case_is(folder)) {
        code = live_repro(folder, rack, place, argc, argv);
    } else {
        code = repro(folder, rack, place, out);
    }
    free(folder);
    return code;
}
