/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/test_smp_board.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#define RC_INVALID 3
#define RC_UNKNOWN 8
#define RC_TOO_OLD 12

void answer_byte(struct answer *answer, unsigned value)
{
    answer->data[answer->len++] = (uint8_t)value;
}

void answer_text(struct answer *answer, const char *value)
{
    answer_byte(answer, 0x60 + (unsigned)strlen(value));
    for (; *value; value++)
        answer_byte(answer, (unsigned char)*value);
}

void answer_number(struct answer *answer, const char *key, uint32_t value)
{
    answer_text(answer, key);
    answer_byte(answer, 0x1a);
    for (int shift = 24; shift >= 0; shift -= 8)
        answer_byte(answer, value >> shift & 0xff);
}

static void answer_bool(struct answer *answer, const char *key, bool value)
{
    answer_text(answer, key);
    answer_byte(answer, value ? 0xf5 : 0xf4);
}

/* ---- frames, as the habits want them ---- */

static void say(struct server *server, const char *line)
{
    cr_assert_eq(write(server->fd, line, strlen(line)), (ssize_t)strlen(line));
}

static void raw(struct server *server, const void *data, size_t len)
{
    cr_assert_eq(write(server->fd, data, len), (ssize_t)len);
}

/* length, payload, CRC: as base64 */
static char *encode(const struct habits *habits, const uint8_t *packet, size_t len)
{
    uint8_t *bytes = mem_alloc(len + 4);
    uint16_t crc = smp_crc16(packet, len);
    size_t told = len + (habits->short_len ? 0 : 2), crc_len = habits->no_crc_at_91 && len == 91 ? 0 : 2;
    bytes[0] = (uint8_t)(told >> 8);
    bytes[1] = (uint8_t)told;
    memcpy(bytes + 2, packet, len);
    bytes[len + 2] = (uint8_t)(crc >> 8);
    bytes[len + 3] = (uint8_t)crc;
    char *text = mem_alloc((len + 6) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)(len + 2 + crc_len));
    free(bytes);
    return text;
}

static void write_frame(struct server *server, const uint8_t *packet, size_t len)
{
    struct habits *habits = &server->habits;
    char *text = encode(habits, packet, len);
    size_t all = strlen(text), line_len = habits->line_len ? habits->line_len : 124;
    const char *end = habits->line_end ? habits->line_end : "\n";
    bool logs = habits->log && habits->logs && habits->log_at < all;
    habits->logs -= logs && habits->logs > 0;
    if (habits->prompt)
        say(server, habits->prompt);
    for (size_t at = 0; at < all; at += line_len) {
        size_t piece = all - at < line_len ? all - at : line_len;
        size_t cut =
            logs && habits->log_at >= at && habits->log_at < at + piece ? habits->log_at - at : piece;
        say(server, at ? "\x04\x14" : "\x06\x09");
        raw(server, text + at, cut);
        if (cut < piece) {
            say(server, habits->log);
            raw(server, text + at + cut, piece - cut);
        }
        say(server, end);
    }
    free(text);
}

static void write_loudly(struct server *server, const uint8_t *packet, size_t len)
{
    size_t text_len;
    char *lines = smp_frame_build(packet, len, &text_len);
    if (server->garbled > 0 && server->garbled--)
        lines[text_len / 2] = lines[text_len / 2] == 'A' ? 'B' : 'A';
    if (server->logging) {
        say(server, "[00:00:01] <inf> half a line, then a frame: ");
        raw(server, lines, text_len / 3);
        raw(server, lines + text_len / 3, text_len - text_len / 3);
        say(server, "<wrn> \x06 \x04\x14 no frame\r\n\x04\x14\n\x06\x09\n\x06\x09@@@@\n");
    } else {
        raw(server, lines, text_len);
    }
    free(lines);
}

