/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/arguments.h"
#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/cmd/cmd.h"
#include "harness/replay/rejudge.h"
#include "harness/record/verdict.h"
#include "reports/result.h"

static void print_line(char *line)
{
    escape_terminal(stdout, line);
    fputc('\n', stdout);
    free(line);
}

static void print_text(const char *path, const struct verdict *verdict)
{
    print_line(mem_printf("%s: %s%s%s\n  %s", path, verdict_kind_name(verdict->kind),
                          verdict->class ? " " : "", verdict->class ? verdict_class_name(verdict->class) : "",
                          verdict->reason));
    for (size_t i = 0; i < VERDICT_CLAUSES; i++)
        if (verdict->clauses[i].name && verdict->clauses[i].judged)
            print_line(mem_printf("  %-3s %-8s %s", verdict->clauses[i].name,
                                  verdict->clauses[i].holds ? "holds" : "BROKEN",
                                  verdict->clauses[i].detail));
    for (size_t i = 0; i < verdict->cut_count; i++)
        printf("  cut %zu: planned %llu us, commanded %+lld us\n", i + 1,
               (unsigned long long)verdict->cuts[i].planned_us,
               (long long)(verdict->cuts[i].commanded_us - verdict->cuts[i].planned_us));
}

static void print_json(const struct verdict *verdict)
{
    cJSON *object = verdict_json(verdict);
    char *text = cJSON_Print(object);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(object);
}

/* A rig error outweighs a failure, a failure what is inconclusive. */
static int worse(int a, int b)
{
    static const int weight[] = {0, 2, 4, 3, 1};
    return weight[a] > weight[b] ? a : b;
}

static int judge_journal(const char *path, bool as_json, struct error *error)
{
    struct verdict verdict;
    if (verdict_of_journal(path, &verdict, NULL, error))
        return error_print(error);
    if (as_json)
        print_json(&verdict);
    else
        print_text(path, &verdict);
    int code = verdict_exit_code(verdict.kind);
    verdict_release(&verdict);
    return code;
}

struct run_judge {
    bool as_json;
    int code;
};

static void put_case(void *arg, const struct rejudged_case *found)
{
    struct run_judge *judge = arg;
    if (found->verdict) {
        judge->code = worse(judge->code, verdict_exit_code(found->verdict->kind));
        if (judge->as_json)
            print_json(found->verdict);
        else
            print_text(found->journal, found->verdict);
    }
    if (found->told) {
        struct error error;
        error_set(&error, ERROR_INPUT, "%s: %s%s", found->journal,
                  found->verdict ? "result.json says otherwise: " : "", found->told);
        error_print(&error);
    }
}

static int judge_run(const char *folder, const char *path, bool as_json, struct error *error)
{
    struct run_judge judge = {.as_json = as_json};
    struct rejudged sum;
    cJSON *result = result_read(path, error);
    if (!result)
        return error_print(error);
    rejudge(result, folder, &sum, put_case, &judge);
    size_t missing = result_missing(result) + sum.without_journal;
    cJSON_Delete(result);
    if (missing)
        fprintf(stderr, "otarig: %s: %zu of its cases %s no journal\n", folder, missing,
                missing == 1 ? "has" : "have");
    if (sum.differ)
        return 2;
    return worse(judge.code, !sum.judged || missing ? 4 : 0);
}

static int judge_one(const char *path, bool as_json, struct error *error)
{
    struct stat about;
    bool folder = !stat(path, &about) && S_ISDIR(about.st_mode);
    char *journal = folder ? mem_printf("%s/journal.jsonl", path) : mem_string(path),
         *result = mem_printf("%s/result.json", path);
    int code = folder && access(journal, F_OK) && !access(result, F_OK)
                   ? judge_run(path, result, as_json, error)
                   : judge_journal(journal, as_json, error);
    free(journal);
    free(result);
    return code;
}

int cmd_judge(int argc, char **argv)
{
    bool as_json = false;
    const struct argument table[] = {{"json", NULL, "the verdicts as JSON", ARGUMENT_FLAG, .to = &as_json},
                                     {0}};
    const struct arguments arguments = {
        "judge",
        "usage: otarig judge JOURNAL... [--json]\n"
        "Judges stored journals (or case folders, or all of a run's folder) again, from nothing but\n"
        "what they hold. Of a run, a result.json that says otherwise is told: exit 2.\n",
        NULL, table};
    struct error error = {0};
    int worst = 0, first, code;
    if (arguments_take(&arguments, argc, argv, &first, &code))
        return code;
    if (first == argc)
        return arguments_wrong("judge", "expected a journal, a case or a run");
    for (int i = first; i < argc; i++) {
        cmd_trim(argv[i]);
        worst = worse(worst, judge_one(argv[i], as_json, &error));
    }
    return worst;
}
