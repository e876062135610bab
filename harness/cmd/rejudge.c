#include "harness/cmd/rejudge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/base/member.h"

/* Words may change from one version to the next, verdicts may not. */
static bool same(const cJSON *one, const cJSON *fields, const struct verdict *verdict)
{
    return !strcmp(member_text(one, "id"), member_text(fields, "case")) &&
           !strcmp(member_text(one, "verdict"), verdict_kind_name(verdict->kind)) &&
           !strcmp(member_text(one, "class"),
                   verdict->class == CLASS_NONE ? "" : verdict_class_name(verdict->class));
}

int rejudge(const cJSON *result, const char *folder, struct rejudged *sum,
            void (*each)(void *arg, const char *journal, const struct verdict *verdict, const char *told),
            void *arg, struct error *error)
{
    const cJSON *one;
    int failed = 0;
    *sum = (struct rejudged){0};
    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(result, "cases"))
    {
        struct verdict verdict;
        cJSON *fields = NULL;
        char *journal = mem_printf("%s/%s/journal.jsonl", folder, member_text(one, "folder"));
        if (access(journal, F_OK)) {
            sum->without_journal++;
        } else if (verdict_of_journal(journal, &verdict, &fields, error)) {
            failed = -1;
        } else {
            char *told = same(one, fields, &verdict)
                             ? NULL
                             : mem_printf("%s: %s%s%s", member_text(one, "id"), member_text(one, "verdict"),
                                          *member_text(one, "class") ? " " : "", member_text(one, "class"));
            sum->judged++;
            sum->differ += told != NULL;
            if (each)
                each(arg, journal, &verdict, told);
            free(told);
            verdict_release(&verdict);
        }
        cJSON_Delete(fields);
        free(journal);
        if (failed)
            break;
    }
    return failed;
}
