/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stored journals, small enough to read, each with the verdict it must get; and torn at every byte. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/record/journal.h"
#include "harness/record/verdict.h"

static char **names;
static size_t name_count;

static void find_names(void)
{
    struct dirent **entries;
    int count = scandir(OTARIG_GOLDEN, &entries, NULL, alphasort);
    cr_assert_gt(count, 0, "no folder %s", OTARIG_GOLDEN);
    names = mem_array((size_t)count, sizeof *names);
    for (int i = 0; i < count; i++) {
        char *dot = strstr(entries[i]->d_name, ".jsonl");
        if (dot && !dot[6])
            names[name_count++] = mem_printf("%.*s", (int)(dot - entries[i]->d_name), entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static void free_names(void)
{
    for (size_t i = 0; i < name_count; i++)
        free(names[i]);
    free(names);
}

TestSuite(golden, .init = find_names, .fini = free_names);

static char *read_all(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s", path);
    char *text = mem_alloc(1 << 20);
    *len = fread(text, 1, 1 << 20, file);
    fclose(file);
    return text;
}

static void check_contract(const char *name, const struct verdict *verdict, const cJSON *broken)
{
    for (size_t i = 0; i < VERDICT_CLAUSES; i++) {
        const struct clause *clause = &verdict->clauses[i];
        const cJSON *node;
        bool must_break = false;
        cJSON_ArrayForEach(node, broken) must_break |= !strcmp(node->valuestring, clause->name);
        if (clause->judged)
            cr_expect_eq(clause->holds, !must_break, "%s: %s: %s", name, clause->name, clause->detail);
        else
            cr_expect_not(must_break, "%s: %s is not judged", name, clause->name);
    }
}

Test(golden, gets_its_verdict)
{
    cr_assert_geq(name_count, 17);
    for (size_t i = 0; i < name_count; i++) {
        struct error error = {0};
        struct verdict verdict;
        struct json_document expected;
        char *journal = mem_printf("%s/%s.jsonl", OTARIG_GOLDEN, names[i]);
        char *path = mem_printf("%s/%s.expected.json", OTARIG_GOLDEN, names[i]);
        cr_assert_eq(verdict_of_journal(journal, &verdict, NULL, &error), 0, "%s", error.text);
        cr_assert_eq(json_load(&expected, path, &error), 0, "%s", error.text);
        const cJSON *class = cJSON_GetObjectItem(expected.root, "class");
        cr_expect_str_eq(verdict_kind_name(verdict.kind),
                         cJSON_GetObjectItem(expected.root, "verdict")->valuestring, "%s: %s", names[i],
                         verdict.reason);
        cr_expect_str_eq(verdict_class_name(verdict.class),
                         cJSON_IsString(class) ? class->valuestring : "none", "%s: %s", names[i],
                         verdict.reason);
        check_contract(names[i], &verdict, cJSON_GetObjectItem(expected.root, "broken"));
        json_close(&expected);
        verdict_release(&verdict);
        free(journal);
        free(path);
    }
}

/* Each class has its journal: a class nobody can reach is a gate that nobody tested. */
Test(golden, covers_every_class_and_verdict)
{
    bool classes[CLASSES] = {[CLASS_NONE] = true}, kinds[VERDICT_KINDS] = {0};
    for (size_t i = 0; i < name_count; i++) {
        struct error error = {0};
        struct verdict verdict;
        char *journal = mem_printf("%s/%s.jsonl", OTARIG_GOLDEN, names[i]);
        cr_assert_eq(verdict_of_journal(journal, &verdict, NULL, &error), 0);
        classes[verdict.class] = kinds[verdict.kind] = true;
        verdict_release(&verdict);
        free(journal);
    }
    for (int i = 0; i < CLASSES; i++)
        cr_expect(classes[i], "no journal of class %s", verdict_class_name(i));
    for (int i = 0; i < VERDICT_KINDS; i++)
        cr_expect(kinds[i], "no journal with verdict %s", verdict_kind_name(i));
}

Test(golden, torn_at_every_byte_is_never_a_pass, .timeout = 100)
{
    for (size_t i = 0; i < name_count; i++) {
        char *path = mem_printf("%s/%s.jsonl", OTARIG_GOLDEN, names[i]);
        size_t len;
        char *text = read_all(path, &len);
        for (size_t n = 0; n < len; n++) {
            struct error error = {0};
            struct verdict verdict;
            struct journal_reader *reader = journal_open_memory(names[i], text, n);
            cr_assert_eq(verdict_of_reader(reader, &verdict, NULL, &error), 0, "%s: %s", names[i],
                         error.text);
            bool at_line_end = !n || text[n - 1] == '\n';
            cr_expect_eq(journal_torn(reader), !at_line_end, "%s cut at %zu", names[i], n);
            cr_expect(verdict.kind == VERDICT_INCONCLUSIVE || verdict.kind == VERDICT_RIG_ERROR,
                      "%s cut at %zu: %s", names[i], n, verdict_kind_name(verdict.kind));
            verdict_release(&verdict);
            journal_reader_free(reader);
        }
        free(text);
        free(path);
    }
}

/* A line that got lost in the middle must be noticed, or a lost fault of the rig makes a pass. */
Test(golden, a_missing_line_is_an_error)
{
    for (size_t i = 0; i < name_count; i++) {
        char *path = mem_printf("%s/%s.jsonl", OTARIG_GOLDEN, names[i]);
        size_t len;
        char *text = read_all(path, &len), *first_end = strchr(text, '\n') + 1,
             *second_end = strchr(first_end, '\n') + 1;
        struct error error = {0};
        struct verdict verdict;
        memmove(first_end, second_end, strlen(second_end) + 1);
        struct journal_reader *reader = journal_open_memory("j", text, strlen(text));
        int got = verdict_of_reader(reader, &verdict, NULL, &error);
        if (*first_end)
            cr_expect(got == -1 && !strncmp(error.text, "j:2: ", 5), "%s: %s", names[i], error.text);
        journal_reader_free(reader);
        free(text);
        free(path);
    }
}
