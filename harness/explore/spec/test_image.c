/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "harness/explore/spec/image.h"

static int parse(struct explore_image *image, const char *text, struct error *error)
{
    return explore_image_parse(image, "x", (const uint8_t *)text, strlen(text), error);
}

Test(image, hex_joins_records_and_follows_bases)
{
    struct explore_image image;
    struct error error = {0};
    const char *text =
        ":020000040001F9\n:04000000DEADBEEFC4\r\n:0400040001020304EE\n:020000040008F2\n:01001000AA45\n"
        ":00000001FF\n";
    cr_assert_eq(parse(&image, text, &error), 0, "%s", error.text);
    cr_assert_eq(image.segment_count, 2);
    cr_assert_eq(image.segments[0].address, 0x10000u);
    cr_assert_eq(image.segments[0].len, 8);
    cr_assert_eq(memcmp(image.segments[0].data, "\xde\xad\xbe\xef\x01\x02\x03\x04", 8), 0);
    cr_assert_eq(image.segments[1].address, 0x80010u);
    cr_assert_not(image.raw);
    explore_image_release(&image);
}

Test(image, hex_errors_name_the_line)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {":04000000DEADBEEFC5\n:00000001FF\n", "line 1: checksum"},
        {":04000000DEADBEEFC4\n", "no end record"},
        {":04000000DEADBEEFC4\nhello\n", "line 2: not a record"},
        {":04000000DEADBEEFC4\n:0400020001020304F0\n:00000001FF\n", "overlap at 0x00000002"},
        {":04000000DEADBEEFC4\n:00000009F7\n", "line 2: unknown record"},
        {":05000000DEADBEEFC4\n:00000001FF\n", "line 1: its length"},
        {":04000000DEADBEEFC4\n:00000001FF\n\n:0400080001020304EA\n", "line 4: expected nothing after"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct explore_image image;
        struct error error = {0};
        cr_expect_eq(parse(&image, cases[i].text, &error), -1);
        cr_expect(strstr(error.text, cases[i].part), "%s", error.text);
    }
}

Test(image, elf_that_lies_is_refused)
{
    uint8_t head[84] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
    struct explore_image image;
    struct error error = {0};
    cr_assert_eq(explore_image_parse(&image, "x", head, 20, &error), -1);
    cr_assert(strstr(error.text, "cut off"));
    cr_assert_eq(explore_image_parse(&image, "x", head, sizeof head, &error), -1);
    cr_assert(strstr(error.text, "ARM"));
    head[18] = 40; /* e_machine ARM */
    head[28] = 52; /* e_phoff */
    head[42] = 32; /* e_phentsize */
    head[44] = 2;  /* e_phnum: only one fits */
    cr_assert_eq(explore_image_parse(&image, "x", head, sizeof head, &error), -1);
    cr_assert(strstr(error.text, "program headers"));
    head[44] = 1;
    head[52] = 1;        /* PT_LOAD */
    head[52 + 16] = 200; /* p_filesz beyond the file */
    cr_assert_eq(explore_image_parse(&image, "x", head, sizeof head, &error), -1);
    cr_assert(strstr(error.text, "segment 0 lies outside"));
    head[52 + 16] = 4;
    memset(head + 52 + 12, 0xff, 4); /* p_paddr: the last byte of all */
    cr_assert_eq(explore_image_parse(&image, "x", head, sizeof head, &error), -1);
    cr_assert(strstr(error.text, "wraps"));
}

Test(image, anything_else_is_raw)
{
    struct explore_image image;
    struct error error = {0};
    cr_assert_eq(parse(&image, "plain", &error), 0);
    cr_assert(image.raw);
    cr_assert_eq(image.segments[0].len, 5);
    explore_image_release(&image);
    cr_assert_eq(parse(&image, "", &error), -1);
    cr_assert(strstr(error.text, "no bytes"));
}

/* A byte order mark, blanks and comments hide no records: what looks like them is read, or refused. */
Test(image, hex_after_anything)
{
    static const char *const before[] = {"\xef\xbb\xbf",     "\n",    " ",       "\t\r\n",
                                         "# made by hand\n", "; x\n", "// x\n\n"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        struct explore_image image;
        struct error error = {0};
        char text[200];
        snprintf(text, sizeof text, "%s:020000040001F9\n:04000000DEADBEEFC4\n:00000001FF\n", before[i]);
        cr_assert_eq(parse(&image, text, &error), 0, "%s", error.text);
        cr_expect_not(image.raw);
        cr_expect_eq(image.segments[0].address, 0x10000u);
        explore_image_release(&image);
        snprintf(text, sizeof text, "%shello\n:04000000DEADBEEFC4\n:00000001FF\n", before[i]);
        cr_assert_eq(parse(&image, text, &error), -1);
        cr_expect(strstr(error.text, "not a record"), "%s", error.text);
    }
}

