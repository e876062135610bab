/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/report.h"
#include "reports/result.h"

static cJSON *fields_of(const char *id, const char *scenario)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "case", id);
    cJSON_AddStringToObject(fields, "scenario", scenario);
    cJSON_AddStringToObject(fields, "family", "power-cut");
    cJSON_AddStringToObject(fields, "board", "b");
    cJSON_AddStringToObject(fields, "firmware", "good");
    return fields;
}

static void add(cJSON *result, const char *id, enum verdict_kind kind, enum verdict_class class,
                const char *reason)
{
    struct verdict_cut cut = {.planned_us = 1000, .commanded_us = 1007};
    struct verdict verdict = {.kind = kind, .class = class, .recovery_ms = 12, .cuts = &cut, .cut_count = 1};
    verdict.clauses[0] = (struct clause){.name = "G1", .judged = true, .holds = kind == VERDICT_PASS};
    snprintf(verdict.reason, sizeof verdict.reason, "%s", reason);
    cJSON *fields = fields_of(id, "storm");
    static const char *const evidence[] = {"journal.jsonl", NULL};
    result_add_case(result, fields, &verdict, "cases/x", evidence, 1500);
    cJSON_Delete(fields);
}

static char *written(const char *format, const cJSON *result, const char *folder)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    const struct report_format *at = report_formats;
    struct error error = {0};
    while (at->name && strcmp(at->name, format))
        at++;
    cr_assert(at->name, "no format %s", format);
    cr_assert_eq(at->write(result, folder, out, &error), 0, "%s", error.text);
    fclose(out);
    return text;
}

static int number(const cJSON *result, const char *name)
{
    return cJSON_GetObjectItem(cJSON_GetObjectItem(result, "summary"), name)->valueint;
}

Test(result, counts_each_case_once_and_gives_the_gravest_code)
{
    cJSON *result = result_new("r", "otarig run", 7);
    cr_expect_eq(result_exit_code(result), 4, "a run without cases proves nothing");
    add(result, "a", VERDICT_PASS, CLASS_NONE, "");
    cr_expect_eq(result_exit_code(result), 0);
    add(result, "b", VERDICT_INCONCLUSIVE, CLASS_NONE, "");
    cr_expect_eq(result_exit_code(result), 4);
    add(result, "c", VERDICT_FAIL, CLASS_BRICKED, "");
    cr_expect_eq(result_exit_code(result), 1);
    add(result, "d", VERDICT_RIG_ERROR, CLASS_NONE, "");
    cr_expect_eq(result_exit_code(result), 3);
    add(result, "d", VERDICT_PASS, CLASS_NONE, "");
    cr_expect_eq(number(result, "cases"), 4);
    cr_expect_eq(number(result, "rig_error"), 0);
    cr_expect_eq(number(result, "pass"), 2);
    cr_expect_eq(result_exit_code(result), 1);
    cJSON_Delete(result);
}

Test(result, comes_back_from_its_file_as_it_went)
{
    char folder[] = "/tmp/otarig-test.XXXXXX", path[100];
    struct error error = {0};
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/result.json", folder);
    cJSON *result = result_new("r", "otarig \"run\"\n", 7);
    add(result, "a", VERDICT_FAIL, CLASS_DATA_LOST, "\xc3\xa4 | <b>");
    cr_assert_eq(result_write(result, path, &error), 0, "%s", error.text);
    cJSON *again = result_read(path, &error);
    cr_assert(again, "%s", error.text);
    cr_expect(cJSON_Compare(result, again, true));
    cJSON_Delete(result);
    cJSON_Delete(again);
    unlink(path);
    rmdir(folder);
}

Test(result, is_not_written_where_it_cannot)
{
    struct error error = {0};
    cJSON *result = result_new("r", "", 1);
    cr_expect_eq(result_write(result, "/nonexistent/result.json", &error), -1);
    cr_expect_eq(error.kind, ERROR_SYSTEM);
    cJSON_Delete(result);
}

/* What somebody edited must be refused with a message, not trusted. */
static void refused(const char *text, const char *said)
{
    char path[] = "/tmp/otarig-test.XXXXXX";
    struct error error = {0};
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    cr_expect_null(result_read(path, &error));
    cr_expect(strstr(error.text, said), "%s", error.text);
    unlink(path);
}

