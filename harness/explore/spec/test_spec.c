/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenario files that are wrong get one line that says where. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness/explore/spec/spec.h"

static const char board_text[] =
    "{\"name\":\"b\",\"chip\":\"nrf52840\",\"memory\":{\"slots\":[{\"address\":\"0x10000\","
    "\"size\":\"0x1000\"}]}}";

static int load(const char *body, void (*look)(const struct spec *), struct error *error)
{
    struct json_document scenario, board;
    struct spec spec;
    char text[2000];
    char path[64]; /* Criterion runs the tests of a file at the same time, each in its process */
    snprintf(path, sizeof path, "/tmp/otarig_test_spec.%d", (int)getpid());
    FILE *file = fopen(path, "wb");
    fputs("raw image", file);
    fclose(file);
    snprintf(text, sizeof text,
             "{\"schema_version\":1,\"kind\":\"explore\",\"name\":\"n\",\"images\":{\"i\":{\"file\":"
             "\"%s\"}},%s}",
             path, body);
    cr_assert_eq(json_parse(&board, "b.json", board_text, strlen(board_text), error), 0);
    cr_assert_eq(json_parse(&scenario, "s.json", text, strlen(text), error), 0, "%s", error->text);
    int result = spec_parse(&spec, &scenario, &board, &(struct spec_folders){.scenario = "."}, error);
    if (!result && look)
        look(&spec);
    if (!result)
        spec_release(&spec);
    remove(path);
    json_close(&scenario);
    json_close(&board);
    return result;
}

Test(spec, takes_a_small_one)
{
    struct error error = {0};
    cr_assert_eq(load("\"end\":{\"exec\":[\"slot0\"]},\"prepare\":[{\"image\":\"i\",\"at\":\"slot0\"}],"
                      "\"contract\":[{\"executes\":\"slot0\"},{\"equals\":\"slot0\",\"images\":\"i\"}]",
                      NULL, &error),
                 0, "%s", error.text);
}

#define FOUR                                                                                                 \
    "{\"text\":\"x\",\"at_ms\":1},{\"text\":\"x\",\"at_ms\":1},{\"text\":\"x\",\"at_ms\":1},{\"text\":"      \
    "\"x\",\"at_ms\":1}"
#define SEVENTEEN FOUR "," FOUR "," FOUR "," FOUR ",{\"text\":\"x\",\"at_ms\":1}"
#define TYPED(text) "[{\"at_ms\":1,\"text\":\"" text "\"}]"

/* Criterion's forks share nothing: what a spec holds is looked at before it is released. */
static void look_at_input(const struct spec *spec)
{
    cr_assert_eq(spec->input.count, 1);
    cr_expect_eq(memcmp(spec->input.items[0].data, "all", 3), 0);
    cr_assert_eq(spec->prepare.count, 2);
    cr_assert(spec->prepare.items[0].input);
    cr_expect_eq(memcmp(spec->prepare.items[0].input->items[0].data, "first", 5), 0);
    cr_expect_null(spec->prepare.items[1].input, "the same as elsewhere");
    cr_assert_eq(spec->phase_count, 3);
    cr_expect_null(spec->phases[1].input);
    cr_assert(spec->phases[2].input);
    cr_expect_eq(spec->phases[2].input->count, 0, "nothing at all");
}

Test(spec, input_of_some_boots)
{
    struct error error = {0};
    cr_assert_eq(load("\"end\":{},\"input\":" TYPED("all") ",\"prepare\":[{\"boots\":1,\"input\":" TYPED(
                          "first") "},{\"boots\":2}],\"contract\":[{\"stable\":1}],\"then\":[{\"contract\":[{"
                                   "\"stable\":1}]},{\"input\":[],\"contract\":[{\"stable\":1}]}]",
                      look_at_input, &error),
                 0, "%s", error.text);
}

#define AT(address) "{\"image\":\"i\",\"at\":\"" address "\"}"
#define END "],\"end\":{},\"contract\":[{\"stable\":1}]"

Test(spec, takes_what_is_meant)
{
    static const char *const cases[] = {
        "\"prepare\":[" AT("0x1000") "," AT("0x100c") END,
        "\"prepare\":[" AT("0x1000") ",{\"boots\":1}," AT("0x1000") END,
        "\"prepare\":[" AT("0x1000") ",{\"image\":\"i\",\"at\":\"0x1000\",\"replace\":true}" END,
        "\"end\":{},\"contract\":[{\"seen\":\"a\"},{\"never\":\"b\"}]",
        "\"end\":{},\"contract\":[{\"word\":64,\"value\":3,\"mask\":3},{\"word\":64,\"value\":4,\"mask\":4}]",
        "\"end\":{\"quiet_ms\":2000,\"total_ms\":2000},\"contract\":[{\"stable\":1}]",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        cr_expect_eq(load(cases[i], NULL, &error), 0, "%s", error.text);
    }
}

