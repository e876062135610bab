/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig-image: keys, signatures and a look into images of the demo firmware. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/lms.h"
#include "common/sha256.h"

/* RFC 8554, tables 1 and 2: LMS_SHA256_M32_H5 with LMOTS_SHA256_N32_W4 */
#define TREE_TYPE 5u
#define TREE_HEIGHT 5u
#define LEAVES (1u << TREE_HEIGHT)
#define OTS_TYPE 3u
#define CHAINS 67u
#define CHAIN_MAX 15u
#define SIGNATURE_LEN (4 + 4 + 32 + 32 * CHAINS + 4 + 32 * TREE_HEIGHT)

#define HEADER_LEN 0x200u
#define IMAGE_MAX (0x70000u * 4)

struct key {
    uint8_t id[16], seed[32];
    uint32_t next_leaf;
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("otarig-image: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(2);
}

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* H(I || u32(r) || u16(s) || a || b) */
static void hash(const uint8_t *id, uint32_t r, uint32_t s, const void *a, size_t a_len, const void *b,
                 size_t b_len, uint8_t out[32])
{
    struct sha256 sha;
    uint8_t prefix[6];
    put32(prefix, r);
    prefix[4] = (uint8_t)(s >> 8);
    prefix[5] = (uint8_t)s;
    sha256_begin(&sha);
    sha256_put(&sha, id, 16);
    sha256_put(&sha, prefix, 6);
    sha256_put(&sha, a, a_len);
    sha256_put(&sha, b, b_len);
    sha256_end(&sha, out);
}

/* RFC 8554, appendix A: private chain starts from a seed */
static void chain_start(const struct key *key, uint32_t leaf, uint32_t chain, uint8_t out[32])
{
    uint8_t mark = 0xff;
    hash(key->id, leaf, chain, &mark, 1, key->seed, 32, out);
}

static void chain_steps(const struct key *key, uint32_t leaf, uint32_t chain, unsigned from, unsigned to,
                        uint8_t *value)
{
    for (unsigned j = from; j < to; j++) {
        uint8_t step = (uint8_t)j;
        hash(key->id, leaf, chain, &step, 1, value, 32, value);
    }
}

static void leaf_node(const struct key *key, uint32_t leaf, uint8_t out[32])
{
    uint8_t ends[CHAINS][32], ots_key[32];
    for (uint32_t i = 0; i < CHAINS; i++) {
        chain_start(key, leaf, i, ends[i]);
        chain_steps(key, leaf, i, 0, CHAIN_MAX, ends[i]);
    }
    hash(key->id, leaf, 0x8080, ends, sizeof ends, NULL, 0, ots_key);
    hash(key->id, LEAVES + leaf, 0x8282, ots_key, 32, NULL, 0, out);
}

/* nodes[r] for r = 1 .. 2 * LEAVES - 1 */
static void make_tree(const struct key *key, uint8_t nodes[2 * LEAVES][32])
{
    for (uint32_t leaf = 0; leaf < LEAVES; leaf++)
        leaf_node(key, leaf, nodes[LEAVES + leaf]);
    for (uint32_t r = LEAVES - 1; r; r--)
        hash(key->id, r, 0x8383, nodes[2 * r], 32, nodes[2 * r + 1], 32, nodes[r]);
}

static void public_key(const struct key *key, uint8_t out[LMS_PUBLIC_LEN])
{
    uint8_t nodes[2 * LEAVES][32];
    make_tree(key, nodes);
    put32(out, TREE_TYPE);
    put32(out + 4, OTS_TYPE);
    memcpy(out + 8, key->id, 16);
    memcpy(out + 24, nodes[1], 32);
}

static unsigned coefficient(const uint8_t *string, unsigned i)
{
    return string[i / 2] >> (i % 2 ? 0 : 4) & 15;
}

/* Algorithms 3 and 5. The leaf is used up. */
static void sign(struct key *key, const uint8_t *message, size_t len, uint8_t out[SIGNATURE_LEN])
{
    uint8_t nodes[2 * LEAVES][32], q[34], *at = out;
    uint32_t leaf = key->next_leaf++;
    unsigned sum = 0;
    if (leaf >= LEAVES)
        die("the key has signed %u images and is used up: make a new one (keygen)", LEAVES);
    make_tree(key, nodes);
    put32(at, leaf);
    put32(at + 4, OTS_TYPE);
    if (getrandom(at + 8, 32, 0) != 32)
        die("no random numbers: %s", strerror(errno));
    hash(key->id, leaf, 0x8181, at + 8, 32, message, len, q);
    for (unsigned i = 0; i < 64; i++)
        sum += 15 - coefficient(q, i);
    sum <<= 4;
    q[32] = (uint8_t)(sum >> 8);
    q[33] = (uint8_t)sum;
    at += 40;
    for (uint32_t i = 0; i < CHAINS; i++, at += 32) {
        chain_start(key, leaf, i, at);
        chain_steps(key, leaf, i, 0, coefficient(q, i), at);
    }
    put32(at, TREE_TYPE);
    at += 4;
    for (uint32_t r = LEAVES + leaf; r > 1; r /= 2, at += 32)
        memcpy(at, nodes[r ^ 1], 32);
}

/* ---- files ---- */

static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(IMAGE_MAX + 1);
    if (!file || !data)
        die("%s: %s", path, strerror(errno));
    *len = fread(data, 1, IMAGE_MAX + 1, file);
    fclose(file);
    if (*len > IMAGE_MAX)
        die("%s: larger than %u bytes", path, IMAGE_MAX);
    return data;
}

