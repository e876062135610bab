/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Would the self-test notice that the log of what a run reads has a hole? Leaves one kind of read, or one
 * word, out, and compares all states with a right exploration. usage: control_reads SCENARIO BOARD FIRMWARE
 * DEPTH WHAT|WORD... (in hexadecimal, an offset in nvm). `merge`; `merge:WORD`, which takes that word for one
 * that nothing reads; `merge:judge`, `merge:cuts`, `merge:own` (enum merge_blind): is each state of the right
 * exploration, one torn cut included, one that somebody stands for who is judged alike? A line for each:
 * `unharmed` (no state is answered wrongly), `noticed`, or `MISSED`, which is exit 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/search.h"
#include "harness/explore/search/trail.h"

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

/* How many states of the right one are merged with one of another verdict, or known to nobody. */
static size_t differ_merged(const struct search *right, const struct search *search)
{
    struct trail *trail = mem_alloc(sizeof *trail);
    size_t count = 0;
    trail_init(trail, right);
    trail_reset(trail);
    for (uint32_t i = 0; i < right->done; i++) {
        struct state state = state_at(right, i);
        if (state.torn < search->merge.from)
            continue;
        trail_go(trail, &state);
        uint32_t stands = merge_find(search, trail->sum, trail->image, state.torn);
        const struct verdict *a = &right->verdicts[right->nodes[i].flash_verdict];
        const struct verdict *b =
            stands == NODE_NONE ? NULL : &search->verdicts[search->nodes[stands].flash_verdict];
        count +=
            !b || a->fails != b->fails || a->clause != b->clause || strcmp(a->fail_class, b->fail_class) != 0;
    }
    trail_release(trail);
    free(trail);
    return count;
}

/* `merge` or `merge:WORD` */
static bool merges(const char *what, struct search_options *options)
{
    if (strncmp(what, "merge", 5))
        return false;
    options->strategy = STRATEGY_MERGE;
    options->torn = 1;
    options->full = true;
    options->leave_out = what[5] ? UINT32_MAX : 0; /* no word: only so that it is not run again */
    options->merge_blind = !what[5]                     ? UINT32_MAX
                           : !strcmp(what + 6, "judge") ? (uint32_t)MERGE_BLIND_JUDGE
                           : !strcmp(what + 6, "cuts")  ? (uint32_t)MERGE_BLIND_CUTS
                           : !strcmp(what + 6, "own")   ? (uint32_t)MERGE_BLIND_OWN
                                                        : (uint32_t)strtoul(what + 6, NULL, 16) / 4;
    return true;
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
    struct search_options options = {.depth = atoi(argv[4]), .jobs = 2, .seed = 1, .sample = 32};
    bool merging = merges(argv[5], &options);
    options.strategy = STRATEGY_WHOLE;
    options.leave_out = 0;
    options.merge_blind = UINT32_MAX;
    if (spec_load(&spec, argv[1], argv[2], &(struct spec_folders){.firmware = argv[3]}, &error) ||
        search_run(&right, &spec, &options, NULL, &error)) {
        fprintf(stderr, "control_reads: %s\n", error.text);
        return 2;
    }
    int missed = 0;
    options.strategy = STRATEGY_READS;
    for (int i = 5; i < argc; i++) {
        struct search search;
        if (!merges(argv[i], &options))
            options.leave_out = leave_of(argv[i]);
        if (search_run(&search, &spec, &options, NULL, &error)) {
            fprintf(stderr, "control_reads: %s\n", error.text);
            return 2;
        }
        size_t wrong = merging ? differ_merged(&right, &search) : differ(&right, &search);
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
