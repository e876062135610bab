/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The standard output of a program. What a command prints is its product: when a full disk or a closed pipe
 * takes it away, the command has failed, whatever it did besides. One place sees to that, at the end of
 * main(), so that no command has to. */
#ifndef OTARIG_BASE_OUTPUT_H
#define OTARIG_BASE_OUTPUT_H

#include <stdio.h>

#include "harness/base/error.h"

/* First in main(). Opens what the caller closed of the descriptors 0, 1 and 2, so that no file of ours gets
 * their number and with it what is meant for the terminal. Output that has nowhere to go fails when it is
 * written. */
void output_begin(void);

/* Last in main(). Writes what is still held back. The exit code: `code`, but 3 instead of 0, with one line on
 * stderr, when anything that was printed did not arrive. */
int output_end(int code);

/* A file that appears whole or not at all: it is written as PATH.new, and output_commit() gives it its name.
 * NULL with an ERROR_SYSTEM. */
FILE *output_file(const char *path, struct error *error);
/* Ends what output_file() began. Whatever could not be written is an ERROR_SYSTEM, and then nothing of it is
 * left. May block as long as the disk needs. */
int output_commit(FILE *file, const char *path, struct error *error);
/* Ends it without giving it the name; nothing of it is left. */
void output_discard(FILE *file, const char *path);
/* All at once: `text` and a newline. */
int output_text(const char *path, const char *text, struct error *error);

#endif
