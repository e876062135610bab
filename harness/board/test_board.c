/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/board/board.h"
#include "harness/rack/rack.h"

static const char whole[] =
    "{\"schema_version\":1,\"name\":\"b\",\"title\":\"t\",\"chip\":\"c\","
    "\"memory\":{\"flash\":{\"address\":0,\"size\":\"0x10000\",\"page\":4096},"
    "\"slots\":[{\"address\":\"0x4000\",\"size\":\"0x4000\"},{\"address\":\"0x8000\",\"size\":\"0x4000\"}],"
    "\"slot_header\":512},"
    "\"marks\":{\"boot\":\"^B (?<reset>[0-9]+) (?<id>.*)\",\"app_up\":\"^A (?<version>.*) (?<hash>.*)\"},"
    "\"watches\":{\"w\":{\"address\":4,\"size\":4}},\"images\":{\"v1\":{},\"boot\":{\"address\":0}},"
    "\"initial\":[\"boot\",\"$start\"],"
    "\"limits\":{\"cycles\":0},\"transports\":[\"smp\"]}";

static struct error error;

static void with_file(const char *text, int (*load)(const char *path, void *out), void *out, int wanted)
{
    char path[] = "/tmp/otarig-test.XXXXXX";
    int fd = mkstemp(path);
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    int result = load(path, out);
    unlink(path);
    cr_expect_eq(result, wanted, "%s", wanted ? text : error.text);
}

static int load_board(const char *path, void *out)
{
    return board_load(path, out, &error);
}

static int load_rack(const char *path, void *out)
{
    return rack_load(path, out, &error);
}

static void expect_watches(const char *state, uint64_t swap, uint64_t revert)
{
    struct board board;
    char *text = mem_printf("%.*s,\"state\":[%s]%s", (int)(strstr(whole, "\"slot_header\"") - whole - 1),
                            whole, state, strstr(whole, "},\"marks\""));
    with_file(text, load_board, &board, 0);
    const struct board_span *first = board_watch(&board, "swap_state"),
                            *last = board_watch(&board, "revert_state");
    cr_expect_eq(first ? first->address : 0, swap);
    cr_expect_eq(last ? last->address : 0, revert);
    board_release(&board);
    free(text);
}

Test(board, what_an_update_keeps_of_itself_can_be_watched)
{
    expect_watches("{\"address\":\"0xC000\",\"size\":\"0x2000\"}", 0xC000, 0xC000);
    expect_watches(
        "{\"address\":\"0x7000\",\"size\":\"0x1000\"},{\"address\":\"0xB000\",\"size\":\"0x1000\"}", 0x7000,
        0xB000);
    /* no comparator has such a range */
    expect_watches("{\"address\":\"0xD000\",\"size\":\"0x2000\"}", 0, 0);
    expect_watches("{\"address\":\"0xC000\",\"size\":\"0x3000\"}", 0, 0);
}

Test(board, is_read_with_its_defaults)
{
    struct board board;
    with_file(whole, load_board, &board, 0);
    cr_expect_eq(board.flash.len, 0x10000);
    cr_expect_eq(board.slots[1].address, 0x8000);
    cr_expect_eq(board.cycles, 0);
    cr_expect_eq(board.recovery_ms, 30000);
    cr_expect_eq(board.quiet_ms, 0);
    cr_expect_eq(board_watch(&board, "w")->address, 4);
    cr_expect_null(board_watch(&board, "x"));
    cr_expect_null(board_watch(&board, "swap_state"));
    cr_expect(board_image(&board, "boot")->has_address);
    cr_expect(!board_image(&board, "v1")->has_address);
    cr_expect(board_mark(&board, "boot"));
    cr_expect_eq(board.facts[FACT_COLD].list[0].kind, SOURCE_MARK);
    cr_expect_str_eq(board.facts[FACT_COLD].list[0].equals, "0");
    cr_expect_eq(board.facts[FACT_IMAGE].count, 3, "a mark, the update client, the slot");
    cr_expect_str_eq(facts_lack(&board, NULL, "G5"), "nothing tells of this board's data");
    board_release(&board);
}

/* The fact "alive" of a web interface, with these members. */
static void http_source(const char *members, const char *said)
{
    struct board board;
    char *text = mem_printf("%.*s,\"facts\":{\"alive\":[{\"from\":\"http\",\"url\":\"http://h/\"%s}]}}",
                            (int)strlen(whole) - 1, whole, members);
    error = (struct error){0};
    with_file(text, load_board, &board, said ? -1 : 0);
    if (said)
        cr_expect(strstr(error.text, said), "'%s' lacks '%s'", error.text, said);
    else
        board_release(&board);
    free(text);
}

