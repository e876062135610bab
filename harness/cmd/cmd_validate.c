/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig validate: every file with the parser that will read it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arguments.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/validate_explore.h"
#include "harness/gate/policy.h"
#include "harness/plan/plan.h"
#include "harness/record/journal.h"
#include "reports/result.h"

/* What a scenario is checked against; what is NULL is left out. */
struct against {
    const char *board, *firmware;
};

static int check_case(const struct plan_file *file, size_t index, struct error *error)
{
    struct scenario scenario;
    cJSON *tree = NULL;
    if (variation_apply(json_root(&file->document), file->variations.list[index].values, &tree, error))
        return -1;
    struct json_document document = {.name = file->document.name, .root = tree};
    int result = scenario_parse(json_root(&document), &scenario, error);
    if (!result)
        scenario_release(&scenario);
    cJSON_Delete(tree);
    return result;
}

static int check_cases(const struct plan_file *file, struct error *error)
{
    for (size_t i = 0; i < file->variations.count; i++)
        if (check_case(file, i, error))
            return -1;
    return 0;
}

/* As a run of it would: the images, marks and watches that it names must be there. */
static int check_plans(const struct plan_file *file, const struct against *against, struct error *error)
{
    struct board board;
    struct image_set images;
    struct plan plan;
    int result = 0;
    if (board_load(against->board, &board, error))
        return -1;
    if (board_can_run(&board, error) || image_set_load(against->firmware, &images, error)) {
        board_release(&board);
        return -1;
    }
    for (size_t i = 0; i < file->variations.count && !result; i++) {
        result = plan_build(file, i, &board, &images, &plan, error);
        if (result)
            break;
        if (plan.unfit_count)
            result = error_set(error, ERROR_INPUT, "%s", plan.unfit[0]);
        plan_release(&plan);
    }
    image_set_release(&images);
    board_release(&board);
    return result;
}

static int check_scenario(const char *path, const struct against *against, struct error *error)
{
    struct plan_file file;
    if (plan_file_load(path, NULL, 1, &file, error))
        return -1;
    int result =
        against->board && against->firmware ? check_plans(&file, against, error) : check_cases(&file, error);
    if (!result)
        printf("%s: scenario '%s', %zu case%s\n", path, file.name, file.variations.count,
               file.variations.count == 1 ? "" : "s");
    plan_file_release(&file);
    return result;
}

static int check_rack(const char *path, struct error *error)
{
    struct rack rack;
    if (rack_load(path, &rack, error))
        return -1;
    int result = 0;
    for (size_t i = 0; i < rack.place_count && !result; i++) {
        struct board board;
        result = board_find(surroundings_boards(), rack.places[i].board, &board, error);
        if (result)
            error_prefix(error, "%s: $.places[%zu].board", path, i);
        else
            board_release(&board);
    }
    if (!result)
        printf("%s: rack '%s', %zu places%s\n", path, rack.name, rack.place_count,
               rack.is_virtual ? ", virtual" : "");
    rack_release(&rack);
    return result;
}

static int check_board(const char *path, struct error *error)
{
    struct board board;
    if (board_load(path, &board, error))
        return -1;
    printf("%s: board '%s', chip %s%s\n", path, board.name, board.chip,
           board.bare ? ", for explorations" : "");
    if (!board.bare)
        facts_print(stdout, &board, NULL);
    board_release(&board);
    return 0;
}

/* The images are beside it, and are read. */
static int check_manifest(const char *path, struct error *error)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? mem_printf("%.*s", (int)(slash - path), path) : mem_string(".");
    struct image_set images = {0};
    int result = 0;
    if (strcmp(slash ? slash + 1 : path, "manifest.json"))
        result = error_set(error, ERROR_INPUT, "%s: images: expected the name manifest.json", path);
    else
        result = image_set_load(slash && slash == path ? "/" : folder, &images, error);
    if (!result)
        printf("%s: images of '%s', %zu\n", path, images.variant, images.count);
    image_set_release(&images);
    free(folder);
    return result;
}

