/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folder of a run, in the one that --out names. */
#ifndef OTARIG_SUPERVISE_RUN_FOLDER_H
#define OTARIG_SUPERVISE_RUN_FOLDER_H

#include "harness/rack/rack.h"

/* A name that a report, a file or a socket of a virtual rack in it could not carry is ERROR_INPUT. Touches
 * nothing. */
int run_folder_check(const char *out, const struct rack *rack, struct error *error);
/* Makes `out` if it is not there, and in it a folder of this second's name (UTC), with "-2" and so on where
 * that is taken. The caller frees. NULL: ERROR_INPUT or ERROR_SYSTEM. */
char *run_folder_make(const char *out, struct error *error);
/* Removes the folder with all that is in it, and `out` (NULL: not) if it is empty then. */
void run_folder_remove(const char *folder, const char *out);

#endif
