/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/explore.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/arguments.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/explore/search/findings.h"
#include "harness/explore/report.h"
#include "harness/explore/engine/rot.h"
#include "harness/explore/search/search.h"
#include "harness/explore/search/shrink.h"

struct request {
    const char *scenario, *board, *firmware, *out, *from, *shrink;
    struct search_options options;
    bool json;
    unsigned live;
};

static void usage(FILE *out)
{
    fputs(
        "usage: otarig explore SCENARIO --board BOARD [option...]\n\n"
        "Boots a boot loader from every content of non-volatile memory that power cuts can leave, and judges "
        "each.\n\n"
        "  --board BOARD         a name (boards/BOARD.json) or a file\n"
        "  --firmware DIR        where image files are looked for before the scenario's folder; without it "
        "that "
        "folder is\n"
        "                        first, then the demo firmware\n"
        "  --depth N|any         cuts in a row: a number, or until nothing new is found (any)\n"
        "  --alphabet A          reduced: erases, flags, edges of pages; full: every operation (full)\n"
        "  --torn                at most one cut of a sequence may fall inside of an operation and tear it\n"
        "  --resets              at most one cut of a sequence may be a reset that keeps RAM instead\n"
        "  --rot N               at most one cut of a sequence may instead be a bit that flips while the "
        "power "
        "is off;\n"
        "                        N are drawn in each region of $.cuts.rot (or the given trailers)\n"
        "  --jobs N              workers (number of processors)\n"
        "  --budget TIME         stop after this long: 30s, 10m, 2h; with --out, a larger one later goes on "
        "from there\n"
        "  --memory MB           stop at this size of states and tables (900); a worker has about 20 MB of "
        "its own\n"
        "  --states N            stop after so many states; with --out, a larger number later goes on from "
        "there\n"
        "  --seed N              of RAM contents, tears and samples (1)\n"
        "  --out DIR             explore.json, junit.xml, index.html, evidence; resumed when it was "
        "interrupted\n"
        "  --from DUMP           start from this dump of the code flash instead of the scenario's start\n"
        "  --live N              also write N states into OUT/cases/sample, for otarig repro to compare on a "
        "rig\n"
        "  --shrink SEQUENCE     no search: find out which of the cuts of this file are needed for its "
        "failure\n"
        "  --first               stop after the first number of cuts that shows a failure\n"
        "  --share HOW           merge, merge-all: as reads, and states behind the last torn cut (or all) "
        "that "
        "differ\n"
        "                        only in what nothing that follows reads are one, at any depth; reads: a run "
        "answers\n"
        "                        for all states that agree on what it has read; meet: runs end where they "
        "meet; none:\n"
        "                        every state is run to its end (merge)\n"
        "  --no-prune            --share none\n"
        "  --json                print explore.json instead of the summary\n\n"
        "Exit: 0 everything holds, 1 failures, 2 bad input, 3 trouble of the tool, 4 no failure, but a limit "
        "came first\n"
        "or there was nothing to cut, or a real core would have faulted where the twin does not, 130 "
        "interrupted: "
        "what was\n"
        "found so far is told (a second signal ends it at once).\n",
        out);
}

static int number(const char *text, long long low, long long high, long long *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 0);
    return errno || end == text || *end || *out < low || *out > high ? -1 : 0;
}

static int take_time(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    double unit = !strcmp(end, "h") ? 3600 : !strcmp(end, "m") ? 60 : !strcmp(end, "s") || !*end ? 1 : -1;
    *out *= unit;
    return end == text || !(*out > 0 && *out < 1e7) ? -1 : 0;
}

static int bad(const char *option, const char *expected, const char *found)
{
    fprintf(stderr, "otarig: explore: %s: expected %s, found %s\n", option, expected, found);
    return -1;
}

