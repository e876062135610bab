/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MCUmgr's SMP server over the console, as Zephyr frames it (see harness/driver/update/smp_frame.h for the
 * other end). */
#include "common/smp.h"

#include "common/layout.h"
#include "common/sys.h"

#ifndef SMP_BUF_SIZE
#define SMP_BUF_SIZE 1216u
#endif
#define PACKET_MAX (SMP_BUF_SIZE + 64u)
#define LINE_MAX 200u
#define HEADER_LEN 8u

bool smp_dead;
static bool reset_wanted;

/* ---- requests ---- */

static bool key_is(const struct cbor_item *key, const char *name)
{
    return key->kind == CBOR_TEXT && !key->indefinite && key->value == strlen(name) &&
           memcmp(key->data, name, (size_t)key->value) == 0;
}

static void take(struct smp_request *request, const struct cbor_item *key, const struct cbor_item *value)
{
    bool bytes = value->kind == CBOR_BYTES && !value->indefinite;
    if (key_is(key, "off") && value->kind == CBOR_UINT) {
        request->chunk.off = (uint32_t)value->value;
        request->has_off = value->value <= 0xffffffff;
    } else if (key_is(key, "len") && value->kind == CBOR_UINT) {
        request->chunk.total = value->value <= 0xffffffff ? (uint32_t)value->value : 0xffffffff;
    } else if (key_is(key, "data") && bytes) {
        request->chunk.data = value->data;
        request->chunk.len = (uint32_t)value->value;
    } else if (key_is(key, "sha") && bytes) {
        request->chunk.sha = value->data;
        request->chunk.sha_len = (uint32_t)value->value;
    } else if (key_is(key, "hash") && bytes) {
        request->hash = value->data;
        request->hash_len = (uint32_t)value->value;
    } else if (key_is(key, "confirm") && value->kind == CBOR_SIMPLE) {
        request->confirm = value->value == 21;
    } else if (key_is(key, "d") && value->kind == CBOR_TEXT && !value->indefinite) {
        request->echo = value->data;
        request->echo_len = (uint32_t)value->value;
    }
}

static bool parse(const uint8_t *packet, size_t len, struct smp_request *request)
{
    struct cbor_in in = {.data = packet, .len = len, .at = HEADER_LEN};
    struct cbor_item map, key, value;
    memset(request, 0, sizeof *request);
    if (len < HEADER_LEN || (size_t)(packet[2] << 8 | packet[3]) > len - HEADER_LEN)
        return false;
    request->op = packet[0] & 7u;
    request->group = (unsigned)(packet[4] << 8 | packet[5]);
    request->seq = packet[6];
    request->id = packet[7];
    if (!cbor_next(&in, &map))
        return in.at >= in.len;
    if (map.kind != CBOR_MAP)
        return false;
    for (uint64_t i = 0; map.indefinite || i < map.value; i++) {
        if (!cbor_next(&in, &key))
            return false;
        if (key.kind == CBOR_SIMPLE && key.indefinite)
            return true;
        if (!cbor_skip(&in, &key, 0) || !cbor_next(&in, &value) || !cbor_skip(&in, &value, 0))
            return false;
        take(request, &key, &value);
    }
    return true;
}

/* ---- answers ---- */

void smp_add_rc(struct cbor_out *out, int rc)
{
    cbor_text(out, "rc");
    cbor_uint(out, (uint32_t)rc);
}

void smp_add_flag(struct cbor_out *out, const char *name, bool value)
{
    cbor_text(out, name);
    cbor_bool(out, value);
}

static void os_group(const struct smp_request *request, struct cbor_out *out)
{
    char text[64];
    if (request->id == 0) {
        size_t len = request->echo_len < sizeof text - 1 ? request->echo_len : sizeof text - 1;
        memcpy(text, request->echo, request->echo ? len : 0);
        text[request->echo ? len : 0] = 0;
        cbor_text(out, "r");
        cbor_text(out, text);
    } else if (request->id == 5) {
        smp_add_rc(out, SMP_RC_OK);
        reset_wanted = true;
    } else if (request->id == 6) {
        cbor_text(out, "buf_size");
        cbor_uint(out, SMP_BUF_SIZE);
        cbor_text(out, "buf_count");
        cbor_uint(out, 1);
    } else {
        smp_add_rc(out, SMP_RC_NOT_SUPPORTED);
    }
}

size_t smp_answer(const uint8_t *packet, size_t len, uint8_t *out, size_t room)
{
    struct smp_request request;
    struct cbor_out answer = {.data = out + HEADER_LEN, .room = room - HEADER_LEN};
    if (!parse(packet, len, &request) || (request.op != 0 && request.op != 2))
        return 0;
    cbor_map(&answer);
    if (request.group == 0)
        os_group(&request, &answer);
    else if (request.group == 1)
        smp_image_group(&request, &answer);
    else
        smp_add_rc(&answer, SMP_RC_NOT_SUPPORTED);
    cbor_end(&answer);
    if (answer.full)
        return 0;
    memcpy(out, packet, HEADER_LEN);
    out[0] = (uint8_t)(request.op + 1);
    out[2] = (uint8_t)(answer.len >> 8);
    out[3] = (uint8_t)answer.len;
    return HEADER_LEN + answer.len;
}