Test(image, srec_of_all_widths)
{
    struct explore_image image;
    struct error error = {0};
    const char *text = "S00600004844521B\r\nS1071000DEADBEEFB0\nS2081010040102030 4\n";
    cr_assert_eq(parse(&image, text, &error), -1);
    cr_expect(strstr(error.text, "line 3: not a record"), "%s", error.text);
    text = "S00600004844521B\r\nS1071000DEADBEEFB0\nS2081010040A0B0C0DA5\nS309080000000102030 4\n";
    cr_assert_eq(parse(&image, text, &error), -1);
    text =
        "S00600004844521B\r\nS1071000DEADBEEFB0\nS208101004AABBCCDDC5\nS3090800000001020304E4\nS5030003F9\n"
        "S70508000000F2\n";
    cr_assert_eq(parse(&image, text, &error), 0, "%s", error.text);
    cr_assert_eq(image.segment_count, 3);
    cr_expect_eq(image.segments[0].address, 0x1000u);
    cr_expect_eq(memcmp(image.segments[0].data, "\xde\xad\xbe\xef", 4), 0);
    cr_expect_eq(image.segments[1].address, 0x101004u);
    cr_expect_eq(image.segments[2].address, 0x08000000u);
    cr_expect_not(image.raw);
    explore_image_release(&image);
}

Test(image, srec_errors_name_the_line)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"S1071000DEADBEEFB1\nS9031000EC\n", "line 1: checksum"},
        {"S1071000DEADBEEFB0\n", "no end record"},
        {"S1081000DEADBEEFB0\nS9031000EC\n", "line 1: its length"},
        {"S4071000DEADBEEFB0\nS9031000EC\n", "line 1: unknown record"},
        {"S1071000DEADBEEFB0\nS5030002FA\nS9031000EC\n", "line 2: another number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct explore_image image;
        struct error error = {0};
        cr_expect_eq(parse(&image, cases[i].text, &error), -1);
        cr_expect(strstr(error.text, cases[i].part), "%s", error.text);
    }
}

static void uf2_block(uint8_t *block, uint32_t number, uint32_t count, uint32_t flags, uint32_t family)
{
    uint32_t words[8] = {0x0a324655, 0x9e5d5157, flags, 0x26000 + number * 256, 256, number, count, family};
    uint32_t end = 0x0ab16f30;
    memset(block, 0, 512);
    memcpy(block, words, sizeof words);
    memset(block + 32, (int)number + 1, 256);
    memcpy(block + 508, &end, 4);
}

Test(image, uf2_blocks_in_a_row)
{
    uint8_t file[3 * 512];
    struct explore_image image;
    struct error error = {0};
    for (uint32_t i = 0; i < 3; i++)
        uf2_block(file + (size_t)i * 512, i, 3, i == 2 ? 0x2001 : 0x2000, 0xada52840);
    cr_assert_eq(explore_image_parse(&image, "x", file, sizeof file, &error), 0, "%s", error.text);
    cr_assert_eq(image.segment_count, 1, "the last one is not for the main flash");
    cr_expect_eq(image.segments[0].address, 0x26000u);
    cr_expect_eq(image.segments[0].len, 512);
    cr_expect_eq(image.segments[0].data[256], 2);
    cr_expect_not(image.raw);
    explore_image_release(&image);
    cr_expect_eq(explore_image_parse(&image, "x", file, sizeof file - 512, &error), -1);
    cr_expect(strstr(error.text, "block 0: blocks are missing"), "%s", error.text);
    cr_expect_eq(explore_image_parse(&image, "x", file, sizeof file - 1, &error), -1);
    cr_expect(strstr(error.text, "cut off in UF2 block 2"), "%s", error.text);
    uf2_block(file + 512, 1, 3, 0x2000, 0xe48bff56);
    cr_expect_eq(explore_image_parse(&image, "x", file, sizeof file, &error), -1);
    cr_expect(strstr(error.text, "block 1: for another chip"), "%s", error.text);
}

Test(image, containers_are_refused_by_name)
{
    struct explore_image image;
    struct error error = {0};
    cr_expect_eq(parse(&image, "PK\3\4 dfu.zip", &error), -1);
    cr_expect(strstr(error.text, "a ZIP archive"), "%s", error.text);
    cr_expect_eq(explore_image_parse(&image, "x", (const uint8_t *)"\xff\xfe:\0", 4, &error), -1);
    cr_expect(strstr(error.text, "UTF-16"), "%s", error.text);
}