static void send_answer(struct server *server, const struct smp_header *request, const struct answer *body,
                        unsigned seq)
{
    uint8_t packet[SMP_HEADER_LEN + 1024];
    size_t len = SMP_HEADER_LEN + body->len;
    struct smp_header header = {
        .op = request->op | 1, .group = request->group, .id = request->id, .seq = seq, .len = body->len};
    smp_header_put(packet, &header);
    packet[0] = (uint8_t)(packet[0] | server->version_bits);
    memcpy(packet + SMP_HEADER_LEN, body->data, body->len);
    if (server->datagrams)
        cr_assert_eq(send(server->fd, packet, len, 0), (ssize_t)len);
    else if (server->garbled > 0 || server->logging)
        write_loudly(server, packet, len);
    else
        write_frame(server, packet, len);
}

/* ---- requests ---- */

static bool key_is(const struct cbor_pair *pair, const char *key)
{
    size_t len = cbor_string_length(pair->key);
    return len == strlen(key) && !memcmp(cbor_string_handle(pair->key), key, len);
}

static void refuse(struct server *server, struct answer *body, int rc, int group)
{
    if (group) {
        answer_text(body, "err");
        answer_byte(body, 0xa2);
        answer_number(body, "group", (uint32_t)group);
    }
    answer_number(body, "rc", (uint32_t)rc);
    if (server->reason)
        answer_text(body, "rsn"), answer_text(body, server->reason);
}

/* What the request holds; the offset of its part. */
static size_t read_upload(struct server *server, cbor_item_t *map, cbor_item_t **data)
{
    size_t off = 0;
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        struct cbor_pair pair = cbor_map_handle(map)[i];
        if (key_is(&pair, "off"))
            off = cbor_get_int(pair.value);
        else if (key_is(&pair, "len"))
            server->total = cbor_get_int(pair.value);
        else if (key_is(&pair, "image"))
            server->image_number = (int)cbor_get_int(pair.value);
        else if (key_is(&pair, "upgrade"))
            server->upgrade = cbor_get_bool(pair.value);
        else if (key_is(&pair, "data"))
            *data = pair.value;
        else if (key_is(&pair, "sha")) {
            cr_assert_eq(cbor_bytestring_length(pair.value), 32);
            memcpy(server->sha, cbor_bytestring_handle(pair.value), 32);
            server->has_sha = true;
        }
    }
    return off;
}

static void store(struct server *server, size_t off, const cbor_item_t *data)
{
    size_t len = cbor_bytestring_length(data);
    cr_assert_leq(off + len, sizeof server->image);
    memcpy(server->image + off, cbor_bytestring_handle(data), len);
    server->received += len;
    if (server->go_back_at && server->received >= (size_t)server->go_back_at) {
        server->received -= 2 * len;
        server->go_back_at = 0;
    }
}

static void take_upload(struct server *server, cbor_item_t *map, struct answer *body)
{
    cbor_item_t *data = NULL;
    size_t off = read_upload(server, map, &data);
    cr_assert(data);
    server->uploads++;
    if (server->forget_at && server->received >= (size_t)server->forget_at) {
        server->forget_at = 0;
        server->received = 0;
    }
    if (off && !server->received) {
        refuse(server, body, RC_INVALID, 0);
        return;
    }
    if (!off && !server->received && server->erase_us)
        server->busy_until_us = clock_now_us() + server->erase_us;
    if (server->has_already) {
        server->received = server->total;
    } else if (server->resume_at) {
        server->received = server->resume_at;
        server->resume_at = 0;
    } else if (off == server->received && !server->stubborn) {
        store(server, off, data);
    }
    answer_number(body, "rc", (uint32_t)server->upload_rc);
    if (!server->no_off)
        answer_number(body, "off", (uint32_t)server->received);
    if (server->match && server->received == server->total)
        answer_bool(body, "match", server->match > 0);
}

