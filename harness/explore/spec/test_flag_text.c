/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explore/spec/flag_text.h"

static uint8_t slot[4096];

static void expect_text(enum flag_format format, const char *wanted)
{
    cr_assert_eq(flag_format_of(slot, sizeof slot), format);
    char *text = flag_text(format, slot, sizeof slot);
    cr_expect_str_eq(text, wanted);
    free(text);
}

static void put(size_t from_end, const char *bytes, size_t len)
{
    memcpy(slot + sizeof slot - from_end, bytes, len);
}

static const char magic[] = "\x77\xc2\x95\xf3\x60\xd2\xef\x7f\x35\x52\x50\x0f\x2c\xb6\x79\x80";

Test(flag_text, a_blank_slot_is_of_no_format)
{
    memset(slot, 0xff, sizeof slot);
    cr_expect_eq(flag_format_of(slot, sizeof slot), FLAG_NONE);
    memset(slot, 0, 4); /* a word that was cleared, as many a loader does */
    cr_expect_eq(flag_format_of(slot, sizeof slot), FLAG_NONE);
    memset(slot, 0, sizeof slot);
    cr_expect_eq(flag_format_of(slot, sizeof slot), FLAG_NONE);
}

Test(flag_text, tells_the_trailer_of_mcuboot)
{
    memset(slot, 0xff, sizeof slot);
    put(16, magic, 16);
    expect_text(FLAG_MCUBOOT, "magic good, image_ok unset, copy_done unset, swap_info unset");
    put(24, "\1", 1);
    put(32, "\1", 1);
    put(40, "\2", 1);
    put(48, "\x10\x27\0\0", 4);
    expect_text(FLAG_MCUBOOT, "magic good, image_ok set, copy_done set, swap_info test, swap_size 10000");
    put(32, "\x81", 1);
    put(40, "\x14", 1);
    put(8, "\xff\xff\xff\xff", 4);
    expect_text(FLAG_MCUBOOT,
                "magic partial (f395c277 7fefd260 ffffffff 8079b62c), image_ok set, copy_done 0x81, "
                "swap_info revert of another image, swap_size 10000");
    put(16, "\x10\0\x2d\xe1\x5d\x29\x41\x0b\x8d\x77\x67\x9c\x11\x0f\x1f\x8a", 16);
    put(48, "\1\xff\xff\xff", 4);
    put(32, "\xff", 1);
    expect_text(FLAG_MCUBOOT, "magic good, image_ok unset, copy_done set, swap_info unset");
}

Test(flag_text, tells_ota_data_and_a_wrong_crc)
{
    memset(slot, 0xff, sizeof slot);
    memcpy(slot, "\1\0\0\0", 4);
    memcpy(slot + 24, "\2\0\0\0", 4);
    memcpy(slot + 28, "\x9a\x98\x43\x47", 4); /* esp_rom_crc32_le(UINT32_MAX, sequence 1) */
    expect_text(FLAG_OTADATA, "entry 0: sequence 1, valid; entry 1: erased");
    memcpy(slot + 2048, "\2\0\0\0", 4);
    expect_text(FLAG_OTADATA, "entry 0: sequence 1, valid; entry 1: sequence 2, undefined, its CRC is wrong");
}

Test(flag_text, tells_the_state_and_the_sectors_of_wolfboot)
{
    memset(slot, 0xff, sizeof slot);
    put(4, "BOOT", 4);
    put(5, "\x70", 1);
    expect_text(FLAG_WOLFBOOT, "magic good, state updating (0x70)");
    put(6, "\x30", 1); /* sector 0: updated, sector 1: swapped */
    expect_text(FLAG_WOLFBOOT, "magic good, state updating (0x70), sector flags 03ffffffffffffff");
    put(5, "\x42", 1);
    expect_text(FLAG_WOLFBOOT, "magic good, state of no meaning (0x42), sector flags 03ffffffffffffff");
}
