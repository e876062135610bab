/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands: each a function with its own options, listed in main.c. */
#ifndef OTARIG_CMD_CMD_H
#define OTARIG_CMD_CMD_H

#include <stdbool.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"
#include "harness/base/surroundings.h"

int cmd_run(int argc, char **argv);
int cmd_repro(int argc, char **argv);
int cmd_judge(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_gate(int argc, char **argv);
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
int cmd_fleet(int argc, char **argv);
int cmd_schema(int argc, char **argv);

/* Takes the slashes off the end of a folder's name, where completion puts them. */
void cmd_trim(char *folder);

#endif
