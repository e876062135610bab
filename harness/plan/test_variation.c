/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "harness/plan/variation.h"

static struct json_document document;
static struct variations cases;
static struct error error;

static int list(const char *text, const char *const *overrides, uint64_t seed)
{
    cr_assert_eq(json_parse(&document, "s.json", text, strlen(text), &error), 0, "%s", error.text);
    return variation_list(json_root(&document), "s", overrides, seed, &cases, &error);
}

static void finish(void)
{
    variation_release(&cases);
    json_close(&document);
}

static void expect_ids(const char *const *ids)
{
    size_t i = 0;
    for (; ids[i]; i++) {
        cr_assert_lt(i, cases.count, "no case %s", ids[i]);
        cr_expect_str_eq(cases.list[i].id, ids[i]);
    }
    cr_expect_eq(cases.count, i);
}

Test(variation, every_combination_is_a_case_in_file_order)
{
    cr_assert_eq(
        list("{\"vary\":{\"t\":{\"from\":0,\"to\":1,\"step\":0.5},\"part\":[\"header\",\"body\"]}}", NULL, 1),
        0);
    expect_ids((const char *const[]){"s+t=0,part=header", "s+t=0,part=body", "s+t=0.5,part=header",
                                     "s+t=0.5,part=body", "s+t=1,part=header", "s+t=1,part=body", NULL});
    finish();
}

Test(variation, without_a_vary_block_there_is_one_case)
{
    cr_assert_eq(list("{}", NULL, 1), 0);
    expect_ids((const char *const[]){"s", NULL});
    finish();
}

Test(variation, random_values_come_from_the_seed_alone)
{
    static const char text[] = "{\"vary\":{\"at\":{\"from\":10,\"to\":1000000,\"random\":20}}}";
    char ids[30][40];
    cr_assert_eq(list(text, NULL, 7), 0);
    cr_expect_eq(cases.count, 20);
    for (size_t i = 0; i < cases.count; i++) {
        double value = cJSON_GetObjectItem(cases.list[i].values, "at")->valuedouble;
        cr_expect(value >= 10 && value <= 1000000, "%g", value);
        snprintf(ids[i], sizeof ids[i], "%s", cases.list[i].id);
    }
    finish();
    cr_assert_eq(list(text, NULL, 7), 0);
    for (size_t i = 0; i < cases.count; i++)
        cr_expect_str_eq(cases.list[i].id, ids[i]);
    finish();
    cr_assert_eq(list(text, NULL, 8), 0);
    int same = 0;
    for (size_t i = 0; i < cases.count; i++)
        same += !strcmp(cases.list[i].id, ids[i]);
    cr_expect_lt(same, 3, "another seed, other values");
    finish();
}

Test(variation, each_id_is_there_once)
{
    cr_assert_eq(list("{\"vary\":{\"a\":[1,2,1,\"1\"],\"b\":[true,true]}}", NULL, 1), 0);
    expect_ids((const char *const[]){"s+a=1,b=true", "s+a=2,b=true", NULL});
    finish();
    cr_assert_eq(list("{\"vary\":{\"a\":{\"from\":1,\"to\":3,\"random\":200}}}", NULL, 1), 0);
    cr_expect_eq(cases.count, 3);
    finish();
}

Test(variation, the_command_line_overrides_values)
{
    static const char text[] = "{\"vary\":{\"t\":[1,2,3],\"part\":[\"a\"]}}";
    cr_assert_eq(list(text, (const char *const[]){"t=7,0.5", "part=x", NULL}, 1), 0);
    expect_ids((const char *const[]){"s+t=7,part=x", "s+t=0.5,part=x", NULL});
    cr_expect(cJSON_IsNumber(cJSON_GetObjectItem(cases.list[0].values, "t")));
    finish();
    cr_expect_eq(list(text, (const char *const[]){"tt=1", NULL}, 1), -1);
    cr_expect(strstr(error.text, "--vary tt=1"), "%s", error.text);
    finish();
    cr_expect_eq(list(text, (const char *const[]){"t", NULL}, 1), -1);
    finish();
    cr_expect_eq(list(text, (const char *const[]){"t=", NULL}, 1), -1);
    finish();
}