bool smp_wants_reset(void)
{
    return reset_wanted;
}

/* ---- framing ---- */

static volatile uint32_t ring_head, ring_tail;
static uint8_t ring[2048];
static uint8_t line[LINE_MAX], packet[PACKET_MAX];
static uint32_t line_len, packet_len;
static bool in_packet;

void smp_byte(uint8_t byte)
{
    uint32_t next = (ring_head + 1) % sizeof ring;
    if (next == ring_tail)
        return;
    ring[ring_head] = byte;
    ring_head = next;
}

static uint16_t crc16(const uint8_t *data, size_t len)
{
    uint16_t crc = 0;
    while (len--) {
        crc = (uint16_t)(crc ^ *data++ << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int digit(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

static bool decode(const uint8_t *text, uint32_t len)
{
    if (len % 4)
        return false;
    for (uint32_t i = 0; i < len; i += 4) {
        int bytes = text[i + 3] != '=' ? 3 : text[i + 2] != '=' ? 2 : 1;
        int d[4] = {digit(text[i]), digit(text[i + 1]), bytes > 1 ? digit(text[i + 2]) : 0,
                    bytes > 2 ? digit(text[i + 3]) : 0};
        if (d[0] < 0 || d[1] < 0 || d[2] < 0 || d[3] < 0 || packet_len + 3 > PACKET_MAX)
            return false;
        uint32_t bits = (uint32_t)(d[0] << 18 | d[1] << 12 | d[2] << 6 | d[3]);
        for (int k = 0; k < bytes; k++)
            packet[packet_len++] = (uint8_t)(bits >> (16 - 8 * k));
    }
    return true;
}

static void send(const uint8_t *data, size_t len)
{
    static uint8_t raw[1100];
    char text[130];
    uint16_t crc = crc16(data, len);
    size_t raw_len = len + 4, n = 0;
    if (raw_len > sizeof raw)
        return;
    raw[0] = (uint8_t)((len + 2) >> 8);
    raw[1] = (uint8_t)(len + 2);
    memcpy(raw + 2, data, len);
    raw[len + 2] = (uint8_t)(crc >> 8);
    raw[len + 3] = (uint8_t)crc;
    for (size_t i = 0; i < raw_len; i += 3) {
        size_t have = raw_len - i < 3 ? raw_len - i : 3;
        uint32_t bits =
            (uint32_t)raw[i] << 16 | (have > 1 ? (uint32_t)raw[i + 1] << 8 : 0) | (have > 2 ? raw[i + 2] : 0);
        if (n == 0) {
            text[0] = i ? 4 : 6;
            text[1] = i ? 20 : 9;
            n = 2;
        }
        text[n++] = alphabet[bits >> 18];
        text[n++] = alphabet[bits >> 12 & 63];
        text[n++] = have > 1 ? alphabet[bits >> 6 & 63] : '=';
        text[n++] = have > 2 ? alphabet[bits & 63] : '=';
        if (n >= 126 || i + 3 >= raw_len) {
            text[n++] = '\n';
            uart_put(text, n);
            n = 0;
        }
    }
}

static void complete(void)
{
    static uint8_t answer[1000];
    uint32_t want = (uint32_t)(packet[0] << 8 | packet[1]);
    if (packet_len < 2 || packet_len < want + 2)
        return;
    in_packet = false;
    if (want < 2 || want + 2 != packet_len ||
        crc16(packet + 2, want - 2) != (packet[want] << 8 | packet[want + 1]))
        return;
    size_t len = smp_answer(packet + 2, want - 2, answer, sizeof answer);
    if (len)
        send(answer, len);
}

static void take_line(void)
{
    uint32_t len = line_len;
    line_len = 0;
    if (len < 2 || smp_dead)
        return;
    bool first = line[0] == 6 && line[1] == 9, more = line[0] == 4 && line[1] == 20;
    if (first) {
        packet_len = 0;
        in_packet = true;
    }
    if (!in_packet || (!first && !more))
        return;
    if (decode(line + 2, len - 2))
        complete();
    else
        in_packet = false;
}

void smp_poll(void)
{
    while (ring_tail != ring_head) {
        uint8_t byte = ring[ring_tail];
        ring_tail = (ring_tail + 1) % sizeof ring;
        if (byte == '\n')
            take_line();
        else if (byte == '\r')
            continue;
        else if (line_len < LINE_MAX)
            line[line_len++] = byte;
        else
            line_len = 0;
    }
}

bool smp_pending(void)
{
    return ring_tail != ring_head;
}

bool smp_selftest(void)
{
    /* echo {"d": "x"} */
    static const uint8_t ping[] = {2, 0, 0, 5, 0, 0, 7, 0, 0xa1, 0x61, 'd', 0x61, 'x'};
    uint8_t answer[64];
    return !smp_dead && smp_answer(ping, sizeof ping, answer, sizeof answer) > HEADER_LEN;
}