Test(board, what_a_web_interface_wants_fits_together)
{
    http_source("", NULL);
    http_source(",\"user\":\"me\",\"password_from\":\"env:X\",\"value\":\"/a\",\"equals\":\"1\"", NULL);
    http_source(",\"password_from\":\"env:X\"",
                "$.facts.alive[0]: expected a \"user\" whose password that is");
    http_source(",\"user\":\"me\",\"token_from\":\"env:X\"",
                "$.facts.alive[0]: expected either \"user\" or \"token_from\"");
    http_source(",\"value\":\"/a\"", "$.facts.alive[0]: expected both \"value\" and \"equals\"");
    http_source(",\"equals\":\"1\"", "$.facts.alive[0]: expected both \"value\" and \"equals\"");
}

#define BARE_MARKS                                                                                           \
    "\"marks\":{\"boot\":\"^B (?<reset>[0-9]+) (?<id>.*)\",\"app_up\":\"^A (?<version>.*) (?<hash>.*)\"}"

/* A line that tells no cause of a reset proves no loss of power, and one that tells no image names none. */
Test(board, groups_may_be_missing_and_prove_nothing_then)
{
    struct board board;
    const char *marks = strstr(whole, "\"marks\"");
    cr_assert(!strncmp(marks, BARE_MARKS, strlen(BARE_MARKS)), "%s", marks);
    char *text = mem_printf("%.*s\"marks\":{\"boot\":\"^B\",\"app_up\":\"^A\"}%s", (int)(marks - whole),
                            whole, marks + strlen(BARE_MARKS));
    with_file(text, load_board, &board, 0);
    cr_expect_null(facts_source(&board, FACT_COLD, SOURCE_MARK));
    cr_expect_null(facts_source(&board, FACT_IMAGE, SOURCE_MARK));
    cr_expect(facts_source(&board, FACT_UP, SOURCE_MARK));
    board_release(&board);
    free(text);
}

