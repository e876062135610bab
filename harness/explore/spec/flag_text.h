/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the flags at the end of a slot say, where their format is known. */
#ifndef OTARIG_EXPLORE_SPEC_FLAG_TEXT_H
#define OTARIG_EXPLORE_SPEC_FLAG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum flag_format {
    FLAG_NONE,    /* none that is known */
    FLAG_MCUBOOT, /* MCUboot docs/design.md, "Image trailer" */
    FLAG_OTADATA, /* ESP-IDF, OTA data partition: two entries, each in a sector of its own */
    FLAG_WOLFBOOT /* wolfBoot docs/firmware_update.md: state and sector flags before "BOOT" */
};

#define FLAG_MAGIC_LEN 16u
/* MCUboot's magic for units of `align` bytes: another one where they are larger than 8. */
void flag_mcuboot_magic(uint32_t align, uint8_t magic[FLAG_MAGIC_LEN]);
/* What stands behind an entry of OTA data: CRC-32 of its sequence number, begun with UINT32_MAX. */
uint32_t flag_otadata_crc(uint32_t sequence);

/* By what the region holds. A magic of which only some words are written counts as well. */
enum flag_format flag_format_of(const uint8_t *region, size_t len);
const char *flag_format_name(enum flag_format format); /* "MCUboot trailer"; static */
/* In words: "magic good, copy_done set, image_ok unset, swap_info test". A region of another content is told
 * in the words of the format that was asked for. The caller frees. */
char *flag_text(enum flag_format format, const uint8_t *region, size_t len);

#endif
