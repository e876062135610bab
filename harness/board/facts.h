/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts: what the engine and the verdict need to know of a board; and sources: where each of them can be
 * learnt. A board file names the sources of a fact in the order in which they are trusted ("facts"); what it
 * leaves out follows from its console marks, its memory and what its place is wired to. */
#ifndef OTARIG_BOARD_FACTS_H
#define OTARIG_BOARD_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/base/json.h"

enum fact {
    FACT_STARTED,   /* the board began to run: the first line of a boot */
    FACT_COLD,      /* that start followed a loss of power */
    FACT_UP,        /* the application runs */
    FACT_IMAGE,     /* which image that is */
    FACT_CONFIRMED, /* that image is to stay */
    FACT_ALIVE,     /* the application works now, not only when it started */
    FACT_DATA,      /* the user's data are there, and are those of before */
    FACT_REPORT,    /* what the board says of its last update */
    FACTS
};
enum source_kind {
    SOURCE_MARK,    /* a line of the console that matches a mark; groups by name */
    SOURCE_ASK,     /* something typed at the console, and the line that answers it */
    SOURCE_UPDATE,  /* what the update client tells: its state, or that it answers */
    SOURCE_PROBE,   /* a word that the debug probe reads */
    SOURCE_STORAGE, /* the bytes of a part of the storage */
    SOURCE_EXEC,    /* a command of the user: one JSON object, or the exit code */
    SOURCE_HTTP,    /* the network: a GET, and JSON pointers into the answer */
    SOURCE_SENSE,   /* the rail itself, where the place has a "sense", or its power driver senses it */
    SOURCE_CANARY,  /* a word that the probe leaves in RAM before a cut: without power it is gone */
    SOURCE_SILENCE, /* not a byte while the power was off, and a start afterwards: the weakest */
    SOURCES
};

#define SOURCES_MAX 6 /* of one fact */

/* HTTP: where the answer is, and JSON pointers to what it tells (NULL: it does not). */
struct source_http {
    char *url; /* {place}: the name of the place */
    char *user, *password_from, *token_from, *ca_file;
    char *version, *hash, *confirmed, *state, *print, *report, *boot_id, *value, *equals;
    bool verify;
    int64_t within_ms;
};

struct source {
    enum source_kind kind;
    struct source_http *http; /* HTTP */
    char *mark, *group;       /* MARK */
    char *equals; /* MARK, ASK: what the group is when the fact holds; NULL: that it is told is enough */
    char *say, *answer;            /* ASK: typed at the console; a regular expression with named groups */
    uint32_t address, mask, value; /* PROBE: (word & mask) == value; CANARY: the address */
    char **run;                    /* EXEC: a program and its arguments, NULL-terminated */
    char **intact;     /* MARK, ASK of FACT_DATA: words for data that are well; NULL: ok, migrated */
    int64_t within_us; /* ASK, UPDATE, EXEC, HTTP: it has so long */
};
struct fact_sources {
    struct source list[SOURCES_MAX];
    size_t count;
};

struct board;
struct rack_place;

/* Of board->facts: reads "facts", then adds what follows from the marks. All errors are ERROR_INPUT. */
int facts_parse(struct json root, struct board *board, struct error *error);
void facts_release(struct board *board);

/* The source of this kind of a fact; NULL: it has none. */
const struct source *facts_source(const struct board *board, enum fact fact, enum source_kind kind);
/* Has the place what the source needs? */
bool facts_usable(const struct source *source, const struct rack_place *place);
/* The first usable source from `from` on; *index is its place in the list. NULL: there is none (any more). */
const struct source *facts_next(const struct board *board, enum fact fact, const struct rack_place *place,
                                size_t from, size_t *index);
/* One that tells of itself (a mark) or not at all: nobody has to ask. */
bool source_is_passive(const struct source *source);

const char *fact_name(enum fact fact);
const char *fact_text(enum fact fact); /* for people: "the image that runs" */
const char *source_name(enum source_kind kind);
const char *source_wire(enum source_kind kind); /* the wire of the rig that it comes over */

/* Why a clause ("G1".."G7", "H1") cannot be judged at this place; NULL: it can. `place` may be NULL: of the
 * board alone. The text is static. */
const char *facts_lack(const struct board *board, const struct rack_place *place, const char *clause);
/* The table for people: fact, its sources, which clauses rest on it, what to add where there is none. */
void facts_print(FILE *out, const struct board *board, const struct rack_place *place);

#endif
