/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The little CBOR (RFC 8949) that SMP needs. */
#ifndef FW_CBOR_H
#define FW_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cbor_out {
    uint8_t *data;
    size_t len, room;
    bool full;
};
void cbor_map(struct cbor_out *out);   /* indefinite */
void cbor_array(struct cbor_out *out); /* indefinite */
void cbor_end(struct cbor_out *out);
void cbor_uint(struct cbor_out *out, uint32_t value);
void cbor_text(struct cbor_out *out, const char *text);
void cbor_bytes(struct cbor_out *out, const uint8_t *data, size_t len);
void cbor_bool(struct cbor_out *out, bool value);

struct cbor_in {
    const uint8_t *data;
    size_t len, at;
};
enum cbor_kind {
    CBOR_UINT = 0,
    CBOR_NEGATIVE = 1,
    CBOR_BYTES = 2,
    CBOR_TEXT = 3,
    CBOR_ARRAY = 4,
    CBOR_MAP = 5,
    CBOR_TAG = 6,
    CBOR_SIMPLE = 7
};
struct cbor_item {
    enum cbor_kind kind;
    uint64_t value; /* number, length, count, simple value */
    bool indefinite;
    const uint8_t *data; /* BYTES, TEXT */
};
/* The head of the next item, with its bytes when it is a definite string; false at the end or when it is
 * broken. */
bool cbor_next(struct cbor_in *in, struct cbor_item *item);
/* Passes over the rest of an item whose head was read. */
bool cbor_skip(struct cbor_in *in, const struct cbor_item *item, unsigned depth);

#endif
