/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig: the command line. This file only dispatches. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/output.h"
#include "harness/base/surroundings.h"
#include "harness/cmd/cmd.h"
#include "harness/supervise/supervise.h"

static const struct {
    const char *name, *help;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "run scenarios on the boards of a rack", cmd_run},
    {"repro", "run exactly one stored case again", cmd_repro},
    {"judge", "judge a stored journal again", cmd_judge},
    {"report", "print the result of a run in a format", cmd_report},
    {"gate", "say whether runs show what a release needs", cmd_gate},
    {"explore", "try every state that power cuts can leave", cmd_explore},
    {"boot", "boot a flash dump on the twin, with console and trace", cmd_boot},
    {"validate", "check scenarios, racks, boards, results and journals", cmd_validate},
    {"doctor", "look at each device of a rack", cmd_doctor},
    {"drivers", "list the drivers and their options", cmd_drivers},
    {"boards", "list the boards", cmd_boards},
    {"scenarios", "list the scenarios", cmd_scenarios},
    {"schema", "print the JSON Schema of a format", cmd_schema},
    {"images", "write the manifest of a folder of images", cmd_images},
    {"init", "write a rack and a board file for what is plugged in", cmd_init},
    {"learn", "propose a board file from what the healthy board prints", cmd_learn},
    {"fleet", "run simulated devices against an update server", cmd_fleet},
    {"power", "switch a board's power by hand", cmd_power},
    {"console", "talk to a board's console", cmd_console},
    {"probe", "use a board's debug probe", cmd_probe},
    {"flash", "write the images of a board through its probe", cmd_flash},
    {"worker", NULL, supervise_worker},
};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static void usage(FILE *out)
{
    fputs("usage: otarig COMMAND [option...]   (otarig COMMAND --help for more)\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (commands[i].help)
            fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
    fputs("\nExit: 0 pass, 1 the board failed, 2 bad input, 3 rig fault, 4 inconclusive, 130 interrupted.\n",
          out);
}

void cmd_trim(char *folder)
{
    for (size_t len = strlen(folder); len > 1 && folder[len - 1] == '/';)
        folder[--len] = 0;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        fputs("otarig: expected a command\n", stderr);
        usage(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        usage(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("otarig %s\n", OTARIG_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "otarig: unknown command '%s' (see otarig --help)\n", argv[1]);
    return 2;
}

int main(int argc, char **argv)
{
    output_begin();
    signal(SIGPIPE, SIG_IGN);
    return output_end(dispatch(argc, argv));
}
