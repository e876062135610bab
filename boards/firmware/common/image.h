/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images in MCUboot's format (MCUboot docs/design.md, "Image format"): header, body, protected TLVs, TLVs.
 * The hash covers all before the unprotected TLVs; the signature (LMS, RFC 8554) covers the hash. */
#ifndef FW_IMAGE_H
#define FW_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#define IMAGE_MAGIC 0x96f3b83du
#define TLV_PROTECTED_MAGIC 0x6908u
#define TLV_MAGIC 0x6907u
enum { TLV_SHA256 = 0x10, TLV_COUNTER = 0x50, TLV_HARDWARE = 0xa0, TLV_LMS = 0xa1 };

struct image_header {
    uint32_t magic, load_address;
    uint16_t header_len, protected_len;
    uint32_t body_len, flags;
    uint8_t major, minor;
    uint16_t revision;
    uint32_t build, padding;
};

enum image_fault {
    IMAGE_OK,
    IMAGE_BAD_HEADER,
    IMAGE_BAD_SIZE,
    IMAGE_BAD_HASH,
    IMAGE_BAD_SIGNATURE,
    IMAGE_BAD_HARDWARE,
    IMAGE_BAD_VERSION
};
extern const char *const image_fault_names[];

struct image_info {
    const struct image_header *header;
    uint32_t len;        /* whole image with all TLVs */
    const uint8_t *hash; /* in its TLV; 32 bytes */
    const uint8_t *signature;
    uint32_t signature_len;
    uint32_t counter, hardware;
};

extern const uint8_t image_public_key[];

/* Finds its parts; nothing is verified but that they lie inside the slot. */
enum image_fault image_parse(uint32_t slot, struct image_info *info);
/* All checks: structure, hash, signature, hardware, version floor. */
enum image_fault image_check(uint32_t slot, uint32_t floor, struct image_info *info);

#endif
