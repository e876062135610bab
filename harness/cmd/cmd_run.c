#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/stat.h>

#include "harness/base/arguments.h"
#include "harness/base/mem.h"
#include "harness/cmd/campaign.h"
#include "harness/plan/strategy.h"

static void usage(FILE *out)
{
    fputs("usage: otarig run SCENARIO... --rack RACK [option...]\n"
          "Runs every case of the scenarios (files, or folders of them) on the places of the rack.\n\n"
          "  --rack FILE       the rack\n"
          "  --place P         only this place (may be given several times)\n"
          "  --firmware DIR    firmware to test: a folder with manifest.json (default: the good demo "
          "firmware)\n"
          "  --out DIR         where results go, a folder for each run (default: out)\n"
          "  --seed N          for random values and for faults on the link (default 1)\n"
          "  --repeat N        every case N times\n"
          "  --vary KEY=V,..   instead of the scenario's values for KEY\n"
          "  --known-bad DIR   firmware that must fail first, in at least one of these cases; else the run "
          "is void "
          "(exit 3)\n"
          "  --case ID         only this case (may be given several times)\n"
          "  --jobs N          at most N places at once\n"
          "  --quiet           only the summary line\n\n"
          "Instead of all cases of a scenario that varies one time, choose times by what the last ones "
          "showed:\n\n"
          "  --strategy S      uniform, stratified or adaptive (learns phases, halves the edges of what "
          "fails;\n"
          "                    one cut in four at a time by chance: only such cuts tell p(fail))\n"
          "  --cuts N          at most this many cuts (default 60)\n"
          "  --confidence P    percent, of what is said of p(fail) (default 95)\n"
          "  --below P         stop when p(fail) of every phase is below this, like 0.1\n"
          "  --resolution R    of the times, in the scenario's unit (default 1)\n\n"
          "Exit: 0 all pass, 1 a board failed, 2 bad input, 3 rig fault, 4 inconclusive, 130 interrupted.\n",
          out);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_scenario(cJSON *list, const char *path)
{
    int before = cJSON_GetArraySize(list);
    struct stat about;
    struct dirent **entries;
    if (stat(path, &about) || !S_ISDIR(about.st_mode)) {
        cJSON_AddItemToArray(list, cJSON_CreateString(path));
        return 0;
    }
    int count = scandir(path, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        size_t len = strlen(entries[i]->d_name);
        char *inner = mem_printf("%s/%s", path, entries[i]->d_name);
        if (len > 5 && !strcmp(entries[i]->d_name + len - 5, ".json") &&
            !strstr(entries[i]->d_name, ".schema."))
            cJSON_AddItemToArray(list, cJSON_CreateString(inner));
        free(inner);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    if (cJSON_GetArraySize(list) > before)
        return 0;
    fprintf(stderr, "otarig: %s: expected a folder of scenarios (*.json), found none in it\n", path);
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

static int whole(const char *name, const char *text, double low, double high, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (!*end && end != text && *out >= low && *out <= high && *out == (double)(long long)*out)
        return 0;
    fprintf(stderr, "otarig: --%s: expected a whole number from %.0f to %.0f, found '%s'\n", name, low, high,
            text);
    return -1;
}

static int between(const char *name, const char *text, double low, double high, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (!*end && end != text && *out >= low && *out <= high)
        return 0;
    fprintf(stderr, "otarig: --%s: expected a number from %g to %g, found '%s'\n", name, low, high, text);
    return -1;
}

static int check_strategy(const char *strategy)
{
    for (const char *const *name = strategy_names; *name; name++)
        if (!strcmp(*name, strategy))
            return 0;
    fprintf(stderr, "otarig: --strategy: expected uniform, stratified or adaptive, found '%s'\n", strategy);
    return -1;
}

/* A gate that known-bad firmware passes is no gate. 0: it fails as it must; else the exit code. */
static int prove_gate(struct run_request *request, const char *firmware)
{
    cJSON *good = cJSON_DetachItemFromObject(request->spec, "firmware");
    struct run_request control = *request;
    control.quiet = true;
    cJSON_AddStringToObject(request->spec, "firmware", firmware);
    printf("known-bad firmware first: %s\n", firmware);
    int code = cmd_run_spec(&control);
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

int cmd_run(int argc, char **argv)
{
    static const struct option options[] = {
        {"rack", 1, NULL, 'r'},     {"place", 1, NULL, 'p'},      {"firmware", 1, NULL, 'f'},
        {"out", 1, NULL, 'o'},      {"seed", 1, NULL, 's'},       {"repeat", 1, NULL, 'n'},
        {"vary", 1, NULL, 'v'},     {"case", 1, NULL, 'c'},       {"jobs", 1, NULL, 'j'},
        {"quiet", 0, NULL, 'q'},    {"help", 0, NULL, 'h'},       {"known-bad", 1, NULL, 'k'},
        {"strategy", 1, NULL, 'S'}, {"cuts", 1, NULL, 'C'},       {"confidence", 1, NULL, 'P'},
        {"below", 1, NULL, 'B'},    {"resolution", 1, NULL, 'R'}, {0}};
    cJSON *spec = cJSON_CreateObject();
    cJSON *scenarios = cJSON_AddArrayToObject(spec, "scenarios"),
          *places = cJSON_AddArrayToObject(spec, "places");
    cJSON *vary = cJSON_AddArrayToObject(spec, "vary"), *cases = cJSON_AddArrayToObject(spec, "cases");
    char *firmware = cmd_firmware_folder(), *command = join(argc, argv);
    const char *rack = NULL, *known_bad = NULL, *only_with_strategy = NULL, *not_with_strategy = NULL;
    struct run_request request = {.spec = spec, .command = command, .out = "out"};
    double seed = 1, repeat = 1, jobs = 0;
    struct campaign_options campaign = {.cuts = 60, .confidence = 95, .resolution = 1};
    int code = -1;
    for (int c; code < 0 && (c = arguments_next(argc, argv, options)) != -1;) {
        if (c == 'C' || c == 'P' || c == 'B' || c == 'R')
            only_with_strategy = c == 'C'   ? "cuts"
                                 : c == 'P' ? "confidence"
                                 : c == 'B' ? "below"
                                            : "resolution";
        if (c == 'n' || c == 'v' || c == 'c')
            not_with_strategy = c == 'n' ? "repeat" : c == 'v' ? "vary" : "case";
        if (c == 'r')
            rack = optarg;
        else if (c == 'p')
            cJSON_AddItemToArray(places, cJSON_CreateString(optarg));
        else if (c == 'v')
            cJSON_AddItemToArray(vary, cJSON_CreateString(optarg));
        else if (c == 'c')
            cJSON_AddItemToArray(cases, cJSON_CreateString(optarg));
        else if (c == 'f') {
            free(firmware);
            firmware = mem_string(optarg);
        } else if (c == 'o')
            request.out = optarg;
        else if (c == 'q')
            request.quiet = true;
        else if (c == 'k')
            known_bad = optarg;
        else if (c == 'S')
            campaign.strategy = optarg;
        else if (c == 'h') {
            usage(stdout);
            code = 0;
        } else if ((c == 's' && whole("seed", optarg, 0, 9e15, &seed)) ||
                   (c == 'n' && whole("repeat", optarg, 1, 100000, &repeat)) ||
                   (c == 'j' && whole("jobs", optarg, 1, 1000, &jobs)) ||
                   (c == 'C' && whole("cuts", optarg, 1, 1e6, &campaign.cuts)) ||
                   (c == 'P' && between("confidence", optarg, 50, 99.9999, &campaign.confidence)) ||
                   (c == 'B' && between("below", optarg, 1e-6, 1, &campaign.below)) ||
                   (c == 'R' && between("resolution", optarg, 1e-6, 1e9, &campaign.resolution)) || c == '?')
            code = 2;
    }
    if (code < 0 && (!rack || optind == argc)) {
        fputs(rack ? "otarig run: expected at least one scenario\n" : "otarig run: expected --rack FILE\n",
              stderr);
        code = 2;
    }
    if (code < 0 && campaign.strategy && check_strategy(campaign.strategy))
        code = 2;
    if (code < 0 && !campaign.strategy && only_with_strategy) {
        fprintf(stderr, "otarig run: --%s: expected a --strategy beside it\n", only_with_strategy);
        code = 2;
    }
    if (code < 0 && campaign.strategy && not_with_strategy) {
        fprintf(stderr, "otarig run: --%s: expected no --strategy beside it: a strategy chooses the cases\n",
                not_with_strategy);
        code = 2;
    }
    for (int i = optind; code < 0 && i < argc; i++)
        if (add_scenario(scenarios, argv[i]))
            code = 2;
    if (code < 0) {
        cJSON_AddStringToObject(spec, "rack", rack);
        cJSON_AddStringToObject(spec, "firmware", firmware);
        cJSON_AddStringToObject(spec, "boards", cmd_boards_folder());
        cJSON_AddNumberToObject(spec, "seed", seed);
        cJSON_AddNumberToObject(spec, "repeat", repeat);
        cJSON_AddNumberToObject(spec, "jobs", jobs);
        code = known_bad ? prove_gate(&request, known_bad) : 0;
        if (!code)
            code = campaign.strategy ? campaign_run(&request, &campaign) : cmd_run_spec(&request);
    }
    cJSON_Delete(spec);
    free(firmware);
    free(command);
    return code;
}
