/* States of an exploration on a rig: the same cuts by the relay, the memory read back through the probe. */
#ifndef OTARIG_CMD_LIVE_H
#define OTARIG_CMD_LIVE_H

#include <stdbool.h>

/* Is this the folder of a state or finding of `otarig explore`? */
bool live_is_case(const char *folder);
/* Goes through every state of FOLDER/live.json on a place of a virtual rack: start contents through the
 * probe, each cut by the relay at its operation (the rack makes it exact), contents through the probe,
 * compared word by word; of a finding also what the failing boot leaves. Prints a line a state. Exit code: 0
 * all agree, 1 all agree and it is a finding (the failure is repeated), 3 they do not, or trouble. `argv`: of
 * the whole program. */
int live_repro(const char *folder, const char *rack, const char *place, char **argv);

/* Prints the scenario BASE with its power cuts aimed at those of the finding in FOLDER: probe watchpoints in
 * place of its triggers. For a real board. Exit code: 0, or 2 with the reason. */
int live_aim(const char *folder, const char *base);

#endif