Test(result, that_is_not_one_is_refused)
{
    refused("[]", "expected an object");
    refused("{\"schema_version\":2}", "schema_version");
    refused("{\"schema_version\":1,\"run\":{},\"summary\":{}}", "$.summary.cases");
    refused(
        "{\"schema_version\":1,\"run\":{},\"summary\":{\"cases\":1,\"pass\":1,\"fail\":0,\"inconclusive\":0,"
        "\"rig_error\":0},\"cases\":[{\"id\":\"a\",\"verdict\":\"fine\"}]}",
        "$.cases[0].verdict");
}

Test(junit, never_shows_anything_but_a_pass_as_one)
{
    cJSON *result = result_new("r", "", 1);
    add(result, "a", VERDICT_PASS, CLASS_NONE, "");
    add(result, "b", VERDICT_FAIL, CLASS_BRICKED, "no \x01 boot <&\">");
    add(result, "c", VERDICT_INCONCLUSIVE, CLASS_NONE, "unproven");
    add(result, "d", VERDICT_RIG_ERROR, CLASS_NONE, "relay");
    char *text = written("junit", result, "/r");
    cr_expect(strstr(text, "tests=\"4\" failures=\"1\" errors=\"2\""));
    cr_expect(
        strstr(text, "<failure type=\"bricked\" message=\"no \xef\xbf\xbd boot &lt;&amp;&quot;&gt;\">"));
    cr_expect(strstr(text, "<error type=\"inconclusive\""));
    cr_expect(strstr(text, "<error type=\"rig-error\""));
    const char *passed = strstr(text, "name=\"a\" time=\"1.500\">");
    cr_assert(passed, "%s", text);
    const char *end = strstr(passed, "</testcase>"), *failure = strstr(passed, "<failure"),
               *odd = strstr(passed, "<error");
    cr_assert(end && failure && odd, "%s", text);
    cr_expect(failure > end && odd > end, "the case that passed holds neither: %s", text);
    free(text);
    cJSON_Delete(result);
}

Test(reports, a_run_that_ended_early_does_not_look_whole)
{
    static const char *const formats[] = {"junit", "text", "markdown", "html"};
    cJSON *result = result_new("r", "", 1);
    add(result, "a", VERDICT_PASS, CLASS_NONE, "");
    cr_expect_eq(result_missing(result), 0, "an older one");
    result_plan(result, 3);
    cr_expect_eq(result_missing(result), 2);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char *text = written(formats[i], result, "/r");
        cr_expect(strstr(text, "2 more cases were asked for"), "%s", text);
        cr_expect(i || (strstr(text, "tests=\"2\" failures=\"0\" errors=\"1\"") && strstr(text, "<error")),
                  "%s", text);
        free(text);
    }
    add(result, "b", VERDICT_PASS, CLASS_NONE, "");
    add(result, "c", VERDICT_PASS, CLASS_NONE, "");
    char *text = written("junit", result, "/r");
    cr_expect(strstr(text, "tests=\"3\" failures=\"0\" errors=\"0\""), "%s", text);
    free(text);
    cJSON_Delete(result);
}

Test(text, names_what_failed_and_how_to_repeat_it)
{
    cJSON *result = result_new("r", "", 1);
    add(result, "ok", VERDICT_PASS, CLASS_NONE, "");
    add(result, "bad", VERDICT_FAIL, CLASS_DOWNGRADED, "G7: v0 ran");
    char *text = written("text", result, "/r");
    cr_expect(strstr(text, "fail bad: downgraded"));
    cr_expect(strstr(text, "G7: v0 ran"));
    cr_expect(strstr(text, "otarig repro /r/cases/x"));
    cr_expect_null(strstr(text, "\033"), "colour only on a terminal");
    free(text);
    cJSON_Delete(result);
}

/* Whoever copies the line into a shell gets this one folder and nothing else. */
Test(reports, the_way_back_is_quoted_for_a_shell)
{
    static const char *const formats[] = {"text", "junit", "html", "markdown"},
                             *const wanted[] = {
                                 "otarig repro '/r/a b{c}[d]$(id)/cases/x'",
                                 "otarig repro &#39;/r/a b{c}[d]$(id)/cases/x&#39;",
                                 "<code>otarig repro &#39;/r/a b{c}[d]$(id)/cases/x&#39;</code>",
                                 "otarig repro '/r/a b{c}\\[d\\]\\$(id)/cases/x'",
                             };
    cJSON *result = result_new("r", "", 1);
    add(result, "bad", VERDICT_FAIL, CLASS_SILENT, "reason");
    for (size_t i = 0; i < 4; i++) {
        char *text = written(formats[i], result, "/r/a b{c}[d]$(id)");
        cr_expect(strstr(text, wanted[i]), "%s", text);
        free(text);
    }
    cJSON_Delete(result);
}

