/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig learn: a board file out of what the healthy board prints. */
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
#include "harness/base/surroundings.h"
#include "harness/cmd/cmd.h"
#include "harness/run/flash.h"
#include "harness/cmd/learn.h"
#include "harness/board/propose.h"

#define ROLES (1u << RACK_POWER | 1u << RACK_CONSOLE | 1u << RACK_PROBE | 1u << RACK_UPDATE)
#define WARM_STARTS 2

struct wish {
    const char *rack, *firmware, *folder, *place;
    double boots, updates, quiet_s, watch_s;
    bool replace, allow_exec;
};

struct work {
    struct board board;
    struct image_set images;
    struct json_document given; /* the board file as it stands */
    char *file, *evidence;      /* that are written */
};

static int load(const struct wish *wish, const struct by_hand *hand, struct work *work, struct error *error)
{
    char *firmware = wish->firmware ? mem_string(wish->firmware) : surroundings_firmware();
    int failed = board_find(surroundings_boards(), hand->place->board, &work->board, error) ||
                 board_can_run(&work->board, error) || json_load(&work->given, work->board.path, error) ||
                 image_set_load(firmware, &work->images, error);
    free(firmware);
    if (failed)
        return -1;
    work->file = mem_printf("%s/%s.learnt.json", wish->folder, work->board.name);
    work->evidence = mem_printf("%s/%s.learnt.evidence.json", wish->folder, work->board.name);
    const char *files[] = {work->file, work->evidence};
    for (int i = 0; i < 2; i++)
        if (!wish->replace && !access(files[i], F_OK))
            return error_set(error, ERROR_INPUT, "%s: is there already (--replace writes it anew)", files[i]);
    if (hand->place->devices[RACK_PROBE].driver && work->board.initial)
        return flash_check(&work->board, &work->images, "v1", error);
    return 0;
}

/* A virtual rack may keep its own time: then nobody waits for it. */
static int join_clock(struct by_hand *hand, struct error *error)
{
    const char *rack = surroundings_rack();
    bool found;
    return rack ? loop_join_clock(hand->loop, rack, &found, error) : 0;
}

static void tell(const char *what, double count)
{
    fprintf(stderr, "learn: %.0f %s\n", count, what);
}

static int record(const struct wish *wish, struct learn *learn, struct error *error)
{
    struct by_hand *hand = learn->hand;
    if (hand->rig.self[RACK_PROBE] && learn->board->initial) {
        if (by_hand_power_up(hand, error) ||
            flash_board(hand, learn->board, learn->images, "v1", false, error) ||
            by_hand_wait(hand, (uint64_t)(learn->board->boot_ms + learn->board->first_run_ms) * 1000, error))
            return -1;
        learn->ran = "v1";
    }
    tell("cold starts", wish->boots);
    if (learn_colds(learn, (unsigned)wish->boots, error))
        return -1;
    tell("warm starts", WARM_STARTS);
    if (learn_warms(learn, WARM_STARTS, error))
        return -1;
    if (hand->rig.self[RACK_UPDATE])
        tell("updates, and one that nobody confirms", wish->updates);
    return learn_updates(learn, (unsigned)wish->updates, error) ||
                   (wish->updates && learn_revert(learn, error))
               ? -1
               : 0;
}

static int write_json(const char *path, cJSON *tree, struct error *error)
{
    char *text = cJSON_Print(tree);
    int result = output_text(path, text, error);
    cJSON_free(text);
    return result;
}

/* What stands in lines of a console may move no terminal's cursor. */
static void say(char *text)
{
    escape_terminal(stdout, text);
    free(text);
}

static void print_proposal(const struct wish *wish, const struct work *work, const struct proposal *proposal,
                           const char *note)
{
    const cJSON *mark;
    printf("%s, with the lines and times it rests on in %s\n\nmarks\n", work->file, work->evidence);
    cJSON_ArrayForEach(mark, cJSON_GetObjectItem(proposal->board, "marks"))
        say(mem_printf("  %-14s %s\n", mark->string, mark->valuestring));
    const cJSON *limits = cJSON_GetObjectItem(proposal->board, "limits");
    if (cJSON_HasObjectItem(limits, "boot_ms"))
        say(mem_printf("\nlimits: boot_ms %.0f, recovery_ms %.0f\n", member_number(limits, "boot_ms", 0),
                       member_number(limits, "recovery_ms", 0)));
    if (proposal->gap_count || note[0])
        puts("\nnot learnt");
    for (size_t i = 0; i < proposal->gap_count; i++)
        say(mem_printf("  %s\n", proposal->gaps[i]));
    if (note[0])
        say(mem_printf("  %s\n", note));
    printf("\nNext: give \"%s\" as the \"board\" of the place, then\n"
           "  otarig run %s/clean-update --rack %s --place %s\n",
           work->file, surroundings_scenarios(), wish->rack, wish->place);
}

