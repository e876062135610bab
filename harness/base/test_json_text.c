/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/mem.h"

static struct json_document document;
static struct error error;

static int parse_bytes(const char *text, size_t len)
{
    error = (struct error){0};
    return json_parse(&document, "a.json", text, len, &error);
}

static struct json parse(const char *text)
{
    cr_assert_eq(parse_bytes(text, strlen(text)), 0, "%s", error.text);
    return json_root(&document);
}

#define says(expected) cr_expect_str_eq(error.text, expected)

/* ---- texts that are refused, and the one line that says why ---- */

struct refusal {
    char text[64];
    size_t len; /* 0: up to the NUL */
    char message[128];
};

ParameterizedTestParameters(json_text, refused)
{
    static struct refusal list[] = {
        {"", 0, "a.json:1:1: expected JSON, found the end of the file"},
        {" \n ", 0, "a.json:2:2: expected JSON, found the end of the file"},
        {"{\"a\":1", 0, "a.json:1:7: expected JSON, found the end of the file"},
        {"{\"a\": 1,\n \"b\": }", 0, "a.json:2:7: expected JSON, found '}'"},
        {"[1,]", 0, "a.json:1:4: expected JSON, found ']'"},
        {"{\"a\" 1}", 0, "a.json:1:6: expected JSON, found '1}'"},
        {"[nul]", 0, "a.json:1:2: expected JSON, found 'nul]'"},
        {"{} x", 0, "a.json:1:4: expected JSON, found 'x'"},
        {"{}{}", 0, "a.json:1:3: expected JSON, found '{}'"},
        {"[1]\0", 4, "a.json:1:4: expected UTF-8 text, found the byte 0x00"},
        {"\"a\0b\"", 5, "a.json:1:3: expected UTF-8 text, found the byte 0x00"},
        {"\"a\\u0000b\"", 0, "a.json:1:3: expected a string without NUL, found '\\u0000b\"'"},
        {"\"\\u12g4\"", 0, "a.json:1:2: expected four hexadecimal digits after \\u, found '\\u12g4\"'"},
        {"\"\\q\"", 0, "a.json:1:2: expected an escape of JSON, found '\\q\"'"},
        {"\"\\ud800\"", 0, "a.json:1:2: expected JSON, found '\\ud800\"'"},
        {"\"abc", 0, "a.json:1:5: expected the end of a string, found the end of the file"},
        {"\"a\nb\"", 0, "a.json:1:3: expected a string without control characters, found the byte 0x0a"},
        {"[\x01]", 0, "a.json:1:2: expected no control characters, found the byte 0x01"},
        {"\"\xff\"", 0, "a.json:1:2: expected UTF-8 text, found the byte 0xff"},
        {"\"\xc3\xa9\xc0\x80\"", 0, "a.json:1:3: expected UTF-8 text, found the byte 0xc0"},
        {"\"\xed\xa0\x80\"", 0, "a.json:1:2: expected UTF-8 text, found the byte 0xed"},
        {"\"\xe2\x82", 0, "a.json:1:2: expected UTF-8 text, found the byte 0xe2"},
        {"\"\xf5\x80\x80\x80\"", 0, "a.json:1:2: expected UTF-8 text, found the byte 0xf5"},
        {"01", 0, "a.json:1:1: expected a number, found '01'"},
        {"[-]", 0, "a.json:1:2: expected a number, found '-]'"},
        {"1.", 0, "a.json:1:1: expected a number, found '1.'"},
        {"1e+", 0, "a.json:1:1: expected a number, found '1e+'"},
        {"[.5]", 0, "a.json:1:2: expected JSON, found '.5]'"},
        {"{\"a\":1,\"b\":2,\"a\":3}", 0, "a.json: $: expected each key once, found 'a' again"},
        {"{\"x\":[0,{\"k\":1,\"k\":1}]}", 0, "a.json: $.x[1]: expected each key once, found 'k' again"},
    };
    return cr_make_param_array(struct refusal, list, sizeof list / sizeof *list);
}

