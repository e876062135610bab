/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"

static struct json_document document;
static struct error error;

static struct json parsed(const char *text)
{
    cr_assert_eq(json_parse(&document, "f.json", text, strlen(text), &error), 0, "%s", error.text);
    return json_root(&document);
}

static void refused_bytes(const char *text, size_t len, const char *said)
{
    cr_expect_eq(json_parse(&document, "f.json", text, len, &error), -1, "%s", text);
    cr_expect_eq(error.kind, ERROR_INPUT);
    cr_expect(strstr(error.text, said), "'%s' lacks '%s'", error.text, said);
}

static void refused(const char *text, const char *said)
{
    refused_bytes(text, strlen(text), said);
}

Test(json, says_where_the_syntax_breaks)
{
    refused("{\n  \"a\": x}", "f.json:2:8: expected JSON, found 'x}'");
    refused("", "found the end of the file");
    refused("{\"a\": [1, 2", "found the end of the file");
    refused("{} {}", "f.json:1:4");
}

Test(json, refuses_what_other_parsers_read_differently)
{
    refused_bytes("{\"a\":\"\0\"}", 9, "found the byte 0x00");
    refused("{\"a\":\"x\\u0000y\"}", "\\u0000");
    refused("\"\xff\"", "0xff");
    refused("\"\xc0\xaf\"", "0xc0");         /* overlong */
    refused("\"\xed\xa0\x80\"", "0xed");     /* surrogate */
    refused("\"\xf4\x90\x80\x80\"", "0xf4"); /* beyond U+10FFFF */
    refused("{\"a\":1,\"b\":2,\"a\":3}", "expected each key once, found 'a' again");
    refused("{\"x\":[{\"a\":1,\"a\":1}]}", "$.x");
}

Test(json, keeps_to_its_limits)
{
    char deep[400] = "";
    memset(deep, '[', JSON_DEPTH_MAX + 1);
    refused(deep, "levels of nesting");
    memset(deep, 0, sizeof deep);
    memset(deep, '[', JSON_DEPTH_MAX);
    memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    parsed(deep);
    json_close(&document);
    char *big = calloc(1, JSON_SIZE_MAX + 2);
    memset(big, ' ', JSON_SIZE_MAX + 1);
    refused_bytes(big, JSON_SIZE_MAX + 1, "expected at most");
    free(big);
}

Test(json, brackets_in_strings_are_no_nesting)
{
    char text[300];
    size_t n = (size_t)snprintf(text, sizeof text, "[\"\\\"");
    memset(text + n, '[', 100);
    strcpy(text + n + 100, "\\\\\"]");
    parsed(text);
    json_close(&document);
}

Test(json, integers_are_exact_or_refused)
{
    struct json root =
        parsed("{\"a\": 9007199254740991, \"b\": \"0xFFFFFFFF\", \"c\": 1.5, \"d\": 9007199254740993,"
               " \"e\": \"0x-1\", \"f\": \"12\", \"g\": \"0x\", \"h\": 1e400, \"i\": -3, \"j\": \"0x1g\"}");
    static const struct {
        const char *key;
        int64_t value;
    } good[] = {{"a", 9007199254740991}, {"b", 0xffffffff}, {"i", -3}};
    int64_t value;
    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(json_word(json_get(root, good[i].key), -10, INT64_MAX, &value, &error), 0, "%s",
                     error.text);
        cr_expect_eq(value, good[i].value);
    }
    static const char *const bad[] = {"c", "d", "e", "f", "g", "h", "j", "absent"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_expect_eq(json_word(json_get(root, bad[i]), INT64_MIN, INT64_MAX, &value, &error), -1, "%s",
                     bad[i]);
    json_close(&document);
}

Test(json, messages_hold_file_path_expectation_and_finding)
{
    int64_t value;
    const char *text;
    bool truth;
    int index;
    double number;
    struct json root = parsed("{\"slots\":[{\"size\":1000},{}], \"s\": \"abc\"}");
    struct json size = json_get(json_at(json_get(root, "slots"), 0), "size");
    json_integer(size, 0, 999, &value, &error);
    cr_expect_str_eq(error.text,
                     "f.json: $.slots[0].size: expected a whole number from 0 to 999, found 1000");
    json_string(size, &text, &error);
    cr_expect_str_eq(error.text, "f.json: $.slots[0].size: expected a string, found 1000");
    json_bool(json_get(root, "slots"), &truth, &error);
    cr_expect_str_eq(error.text, "f.json: $.slots: expected true or false, found a list of 2");
    json_number(json_get(json_at(json_get(root, "slots"), 1), "x"), 0, 1, &number, &error);
    cr_expect_str_eq(error.text, "f.json: $.slots[1].x: expected a number from 0 to 1, found nothing");
    json_choice(json_get(root, "s"), (const char *const[]){"on", "off", NULL}, &index, &error);
    cr_expect_str_eq(error.text, "f.json: $.s: expected one of \"on\", \"off\", found \"abc\"");
    json_close(&document);
}

