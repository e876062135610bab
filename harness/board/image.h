/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Firmware images of one build ("good" or a defective variant) and how a scenario spoils them. */
#ifndef OTARIG_BOARD_IMAGE_H
#define OTARIG_BOARD_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/json.h"

/* manifest.json of a firmware folder; image_schema() describes it. */
struct image {
    char *name, *file; /* file: full path */
    char *version;     /* NULL: not an application */
    char *hash;        /* hex; what the device calls the image by; NULL */
    uint8_t *data;
    size_t len;      /* of the image; a file for the probe may be padded behind it */
    size_t file_len; /* 0: made, not read */
    char sha256[65]; /* of the file */
};
struct image_set {
    char *folder, *variant;
    struct image *images;
    size_t count;
};

/* The JSON Schema of a manifest, from the tables that read it; the caller owns it. */
cJSON *image_schema(void);
int image_set_load(const char *folder, struct image_set *set, struct error *error);
void image_set_release(struct image_set *set);
const struct image *image_find(const struct image_set *set, const char *name);
/* The image with this device hash (a hex prefix of at least 16 digits is enough). */
const struct image *image_by_hash(const struct image_set *set, const char *hash);
/* The image with this version, where only one has it; NULL: none, or several that it cannot tell apart. */
const struct image *image_by_version(const struct image_set *set, const char *version);
/* Are they the same? "v1.2", "1.2.0" and "1.2.0+0" are. */
bool image_version_is(const char *told, const char *version);
/* Like strcmp(3): which version is the older one? Numbers count where both consist of up to four; other names
 * are compared as strverscmp(3) does. */
int image_version_order(const char *a, const char *b);
/* The whole of a file of at most 256 MiB; *data is the caller's. ERROR_INPUT. */
int image_read(const char *path, uint8_t **data, size_t *len, struct error *error);

/* TAIL: the last eighth of the body, where most images have no code that each start runs: one that is spoilt
 * there starts, and can be seen to run. */
enum image_part { IMAGE_ANY, IMAGE_HEADER, IMAGE_BODY, IMAGE_SIGNATURE, IMAGE_TAIL };
struct image_change {
    bool any;
    int64_t keep;               /* truncate to this many bytes; -1: no */
    int64_t keep_percent;       /* -1: no */
    enum image_part flip;       /* with flip_bits > 0 */
    int64_t flip_bits, flip_at; /* flip_at -1: by flip_percent, or else by seed */
    int64_t flip_percent;       /* of the part: 0 its first byte, 100 its last one; -1: no */
    int64_t grow;               /* bytes of FF... added */
    uint64_t seed;
};
/* A spoilt copy (malloc); *len its length. The parts follow the MCUboot image format: header of hdr_size
 * bytes, body of img_size, then TLVs (the signature). */
uint8_t *image_changed(const struct image *image, const struct image_change *change, size_t *len);

#endif
