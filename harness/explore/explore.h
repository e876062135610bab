/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `otarig explore`: every state that power cuts can leave, on the unmodified binary. */
#ifndef OTARIG_EXPLORE_EXPLORE_H
#define OTARIG_EXPLORE_EXPLORE_H

/* The command. `boards`: where a board name is looked up; `firmware`: where images are looked for
 * that are neither where --firmware says nor beside the scenario (owned by the callee). Exit code: 0 all
 * hold, 1 failures, 2 bad input, 3 trouble of the tool. */
int explore_main(int argc, char **argv, const char *boards, char *firmware);

/* `otarig boot --flash DUMP`: boots the contents of a real board's flash on the twin, with console and trace.
 * Exit code: 0 when it ran, 2 bad input, 3 trouble of the tool. */
int boot_main(int argc, char **argv, const char *boards);

#endif
