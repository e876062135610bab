/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/cmd/trust.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/replay/rejudge.h"
#include "reports/result.h"

static char *verdict_words(const struct verdict *verdict)
{
    return mem_printf("%s%s%s", verdict_kind_name(verdict->kind), verdict->class ? " " : "",
                      verdict->class ? verdict_class_name(verdict->class) : "");
}

/* What a journal does not bear out is told as inconclusive, in every format: no reader may take it for a
 * pass. */
static void distrust(void *arg, const struct rejudged_case *found)
{
    cJSON *result = arg, *one = found->one;
    char *reason = NULL;
    struct error error;
    if (found->verdict && !found->told)
        return;
    if (!found->verdict && !found->told) {
        reason = mem_printf("its journal is gone: nothing bears out what result.json says of it (%s)",
                            member_text(one, "verdict"));
    } else if (!found->verdict) {
        reason = mem_string(found->told);
    } else {
        char *words = verdict_words(found->verdict);
        reason = mem_printf("its journal says %s, but result.json says %s", words, found->told);
        free(words);
    }
    if (!one) /* taken out of result.json */
        one = result_add_case(result, found->fields, found->verdict, found->folder, NULL, 0);
    error_set(&error, ERROR_INPUT, "%s: %s", found->journal, reason);
    error_print(&error);
    result_distrust(one, reason);
    free(reason);
}

int trust_result(cJSON *result, const char *folder)
{
    struct rejudged sum;
    rejudge(result, folder, &sum, distrust, result);
    result_count(result);
    if (sum.differ)
        fprintf(stderr, "otarig: %s/result.json: expected the verdicts of its journals\n", folder);
    return sum.differ ? 2 : sum.without_journal ? 4 : 0;
}
