/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/image.h"

#include <elf.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/explore/spec/image_formats.h"

void explore_sha256(const void *data, size_t len, char out[65])
{
    uint8_t digest[32];
    SHA256(data, len, digest);
    for (int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void image_add(struct explore_image *image, uint32_t address, const uint8_t *data, uint32_t len, bool joined)
{
    struct explore_segment *last = image->segment_count ? &image->segments[image->segment_count - 1] : NULL;
    if (joined && last && last->address + last->len == address) {
        last->data = mem_resize(last->data, (size_t)last->len + len, 1);
        memcpy(last->data + last->len, data, len);
        last->len += len;
        return;
    }
    image->segments = mem_resize(image->segments, image->segment_count + 1, sizeof *image->segments);
    image->segments[image->segment_count++] =
        (struct explore_segment){address, len, len ? mem_copy(data, len) : NULL};
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
        image_add(image, part.p_paddr, data + part.p_offset, part.p_filesz, false);
    }
    image->elf = true;
    image->cpu_arch = find_arch(data, len, &head);
    return 0;
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

/* Files that hold an image, but are none: taken as raw they would install nothing, and all would hold. */
static const char *container(const uint8_t *data, size_t len)
{
    static const struct {
        const char *magic;
        size_t len;
        const char *what;
    } table[] = {
        {"PK\3\4", 4, "a ZIP archive (a DFU package?)"},
        {"\x1f\x8b\x08", 3, "a gzip file"},
        {"\xfd"
         "7zXZ",
         5, "an xz file"},
        {"BZh", 3, "a bzip2 file"},
        {"DfuSe", 5, "a DfuSe file"},
        {"\x28\xb5\x2f\xfd", 4, "a Zstandard file"},
        {"!<arch>\n", 8, "a static library"},
        {"\xff\xfe", 2, "a text in UTF-16"},
        {"\xfe\xff", 2, "a text in UTF-16"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (len >= table[i].len && memcmp(data, table[i].magic, table[i].len) == 0)
            return table[i].what;
    return NULL;
}

static int parse(struct explore_image *image, const uint8_t *data, size_t len, struct error *error)
{
    enum image_text text = image_text_kind((const char *)data, len);
    const char *what = container(data, len);
    explore_sha256(data, len, image->sha256);
    int result = 0;
    if (len >= 4 && memcmp(data, ELFMAG, SELFMAG) == 0) {
        result = parse_elf(image, data, len, error);
    } else if (text == IMAGE_TEXT_HEX) {
        result = image_parse_hex(image, (const char *)data, len, error);
    } else if (text == IMAGE_TEXT_SREC) {
        result = image_parse_srec(image, (const char *)data, len, error);
    } else if (image_is_uf2(data, len)) {
        result = image_parse_uf2(image, data, len, error);
    } else if (what) {
        result = error_set(error, ERROR_INPUT,
                           "%s: %s: expected the image itself (ELF, Intel HEX, S-record, UF2, raw bytes)",
                           image->path, what);
    } else if (len) {
        image->raw = true;
        image_add(image, 0, data, (uint32_t)len, false);
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
