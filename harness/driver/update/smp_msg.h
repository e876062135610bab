/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SMP messages: the 8-byte header and CBOR maps (Zephyr doc/services/device_mgmt/smp_protocol.rst,
 * smp_groups). */
#ifndef OTARIG_DRIVER_UPDATE_SMP_MSG_H
#define OTARIG_DRIVER_UPDATE_SMP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

enum smp_op { SMP_READ = 0, SMP_READ_RSP = 1, SMP_WRITE = 2, SMP_WRITE_RSP = 3 };
enum smp_group { SMP_OS = 0, SMP_IMAGE = 1 };
enum smp_id {
    SMP_OS_ECHO = 0,
    SMP_OS_RESET = 5,
    SMP_OS_PARAMS = 6,
    SMP_IMAGE_STATE = 0,
    SMP_IMAGE_UPLOAD = 1,
    SMP_IMAGE_ERASE = 5
};

struct smp_header {
    unsigned op, group, id, seq;
    size_t len; /* of the CBOR that follows */
};
#define SMP_HEADER_LEN 8

void smp_header_put(uint8_t out[SMP_HEADER_LEN], const struct smp_header *header);
/* false: shorter than its header says */
bool smp_header_get(const uint8_t *packet, size_t len, struct smp_header *header);

/* Builds a whole request but for its sequence number: header and CBOR; returns its length. `out` has `room`
 * bytes, enough for all but `data`. */
size_t smp_build_empty(uint8_t *out, size_t room, enum smp_op op, unsigned group, unsigned id);
size_t smp_build_echo(uint8_t *out, size_t room, const char *text);
size_t smp_build_state(uint8_t *out, size_t room, const uint8_t *hash, bool confirm);
/* A request of exactly `len` bytes that changes nothing, to see whether such a length arrives: an echo, or a
 * read of the image state with a member that no board knows. */
size_t smp_build_padded(uint8_t *out, size_t len, bool echo);
#define SMP_PADDED_MIN 24
struct smp_chunk {
    size_t off, total;
    const uint8_t *data;
    size_t len;
    /* first chunk only */
    const uint8_t *sha; /* 32 bytes */
    unsigned image;
    bool upgrade; /* only a newer version is to be taken */
};
#define SMP_CHUNK_OVERHEAD (SMP_HEADER_LEN + 24)           /* header, keys, integers */
#define SMP_CHUNK_OVERHEAD_FIRST (SMP_CHUNK_OVERHEAD + 60) /* hash, length, image, flag */
size_t smp_build_upload(uint8_t *out, size_t room, const struct smp_chunk *chunk);

/* The CBOR map as JSON: byte strings become hex, everything unknown is kept out. NULL when it is no map or is
 * broken. */
cJSON *smp_decode(const uint8_t *cbor, size_t len);

#endif
