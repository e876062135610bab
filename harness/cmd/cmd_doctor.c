/* otarig doctor: each device of a rack: found, reachable, answering; with the fix for what is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/cmd/by_hand.h"
#include "harness/cmd/cmd.h"

static const char usage[] = "usage: otarig doctor --rack RACK [PLACE]\nLooks at each device of the rack: is "
                            "it found, reachable, answering?\n";

static int examine_device(struct by_hand *hand, const struct rack_place *place, enum rack_role role)
{
    const struct rack_device *device = &place->devices[role];
    struct driver_env env = {.loop = hand->loop,
                             .sink = &hand->sink,
                             .place = place->name,
                             .role = rack_role_name(role),
                             .folder = "/tmp",
                             .safe_on = place->safe_on};
    struct error error = {0};
    char advice[300] = "";
    if (!device->driver || !device->driver->examine)
        return 0;
    int failed = device->driver->examine(&env, device->config, advice, sizeof advice, &error);
    printf("%-8s %-8s %-8s %s\n", place->name, env.role, device->driver->name, failed ? error.text : "ok");
    if (failed && advice[0])
        printf("%28s%s\n", "-> ", advice);
    return failed;
}

/* The probe is asked with the board powered: a dark board answers no probe. */
static int examine_probe(struct by_hand *hand, const struct rack_place *place)
{
    struct error error = {0};
    struct power_report report;
    if (!place->devices[RACK_PROBE].driver)
        return 0;
    hand->place = place;
    int failed = by_hand_open(hand, &error);
    if (!failed && hand->rig.self[RACK_POWER])
        failed = rig_power(&hand->rig)->set(hand->rig.self[RACK_POWER], true, &report, &error);
    uint64_t end_us = clock_now_us() + 100000, now_us;
    while (!failed && (now_us = clock_now_us()) < end_us)
        failed = loop_turn(hand->loop, end_us - now_us, &error) < 0;
    if (!failed)
        failed = by_hand_probe(hand, &(struct probe_job){.verb = PROBE_ATTACH}, &error);
    printf("%-8s %-8s %-8s %s\n", place->name, "probe", place->devices[RACK_PROBE].driver->name,
           failed ? error.text : "ok");
    if (failed)
        printf("%28s%s\n", "-> ",
               "is the board powered, the adapter plugged in, its cable the board's? try the same openocd "
               "command by hand");
    if (hand->open)
        rig_close(&hand->rig);
    hand->open = false;
    return failed;
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

int cmd_doctor(int argc, char **argv)
{
    struct by_hand hand;
    struct error error = {0};
    const char *file = NULL, *named = NULL;
    int code, bad = 0;
    for (int i = 1; i < argc; i++) {
        bool help = !strcmp(argv[i], "--help");
        if (!strcmp(argv[i], "--rack") && i + 1 < argc) {
            file = argv[++i];
        } else if (!named && argv[i][0] != '-') {
            named = argv[i];
        } else {
            fputs(usage, help ? stdout : stderr);
            return help ? 0 : 2;
        }
    }
    if (!file) {
        fputs(usage, stderr);
        return 2;
    }
    char *place_name = named ? mem_string(named) : first_place(file, &error);
    if (!place_name)
        return cmd_fail(&error);
    bool here = !by_hand_enter(&hand, file, place_name, argc, argv, &code);
    free(place_name);
    for (size_t i = 0; here && i < hand.rack.place_count; i++) {
        const struct rack_place *place = &hand.rack.places[i];
        if (named && strcmp(place->name, named))
            continue;
        bad += examine_device(&hand, place, RACK_POWER) != 0;
        bad += examine_device(&hand, place, RACK_CONSOLE) != 0;
        bad += examine_probe(&hand, place) != 0;
    }
    by_hand_end(&hand);
    return !here ? code : bad ? 3 : 0;
}