ParameterizedTest(struct refusal *it, json_text, refused)
{
    cr_assert_eq(parse_bytes(it->text, it->len ? it->len : strlen(it->text)), -1, "%s", it->text);
    cr_expect_eq(error.kind, ERROR_INPUT);
    says(it->message);
    cr_expect_null(document.root);
}

Test(json_text, ten_megabytes_of_brackets)
{
    size_t len = 10u << 20;
    char *text = mem_alloc(len);
    memset(text, '[', len);
    cr_assert_eq(parse_bytes(text, len), -1);
    says("a.json:1:65: expected at most 64 levels of nesting, found '[[[[[[[[[[[[[[[[[[[[...'");
    free(text);
}

Test(json_text, many_keys)
{
    size_t at = 0;
    char *text = mem_alloc(16 * (JSON_KEYS_MAX + 2));
    text[at++] = '{';
    for (int i = 0; i < JSON_KEYS_MAX; i++)
        at += (size_t)sprintf(text + at, "%s\"k%d\":0", i ? "," : "", i);
    strcpy(text + at, "}");
    parse(text);
    json_close(&document);
    strcpy(text + at, ",\"z\":0}");
    cr_assert_eq(parse_bytes(text, strlen(text)), -1);
    says("a.json: $: expected at most 4096 keys, found 4097");
    free(text);
}

Test(json_text, long_number)
{
    char text[80] = "";
    memset(text, '1', 64);
    cr_assert_eq(parse_bytes(text, 64), -1);
    says("a.json:1:1: expected a number of at most 63 characters, found '11111111111111111111...'");
}

/* ---- reads ---- */

Test(json_text, long_values_are_cut_between_characters)
{
    const char *text;
    bool flag;
    struct json root =
        parse("[\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
              "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
              "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
              "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"]");
    cr_expect_eq(json_bool(json_at(root, 0), &flag, &error), -1);
    cr_expect(strstr(error.text, "\xc3\xa9..."));
    cr_expect_eq(json_string(json_at(root, 0), &text, &error), 0);
    cr_expect_eq(strlen(text), 80);
    json_close(&document);
}

static bool integer(const char *text, int64_t *value)
{
    int result = json_word(parse(text), INT64_MIN, INT64_MAX, value, &error);
    json_close(&document);
    return !result;
}

Test(json_text, integers_are_exact)
{
    int64_t value;
    cr_expect(integer("-3", &value) && value == -3);
    cr_expect(integer("1e3", &value) && value == 1000);
    cr_expect(integer("9007199254740991", &value) && value == INT64_C(9007199254740991));
    cr_expect(integer("\"0xfF0\"", &value) && value == 0xff0);
    cr_expect(integer("\"0xfffffffffffff\"", &value) && value == INT64_C(0xfffffffffffff));
    const char *const no[] = {"1.5",
                              "9007199254740992",
                              "9007199254740993",
                              "true",
                              "\"12\"",
                              "\"0x\"",
                              "\"0x0x1\"",
                              "\"0x-1\"",
                              "\"0x 1\"",
                              "\"0x\\t1\"",
                              "\"0x1g\"",
                              "\"0X1\"",
                              "\"0x10000000000000\"",
                              "null"};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        cr_expect_not(integer(no[i], &value), "%s", no[i]);
}

Test(json_text, ranges_hold_at_both_ends)
{
    int64_t value;
    double real;
    struct json root = parse("[1,8,0,9,0.5,1.5,\"x\"]");
    cr_expect_eq(json_integer(json_at(root, 0), 1, 8, &value, &error), 0);
    cr_expect_eq(json_integer(json_at(root, 1), 1, 8, &value, &error), 0);
    cr_expect_eq(json_integer(json_at(root, 2), 1, 8, &value, &error), -1);
    cr_expect_eq(json_integer(json_at(root, 3), 1, 8, &value, &error), -1);
    cr_expect_eq(json_integer(json_at(root, 3), 2, 2, &value, &error), -1);
    says("a.json: $[3]: expected 2, found 9");
    cr_expect(json_number(json_at(root, 4), 0.5, 1, &real, &error) == 0 && real == 0.5);
    cr_expect_eq(json_number(json_at(root, 5), 0.5, 1, &real, &error), -1);
    says("a.json: $[5]: expected a number from 0.5 to 1, found 1.5");
    cr_expect_eq(json_number(json_at(root, 6), 0, 1, &real, &error), -1);
    json_close(&document);
}