Test(text, moves_no_cursor)
{
    cJSON *result = result_new("r", "", 1);
    add(result, "bad\033[2J", VERDICT_FAIL, CLASS_SILENT,
        "a\033]0;x\007 \xc2\x9b"
        "1m");
    char *text = written("text", result, "/r");
    cr_expect(!strchr(text, '\033') && !strchr(text, '\007') && !strstr(text, "\xc2\x9b"), "%s", text);
    free(text);
    cJSON_Delete(result);
}

Test(summary, holds_what_fits_and_failures_first)
{
    char path[] = "/tmp/otarig-test.XXXXXX", id[20];
    struct error error = {0};
    struct stat about;
    cJSON *result = result_new("r", "", 1);
    for (int i = 0; i < 3000; i++) {
        snprintf(id, sizeof id, "odd#%d", i);
        add(result, id, VERDICT_INCONCLUSIVE, CLASS_NONE, "for want of anything better");
    }
    add(result, "bad", VERDICT_FAIL, CLASS_BRICKED, "no boot");
    char *text = report_summary(result, "/r", 100000);
    cr_expect_leq(strlen(text), 100000);
    cr_expect_geq(strlen(text), 99000);
    cr_expect_lt(strstr(text, "no boot"), strstr(text, "odd#0"));
    cr_expect(strstr(text, " more are in result.json."), "%.200s", strrchr(text, '|'));
    free(text);
    int fd = mkstemp(path);
    for (int i = 0; i < 8; i++) /* a step of many runs */
        cr_assert_eq(report_append_summary(result, "/r", path, &error), 0, "%s", error.text);
    cr_expect_eq(fstat(fd, &about), 0);
    cr_expect_leq((size_t)about.st_size, REPORT_SUMMARY_MAX);
    cr_expect_geq((size_t)about.st_size, REPORT_SUMMARY_MAX - 5000);
    close(fd);
    unlink(path);
    cr_expect_eq(report_append_summary(result, "/r", "/nonexistent/summary", &error), -1);
    cr_expect_eq(error.kind, ERROR_SYSTEM);
    cJSON_Delete(result);
}

Test(markdown, cannot_be_broken_out_of)
{
    cJSON *result = result_new("r", "", 1);
    add(result, "bad", VERDICT_FAIL, CLASS_SILENT, "a|b\n<script>");
    char *text = written("markdown", result, "/r");
    cr_expect(strstr(text, "a\\|b &lt;script>"), "%s", text);
    cr_expect(strstr(text, "| 1 | 0 | 1 | 0 | 0 |"));
    free(text);
    cJSON_Delete(result);
}

static void make_run(char folder[60])
{
    static const char lines[] =
        "{\"seq\":0,\"kind\":\"case\",\"step\":-1,\"t_us\":1000000,\"source\":\"run\",\"what\":\"case\"}\n"
        "{\"seq\":1,\"kind\":\"power\",\"step\":-1,\"t_us\":1500000,\"source\":\"power\",\"what\":\"on\"}\n"
        "{\"seq\":2,\"kind\":\"mark\",\"step\":-1,\"t_us\":1400000,\"source\":\"console\",\"what\":\"boot\","
        "\"value\":"
        "\"<up>\"}\n"
        "{\"seq\":3,\"kind\":\"power\",\"step\":-1,\"t_us\":3000000,\"source\":\"power\",\"what\":\"off\"}"
        "\n"
        "{\"seq\":4,\"kind\":\"note\",\"step\":-1,\"t_us\":3000001,\"source\":\"run\",\"what\":\"note\","
        "\"value\":\"flash-all.bin: dump failed: no answer <1>\"}\n";
    char path[100];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/cases", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/cases/x", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/cases/x/journal.jsonl", folder);
    FILE *file = fopen(path, "w");
    fputs(lines, file);
    fclose(file);
}