Test(spec, says_where_it_is_wrong)
{
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"\"end\":{},\"contract\":[{\"executes\":\"slot0\"}]",
         "$.contract[0].executes: expected a region that $.end.exec"},
        {"\"end\":{},\"contract\":[{\"equals\":\"slot0\",\"images\":\"j\"}]",
         "$.contract[0].images: expected the name of an image"},
        {"\"end\":{},\"contract\":[{\"equals\":\"slot7\",\"images\":\"i\"}]",
         "$.contract[0].equals: expected the name of a region"},
        {"\"end\":{},\"contract\":[{\"seen\":\"(\"}]", "$.contract[0].seen: expected a regular expression"},
        {"\"end\":{},\"contract\":[]", "$.contract: expected 1 to 60 clauses"},
        {"\"end\":{},\"contract\":[{\"stable\":1}],\"prepare\":[{\"image\":\"i\",\"at\":\"0xFFFFC\"}]",
         "$.prepare[0].at: expected an address from which 9 bytes fit"},
        {"\"end\":{},\"contract\":[{\"stable\":1}],\"prepare\":[{\"words\":[1],\"at\":\"0x20000000\"}]",
         "$.prepare[0].at: expected an address from which 4 bytes fit"},
        {"\"end\":{},\"contract\":[{\"stable\":1}],\"prepare\":[{\"bytes\":\"abc\",\"at\":0}]",
         "$.prepare[0].bytes: expected an even"},
        {"\"end\":{\"quiet_ms\":0},\"contract\":[{\"stable\":1}]", "$.end.quiet_ms"},
        {"\"end\":{},\"contract\":[{\"stable\":1}],\"watchdog\":{\"pin\":3}", "$.watchdog.timeout_ms"},
        {"\"end\":{},\"contract\":[{\"stable\":1}],\"watchdog\":{\"timeout_ms\":5,\"pin\":-1}",
         "$.watchdog.pin"},
        {"\"end\":{\"exce\":[]},\"contract\":[{\"stable\":1}]", "exec"},
        {"\"end\":{},\"contract\":[{\"stable\":1}],\"regions\":{\"r\":{\"address\":\"0xFFFFFFFF\",\"size\":2}"
         "}",
         "below 4 GiB"},
        {"\"end\":{},\"contract\":[{\"stable\":1}],\"input\":[" SEVENTEEN "]",
         "$.input: expected at most 16 entries"},
        {"\"end\":{},\"contract\":[{\"stable\":1}],\"prepare\":[{\"boots\":1,\"input\":[{\"at_ms\":1}]}]",
         "$.prepare[0].input[0].text"},
        {"\"end\":{},\"contract\":[{\"stable\":1}],\"then\":[{\"contract\":[{\"stable\":1}],\"input\":7}]",
         "$.then[0].input"},
        {"\"prepare\":[" AT("0x1000") "," AT("0x1008") END,
         "$.prepare[1].at: expected a place of its own or"},
        {"\"prepare\":[" AT("0x1002") END, "$.prepare[0].at: expected a multiple of 4, not 0x00001002"},
        {"\"end\":{},\"contract\":[{\"seen\":\"a\"},{\"seen\":\"b\"},{\"never\":\"a\"}]",
         "$.contract[2].never: expected another pattern than clause 0 asks to be seen, found \"a\""},
        {"\"end\":{},\"contract\":[{\"never\":\"a\"},{\"seen\":\"a\"}]",
         "$.contract[1].seen: expected another pattern than clause 0 forbids"},
        {"\"end\":{},\"contract\":[{\"word\":64,\"value\":3,\"mask\":7},{\"word\":64,\"value\":1}]",
         "$.contract[1].value: expected what clause 0 says of the word at 0x00000040, 0x00000003"},
        {"\"end\":{},\"contract\":[{\"word\":64,\"value\":255,\"mask\":15}]",
         "$.contract[0].value: expected no bits outside of the mask 0x0000000f"},
        {"\"end\":{},\"contract\":[{\"word\":66,\"value\":255}]",
         "$.contract[0].word: expected a multiple of 4"},
        {"\"end\":{\"quiet_ms\":2000,\"total_ms\":1999},\"contract\":[{\"stable\":1}]",
         "$.end.quiet_ms: expected at most total_ms, 1999"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        cr_expect_eq(load(cases[i].body, NULL, &error), -1, "%s", cases[i].body);
        cr_expect(strstr(error.text, cases[i].part), "%s", error.text);
        cr_expect_eq(error.kind, ERROR_INPUT);
    }
}
