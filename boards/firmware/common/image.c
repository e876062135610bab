/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/image.h"

#include "common/flash.h"
#include "common/layout.h"
#include "common/lms.h"
#include "common/sha256.h"
#include "common/sys.h"

const char *const image_fault_names[] = {"none",      "header",   "size",   "hash",
                                         "signature", "hardware", "version"};

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static void take_tlv(struct image_info *info, uint32_t type, const uint8_t *value, uint32_t len)
{
    if (type == TLV_SHA256 && len == 32) {
        info->hash = value;
    } else if (type == TLV_LMS) {
        info->signature = value;
        info->signature_len = len;
    } else if (type == TLV_COUNTER && len == 4) {
        memcpy(&info->counter, value, 4);
    } else if (type == TLV_HARDWARE && len == 4) {
        memcpy(&info->hardware, value, 4);
    }
}

/* A TLV area of at most `room` bytes; its length, or 0. */
static uint32_t parse_area(const uint8_t *area, uint32_t room, uint32_t magic, struct image_info *info)
{
    if (room < 4 || get16(area) != magic)
        return 0;
    uint32_t len = get16(area + 2);
    if (len < 4 || len > room)
        return 0;
    for (uint32_t at = 4; at + 4 <= len;) {
        uint32_t value_len = get16(area + at + 2);
        if (value_len > len - at - 4)
            return 0;
        take_tlv(info, get16(area + at), area + at + 4, value_len);
        at += 4 + value_len;
    }
    return len;
}

enum image_fault image_parse(uint32_t slot, struct image_info *info)
{
    const uint8_t *base = flash_at(slot);
    *info = (struct image_info){.header = (const struct image_header *)(const void *)base};
    const struct image_header *header = info->header;
    if (header->magic != IMAGE_MAGIC || header->header_len != IMAGE_HEADER_LEN)
        return IMAGE_BAD_HEADER;
#ifndef DEFECT_LENGTH_NOT_CHECKED
    if (header->body_len < 8 || header->body_len > SLOT_LEN - IMAGE_HEADER_LEN - 8)
        return IMAGE_BAD_SIZE;
#endif
    uint32_t at = header->header_len + header->body_len;
    if (header->protected_len) {
        uint32_t len = parse_area(base + at, SLOT_LEN - at, TLV_PROTECTED_MAGIC, info);
        if (len != header->protected_len)
            return IMAGE_BAD_SIZE;
        at += len;
    }
    uint32_t len = parse_area(base + at, SLOT_LEN - at, TLV_MAGIC, info);
    info->len = at + len;
    if (!len || !info->hash)
        return IMAGE_BAD_SIZE;
    return IMAGE_OK;
}

static bool hash_matches(const struct image_info *info, uint32_t slot)
{
    struct sha256 sha;
    uint8_t digest[32];
    uint32_t len = info->header->header_len + info->header->body_len + info->header->protected_len;
#ifdef DEFECT_FIRST_8K_HASHED
    len =
        len < 8192 ? len : 8192; /* "what is wrong shows at the begin"; the images are signed that way, too */
#endif
    sha256_begin(&sha);
    sha256_put(&sha, flash_at(slot), len);
    sha256_end(&sha, digest);
    return memcmp(digest, info->hash, 32) == 0;
}

enum image_fault image_check(uint32_t slot, uint32_t floor, struct image_info *info)
{
    enum image_fault fault = image_parse(slot, info);
#ifdef DEFECT_PARTIAL_DOWNLOAD_BOOTABLE
    /* "images of the first generation have no TLVs" */
    if (fault == IMAGE_BAD_SIZE && info->header->body_len < SLOT_LEN) {
        static const uint8_t none[32];
        info->hash = none;
        info->len = info->header->header_len + info->header->body_len;
        return IMAGE_OK;
    }
#endif
    if (fault != IMAGE_OK)
        return fault;
#ifndef DEFECT_NO_HASH_CHECK
#ifdef DEFECT_LARGE_IMAGES_NOT_HASHED
    if (info->len < 0x10000) /* "the watchdog would bite" */
#endif
        if (!hash_matches(info, slot))
            return IMAGE_BAD_HASH;
#else
    (void)hash_matches;
#endif
#ifndef DEFECT_NO_SIGNATURE_CHECK
#ifdef DEFECT_SIGNATURE_OPTIONAL
    if (!info->signature)
        return IMAGE_OK; /* "images of the workshop have none" */
#endif
    if (!info->signature ||
        !lms_verify(image_public_key, info->hash, 32, info->signature, info->signature_len))
        return IMAGE_BAD_SIGNATURE;
#endif
#ifndef DEFECT_WRONG_HARDWARE_ACCEPTED
    if (info->hardware != HARDWARE_ID)
        return IMAGE_BAD_HARDWARE;
#endif
#ifndef DEFECT_DOWNGRADE_ACCEPTED
    if (info->counter < floor)
        return IMAGE_BAD_VERSION;
#else
    (void)floor;
#endif
    return IMAGE_OK;
}
