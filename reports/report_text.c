/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/report.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "reports/case.h"
#include "reports/result.h"

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

struct page {
    FILE *out;
    bool colour;
    int width;            /* columns of the terminal; 0: none, lines are as long as they are */
    int family, scenario; /* columns */
};

/* Characters, not bytes: continuation bytes of UTF-8 take no column. */
static int columns(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void pad(const struct page *page, const char *text, int width)
{
    escape_terminal(page->out, text);
    fprintf(page->out, "%*s ", width > columns(text) ? width - columns(text) : 0, "");
}

static int terminal_width(FILE *out)
{
    struct winsize size = {0};
    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size))
        return 0;
    return size.ws_col > 40 ? size.ws_col : 0;
}

static void measure(struct page *page, const cJSON *cases)
{
    const cJSON *one;
    page->family = columns("family");
    page->scenario = columns("scenario");
    cJSON_ArrayForEach(one, cases)
    {
        int family = columns(member_text(one, "family")), scenario = columns(member_text(one, "scenario"));
        page->family = family > page->family ? family : page->family;
        page->scenario = scenario > page->scenario ? scenario : page->scenario;
    }
}

/* Words from column 4 on, broken at the terminal's edge. */
static void print_wrapped(const struct page *page, const char *text)
{
    int at = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        char *word = mem_printf("%.*s", (int)len, text);
        bool breaks = at && page->width && at + 1 + columns(word) > page->width - 4;
        fputs(!at || breaks ? (at ? "\n    " : "    ") : " ", page->out);
        escape_terminal(page->out, word);
        at = (at && !breaks ? at + 1 : 0) + columns(word);
        free(word);
        text += len;
        text += *text == ' ';
    }
    fputc('\n', page->out);
}

static void print_row(const struct page *page, const char *family, const char *name, const int counts[KINDS])
{
    FILE *out = page->out;
    int all = counts[0] + counts[1] + counts[2] + counts[3];
    fputs("  ", out);
    pad(page, family, page->family);
    pad(page, name, page->scenario);
    fprintf(out, "%6d", all);
    for (int i = 0; i < KINDS; i++) {
        bool painted = page->colour && counts[i];
        fprintf(out, "%s %12d%s", painted ? colours[i] : "", counts[i], painted ? "\033[0m" : "");
    }
    fputc('\n', out);
}

/* Scenarios in the order in which they first appear. */
static void print_scenarios(const struct page *page, const cJSON *cases)
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
        print_row(page, member_text(one, "family"), name, counts);
    }
}

static void print_failures(const struct page *page, const char *run_folder, const cJSON *cases)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, cases)
    {
        const char *verdict = member_text(one, "verdict"), *class = member_text(one, "class");
        if (!strcmp(verdict, "pass"))
            continue;
        char *repro = case_repro(run_folder, one);
        fprintf(page->out, "\n%s ", verdict);
        escape_terminal(page->out, member_text(one, "id"));
        fputs(class[0] ? ": " : "", page->out);
        escape_terminal(page->out, class);
        fputc('\n', page->out);
        print_wrapped(page, member_text(one, "reason"));
        fputs("    ", page->out);
        escape_terminal(page->out, repro);
        fputc('\n', page->out);
        free(repro);
    }
}

int report_text(const cJSON *result, const char *run_folder, FILE *out, struct error *error)
{
    const char *no_colour = getenv("NO_COLOR"); /* no-color.org: set and not empty */
    struct page page = {.out = out,
                        .colour = isatty(fileno(out)) && !(no_colour && no_colour[0]),
                        .width = terminal_width(out)};
    const cJSON *cases = cJSON_GetObjectItemCaseSensitive(result, "cases");
    int counts[KINDS];
    measure(&page, cases);
    fputs("\n  ", out);
    pad(&page, "family", page.family);
    pad(&page, "scenario", page.scenario);
    fprintf(out, "%6s", "cases");
    for (int i = 0; i < KINDS; i++)
        fprintf(out, " %12s", kinds[i]);
    fputc('\n', out);
    print_scenarios(&page, cases);
    count(cases, NULL, counts);
    print_row(&page, "all", "", counts);
    print_failures(&page, run_folder, cases);
    if (result_missing(result))
        fprintf(out, "\nthe run ended early: %zu more cases were asked for and have no verdict\n",
                result_missing(result));
    fputc('\n', out);
    return 0;
}
