/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/lines.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

void lines_init(struct lines *lines, size_t limit,
                void (*line)(void *arg, const char *text, size_t len, uint64_t t_us), void *arg)
{
    *lines = (struct lines){.text = mem_alloc(limit + 1), .limit = limit, .line = line, .arg = arg};
}

static void deliver(struct lines *lines)
{
    size_t len = lines->len;
    lines->len = 0; /* the callback may put or flush */
    while (len && lines->text[len - 1] == '\r')
        len--;
    lines->text[len] = 0;
    size_t begin = strspn(lines->text, "\r"); /* where lines end with LF CR */
    lines->line(lines->arg, lines->text + begin, len - begin, lines->begin_us);
}

/* A full buffer is delivered only when a further byte of the line arrives, so that where a read ends does not
 * change what the lines are. */
void lines_put(struct lines *lines, const void *data, size_t len, uint64_t t_us)
{
    const char *bytes = data;
    while (len) {
        const char *newline = memchr(bytes, '\n', len);
        size_t piece = newline ? (size_t)(newline - bytes) : len;
        if (piece && lines->len == lines->limit)
            deliver(lines);
        size_t room = lines->limit - lines->len, take = piece < room ? piece : room;
        if (!lines->len)
            lines->begin_us = t_us;
        memcpy(lines->text + lines->len, bytes, take);
        lines->len += take;
        bytes += take;
        len -= take;
        if (newline && take == piece) {
            bytes++;
            len--;
            deliver(lines);
        }
    }
}

void lines_flush(struct lines *lines)
{
    if (lines->len)
        deliver(lines);
}

void lines_release(struct lines *lines)
{
    free(lines->text);
    *lines = (struct lines){0};
}
