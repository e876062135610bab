/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/arguments.h"
#include "harness/base/escape.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/base/surroundings.h"
#include "harness/campaign/campaign.h"
#include "harness/cmd/cmd.h"
#include "harness/cmd/folder.h"
#include "harness/campaign/strategy.h"

static bool is_folder(const char *path)
{
    struct stat about;
    return !stat(path, &about) && S_ISDIR(about.st_mode);
}

/* The folders with scenarios in a folder, for a message; the caller frees. */
static char *families_in(const char *path)
{
    cJSON *folders = folder_scenarios_in(path);
    char *text = mem_string("");
    for (const cJSON *folder = folders->child; folder; folder = folder->next) {
        char *longer = mem_printf("%s%s%s", text, *text ? ", " : "", folder->valuestring);
        free(text);
        text = longer;
    }
    cJSON_Delete(folders);
    return text;
}

/* `named`: those that were not found in a folder. */
static int add_scenario(cJSON *list, cJSON *named, const char *path)
{
    struct error error;
    if (!is_folder(path)) {
        char *family = mem_printf("%s/%s", surroundings_scenarios(), path);
        bool meant = access(path, F_OK) && !strchr(path, '/') && is_folder(family);
        if (meant) {
            error_set(&error, ERROR_INPUT, "%s: no such file or folder; the family of that name is %s", path,
                      family);
            error_print(&error);
        } else {
            cJSON_AddItemToArray(list, cJSON_CreateString(path));
            cJSON_AddItemToArray(named, cJSON_CreateString(path));
        }
        free(family);
        return meant ? -1 : 0;
    }
    if (folder_json_files(list, path))
        return 0;
    char *own = families_in(path), *known = *own ? NULL : families_in(surroundings_scenarios());
    error_set(&error, ERROR_INPUT,
              "%s: expected a folder of scenarios (*.json), found none in it; there is %s", path,
              known ? known : own);
    error_print(&error);
    free(own);
    free(known);
    return -1;
}

static char *join(int argc, char **argv)
{
    char *text = mem_string("otarig");
    for (int i = 0; i < argc; i++) {
        char *longer = mem_printf("%s %s", text, argv[i]);
        free(text);
        text = longer;
    }
    return text;
}

/* Options that a strategy needs, and those that it leaves no room for. 0, or the exit code. */
static int check_strategy(const char *strategy, const char *needs_one, const char *chosen_by_it)
{
    if (!strategy)
        return needs_one ? arguments_wrong("run", "--%s: expected a --strategy beside it", needs_one) : 0;
    size_t i = 0;
    while (strategy_names[i] && strcmp(strategy_names[i], strategy))
        i++;
    if (!strategy_names[i])
        return arguments_wrong("run", "--strategy: expected uniform, stratified or adaptive, found '%s'",
                               strategy);
    return chosen_by_it
               ? arguments_wrong("run",
                                 "--%s: expected no --strategy beside it: a strategy chooses the cases",
                                 chosen_by_it)
               : 0;
}

/* A gate that known-bad firmware passes is no gate. 0: it fails as it must; else the exit code. */
static int prove_gate(struct run_request *request, const char *firmware)
{
    cJSON *good = cJSON_DetachItemFromObject(request->spec, "firmware");
    struct run_request control = *request;
    control.quiet = control.control = true;
    cJSON_AddStringToObject(request->spec, "firmware", firmware);
    printf("known-bad firmware first: %s\n", firmware);
    int code = supervise_run(&control);
    cJSON_DeleteItemFromObject(request->spec, "firmware");
    cJSON_AddItemToObject(request->spec, "firmware", good);
    if (code == 1)
        return 0;
    if (code == 0 || code == 4)
        fprintf(stderr,
                "otarig: void: the known-bad firmware %s did not fail: a pass of these cases says nothing\n",
                firmware);
    return code == 0 || code == 4 ? 3 : code;
}

/* The scenario's word for what its verdict must be; NULL: it is no control. */
static const char *control_of(const char *folder, const char *name)
{
    static const char *const words[] = {"fail", "noticed"};
    struct json_document document;
    struct error error = {0};
    const char *found = NULL;
    char *path = mem_printf("%s/%s.json", folder, name);
    if (!json_load(&document, path, &error)) {
        const char *word = member_text(document.root, "control");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (!strcmp(word, words[i]))
                found = words[i];
        json_close(&document);
    }
    free(path);
    return found;
}

/* Each case of the controls' run must have come out as its scenario says. Returns how many must and did, -1
 * after a line about one that did not. */
