/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/lms.h"

#include "common/sha256.h"
#include "common/sys.h"

/* RFC 8554, 7.1 "security string" separators */
enum { D_PBLC = 0x8080, D_MESG = 0x8181, D_LEAF = 0x8282, D_INTR = 0x8383 };

/* RFC 8554, table 1 and 2 */
struct one_time {
    unsigned type, w, p, shift;
};
static const struct one_time one_times[] = {{3, 4, 67, 4}, {4, 8, 34, 0}};

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

/* I || u32(r) || u16(s) */
static void begin(struct sha256 *sha, const uint8_t *id, uint32_t r, uint32_t s)
{
    uint8_t prefix[22];
    memcpy(prefix, id, 16);
    put32(prefix + 16, r);
    prefix[20] = (uint8_t)(s >> 8);
    prefix[21] = (uint8_t)s;
    sha256_begin(sha);
    sha256_put(sha, prefix, sizeof prefix);
}

/* RFC 8554, 3.1.3 */
static unsigned coefficient(const uint8_t *string, unsigned i, unsigned w)
{
    return w == 8 ? string[i] : string[i / 2] >> (i % 2 ? 0 : 4) & 15;
}

/* RFC 8554, 4.4 */
static void add_checksum(uint8_t q[34], const struct one_time *ots)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < 256 / ots->w; i++)
        sum += (1u << ots->w) - 1 - coefficient(q, i, ots->w);
    sum <<= ots->shift;
    q[32] = (uint8_t)(sum >> 8);
    q[33] = (uint8_t)sum;
}

/* Algorithm 4b: the one-time public key that this signature stands for. */
static void candidate(const struct one_time *ots, const uint8_t *id, uint32_t leaf, const uint8_t *signature,
                      const void *message, size_t message_len, uint8_t out[32])
{
    struct sha256 sha, key;
    uint8_t q[34], chain[32];
    begin(&sha, id, leaf, D_MESG);
    sha256_put(&sha, signature + 4, 32);
    sha256_put(&sha, message, message_len);
    sha256_end(&sha, q);
    add_checksum(q, ots);
    begin(&key, id, leaf, D_PBLC);
    for (unsigned i = 0; i < ots->p; i++) {
        memcpy(chain, signature + 36 + 32 * i, 32);
        for (unsigned j = coefficient(q, i, ots->w); j < (1u << ots->w) - 1; j++) {
            uint8_t step = (uint8_t)j;
            begin(&sha, id, leaf, i);
            sha256_put(&sha, &step, 1);
            sha256_put(&sha, chain, 32);
            sha256_end(&sha, chain);
        }
        sha256_put(&key, chain, 32);
    }
    sha256_end(&key, out);
}

static const struct one_time *one_time_of(uint32_t type)
{
    for (unsigned i = 0; i < 2; i++)
        if (one_times[i].type == type)
            return &one_times[i];
    return 0;
}

/* Algorithm 6 and 6a. */
bool lms_verify(const uint8_t public_key[LMS_PUBLIC_LEN], const void *message, size_t message_len,
                const uint8_t *signature, size_t signature_len)
{
    uint32_t tree = get32(public_key), height = tree == 5 ? 5 : tree == 6 ? 10 : 0;
    const struct one_time *ots = one_time_of(get32(public_key + 4));
    const uint8_t *id = public_key + 8;
    if (!height || !ots || signature_len != 12 + 32 + 32 * ots->p + 32 * height)
        return false;
    uint32_t leaf = get32(signature);
    const uint8_t *path = signature + 4 + 36 + 32 * ots->p + 4;
    if (get32(signature + 4) != ots->type || get32(path - 4) != tree || leaf >= 1u << height)
        return false;
    struct sha256 sha;
    uint8_t node[32];
    uint32_t number = (1u << height) + leaf;
    candidate(ots, id, leaf, signature + 4, message, message_len, node);
    begin(&sha, id, number, D_LEAF);
    sha256_put(&sha, node, 32);
    sha256_end(&sha, node);
    for (; number > 1; number /= 2, path += 32) {
        begin(&sha, id, number / 2, D_INTR);
        sha256_put(&sha, number % 2 ? path : node, 32);
        sha256_put(&sha, number % 2 ? node : path, 32);
        sha256_end(&sha, node);
    }
    return memcmp(node, public_key + 24, 32) == 0;
}
