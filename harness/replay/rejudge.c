/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/replay/rejudge.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/member.h"
#include "harness/base/mem.h"
#include "reports/result.h"

struct walk {
    struct rejudged *sum;
    const cJSON *result;
    const char *folder;
    void (*each)(void *arg, const struct rejudged_case *found);
    void *arg;
    char **seen; /* folders of the cases of result.json, sorted when all are there */
    size_t seen_count;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "cases/NAME" and nothing else: a path that leads elsewhere would bring the journal of another run. */
static bool is_case_folder(const char *folder)
{
    return !strncmp(folder, "cases/", 6) && folder[6] && folder[6] != '.' && !strchr(folder + 6, '/');
}

static bool same_clauses(const cJSON *one, const struct verdict *verdict)
{
    const cJSON *clause;
    cJSON_ArrayForEach(clause, member_list(one, "contract")) for (size_t i = 0; i < VERDICT_CLAUSES; i++)
    {
        const struct clause *judged = &verdict->clauses[i];
        if (judged->name && judged->judged && !strcmp(judged->name, member_text(clause, "clause")) &&
            judged->holds != member_true(clause, "holds"))
            return false;
    }
    return true;
}

/* What a run says of all its cases, and a gate believes. */
static const char *other_firmware(const cJSON *result, const cJSON *fields)
{
    const cJSON *image, *images = cJSON_GetObjectItemCaseSensitive(result, "images");
    if (cJSON_HasObjectItem(fields, "firmware") &&
        strcmp(member_text(result, "firmware"), member_text(fields, "firmware")) != 0)
        return "firmware";
    cJSON_ArrayForEach(image, cJSON_GetObjectItemCaseSensitive(fields, "images"))
    {
        const cJSON *told = cJSON_GetObjectItemCaseSensitive(images, image->string);
        if (strcmp(member_text(told, "sha256"), member_text(image, "sha256")) != 0)
            return "images";
    }
    return NULL;
}

/* NULL: nothing differs. Words may change from one version to the next, verdicts may not, nor what was
 * tested. */
static char *difference(const cJSON *result, const cJSON *one, const cJSON *fields,
                        const struct verdict *verdict)
{
    static const char *const copied[] = {"scenario", "scenario_file", "family",   "board",
                                         "place",    "firmware",      "variation"};
    const char *class = verdict->class == CLASS_NONE ? "" : verdict_class_name(verdict->class);
    if (strcmp(member_text(one, "id"), member_text(fields, "case")) ||
        strcmp(member_text(one, "verdict"), verdict_kind_name(verdict->kind)) ||
        strcmp(member_text(one, "class"), class))
        return mem_printf("%s: %s%s%s", member_text(one, "id"), member_text(one, "verdict"),
                          *member_text(one, "class") ? " " : "", member_text(one, "class"));
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        const cJSON *told = cJSON_GetObjectItemCaseSensitive(one, copied[i]),
                    *was = cJSON_GetObjectItemCaseSensitive(fields, copied[i]);
        if (was && !(told && cJSON_Compare(told, was, true)))
            return mem_printf("%s: another %s", member_text(one, "id"), copied[i]);
    }
    const char *other = other_firmware(result, fields);
    if (other)
        return mem_printf("%s: $.%s are not those that it tested", member_text(one, "id"), other);
    return same_clauses(one, verdict) ? NULL
                                      : mem_printf("%s: clauses hold otherwise", member_text(one, "id"));
}

/* `one` may be NULL. Returns whether a journal was there. */
static bool judge_case(struct walk *walk, cJSON *one, const char *folder)
{
    struct verdict verdict = {0};
    struct error error = {0};
    cJSON *fields = NULL;
    char *journal = mem_printf("%s/%s/journal.jsonl", walk->folder, folder);
    struct rejudged_case found = {.one = one, .folder = folder, .journal = journal};
    char *told = NULL;
    bool there = is_case_folder(folder) && !access(journal, F_OK);
    if (there && verdict_of_journal(journal, &verdict, &fields, &error)) {
        told = mem_printf("a journal that cannot be read (%s)", error.text);
    } else if (there) {
        walk->sum->judged++;
        found.verdict = &verdict;
        told = one ? difference(walk->result, one, fields, &verdict) : mem_string("nothing of this case");
    }
    found.fields = fields;
    found.told = told;
    walk->sum->without_journal += !there && one;
    walk->sum->differ += told != NULL;
    if (walk->each && (there || one))
        walk->each(walk->arg, &found);
    if (there)
        verdict_release(&verdict);
    cJSON_Delete(fields);
    free(journal);
    free(told);
    return there;
}

static int is_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A case must not vanish from a result because somebody took it out. */
static void find_unlisted(struct walk *walk, size_t allowed)
{
    struct dirent **entries;
    char *cases = mem_printf("%s/cases", walk->folder);
    int count = scandir(cases, &entries, is_name, alphasort);
    size_t unlisted = 0;
    for (int turn = 0; turn < 2; turn++) { /* first how many they are */
        bool too_many = unlisted > allowed;
        for (int i = 0; i < count && (!turn || too_many); i++) {
            char *folder = mem_printf("cases/%s", entries[i]->d_name),
                 *journal = mem_printf("%s/%s/journal.jsonl", walk->folder, folder);
            const char *key = folder;
            if (!bsearch(&key, walk->seen, walk->seen_count, sizeof *walk->seen, by_text) &&
                !access(journal, F_OK)) {
                if (turn)
                    judge_case(walk, NULL, folder);
                else
                    unlisted++;
            }
            free(journal);
            free(folder);
        }
    }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    if (count >= 0)
        free(entries);
    free(cases);
}

/* The same case twice would count twice. */
static void count_twins(struct walk *walk)
{
    for (size_t i = 1; i < walk->seen_count; i++)
        walk->sum->differ += !strcmp(walk->seen[i - 1], walk->seen[i]);
}

void rejudge(cJSON *result, const char *folder, struct rejudged *sum,
             void (*each)(void *arg, const struct rejudged_case *found), void *arg)
{
    cJSON *cases = cJSON_GetObjectItemCaseSensitive(result, "cases"), *one;
    struct walk walk = {.sum = sum, .result = result, .folder = folder, .each = each, .arg = arg};
    *sum = (struct rejudged){0};
    walk.seen = mem_array((size_t)cJSON_GetArraySize(cases) + 1, sizeof *walk.seen);
    cJSON_ArrayForEach(one, cases)
    {
        walk.seen[walk.seen_count++] = mem_string(member_text(one, "folder"));
        judge_case(&walk, one, member_text(one, "folder"));
    }
    qsort(walk.seen, walk.seen_count, sizeof *walk.seen, by_text);
    count_twins(&walk);
    find_unlisted(&walk, result_missing(result));
    for (size_t i = 0; i < walk.seen_count; i++)
        free(walk.seen[i]);
    free(walk.seen);
}
