/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/board/image.h"

/* header 64 bytes (32 of them read), body 100, signature 36 */
#define HEADER 64
#define BODY 100
#define WHOLE 200
static uint8_t data[WHOLE] = {[8] = HEADER, [12] = BODY};
static const struct image image = {.name = "v", .data = data, .len = WHOLE};

static struct image_change change(void)
{
    return (struct image_change){
        .any = true, .keep = -1, .keep_percent = -1, .flip_at = -1, .flip_percent = -1, .seed = 1};
}

static size_t bits_changed(const uint8_t *spoilt, size_t from, size_t to)
{
    size_t count = 0;
    for (size_t i = from; i < to; i++)
        count += (size_t)__builtin_popcount(spoilt[i] ^ data[i]);
    return count;
}

Test(image, a_flip_stays_in_its_part_for_every_seed)
{
    static const struct {
        enum image_part part;
        size_t from, to;
    } parts[] = {{IMAGE_ANY, 0, WHOLE},
                 {IMAGE_HEADER, 0, 32},
                 {IMAGE_BODY, HEADER, HEADER + BODY},
                 {IMAGE_SIGNATURE, HEADER + BODY, WHOLE},
                 {IMAGE_TAIL, HEADER + BODY - BODY / 8, HEADER + BODY}};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
        for (uint64_t seed = 0; seed < 200; seed++) {
            struct image_change one = change();
            size_t len;
            one.flip = parts[p].part;
            one.flip_bits = 1;
            one.seed = seed;
            uint8_t *spoilt = image_changed(&image, &one, &len);
            cr_assert_eq(len, WHOLE);
            cr_assert_eq(bits_changed(spoilt, parts[p].from, parts[p].to), 1, "part %zu seed %lu", p,
                         (unsigned long)seed);
            cr_assert_eq(bits_changed(spoilt, 0, WHOLE), 1, "part %zu seed %lu", p, (unsigned long)seed);
            free(spoilt);
        }
}

Test(image, the_same_seed_spoils_the_same_bit_and_others_others)
{
    struct image_change one = change();
    size_t len, different = 0;
    one.flip_bits = 1;
    uint8_t *first = image_changed(&image, &one, &len);
    for (uint64_t seed = 1; seed < 20; seed++) {
        one.seed = seed;
        uint8_t *again = image_changed(&image, &one, &len);
        different += memcmp(first, again, WHOLE) != 0;
        cr_expect(seed != 1 || !memcmp(first, again, WHOLE));
        free(again);
    }
    cr_expect_gt(different, 15);
    free(first);
}

Test(image, a_flip_at_a_place_is_there)
{
    struct image_change one = change();
    size_t len;
    one.flip = IMAGE_BODY;
    one.flip_bits = 9;
    one.flip_at = 3;
    uint8_t *spoilt = image_changed(&image, &one, &len);
    cr_expect_eq(spoilt[HEADER + 3], 0xff);
    cr_expect_eq(spoilt[HEADER + 4], 0x01);
    cr_expect_eq(bits_changed(spoilt, 0, WHOLE), 9);
    free(spoilt);
}

Test(image, a_flip_at_a_percentage_reaches_both_ends_of_each_part)
{
    static const enum image_part parts[] = {IMAGE_HEADER, IMAGE_BODY, IMAGE_SIGNATURE};
    static const size_t firsts[] = {0, HEADER, HEADER + BODY}, lasts[] = {31, HEADER + BODY - 1, WHOLE - 1};
    for (size_t i = 0; i < 3; i++) {
        struct image_change one = change();
        size_t len;
        one.flip = parts[i];
        one.flip_bits = 1;
        for (one.flip_percent = 0; one.flip_percent <= 100; one.flip_percent += 100) {
            size_t at = one.flip_percent ? lasts[i] : firsts[i];
            uint8_t *spoilt = image_changed(&image, &one, &len);
            cr_expect_eq(bits_changed(spoilt, at, at + 1), 1);
            cr_expect_eq(bits_changed(spoilt, 0, WHOLE), 1);
            free(spoilt);
        }
    }
}

