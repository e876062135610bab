/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a search that shares or merges as right as one that does not? Everything is held against an exploration
 * in which each state was run to its end, without any sharing. usage: control_share SCENARIO BOARD FIRMWARE
 * TORN HOW... (reads, meet, merge, merge-all), with so many torn cuts in a sequence; rotN: with a bit that
 * flips, of N drawn in each region. For each HOW:
 *  - each state of the right search is known, by itself or by the one that stands for it, with its verdict;
 *  - each state it knows is one of the right search, and has its verdict;
 *  - the same classes of failure are found, each confirmed by real cuts; with as many states and no more
 *    cuts, unless merged (then it is told how many need more cuts);
 *  - each place of each run that a window tells of fails in that way, and so do no places right beside it,
 *    by real cuts; in the run of the boot without a cut, all windows are those of the right search.
 * A line for each; exit 1: something differs. Exit 77: the right search found no end in time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/trail.h"
#include "harness/explore/search/worker.h"
#include "harness/explore/search/findings.h"

#define RIGHT_S 60 /* for the right search */
#define LINE 300

struct control {
    const struct spec *spec;
    struct search right;
    struct findings found;
    const char *how;
    struct search search; /* what is held against it */
    struct findings findings;
    size_t wrong;
};

static void wrong(struct control *control, const char *what, uint32_t number)
{
    if (control->wrong++ < 5)
        printf("%s: %s %u\n", control->how, what, number);
}

static bool same_verdict(const struct verdict *a, const struct verdict *b)
{
    return a->fails == b->fails && a->phase == b->phase && a->clause == b->clause &&
           !strcmp(a->fail_class, b->fail_class);
}

static const struct verdict *verdict_of(const struct search *search, uint32_t number)
{
    return &search->verdicts[search->nodes[number].verdict];
}

static uint32_t state_of(const struct search *search, struct sum sum, unsigned torn)
{
    uint32_t number = STATE_NONE;
    for (unsigned t = 0; t <= torn && number == STATE_NONE; t++)
        number = state_find(search, sum, t);
    return number;
}

/* ---- states ---- */

static void hold_states(struct control *control)
{
    const struct search *right = &control->right, *search = &control->search;
    struct trail *trail = mem_alloc(sizeof *trail);
    trail_init(trail, right);
    trail_reset(trail);
    for (uint32_t i = 0; i < right->done; i++) {
        struct state state = state_at(right, i);
        trail_go(trail, &state);
        uint32_t stands = state_of(search, trail->sum, state.torn);
        if (stands == STATE_NONE && search->merge.on)
            stands = merge_find(search, trail->sum, trail->image, state.torn);
        if (stands == STATE_NONE)
            wrong(control, "nobody stands for right state", i);
        else if (!same_verdict(verdict_of(right, i), verdict_of(search, stands)))
            wrong(control, "another verdict for right state", i);
    }
    trail_release(trail);
    free(trail);
    for (uint32_t i = 0; i < search->done; i++) {
        uint32_t number = state_of(right, search->nodes[i].sum, search->nodes[i].torn);
        if (number == STATE_NONE)
            wrong(control, "there is no such state as", i);
        else if (!same_verdict(verdict_of(right, number), verdict_of(search, i)))
            wrong(control, "another verdict for its state", i);
    }
}

/* ---- windows ---- */

/* What comes of the memory that the machine holds: does it fail like this state? Un-pruned; puts it back. */
static bool fails_so(struct control *control, struct machine *machine, const uint8_t *nvm, uint32_t number)
{
    const struct node *node = &control->search.nodes[number];
    struct verdict verdict;
    machine_load(machine, nvm);
    machine_cycle(machine, UINT64_MAX);
    enum machine_end end = machine->end;
    char *text = mem_copy(machine->text_len ? machine->text : "", machine->text_len + 1);
    size_t len = machine->text_len;
    judge_flash(machine, end, machine->end_pc, NULL, &verdict);
    judge_text(control->spec, end, text, len, &verdict);
    free(text);
    return verdict.fails && same_verdict(&verdict, verdict_of(&control->search, number)) &&
           (end == node->end || node->end == END_LOOP);
}

static bool any_tear_fails(struct control *control, struct machine *machine, uint8_t *nvm,
                           const struct op *op, uint32_t number)
{
    bool any = false;
    size_t size = control->spec->nvm_size;
    uint8_t *before = mem_copy(nvm, size);
    for (enum torn_model model = TORN_ONE_BIT; model < TORN_MODELS && !any; model++) {
        if (op->kind == TWIN_NVM_ERASE_ALL || !candidate_tears(&control->search, op, model))
            continue;
        apply_torn(control->spec, nvm, op, model, control->search.options.seed);
        any = memcmp(nvm, before, size) && fails_so(control, machine, nvm, number);
        memcpy(nvm, before, size);
    }
    free(before);
    return any;
}