static void write_file(const char *path, const void *data, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd))
        die("%s: %s", path, strerror(errno));
}

static void load_key(const char *path, struct key *key)
{
    size_t len;
    uint8_t *data = read_file(path, &len);
    if (len != sizeof *key)
        die("%s: not a key of otarig-image", path);
    memcpy(key, data, len);
    free(data);
}

/* ---- commands ---- */

static int keygen(char **argv)
{
    struct key key = {0};
    if (getrandom(&key, 48, 0) != 48)
        die("no random numbers: %s", strerror(errno));
    write_file(argv[0], &key, sizeof key, 0600);
    return 0;
}

static int pubkey(char **argv)
{
    struct key key;
    uint8_t out[LMS_PUBLIC_LEN];
    load_key(argv[0], &key);
    public_key(&key, out);
    printf("#include <stdint.h>\nextern const uint8_t image_public_key[];\nconst uint8_t image_public_key[] "
           "= {");
    for (size_t i = 0; i < sizeof out; i++)
        printf("%s0x%02x", i ? ", " : "", out[i]);
    printf("};\n");
    return 0;
}

static void put_le(uint8_t **at, uint32_t value, int bytes)
{
    while (bytes--) {
        *(*at)++ = (uint8_t)value;
        value >>= 8;
    }
}

static void put_tlv(uint8_t **at, unsigned type, const void *value, size_t len)
{
    put_le(at, type, 2);
    put_le(at, (uint32_t)len, 2);
    memcpy(*at, value, len);
    *at += len;
}

static size_t hashed_max = SIZE_MAX;

/* `names`: comma-separated flags of struct app_config, or "-" (common/config.h) */
static void set_config(uint8_t *body, size_t len, const char *format, const char *names)
{
    static const char *const flags[] = {"crash", "hang", "dead_updater", "bad_selftest", "auto_confirm"};
    uint8_t magic[] = {0x2e, 0x63, 0x74, 0x6f}, *at = memmem(body, len, magic, sizeof magic);
    if (!at || at + 13 > body + len)
        die("no configuration in the application");
    at[4] = (uint8_t)strtoul(format, NULL, 0);
    char *copy = strdup(names);
    for (char *name = strtok(copy, ","); name && strcmp(name, "-"); name = strtok(NULL, ",")) {
        size_t i = 0;
        while (i < sizeof flags / sizeof *flags && strcmp(flags[i], name))
            i++;
        if (i == sizeof flags / sizeof *flags)
            die("no flag '%s'", name);
        at[8 + i] = 1;
    }
    free(copy);
}

