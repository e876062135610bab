/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/smp_msg.h"

#include <cbor.h>
#include <math.h>
#include <string.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness/base/mem.h"

void smp_header_put(uint8_t out[SMP_HEADER_LEN], const struct smp_header *header)
{
    out[0] = (uint8_t)(header->op & 7);
    out[1] = 0;
    out[2] = (uint8_t)(header->len >> 8);
    out[3] = (uint8_t)header->len;
    out[4] = (uint8_t)(header->group >> 8);
    out[5] = (uint8_t)header->group;
    out[6] = (uint8_t)header->seq;
    out[7] = (uint8_t)header->id;
}

bool smp_header_get(const uint8_t *packet, size_t len, struct smp_header *header)
{
    if (len < SMP_HEADER_LEN)
        return false;
    /* bits 3-4 are the protocol version: 0 and 1 (SMP v2) are laid out the same */
    *header = (struct smp_header){.op = packet[0] & 7u,
                                  .len = (size_t)(packet[2] << 8 | packet[3]),
                                  .group = (unsigned)(packet[4] << 8 | packet[5]),
                                  .seq = packet[6],
                                  .id = packet[7]};
    return header->len <= len - SMP_HEADER_LEN;
}

static void add(cbor_item_t *map, const char *key, cbor_item_t *value)
{
    struct cbor_pair pair = {.key = cbor_move(cbor_build_string(key)), .value = cbor_move(value)};
    if (!cbor_map_add(map, pair))
        abort();
}

static size_t finish(uint8_t *out, size_t room, enum smp_op op, unsigned group, unsigned id, cbor_item_t *map)
{
    size_t len = cbor_serialize(map, out + SMP_HEADER_LEN, room - SMP_HEADER_LEN);
    cbor_decref(&map);
    if (!len)
        abort(); /* the caller's room is too small: our bug */
    smp_header_put(out, &(struct smp_header){.op = op, .group = group, .id = id, .len = len});
    return SMP_HEADER_LEN + len;
}

size_t smp_build_empty(uint8_t *out, size_t room, enum smp_op op, unsigned group, unsigned id)
{
    return finish(out, room, op, group, id, cbor_new_definite_map(0));
}

size_t smp_build_echo(uint8_t *out, size_t room, const char *text)
{
    cbor_item_t *map = cbor_new_definite_map(1);
    add(map, "d", cbor_build_string(text));
    return finish(out, room, SMP_WRITE, SMP_OS, SMP_OS_ECHO, map);
}

size_t smp_build_padded(uint8_t *out, size_t len, bool echo)
{
    /* a map, a key of one character, a string with a length of two bytes */
    const uint8_t begin[] = {0xa1,
                             0x61,
                             'd',
                             0x79,
                             (uint8_t)((len - SMP_HEADER_LEN - 6) >> 8),
                             (uint8_t)(len - SMP_HEADER_LEN - 6)};
    const struct smp_header header = {.op = echo ? SMP_WRITE : SMP_READ,
                                      .group = echo ? SMP_OS : SMP_IMAGE,
                                      .id = echo ? SMP_OS_ECHO : SMP_IMAGE_STATE,
                                      .len = len - SMP_HEADER_LEN};
    smp_header_put(out, &header);
    memset(out + SMP_HEADER_LEN, 'x', len - SMP_HEADER_LEN);
    memcpy(out + SMP_HEADER_LEN, begin, sizeof begin);
    return len;
}

size_t smp_build_state(uint8_t *out, size_t room, const uint8_t *hash, bool confirm)
{
    cbor_item_t *map = cbor_new_definite_map(2);
    if (hash)
        add(map, "hash", cbor_build_bytestring(hash, 32));
    add(map, "confirm", cbor_build_bool(confirm));
    return finish(out, room, SMP_WRITE, SMP_IMAGE, SMP_IMAGE_STATE, map);
}

static cbor_item_t *unsigned_item(size_t value)
{
    return value < 256     ? cbor_build_uint8((uint8_t)value)
           : value < 65536 ? cbor_build_uint16((uint16_t)value)
                           : cbor_build_uint32((uint32_t)value);
}

size_t smp_build_upload(uint8_t *out, size_t room, const struct smp_chunk *chunk)
{
    cbor_item_t *map = cbor_new_definite_map(6);
    if (!chunk->off) {
        add(map, "image", cbor_build_uint8((uint8_t)chunk->image));
        add(map, "len", unsigned_item(chunk->total));
        if (chunk->sha)
            add(map, "sha", cbor_build_bytestring(chunk->sha, 32));
        if (chunk->upgrade)
            add(map, "upgrade", cbor_build_bool(true));
    }
    add(map, "off", unsigned_item(chunk->off));
    add(map, "data", cbor_build_bytestring(chunk->data, chunk->len));
    return finish(out, room, SMP_WRITE, SMP_IMAGE, SMP_IMAGE_UPLOAD, map);
}

/* ---- answers ---- */

#define DECODE_DEPTH_MAX 8

