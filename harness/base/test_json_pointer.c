/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/json_pointer.h"

#include <criterion/criterion.h>

/* The document and the pointers of RFC 6901, section 5, and some that lead nowhere. */
Test(json_pointer, leads_where_the_standard_says)
{
    static const struct {
        const char *pointer;
        double value; /* -1: nothing */
    } rows[] = {{"/", 0},         {"/a~1b", 1},   {"/c%d", 2},
                {"/e^f", 3},      {"/g|h", 4},    {"/i\\j", 5},
                {"/k\"l", 6},     {"/ ", 7},      {"/m~0n", 8},
                {"/foo/1", 9},    {"/foo/2", -1}, {"/foo/01", -1},
                {"/foo/-", -1},   {"/nope", -1},  {"foo", -1},
                {"/foo/1/x", -1}, {"/m~n", -1},   {"/foo/99999999999", -1}};
    cJSON *root = cJSON_Parse("{\"foo\":[8.5,9],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
                              "\"k\\\"l\":6,\" \":7,\"m~n\":8}");
    cr_assert(root);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const cJSON *found = json_pointer(root, rows[i].pointer);
        if (rows[i].value < 0)
            cr_expect_null(found, "%s", rows[i].pointer);
        else
            cr_expect(cJSON_IsNumber(found) && found->valuedouble == rows[i].value, "%s", rows[i].pointer);
    }
    cr_expect_eq(json_pointer(root, ""), root);
    cJSON_Delete(root);
    cr_expect_null(json_pointer(NULL, "/a"));
}
