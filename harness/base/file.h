/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are read as a whole. */
#ifndef OTARIG_BASE_FILE_H
#define OTARIG_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "harness/base/error.h"

/* Opens a plain file for reading; the caller closes it. A folder, FIFO, socket or device is refused, and
 * never waited for. ERROR_INPUT; NULL. */
FILE *file_open(const char *path, struct error *error);
/* Makes a folder, and those above it that lack. One that is there is well. -1 with errno (ENOTDIR:
 * something else has one of their names). */
int file_make_folder(const char *path);
/* `path` without empty parts, "." and "..", by its text alone: links are not followed. */
void file_path_tidy(const char *path, char *out, size_t size);

#endif