static int count_caught(const char *run_folder, const char *controls)
{
    struct json_document document;
    struct error error = {0};
    int caught = 0;
    char *path = mem_printf("%s/result.json", run_folder);
    int failed = json_load(&document, path, &error);
    free(path);
    if (failed)
        return error_print(&error), -1;
    const cJSON *one;
    cJSON_ArrayForEach(one, member_list(document.root, "cases"))
    {
        const char *verdict = member_text(one, "verdict"), *name = member_text(one, "scenario");
        const char *must = control_of(controls, name);
        bool right =
            must && (!strcmp(must, "fail") ? !strcmp(verdict, "fail") : strcmp(verdict, "pass") != 0);
        printf("  %-16s %-14s %s\n", name, verdict, right ? "as it must" : "WRONG");
        if (!right)
            fprintf(stderr,
                    "otarig: void: '%s' was made bad on purpose, and its verdict is %s (%s): %s/cases/%s\n",
                    name, verdict, member_text(one, "reason"), run_folder, member_text(one, "id"));
        caught = caught < 0 || !right ? -1 : caught + 1;
    }
    cJSON_ArrayForEach(one, member_list(document.root, "skipped"))
    {
        const cJSON *reason = cJSON_GetArrayItem(member_list(one, "reasons"), 0);
        char *line = mem_printf("  %-16s left out: %s", member_text(one, "id"),
                                cJSON_IsString(reason) ? reason->valuestring : "");
        escape_terminal(stdout, line);
        putchar('\n');
        free(line);
    }
    json_close(&document);
    return caught;
}

/* As prove_gate, where nobody has a bad build: cases that are bad whatever the firmware. */
static int prove_gate_by_controls(struct run_request *request)
{
    char *controls = mem_printf("%s/control", surroundings_scenarios()), *folder = NULL;
    cJSON *spec = cJSON_Duplicate(request->spec, true), *list = cJSON_CreateArray();
    static const char *const of_cases[] = {"named", "vary", "cases", "repeat"};
    for (size_t i = 0; i < sizeof of_cases / sizeof *of_cases; i++)
        cJSON_DeleteItemFromObject(spec, of_cases[i]);
    folder_json_files(list, controls);
    cJSON_ReplaceItemInObject(spec, "scenarios", list);
    struct run_request control = {.spec = spec,
                                  .command = request->command,
                                  .out = request->out,
                                  .quiet = true,
                                  .control = true,
                                  .folder = &folder};
    puts("cases that are bad on purpose first:");
    int code = supervise_run(&control);
    int caught = code == 2 || code == 130 || !folder ? -1 : count_caught(folder, controls);
    if (!caught)
        fprintf(stderr, "otarig: void: this board and its place allow no case that is bad on purpose (%s)\n",
                controls);
    cJSON_Delete(spec);
    free(folder);
    free(controls);
    return caught > 0 ? 0 : code == 2 || code == 130 ? code : 3;
}

static const char usage[] =
    "usage: otarig run SCENARIO... --rack RACK [option...]\n"
    "Runs every case of the scenarios (files, or folders of them) on the places of the rack.\n";
static const char exits[] =
    "Exit: 0 all pass, 1 a board failed, 2 bad input, 3 rig fault, 4 inconclusive, 130 interrupted.\n";

/* What stands on the command line. The lists are the spec's. */
struct wish {
    const char *rack, *firmware, *known_bad, *needs_strategy, *chosen_by_strategy;
    cJSON *scenarios, *named, *places, *vary, *cases;
    double seed, repeat, jobs;
    bool allow_exec;
    struct run_request request;
    struct campaign_options campaign;
};

