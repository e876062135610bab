/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames and messages, without any client. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/driver/update/smp_frame.h"
#include "harness/driver/update/smp_msg.h"
#include "harness/driver/update/smp_status.h"

/* ---- framing ---- */

Test(smp_frame, crc_is_xmodem)
{
    /* the check value of CRC-16/XMODEM in the catalogue of parametrised CRC algorithms */
    cr_assert_eq(smp_crc16("123456789", 9), 0x31c3);
    cr_assert_eq(smp_crc16("", 0), 0);
}

Test(smp_frame, lines_are_as_specified)
{
    size_t len;
    /* length 3 + 2, "foo", CRC 0xaf96: 00 05 66 6f 6f af 96 */
    char *lines = smp_frame_build("foo", 3, &len);
    cr_assert_eq(smp_crc16("foo", 3), 0xaf96);
    cr_assert_eq(len, 2 + 12 + 1);
    cr_assert_arr_eq(lines,
                     "\x06\x09"
                     "AAVmb2+vlg==\n",
                     len);
    free(lines);
    uint8_t packet[300] = {0};
    lines = smp_frame_build(packet, sizeof packet, &len);
    size_t begin = 0, count = 0;
    for (size_t i = 0; i < len; i++) {
        if (lines[i] != '\n')
            continue;
        cr_assert_leq(i + 1 - begin, 127);
        cr_assert_eq(memcmp(lines + begin, count ? "\x04\x14" : "\x06\x09", 2), 0);
        begin = i + 1;
        count++;
    }
    cr_assert_eq(begin, len);
    cr_assert_eq(count, 4, "304 bytes are 408 characters, 124 in a line");
    free(lines);
}

Test(smp_msg, a_map_may_not_announce_more_than_there_is)
{
    static const uint8_t greedy[] = {0xbf, 0x00, 0xba, 0xba, 0xba, 0xba, 0xba, 0x07, 0xff};
    static const uint8_t nested[] = {0xa1, 0x61, 'a',  0x9b, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0x00};
    static const uint8_t good[] = {0xa1, 0x61, 'a', 0x81, 0x05};
    cr_assert_null(smp_decode(greedy, sizeof greedy));
    cr_assert_null(smp_decode(nested, sizeof nested));
    cJSON *object = smp_decode(good, sizeof good);
    cr_assert_eq(cJSON_GetArrayItem(cJSON_GetObjectItem(object, "a"), 0)->valueint, 5);
    cJSON_Delete(object);
}