static void take_state(struct server *server, cbor_item_t *map)
{
    server->has_asked_hash = false;
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        struct cbor_pair pair = cbor_map_handle(map)[i];
        if (cbor_isa_bytestring(pair.value)) {
            cr_assert_eq(cbor_bytestring_length(pair.value), 32);
            memcpy(server->asked_hash, cbor_bytestring_handle(pair.value), 32);
            server->has_asked_hash = true;
        } else {
            server->confirmed = cbor_get_bool(pair.value);
        }
    }
}

static void list_hash(struct answer *body, int first)
{
    answer_text(body, "hash");
    answer_byte(body, 0x58);
    answer_byte(body, 32);
    for (int i = 0; i < 32; i++)
        answer_byte(body, (unsigned)(first + i));
}

static void list_slot(struct answer *body, int image, int slot, int first)
{
    answer_byte(body, 0xbf);
    if (image)
        answer_number(body, "image", (uint32_t)image);
    answer_number(body, "slot", (uint32_t)slot);
    list_hash(body, first);
    if (!slot)
        answer_bool(body, "active", true);
    answer_byte(body, 0xff);
}

static void list_images(const struct server *server, struct answer *body)
{
    answer_text(body, "images");
    answer_byte(body, 0x9f);
    answer_byte(body, 0xbf);
    answer_number(body, "slot", 0);
    answer_text(body, "version");
    answer_text(body, "1.2.3");
    if (server->fill_to) {
        answer_byte(body, 0xff), answer_byte(body, 0xff);
        size_t last = SMP_HEADER_LEN + body->len + 1;
        answer_text(body, "filler");
        answer_byte(body, 0x78);
        size_t len = server->fill_to - last - 7 - 2;
        for (answer_byte(body, (unsigned)len); len; len--)
            answer_byte(body, 'x');
        return;
    }
    list_hash(body, 0xa0);
    answer_bool(body, "active", true);
    answer_text(body, "unknown");
    answer_byte(body, 0xf7);
    answer_byte(body, 0xff);
    if (server->listed)
        list_slot(body, 0, 1, server->listed);
    for (int slot = 0; server->second_image && slot < 2; slot++)
        list_slot(body, 1, slot, server->second_image + slot);
    answer_byte(body, 0xff);
}

static bool is_refused(const struct server *server, const struct smp_header *header)
{
    return server->refusals && header->op == SMP_WRITE && header->group == SMP_IMAGE &&
           (server->refuse_id < 0 || header->id == (unsigned)server->refuse_id);
}

static void answer_os(struct server *server, const struct smp_header *header, struct answer *body)
{
    if (header->id == SMP_OS_PARAMS && server->params) {
        answer_number(body, "buf_size", (uint32_t)server->params);
    } else if (header->id == SMP_OS_ECHO) {
        server->echoes++;
        answer_text(body, "r"), answer_text(body, "otarig");
    } else if (header->id == SMP_OS_RESET) {
        server->resets++;
    } else {
        refuse(server, body, RC_UNKNOWN, 0);
    }
}

static void answer_image(struct server *server, const struct smp_header *header, cbor_item_t *map,
                         struct answer *body)
{
    if (is_refused(server, header)) {
        server->refusals -= server->refusals > 0;
        refuse(server, body, server->refuse_rc, server->refuse_group);
    } else if (header->id == SMP_IMAGE_UPLOAD) {
        take_upload(server, map, body);
    } else if (header->id == SMP_IMAGE_STATE && header->op == SMP_READ) {
        server->unlisted ? refuse(server, body, RC_UNKNOWN, 0) : list_images(server, body);
    } else if (header->id == SMP_IMAGE_ERASE && !server->err_map) {
        server->erases++;
        server->received = 0;
    } else if (server->err_map) {
        refuse(server, body, server->err_map, 1);
    } else if (header->id == SMP_IMAGE_STATE) {
        take_state(server, map);
    }
}

