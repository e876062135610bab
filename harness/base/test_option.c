/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "harness/base/option.h"

struct config {
    char *port, **args;
    int64_t baud;
    bool loud;
    int level;
};
static const char *const levels[] = {"low", "high", "leave", NULL};
static const struct option_spec table[] = {
    {.name = "port",
     .help = "the device",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, port),
     .required = true},
    {.name = "args", .help = "words", .type = OPTION_STRINGS, .offset = offsetof(struct config, args)},
    {.name = "baud",
     .help = "speed",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, baud),
     .standard = "0x1C200",
     .low = 50,
     .high = 4000000},
    {.name = "loud",
     .help = "say more",
     .type = OPTION_BOOL,
     .offset = offsetof(struct config, loud),
     .standard = "true"},
    {.name = "level",
     .help = "of DTR",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config, level),
     .standard = "leave",
     .choices = levels},
    {0}};

static struct error error;

static int parse(const char *text, const char *const *also, struct config *config)
{
    struct json_document document;
    cr_assert_eq(json_parse(&document, "rack", text, strlen(text), &error), 0, "%s", error.text);
    int result = option_parse(table, json_root(&document), also, config, sizeof *config, &error);
    json_close(&document);
    return result;
}

Test(option, defaults_fill_what_is_absent)
{
    struct config config;
    cr_assert_eq(parse("{\"port\":\"/dev/x\"}", NULL, &config), 0, "%s", error.text);
    cr_expect_str_eq(config.port, "/dev/x");
    cr_expect_eq(config.baud, 115200);
    cr_expect(config.loud);
    cr_expect_eq(config.level, 2);
    cr_expect_null(config.args);
    option_release(table, &config);
}

Test(option, values_outlive_the_document)
{
    struct config config;
    cr_assert_eq(
        parse("{\"port\":\"p\",\"args\":[\"a\",\"\"],\"baud\":9600,\"loud\":false,\"level\":\"high\"}", NULL,
              &config),
        0);
    cr_expect_str_eq(config.args[0], "a");
    cr_expect_str_eq(config.args[1], "");
    cr_expect_null(config.args[2]);
    cr_expect_eq(config.baud, 9600);
    cr_expect(!config.loud);
    cr_expect_eq(config.level, 1);
    option_release(table, &config);
}

Test(option, what_is_wrong_is_named_and_leaks_nothing)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"{}", "$.port: expected the device (required)"},
        {"{\"port\":\"p\",\"baud\":10}", "$.baud: expected a whole number from 50 to 4000000, found 10"},
        {"{\"port\":\"p\",\"args\":[\"a\",1]}", "$.args[1]: expected a string"},
        {"{\"port\":\"p\",\"level\":\"up\"}", "$.level: expected one of \"low\", \"high\", \"leave\""},
        {"{\"prt\":\"p\"}", "did you mean 'port'?"},
        {"[]", "expected an object"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config config;
        cr_expect_eq(parse(rows[i].text, NULL, &config), -1);
        cr_expect(strstr(error.text, rows[i].said), "%s", error.text);
        option_release(table, &config);
    }
}

Test(option, keys_of_others_are_let_through)
{
    struct config config;
    cr_expect_eq(parse("{\"port\":\"p\",\"driver\":\"x\"}", (const char *const[]){"driver", NULL}, &config),
                 0);
    option_release(table, &config);
    cr_expect_eq(parse("{\"port\":\"p\",\"driver\":\"x\"}", NULL, &config), -1);
    option_release(table, &config);
}

/* ---- rules, and the schema of a table ---- */

struct pair {
    char *a, *b, *c;
    bool on;
    int64_t size;
};
static const struct option_spec pair_table[] = {
    {.name = "a", .help = "a", .type = OPTION_STRING, .offset = offsetof(struct pair, a)},
    {.name = "b",
     .help = "b",
     .type = OPTION_STRING,
     .offset = offsetof(struct pair, b),
     .pattern = "^[0-9]+$",
     .wanted = "digits"},
    {.name = "c", .help = "c", .type = OPTION_NAME, .offset = offsetof(struct pair, c)},
    {.name = "on", .help = "on", .type = OPTION_BOOL, .offset = offsetof(struct pair, on)},
    {.name = "size",
     .help = "size",
     .type = OPTION_INTEGER,
     .low = 96,
     .high = 100,
     .or_zero = true,
     .offset = offsetof(struct pair, size)},
    {0},
};
static const char *const any[] = {"a", "b", NULL}, *const only[] = {"c", NULL};
static const struct option_rule pair_rules[] = {
    {OPTION_ANY_OF, any, .wanted = "a or b"}, {OPTION_ONLY_WHERE, only, "on", "true", "c with on"}, {0}};

static const char *const one_of[] = {"a", "b", NULL}, *const size[] = {"size", NULL};
static const struct option_rule more_rules[] = {{OPTION_ONE_OF, one_of, .wanted = "a or b"},
                                                {OPTION_NEEDS, only, "b", NULL, "c with b"},
                                                {OPTION_NOT_WITH, size, "b", NULL, "size without b"},
                                                {0}};

static bool holds_by(const struct option_rule *rules, const char *text)
{
    struct json_document document;
    struct pair pair;
    cr_assert_eq(json_parse(&document, "t", text, strlen(text), &error), 0, "%s", error.text);
    struct json root = json_root(&document);
    bool good = !option_parse(pair_table, root, NULL, &pair, sizeof pair, &error) &&
                !option_hold_rules(rules, root, &error);
    option_release(pair_table, &pair);
    json_close(&document);
    return good;
}

static bool holds(const char *text)
{
    return holds_by(pair_rules, text);
}

Test(option, members_that_need_or_shut_out_each_other)
{
    cr_expect(holds_by(more_rules, "{\"a\": \"x\", \"size\": 96}"));
    cr_expect(holds_by(more_rules, "{\"b\": \"1\", \"c\": \"n\"}"));
    cr_expect_not(holds_by(more_rules, "{}"));
    cr_expect_not(holds_by(more_rules, "{\"a\": \"x\", \"b\": \"1\"}"));
    cr_expect_not(holds_by(more_rules, "{\"a\": \"x\", \"c\": \"n\"}"));
    cr_expect_not(holds_by(more_rules, "{\"b\": \"1\", \"size\": 96}"));
    cJSON *schema = option_schema(pair_table, more_rules);
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItem(schema, "allOf"));
    cr_expect_str_eq(
        text, "[{\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]},"
              "{\"if\":{\"required\":[\"b\"]},\"else\":{\"not\":{\"anyOf\":[{\"required\":[\"c\"]}]}}},"
              "{\"if\":{\"required\":[\"b\"]},\"then\":{\"not\":{\"anyOf\":[{\"required\":[\"size\"]}]}}}]");
    cJSON_free(text);
    cJSON_Delete(schema);
}

Test(option, members_that_owe_each_other)
{
    cr_expect(holds("{\"a\": \"x\"}"));
    cr_expect(holds("{\"b\": \"12\", \"c\": \"n\", \"on\": true, \"size\": 0}"));
    cr_expect(holds("{\"a\": \"x\", \"size\": 96}"));
    cr_expect_not(holds("{}"));
    cr_expect_not(holds("{\"b\": \"x\"}"));
    cr_expect_not(holds("{\"a\": \"x\", \"c\": \"n\"}"));
    cr_expect_not(holds("{\"a\": \"x\", \"c\": \".n\", \"on\": true}"));
    cr_expect_not(holds("{\"a\": \"x\", \"size\": 95}"));
    cr_expect_not(holds("{\"a\": \"x\", \"size\": 101}"));
}
