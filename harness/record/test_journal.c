/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/record/journal.h"
#include "harness/record/text.h"

static char folder[] = "/tmp/otarig-journal-XXXXXX";
static char *path;

static void make_folder(void)
{
    cr_assert(mkdtemp(folder));
    path = mem_printf("%s/journal.jsonl", folder);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
    free(path);
}

TestSuite(journal, .init = make_folder, .fini = remove_folder);

static const struct event plain = {.kind = EVENT_NOTE,
                                   .step = -1,
                                   .t_us = 12345678901234,
                                   .source = "run",
                                   .what = "note",
                                   .number = EVENT_NO_NUMBER};

static void read_back(char *text, size_t size)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

Test(journal, members_come_in_the_documented_order)
{
    struct error error = {0};
    struct journal *journal = journal_create(path, &error);
    cr_assert(journal, "%s", error.text);
    cJSON *fields = cJSON_Parse("{\"planned_us\":7}");
    struct event full = plain;
    full.kind = EVENT_POWER;
    full.step = 3;
    full.value = "v\"\n";
    full.number = -5;
    full.data = "\x00\xff";
    full.len = 2;
    full.fields = fields;
    journal_put(journal, &plain);
    journal_put(journal, &full);
    cr_assert_eq(journal_close(journal, &error), 0, "%s", error.text);
    char text[1000];
    read_back(text, sizeof text);
    cr_expect_str_eq(text,
                     "{\"seq\":0,\"kind\":\"note\",\"step\":-1,\"t_us\":12345678901234,\"source\":\"run\","
                     "\"what\":\"note\"}\n"
                     "{\"seq\":1,\"kind\":\"power\",\"step\":3,\"t_us\":12345678901234,\"source\":\"run\","
                     "\"what\":\"note\",\"value\":\"v\\\"\\n\",\"number\":-5,\"hex\":\"00ff\","
                     "\"fields\":{\"planned_us\":7}}\n");
    cJSON_Delete(fields);
}

Test(journal, never_overwrites)
{
    struct error error = {0};
    struct journal *journal = journal_create(path, &error);
    journal_put(journal, &plain);
    journal_close(journal, &error);
    cr_expect_null(journal_create(path, &error));
    cr_expect(strstr(error.text, path), "%s", error.text);
    char text[1000];
    read_back(text, sizeof text);
    cr_expect_gt(strlen(text), 0);
}

Test(journal, bytes_of_a_board_become_utf8)
{
    struct error error = {0};
    struct journal *journal = journal_create(path, &error);
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "why", "a\xff\xc3");
    struct event event = plain;
    event.value = "\xf0\x9f\x98\x80 \xed\xa0\x80 \xc3\xa9";
    event.fields = fields;
    journal_put(journal, &event);
    journal_close(journal, &error);
    cJSON_Delete(fields);
    char text[1000];
    read_back(text, sizeof text);
    cr_expect(strstr(text, "\"\xf0\x9f\x98\x80 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xc3\xa9\""), "%s", text);
    cr_expect(strstr(text, "\"a\xef\xbf\xbd\xef\xbf\xbd\""), "%s", text);
}

Test(journal, long_data_are_cut)
{
    struct error error = {0};
    struct journal *journal = journal_create(path, &error);
    char *data = mem_alloc(JOURNAL_DATA_MAX + 1);
    struct event event = plain;
    event.data = data;
    event.len = JOURNAL_DATA_MAX + 1;
    journal_put(journal, &event);
    journal_close(journal, &error);
    free(data);
    struct stat status;
    cr_assert_eq(stat(path, &status), 0);
    cr_expect(status.st_size > 2 * JOURNAL_DATA_MAX && status.st_size < 2 * JOURNAL_DATA_MAX + 200);
}

