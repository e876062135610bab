#include <criterion/criterion.h>
#include <string.h>

#include "harness/explore/image.h"

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