/* 0: go on; else the end, with *code. */
static int take_wish(struct wish *wish, int argc, char **argv, int *code)
{
    const char **with = &wish->needs_strategy, **without = &wish->chosen_by_strategy;
    struct campaign_options *campaign = &wish->campaign;
    const struct argument table[] = {
        {"rack", "FILE", "the rack", ARGUMENT_TEXT, .to = &wish->rack},
        {"place", "P", "only this place (may be given several times)", ARGUMENT_TEXTS, .to = wish->places},
        {"firmware", "DIR",
         "firmware to test: a folder with manifest.json\n(default: the good demo firmware)", ARGUMENT_TEXT,
         .to = &wish->firmware},
        {"out", "DIR", "where results go, a folder for each run (default: out)", ARGUMENT_TEXT,
         .to = &wish->request.out},
        {"seed", "N", "for random values and for faults on the link (default 1)", ARGUMENT_WHOLE,
         .to = &wish->seed, 0, 9e15},
        {"repeat", "N", "every case N times", ARGUMENT_WHOLE, .to = &wish->repeat, 1, 100000, without},
        {"vary", "KEY=V,..", "instead of the scenario's values for KEY", ARGUMENT_TEXTS, .to = wish->vary,
         .given = without},
        {"known-bad", "DIR",
         "firmware that must fail first, in at least one of these cases;\nelse the run is void (exit 3). "
         "\"made\": cases that are bad on\npurpose, with the firmware under test (scenarios/control)",
         ARGUMENT_TEXT, .to = &wish->known_bad},
        {"case", "ID", "only this case (may be given several times)", ARGUMENT_TEXTS, .to = wish->cases,
         .given = without},
        {"jobs", "N", "at most N places at once", ARGUMENT_WHOLE, .to = &wish->jobs, 1, 1000},
        {"allow-exec", NULL, "run what a rack file of somebody else says is to be run", ARGUMENT_FLAG,
         .to = &wish->allow_exec},
        {"quiet", NULL, "only the summary line", ARGUMENT_FLAG, .to = &wish->request.quiet},
        {"", NULL,
         "Instead of all cases of a scenario that varies one time, choose times by what the last ones "
         "showed:",
         ARGUMENT_HEADING, .to = NULL},
        {"strategy", "S",
         "uniform, stratified or adaptive (learns phases, halves the edges of what fails;\none cut in four "
         "at "
         "a time by chance: only such cuts tell p(fail))",
         ARGUMENT_TEXT, .to = &campaign->strategy},
        {"cuts", "N", "at most this many cuts (default 60)", ARGUMENT_WHOLE, .to = &campaign->cuts, 1, 1e6,
         with},
        {"confidence", "P", "percent, of what is said of p(fail) (default 95)", ARGUMENT_NUMBER,
         .to = &campaign->confidence, 50, 99.9999, with},
        {"below", "P", "stop when p(fail) of every phase is below this, like 0.1", ARGUMENT_NUMBER,
         .to = &campaign->below, 1e-6, 1, with},
        {"resolution", "R", "of the times, in the scenario's unit (default 1)", ARGUMENT_NUMBER,
         .to = &campaign->resolution, 1e-6, 1e9, with},
        {0}};
    const struct arguments arguments = {"run", usage, exits, table};
    int first;
    if (arguments_take(&arguments, argc, argv, &first, code))
        return -1;
    if (wish->allow_exec)
        surroundings_allow_exec();
    *code = !wish->rack     ? arguments_wrong("run", "expected --rack FILE")
            : first == argc ? arguments_wrong("run", "expected at least one scenario")
                            : check_strategy(campaign->strategy, *with, *without);
    for (int i = first; !*code && i < argc; i++)
        if (add_scenario(wish->scenarios, wish->named, argv[i]))
            *code = 2;
    return *code ? -1 : 0;
}

static int run(struct wish *wish)
{
    cJSON *spec = wish->request.spec;
    cJSON_AddStringToObject(spec, "rack", wish->rack);
    cJSON_AddStringToObject(spec, "firmware", wish->firmware);
    cJSON_AddStringToObject(spec, "boards", surroundings_boards());
    cJSON_AddNumberToObject(spec, "seed", wish->seed);
    cJSON_AddNumberToObject(spec, "repeat", wish->repeat);
    cJSON_AddNumberToObject(spec, "jobs", wish->jobs);
    int code = !wish->known_bad                  ? 0
               : strcmp(wish->known_bad, "made") ? prove_gate(&wish->request, wish->known_bad)
                                                 : prove_gate_by_controls(&wish->request);
    if (code)
        return code;
    return wish->campaign.strategy ? campaign_run(&wish->request, &wish->campaign)
                                   : supervise_run(&wish->request);
}

int cmd_run(int argc, char **argv)
{
    cJSON *spec = cJSON_CreateObject();
    char *demo = surroundings_firmware(), *command = join(argc, argv);
    struct wish wish = {.firmware = demo,
                        .scenarios = cJSON_AddArrayToObject(spec, "scenarios"),
                        .named = cJSON_AddArrayToObject(spec, "named"),
                        .places = cJSON_AddArrayToObject(spec, "places"),
                        .vary = cJSON_AddArrayToObject(spec, "vary"),
                        .cases = cJSON_AddArrayToObject(spec, "cases"),
                        .seed = 1,
                        .repeat = 1,
                        .request = {.spec = spec, .command = command, .out = "out"},
                        .campaign = {.cuts = 60, .confidence = 95, .resolution = 1}};
    int code;
    if (!take_wish(&wish, argc, argv, &code))
        code = run(&wish);
    cJSON_Delete(spec);
    free(demo);
    free(command);
    return code;
}
