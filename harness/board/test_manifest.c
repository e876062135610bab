/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <libfdt.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/mcuboot_image.h"
#include "harness/board/image.h"
#include "harness/board/manifest.h"

static struct image_look look;
static struct error error;

static int look_at(const uint8_t *data, size_t len)
{
    error = (struct error){0};
    return image_look("x.bin", data, len, &look, &error);
}

static void put(uint8_t *at, unsigned bytes, uint32_t value)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* ---- MCUboot: header 32, body 64, then one protected TLV and the hash ---- */

#define MCUBOOT_LEN (32 + 64 + 8 + 4 + 4 + 32)

static void make_mcuboot(uint8_t image[MCUBOOT_LEN], uint8_t major, uint32_t build)
{
    memset(image, 0, MCUBOOT_LEN);
    put(image, 4, 0x96f3b83d);
    put(image + 8, 2, 32);
    put(image + 12, 4, 64);
    image[20] = major;
    image[21] = 4;
    put(image + 22, 2, 7);
    put(image + 24, 4, build);
    put(image + 96, 2, 0x6908);
    put(image + 98, 2, 8);
    put(image + 104, 2, 0x6907);
    put(image + 106, 2, 4 + 4 + 32);
    put(image + 108, 2, 0x10);
    put(image + 110, 2, 32);
    SHA256(image, 104, image + 112);
}

Test(image_look, an_mcuboot_image_tells_version_and_hash)
{
    uint8_t image[MCUBOOT_LEN];
    char first[3];
    make_mcuboot(image, 1, 0);
    cr_assert_eq(look_at(image, sizeof image), 0, "%s", error.text);
    cr_assert_eq(look.format, IMAGE_MCUBOOT);
    cr_assert_str_eq(look.version, "1.4.7");
    cr_assert_eq(strlen(look.hash), 64);
    snprintf(first, sizeof first, "%02x", image[112]);
    cr_assert_eq(strncmp(look.hash, first, 2), 0);
    cr_assert_str_eq(look.odd, "");
    make_mcuboot(image, 2, 9);
    look_at(image, sizeof image);
    cr_assert_str_eq(look.version, "2.4.7+9");
}

Test(image_look, every_spoilt_byte_under_the_hash_is_seen)
{
    uint8_t image[MCUBOOT_LEN];
    for (size_t at = 28; at < 96; at++) { /* what stands before gives the lengths */
        make_mcuboot(image, 1, 0);
        image[at] ^= 1;
        cr_assert_eq(look_at(image, sizeof image), 0);
        cr_assert(strstr(look.odd, "spoilt"), "byte %zu", at);
    }
}

/* What imgtool's --pad puts behind an image is the boot loader's, and another after the first swap. */
Test(image_look, what_pads_an_mcuboot_image_is_no_part_of_it)
{
    static const uint8_t trailers[2][16] = {
        {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80},
        {0x20, 0x00, 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a}};
    uint8_t padded[MCUBOOT_LEN + 1000];
    make_mcuboot(padded, 1, 0);
    cr_expect_eq(mcuboot_image_len(padded, MCUBOOT_LEN), MCUBOOT_LEN);
    memset(padded + MCUBOOT_LEN, 0xff, 1000);
    cr_expect_eq(mcuboot_image_len(padded, sizeof padded), MCUBOOT_LEN);
    for (size_t i = 0; i < 2; i++) {
        padded[sizeof padded - 24] = 1; /* image_ok */
        memcpy(padded + sizeof padded - 16, trailers[i], 16);
        cr_expect_eq(mcuboot_image_len(padded, sizeof padded), MCUBOOT_LEN, "trailer %zu", i);
    }
    padded[sizeof padded - 1] ^= 1; /* anything else is of the image */
    cr_expect_eq(mcuboot_image_len(padded, sizeof padded), sizeof padded);
}