/* Which places of a run fail so, by trying all: 2k right before operation k, 2k + 1 inside of it. */
static bool *try_places(struct control *control, struct machine *machine, uint32_t run, uint32_t number,
                        uint32_t *count)
{
    const struct search *search = &control->search;
    struct state state = state_at(search, run);
    struct trail *trail = mem_alloc(sizeof *trail);
    *count = 0;
    while (search_op(search, run, *count))
        ++*count;
    bool *places = mem_array(2 * (size_t)*count + 2, sizeof *places);
    trail_init(trail, search);
    trail_reset(trail);
    trail_go(trail, &state);
    for (uint32_t k = 0; k <= *count; k++) {
        const struct op *op = search_op(search, run, k);
        places[2 * k] = k && fails_so(control, machine, trail->image, number);
        if (!op)
            break;
        places[2 * k + 1] = search->options.torn && state.torn < search_odd_cuts(search) &&
                            any_tear_fails(control, machine, trail->image, op, number);
        trail_apply(trail, op);
    }
    trail_release(trail);
    free(trail);
    return places;
}

/* The windows of one run are just the stretches of places that fail. */
static void hold_run(struct control *control, struct machine *machine, const struct finding *finding,
                     uint32_t run)
{
    uint32_t count;
    bool *places = try_places(control, machine, run, finding->node, &count);
    bool *told = mem_array(2 * (size_t)count + 2, sizeof *told);
    for (size_t i = 0; i < finding->windows.count; i++) {
        const struct window *window = &finding->windows.items[i];
        if (window->run != run || window->resets)
            continue;
        uint32_t from = 2 * window->first + window->first_torn, to = 2 * window->last + window->last_torn;
        for (uint32_t at = from; at <= to; at++)
            told[at] = at % 2 == 0 || places[at]; /* inside of an operation some ways do no harm */
        if (from / 2 > count || to / 2 > count || window->behind != (window->last == count))
            wrong(control, "a window that there cannot be in run", run);
    }
    if (finding->windows.left_off == 0 && memcmp(places, told, 2 * (size_t)count + 1) != 0)
        wrong(control, "the windows are not where it fails in run", run);
    free(places);
    free(told);
}

static void hold_windows(struct control *control)
{
    struct error error = {0};
    struct machine *machine = machine_new(control->spec, control->search.options.seed, false, &error);
    for (size_t i = 0; machine && i < control->findings.all; i++) {
        const struct finding *finding = &control->findings.items[i];
        for (size_t k = 0; k < finding->windows.count; k++) {
            bool known = false;
            for (size_t j = 0; j < k && !known; j++)
                known = finding->windows.items[j].run == finding->windows.items[k].run;
            if (!known)
                hold_run(control, machine, finding, finding->windows.items[k].run);
        }
        if (!finding->windows.count && finding->cut_count &&
            finding->cuts[finding->cut_count - 1].model != MODEL_ROT)
            wrong(control, "no window, for state", finding->node);
    }
    if (!machine)
        wrong(control, error.text, 0);
    machine_free(machine);
}

/* ---- classes of failure ---- */

static const struct finding *like(const struct control *control, const struct findings *findings,
                                  const struct search *search, const struct verdict *verdict, uint8_t end)
{
    for (size_t i = 0; i < findings->all; i++)
        if (same_verdict(verdict, &search->verdicts[findings->items[i].verdict]) &&
            findings->items[i].end == end)
            return &findings->items[i];
    return NULL;
}

/* In the boot without a cut. */
static size_t root_windows(const struct finding *finding, char *text, size_t room)
{
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < finding->windows.count && len < room; i++) {
        const struct window *window = &finding->windows.items[i];
        if (!window->run)
            len += (size_t)snprintf(text + len, room - len, "%u%s-%u%s%s (%u) ", window->first,
                                    window->first_torn ? "t" : "", window->last, window->last_torn ? "t" : "",
                                    window->timed ? " timed" : "", window->states);
    }
    return len;
}

