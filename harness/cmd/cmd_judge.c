#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/mem.h"
#include "harness/cmd/cmd.h"
#include "harness/record/verdict.h"

static void print_text(const char *path, const struct verdict *verdict)
{
    printf("%s: %s%s%s\n  %s\n", path, verdict_kind_name(verdict->kind), verdict->class ? " " : "",
           verdict->class ? verdict_class_name(verdict->class) : "", verdict->reason);
    for (size_t i = 0; i < VERDICT_CLAUSES; i++)
        if (verdict->clauses[i].name && verdict->clauses[i].judged)
            printf("  %-3s %-8s %s\n", verdict->clauses[i].name,
                   verdict->clauses[i].holds ? "holds" : "BROKEN", verdict->clauses[i].detail);
    for (size_t i = 0; i < verdict->cut_count; i++)
        printf("  cut %zu: planned %llu us, commanded %+lld us\n", i + 1,
               (unsigned long long)verdict->cuts[i].planned_us,
               (long long)(verdict->cuts[i].commanded_us - verdict->cuts[i].planned_us));
}

static int judge_one(const char *path, bool as_json, struct error *error)
{
    struct verdict verdict;
    struct stat about;
    char *journal = !stat(path, &about) && S_ISDIR(about.st_mode) ? mem_printf("%s/journal.jsonl", path)
                                                                  : mem_string(path);
    int code = verdict_of_journal(journal, &verdict, NULL, error);
    if (code) {
        free(journal);
        return cmd_fail(error);
    }
    if (as_json) {
        cJSON *object = verdict_json(&verdict);
        char *text = cJSON_Print(object);
        puts(text);
        cJSON_free(text);
        cJSON_Delete(object);
    } else {
        print_text(journal, &verdict);
    }
    code = verdict_exit_code(verdict.kind);
    verdict_release(&verdict);
    free(journal);
    return code;
}

int cmd_judge(int argc, char **argv)
{
    struct error error = {0};
    bool as_json = false;
    int worst = 0, count = 0;
    for (int i = 1; i < argc; i++)
        as_json |= !strcmp(argv[i], "--json");
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            continue;
        if (argv[i][0] == '-') {
            bool help = !strcmp(argv[i], "--help");
            fputs("usage: otarig judge JOURNAL... [--json]\nJudges stored journals (or case folders) again, "
                  "from nothing but what "
                  "they hold.\n",
                  help ? stdout : stderr);
            return help ? 0 : 2;
        }
        int code = judge_one(argv[i], as_json, &error);
        count++;
        /* a rig error outweighs a failure, a failure what is inconclusive */
        static const int weight[] = {0, 2, 4, 3, 1};
        if (weight[code] > weight[worst])
            worst = code;
    }
    if (!count) {
        fputs("otarig judge: expected a journal\n", stderr);
        return 2;
    }
    return worst;
}
