/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many HTTP requests at once on one loop (libcurl's multi interface). Each goes over a connection of its own,
 * as those of ten thousand devices do. */
#ifndef OTARIG_FLEET_CALL_H
#define OTARIG_FLEET_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/io/loop.h"

struct calls;

struct call_spec {
    const char *method; /* GET, POST, PUT */
    const char *url;
    const char *header; /* one more header, or NULL */
    const char *body;   /* JSON, or NULL */
    uint64_t from;      /* first byte wanted; 0: all */
    bool counts_only;   /* the body is counted, not kept */
    uint64_t limit_us;  /* of the whole call */
};
struct call_result {
    long status;      /* 0: there was no whole answer */
    const char *body; /* NUL-terminated, "" when it was not kept or is too long */
    uint64_t bytes;   /* of the body that came */
    uint64_t took_us;
    const char *why; /* of status 0 */
    int64_t retry_s; /* Retry-After; -1: none */
};

/* `root`: a file with the roots that are trusted, or NULL for the system's. */
struct calls *calls_new(struct loop *loop, const char *root, struct error *error);
/* `done` comes from the loop, once, unless calls_free comes before. */
void calls_begin(struct calls *calls, const struct call_spec *spec,
                 void (*done)(void *arg, const struct call_result *result), void *arg);
size_t calls_open(const struct calls *calls);
void calls_free(struct calls *calls); /* NULL is allowed */

#endif