Test(image, is_cut_and_grown_as_asked)
{
    struct image_change one = change();
    size_t len;
    one.keep_percent = 60;
    free(image_changed(&image, &one, &len));
    cr_expect_eq(len, WHOLE * 60 / 100);
    one.keep_percent = -1;
    one.keep = 10;
    one.grow = 5;
    uint8_t *spoilt = image_changed(&image, &one, &len);
    cr_expect_eq(len, 15);
    for (size_t i = 10; i < 15; i++)
        cr_expect_eq(spoilt[i], 0xff);
    free(spoilt);
    one = change();
    one.keep = 10000;
    free(image_changed(&image, &one, &len));
    cr_expect_eq(len, WHOLE, "keeping more than there is changes nothing");
}

Test(image, one_whose_header_lies_about_its_parts_is_still_only_flipped)
{
    uint8_t odd[WHOLE];
    struct image liar = {.name = "v", .data = odd, .len = WHOLE};
    memset(odd, 0xff, sizeof odd);
    struct image_change one = change();
    size_t len;
    one.flip = IMAGE_SIGNATURE;
    one.flip_bits = 3;
    for (one.seed = 0; one.seed < 50; one.seed++)
        free(image_changed(&liar, &one, &len));
    liar.len = 0;
    free(image_changed(&liar, &one, &len));
    cr_expect_eq(len, 0);
}

static char folder[] = "/tmp/otarig-test.XXXXXX";

static void put_file(const char *name, const char *text)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static void clean_up(void)
{
    char path[100];
    snprintf(path, sizeof path, "%s/a.bin", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    unlink(path);
    rmdir(folder);
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

Test(image_set, is_loaded_and_found_by_name_and_hash, .fini = clean_up)
{
    struct image_set set;
    struct error error = {0};
    cr_assert(mkdtemp(folder));
    put_file("a.bin", "abc");
    put_file(
        "manifest.json",
        "{\"schema_version\":1,\"variant\":\"good\",\"images\":{\"boot\":{\"file\":\"a.bin\",\"address\":0},"
        "\"v1\":{\"file\":\"a.bin\",\"version\":\"1.0.0\",\"hash\":\"" HASH "\",\"size\":3}}}");
    cr_assert_eq(image_set_load(folder, &set, &error), 0, "%s", error.text);
    cr_expect_eq(set.count, 2);
    /* FIPS 180-4 example: SHA-256 of "abc" */
    cr_expect_str_eq(image_find(&set, "v1")->sha256,
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cr_expect_eq(image_by_hash(&set, HASH), image_find(&set, "v1"));
    cr_expect_eq(image_by_hash(&set, "0011223344556677"), image_find(&set, "v1"),
                 "a prefix, as the console prints it");
    cr_expect_eq(image_by_hash(&set, "001122334455667788AA"), NULL);
    cr_expect_null(image_by_hash(&set, "00112233445566"), "too short to tell");
    cr_expect_null(image_by_hash(&set, NULL));
    cr_expect_null(image_find(&set, "v9"));
    image_set_release(&set);
}

Test(image_set, that_is_not_what_it_says_is_refused, .fini = clean_up)
{
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"{\"schema_version\":1,\"variant\":\"g\",\"images\":{\"v\":{\"file\":\"a.bin\",\"size\":4}}}",
         "which is 3 bytes, found 4"},
        {"{\"schema_version\":1,\"variant\":\"g\",\"images\":{\"v\":{\"file\":\"b.bin\"}}}", "No such file"},
        {"{\"schema_version\":1,\"variant\":\"g\",\"images\":{\"v\":{}}}", "$.images.v.file"},
        {"{\"schema_version\":1,\"variant\":\"g\",\"images\":[]}", "$.images: expected an object"},
        {"{", "end of the file"}};
    struct image_set set;
    struct error error = {0};
    cr_assert(mkdtemp(folder));
    put_file("a.bin", "abc");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put_file("manifest.json", bad[i].text);
        cr_expect_eq(image_set_load(folder, &set, &error), -1, "%s", bad[i].text);
        cr_expect(strstr(error.text, bad[i].said), "%s", error.text);
    }
    cr_expect_eq(image_set_load("/nonexistent", &set, &error), -1);
}
