/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig doctor: each device of a rack: found, reachable, answering; with the fix for what is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arguments.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/run/by_hand.h"
#include "harness/cmd/cmd.h"
#include "harness/board/board.h"

struct doctor {
    struct by_hand hand;
    cJSON *list; /* NULL: as text */
};

static void tell(struct doctor *doctor, const struct rack_place *place, enum rack_role role,
                 const struct error *failed, const char *advice)
{
    const char *driver = place->devices[role].driver->name;
    if (!doctor->list) {
        printf("%-8s %-8s %-8s %s\n", place->name, rack_role_name(role), driver,
               failed ? failed->text : "ok");
        if (failed && advice[0])
            printf("%28s%s\n", "-> ", advice);
        return;
    }
    cJSON *one = cJSON_CreateObject();
    cJSON_AddItemToArray(doctor->list, one);
    cJSON_AddStringToObject(one, "place", place->name);
    cJSON_AddStringToObject(one, "role", rack_role_name(role));
    cJSON_AddStringToObject(one, "driver", driver);
    cJSON_AddBoolToObject(one, "ok", !failed);
    if (failed)
        cJSON_AddStringToObject(one, "error", failed->text);
    if (failed && advice[0])
        cJSON_AddStringToObject(one, "advice", advice);
}

static int examine_device(struct doctor *doctor, const struct rack_place *place, enum rack_role role)
{
    const struct rack_device *device = &place->devices[role];
    struct driver_env env = {.loop = doctor->hand.loop,
                             .sink = &doctor->hand.sink,
                             .place = place->name,
                             .role = rack_role_name(role),
                             .folder = "/tmp",
                             .safe_on = place->safe_on};
    struct error error = {0};
    char advice[300] = "";
    if (!device->driver || !device->driver->examine)
        return 0;
    int failed = device->driver->examine(&env, device->config, advice, sizeof advice, &error);
    tell(doctor, place, role, failed ? &error : NULL, advice);
    return failed;
}

/* The probe is asked with the board powered: a dark board answers no probe. */
static int examine_probe(struct doctor *doctor, const struct rack_place *place)
{
    struct by_hand *hand = &doctor->hand;
    struct error error = {0};
    if (!place->devices[RACK_PROBE].driver)
        return 0;
    hand->place = place;
    /* the driver's own examination knows its server and what to advise */
    bool own = place->devices[RACK_PROBE].driver->examine != NULL;
    int failed = by_hand_open(hand, 1u << RACK_POWER | (own ? 0 : 1u << RACK_PROBE), &error) ||
                 by_hand_power_up(hand, &error);
    if (!failed && own)
        failed = examine_device(doctor, place, RACK_PROBE);
    else if (!failed)
        failed = by_hand_probe(hand, &(struct probe_job){.verb = PROBE_ATTACH}, &error);
    if (!own || error.kind)
        tell(doctor, place, RACK_PROBE, failed ? &error : NULL,
             "is the board powered, the adapter plugged in, its cable the board's?");
    if (hand->open)
        rig_close(&hand->rig);
    hand->open = false;
    return failed;
}

#define ANSWER_US 5000000u /* a board starts, and answers, in that time, or it is asked in vain */

/* What the board says is no finding about the rig: a blank one says nothing. */
static void ask_board(struct doctor *doctor, const struct rack_place *place)
{
    struct by_hand *hand = &doctor->hand;
    struct error error = {0};
    const struct rack_device *client = &place->devices[RACK_UPDATE];
    const unsigned roles = 1u << RACK_POWER | 1u << RACK_CONSOLE | 1u << RACK_PROBE | 1u << RACK_UPDATE;
    if (!client->driver || doctor->list ||
        !(client->driver->update->abilities(client->config) & UPDATE_BOARD_ANSWERS))
        return;
    hand->place = place;
    bool silent =
        by_hand_open(hand, roles, &error) || by_hand_power_up(hand, &error) ||
        by_hand_update(hand, &(struct update_job){.intent = UPDATE_PING, .deadline_us = ANSWER_US}, &error);
    printf("%-8s %-8s %-8s %s%s\n", place->name, "update", client->driver->name,
           silent ? "no answer from the board: " : "the board answers", silent ? error.text : "");
    if (silent)
        printf("%28s%s\n", "-> ",
               "is there firmware on it (`otarig flash`), and does the console's wire to it hold?");
    if (hand->open)
        rig_close(&hand->rig);
    hand->open = false;
}

