/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/probe/gdb_rsp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

enum { IDLE, DATA, SUM_HIGH, SUM_LOW };
#define ESCAPE 0x7d
#define RUN '*'
#define RUN_BIAS 29 /* GDB manual E.1: the count character is the number of repeats plus 29 */

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* ---- out ---- */

size_t gdb_frame(const void *data, size_t len, char **framed)
{
    const uint8_t *bytes = data;
    char *text = mem_alloc(len + 5);
    uint8_t sum = 0;
    text[0] = '$';
    for (size_t i = 0; i < len; i++) {
        text[1 + i] = (char)bytes[i];
        sum += bytes[i];
    }
    snprintf(text + 1 + len, 4, "#%02x", sum);
    *framed = text;
    return len + 4;
}

size_t gdb_escape(const uint8_t *data, size_t len, uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        bool special = data[i] == '#' || data[i] == '$' || data[i] == ESCAPE || data[i] == RUN;
        if (special)
            out[n++] = ESCAPE;
        out[n++] = special ? data[i] ^ 0x20 : data[i];
    }
    return n;
}

void gdb_hex(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * len] = 0;
}

/* ---- in ---- */

static void put(struct gdb_reader *reader, char c)
{
    if (reader->text_len + 2 > GDB_PACKET_MAX)
        return;
    reader->text[reader->text_len++] = c;
}

/* False: a run or an escape without its second byte, or a run of nothing, or more than a packet may hold. */
static bool expand(struct gdb_reader *reader)
{
    size_t room = reader->len + 1;
    for (size_t i = 0; i + 1 < reader->len; i++)
        if (reader->raw[i] == RUN)
            room += (uint8_t)reader->raw[i + 1];
    if (room > GDB_PACKET_MAX)
        return false;
    reader->text = mem_resize(reader->text, room + 1, 1);
    reader->text_len = 0;
    for (size_t i = 0; i < reader->len; i++) {
        uint8_t c = (uint8_t)reader->raw[i];
        if (c != ESCAPE && c != RUN) {
            put(reader, (char)c);
        } else if (++i == reader->len) {
            return false;
        } else if (c == ESCAPE) {
            put(reader, (char)(reader->raw[i] ^ 0x20));
        } else {
            int count = (uint8_t)reader->raw[i] - RUN_BIAS;
            if (count < 1 || !reader->text_len)
                return false;
            for (char last = reader->text[reader->text_len - 1]; count > 0; count--)
                put(reader, last);
        }
    }
    reader->text[reader->text_len] = 0;
    return true;
}

static enum gdb_piece idle(struct gdb_reader *reader, uint8_t byte)
{
    if (byte == '$' || byte == '%') {
        reader->state = DATA;
        reader->len = reader->sum = 0;
        reader->told = byte; /* for the time being: what kind it is */
        return GDB_NOTHING;
    }
    return byte == '+' ? GDB_ACK : byte == '-' ? GDB_NAK : GDB_NOTHING;
}

static enum gdb_piece data(struct gdb_reader *reader, uint8_t byte)
{
    if (byte == '#') {
        reader->state = SUM_HIGH;
        return GDB_NOTHING;
    }
    if (byte == '$') { /* a packet that never ended */
        reader->len = reader->sum = 0;
        reader->told = byte;
        return GDB_BAD;
    }
    if (reader->len + 1 > GDB_PACKET_MAX) {
        reader->state = IDLE;
        return GDB_BAD;
    }
    if (reader->len + 1 > reader->room)
        reader->raw = mem_resize(reader->raw, reader->room = 2 * reader->room + 512, 1);
    reader->raw[reader->len++] = (char)byte;
    reader->sum += byte;
    return GDB_NOTHING;
}

enum gdb_piece gdb_read(struct gdb_reader *reader, uint8_t byte)
{
    int value = digit(byte);
    switch (reader->state) {
    case IDLE:
        return idle(reader, byte);
    case DATA:
        return data(reader, byte);
    case SUM_HIGH:
        reader->state = value < 0 ? IDLE : SUM_LOW;
        reader->sum -= (uint8_t)(value < 0 ? 0 : value << 4);
        return value < 0 ? GDB_BAD : GDB_NOTHING;
    default:
        reader->state = IDLE;
        if (value < 0 || (uint8_t)(reader->sum - value) || !expand(reader))
            return GDB_BAD;
        return reader->told == '%' ? GDB_NOTICE : GDB_PACKET;
    }
}

void gdb_reader_release(struct gdb_reader *reader)
{
    free(reader->raw);
    free(reader->text);
    *reader = (struct gdb_reader){0};
}

/* ---- what packets say ---- */

long gdb_unhex(const char *text, size_t len, uint8_t *out, size_t size)
{
    if (len % 2)
        return -1;
    for (size_t i = 0; i < len; i += 2) {
        int high = digit((uint8_t)text[i]), low = digit((uint8_t)text[i + 1]);
        if (high < 0 || low < 0)
            return -1;
        if (i / 2 < size)
            out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return (long)(len / 2 < size ? len / 2 : size);
}

/* "watch:20009000", "rwatch:", "awatch:", "hwbreak:", "swbreak:"; others are of no interest. */
static void take_cause(const char *pair, struct gdb_stop *stop)
{
    const char *colon = strchr(pair, ':');
    size_t len = colon ? (size_t)(colon - pair) : strlen(pair);
    char *end;
    if (len >= 5 && !strncmp(pair + len - 5, "watch", 5) && len <= 6) {
        stop->cause = GDB_WATCH;
        if (!colon)
            return;
        stop->address = strtoull(colon + 1, &end, 16);
        stop->has_address = end > colon + 1;
    } else if (len == 7 && !strncmp(pair + 2, "break", 5)) {
        stop->cause = GDB_BREAK;
    }
}

bool gdb_stop_parse(const char *text, size_t len, struct gdb_stop *stop)
{
    char pair[64];
    *stop = (struct gdb_stop){0};
    if (len < 3 || !text[0] || !strchr("TSWX", text[0]) || digit((uint8_t)text[1]) < 0 ||
        digit((uint8_t)text[2]) < 0)
        return false;
    stop->kind = text[0];
    stop->signal = (unsigned)(digit((uint8_t)text[1]) << 4 | digit((uint8_t)text[2]));
    for (size_t at = 3, n; text[0] == 'T' && at < len; at += n + 1) {
        for (n = 0; at + n < len && text[at + n] != ';'; n++)
            ;
        snprintf(pair, sizeof pair, "%.*s", (int)n, text + at);
        take_cause(pair, stop);
    }
    return true;
}

bool gdb_feature(const char *reply, const char *name, char *value, size_t size)
{
    size_t name_len = strlen(name);
    for (const char *at = reply; *at; at += strcspn(at, ";"), at += *at == ';') {
        if (strncmp(at, name, name_len) || (at[name_len] != '=' && at[name_len] != '+'))
            continue;
        at += name_len + (at[name_len] == '=');
        snprintf(value, size, "%.*s", (int)strcspn(at, ";"), at);
        return true;
    }
    return false;
}

bool gdb_register(const char *reply, size_t len, unsigned number, uint32_t *value)
{
    uint8_t bytes[4];
    if (len < 8 * (size_t)(number + 1) || gdb_unhex(reply + 8 * (size_t)number, 8, bytes, 4) != 4)
        return false;
    *value =
        (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return true;
}