static bool is_heard(struct server *server, const struct smp_header *header, size_t len)
{
    if (server->enter || (server->deaf > 0 && server->deaf--))
        return false;
    if ((server->buffer && len > server->buffer) || clock_now_us() < server->busy_until_us)
        return false;
    return !(header->group == SMP_OS && ((header->id == SMP_OS_ECHO && server->no_echo) ||
                                         (header->id == SMP_OS_PARAMS && server->params_silent))) &&
           !(server->deaf_to_parts && header->group == SMP_IMAGE && header->id == SMP_IMAGE_UPLOAD);
}

static unsigned seq_of(const struct server *server, unsigned seq)
{
    return server->habits.seq == SEQ_ZERO ? 0 : server->habits.seq == SEQ_FIVE_MORE ? (seq + 5) & 0xff : seq;
}

static void send_later(struct server *server, const struct smp_header *header, struct answer *body)
{
    if (server->not_cbor > 0 && server->not_cbor--)
        *body = (struct answer){.data = {0x82, 0x01}, .len = 2};
    for (; server->wrong_seq > 0; server->wrong_seq--)
        send_answer(server, header, body, (header->seq + 100u) & 0xff);
    send_answer(server, header, body, seq_of(server, header->seq));
    if (server->doubled > 0 && server->doubled--)
        send_answer(server, header, body, seq_of(server, header->seq));
}

static void be_done(void *arg, uint64_t now_us)
{
    struct server *server = arg;
    send_later(server, &server->put_off_header, &server->put_off);
}

static void put_off(struct server *server, const struct smp_header *header, const struct answer *body)
{
    server->put_off = *body;
    server->put_off_header = *header;
    loop_add_timer(server->loop, server->busy_until_us, be_done, server);
}

void server_on_request(void *arg, const uint8_t *packet, size_t len)
{
    struct server *server = arg;
    struct smp_header header;
    struct answer body = {0};
    struct cbor_load_result result;
    cr_assert(smp_header_get(packet, len, &header));
    server->requests++;
    server->largest = len > server->largest ? len : server->largest;
    if (!is_heard(server, &header, len))
        return;
    cbor_item_t *map = cbor_load(packet + SMP_HEADER_LEN, header.len, &result);
    cr_assert(map && cbor_isa_map(map));
    answer_byte(&body, 0xbf); /* an indefinite map, as Zephyr's zcbor and Mynewt make them */
    if (server->v2_only && !(packet[0] >> 3 & 3))
        refuse(server, &body, RC_TOO_OLD, 0);
    else if (header.group == SMP_OS)
        answer_os(server, &header, &body);
    else
        answer_image(server, &header, map, &body);
    answer_byte(&body, 0xff);
    cbor_decref(&map);
    if (server->boot_log)
        say(server, "*** Booting ***\r\n");
    else if (clock_now_us() < server->busy_until_us)
        put_off(server, &header, &body);
    else
        send_later(server, &header, &body);
}

static void await_line(struct server *server, const char *data, size_t len)
{
    size_t has = strlen(server->typed);
    if (!server->enter)
        return;
    if (has + len >= sizeof server->typed)
        has = 0;
    memcpy(server->typed + has, data, len);
    server->typed[has + len] = 0;
    if (strstr(server->typed, server->enter))
        server->enter = NULL;
}

void server_on_readable(void *arg, int fd, uint32_t events)
{
    struct server *server = arg;
    char data[4096];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t n = server->datagrams ? recvfrom(fd, data, sizeof data, 0, (struct sockaddr *)&from, &from_len)
                                  : read(fd, data, sizeof data);
    if (n <= 0)
        return;
    if (server->datagrams) {
        cr_assert_eq(connect(fd, (struct sockaddr *)&from, from_len), 0);
        server_on_request(server, (uint8_t *)data, (size_t)n);
    } else {
        await_line(server, data, (size_t)n);
        smp_parser_put(&server->parser, data, (size_t)n);
    }
}
