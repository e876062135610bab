/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/cbor.h"

#include "common/sys.h"

static void put(struct cbor_out *out, const void *data, size_t len)
{
    if (len > out->room - out->len) {
        out->full = true;
        return;
    }
    memcpy(out->data + out->len, data, len);
    out->len += len;
}

static void put_byte(struct cbor_out *out, uint8_t byte)
{
    put(out, &byte, 1);
}

static void head(struct cbor_out *out, enum cbor_kind kind, uint32_t value)
{
    uint8_t major = (uint8_t)(kind << 5);
    if (value < 24) {
        put_byte(out, (uint8_t)(major | value));
        return;
    }
    int bytes = value < 0x100 ? 1 : value < 0x10000 ? 2 : 4;
    put_byte(out, (uint8_t)(major | (bytes == 1 ? 24 : bytes == 2 ? 25 : 26)));
    while (bytes--)
        put_byte(out, (uint8_t)(value >> 8 * bytes));
}

void cbor_map(struct cbor_out *out)
{
    put_byte(out, 0xbf);
}

void cbor_array(struct cbor_out *out)
{
    put_byte(out, 0x9f);
}

void cbor_end(struct cbor_out *out)
{
    put_byte(out, 0xff);
}

void cbor_uint(struct cbor_out *out, uint32_t value)
{
    head(out, CBOR_UINT, value);
}

void cbor_text(struct cbor_out *out, const char *text)
{
    head(out, CBOR_TEXT, (uint32_t)strlen(text));
    put(out, text, strlen(text));
}

void cbor_bytes(struct cbor_out *out, const uint8_t *data, size_t len)
{
    head(out, CBOR_BYTES, (uint32_t)len);
    put(out, data, len);
}

void cbor_bool(struct cbor_out *out, bool value)
{
    put_byte(out, value ? 0xf5 : 0xf4);
}

bool cbor_next(struct cbor_in *in, struct cbor_item *item)
{
    if (in->at >= in->len)
        return false;
    uint8_t first = in->data[in->at++], small = first & 31;
    *item = (struct cbor_item){.kind = (enum cbor_kind)(first >> 5), .value = small};
    if (small >= 24 && small <= 27) {
        size_t bytes = (size_t)1 << (small - 24);
        if (bytes > in->len - in->at)
            return false;
        item->value = 0;
        while (bytes--)
            item->value = item->value << 8 | in->data[in->at++];
    } else if (small == 31) {
        item->indefinite = true;
        item->value = 0;
    } else if (small > 27) {
        return false;
    }
    if ((item->kind == CBOR_BYTES || item->kind == CBOR_TEXT) && !item->indefinite) {
        if (item->value > in->len - in->at)
            return false;
        item->data = in->data + in->at;
        in->at += (size_t)item->value;
    }
    return true;
}

static bool is_break(const struct cbor_item *item)
{
    return item->kind == CBOR_SIMPLE && item->indefinite;
}

bool cbor_skip(struct cbor_in *in, const struct cbor_item *item, unsigned depth)
{
    struct cbor_item inner;
    bool container = item->kind == CBOR_ARRAY || item->kind == CBOR_MAP || item->kind == CBOR_TAG ||
                     (item->indefinite && item->kind != CBOR_SIMPLE);
    if (!container)
        return true;
    if (depth > 6)
        return false;
    uint64_t count = item->kind == CBOR_TAG ? 1 : item->kind == CBOR_MAP ? 2 * item->value : item->value;
    for (uint64_t i = 0; item->indefinite || i < count; i++) {
        if (!cbor_next(in, &inner))
            return false;
        if (is_break(&inner))
            return item->indefinite;
        if (!cbor_skip(in, &inner, depth + 1))
            return false;
    }
    return true;
}
