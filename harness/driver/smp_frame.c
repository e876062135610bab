#include "harness/driver/smp_frame.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

#define LINE_MAX_LEN 127 /* with marker and newline */
#define LINE_TEXT_LEN (LINE_MAX_LEN - 3)

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

static void drop(struct smp_parser *parser)
{
    parser->broken += parser->in_packet;
    parser->in_packet = false;
    parser->packet_len = 0;
}

/* Each line is base64 of its own length: a multiple of 4 but for padding at the packet's end. */
static bool decode(struct smp_parser *parser, const char *text, size_t len)
{
    uint8_t out[sizeof parser->line];
    if (!len || len % 4)
        return false;
    int n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
    if (n < 0)
        return false;
    /* OpenSSL counts the padding as bytes */
    n -= (text[len - 1] == '=') + (text[len - 2] == '=');
    if (parser->packet_len + (size_t)n > sizeof parser->packet)
        return false;
    memcpy(parser->packet + parser->packet_len, out, (size_t)n);
    parser->packet_len += (size_t)n;
    return true;
}

static void check_complete(struct smp_parser *parser)
{
    if (parser->packet_len < 2)
        return;
    size_t want = (size_t)(parser->packet[0] << 8 | parser->packet[1]);
    if (parser->packet_len < want + 2)
        return;
    const uint8_t *payload = parser->packet + 2;
    if (want < 2 || want + 2 != parser->packet_len ||
        smp_crc16(payload, want - 2) != (payload[want - 2] << 8 | payload[want - 1])) {
        drop(parser);
        return;
    }
    parser->in_packet = false;
    parser->found(parser->arg, payload, want - 2);
    parser->packet_len = 0;
}

static void take_line(struct smp_parser *parser)
{
    const char *text = parser->line;
    size_t len = parser->line_len;
    parser->line_len = 0;
    while (len && text[len - 1] == '\r')
        len--;
    /* the marker may follow a log line that has no end */
    size_t at = 0;
    while (at + 2 <= len && memcmp(text + at, "\x06\x09", 2) && memcmp(text + at, "\x04\x14", 2))
        at++;
    if (at + 2 > len)
        return;
    bool first = text[at] == 0x06;
    if (first)
        drop(parser);
    if (!first && !parser->in_packet)
        return;
    parser->in_packet = true;
    if (decode(parser, text + at + 2, len - at - 2))
        check_complete(parser);
    else
        drop(parser);
}

void smp_parser_put(struct smp_parser *parser, const void *data, size_t len)
{
    const char *bytes = data;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n')
            take_line(parser);
        else if (parser->line_len < sizeof parser->line)
            parser->line[parser->line_len++] = bytes[i];
        else
            parser->line_len = 0; /* no frame has such lines */
    }
}
