/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON from files with errors that name file, JSON path, the value found and what was expected.
 *
 * Parsing is cJSON's; before it the text is checked for size, nesting depth, NUL bytes and UTF-8, after it
 * for duplicate keys. A `struct json` is a cursor: a node plus the way that led to it. Cursors are values;
 * the tree belongs to the document. Errors read boards/x.json: $.flash.slots[1].size: expected a multiple of
 * 4096, found 1000
 */
#ifndef OTARIG_BASE_JSON_H
#define OTARIG_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"

#define JSON_SIZE_MAX (16u << 20)
#define JSON_DEPTH_MAX 64
#define JSON_KEYS_MAX 4096 /* of one object */

#define JSON_PLACES 16
struct json_document {
    char *name; /* file name, as given by the user */
    cJSON *root;
    /* Of a file: somebody else than who runs this program (and root) wrote it or can. */
    bool foreign;
    /* Where the last walks along lists stood, so that json_at() and json_count() in a loop take linear time.
     * All zero in the beginning; whoever changes the tree of a document makes them so again. */
    struct json_place {
        const cJSON *list, *item;
        size_t index, count;
    } places[JSON_PLACES];
};

struct json {
    const struct json_document *document;
    const cJSON *node; /* NULL: absent */
    char path[200];
};

/* Reads and parses a file; "-" is not special. All errors are ERROR_INPUT (a file that cannot be read too).
 */
int json_load(struct json_document *document, const char *path, struct error *error);
/* Parses `len` bytes; `name` stands for the file in messages. */
int json_parse(struct json_document *document, const char *name, const char *text, size_t len,
               struct error *error);
void json_close(struct json_document *document);
struct json json_root(const struct json_document *document);

/* "file: path: expected WHAT, found VALUE"; returns -1. VALUE is printed short. */
int json_expected(struct json at, struct error *error, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

/* Every key of an object must be in the NULL-terminated list; the message proposes the nearest known key.
 * What is there and no object is refused, too; what is absent passes. */
int json_check_keys(struct json object, const char *const *known, struct error *error);

/* Children. An absent child has node NULL (and a path, for messages). */
struct json json_get(struct json object, const char *key);
struct json json_at(struct json array, size_t index);
size_t json_count(struct json array_or_object);            /* 0 when absent */
struct json json_member(struct json object, size_t index); /* in file order; node->string is the key */
static inline bool json_present(struct json at)
{
    return at.node != NULL;
}

/* Typed reads: -1 with a message when absent or of another type or range. `*out` strings are borrowed from
 * the document. Integers must be exact (no fraction, |x| < 2^53). */
int json_object(struct json at, struct error *error);
int json_array(struct json at, struct error *error);
int json_string(struct json at, const char **out, struct error *error);
int json_integer(struct json at, int64_t low, int64_t high, int64_t *out, struct error *error);
/* An address, a size of memory or a word in it: also "0x..." in a string. */
int json_word(struct json at, int64_t low, int64_t high, int64_t *out, struct error *error);
int json_number(struct json at, double low, double high, double *out, struct error *error);
int json_bool(struct json at, bool *out, struct error *error);
/* One of a NULL-terminated list of words; *out is its index. */
int json_choice(struct json at, const char *const *words, int *out, struct error *error);

#endif