Test(json, proposes_the_key_that_was_meant)
{
    static const char *const known[] = {"name", "channel", NULL};
    struct json root = parsed("{\"chanel\": 1}");
    cr_expect_eq(json_check_keys(root, known, &error), -1);
    cr_expect_str_eq(error.text, "f.json: $: unknown key 'chanel', did you mean 'channel'?");
    json_close(&document);
    root = parsed("{\"name\": 1, \"zzzzzz\": 2}");
    cr_expect_eq(json_check_keys(root, known, &error), -1);
    cr_expect_str_eq(error.text, "f.json: $: unknown key 'zzzzzz', expected one of: name, channel");
    json_close(&document);
}

Test(json, walks_off_the_tree_without_harm)
{
    struct json at = parsed("[]");
    for (int i = 0; i < 200; i++)
        at = i % 2 ? json_at(at, 7) : json_get(at, "a_rather_long_name_of_a_key");
    cr_expect(!json_present(at));
    cr_expect_eq(json_count(at), 0);
    cr_expect_lt(strlen(at.path), sizeof at.path);
    cr_expect_eq(json_array(at, &error), -1);
    json_close(&document);
}

Test(json, load_tells_folders_and_missing_files_apart)
{
    cr_expect_eq(json_load(&document, "/", &error), -1);
    cr_expect(strstr(error.text, "found a folder"), "%s", error.text);
    cr_expect_eq(json_load(&document, "/nonexistent", &error), -1);
    cr_expect(strstr(error.text, "No such file"), "%s", error.text);
}

/* A walk remembers where it was: in turns, backwards, in lists of lists and past the end. */
Test(json, walks_find_what_they_should)
{
    static const char text[] = "{\"a\":[0,1,2,3,4],\"b\":[[10,11],[20,21],[30,31]],\"c\":{\"x\":7,\"y\":8}}";
    cr_assert_eq(json_parse(&document, "t", text, strlen(text), &error), 0, "%s", error.text);
    struct json root = json_root(&document), a = json_get(root, "a"), b = json_get(root, "b");
    static const size_t order[] = {0, 1, 4, 2, 2, 0, 3};
    int64_t value;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        cr_expect_eq(json_integer(json_at(a, order[i]), 0, 99, &value, &error), 0, "%s", error.text);
        cr_expect_eq(value, (int64_t)order[i]);
    }
    for (size_t i = 0; i < json_count(b); i++)
        for (size_t k = 0; k < json_count(json_at(b, i)); k++) {
            cr_expect_eq(json_integer(json_at(json_at(b, i), k), 0, 99, &value, &error), 0, "%s", error.text);
            cr_expect_eq(value, (int64_t)(10 * (i + 1) + k));
            json_at(a, k);
        }
    cr_expect_not(json_present(json_at(a, 5)));
    cr_expect_str_eq(json_at(b, 2).path, "$.b[2]");
    cr_expect_str_eq(json_member(json_get(root, "c"), 1).path, "$.c.y");
    cr_expect_eq(json_count(json_get(root, "none")), 0);
    json_close(&document);
}

Test(json, only_words_of_memory_are_hexadecimal)
{
    int64_t value;
    cr_assert_eq(json_parse(&document, "t", "[\"0x10\", 16]", 12, &error), 0, "%s", error.text);
    struct json list = json_root(&document);
    cr_expect_eq(json_word(json_at(list, 0), 0, 99, &value, &error), 0);
    cr_expect_eq(value, 16);
    cr_expect_eq(json_word(json_at(list, 1), 0, 99, &value, &error), 0);
    cr_expect_eq(json_integer(json_at(list, 0), 0, 99, &value, &error), -1);
    cr_expect_str_eq(error.text, "t: $[0]: expected a whole number from 0 to 99, found \"0x10\"");
    json_close(&document);
}