static int propose(const struct wish *wish, const struct learn *learn, const struct work *work,
                   struct error *error)
{
    struct align align;
    struct proposal proposal;
    struct board board;
    align_lines(learn->boots, learn->count, &align);
    propose_board(&align, work->given.root, &proposal);
    cJSON_AddItemToObject(proposal.evidence, "starts", learn_json(learn));
    int result = write_json(work->evidence, proposal.evidence, error) ||
                         write_json(work->file, proposal.board, error) ||
                         board_load(work->file, &board, error) /* with the parser that will read it */
                     ? -1
                     : 0;
    if (!result) {
        board_release(&board);
        print_proposal(wish, work, &proposal, learn->note);
    }
    proposal_release(&proposal);
    align_release(&align);
    return result;
}

static int learn_place(const struct wish *wish, struct by_hand *hand, struct error *error)
{
    struct work work = {0};
    struct learn learn = {.quiet_us = (uint64_t)(wish->quiet_s * 1e6),
                          .watch_us = (uint64_t)(wish->watch_s * 1e6)};
    int result = load(wish, hand, &work, error) || by_hand_need(hand, RACK_POWER, error) ||
                         by_hand_need(hand, RACK_CONSOLE, error) || join_clock(hand, error) ||
                         by_hand_open(hand, ROLES, error)
                     ? -1
                     : 0;
    if (!result) {
        learn_begin(&learn, hand, &work.board, &work.images);
        result = record(wish, &learn, error);
        if (!result)
            result = propose(wish, &learn, &work, error);
        hand->rig.listener = &hand->sink;
        learn_end(&learn);
    }
    image_set_release(&work.images);
    board_release(&work.board);
    json_close(&work.given);
    free(work.file);
    free(work.evidence);
    return result;
}

int cmd_learn(int argc, char **argv)
{
    struct wish wish = {.folder = ".", .boots = 5, .updates = 2, .quiet_s = 3, .watch_s = 120};
    const struct argument table[] = {
        {"rack", "RACK", "the rack file (required)", ARGUMENT_TEXT, .to = &wish.rack},
        {"firmware", "DIR", "the images: v1 and v2 at least (default: the good demo firmware)", ARGUMENT_TEXT,
         .to = &wish.firmware},
        {"boots", "N", "cold starts to record (5)", ARGUMENT_WHOLE, .to = &wish.boots, .low = 2,
         .high = 1000},
        {"updates", "N", "updates to record (2)", ARGUMENT_WHOLE, .to = &wish.updates, .low = 0, .high = 100},
        {"quiet", "S", "a start is over after so many seconds without a byte (3)", ARGUMENT_NUMBER,
         .to = &wish.quiet_s, .low = 0.1, .high = 600},
        {"watch", "S", "and at the latest after so many (120)", ARGUMENT_NUMBER, .to = &wish.watch_s,
         .low = 1, .high = 3600},
        {"out", "DIR", "where the files are written (.)", ARGUMENT_TEXT, .to = &wish.folder},
        {"replace", NULL, "even if they are there", ARGUMENT_FLAG, .to = &wish.replace},
        {"allow-exec", NULL, "programs that files of others name may run", ARGUMENT_FLAG,
         .to = &wish.allow_exec},
        {0}};
    const struct arguments arguments = {
        "learn",
        "usage: otarig learn PLACE --rack RACK [option...]\n"
        "Starts the healthy board at a place again and again: cold, warm, into updates, and once out of an\n"
        "update that nobody confirms. From the lines that it prints it proposes marks, phases, limits and "
        "the\n"
        "facts that rest on them, and writes BOARD.learnt.json and beside it BOARD.learnt.evidence.json. It "
        "says\n"
        "what it could not learn. Where the place has a probe, the board is erased and written.\n",
        "Exit: 0 written, 2 bad input, 3 the rig failed, or the board did not take a clean update.\n", table};
    struct by_hand hand = {.rack_time = true};
    struct error error = {0};
    int first, code;
    char **whole = mem_array((size_t)argc + 1, sizeof *whole);
    memcpy(whole, argv, (size_t)argc * sizeof *argv);
    if (arguments_take(&arguments, argc, argv, &first, &code)) {
        free(whole);
        return code;
    }
    if (!wish.rack || argc - first != 1) {
        free(whole);
        return arguments_wrong("learn", "expected PLACE and --rack RACK");
    }
    if (wish.allow_exec)
        surroundings_allow_exec();
    wish.place = argv[first];
    if (!by_hand_enter(&hand, wish.rack, wish.place, argc, whole, &code)) {
        int failed = learn_place(&wish, &hand, &error);
        free(whole);
        return by_hand_finish(&hand, false, failed, &error);
    }
    free(whole);
    by_hand_end(&hand);
    return code;
}