Test(board, each_mistake_is_named)
{
    static const struct {
        const char *old, *new, *said;
    } rows[] = {
        {"\"page\":4096", "\"page\":4095", "whole pages"},
        {"\"page\":4096", "\"page\":0", "$.memory.flash.page"},
        {"{\"address\":\"0x8000\",\"size\":\"0x4000\"}", "{\"address\":\"0x8000\",\"size\":\"0x9000\"}",
         "inside $.memory.flash"},
        {"{\"address\":\"0x8000\",\"size\":\"0x4000\"}", "{\"address\":\"0xFFFFF000\",\"size\":\"0x4000\"}",
         "below 4 GiB"},
        {",{\"address\":\"0x8000\",\"size\":\"0x4000\"}", "", "two slots"},
        {",\"slots\":[{\"address\":\"0x4000\",\"size\":\"0x4000\"},{\"address\":\"0x8000\",\"size\":"
         "\"0x4000\"}],\"slot_header\":512",
         "", "$.initial[1]: expected a board with $.memory.slots"},
        {"(?<hash>.*)\"", "(?<hash>.*\"", "a regular expression (missing closing parenthesis"},
        {"\"cycles\":0", "\"cycles\":-1", "$.limits.cycles"},
        {"\"cycles\":0", "\"quiet_ms\":-1", "$.limits.quiet_ms"},
        {"\"cycles\":0", "\"boot_factor\":1001", "$.limits.boot_factor"},
        {"\"chip\":\"c\"", "\"chip\":\"\"", "$.chip: expected a name"},
        {"\"initial\"", "\"initials\"", "did you mean 'initial'?"},
        {"\"v1\":{}", "\"v1\":{\"at\":1}", "$.images.v1"},
        {"[\"boot\",\"$start\"]", "[\"boot\",\"v1\"]", "$.initial[1]: expected an image that has an address"},
        {"[\"boot\",\"$start\"]", "[\"boot\",\"v9\"]", "$.initial[1]: expected an image that has an address"},
        {"\"transports\"", "\"facts\":{\"cold\":[{\"from\":\"mark\"}]},\"transports\"",
         "\"group\" and \"equals\""},
        {"\"transports\"", "\"facts\":{\"cold\":[]},\"transports\"", "$.facts.cold: expected 1 to 6 sources"},
        {"\"transports\"", "\"facts\":{\"colt\":[]},\"transports\"", "did you mean 'cold'?"},
        {"\"transports\"", "\"facts\":{\"image\":[{\"from\":\"canary\",\"address\":0}]},\"transports\"",
         "a source that can tell 'image'"},
        {"\"transports\"",
         "\"facts\":{\"image\":[{\"from\":\"ask\",\"say\":\"v\",\"answer\":\"(\"}]},\"transports\"",
         "$.facts.image[0].answer: expected a regular expression"},
        {"\"transports\"", "\"facts\":{\"data\":[{\"from\":\"storage\"}]},\"transports\"", "$.memory.data"},
        {"\"transports\"", "\"facts\":{\"cold\":[{\"from\":\"canary\",\"address\":2}]},\"transports\"",
         "a multiple of 4"},
        {"\"transports\"",
         "\"facts\":{\"cold\":[{\"from\":\"probe\",\"address\":0,\"mask\":1,\"equals\":2}]},\"transports\"",
         "no bit outside"},
        {"\"transports\"", "\"phases\":{\"swap\":{\"length_ms\":5}},\"transports\"",
         "\"after_ms\" where the board"},
        {"\"transports\"", "\"confirms\":\"nobody\",\"transports\"", "$.confirms"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct board board;
        const char *found = strstr(whole, rows[i].old);
        cr_assert(found, "row %zu: %s", i, rows[i].old);
        char *text =
            mem_printf("%.*s%s%s", (int)(found - whole), whole, rows[i].new, found + strlen(rows[i].old));
        with_file(text, load_board, &board, -1);
        cr_expect(strstr(error.text, rows[i].said), "row %zu: '%s' lacks '%s'", i, error.text, rows[i].said);
        free(text);
    }
}

Test(board, is_looked_for_by_name)
{
    struct board board;
    cr_expect_eq(board_find("/nonexistent", "b", &board, &error), -1);
    cr_expect(strstr(error.text, "board 'b': no file /nonexistent/b.json"), "%s", error.text);
}

#define PLACE(name, power) "{\"name\":\"" name "\",\"board\":\"b\",\"power\":" power "}"
#define RACK(places) "{\"schema_version\":1,\"name\":\"r\",\"places\":[" places "]}"
#define RELAY(channel) "{\"driver\":\"ftdi\",\"serial\":\"A\",\"channel\":" channel "}"

Test(rack, two_places_may_share_a_relay_board_but_not_a_relay)
{
    struct rack rack;
    with_file(RACK(PLACE("a", RELAY("1")) "," PLACE("b", RELAY("2"))), load_rack, &rack, 0);
    cr_expect_eq(rack.place_count, 2);
    cr_expect_str_eq(rack_place(&rack, "b")->name, "b");
    cr_expect_null(rack_place(&rack, "c"));
    cr_expect(!rack.is_virtual);
    rack_release(&rack);
    with_file(RACK(PLACE("a", RELAY("1")) "," PLACE("b", RELAY("1"))), load_rack, &rack, -1);
    cr_expect(strstr(error.text, "$.places[1].power: expected a device of its own"), "%s", error.text);
    cr_expect(strstr(error.text, "belongs to place 'a' already"), "%s", error.text);
}

Test(rack, each_mistake_is_named)
{
    static const struct {
        const char *text, *said;
    } rows[] = {{RACK(""), "at least one place"},
                {RACK(PLACE("a", RELAY("1")) "," PLACE("a", RELAY("2"))),
                 "a name of its own ($.places[0] has it already)"},
                {RACK(PLACE("a", "{\"driver\":\"openocd\",\"port\":\"x\"}")),
                 "$.places[0].power.driver: expected a power driver"},
                {RACK(PLACE("a", RELAY("9"))), "$.places[0].power.channel"},
                {RACK(PLACE("a", "{\"driver\":\"ftdi\",\"channel\":1}")), "$.places[0].power.serial"},
                {RACK(PLACE("a", "7")), "$.places[0].power: expected an object, found 7"},
                {"{\"schema_version\":1,\"name\":\"r\",\"virtual\":3,\"places\":[]}", "$.virtual"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rack rack;
        with_file(rows[i].text, load_rack, &rack, -1);
        cr_expect(strstr(error.text, rows[i].said), "row %zu: %s", i, error.text);
    }
}

Test(board, takes_comments_of_text_alone)
{
    static const struct {
        const char *with;
        int wanted;
    } cases[] = {{"\"comment\":\"a\",", 0},
                 {"\"comment\":[\"a\",\"b\"],", 0},
                 {"\"comment\":[],", 0},
                 {"\"comment\":1,", -1},
                 {"\"comment\":[\"a\",1],", -1},
                 {"\"comment\":{},", -1},
                 {"\"phases\":{\"p\":{\"comment\":\"a\",\"after_ms\":1}},", 0},
                 {"\"phases\":{\"p\":{\"comment\":2,\"after_ms\":1}},", -1},
                 {"\"facts\":{\"up\":[{\"from\":\"mark\",\"comment\":\"a\"}]},", 0},
                 {"\"facts\":{\"up\":[{\"from\":\"mark\",\"comment\":[1]}]},", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct board board;
        char *text = mem_printf("{%s%s", cases[i].with, whole + 1);
        error = (struct error){0};
        with_file(text, load_board, &board, cases[i].wanted);
        if (!cases[i].wanted)
            board_release(&board);
        free(text);
    }
}
