/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/smp_mend.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/driver/update/smp_base64.h"
#include "harness/driver/update/smp_frame.h"

#define PIECES_MAX 64
#define CHOICES_MAX 5 /* lines of which it is not clear whether they belong to the frame */

/* A run of the alphabet's characters at the beginning of a line (or behind its marker). */
struct piece {
    const char *text;
    size_t len;
    bool doubtful; /* no marker leads it: it goes on with a line that was cut, or is a log line's beginning */
};

static bool is_end(char byte)
{
    return byte == '\r' || byte == '\n';
}

/* Characters that a packet fills whose first four are these; 0: impossible. `short_len`: its length does not
 * count the CRC. */
static size_t text_len(const char *first, bool short_len)
{
    uint8_t bytes[3];
    if (smp_base64_decode(first, 4, bytes, sizeof bytes) != 3)
        return 0;
    size_t told = (size_t)(bytes[0] << 8 | bytes[1]) + (short_len ? 2 : 0);
    return told < 10 || told + 2 > SMP_PACKET_MAX + 4 ? 0 : (told + 2 + 2) / 3 * 4;
}

/* The payload's length, 0: it is no packet. */
static size_t check(const char *text, size_t len, bool short_len, uint8_t *packet, size_t room)
{
    size_t bytes = smp_base64_decode(text, len, packet, room);
    if (bytes < 12)
        return 0;
    size_t payload = (size_t)(packet[0] << 8 | packet[1]) - (short_len ? 0 : 2);
    const uint8_t *at = packet + 2;
    bool whole = payload + 4 == bytes && smp_crc16(at, payload) == (at[payload] << 8 | at[payload + 1]) &&
                 payload == 8 + (size_t)(at[2] << 8 | at[3]);
    return whole ? payload : 0;
}

static size_t check_both(const char *text, size_t len, uint8_t *packet, size_t room)
{
    for (int short_len = 0; len >= 4 && short_len < 2; short_len++) {
        size_t payload = len == text_len(text, short_len) ? check(text, len, short_len, packet, room) : 0;
        if (payload)
            return payload;
    }
    return 0;
}

/* ---- lines: what begins with a character of no frame is a log's, up to the end of the line ---- */

static size_t find_pieces(const char *raw, size_t len, struct piece *pieces)
{
    size_t count = 0;
    for (size_t begin = 0, end; begin < len && count < PIECES_MAX; begin = end + 1) {
        for (end = begin; end < len && !is_end(raw[end]);)
            end++;
        const char *marker = begin ? memmem(raw + begin, end - begin, "\x04\x14", 2) : NULL;
        const char *text = marker ? marker + 2 : raw + begin;
        size_t run = 0;
        while (text + run < raw + end && smp_base64_is(text[run]))
            run++;
        if (run)
            pieces[count++] = (struct piece){text, run, begin && !marker};
    }
    return count;
}

static size_t mend_lines(const char *raw, size_t len, char *text, uint8_t *packet, size_t room)
{
    struct piece pieces[PIECES_MAX];
    size_t count = find_pieces(raw, len, pieces), doubtful = 0;
    for (size_t i = 0; i < count; i++)
        doubtful += pieces[i].doubtful;
    if (doubtful > CHOICES_MAX)
        return 0;
    for (unsigned choice = 0; choice < 1u << doubtful; choice++) {
        size_t text_end = 0, bit = 0;
        for (size_t i = 0; i < count; i++) {
            if (pieces[i].doubtful && !(choice >> bit++ & 1))
                continue;
            memcpy(text + text_end, pieces[i].text, pieces[i].len);
            text_end += pieces[i].len;
        }
        size_t payload = check_both(text, text_end, packet, room);
        if (payload)
            return payload;
    }
    return 0;
}

/* ---- one piece of foreign text, wherever it begins: its length is what there is too much ---- */

/* The ends of the frame's own lines are no foreign text: they go, with the marker of the next one. */
static size_t join(const char *raw, size_t len, char *text)
{
    size_t out = 0;
    while (len && is_end(raw[len - 1]))
        len--;
    for (size_t i = 0; i < len; i++) {
        if (i + 1 < len && !memcmp(raw + i, "\x04\x14", 2)) {
            while (out && is_end(text[out - 1]))
                out--;
            i++;
        } else {
            text[out++] = raw[i];
        }
    }
    return out;
}

/* Foreign text ends with its line, or is a prompt ("uart:~$ "). */
static bool may_end(const char *text, size_t len, size_t end)
{
    if (is_end(text[end - 1]))
        return end == len || !is_end(text[end]);
    return end >= 2 && text[end - 1] == ' ' && strchr("$>#", text[end - 2]);
}

static size_t mend_piece(const char *raw, size_t len, char *text, uint8_t *packet, size_t room)
{
    size_t all = join(raw, len, text);
    char *left = mem_alloc(all + 1);
    size_t payload = 0;
    for (int short_len = 0; all > 4 && short_len < 2 && !payload; short_len++) {
        size_t wanted = text_len(text, short_len), extra = wanted && all > wanted ? all - wanted : 0;
        for (size_t end = 4 + extra; extra && end <= all && !payload; end++) {
            if (!may_end(text, all, end))
                continue;
            memcpy(left, text, end - extra);
            memcpy(left + end - extra, text + end, all - end);
            payload = check(left, wanted, short_len, packet, room);
        }
    }
    free(left);
    return payload;
}

size_t smp_mend(const char *raw, size_t len, uint8_t *packet, size_t room)
{
    char *text = mem_alloc(len + 1);
    size_t payload = mend_lines(raw, len, text, packet, room);
    if (!payload)
        payload = mend_piece(raw, len, text, packet, room);
    free(text);
    return payload;
}