static char *chunks_text(const cbor_item_t *item, bool bytes)
{
    bool definite = bytes ? cbor_bytestring_is_definite(item) : cbor_string_is_definite(item);
    size_t count = definite ? 1 : bytes ? cbor_bytestring_chunk_count(item) : cbor_string_chunk_count(item);
    cbor_item_t **chunks = definite ? NULL
                           : bytes  ? cbor_bytestring_chunks_handle(item)
                                    : cbor_string_chunks_handle(item);
    char *text = mem_string("");
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        const cbor_item_t *piece = definite ? item : chunks[i];
        const uint8_t *data = bytes ? cbor_bytestring_handle(piece) : cbor_string_handle(piece);
        size_t n = bytes ? cbor_bytestring_length(piece) : cbor_string_length(piece);
        text = mem_resize(text, len + 2 * n + 1, 1);
        for (size_t k = 0; k < n; k++) {
            if (bytes)
                len += (size_t)sprintf(text + len, "%02x", data[k]);
            else
                text[len++] = data[k] >= 0x20 && data[k] < 0x7f ? (char)data[k] : '?';
        }
        text[len] = 0;
    }
    return text;
}

static cJSON *convert(const cbor_item_t *item, unsigned depth);

static cJSON *convert_text(const cbor_item_t *item, bool bytes)
{
    char *text = chunks_text(item, bytes);
    cJSON *node = cJSON_CreateString(text);
    free(text);
    return node;
}

static cJSON *convert_map(const cbor_item_t *item, unsigned depth)
{
    cJSON *object = cJSON_CreateObject();
    struct cbor_pair *pairs = cbor_map_handle(item);
    for (size_t i = 0; i < cbor_map_size(item); i++) {
        if (!cbor_isa_string(pairs[i].key))
            continue;
        char *key = chunks_text(pairs[i].key, false);
        cJSON *value = convert(pairs[i].value, depth + 1);
        if (value && !cJSON_GetObjectItemCaseSensitive(object, key))
            cJSON_AddItemToObject(object, key, value);
        else
            cJSON_Delete(value);
        free(key);
    }
    return object;
}

static cJSON *convert_array(const cbor_item_t *item, unsigned depth)
{
    cJSON *array = cJSON_CreateArray();
    cbor_item_t **items = cbor_array_handle(item);
    for (size_t i = 0; i < cbor_array_size(item); i++) {
        cJSON *value = convert(items[i], depth + 1);
        if (value)
            cJSON_AddItemToArray(array, value);
    }
    return array;
}

static cJSON *convert(const cbor_item_t *item, unsigned depth)
{
    if (!item || depth > DECODE_DEPTH_MAX)
        return NULL;
    switch (cbor_typeof(item)) {
    case CBOR_TYPE_UINT:
        return cJSON_CreateNumber((double)cbor_get_int(item));
    case CBOR_TYPE_NEGINT:
        return cJSON_CreateNumber(-1.0 - (double)cbor_get_int(item));
    case CBOR_TYPE_BYTESTRING:
        return convert_text(item, true);
    case CBOR_TYPE_STRING:
        return convert_text(item, false);
    case CBOR_TYPE_ARRAY:
        return convert_array(item, depth);
    case CBOR_TYPE_MAP:
        return convert_map(item, depth);
    case CBOR_TYPE_TAG:
        return NULL;
    case CBOR_TYPE_FLOAT_CTRL:
        if (cbor_float_ctrl_is_ctrl(item))
            return cbor_is_bool(item) ? cJSON_CreateBool(cbor_get_bool(item)) : NULL;
        return isfinite(cbor_float_get_float(item)) ? cJSON_CreateNumber(cbor_float_get_float(item)) : NULL;
    }
    return NULL;
}

/* libcbor reserves room for as many members as a map or an array announces, before it has seen them: one that
 * announces more than the bytes that are left could hold is broken, or malicious. */
struct scan {
    size_t left;
    bool greedy;
};

static void scan_count(void *arg, uint64_t count)
{
    struct scan *scan = arg;
    scan->greedy |= count > scan->left;
}

static bool is_greedy(const uint8_t *cbor, size_t len)
{
    struct cbor_callbacks callbacks = cbor_empty_callbacks;
    struct scan scan = {.left = len};
    callbacks.array_start = scan_count;
    callbacks.map_start = scan_count;
    while (scan.left && !scan.greedy) {
        struct cbor_decoder_result result =
            cbor_stream_decode(cbor + len - scan.left, scan.left, &callbacks, &scan);
        if (result.status != CBOR_DECODER_FINISHED)
            return scan.greedy; /* cbor_load stops there, too */
        scan.left -= result.read;
    }
    return scan.greedy;
}

cJSON *smp_decode(const uint8_t *cbor, size_t len)
{
    struct cbor_load_result result;
    cbor_item_t *item = is_greedy(cbor, len) ? NULL : cbor_load(cbor, len, &result);
    cJSON *object = NULL;
    if (item && result.error.code == CBOR_ERR_NONE && cbor_isa_map(item))
        object = convert_map(item, 0);
    if (item)
        cbor_decref(&item);
    return object;
}
