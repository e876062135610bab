#include "harness/explore/image.h"

#include <elf.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/file.h"
#include "harness/base/mem.h"

void explore_sha256(const void *data, size_t len, char out[65])
{
    uint8_t digest[32];
    SHA256(data, len, digest);
    for (int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

static struct explore_segment *add(struct explore_image *image, uint32_t address, const uint8_t *data,
                                   uint32_t len)
{
    image->segments = mem_resize(image->segments, image->segment_count + 1, sizeof *image->segments);
    struct explore_segment *segment = &image->segments[image->segment_count++];
    *segment = (struct explore_segment){address, len, len ? mem_copy(data, len) : NULL};
    return segment;
}

/* ---- ELF: read by hand, because the library trusts its input more than we can ---- */

/* ULEB128; stays at the end when it is cut off. */
static uint32_t uleb(const uint8_t **at, const uint8_t *end)
{
    uint32_t value = 0;
    for (unsigned shift = 0; *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= shift < 32 ? (uint32_t)(byte & 0x7f) << shift : 0;
        if (!(byte & 0x80))
            break;
    }
    return value;
}

static const uint8_t *after_string(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *zero = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
    return zero ? zero + 1 : end;
}

/* The attributes of the file (ARM ABI addenda 2023Q3, 3.2.2): a version, then per vendor its length, name and
 * scopes; of those the first one, tag 1, is the whole file. */
static int arch_of(const uint8_t *at, const uint8_t *end)
{
    enum { CPU_RAW_NAME = 4, CPU_NAME = 5, CPU_ARCH = 6, COMPATIBILITY = 32 };
    if (end - at < 5 || *at != 'A')
        return -1;
    at += 5;
    if (end - at < 6 || memcmp(at, "aeabi", 6) != 0)
        return -1;
    at += 6;
    if (uleb(&at, end) != 1 || end - at < 4)
        return -1;
    at += 4;
    while (at < end) {
        uint32_t tag = uleb(&at, end);
        if (tag == CPU_ARCH)
            return at < end ? (int)(uleb(&at, end) & 0xff) : -1;
        if (tag == COMPATIBILITY)
            uleb(&at, end);
        if (tag == CPU_RAW_NAME || tag == CPU_NAME || (tag >= COMPATIBILITY && (tag & 1)) ||
            tag == COMPATIBILITY)
            at = after_string(at, end);
        else
            uleb(&at, end);
    }
    return -1;
}

static int find_arch(const uint8_t *data, size_t len, const Elf32_Ehdr *head)
{
    for (unsigned i = 0; i < head->e_shnum && head->e_shentsize == sizeof(Elf32_Shdr); i++) {
        Elf32_Shdr section;
        size_t at = head->e_shoff + (size_t)i * sizeof section;
        if (at > len || sizeof section > len - at)
            return -1;
        memcpy(&section, data + at, sizeof section);
        if (section.sh_type == SHT_ARM_ATTRIBUTES && section.sh_offset <= len &&
            section.sh_size <= len - section.sh_offset)
            return arch_of(data + section.sh_offset, data + section.sh_offset + section.sh_size);
    }
    return -1;
}

static int parse_elf(struct explore_image *image, const uint8_t *data, size_t len, struct error *error)
{
    Elf32_Ehdr head;
    if (len < sizeof head)
        return error_set(error, ERROR_INPUT, "%s: ELF header cut off", image->path);
    memcpy(&head, data, sizeof head);
    if (head.e_ident[EI_CLASS] != ELFCLASS32 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
        head.e_machine != EM_ARM)
        return error_set(error, ERROR_INPUT, "%s: not a 32-bit little-endian ARM ELF file", image->path);
    if (head.e_phentsize != sizeof(Elf32_Phdr) || head.e_phoff > len ||
        head.e_phnum > (len - head.e_phoff) / sizeof(Elf32_Phdr))
        return error_set(error, ERROR_INPUT, "%s: program headers lie outside the file", image->path);
    for (unsigned i = 0; i < head.e_phnum; i++) {
        Elf32_Phdr part;
        memcpy(&part, data + head.e_phoff + i * sizeof part, sizeof part);
        if (part.p_type != PT_LOAD || !part.p_filesz)
            continue;
        if (part.p_offset > len || part.p_filesz > len - part.p_offset)
            return error_set(error, ERROR_INPUT, "%s: segment %u lies outside the file", image->path, i);
        if (part.p_filesz > UINT32_MAX - part.p_paddr)
            return error_set(error, ERROR_INPUT, "%s: segment %u wraps around the address space", image->path,
                             i);
        add(image, part.p_paddr, data + part.p_offset, part.p_filesz);
    }
    image->elf = true;
    image->cpu_arch = find_arch(data, len, &head);
    return 0;
}

/* ---- Intel HEX (Intel, "Hexadecimal Object File Format Specification", rev. A, 1988) ---- */

static int hex_digit(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Bytes of one record without its colon; -1: not hexadecimal or too long. */
static int hex_record(const char *text, size_t len, uint8_t out[260])
{
    if (len % 2 || len / 2 > 260)
        return -1;
    for (size_t i = 0; i < len / 2; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return (int)(len / 2);
}

static void hex_data(struct explore_image *image, uint32_t address, const uint8_t *data, uint32_t len)
{
    struct explore_segment *last = image->segment_count ? &image->segments[image->segment_count - 1] : NULL;
    if (!last || last->address + last->len != address) {
        add(image, address, data, len);
        return;
    }
    last->data = mem_resize(last->data, last->len + len, 1);
    memcpy(last->data + last->len, data, len);
    last->len += len;
}

static int hex_line(struct explore_image *image, const uint8_t *record, int len, uint32_t *base,
                    const char **wrong)
{
    uint8_t total = 0;
    for (int i = 0; i < len; i++)
        total = (uint8_t)(total + record[i]);
    if (len < 5 || record[0] != len - 5) {
        *wrong = "its length does not fit";
        return -1;
    }
    if (total) {
        *wrong = "checksum does not fit";
        return -1;
    }
    uint32_t offset = (uint32_t)record[1] << 8 | record[2];
    uint32_t first = len >= 7 ? (uint32_t)record[4] << 8 | record[5] : 0;
    switch (record[3]) {
    case 0:
        if (record[0] > UINT32_MAX - *base - offset || *base + offset < *base) {
            *wrong = "address wraps around";
            return -1;
        }
        if (record[0])
            hex_data(image, *base + offset, record + 4, record[0]);
        return 0;
    case 1:
        return 1;
    case 2:
        *base = first << 4;
        return 0;
    case 4:
        *base = first << 16;
        return 0;
    case 3:
    case 5:
        return 0;
    }
    *wrong = "unknown record type";
    return -1;
}

static int parse_hex(struct explore_image *image, const char *text, size_t len, struct error *error)
{
    uint32_t base = 0;
    unsigned number = 1;
    bool ended = false;
    for (size_t at = 0; at < len; number++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t next = end ? (size_t)(end - text) + 1 : len, stop = end ? (size_t)(end - text) : len;
        while (stop > at && (text[stop - 1] == '\r' || text[stop - 1] == ' '))
            stop--;
        if (stop > at) {
            uint8_t record[260];
            const char *wrong = "not a record of hexadecimal digits";
            int got = text[at] == ':' ? hex_record(text + at + 1, stop - at - 1, record) : -1;
            if (ended)
                return error_set(error, ERROR_INPUT, "%s: line %u: expected nothing after the end record",
                                 image->path, number);
            int result = got < 0 ? -1 : hex_line(image, record, got, &base, &wrong);
            if (result < 0)
                return error_set(error, ERROR_INPUT, "%s: line %u: %s", image->path, number, wrong);
            ended = result > 0;
        }
        at = next;
    }
    return ended ? 0 : error_set(error, ERROR_INPUT, "%s: no end record: the file is cut off", image->path);
}

/* ---- all ---- */

static int by_address(const void *a, const void *b)
{
    const struct explore_segment *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

static int check_order(struct explore_image *image, struct error *error)
{
    if (!image->segment_count)
        return error_set(error, ERROR_INPUT, "%s: holds no bytes to load", image->path);
    qsort(image->segments, image->segment_count, sizeof *image->segments, by_address);
    for (size_t i = 1; i < image->segment_count; i++) {
        const struct explore_segment *before = &image->segments[i - 1];
        if (image->segments[i].address - before->address < before->len)
            return error_set(error, ERROR_INPUT, "%s: two parts overlap at 0x%08x", image->path,
                             image->segments[i].address);
    }
    return 0;
}

static int parse(struct explore_image *image, const uint8_t *data, size_t len, struct error *error)
{
    explore_sha256(data, len, image->sha256);
    int result = 0;
    if (len >= 4 && memcmp(data, ELFMAG, SELFMAG) == 0) {
        result = parse_elf(image, data, len, error);
    } else if (len >= 11 && data[0] == ':' && hex_digit(data[1]) >= 0 && hex_digit(data[2]) >= 0) {
        result = parse_hex(image, (const char *)data, len, error);
    } else if (len) {
        image->raw = true;
        add(image, 0, data, (uint32_t)len);
    }
    if (!result)
        result = check_order(image, error);
    if (result)
        explore_image_release(image);
    return result;
}

int explore_image_parse(struct explore_image *image, const char *name, const uint8_t *data, size_t len,
                        struct error *error)
{
    *image = (struct explore_image){.name = mem_string(name), .path = mem_string(name), .cpu_arch = -1};
    return parse(image, data, len, error);
}

int explore_image_load(struct explore_image *image, const char *name, const char *path, struct error *error)
{
    FILE *file = file_open(path, error);
    if (!file)
        return -1;
    uint8_t *data = mem_alloc(EXPLORE_IMAGE_MAX + 1);
    size_t len = fread(data, 1, EXPLORE_IMAGE_MAX + 1, file);
    bool failed = ferror(file);
    fclose(file);
    int result = -1;
    if (failed) {
        error_set(error, ERROR_INPUT, "%s: cannot be read", path);
    } else if (len > EXPLORE_IMAGE_MAX) {
        error_set(error, ERROR_INPUT, "%s: longer than 16 MiB", path);
    } else {
        *image = (struct explore_image){.name = mem_string(name), .path = mem_string(path), .cpu_arch = -1};
        result = parse(image, data, len, error);
    }
    free(data);
    return result;
}

void explore_image_release(struct explore_image *image)
{
    for (size_t i = 0; i < image->segment_count; i++)
        free(image->segments[i].data);
    free(image->segments);
    free(image->name);
    free(image->path);
    *image = (struct explore_image){0};
}