Test(image_look, an_mcuboot_image_that_is_cut_short_is_refused_at_every_length)
{
    uint8_t image[MCUBOOT_LEN];
    make_mcuboot(image, 1, 0);
    for (size_t len = 4; len < MCUBOOT_LEN; len++) {
        uint8_t *copy = memcpy(malloc(len), image, len); /* so that a sanitizer sees each read beyond it */
        cr_assert_eq(look_at(copy, len), -1, "%zu", len);
        cr_assert_eq(strncmp(error.text, "x.bin: ", 7), 0);
        free(copy);
    }
}

/* ---- ESP-IDF: two segments, checksum, hash ---- */

#define ESP_HASHED (24 + 8 + 256 + 8 + 16 + 8)
#define ESP_LEN (ESP_HASHED + 32)

static void make_esp(uint8_t image[ESP_LEN])
{
    memset(image, 0, ESP_LEN);
    image[0] = 0xe9;
    image[1] = 2;
    image[23] = 1;
    put(image + 28, 4, 256);
    put(image + 32, 4, 0xabcd5432);
    memcpy(image + 32 + 16, "v1.2-3-gabc", 11);
    memset(image + 32 + 48, 'p', 32); /* a name as long as may be: without a NUL */
    memset(image + 32 + 144, 0x9f, 32);
    put(image + 24 + 8 + 256 + 4, 4, 16);
    SHA256(image, ESP_HASHED, image + ESP_HASHED);
}

Test(image_look, an_esp_idf_application_tells_version_project_and_elf_hash)
{
    uint8_t image[ESP_LEN];
    make_esp(image);
    cr_assert_eq(look_at(image, sizeof image), 0, "%s", error.text);
    cr_assert_eq(look.format, IMAGE_ESP);
    cr_assert_str_eq(look.version, "v1.2-3-gabc");
    cr_assert_str_eq(look.project, "pppppppppppppppppppppppppppppppp");
    cr_assert_eq(strncmp(look.hash, "9f9f9f", 6), 0);
    cr_assert_str_eq(look.odd, "");
    image[300] ^= 1;
    look_at(image, sizeof image);
    cr_assert(strstr(look.odd, "spoilt"));
}

Test(image_look, an_esp_idf_application_that_is_cut_short_is_refused_at_every_length)
{
    uint8_t image[ESP_LEN];
    make_esp(image);
    for (size_t len = 24 + 8 + 256; len < ESP_LEN; len++) {
        uint8_t *copy = memcpy(malloc(len), image, len);
        cr_assert_eq(look_at(copy, len), -1, "%zu", len);
        free(copy);
    }
}

/* ---- FIT ---- */

static int make_fit(uint8_t *tree, int size, const char *version)
{
    static const uint8_t kernel[] = "a kernel";
    uint8_t hash[32];
    SHA256(kernel, sizeof kernel, hash);
    fdt_create(tree, size);
    fdt_finish_reservemap(tree);
    fdt_begin_node(tree, "");
    fdt_property_string(tree, "description", "a product");
    if (version)
        fdt_property_string(tree, "version", version);
    fdt_begin_node(tree, "images");
    fdt_begin_node(tree, "kernel-1");
    fdt_property(tree, "data", kernel, sizeof kernel);
    fdt_begin_node(tree, "hash-1");
    fdt_property_string(tree, "algo", "sha256");
    fdt_property(tree, "value", hash, sizeof hash);
    fdt_end_node(tree);
    fdt_end_node(tree);
    fdt_end_node(tree);
    fdt_end_node(tree);
    fdt_finish(tree);
    return (int)fdt_totalsize(tree);
}

Test(image_look, a_fit_is_held_against_its_hashes)
{
    uint8_t tree[1024];
    int len = make_fit(tree, sizeof tree, "3.1");
    cr_assert_eq(look_at(tree, (size_t)len), 0, "%s", error.text);
    cr_assert_eq(look.format, IMAGE_FIT);
    cr_assert_str_eq(look.version, "3.1");
    cr_assert_str_eq(look.project, "a product");
    cr_assert_eq(strlen(look.hash), 64);
    uint8_t *kernel = memmem(tree, (size_t)len, "a kernel", 8);
    kernel[0] = 'b';
    cr_assert_eq(look_at(tree, (size_t)len), 0);
    cr_assert(strstr(look.odd, "kernel-1"), "%s", look.odd);
}

