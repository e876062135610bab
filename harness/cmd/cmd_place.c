/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig power and console: what a developer does by hand on one place. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/run/by_hand.h"
#include "harness/cmd/cmd.h"

/* ---- power ---- */

static const char power_usage[] =
    "usage: otarig power PLACE on|off|cycle|get --rack RACK [--allow-exec]\n"
    "Switches a board's power by hand. Only the power switch is opened; it stays as it was switched last.\n";

enum power_verb { POWER_ON, POWER_OFF, POWER_CYCLE, POWER_GET, POWER_VERBS };

static int power_verb_of(int argc, char **argv, enum power_verb *verb, struct error *error)
{
    static const char *const names[POWER_VERBS] = {"on", "off", "cycle", "get"};
    if (argc != 2)
        return error_set(error, ERROR_INPUT, "power: expected one of on, off, cycle, get; found %d words",
                         argc - 1);
    for (*verb = 0; *verb < POWER_VERBS; (*verb)++)
        if (!strcmp(names[*verb], argv[1]))
            return 0;
    return error_set(error, ERROR_INPUT, "power: expected on, off, cycle or get, found '%s'", argv[1]);
}

static int switch_to(struct by_hand *hand, bool on, struct error *error)
{
    struct power_report report = {0};
    if (rig_switch(&hand->rig, on, &report, error))
        return -1;
    printf("%s: %s%s\n", hand->place->name, on ? "on" : "off", report.verified ? ", read back" : "");
    return 0;
}

static int do_power(struct by_hand *hand, enum power_verb verb, struct error *error)
{
    bool on;
    if (verb == POWER_ON || verb == POWER_OFF)
        return switch_to(hand, verb == POWER_ON, error);
    if (verb == POWER_CYCLE)
        return switch_to(hand, false, error) || by_hand_wait(hand, 500000, error)
                   ? -1
                   : switch_to(hand, true, error);
    if (rig_power(&hand->rig)->get(hand->rig.self[RACK_POWER], &on, error))
        return -1;
    printf("%s: %s\n", hand->place->name, on ? "on" : "off");
    return 0;
}

int cmd_power(int argc, char **argv)
{
    struct by_hand hand;
    struct error error = {0};
    enum power_verb verb;
    int code;
    if (by_hand_begin(&hand, &argc, argv, NULL, power_usage, &code)) {
        by_hand_end(&hand);
        return code;
    }
    int failed = power_verb_of(argc, argv, &verb, &error) || by_hand_need(&hand, RACK_POWER, &error) ||
                 by_hand_open(&hand, 1u << RACK_POWER, &error) || do_power(&hand, verb, &error);
    return by_hand_finish(&hand, true, failed, &error);
}

/* ---- console ---- */

static const char console_usage[] =
    "usage: otarig console PLACE --rack RACK [--power] [--allow-exec]\n"
    "Connects the terminal with the board's console; --power switches the board on first, and it stays on.\n"
    "Without it the power switch is not touched. End with Ctrl-C.\n";

static void on_key(void *arg, int fd, uint32_t events)
{
    struct by_hand *hand = arg;
    char data[512];
    ssize_t n = read(fd, data, sizeof data);
    if (n <= 0)
        hand->interrupted = true;
    else
        rig_console(&hand->rig)->write(hand->rig.self[RACK_CONSOLE], data, (size_t)n, NULL);
}

static int talk(struct by_hand *hand, struct error *error)
{
    struct loop_source *keys = isatty(0) ? loop_add_fd(hand->loop, 0, EPOLLIN, on_key, hand) : NULL;
    int failed = 0;
    while (!failed && !hand->interrupted)
        failed = loop_turn(hand->loop, LOOP_NEVER, error) < 0;
    loop_remove(keys);
    return failed;
}

int cmd_console(int argc, char **argv)
{
    static const char *const flags[] = {"--power", NULL};
    struct by_hand hand;
    struct error error = {0};
    struct power_report report;
    int code;
    if (by_hand_begin(&hand, &argc, argv, flags, console_usage, &code)) {
        by_hand_end(&hand);
        return code;
    }
    bool power = argc > 1 && !strcmp(argv[1], "--power");
    unsigned roles = 1u << RACK_CONSOLE | (power ? 1u << RACK_POWER : 0);
    hand.raw = true;
    int failed = argc > 1 + power
                     ? error_set(&error, ERROR_INPUT, "console: expected nothing after the place, found '%s'",
                                 argv[1 + power])
                     : by_hand_need(&hand, RACK_CONSOLE, &error);
    failed = failed || (power && by_hand_need(&hand, RACK_POWER, &error)) ||
             by_hand_open(&hand, roles, &error) || (power && rig_switch(&hand.rig, true, &report, &error)) ||
             talk(&hand, &error);
    return by_hand_finish(&hand, true, failed, &error);
}
