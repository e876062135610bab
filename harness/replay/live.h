/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States of an exploration on a rig: the same cuts by the relay, the memory read back through the probe. */
#ifndef OTARIG_REPLAY_LIVE_H
#define OTARIG_REPLAY_LIVE_H

/* Goes through every state of FOLDER/live.json on a place of a virtual rack: start contents through the
 * probe, each cut by the relay at its operation (the rack makes it exact), contents through the probe,
 * compared word by word; of a finding also what the failing boot leaves. Prints a line a state. Exit code: 0
 * all agree, 1 all agree and it is a finding (the failure is repeated), 3 they do not, or trouble. rack NULL:
 * one that has the chip; place NULL: the first, or that chip's. argv: all of them, from the command on. */
int live_repro(const char *folder, const char *rack, const char *place, int argc, char **argv);

#endif