Test(image_look, a_fit_that_is_cut_short_is_refused_at_every_length)
{
    uint8_t tree[1024];
    int len = make_fit(tree, sizeof tree, NULL);
    for (int cut = 4; cut < len; cut++) {
        uint8_t *copy = memcpy(malloc((size_t)cut), tree, (size_t)cut);
        cr_assert_eq(look_at(copy, (size_t)cut), -1, "%d", cut);
        free(copy);
    }
}

Test(image_look, what_is_no_image_is_refused_by_name)
{
    static const char *const others[] = {
        "",         "\177ELF\1", ":10000000", "S00600", "UF2\nx", "PK\3\4", "-----BEGIN PRIVATE KEY-----",
        "/dts-v1/;"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        cr_assert_eq(look_at((const uint8_t *)others[i], strlen(others[i])), -1, "%s", others[i]);
        cr_assert_eq(error.kind, ERROR_INPUT);
        cr_assert_eq(strncmp(error.text, "x.bin: expected ", 16), 0, "%s", error.text);
    }
    cr_assert_eq(look_at((const uint8_t *)"\xe9no app", 7), 0);
    cr_assert_eq(look.format, IMAGE_PLAIN);
}

/* ---- the manifest ---- */

static char folder[] = "/tmp/test_manifest.XXXXXX";
static cJSON *names, *versions, *left_out;
static struct manifest manifest;

static void put_file(const char *name, const void *data, size_t len)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, 1, len, file) == len && !fclose(file));
}

static void put_mcuboot(const char *name, uint8_t major)
{
    uint8_t image[MCUBOOT_LEN];
    make_mcuboot(image, major, 0);
    put_file(name, image, sizeof image);
}

static void setup(void)
{
    cr_assert(mkdtemp(folder));
    names = cJSON_CreateArray();
    versions = cJSON_CreateArray();
    left_out = cJSON_CreateArray();
}

