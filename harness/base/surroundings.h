/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a program runs: the one place that reads what the environment says of otarig's own folders and of the
 * virtual rack. A virtual rack is emulated around processes that were started inside of it; OTARIG_RACK,
 * UMOCKDEV_DIR and OTARIG_LOCKS tell them so. */
#ifndef OTARIG_BASE_SURROUNDINGS_H
#define OTARIG_BASE_SURROUNDINGS_H

#include <stdbool.h>

/* The folder of the virtual rack around us, NULL where there is none; borrowed. */
const char *surroundings_rack(void);
/* Device files are emulated for this process. */
bool surroundings_emulated(void);
/* A path that a rack file may give relative to the folder of its virtual rack; without such a rack, to the
 * working folder. The caller frees. */
char *surroundings_in_rack(const char *path);
/* The folder of locks that OTARIG_LOCKS names, NULL for the machine's; borrowed. */
const char *surroundings_locks(void);
/* A program or file that stands beside the running program: in build/bin, or, installed, in
 * PREFIX/libexec/otarig. The caller frees. */
char *surroundings_beside(const char *name);
/* A file or folder of otarig's data, which are laid out as the source tree: in OTARIG_DATA when that is set,
 * in PREFIX/share/otarig when this program is installed, else in the source tree. The caller frees. */
char *surroundings_data(const char *sub);
/* The folders of boards and of scenarios in otarig's data; borrowed. */
const char *surroundings_boards(void);
const char *surroundings_scenarios(void);
/* The folder of firmware that is used when none is named: of the build, or installed beside the data. The
 * caller frees. */
char *surroundings_firmware(void);
/* What a file of somebody else says is to be run may be run: --allow-exec, which the processes that we start
 * inherit (OTARIG_ALLOW_EXEC=1). */
bool surroundings_may_run(void);
void surroundings_allow_exec(void);
/* This process may have as many descriptors as it is allowed to ask for. */
void surroundings_raise_descriptors(void);
/* The file of a board: `board` itself when it has a slash or ends with .json, else FOLDER/BOARD.json; the
 * caller frees. */
char *surroundings_board(const char *folder, const char *board);

#endif
