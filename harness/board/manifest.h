/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a folder of binaries to its manifest.json (image.h reads it): what each file is, its version, and the
 * name by which scenarios ask for it. */
#ifndef OTARIG_BOARD_MANIFEST_H
#define OTARIG_BOARD_MANIFEST_H

#include <stdbool.h>
#include <cjson/cJSON.h>

#include "harness/board/image_look.h"

struct manifest_entry {
    char *file;    /* in the folder */
    char *name;    /* "v1"; NULL until manifest_name() */
    char *version; /* NULL: not an application */
    struct image_look look;
    size_t size;
};
struct manifest {
    char *folder;
    struct manifest_entry *entries;
    size_t count;
};

/* Words of the user; each list holds texts and may be empty. */
struct manifest_told {
    const cJSON *names;    /* FILE=NAME */
    const cJSON *versions; /* FILE=VERSION or NAME=VERSION */
    const cJSON *left_out; /* FILE */
};

/* Looks at every file of the folder but hidden ones and manifest.json. Each file that is no image is told to
 * `refuse`, which may be NULL; then -1, and `error` says how many. ERROR_INPUT. */
int manifest_look(const char *folder, const struct manifest_told *told,
                  void (*refuse)(const struct error *why), struct manifest *manifest, struct error *error);
/* Gives each entry its name: the one that is told, or that of a file which is called like a role
 * (v2-crash.bin), and v1, v2, ... to the others in the order of their versions. ERROR_INPUT: a file without a
 * version, two with the same, a word of the user that no file is meant by. */
int manifest_name(struct manifest *manifest, const struct manifest_told *told, struct error *error);
/* manifest.json; the caller frees. */
cJSON *manifest_json(const struct manifest *manifest, const char *variant);
void manifest_release(struct manifest *manifest);

/* The names that scenarios use, and what each image is. */
struct manifest_role {
    const char *name, *what;
};
extern const struct manifest_role manifest_roles[]; /* ends with a NULL name */
const struct manifest_role *manifest_role(const char *name);

#endif
