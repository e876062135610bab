/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands: each a function with its own options, listed in main.c. */
#ifndef OTARIG_CMD_CMD_H
#define OTARIG_CMD_CMD_H

#include <stdbool.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"

int cmd_run(int argc, char **argv);
int cmd_worker(int argc, char **argv);
int cmd_repro(int argc, char **argv);
int cmd_judge(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_drivers(int argc, char **argv);
int cmd_boards(int argc, char **argv);
int cmd_scenarios(int argc, char **argv);
int cmd_power(int argc, char **argv);
int cmd_console(int argc, char **argv);
int cmd_probe(int argc, char **argv);
int cmd_flash(int argc, char **argv);
int cmd_images(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_explore(int argc, char **argv);
int cmd_boot(int argc, char **argv);

/* Prints "otarig: text" and returns the error's exit code. */
int cmd_fail(const struct error *error);
/* Takes the slashes off the end of a folder's name, where completion puts them. */
void cmd_trim(char *folder);
/* The folders of boards and scenarios (surroundings.h says where). */
const char *cmd_boards_folder(void);
const char *cmd_scenarios_folder(void);
/* The firmware that is used when none is named; the caller frees. */
char *cmd_firmware_folder(void);

/* run.c: a run from its spec (worker.h); the exit code. `quiet`: no lines for single cases. */
struct run_request {
    cJSON *spec;
    const char *command; /* for result.json */
    const char *out;
    bool quiet;
    bool control;  /* known-bad firmware: its failures are no news */
    char **folder; /* not NULL: gets the run's folder; the caller frees */
};
int cmd_run_spec(struct run_request *request);

#endif
