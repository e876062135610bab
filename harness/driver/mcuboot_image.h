/* What an image file for MCUboot calls itself (MCUboot docs/design.md, "Image format"): boards answer with
 * this hash, not with that of the file. */
#ifndef OTARIG_DRIVER_MCUBOOT_IMAGE_H
#define OTARIG_DRIVER_MCUBOOT_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The SHA-256 of its TLV 0x10; false: it is no such image, or has none. */
bool mcuboot_image_hash(const uint8_t *image, size_t len, uint8_t hash[32]);

#endif