/* A full disk: the first half line is the last thing in the file, and closing says so. */
Test(journal, a_full_disk_leaves_a_torn_end)
{
    struct error error = {0};
    struct journal *journal = journal_create(path, &error);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){150, RLIM_INFINITY});
    for (int i = 0; i < 5; i++)
        journal_put(journal, &plain);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
    journal_put(journal, &plain);
    cr_expect_eq(journal_close(journal, &error), -1);
    cr_expect(strstr(error.text, path));
    struct journal_reader *reader = journal_open(path, &error);
    struct journal_line line;
    int count = 0, got;
    while ((got = journal_read(reader, &line, &error)) > 0)
        count++;
    cr_expect_eq(got, 0, "%s", error.text);
    cr_expect_eq(count, 1);
    cr_expect(journal_torn(reader));
    journal_reader_free(reader);
}

static int first_read(const char *text, struct error *error)
{
    struct journal_reader *reader = journal_open_memory("case.jsonl", text, strlen(text));
    struct journal_line line;
    *error = (struct error){0};
    int got = journal_read(reader, &line, error);
    journal_reader_free(reader);
    return got;
}

Test(journal, says_which_line_is_bad)
{
    static const char *const bad[] = {
        "{}\n",
        "[]\n",
        "\n",
        "{\"seq\":0,\"kind\":\"nothing\",\"step\":-1,\"t_us\":1,\"source\":\"a\",\"what\":\"b\"}\n",
        "{\"seq\":-1,\"kind\":\"note\",\"step\":-1,\"t_us\":1,\"source\":\"a\",\"what\":\"b\"}\n",
        "{\"seq\":5,\"kind\":\"note\",\"step\":-1,\"t_us\":1,\"source\":\"a\",\"what\":\"b\"}\n",
        "{\"seq\":0,\"kind\":\"note\",\"step\":-2,\"t_us\":1,\"source\":\"a\",\"what\":\"b\"}\n",
        "{\"seq\":0,\"kind\":\"note\",\"step\":-1,\"t_us\":1e300,\"source\":\"a\",\"what\":\"b\"}\n",
        "{\"seq\":0,\"kind\":\"note\",\"step\":-1,\"t_us\":1,\"source\":7,\"what\":\"b\"}\n",
        "{\"seq\":0,\"kind\":\"note\",\"step\":-1,\"t_us\":1,\"source\":\"a\",\"what\":\"b\"} {}\n",
    };
    struct error error;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(first_read(bad[i], &error), -1, "%s", bad[i]);
        cr_expect(!strncmp(error.text, "case.jsonl:1: expected ", 23), "%s", error.text);
        cr_expect_eq(error.kind, ERROR_INPUT);
    }
    cr_expect_eq(first_read("", &error), 0);
    cr_expect_eq(first_read("{\"seq\":0", &error), 0);
}

Test(journal, a_file_that_is_not_there)
{
    struct error error = {0};
    cr_expect_null(journal_open("/nowhere/journal.jsonl", &error));
    cr_expect(strstr(error.text, "/nowhere/journal.jsonl"), "%s", error.text);
}

Test(text, fits_without_cutting_a_character)
{
    char out[8];
    cr_expect(text_is_utf8("", 0) && text_is_utf8("a\xc3\xa9", 3));
    cr_expect_not(text_is_utf8("a\xc3\xa9", 2));
    cr_expect_not(text_is_utf8("a\xffz", 3));
    text_fit(out, sizeof out, "abcdef\xc3\xa9");
    cr_expect_str_eq(out, "abcdef");
    text_fit(out, sizeof out, "abcde\xc3\xa9");
    cr_expect_str_eq(out, "abcde\xc3\xa9");
    text_fit(out, sizeof out, "\xff\xff\xff");
    cr_expect_str_eq(out, "\xef\xbf\xbd\xef\xbf\xbd");
    text_fit(out, sizeof out, NULL);
    cr_expect_str_eq(out, "");
    text_fit(out, 1, "abc");
    cr_expect_str_eq(out, "");
}

Test(text, shows_no_control_characters)
{
    char out[64];
    text_fit(out, sizeof out,
             "a\x1b[2J\x07\n\x7f\xc2\x9b"
             "31m\xc2\xa0\xc3\xa9");
    cr_expect_str_eq(out, "a?[2J?????31m\xc2\xa0\xc3\xa9");
}
