/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/mcuboot_image.h"

#include <string.h>

#define IMAGE_MAGIC 0x96f3b83du
#define HEADER_LEN 32u
#define AREA_MAGIC 0x6907u
#define AREA_PROTECTED 0x6908u
#define TLV_SHA256 0x10u

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) | get16(at + 2) << 16;
}

/* The whole length of the area at `at`, 0: there is none. */
static size_t area_len(const uint8_t *image, size_t len, size_t at, unsigned magic)
{
    if (at > len || len - at < 4 || get16(image + at) != magic)
        return 0;
    size_t area = get16(image + at + 2);
    return area >= 4 && area <= len - at ? area : 0;
}

bool mcuboot_image_read(const uint8_t *image, size_t len, struct mcuboot_image *out)
{
    *out = (struct mcuboot_image){0};
    if (len < HEADER_LEN || get32(image) != IMAGE_MAGIC)
        return false;
    out->major = image[20];
    out->minor = image[21];
    out->revision = get16(image + 22);
    out->build = get32(image + 24);
    out->hashed_len = (uint64_t)get16(image + 8) + get32(image + 12);
    if (out->hashed_len > len)
        return false;
    out->hashed_len += area_len(image, len, (size_t)out->hashed_len, AREA_PROTECTED);
    out->tlv_len = area_len(image, len, (size_t)out->hashed_len, AREA_MAGIC);
    return true;
}

/* MCUboot docs/design.md, "Image trailer": the magic ends the slot; where flash is written in units of more
 * than 8 bytes, its first two are that unit. */
static bool ends_with_trailer(const uint8_t *image, size_t len)
{
    static const uint8_t magic[16] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                      0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80},
                         of_unit[14] = {0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
                                        0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a};
    return len >= sizeof magic && (!memcmp(image + len - sizeof magic, magic, sizeof magic) ||
                                   !memcmp(image + len - sizeof of_unit, of_unit, sizeof of_unit));
}

size_t mcuboot_image_len(const uint8_t *image, size_t len)
{
    struct mcuboot_image read;
    if (!mcuboot_image_read(image, len, &read) || !read.tlv_len)
        return len;
    size_t own = (size_t)read.hashed_len + read.tlv_len, erased = own;
    while (erased < len && image[erased] == 0xff)
        erased++;
    return erased == len || ends_with_trailer(image + own, len - own) ? own : len;
}

bool mcuboot_image_hash(const uint8_t *image, size_t len, uint8_t hash[32])
{
    struct mcuboot_image read;
    if (!mcuboot_image_read(image, len, &read))
        return false;
    size_t at = (size_t)read.hashed_len, area = read.tlv_len;
    for (size_t tlv = 4; tlv + 4 <= area; tlv += 4 + get16(image + at + tlv + 2)) {
        size_t value_len = get16(image + at + tlv + 2);
        if (get16(image + at + tlv) != TLV_SHA256 || value_len != 32 || tlv + 4 + value_len > area)
            continue;
        memcpy(hash, image + at + tlv + 4, 32);
        return true;
    }
    return false;
}
