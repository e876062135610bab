/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig repro --aim: the cuts of an exploration's finding for a board that nobody can hold still. */
#ifndef OTARIG_REPLAY_AIM_H
#define OTARIG_REPLAY_AIM_H

#include <stdbool.h>

/* Prints the scenario BASE with its power cuts aimed at those of the finding in FOLDER. In place of its
 * triggers there are probe watchpoints; or, `by_time`, delays after console marks, and on stderr how often to
 * run it for a power switch that scatters by +-jitter_ms, by the marks of `board` (a name or a file; NULL: of
 * the one that was explored). Exit code: 0, or 2 with the reason. */
int aim_print(const char *folder, const char *base, const char *board, bool by_time, double jitter_ms);

#endif