/* Filler that no run-length trick and no erased page can stand for: a linear congruential sequence. */
static uint8_t *put_filler(uint8_t *at, size_t len, uint32_t seed)
{
    for (uint32_t i = 0; i < len / 4; i++)
        put_le(&at, (0x41c64e6du * i ^ seed << 24 ^ 0x5bd1e995u), 4);
    return at;
}

/* sign KEY VERSION COUNTER HARDWARE FORMAT FLAGS KIB IN OUT; KEY -: an image without a signature */
static int sign_image(char **argv)
{
    struct key key;
    unsigned major, minor, revision;
    uint32_t counter = (uint32_t)strtoul(argv[2], NULL, 0), hardware = (uint32_t)strtoul(argv[3], NULL, 0);
    size_t len;
    uint8_t *body = read_file(argv[7], &len), *image = calloc(1, IMAGE_MAX + 8192), *at = image;
    uint8_t digest[32], signature[SIGNATURE_LEN];
    if (sscanf(argv[1], "%u.%u.%u", &major, &minor, &revision) != 3)
        die("%s: expected a version like 1.2.3", argv[1]);
    bool is_signed = strcmp(argv[0], "-") != 0;
    if (is_signed)
        load_key(argv[0], &key);
    size_t filler_len = strtoul(argv[6], NULL, 0) * 1024;
    if (len % 4)
        memset(body + len, 0xff, 4 - len % 4), len += 4 - len % 4;
    set_config(body, len, argv[4], argv[5]);
    memcpy(body + 4 * 7, &counter,
           4); /* a vector that the core leaves to whoever wants it: each build its own */
    if (HEADER_LEN + len + filler_len > IMAGE_MAX)
        die("%s: too large with %zu bytes of filler", argv[7], filler_len);
    /* MCUboot docs/design.md "Image format": image_header, 32 bytes, here padded to HEADER_LEN with the
     * erased value */
    put_le(&at, 0x96f3b83d, 4);
    put_le(&at, 0, 4);
    put_le(&at, HEADER_LEN, 2);
    put_le(&at, 4 + 2 * 8, 2);
    put_le(&at, (uint32_t)(len + filler_len), 4);
    put_le(&at, 0, 4);
    put_le(&at, major | minor << 8 | revision << 16, 4);
    memset(image + 32, 0xff, HEADER_LEN - 32);
    at = image + HEADER_LEN;
    memcpy(at, body, len);
    at = put_filler(at + len, filler_len, counter);
    put_le(&at, 0x6908, 2);
    put_le(&at, 4 + 2 * 8, 2);
    put_tlv(&at, 0x50, &counter, 4);
    put_tlv(&at, 0xa0, &hardware, 4);
    SHA256(image, (size_t)(at - image) < hashed_max ? (size_t)(at - image) : hashed_max, digest);
    put_le(&at, 0x6907, 2);
    put_le(&at, 4 + 4 + 32 + (is_signed ? 4 + SIGNATURE_LEN : 0), 2);
    put_tlv(&at, 0x10, digest, 32);
    if (is_signed) {
        sign(&key, digest, 32, signature);
        write_file(argv[0], &key, sizeof key,
                   0600); /* the leaf is spent before the signature leaves the house */
        put_tlv(&at, 0xa1, signature, SIGNATURE_LEN);
    }
    write_file(argv[8], image, (size_t)(at - image), 0644);
    for (int i = 0; i < 32; i++)
        printf("%02x", digest[i]);
    printf(" %zu\n", (size_t)(at - image));
    free(body);
    free(image);
    return 0;
}