/* The first place of the rack, when none is named; the caller frees. */
static char *first_place(const char *file, struct error *error)
{
    struct rack rack;
    if (rack_load(file, &rack, error))
        return NULL;
    char *name = mem_string(rack.places[0].name);
    rack_release(&rack);
    return name;
}

static int all_devices(struct doctor *doctor, const char *named)
{
    int bad = 0;
    for (size_t i = 0; i < doctor->hand.rack.place_count; i++) {
        const struct rack_place *place = &doctor->hand.rack.places[i];
        if (named && strcmp(place->name, named))
            continue;
        bad += examine_device(doctor, place, RACK_POWER) != 0;
        bad += examine_device(doctor, place, RACK_SENSE) != 0;
        bad += examine_device(doctor, place, RACK_CONSOLE) != 0;
        bad += examine_probe(doctor, place) != 0;
        if (named)
            ask_board(doctor, place);
    }
    return bad ? 3 : 0;
}

/* What can be learnt of its board, once a kind of board. */
static void print_facts(const struct doctor *doctor, const char *named)
{
    const struct rack *rack = &doctor->hand.rack;
    for (size_t i = 0; i < rack->place_count; i++) {
        struct board board;
        struct error error = {0};
        const struct rack_place *place = &rack->places[i];
        bool told = i && !strcmp(rack->places[i - 1].board, place->board) && !named;
        if ((named && strcmp(place->name, named)) || told ||
            board_find(surroundings_boards(), place->board, &board, &error))
            continue;
        if (!board.bare) {
            printf("\n%s: what is known of a %s, and how\n", place->name, board.name);
            facts_print(stdout, &board, place);
        }
        board_release(&board);
    }
}

/* 0: go on; else the end, with *code. */
static int take_options(int argc, char **argv, const char **file, const char **named, bool *as_json,
                        int *code)
{
    bool allow_exec = false;
    const struct argument table[] = {
        {"rack", "RACK", "the rack", ARGUMENT_TEXT, .to = file},
        {"place", "PLACE", "which place (default: the first)", ARGUMENT_TEXT, .to = named},
        {"json", NULL, "as JSON", ARGUMENT_FLAG, .to = as_json},
        {"allow-exec", NULL, "run what a rack file of somebody else says is to be run", ARGUMENT_FLAG,
         .to = &allow_exec},
        {0}};
    const struct arguments arguments = {
        "doctor",
        "usage: otarig doctor --rack RACK [PLACE] [--json]\n"
        "Looks at each device of the rack: is it found, reachable, answering? For the probe the\n"
        "board is powered; afterwards it is in the place's safe state (\"safe\" in the rack, off "
        "when\nnothing is said).\n",
        "Exit: 0 every device is well, 2 bad input, 3 one is not.\n", table};
    int first;
    if (arguments_take(&arguments, argc, argv, &first, code))
        return -1;
    if (allow_exec)
        surroundings_allow_exec();
    int count = argc - first + (*named != NULL);
    *named = first < argc ? argv[first] : *named;
    *code = !*file      ? arguments_wrong("doctor", "expected --rack RACK")
            : count > 1 ? arguments_wrong("doctor", "expected at most one place, found %d", count)
                        : 0;
    return *code ? -1 : 0;
}

int cmd_doctor(int argc, char **argv)
{
    struct doctor doctor = {0};
    struct error error = {0};
    const char *file = NULL, *named = NULL;
    bool as_json = false;
    int code;
    if (take_options(argc, argv, &file, &named, &as_json, &code))
        return code;
    char *place_name = named ? mem_string(named) : first_place(file, &error);
    if (!place_name)
        return error_print(&error);
    if (!by_hand_enter(&doctor.hand, file, place_name, argc, argv, &code)) {
        doctor.list = as_json ? cJSON_CreateArray() : NULL;
        code = all_devices(&doctor, named);
        if (!as_json)
            print_facts(&doctor, named);
        char *text = as_json ? cJSON_Print(doctor.list) : NULL;
        if (text)
            puts(text);
        cJSON_free(text);
        cJSON_Delete(doctor.list);
    }
    free(place_name);
    by_hand_end(&doctor.hand);
    return code;
}
