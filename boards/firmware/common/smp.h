/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MCUmgr's SMP server over the console, as Zephyr frames it (harness/driver/update/smp_frame.h is the other
 * end). The OS group is answered here; the image group is the application's. */
#ifndef FW_SMP_H
#define FW_SMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cbor.h"

enum {
    SMP_RC_OK = 0,
    SMP_RC_UNKNOWN = 1,
    SMP_RC_NO_MEMORY = 2,
    SMP_RC_BAD_INPUT = 3,
    SMP_RC_TIMEOUT = 4,
    SMP_RC_NO_ENTRY = 5,
    SMP_RC_BAD_STATE = 6,
    SMP_RC_TOO_LARGE = 7,
    SMP_RC_NOT_SUPPORTED = 8
};

struct smp_chunk {
    uint32_t off, len, total;
    const uint8_t *data, *sha;
    uint32_t sha_len;
};

struct smp_request {
    unsigned op, group, id, seq;
    struct smp_chunk chunk;
    const uint8_t *hash, *echo;
    uint32_t hash_len, echo_len;
    bool confirm, has_off;
};

extern bool smp_dead; /* hears nothing: an updater that does not work */

void smp_byte(uint8_t byte); /* from the console, also out of the interrupt */
void smp_poll(void);         /* from the main loop; may work for a while */
bool smp_pending(void);      /* bytes wait for smp_poll */
bool smp_selftest(void);     /* an echo through the whole parser */
bool smp_wants_reset(void);
/* The answer to one packet (header and CBOR); 0: none. */
size_t smp_answer(const uint8_t *packet, size_t len, uint8_t *out, size_t room);

/* For the image group, which fills the map that is open in `out`. */
void smp_image_group(const struct smp_request *request, struct cbor_out *out);
void smp_add_rc(struct cbor_out *out, int rc);
void smp_add_flag(struct cbor_out *out, const char *name, bool value);

#endif
