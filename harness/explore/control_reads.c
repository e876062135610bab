/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Would the self-test notice that the log of what a run reads has a hole? Leaves one kind of read, or one
 * word, out, and compares all states with a right exploration. usage: control_reads SCENARIO BOARD FIRMWARE
 * DEPTH WHAT|WORD... (in hexadecimal, an offset in nvm). A line for each: `unharmed` (no state is answered
 * wrongly), `noticed`, or `MISSED`, which is exit 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/explore/search/search.h"

static const char *const kinds[] = {"none", "loads", "code", "bus", "writes", "parts", NULL};

static uint32_t leave_of(const char *text)
{
    for (uint32_t i = 0; kinds[i]; i++)
        if (!strcmp(kinds[i], text))
            return i;
    return TWIN_LEAVE_WORD + (uint32_t)strtoul(text, NULL, 16) / 4;
}

static bool same_node(const struct search *a, const struct search *b, size_t i)
{
    const struct node *x = &a->nodes[i], *y = &b->nodes[i];
    size_t x_len, y_len;
    char *x_text = search_text(a, (uint32_t)i, &x_len), *y_text = search_text(b, (uint32_t)i, &y_len);
    bool same = x_len == y_len && !memcmp(x_text, y_text, x_len) && x->end == y->end && x->ns == y->ns &&
                sum_equal(x->sum, y->sum) && sum_equal(x->final, y->final) &&
                !strcmp(a->verdicts[x->verdict].fail_class, b->verdicts[y->verdict].fail_class);
    free(x_text);
    free(y_text);
    return same;
}

/* How many states it has another opinion of. */
static size_t differ(const struct search *a, const struct search *b)
{
    size_t count = a->done > b->done ? a->done - b->done : b->done - a->done;
    for (size_t i = 0; i < a->done && i < b->done; i++)
        count += !same_node(a, b, i);
    return count;
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fputs("usage: control_reads SCENARIO BOARD FIRMWARE DEPTH WHAT...\n", stderr);
        return 2;
    }
    struct error error = {0};
    struct spec spec;
    struct search right;
    struct search_options options = {.depth = atoi(argv[4]), .jobs = 2, .seed = 1, .torn = 0, .sample = 32};
    if (spec_load(&spec, argv[1], argv[2], &(struct spec_folders){.firmware = argv[3]}, &error) ||
        search_run(&right, &spec, &options, NULL, &error)) {
        fprintf(stderr, "control_reads: %s\n", error.text);
        return 2;
    }
    int missed = 0;
    options.strategy = STRATEGY_READS;
    for (int i = 5; i < argc; i++) {
        struct search search;
        options.leave_out = leave_of(argv[i]);
        if (search_run(&search, &spec, &options, NULL, &error)) {
            fprintf(stderr, "control_reads: %s\n", error.text);
            return 2;
        }
        size_t wrong = differ(&right, &search);
        bool noticed = search.sample_bad || search.contradiction;
        missed |= wrong && !noticed;
        printf("%s: %s, %zu of %zu states wrong%s%s\n", argv[i],
               noticed ? "noticed"
               : wrong ? "MISSED"
                       : "unharmed",
               wrong, right.done, search.contradiction ? ": " : "",
               search.contradiction ? search.contradiction : "");
        search_free(&search);
    }
    search_free(&right);
    spec_release(&spec);
    return missed;
}
