/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/board/image_look.h"

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/mcuboot_image.h"

const char *image_format_name(enum image_format format)
{
    static const char *const names[IMAGE_FORMATS] = {"plain file", "MCUboot image", "ESP-IDF application",
                                                     "U-Boot FIT"};
    return names[format];
}

/* What lies beside images in the folder of a build, and what a board gets instead. */
static const struct {
    const char *magic;
    size_t len;
    const char *what, *instead;
} foreign[] = {
    {"\177ELF", 4, "an ELF file", "the binary made of it (objcopy -O binary)"},
    {":10", 3, "an Intel HEX file", "a binary (objcopy -I ihex -O binary)"},
    {":02", 3, "an Intel HEX file", "a binary (objcopy -I ihex -O binary)"},
    {"S0", 2, "an S-record file", "a binary (objcopy -I srec -O binary)"},
    {"UF2\n", 4, "a UF2 file", "the binary inside of it"},
    {"PK\3\4", 4, "a ZIP file", "the image inside of it"},
    {"-----BEGIN ", 11, "a key or certificate", "an image"},
    {"/dts-v1/", 8, "the source of a device tree", "the FIT made of it (mkimage -f)"},
};

static int refuse_foreign(const char *name, const uint8_t *data, size_t len, struct error *error)
{
    if (!len)
        return error_set(error, ERROR_INPUT, "%s: expected an image, found an empty file", name);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (len >= foreign[i].len && !memcmp(data, foreign[i].magic, foreign[i].len))
            return error_set(error, ERROR_INPUT, "%s: expected %s, found %s", name, foreign[i].instead,
                             foreign[i].what);
    return 0;
}

static void put_hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

int image_look_mcuboot(const char *name, const uint8_t *data, size_t len, struct image_look *look,
                       struct error *error)
{
    struct mcuboot_image image;
    uint8_t told[32], is[32];
    if (!mcuboot_image_read(data, len, &image))
        return error_set(error, ERROR_INPUT,
                         "%s: expected a whole MCUboot image, found a header that tells of %llu bytes and a "
                         "file of %zu",
                         name, (unsigned long long)image.hashed_len, len);
    if (!image.tlv_len)
        return error_set(error, ERROR_INPUT,
                         "%s: expected a signed MCUboot image, found none of what imgtool puts behind its "
                         "body (give zephyr.signed.bin, not zephyr.bin)",
                         name);
    snprintf(look->version, sizeof look->version, "%u.%u.%u", image.major, image.minor, image.revision);
    size_t at = strlen(look->version);
    if (image.build)
        snprintf(look->version + at, sizeof look->version - at, "+%u", image.build);
    if (!mcuboot_image_hash(data, len, told)) {
        snprintf(look->odd, sizeof look->odd, "it has no SHA-256 TLV: boards cannot name it by its hash");
        return 0;
    }
    put_hex(told, sizeof told, look->hash);
    SHA256(data, (size_t)image.hashed_len, is);
    if (memcmp(is, told, sizeof is))
        snprintf(look->odd, sizeof look->odd, "its SHA-256 TLV is not that of its bytes: a spoilt image");
    return 0;
}

int image_look(const char *name, const uint8_t *data, size_t len, struct image_look *look,
               struct error *error)
{
    static const struct {
        enum image_format format;
        const char *magic;
        size_t len;
        int (*look)(const char *, const uint8_t *, size_t, struct image_look *, struct error *);
    } formats[] = {{IMAGE_MCUBOOT, "\x3d\xb8\xf3\x96", 4, image_look_mcuboot},
                   {IMAGE_FIT, "\xd0\x0d\xfe\xed", 4, image_look_fit},
                   {IMAGE_ESP, "\xe9", 1, image_look_esp}};
    *look = (struct image_look){.format = IMAGE_PLAIN};
    if (refuse_foreign(name, data, len, error))
        return -1;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (len < formats[i].len || memcmp(data, formats[i].magic, formats[i].len))
            continue;
        look->format = formats[i].format;
        return formats[i].look(name, data, len, look, error);
    }
    return 0;
}
