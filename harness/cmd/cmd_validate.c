/* otarig validate: every file with the parser that will read it. */
#include <stdio.h>
#include <string.h>

#include "harness/cmd/cmd.h"
#include "harness/plan/plan.h"
#include "harness/record/journal.h"

static int check_scenario(const char *path, struct error *error)
{
    struct plan_file file;
    if (plan_file_load(path, NULL, 1, &file, error))
        return -1;
    int result = 0;
    for (size_t i = 0; i < file.variations.count && !result; i++) {
        struct scenario scenario;
        cJSON *tree = NULL;
        result = variation_apply(json_root(&file.document), file.variations.list[i].values, &tree, error);
        if (result)
            break;
        struct json_document document = {.name = file.document.name, .root = tree};
        result = scenario_parse(json_root(&document), &scenario, error);
        if (!result)
            scenario_release(&scenario);
        cJSON_Delete(tree);
    }
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
        result = board_find(cmd_boards_folder(), rack.places[i].board, &board, error);
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
    printf("%s: board '%s', chip %s\n", path, board.name, board.chip);
    board_release(&board);
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

/* What a file is, is told by what it holds. */
static int check(const char *path, struct error *error)
{
    struct json_document document;
    size_t len = strlen(path);
    if (len > 6 && !strcmp(path + len - 6, ".jsonl"))
        return check_journal(path, error);
    if (json_load(&document, path, error))
        return -1;
    struct json root = json_root(&document);
    bool scenario = json_present(json_get(root, "steps")) || json_present(json_get(root, "family"));
    bool rack = json_present(json_get(root, "places")), board = json_present(json_get(root, "chip"));
    int result =
        scenario || rack || board
            ? 0
            : json_expected(root, error, "a scenario (\"steps\"), a rack (\"places\") or a board (\"chip\")");
    json_close(&document);
    if (result)
        return -1;
    return scenario ? check_scenario(path, error) : rack ? check_rack(path, error) : check_board(path, error);
}

int cmd_validate(int argc, char **argv)
{
    int code = 0;
    if (argc < 2 || !strcmp(argv[1], "--help")) {
        fputs("usage: otarig validate FILE...\nChecks scenarios, racks, boards and journals; touches nothing "
              "else.\n",
              argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    for (int i = 1; i < argc; i++) {
        struct error error = {0};
        if (check(argv[i], &error))
            code = cmd_fail(&error);
    }
    return code;
}
