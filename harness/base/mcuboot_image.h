/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an image file for MCUboot calls itself (MCUboot docs/design.md, "Image format"): boards answer with
 * this hash, not with that of the file. */
#ifndef OTARIG_BASE_MCUBOOT_IMAGE_H
#define OTARIG_BASE_MCUBOOT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mcuboot_image {
    unsigned major, minor, revision;
    uint32_t build;
    uint64_t hashed_len; /* header, body and protected TLVs: what hash and signature are made over */
    size_t tlv_len;      /* of the TLVs behind; 0: there are none */
};

/* Reads the header. false: it has not the magic number, or the file is shorter than it tells (then
 * `hashed_len` is what it tells). */
bool mcuboot_image_read(const uint8_t *image, size_t len, struct mcuboot_image *out);
/* The SHA-256 of its TLV 0x10; false: it is no such image, or has none. */
bool mcuboot_image_hash(const uint8_t *image, size_t len, uint8_t hash[32]);

/* How much of the file is the image: what imgtool's --pad puts behind it, erased flash up to a trailer of the
 * boot loader, changes with the first swap. `len` where nothing or something else is behind it. */
size_t mcuboot_image_len(const uint8_t *image, size_t len);

#endif
