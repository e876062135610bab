/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/smp_base64.h"

static int value(char byte)
{
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

bool smp_base64_is(char byte)
{
    return value(byte) >= 0 || byte == '=';
}

/* 1 to 3 bytes; 0: it is no group */
static size_t decode_group(const char *group, uint8_t out[3])
{
    size_t padding = group[3] != '=' ? 0 : group[2] != '=' ? 1 : 2;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < 4 - padding ? value(group[i]) : 0;
        if (digit < 0)
            return 0;
        bits = bits << 6 | (uint32_t)digit;
    }
    out[0] = (uint8_t)(bits >> 16);
    out[1] = (uint8_t)(bits >> 8);
    out[2] = (uint8_t)bits;
    return 3 - padding;
}

size_t smp_base64_decode(const char *text, size_t len, uint8_t *out, size_t room)
{
    size_t bytes = 0;
    for (size_t at = 0; at + 4 <= len; at += 4) {
        uint8_t group[3];
        size_t got = decode_group(text + at, group);
        if (!got || bytes + got > room)
            break;
        for (size_t i = 0; i < got; i++)
            out[bytes++] = group[i];
    }
    return bytes;
}