/* For a boot loader that looks no further. */
static int sign_first_8k(char **argv)
{
    hashed_max = 8192;
    return sign_image(argv);
}

static const uint8_t *find_tlv(const uint8_t *image, size_t len, unsigned magic, unsigned type,
                               size_t *value_len)
{
    size_t at = HEADER_LEN + (image[12] | image[13] << 8 | image[14] << 16 | (size_t)image[15] << 24);
    while (at + 4 <= len) {
        unsigned found = (unsigned)(image[at] | image[at + 1] << 8);
        size_t area = (size_t)(image[at + 2] | image[at + 3] << 8), inner = at + 4;
        if (area < 4 || at + area > len)
            return NULL;
        for (; found == magic && inner + 4 <= at + area;) {
            *value_len = (size_t)(image[inner + 2] | image[inner + 3] << 8);
            if (inner + 4 + *value_len > at + area)
                return NULL;
            if ((unsigned)(image[inner] | image[inner + 1] << 8) == type)
                return image + inner + 4;
            inner += 4 + *value_len;
        }
        at += area;
    }
    return NULL;
}

/* verify KEY IMAGE */
static int verify(char **argv)
{
    struct key key;
    uint8_t public[LMS_PUBLIC_LEN], digest[32];
    size_t len, hash_len, signature_len;
    uint8_t *image = read_file(argv[1], &len);
    load_key(argv[0], &key);
    public_key(&key, public);
    const uint8_t *wanted = len > HEADER_LEN ? find_tlv(image, len, 0x6907, 0x10, &hash_len) : NULL;
    const uint8_t *signature = wanted ? find_tlv(image, len, 0x6907, 0xa1, &signature_len) : NULL;
    if (!wanted || !signature)
        die("%s: no image of ours", argv[1]);
    SHA256(image, (size_t)(wanted - 8 - image), digest);
    bool hash_ok = hash_len == 32 && !memcmp(digest, wanted, 32);
    bool signed_ok = lms_verify(public, wanted, hash_len, signature, signature_len);
    printf("%s: hash %s, signature %s\n", argv[1], hash_ok ? "ok" : "WRONG", signed_ok ? "ok" : "WRONG");
    free(image);
    return hash_ok && signed_ok ? 0 : 1;
}

/* info IMAGE */
static int info(char **argv)
{
    size_t len, value_len;
    uint8_t *image = read_file(argv[0], &len);
    const uint8_t *wanted = len > HEADER_LEN ? find_tlv(image, len, 0x6907, 0x10, &value_len) : NULL;
    if (!wanted)
        die("%s: no image of ours", argv[0]);
    printf("version %u.%u.%u, %zu bytes, hash ", image[20], image[21], image[22] | image[23] << 8, len);
    for (int i = 0; i < 32; i++)
        printf("%02x", wanted[i]);
    printf("\n");
    free(image);
    return 0;
}

static const struct {
    const char *name, *arguments;
    int count;
    int (*run)(char **argv);
} commands[] = {{"keygen", "KEY", 1, keygen},
                {"pubkey", "KEY", 1, pubkey},
                {"sign", "KEY VERSION COUNTER HARDWARE FORMAT FLAGS KIB IN OUT", 9, sign_image},
                {"sign-first-8k", "KEY VERSION COUNTER HARDWARE FORMAT FLAGS KIB IN OUT", 9, sign_first_8k},
                {"verify", "KEY IMAGE", 2, verify},
                {"info", "IMAGE", 1, info}};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (argc >= 2 && !strcmp(argv[1], commands[i].name) && argc == 2 + commands[i].count)
            return commands[i].run(argv + 2);
    fprintf(argc == 2 && !strcmp(argv[1], "--help") ? stdout : stderr, "usage:\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        fprintf(argc == 2 && !strcmp(argv[1], "--help") ? stdout : stderr, "  otarig-image %s %s\n",
                commands[i].name, commands[i].arguments);
    return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
}
