/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ESP-IDF applications: "App Image Format" of its API guide. A header of 24 bytes, segments (load address,
 * length, bytes), a checksum that ends at a multiple of 16, and the SHA-256 of all that where the header says
 * so. esp_app_desc_t stands at the beginning of the first segment. */
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "harness/board/image_look.h"

#define HEADER_LEN 24u
#define SEGMENT_HEADER_LEN 8u
#define SEGMENTS_MAX 16u /* ESP_IMAGE_MAX_SEGMENTS */
#define HASH_APPENDED_AT 23u
#define DESCRIPTOR_AT (HEADER_LEN + SEGMENT_HEADER_LEN)
#define DESCRIPTOR_LEN 256u
#define DESCRIPTOR_MAGIC 0xabcd5432u
/* offsets in esp_app_desc_t */
#define VERSION_AT 16u
#define PROJECT_AT 48u
#define TEXT_LEN 32u
#define ELF_SHA256_AT 144u

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The length up to and with the checksum; 0: the file is too short for its segments. */
static size_t checked_len(const uint8_t *data, size_t len)
{
    size_t at = HEADER_LEN;
    for (unsigned i = 0; i < data[1]; i++) {
        if (len - at < SEGMENT_HEADER_LEN || len - at - SEGMENT_HEADER_LEN < get32(data + at + 4))
            return 0;
        at += SEGMENT_HEADER_LEN + get32(data + at + 4);
    }
    at = (at / 16 + 1) * 16;
    return at <= len ? at : 0;
}

/* A text of the descriptor: at most 32 bytes, with or without a NUL at its end. */
static void take_text(const uint8_t *at, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)TEXT_LEN, (const char *)at);
}

static void check_hash(const uint8_t *data, size_t end, size_t len, struct image_look *look)
{
    uint8_t is[32];
    if (data[HASH_APPENDED_AT] != 1 || len - end < sizeof is)
        return;
    SHA256(data, end, is);
    if (memcmp(is, data + end, sizeof is))
        snprintf(look->odd, sizeof look->odd, "its SHA-256 is not that of its bytes: a spoilt image");
}

int image_look_esp(const char *name, const uint8_t *data, size_t len, struct image_look *look,
                   struct error *error)
{
    bool described = len >= DESCRIPTOR_AT + DESCRIPTOR_LEN && get32(data + DESCRIPTOR_AT) == DESCRIPTOR_MAGIC;
    if (!described) { /* one byte is a weak magic number: boot loaders and others begin with it, too */
        look->format = IMAGE_PLAIN;
        return 0;
    }
    size_t end = data[1] && data[1] <= SEGMENTS_MAX ? checked_len(data, len) : 0;
    if (!end || (data[HASH_APPENDED_AT] == 1 && len - end < SHA256_DIGEST_LENGTH))
        return error_set(error, ERROR_INPUT,
                         "%s: expected a whole ESP-IDF application, found %u segments that do not fit into "
                         "its %zu bytes",
                         name, data[1], len);
    take_text(data + DESCRIPTOR_AT + VERSION_AT, look->version, sizeof look->version);
    take_text(data + DESCRIPTOR_AT + PROJECT_AT, look->project, sizeof look->project);
    for (unsigned i = 0; i < 32; i++)
        snprintf(look->hash + 2 * i, 3, "%02x", data[DESCRIPTOR_AT + ELF_SHA256_AT + i]);
    check_hash(data, end, len, look);
    return 0;
}