Test(variation, too_many_cases_are_refused_and_many_are_quick)
{
    cr_expect_eq(list("{\"vary\":{\"a\":{\"from\":0,\"to\":99999},\"b\":[1,2]}}", NULL, 1), -1);
    cr_expect(strstr(error.text, "at most 100000 cases in all"), "%s", error.text);
    finish();
    cr_expect_eq(list("{\"vary\":{\"a\":{\"from\":0,\"to\":1e12,\"step\":0.001}}}", NULL, 1), -1);
    finish();
    cr_expect_eq(list("{\"vary\":{\"a\":{\"from\":0,\"to\":99999}}}", NULL, 1), 0);
    cr_expect_eq(cases.count, 100000);
    cr_expect_str_eq(cases.list[99999].id, "s+a=99999");
    finish();
}

Test(variation, nonsense_is_refused)
{
    static const char *const texts[] = {"{\"vary\":[]}",
                                        "{\"vary\":{\"a\":[]}}",
                                        "{\"vary\":{\"a\":[null]}}",
                                        "{\"vary\":{\"a\":5}}",
                                        "{\"vary\":{\"a\":{\"from\":3,\"to\":1}}}",
                                        "{\"vary\":{\"a\":{\"from\":1,\"to\":3,\"step\":0}}}",
                                        "{\"vary\":{\"a\":{\"from\":1}}}",
                                        "{\"vary\":{\"a\":{\"from\":1,\"to\":2,\"stp\":1}}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_expect_eq(list(texts[i], NULL, 1), -1, "%s", texts[i]);
        cr_expect(strstr(error.text, "s.json: $.vary"), "%s", error.text);
        finish();
    }
}

static char *applied(const char *text, const char *const *overrides)
{
    cJSON *tree = NULL;
    char *printed = NULL;
    cr_assert_eq(list(text, overrides, 1), 0, "%s", error.text);
    if (!variation_apply(json_root(&document), cases.list[0].values, &tree, &error))
        printed = cJSON_PrintUnformatted(tree);
    cJSON_Delete(tree);
    finish();
    return printed;
}

Test(variation, values_keep_their_types_when_they_are_filled_in)
{
    char *text = applied(
        "{\"vary\":{\"n\":[250],\"w\":[\"x\"],\"b\":[true]},\"l\":[{\"a\":\"$n\"},\"$w\",\"$b\",\"n\"]}",
        NULL);
    cr_expect_str_eq(text, "{\"l\":[{\"a\":250},\"x\",true,\"n\"]}");
    cJSON_free(text);
}

Test(variation, a_name_that_is_not_varied_is_an_error)
{
    cr_expect_null(applied("{\"vary\":{\"n\":[1]},\"a\":\"$m\"}", NULL));
    cr_expect(strstr(error.text, "expected a value named 'm'"), "%s", error.text);
}

static int apply(const char *text, size_t index, const char *key, char *out, size_t size)
{
    cJSON *tree = NULL;
    cr_assert_eq(list(text, NULL, 1), 0, "%s", error.text);
    int result = variation_apply(json_root(&document), cases.list[index].values, &tree, &error);
    if (!result) {
        char *printed = cJSON_PrintUnformatted(cJSON_GetObjectItem(tree, key));
        snprintf(out, size, "%s", printed);
        cJSON_free(printed);
        cJSON_Delete(tree);
    }
    finish();
    return result;
}

Test(variation, a_table_gives_what_goes_with_a_value)
{
    static const char text[] = "{\"vary\":{\"p\":[1,60,\"x\"]},"
                               "\"a\":{\"$p\":{\"1\":\"one\",\"x\":7,\"*\":\"other\"}}}";
    static const char *const wanted[] = {"\"one\"", "\"other\"", "7"};
    char found[80];
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(apply(text, i, "a", found, sizeof found), 0, "%s", error.text);
        cr_expect_str_eq(found, wanted[i]);
    }
    cr_expect_eq(apply("{\"vary\":{\"p\":[1]},\"a\":{\"$p\":{\"2\":\"two\"}}}", 0, "a", found, sizeof found),
                 -1);
    cr_expect(strstr(error.text, "expected an entry \"1\" or \"*\""), "%s", error.text);
    cr_expect_eq(apply("{\"vary\":{\"p\":[1]},\"a\":{\"$q\":{\"*\":\"two\"}}}", 0, "a", found, sizeof found),
                 -1);
    cr_expect(strstr(error.text, "{\"$q\": ...}: expected an entry"), "%s", error.text);
    cr_expect_eq(
        apply("{\"vary\":{\"p\":[1]},\"a\":{\"$p\":{\"*\":1,\"2\":[]}}}", 0, "a", found, sizeof found), -1);
    cr_expect(strstr(error.text, "{\"2\": ...}}: expected a number"), "%s", error.text);
}
