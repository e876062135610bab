/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Console marks, compiled: those of a board, or the answer to one question. */
#ifndef OTARIG_RUN_MARKS_H
#define OTARIG_RUN_MARKS_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/board/board.h"

struct marks;

/* The list stays the caller's and must outlive it; `path` names its file in messages. */
struct marks *marks_new(const struct board_mark *list, size_t count, const char *path, struct error *error);
void marks_free(struct marks *marks);
size_t marks_count(const struct marks *marks);
const char *marks_name(const struct marks *marks, size_t index);
int marks_find(const struct marks *marks, const char *name); /* -1 unknown */
/* Does the line match? Then groups can be read until the next call. */
bool marks_match(struct marks *marks, size_t index, const char *line, size_t len);
/* Where in the line it begins to match when what stands before is left out: 0 when it matches nowhere, or the
 * whole line does. */
size_t marks_find_inside(struct marks *marks, size_t index, const char *line, size_t len);
/* Copies a named group of the last match; "" and false when it took no part. */
bool marks_group(struct marks *marks, size_t index, const char *line, const char *group, char *out,
                 size_t size);

#endif