static int take_option(struct request *request, int which, const char *text)
{
    long long value = 0;
    struct search_options *options = &request->options;
    switch (which) {
    case 'b':
        request->board = text;
        return 0;
    case 'f':
        request->firmware = text;
        return 0;
    case 'd':
        options->depth = -1;
        if (strcmp(text, "any") && number(text, 0, 200, &value))
            return bad("--depth", "0 to 200 or any", text);
        if (strcmp(text, "any"))
            options->depth = (int)value;
        return 0;
    case 'a':
        options->full = !strcmp(text, "full");
        return options->full || !strcmp(text, "reduced") ? 0 : bad("--alphabet", "reduced or full", text);
    case 't':
        options->torn = 1;
        return 0;
    case 'R':
        options->resets = true;
        return 0;
    case 'O':
        if (number(text, 1, ROT_PLACES_MAX, &value))
            return bad("--rot", "1 to 64", text);
        options->rot = (unsigned)value;
        return 0;
    case 'j':
        if (number(text, 1, 64, &value))
            return bad("--jobs", "1 to 64", text);
        options->jobs = (unsigned)value;
        return 0;
    case 'B':
        return take_time(text, &options->budget_s) ? bad("--budget", "a time like 30s, 10m, 2h", text) : 0;
    case 'm':
        if (number(text, 16, 1 << 20, &value))
            return bad("--memory", "16 to 1048576 (MB)", text);
        options->memory_max = (size_t)value << 20;
        return 0;
    case 'N':
        if (number(text, 1, UINT32_MAX - 1, &value))
            return bad("--states", "a number of states from 1", text);
        options->states_max = (size_t)value;
        return 0;
    case 's':
        if (number(text, 0, INT64_C(1) << 53, &value)) /* a rig reads it as JSON */
            return bad("--seed", "0 to 2^53", text);
        options->seed = (uint64_t)value;
        return 0;
    case 'o':
        request->out = text;
        return 0;
    case 'F':
        request->from = text;
        return 0;
    case 'S':
        request->shrink = text;
        return 0;
    case 'H':
        options->merge_all = !strcmp(text, "merge-all");
        if (options->merge_all)
            text = "merge";
        for (int i = 0; search_strategy_names[i]; i++)
            if (!strcmp(search_strategy_names[i], text)) {
                options->strategy = (enum search_strategy)i;
                return 0;
            }
        return bad("--share", "merge, merge-all, reads, meet or none", text);
    case 'n':
        options->strategy = STRATEGY_WHOLE;
        return 0;
    case '1':
        options->first = true;
        return 0;
    case 'l':
        if (number(text, 0, 1000000, &value))
            return bad("--live", "a number of states", text);
        request->live = (unsigned)value;
        return 0;
    case 'J':
        request->json = true;
        return 0;
    }
    return -1;
}

