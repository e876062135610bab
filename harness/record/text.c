/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/record/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

/* RFC 3629, section 4: which first byte allows which second byte, and how long the sequence is. */
static const struct {
    uint8_t first_low, first_high, second_low, second_high, len;
} sequences[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Length of the sequence that begins here, 0 when none does. */
static size_t sequence_len(const uint8_t *text, size_t len)
{
    if (text[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        if (text[0] < sequences[i].first_low || text[0] > sequences[i].first_high)
            continue;
        if (len < sequences[i].len || text[1] < sequences[i].second_low || text[1] > sequences[i].second_high)
            return 0;
        for (size_t k = 2; k < sequences[i].len; k++)
            if ((text[k] & 0xc0) != 0x80)
                return 0;
        return sequences[i].len;
    }
    return 0;
}

bool text_is_utf8(const char *text, size_t len)
{
    for (size_t i = 0, taken; i < len; i += taken)
        if (!(taken = sequence_len((const uint8_t *)text + i, len - i)))
            return false;
    return true;
}

char *text_clean(const char *text, size_t len)
{
    const uint8_t *in = (const uint8_t *)text;
    char *out = mem_array(len + 1, 3);
    for (size_t i = 0, n = 0; i < len && in[i];) {
        size_t taken = sequence_len(in + i, len - i);
        memcpy(out + n, taken ? text + i : "\xef\xbf\xbd", taken ? taken : 3);
        n += taken ? taken : 3;
        i += taken ? taken : 1;
    }
    return out;
}

/* C0, DEL and C1 (U+0080 to U+009F, in UTF-8 c2 80 to c2 9f): on a terminal they are commands. */
static bool is_control(const uint8_t *text)
{
    return text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
}

static void mask_controls(char *text)
{
    for (uint8_t *at = (uint8_t *)text; *at; at++) {
        if (!is_control(at))
            continue;
        if (*at == 0xc2)
            *at++ = '?';
        *at = '?';
    }
}

void text_fit(char *out, size_t size, const char *text)
{
    char *clean = text_clean(text ? text : "", text ? strlen(text) : 0);
    mask_controls(clean);
    size_t len = strlen(clean);
    if (len >= size)
        for (len = size - 1; len && ((uint8_t)clean[len] & 0xc0) == 0x80;)
            len--; /* clean[len] is dropped: it must begin a sequence */
    memcpy(out, clean, len);
    out[len] = '\0';
    free(clean);
}

/* The length of the control sequence at `text`: ESC [, parameters, intermediates, a final byte; 0: none. */
static size_t control_len(const char *text, size_t len)
{
    size_t at = 2;
    if (len < 3 || text[0] != 0x1b || text[1] != '[')
        return 0;
    while (at < len && text[at] >= 0x30 && text[at] <= 0x3f)
        at++;
    while (at < len && text[at] >= 0x20 && text[at] <= 0x2f)
        at++;
    return at < len && text[at] >= 0x40 && text[at] <= 0x7e ? at + 1 : 0;
}

size_t text_plain(char *text, size_t len)
{
    size_t kept = 0;
    for (size_t at = 0; at < len;) {
        size_t sequence = control_len(text + at, len - at);
        if (!sequence)
            text[kept++] = text[at++];
        at += sequence;
    }
    return kept;
}