static void teardown(void)
{
    char command[100];
    manifest_release(&manifest);
    cJSON_Delete(names);
    cJSON_Delete(versions);
    cJSON_Delete(left_out);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

static int make(void)
{
    const struct manifest_told told = {names, versions, left_out};
    error = (struct error){0};
    manifest_release(&manifest);
    return manifest_look(folder, &told, NULL, &manifest, &error) || manifest_name(&manifest, &told, &error)
               ? -1
               : 0;
}

static void tell(cJSON *list, const char *text)
{
    cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

static const char *file_of(const char *name)
{
    for (size_t i = 0; i < manifest.count; i++)
        if (!strcmp(manifest.entries[i].name, name))
            return manifest.entries[i].file;
    return "";
}

TestSuite(manifest, .init = setup, .fini = teardown);

Test(manifest, names_follow_the_versions)
{
    put_mcuboot("a.bin", 10);
    put_mcuboot("b.bin", 2);
    put_mcuboot("c.bin", 9);
    cr_assert_eq(make(), 0, "%s", error.text);
    cr_assert_str_eq(file_of("v1"), "b.bin");
    cr_assert_str_eq(file_of("v2"), "c.bin");
    cr_assert_str_eq(file_of("v3"), "a.bin");
}

Test(manifest, a_told_name_and_a_file_called_like_a_role_keep_out_of_the_order)
{
    put_mcuboot("old.bin", 1);
    put_mcuboot("now.bin", 2);
    put_mcuboot("v2-crash.signed.bin", 3);
    put_mcuboot("next.bin", 4);
    put_file("bootloader.bin", "code", 4);
    tell(names, "old.bin=v0");
    cr_assert_eq(make(), 0, "%s", error.text);
    cr_assert_str_eq(file_of("v0"), "old.bin");
    cr_assert_str_eq(file_of("v1"), "now.bin");
    cr_assert_str_eq(file_of("v2"), "next.bin");
    cr_assert_str_eq(file_of("v2-crash"), "v2-crash.signed.bin");
    cr_assert_str_eq(file_of("bootloader"), "bootloader.bin");
}

Test(manifest, what_is_written_is_what_the_parser_reads)
{
    struct image_set set;
    put_mcuboot("a.bin", 1);
    put_file("b.raw", "bytes", 5);
    tell(versions, "b.raw=7");
    cr_assert_eq(make(), 0, "%s", error.text);
    cJSON *json = manifest_json(&manifest, "mine");
    char *text = cJSON_Print(json);
    put_file("manifest.json", text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(json);
    cr_assert_eq(image_set_load(folder, &set, &error), 0, "%s", error.text);
    cr_assert_eq(set.count, 2);
    cr_assert_str_eq(image_find(&set, "v1")->version, "1.4.7");
    cr_assert_str_eq(image_find(&set, "v2")->version, "7");
    cr_assert_null(image_find(&set, "v2")->hash);
    image_set_release(&set);
}

Test(manifest, of_a_padded_file_the_image_counts)
{
    struct image_set set;
    uint8_t padded[MCUBOOT_LEN + 500];
    make_mcuboot(padded, 1, 0);
    memset(padded + MCUBOOT_LEN, 0xff, 500);
    put_file("v1.bin", padded, sizeof padded);
    static const char json[] =
        "{\"schema_version\":1,\"variant\":\"x\",\"images\":{\"v1\":{\"file\":\"v1.bin\"}}}";
    put_file("manifest.json", json, sizeof json - 1);
    cr_assert_eq(image_set_load(folder, &set, &error), 0, "%s", error.text);
    cr_expect_eq(set.images[0].len, MCUBOOT_LEN);
    cr_expect_eq(set.images[0].file_len, sizeof padded);
    image_set_release(&set);
}

static void expect_error(const char *text)
{
    cr_assert_eq(make(), -1, "expected: %s", text);
    cr_assert_eq(error.kind, ERROR_INPUT);
    cr_assert(strstr(error.text, text), "expected '%s', found '%s'", text, error.text);
}

Test(manifest, what_cannot_be_told_apart_is_said)
{
    expect_error("found no file");
    put_mcuboot("a.bin", 1);
    put_mcuboot("b.bin", 1);
    expect_error("a.bin and b.bin");
    tell(names, "b.bin=v0");
    cr_assert_eq(make(), 0, "%s", error.text);
    put_file("c.raw", "bytes", 5);
    expect_error("c.raw: expected a version");
    tell(versions, "c.raw=3");
    cr_assert_eq(make(), 0, "%s", error.text);
    tell(names, "a.bin=v0");
    expect_error("'v0', found a.bin and b.bin");
}

Test(manifest, a_word_that_means_no_file_is_refused)
{
    put_mcuboot("a.bin", 1);
    tell(versions, "other.bin=3");
    expect_error("--version: expected a file of");
    cJSON_DeleteItemFromArray(versions, 0);
    tell(names, "a.bin");
    expect_error("--name: expected FILE=NAME");
    cJSON_DeleteItemFromArray(names, 0);
    tell(names, "a.bin=a b");
    expect_error("--name: expected a name");
}

Test(manifest, other_files_are_counted_and_can_be_left_out)
{
    put_mcuboot("a.bin", 1);
    put_file("a.elf", "\177ELF", 4);
    put_file("key.pem", "-----BEGIN EC", 13);
    put_file(".hidden", "", 0);
    expect_error("found 2 other files");
    tell(left_out, "a.elf");
    tell(left_out, "key.pem");
    cr_assert_eq(make(), 0, "%s", error.text);
}