Test(json_text, words_and_booleans)
{
    static const char *const words[] = {"on", "off", NULL};
    struct json root = parse("[\"off\",\"maybe\",true,false,1]");
    int word = -1;
    bool flag = false;
    cr_expect(json_choice(json_at(root, 0), words, &word, &error) == 0 && word == 1);
    cr_expect_eq(json_choice(json_at(root, 1), words, &word, &error), -1);
    says("a.json: $[1]: expected one of \"on\", \"off\", found \"maybe\"");
    cr_expect_eq(json_choice(json_at(root, 4), words, &word, &error), -1);
    cr_expect(json_bool(json_at(root, 2), &flag, &error) == 0 && flag);
    cr_expect(json_bool(json_at(root, 3), &flag, &error) == 0 && !flag);
    cr_expect_eq(json_bool(json_at(root, 4), &flag, &error), -1);
    says("a.json: $[4]: expected true or false, found 1");
    json_close(&document);
}

Test(json_text, members_keep_their_order)
{
    struct json root = parse("{\"b\":1,\"a\":[2],\"C\":3}");
    cr_expect_eq(json_count(root), 3);
    cr_expect_str_eq(json_member(root, 1).node->string, "a");
    cr_expect_str_eq(json_member(root, 1).path, "$.a");
    cr_expect_not(json_present(json_member(root, 3)));
    cr_expect_not(json_present(json_get(root, "c")), "keys differ by case");
    cr_expect_not(json_present(json_at(root, 0)), "an object has no index");
    cr_expect_not(json_present(json_get(json_get(root, "a"), "b")));
    cr_expect_eq(json_count(json_get(root, "no")), 0);
    json_close(&document);
}

Test(json_text, unknown_keys)
{
    static const char *const known[] = {"channel", "serial", "on", NULL};
    cr_expect_eq(json_check_keys(parse("{\"on\":1,\"channel\":1}"), known, &error), 0);
    json_close(&document);
    cr_expect_eq(json_check_keys(parse("{\"chanel\":1}"), known, &error), -1);
    says("a.json: $: unknown key 'chanel', did you mean 'channel'?");
    json_close(&document);
    cr_expect_eq(json_check_keys(parse("{\"Serial\":1}"), known, &error), -1);
    says("a.json: $: unknown key 'Serial', did you mean 'serial'?");
    json_close(&document);
    cr_expect_eq(json_check_keys(parse("{\"at\":1}"), known, &error), -1);
    says("a.json: $: unknown key 'at', expected one of: channel, serial, on");
    json_close(&document);
    cr_expect_eq(json_check_keys(parse("{\"a\\n\\u001b[2J\":1}"), known, &error), -1);
    says("a.json: $: unknown key 'a ?[2J', expected one of: channel, serial, on");
    json_close(&document);
}

Test(json_text, a_list_has_no_keys)
{
    static const char *const known[] = {"a", NULL};
    struct json root = parse("[[1],{}]");
    cr_expect_eq(json_check_keys(root, known, &error), -1);
    says("a.json: $: expected an object, found a list of 2");
    cr_expect_eq(json_check_keys(json_at(root, 1), known, &error), 0);
    cr_expect_eq(json_check_keys(json_at(root, 2), known, &error), 0);
    json_close(&document);
}

Test(json_text, long_paths_and_keys_stay_whole_texts)
{
    char text[1000] = "{\"", key[300];
    memset(key, 'k', 299);
    key[299] = 0;
    strcat(strcat(strcat(text, key), "\":{\""), key);
    strcat(text, "\":1}}");
    static const char *const known[] = {"a", NULL};
    struct json root = parse(text);
    cr_expect_eq(json_check_keys(root, known, &error), -1);
    cr_expect_eq(json_string(json_get(json_get(root, key), key), &(const char *){NULL}, &error), -1);
    cr_expect_lt(strlen(error.text), sizeof error.text);
    json_close(&document);
}
