/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/smp_frame.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/driver/update/smp_base64.h"
#include "harness/driver/update/smp_mend.h"

#define LINE_MAX_LEN 127 /* with marker and newline */
#define LINE_TEXT_LEN (LINE_MAX_LEN - 3)
#define LOG_ROOM 2048 /* text that may stand between and in the lines of one frame */

uint16_t smp_crc16(const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint16_t crc = 0;
    for (size_t i = 0; i < len; i++) {
        crc = (uint16_t)(crc ^ (bytes[i] << 8));
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
    }
    return crc;
}

char *smp_frame_build(const void *packet, size_t len, size_t *out_len)
{
    size_t raw_len = len + 4, text_len = (raw_len + 2) / 3 * 4;
    uint8_t *raw = mem_alloc(raw_len);
    char *text = mem_alloc(text_len + 1);
    uint16_t crc = smp_crc16(packet, len);
    raw[0] = (uint8_t)((len + 2) >> 8);
    raw[1] = (uint8_t)(len + 2);
    memcpy(raw + 2, packet, len);
    raw[len + 2] = (uint8_t)(crc >> 8);
    raw[len + 3] = (uint8_t)crc;
    EVP_EncodeBlock((unsigned char *)text, raw, (int)raw_len);
    free(raw);
    size_t lines = (text_len + LINE_TEXT_LEN - 1) / LINE_TEXT_LEN;
    char *out = mem_alloc(text_len + 3 * lines + 1);
    *out_len = 0;
    for (size_t at = 0; at < text_len; at += LINE_TEXT_LEN) {
        size_t piece = text_len - at < LINE_TEXT_LEN ? text_len - at : LINE_TEXT_LEN;
        memcpy(out + *out_len, at ? "\x04\x14" : "\x06\x09", 2);
        memcpy(out + *out_len + 2, text + at, piece);
        out[*out_len + 2 + piece] = '\n';
        *out_len += piece + 3;
    }
    free(text);
    return out;
}

void smp_parser_init(struct smp_parser *parser, void (*found)(void *arg, const uint8_t *packet, size_t len),
                     void *arg)
{
    memset(parser, 0, sizeof *parser);
    parser->found = found;
    parser->arg = arg;
}

static bool is_end(char byte)
{
    return byte == '\r' || byte == '\n';
}

static void leave(struct smp_parser *parser)
{
    parser->in_frame = false;
    parser->raw_len = 0;
}

static void drop(struct smp_parser *parser)
{
    parser->counts.broken += parser->in_frame;
    leave(parser);
}

static void deliver(struct smp_parser *parser, size_t len, unsigned long *also)
{
    *also += 1;
    leave(parser);
    parser->found(parser->arg, parser->packet + 2, len);
}

/* The header of SMP says how long its packet is, too. */
static bool tells_len(const uint8_t *payload, size_t len)
{
    return len >= 8 && len == 8 + (size_t)(payload[2] << 8 | payload[3]);
}

/* The text of the frame's lines without their markers, as far as it is told apart by lines alone; `odd`:
 * there is other text, too. */
static size_t collect(const struct smp_parser *parser, char *text, bool *odd)
{
    const char *raw = parser->raw;
    size_t len = 0;
    *odd = false;
    for (size_t begin = 0, end; begin < parser->raw_len; begin = end + 1) {
        for (end = begin; end < parser->raw_len && !is_end(raw[end]);)
            end++;
        const char *marker = begin ? memmem(raw + begin, end - begin, "\x04\x14", 2) : NULL;
        if (begin && !marker) {
            *odd |= end > begin;
            continue;
        }
        for (const char *at = marker ? marker + 2 : raw + begin; at < raw + end; at++) {
            *odd |= !smp_base64_is(*at);
            text[len++] = *at;
        }
    }
    return len;
}

static size_t decode(struct smp_parser *parser, bool *odd)
{
    char *text = mem_alloc(parser->raw_len + 1);
    size_t len = collect(parser, text, odd);
    len = smp_base64_decode(text, len, parser->packet, sizeof parser->packet);
    free(text);
    return len;
}

enum look { LOOK_WAIT, LOOK_FOUND, LOOK_BAD };

static enum look look(struct smp_parser *parser, size_t len)
{
    const uint8_t *payload = parser->packet + 2;
    size_t told = len < 2 ? 0 : (size_t)(parser->packet[0] << 8 | parser->packet[1]);
    unsigned long none = 0;
    if (len < 4 || len < told + 2)
        return LOOK_WAIT;
    bool plain = told >= 2 && len == told + 2;
    if (plain && smp_crc16(payload, told - 2) == (payload[told - 2] << 8 | payload[told - 1])) {
        deliver(parser, told - 2, &none);
        return LOOK_FOUND;
    }
    if (len == told + 4 && smp_crc16(payload, told) == (payload[told] << 8 | payload[told + 1])) {
        deliver(parser, told, &parser->counts.short_len);
        return LOOK_FOUND;
    }
    return len < told + 4 ? LOOK_WAIT : LOOK_BAD;
}

static void end_line(struct smp_parser *parser)
{
    bool odd;
    size_t len = decode(parser, &odd);
    enum look seen = look(parser, len);
    if (seen == LOOK_FOUND)
        return;
    size_t mended = odd ? smp_mend(parser->raw, parser->raw_len, parser->packet, sizeof parser->packet) : 0;
    if (mended)
        deliver(parser, mended, &parser->counts.mended);
    else if ((seen == LOOK_BAD && !odd) || parser->raw_len > 2 * len + LOG_ROOM)
        drop(parser);
}

/* Of a packet without a CRC its own header has to confirm the length. */
void smp_parser_late(struct smp_parser *parser)
{
    bool odd;
    size_t len = parser->in_frame ? decode(parser, &odd) : 0;
    if (!parser->in_frame || look(parser, len) == LOOK_FOUND)
        return; /* only the end of its line was missing */
    if (len < 2 + 8 || !tells_len(parser->packet + 2, len - 2))
        return;
    size_t told = (size_t)(parser->packet[0] << 8 | parser->packet[1]);
    if (told == len - 2 || told == len) /* it does not count the CRC that is missing, or does */
        deliver(parser, len - 2, &parser->counts.no_crc);
}

static void begin(struct smp_parser *parser)
{
    smp_parser_late(parser);
    drop(parser);
    parser->in_frame = true;
}

void smp_parser_put(struct smp_parser *parser, const void *data, size_t len)
{
    const char *bytes = data;
    for (size_t i = 0; i < len; i++) {
        char last = parser->last, byte = parser->last = bytes[i];
        if (last == 0x06 && byte == 0x09)
            begin(parser);
        else if (parser->in_frame && byte && parser->raw_len == sizeof parser->raw)
            drop(parser);
        else if (parser->in_frame && byte)
            parser->raw[parser->raw_len++] = byte;
        if (parser->in_frame && is_end(byte) && !is_end(last) && parser->raw_len > 1)
            end_line(parser);
    }
}