static void remove_run(const char *folder)
{
    static const char *const parts[] = {"/cases/x/journal.jsonl", "/cases/x", "/cases", ""};
    char path[100];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", folder, parts[i]);
        remove(path);
    }
}

Test(html, shows_the_course_of_a_case_and_needs_nothing_else)
{
    char folder[60] = "/tmp/otarig-test.XXXXXX";
    make_run(folder);
    cJSON *result = result_new("r", "", 1);
    add(result, "bad+x=<1>", VERDICT_FAIL, CLASS_BRICKED, "no boot");
    char *text = written("html", result, folder);
    cr_expect(strstr(text, "id=\"bad+x=&lt;1&gt;\" open"));
    cr_expect(strstr(text, "href=\"#bad+x=%3C1%3E\""));
    cr_expect(strstr(text, "<title>0.400 s boot: &lt;up&gt;</title>"));
    /* power was on for 1.5 of the 2 s: 0.75 of 920 */
    cr_expect(strstr(text, "<rect class=\"p\" x=\"300.0\" y=\"5\" width=\"690.0\""));
    cr_expect(strstr(text, "+7 us"), "commanded after planned");
    cr_expect(strstr(text, "no flash dump: flash-all.bin: dump failed: no answer &lt;1&gt;"));
    static const char *const foreign[] = {"http", "<script", "<link", "url(", "<img"};
    for (size_t i = 0; i < 5; i++)
        cr_expect_null(strstr(text, foreign[i]), "%s", foreign[i]);
    free(text);
    cJSON_Delete(result);
    remove_run(folder);
}

/* A number stands below the head of its column: both at the right, in a table as wide as they need. */
Test(html, numbers_stand_below_their_heads)
{
    cJSON *result = result_new("r", "", 1);
    add(result, "a", VERDICT_PASS, CLASS_NONE, "");
    char *text = written("html", result, "/nonexistent");
    const char *table = strstr(text, "<table class=\"k\">");
    cr_assert_not_null(table);
    cr_expect(strstr(text, "table.k{width:auto}th.n{text-align:right}"));
    unsigned heads = 0, cells = 0;
    for (const char *at = table; at < strstr(table, "</table>"); at++) {
        heads += !strncmp(at, "<th class=\"n\">", 14);
        cells += !strncmp(at, "<td class=\"n\">", 14);
    }
    cr_expect_eq(heads, 3);
    cr_expect_eq(cells, 3);
    free(text);
    cJSON_Delete(result);
}

Test(html, does_without_the_journal)
{
    cJSON *result = result_new("r", "", 1);
    add(result, "a", VERDICT_PASS, CLASS_NONE, "");
    char *text = written("html", result, "/nonexistent");
    cr_expect_null(strstr(text, "no flash dump"), "none is made of what passes");
    cr_expect(strstr(text, "no timeline: journal: /nonexistent/cases/x/journal.jsonl"));
    free(text);
    cJSON_Delete(result);
}

Test(html, can_carry_a_night)
{
    cJSON *result = result_new("r", "", 1);
    char id[20];
    unsigned timelines = 0;
    for (int i = 0; i < 500; i++) {
        snprintf(id, sizeof id, "good#%d", i);
        add(result, id, VERDICT_PASS, CLASS_NONE, "");
    }
    add(result, "bad", VERDICT_FAIL, CLASS_BRICKED, "no boot");
    char *text = written("html", result, "/nonexistent");
    for (const char *at = text; (at = strstr(at, "no timeline: journal:")); at++)
        timelines++;
    cr_expect_eq(timelines, 1, "that of the one that did not pass was looked for");
    cr_expect(strstr(text, "Of more than 500 cases those that passed have no timeline here."));
    free(text);
    cJSON_Delete(result);
}

Test(html, shows_first_what_is_not_a_pass)
{
    cJSON *result = result_new("r", "", 1);
    add(result, "good", VERDICT_PASS, CLASS_NONE, "");
    add(result, "bad", VERDICT_FAIL, CLASS_BRICKED, "no boot");
    char *text = written("html", result, "/nonexistent");
    const char *good = strstr(text, "href=\"#good\""), *bad = strstr(text, "href=\"#bad\"");
    cr_assert(good && bad);
    cr_expect_lt(bad, good);
    free(text);
    cJSON_Delete(result);
}
