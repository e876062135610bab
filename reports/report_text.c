#include "reports/report.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/member.h"

#define KINDS 4
static const char *const kinds[KINDS] = {"pass", "fail", "inconclusive", "rig-error"};
static const char *const colours[KINDS] = {"\033[32m", "\033[31m", "\033[33m", "\033[35m"};

static void count(const cJSON *cases, const char *scenario, int counts[KINDS])
{
    const cJSON *one;
    memset(counts, 0, KINDS * sizeof *counts);
    cJSON_ArrayForEach(one, cases) for (int i = 0; i < KINDS; i++) counts[i] +=
        (!scenario || !strcmp(scenario, member_text(one, "scenario"))) &&
        !strcmp(kinds[i], member_text(one, "verdict"));
}

static void print_row(FILE *out, bool colour, const char *family, const char *name, const int counts[KINDS])
{
    int all = counts[0] + counts[1] + counts[2] + counts[3];
    fprintf(out, "  %-14s %-20s %6d", family, name, all);
    for (int i = 0; i < KINDS; i++) {
        bool painted = colour && counts[i];
        fprintf(out, "%s %12d%s", painted ? colours[i] : "", counts[i], painted ? "\033[0m" : "");
    }
    fputc('\n', out);
}

/* Scenarios in the order in which they first appear. */
static void print_scenarios(FILE *out, bool colour, const cJSON *cases)
{
    const cJSON *one, *earlier;
    int counts[KINDS];
    cJSON_ArrayForEach(one, cases)
    {
        const char *name = member_text(one, "scenario");
        bool seen = false;
        for (earlier = cases->child; earlier != one; earlier = earlier->next)
            seen |= !strcmp(name, member_text(earlier, "scenario"));
        if (seen)
            continue;
        count(cases, name, counts);
        print_row(out, colour, member_text(one, "family"), name, counts);
    }
}

static void print_failures(FILE *out, const char *run_folder, const cJSON *cases)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cases)
    {
        if (!strcmp(member_text(one, "verdict"), "pass"))
            continue;
        fprintf(out, "\n%s %s%s%s\n    %s\n    otarig repro %s/%s\n", member_text(one, "verdict"),
                member_text(one, "id"), member_text(one, "class")[0] ? ": " : "", member_text(one, "class"),
                member_text(one, "reason"), run_folder, member_text(one, "folder"));
    }
}

int report_text(const cJSON *result, const char *run_folder, FILE *out, struct error *error)
{
    bool colour = isatty(fileno(out)) && !getenv("NO_COLOR");
    const cJSON *cases = cJSON_GetObjectItemCaseSensitive(result, "cases");
    int counts[KINDS];
    fprintf(out, "\n  %-14s %-20s %6s %12s %12s %12s %12s\n", "family", "scenario", "cases", kinds[0],
            kinds[1], kinds[2], kinds[3]);
    print_scenarios(out, colour, cases);
    count(cases, NULL, counts);
    print_row(out, colour, "all", "", counts);
    print_failures(out, run_folder, cases);
    fputc('\n', out);
    return 0;
}
