/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images of foreign firmware: ELF (program headers, physical addresses), Intel HEX,
 * S-record, UF2, or raw bytes. Hostile
 * files get one clear line. */
#ifndef OTARIG_EXPLORE_SPEC_IMAGE_H
#define OTARIG_EXPLORE_SPEC_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"

#define EXPLORE_IMAGE_MAX (16u << 20) /* bytes of a file */

struct explore_segment {
    uint32_t address; /* raw: 0, placed by whoever uses it */
    uint32_t len;
    uint8_t *data;
};
struct explore_image {
    char *name, *path;
    bool raw;                         /* its segment has no address of its own */
    bool elf;                         /* may have symbols */
    int cpu_arch;                     /* of an ELF file: its Tag_CPU_arch; -1: it does not say */
    struct explore_segment *segments; /* by address, never overlapping */
    size_t segment_count;
    char sha256[65]; /* of the file */
};

/* The kind is told by contents: ELF magic; a text with records of Intel HEX or S-record, behind a byte order
 * mark, blanks and comments, too; UF2 blocks; a container (ZIP, gzip, DfuSe, ...) is refused; else raw. */
int explore_image_load(struct explore_image *image, const char *name, const char *path, struct error *error);
/* The same from memory (data is copied), for tests and fuzzers. */
int explore_image_parse(struct explore_image *image, const char *name, const uint8_t *data, size_t len,
                        struct error *error);
void explore_image_release(struct explore_image *image);
/* Hex SHA-256 of some bytes. */
void explore_sha256(const void *data, size_t len, char out[65]);

#endif
