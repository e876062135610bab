/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cuts a byte stream into lines. A line ends with \n (a \r before it is dropped); one longer than the limit
 * is delivered in pieces. */
#ifndef OTARIG_IO_LINES_H
#define OTARIG_IO_LINES_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

struct lines {
    char *text;
    size_t len, limit;
    uint64_t begin_us; /* when the first byte of the pending line arrived */
    void (*line)(void *arg, const char *text, size_t len, uint64_t t_us);
    void *arg;
};

void lines_init(struct lines *lines, size_t limit,
                void (*line)(void *arg, const char *text, size_t len, uint64_t t_us), void *arg);
void lines_put(struct lines *lines, const void *data, size_t len, uint64_t t_us);
void lines_flush(struct lines *lines); /* deliver an unfinished line */
void lines_release(struct lines *lines);

#endif
