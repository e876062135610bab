/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/flag_text.h"

#include <stdio.h>
#include <string.h>

#include "harness/base/mem.h"

static uint32_t word_at(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool erased(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != 0xff)
            return false;
    return true;
}

/* ---- MCUboot ---- */

static const uint8_t magic[FLAG_MAGIC_LEN] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                              0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};
/* of a trailer with units of more than 8 bytes: their size, then these */
static const uint8_t wide_magic[FLAG_MAGIC_LEN - 2] = {0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
                                                       0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a};

void flag_mcuboot_magic(uint32_t align, uint8_t out[FLAG_MAGIC_LEN])
{
    memcpy(out, magic, FLAG_MAGIC_LEN);
    if (align <= 8)
        return;
    out[0] = (uint8_t)align;
    out[1] = (uint8_t)(align >> 8);
    memcpy(out + 2, wide_magic, sizeof wide_magic);
}

/* How many of the words are written as they should be; -1: one is neither that nor erased. */
static int magic_words(const uint8_t *at)
{
    int count = 0;
    for (size_t i = 0; i < FLAG_MAGIC_LEN; i += 4) {
        if (!memcmp(at + i, magic + i, 4))
            count++;
        else if (!erased(at + i, 4))
            return -1;
    }
    return count;
}

static bool is_wide(const uint8_t *at)
{
    uint32_t unit = at[0] | (uint32_t)at[1] << 8;
    return !memcmp(at + 2, wide_magic, sizeof wide_magic) && (unit == 16 || unit == 32);
}

static void put_flag(FILE *out, const char *name, const uint8_t *unit)
{
    if (unit[0] == 0xff)
        fprintf(out, ", %s unset", name);
    else if (unit[0] == 1)
        fprintf(out, ", %s set", name);
    else
        fprintf(out, ", %s 0x%02x", name, unit[0]);
}

static void put_swap_info(FILE *out, uint8_t value)
{
    static const char *const types[] = {NULL, "none", "test", "permanent", "revert"};
    if (value == 0xff)
        fputs(", swap_info unset", out);
    else if ((value & 15) >= 1 && (value & 15) <= 4)
        fprintf(out, ", swap_info %s%s", types[value & 15], value >> 4 ? " of another image" : "");
    else
        fprintf(out, ", swap_info 0x%02x", value);
}

static void put_mcuboot(FILE *out, const uint8_t *region, size_t len)
{
    const uint8_t *at = region + len - FLAG_MAGIC_LEN;
    size_t unit = is_wide(at) ? at[0] : 8;
    int words = magic_words(at);
    if (is_wide(at) || words == 4)
        fputs("magic good", out);
    else if (!words)
        fputs("magic unset", out);
    else
        fprintf(out, "magic %s (%08x %08x %08x %08x)", words > 0 ? "partial" : "bad", word_at(at),
                word_at(at + 4), word_at(at + 8), word_at(at + 12));
    const uint8_t *image_ok = region + len - (unit > FLAG_MAGIC_LEN ? unit : FLAG_MAGIC_LEN) - unit;
    put_flag(out, "image_ok", image_ok);
    put_flag(out, "copy_done", image_ok - unit);
    put_swap_info(out, image_ok[-2 * (ptrdiff_t)unit]);
    uint32_t size = word_at(image_ok - 3 * unit);
    if (size != UINT32_MAX)
        fprintf(out, ", swap_size %u", size);
}

/* ---- ESP-IDF ---- */

uint32_t flag_otadata_crc(uint32_t sequence)
{
    uint32_t crc = 0; /* begun with ~UINT32_MAX */
    for (int i = 0; i < 32; i++) {
        crc ^= sequence >> i & 1;
        crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static bool is_entry(const uint8_t *at)
{
    return word_at(at) && word_at(at) != UINT32_MAX && flag_otadata_crc(word_at(at)) == word_at(at + 28);
}

static void put_entry(FILE *out, const uint8_t *at)
{
    static const char *const states[] = {"new", "pending verify", "valid", "invalid", "aborted"};
    uint32_t state = word_at(at + 24);
    if (erased(at, 32)) {
        fputs("erased", out);
        return;
    }
    fprintf(out, "sequence %u, ", word_at(at));
    if (state < sizeof states / sizeof *states)
        fputs(states[state], out);
    else
        fprintf(out, state == UINT32_MAX ? "undefined" : "state 0x%x", state);
    if (!is_entry(at))
        fputs(", its CRC is wrong", out);
}

static void put_otadata(FILE *out, const uint8_t *region, size_t len)
{
    fputs("entry 0: ", out);
    put_entry(out, region);
    fputs("; entry 1: ", out);
    put_entry(out, region + len / 2);
}

/* ---- wolfBoot ---- */

#define SECTORS_SHOWN 16u

static void put_wolfboot(FILE *out, const uint8_t *region, size_t len)
{
    static const struct {
        uint8_t value;
        const char *name;
    } states[] = {
        {0xff, "new"}, {0x70, "updating"}, {0x30, "final flags"}, {0x10, "testing"}, {0, "success"}};
    const uint8_t *at = region + len - 4;
    const char *name = NULL;
    if (memcmp(at, "BOOT", 4))
        fprintf(out, "magic %s", erased(at, 4) ? "unset" : "bad");
    else
        fputs("magic good", out);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (states[i].value == at[-1])
            name = states[i].name;
    fprintf(out, ", state %s (0x%02x)", name ? name : "of no meaning", at[-1]);
    if (erased(at - 1 - SECTORS_SHOWN / 2, SECTORS_SHOWN / 2))
        return;
    fputs(", sector flags ", out); /* one nibble a sector, the low one first */
    for (unsigned i = 0; i < SECTORS_SHOWN; i++)
        fprintf(out, "%x", at[-2 - (ptrdiff_t)(i / 2)] >> (i % 2 * 4) & 15);
}

/* ---- all ---- */

enum flag_format flag_format_of(const uint8_t *region, size_t len)
{
    if (len < 256)
        return len >= 64 && (is_entry(region) || is_entry(region + len / 2)) ? FLAG_OTADATA : FLAG_NONE;
    const uint8_t *end = region + len;
    if (is_wide(end - FLAG_MAGIC_LEN) || magic_words(end - FLAG_MAGIC_LEN) > 0)
        return FLAG_MCUBOOT;
    if (!memcmp(end - 4, "BOOT", 4))
        return FLAG_WOLFBOOT;
    return is_entry(region) || is_entry(region + len / 2) ? FLAG_OTADATA : FLAG_NONE;
}

const char *flag_format_name(enum flag_format format)
{
    static const char *const names[] = {"", "MCUboot trailer", "ESP-IDF OTA data", "wolfBoot trailer"};
    return names[format];
}

char *flag_text(enum flag_format format, const uint8_t *region, size_t len)
{
    static void (*const put[])(FILE *, const uint8_t *, size_t) = {NULL, put_mcuboot, put_otadata,
                                                                   put_wolfboot};
    char *text = NULL;
    size_t text_len;
    FILE *out = open_memstream(&text, &text_len);
    if (!out)
        return mem_string("");
    if (put[format])
        put[format](out, region, len);
    fclose(out);
    return text;
}