static void hold_findings(struct control *control, size_t *longer)
{
    const struct search *right = &control->right, *search = &control->search;
    for (size_t i = 0; i < control->found.all; i++) {
        const struct finding *wanted = &control->found.items[i];
        const struct finding *mine =
            like(control, &control->findings, search, &right->verdicts[wanted->verdict], wanted->end);
        if (!mine) {
            wrong(control, "it does not find failure", (uint32_t)i);
            continue;
        }
        if (mine->cut_count < wanted->cut_count || (mine->cut_count > wanted->cut_count && !search->merge.on))
            wrong(control, "another number of cuts for failure", (uint32_t)i);
        *longer += mine->cut_count > wanted->cut_count;
        if (mine->states != wanted->states && !search->merge.on)
            wrong(control, "another number of states of failure", (uint32_t)i);
        char a[LINE], b[LINE];
        if (wanted->cut_count == 1 && mine->cut_count == 1 &&
            (root_windows(wanted, a, sizeof a) != root_windows(mine, b, sizeof b) || strcmp(a, b) != 0)) {
            wrong(control, "other windows of failure", (uint32_t)i);
            printf("  %s\n  in place of %s\n", b, a);
        }
    }
    for (size_t i = 0; i < control->findings.all; i++) {
        const struct finding *mine = &control->findings.items[i];
        if (!like(control, &control->found, right, &search->verdicts[mine->verdict], mine->end))
            wrong(control, "there is no such failure as", (uint32_t)i);
        if (!mine->confirmed)
            wrong(control, "it is not confirmed: failure", (uint32_t)i);
    }
}

/* ---- one after the other ---- */

static bool take_how(const char *how, struct search_options *options)
{
    options->merge_all = !strcmp(how, "merge-all");
    for (int i = 0; search_strategy_names[i]; i++) {
        if (strcmp(search_strategy_names[i], options->merge_all ? "merge" : how))
            continue;
        options->strategy = (enum search_strategy)i;
        return true;
    }
    return false;
}

static int hold(struct control *control, const struct search_options *options, struct error *error)
{
    struct search *search = &control->search;
    size_t longer = 0;
    control->wrong = 0;
    if (search_run(search, control->spec, options, NULL, error) ||
        findings_make(&control->findings, search, error))
        return -1;
    if (search->sample_bad || search->contradiction || search->fell_back) {
        control->wrong++;
        printf("%s: %s\n", control->how,
               search->contradiction ? search->contradiction : search->sample_detail);
    }
    if (!search->fixpoint)
        wrong(control, search->bound, 0);
    else
        hold_states(control);
    hold_windows(control);
    hold_findings(control, &longer);
    printf("%s: %s, %zu states of %zu, %zu failures, %zu with more cuts than needed\n", control->how,
           control->wrong ? "WRONG" : "right", search->done, control->right.done, control->findings.all,
           longer);
    findings_release(&control->findings);
    search_free(search);
    return control->wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct error error = {0};
    struct spec spec;
    struct control *control = mem_alloc(sizeof *control);
    struct search_options options = {.depth = -1,
                                     .jobs = 2,
                                     .seed = 1,
                                     .sample = 32,
                                     .full = true,
                                     .budget_s = RIGHT_S,
                                     .merge_blind = UINT32_MAX,
                                     .strategy = STRATEGY_WHOLE};
    if (argc < 6) {
        fputs("usage: control_share SCENARIO BOARD FIRMWARE TORN HOW...\n", stderr);
        return 2;
    }
    bool rot = !strncmp(argv[4], "rot", 3);
    *(rot ? &options.rot : &options.torn) = (unsigned)atoi(argv[4] + (rot ? 3 : 0));
    control->spec = &spec;
    int result = 0;
    if (spec_load(&spec, argv[1], argv[2], &(struct spec_folders){.firmware = argv[3]}, &error)) {
        fprintf(stderr, "control_share: %s\n", error.text);
        free(control);
        return 2;
    }
    if (search_run(&control->right, &spec, &options, NULL, &error) ||
        findings_make(&control->found, &control->right, &error))
        result = 2;
    if (!result && !control->right.fixpoint)
        result = 77;
    options.budget_s = 0;
    options.leave_out = UINT32_MAX; /* no word: only so that it is not run again */
    for (int i = 5; i < argc && result < 2; i++) {
        control->how = argv[i];
        int found = take_how(argv[i], &options) ? hold(control, &options, &error) : -1;
        result = found < 0 ? 2 : result | found;
    }
    if (result == 2)
        fprintf(stderr, "control_share: %s\n", error.text);
    findings_release(&control->found);
    search_free(&control->right);
    spec_release(&spec);
    free(control);
    return result;
}
