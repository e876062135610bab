/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256, FIPS 180-4. */
#ifndef FW_SHA256_H
#define FW_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t len;
    uint8_t block[64];
};
void sha256_begin(struct sha256 *sha);
void sha256_put(struct sha256 *sha, const void *data, size_t len);
void sha256_end(struct sha256 *sha, uint8_t out[32]);

#endif