/* 0: go on; else an exit code + 1. */
static int take_options(struct request *request, int argc, char **argv)
{
    static const struct option table[] = {
        {"board", 1, NULL, 'b'},    {"firmware", 1, NULL, 'f'}, {"depth", 1, NULL, 'd'},
        {"alphabet", 1, NULL, 'a'}, {"torn", 0, NULL, 't'},     {"resets", 0, NULL, 'R'},
        {"rot", 1, NULL, 'O'},      {"jobs", 1, NULL, 'j'},     {"budget", 1, NULL, 'B'},
        {"memory", 1, NULL, 'm'},   {"seed", 1, NULL, 's'},     {"out", 1, NULL, 'o'},
        {"from", 1, NULL, 'F'},     {"no-prune", 0, NULL, 'n'}, {"share", 1, NULL, 'H'},
        {"first", 0, NULL, '1'},    {"live", 1, NULL, 'l'},     {"shrink", 1, NULL, 'S'},
        {"json", 0, NULL, 'J'},     {"states", 1, NULL, 'N'},   {"help", 0, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    int which;
    optind = 1;
    while ((which = arguments_next(argc, argv, table)) != -1) {
        if (which == 'h') {
            usage(stdout);
            return 1;
        }
        if (take_option(request, which, optarg))
            return 3;
    }
    if (request->live && !request->out)
        return bad("--live", "an --out folder for its cases", "none") ? 3 : 0;
    if (request->shrink && request->out)
        return bad("--shrink", "no --out (it writes to its output)", request->out) ? 3 : 0;
    if (optind + 1 != argc) {
        fprintf(stderr, "otarig: explore: expected one SCENARIO, found %d (see otarig explore --help)\n",
                argc - optind);
        return 3;
    }
    if (!request->board)
        return bad("--board", "a name (see `otarig boards`) or a file", "none") ? 3 : 0;
    request->scenario = argv[optind];
    return 0;
}

uint8_t *explore_read_dump(const struct spec *spec, const char *path, struct error *error)
{
    const struct twin_region *regions;
    twin_nvm_regions(spec->chip, &regions);
    FILE *file = file_open(path, error);
    if (!file)
        return NULL;
    uint8_t *nvm = mem_alloc(spec->nvm_size + 1);
    spec_factory(spec, nvm);
    size_t len = fread(nvm, 1, spec->nvm_size + 1, file);
    fclose(file);
    if (len == regions[0].size || len == spec->nvm_size)
        return nvm;
    error_set(error, ERROR_INPUT,
              "%s: expected %u bytes (code flash of the %s) or %zu (all non-volatile memory), found %zu%s",
              path, regions[0].size, spec->chip, spec->nvm_size, len, len > spec->nvm_size ? " or more" : "");
    free(nvm);
    return NULL;
}

static int fail(const struct error *error)
{
    fprintf(stderr, "otarig: %s\n", error->text);
    return error_exit_code(error);
}

static void on_signal(int number)
{
    search_interrupt();
}

/* The first one ends the search with what it has found; another one ends it at once. */
static void hear_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int explore(struct request *request, const struct spec *spec)
{
    struct error error = {0};
    struct search search;
    struct findings findings;
    uint8_t *start = NULL;
    char *checkpoint = NULL;
    if (request->options.rot && !spec->rot_count) {
        error_set(&error, ERROR_INPUT,
                  "%s: $.cuts: expected \"rot\" or \"trailers\", the regions whose bits --rot flips",
                  spec->path);
        return fail(&error);
    }
    if (request->from && !(start = explore_read_dump(spec, request->from, &error)))
        return fail(&error);
    if (request->shrink) {
        int found = shrink(spec, request->shrink, start, request->options.seed, request->json, &error);
        free(start);
        return found < 0 ? fail(&error) : found;
    }
    if (request->out && file_make_folder(request->out)) {
        error_set(&error, ERROR_INPUT, "--out: expected a folder, or a name for one, found %s (%s)",
                  request->out, errno == ENOTDIR ? "a file" : strerror(errno));
        free(start);
        return fail(&error);
    }
    if (request->out)
        request->options.checkpoint = checkpoint = mem_printf("%s/checkpoint", request->out);
    int code = 3;
    hear_interrupts();
    if (search_run(&search, spec, &request->options, start, &error) ||
        findings_make(&findings, &search, &error)) {
        code = fail(&error);
        if (error.kind == ERROR_TIMEOUT)
            code = 4; /* a limit came first */
    } else {
        code = findings.trouble ? 3 : findings.count ? 1 : explore_report_is_open(&search, &findings) ? 4 : 0;
        if (explore_report_all(&search, &findings, request->out, request->json, &error) ||
            (request->out && explore_report_live(&search, &findings, request->out, request->live, &error)))
            code = fail(&error);
        if (search_interrupted())
            code = 130;
        findings_release(&findings);
        if (checkpoint && !search.unfinished)
            unlink(checkpoint); /* else the same command with a larger limit goes on from there */
    }
    search_free(&search);
    free(checkpoint);
    free(start);
    return code;
}

int explore_main(int argc, char **argv, const char *boards, char *firmware)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct request request = {.options = {.depth = -1,
                                          .full = true,
                                          .jobs = processors > 64 ? 64 : (unsigned)processors,
                                          .seed = 1,
                                          .strategy = STRATEGY_MERGE,
                                          .merge_blind = UINT32_MAX,
                                          .progress = isatty(2),
                                          .memory_max = (size_t)900 << 20,
                                          .sample = 32}};
    struct error error = {0};
    struct spec spec;
    int code = take_options(&request, argc, argv);
    if (code) {
        free(firmware);
        return code - 1;
    }
    char *board = surroundings_board(boards, request.board);
    /* with a firmware named, nothing of the demo's may slip in */
    struct spec_folders folders = {.firmware = request.firmware,
                                   .standard = request.firmware ? NULL : firmware};
    if (spec_load(&spec, request.scenario, board, &folders, &error)) {
        code = fail(&error);
    } else {
        code = explore(&request, &spec);
        spec_release(&spec);
    }
    free(board);
    free(firmware);
    return code;
}