static int check_policy(const char *path, struct error *error)
{
    struct policy policy;
    if (policy_load(path, &policy, error))
        return -1;
    printf("%s: policy '%s', %zu requirement%s\n", path, policy.name, policy.need_count,
           policy.need_count == 1 ? "" : "s");
    policy_release(&policy);
    return 0;
}

static int check_journal(const char *path, struct error *error)
{
    struct journal_reader *reader = journal_open(path, error);
    struct journal_line line;
    size_t count = 0;
    int got;
    if (!reader)
        return -1;
    while ((got = journal_read(reader, &line, error)) > 0)
        count++;
    if (!got)
        printf("%s: journal, %zu events%s\n", path, count,
               journal_torn(reader) ? ", the last line is torn" : "");
    journal_reader_free(reader);
    return got;
}

static int check_run(const char *path, struct error *error)
{
    cJSON *result = result_read(path, error);
    if (!result)
        return -1;
    printf("%s: result of a run, %d cases\n", path, cJSON_GetArraySize(cJSON_GetObjectItem(result, "cases")));
    cJSON_Delete(result);
    return 0;
}

static bool has(struct json root, const char *key)
{
    return json_present(json_get(root, key));
}

/* What a file is, is told by what it holds. */
static int check(const char *path, const struct against *against, struct error *error)
{
    struct json_document document;
    const char *kind = NULL;
    size_t len = strlen(path);
    int result;
    if (len > 6 && !strcmp(path + len - 6, ".jsonl"))
        return check_journal(path, error);
    if (json_load(&document, path, error))
        return -1;
    struct json root = json_root(&document);
    if (has(root, "kind"))
        json_string(json_get(root, "kind"), &kind, NULL);
    if (kind && !strcmp(kind, "explore"))
        result = validate_explore_scenario(path, against->board, against->firmware, root, error);
    else if (has(root, "summary"))
        result = has(root, "depths") ? validate_explore_result(path, root, error) : check_run(path, error);
    else if (has(root, "steps") || has(root, "family"))
        result = check_scenario(path, against, error);
    else if (has(root, "places"))
        result = check_rack(path, error);
    else if (has(root, "chip"))
        result = check_board(path, error);
    else if (has(root, "variant"))
        result = check_manifest(path, error);
    else if (has(root, "require"))
        result = check_policy(path, error);
    else
        result = json_expected(
            root, error,
            "a scenario (\"steps\"), an exploration (\"kind\"), a rack (\"places\"), a board "
            "(\"chip\"), images (\"variant\"), a policy (\"require\") or a result (\"summary\")");
    json_close(&document);
    return result;
}

int cmd_validate(int argc, char **argv)
{
    const char *name = NULL;
    struct against against = {0};
    const struct argument table[] = {
        {"board", "BOARD", "for the scenarios of explorations: a name (boards/BOARD.json) or a file",
         ARGUMENT_TEXT, .to = &name},
        {"firmware", "DIR",
         "where the images of explorations are (default: the good demo firmware);\nwith --board, other "
         "scenarios are held against both, too",
         ARGUMENT_TEXT, .to = &against.firmware},
        {0}};
    const struct arguments arguments = {
        "validate",
        "usage: otarig validate FILE... [--board BOARD] [--firmware DIR]\n"
        "Checks scenarios, racks, boards, images (manifest.json), policies, results (result.json, "
        "explore.json) and\n"
        "journals (*.jsonl), each with the parser that will read it; touches nothing else. Of a board it\n"
        "prints which facts are known and from where.\n",
        "Exit: 0 all are right, 2 one is not.\n", table};
    int first, code;
    if (arguments_take(&arguments, argc, argv, &first, &code))
        return code;
    surroundings_allow_exec(); /* nothing is run here */
    if (first == argc)
        return arguments_wrong("validate", "expected at least one file");
    char *board = name ? surroundings_board(surroundings_boards(), name) : NULL;
    against.board = board;
    code = 0;
    for (int i = first; i < argc; i++) {
        struct error error = {0};
        if (check(argv[i], &against, &error))
            code = error_print(&error);
    }
    free(board);
    return code;
}
