/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal: the events of one case, a JSON object a line, appended and flushed event by event.
 *
 * Line 1 is the EVENT_CASE event; its "fields" hold everything the verdict needs (see verdict.h), so that a
 * journal is judged without the files it came from. Members of a line, in this order: seq, kind, step, t_us,
 * source, what, value?, number?, hex? (data, at most JOURNAL_DATA_MAX bytes), fields? A journal torn at any
 * byte (kill -9, full disk) reads up to its last whole line. */
#ifndef OTARIG_RECORD_JOURNAL_H
#define OTARIG_RECORD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"
#include "harness/record/event.h"

#define JOURNAL_SCHEMA_VERSION 1
#define JOURNAL_DATA_MAX 4096
#define JOURNAL_LINE_MAX (1u << 20)

/* ---- writer ---- */
struct journal;
struct journal *journal_create(const char *path, struct error *error); /* O_EXCL: never overwrites */
/* Appends one event with the next seq; written with one write(2). The first failure is remembered. */
void journal_put(struct journal *journal, const struct event *event);
bool journal_failed(const struct journal *journal); /* an event could not be written; none will be any more */
/* -1 when any event could not be written (full disk): the case is then a rig-error. fdatasyncs. */
int journal_close(struct journal *journal, struct error *error);

/* ---- reader ---- */
struct journal_line {
    struct event
        event; /* strings and data borrowed from `object` and the reader: valid until the next read */
    cJSON *object;
};
struct journal_reader;
struct journal_reader *journal_open(const char *path, struct error *error);
struct journal_reader *journal_open_memory(const char *name, const char *text, size_t len);
/* 1: *line holds the next event; 0: end; -1: a line that is not an event (with name:line in the message). A
 * torn last line is the end (journal_torn tells). */
int journal_read(struct journal_reader *reader, struct journal_line *line, struct error *error);
bool journal_torn(const struct journal_reader *reader);
void journal_reader_free(struct journal_reader *reader);

#endif
