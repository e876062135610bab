/* SMP messages: the 8-byte header and CBOR maps (Zephyr doc/services/device_mgmt/smp_protocol.rst,
 * smp_groups). */
#ifndef OTARIG_DRIVER_SMP_MSG_H
#define OTARIG_DRIVER_SMP_MSG_H

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

/* Builds a whole request: header and CBOR; returns its length. `out` has `room` bytes, enough for all but
 * `data`. */
size_t smp_build_empty(uint8_t *out, size_t room, enum smp_op op, unsigned group, unsigned id, unsigned seq);
size_t smp_build_echo(uint8_t *out, size_t room, unsigned seq, const char *text);
size_t smp_build_state(uint8_t *out, size_t room, unsigned seq, const uint8_t *hash, bool confirm);
struct smp_chunk {
    size_t off, total;
    const uint8_t *data;
    size_t len;
    const uint8_t *sha; /* 32 bytes, first chunk only */
};
size_t smp_build_upload(uint8_t *out, size_t room, unsigned seq, const struct smp_chunk *chunk);

/* The CBOR map as JSON: byte strings become hex, everything unknown is kept out. NULL when it is no map or is
 * broken. */
cJSON *smp_decode(const uint8_t *cbor, size_t len);

#endif
