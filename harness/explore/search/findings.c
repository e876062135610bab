/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/search/findings.h"

#include <stdlib.h>
#include <string.h>

#include "fixtures/twin/debug/debug.h"
#include "harness/base/mem.h"
#include "harness/explore/engine/rot.h"
#include "harness/explore/soundness.h"
#include "harness/record/confidence.h"

static struct finding *find(struct findings *findings, const struct search *search, uint32_t number)
{
    for (size_t i = 0; i < findings->all; i++)
        if (windows_same_kind(search, findings->items[i].node, number))
            return &findings->items[i];
    findings->items = mem_resize(findings->items, findings->all + 1, sizeof *findings->items);
    struct finding *finding = &findings->items[findings->all++];
    *finding = (struct finding){
        .node = number, .verdict = search->nodes[number].verdict, .end = search->nodes[number].end};
    return finding;
}

static const struct op *op_at(const struct search *search, uint32_t run, uint32_t op)
{
    const struct node *node = &search->nodes[run];
    return op < node->op_count ? search_op(search, run, op) : op ? search_op(search, run, op - 1) : NULL;
}

/* ---- live confirmation ---- */

struct live {
    struct machine *machine;
    const struct symbols *symbols;
    uint32_t caller_at; /* operation of which the caller is wanted */
    uint32_t caller;
    struct symbols_source chain[SYMBOLS_CHAIN_MAX];
    unsigned chain_count;
    /* of that operation, since power-up: the end of the one before, its begin and its end */
    uint64_t before_ns, begin_ns, end_ns;
    size_t said_len; /* what the console had said before the last operation so far */
};

static bool read_word(void *arg, uint32_t address, uint32_t *word)
{
    return debug_bus_read_block(arg, address, word, 4);
}

static bool on_op(void *arg, struct machine *machine, const struct twin_nvm_op *op)
{
    struct live *live = arg;
    live->said_len = machine->text_len;
    if (machine->op_count < live->caller_at)
        live->before_ns = op->end_ns - machine->begin_ns;
    if (machine->op_count != live->caller_at)
        return false;
    live->begin_ns = op->begin_ns - machine->begin_ns;
    live->end_ns = op->end_ns - machine->begin_ns;
    if (!live->symbols)
        return false;
    uint32_t registers[16];
    for (unsigned i = 0; i < 15; i++)
        registers[i] = debug_register(machine->twin, i);
    registers[15] = op->pc;
    symbols_caller(live->symbols, registers, read_word, machine->twin, &live->caller);
    live->chain_count = symbols_chain(live->symbols, registers, read_word, machine->twin, live->chain);
    return false;
}

static void describe(struct cut *cut, const struct search *search, uint32_t number, unsigned boot,
                     const struct symbols *symbols, const struct live *live)
{
    const struct node *node = &search->nodes[number], *from = &search->nodes[node->parent];
    cut->boot = boot;
    cut->model = node->model;
    if (node->model == MODEL_ROT) {
        cut->op.address = spec_address(search->spec, rot_word(node->op));
        cut->op.value = rot_mask(node->op);
        return;
    }
    cut->after = node->op >= from->op_count;
    cut->operation = cut->after && node->op ? node->op - 1 : node->op; /* the one that cut.op is */
    cut->op = *op_at(search, node->parent, node->op);
    symbols_find(symbols, cut->op.pc, &cut->place);
    if (live->caller)
        symbols_find(symbols, live->caller, &cut->caller);
    cut->chain_count = live->chain_count;
    memcpy(cut->chain, live->chain, sizeof cut->chain);
}

/* Lines that had left the chip before that time. */
static void take_lines(struct cut *cut, const struct machine *machine)
{
    size_t len = 0;
    while (cut->line_count < machine->line_count && machine->line_ns[cut->line_count] <= cut->from_ns) {
        const char *end = memchr(machine->text + len, '\n', machine->text_len - len);
        len = (size_t)(end - machine->text) + 1;
        cut->line_count++;
    }
    cut->text = mem_alloc(len + 1);
    for (size_t i = 0; i < len; i++) { /* a garbled console must not break what quotes it */
        char c = machine->text[i];
        cut->text[i] = (char)(c == '\n' || (c >= ' ' && c < 0x7f) ? c : c == '\r' ? ' ' : '?');
    }
    cut->line_ns = mem_array(cut->line_count + 1, sizeof *cut->line_ns);
    if (cut->line_count)
        memcpy(cut->line_ns, machine->line_ns, cut->line_count * sizeof *cut->line_ns);
}

static void time_cut(struct cut *cut, const struct live *live, const struct window *window)
{
    const struct machine *machine = live->machine;
    if (cut->model >= TORN_MODELS)
        return;
    cut->timed = true;
    cut->from_ns = cut->after ? live->end_ns : model_is_tear(cut->model) ? live->begin_ns : live->before_ns;
    cut->to_ns = cut->after                  ? machine->end_ns - machine->begin_ns
                 : model_is_tear(cut->model) ? live->end_ns
                                             : live->begin_ns;
    if (window && cut->model == TORN_CLEAN) {
        cut->from_ns = window->from_ns;
        cut->to_ns = window->to_ns;
    }
    take_lines(cut, machine);
}

/* One real cut; false: the machine is not where the explorer said. */
static bool live_cut(struct live *live, const struct search *search, uint32_t number)
{
    struct machine *machine = live->machine;
    const struct node *node = &search->nodes[number], *from = &search->nodes[node->parent];
    bool after = node->op >= from->op_count;
    live->caller = 0;
    live->chain_count = 0;
    if (node->model == MODEL_ROT) {
        uint32_t bit = node->op;
        uint8_t byte = (uint8_t)(machine->nvm[bit >> 3] ^ 1u << (bit & 7));
        machine_set(machine, bit >> 3, &byte, 1);
        return sum_equal(machine->sum, node->sum);
    }
    live->before_ns = 0;
    if (node->model == MODEL_RESET) {
        machine->reset_at = node->op; /* of the next cycle */
        return sum_equal(machine->sum, from->sum);
    }
    live->caller_at = after ? node->op - 1 : node->op;
    machine_cycle(machine, after ? UINT64_MAX : node->op);
    if (node->model) {
        uint8_t *copy = mem_copy(machine->nvm, search->spec->nvm_size);
        apply_torn(search->spec, copy, search_op(search, node->parent, node->op),
                   (enum torn_model)node->model, search->options.seed);
        machine_load(machine, copy);
        free(copy);
    }
    return (after || machine->end == END_CUT) && sum_equal(machine->sum, node->sum);
}

/* ---- when, for a rig that aims by time ---- */

struct clock {
    const struct finding *finding;
    uint32_t run;
    uint64_t end_ns; /* of the operation before */
};

static bool on_timed_op(void *arg, struct machine *machine, const struct twin_nvm_op *op)
{
    struct clock *clock = arg;
    for (size_t i = 0; i < clock->finding->windows.count; i++) {
        struct window *window = &clock->finding->windows.items[i];
        if (window->run != clock->run)
            continue;
        if (window->first == machine->op_count)
            window->from_ns = window->first_torn ? op->begin_ns - machine->begin_ns : clock->end_ns;
        if (window->last == machine->op_count) {
            window->to_ns = (window->last_torn ? op->end_ns : op->begin_ns) - machine->begin_ns;
            window->timed = true;
        }
    }
    clock->end_ns = op->end_ns - machine->begin_ns;
    return false;
}

/* Runs the boot that the last cut is in, whole, and puts the memory back. */
static void time_windows(struct finding *finding, struct machine *machine, uint32_t run, size_t nvm_size)
{
    struct clock clock = {finding, run, 0};
    uint8_t *before = mem_copy(machine->nvm, nvm_size);
    struct machine_hooks hooks = machine->hooks;
    uint64_t reset_at = machine->reset_at;
    machine->hooks = (struct machine_hooks){.op = on_timed_op, .arg = &clock};
    machine_cycle(machine, UINT64_MAX);
    machine->hooks = hooks;
    for (size_t i = 0; i < finding->windows.count; i++) { /* cuts behind the last operation */
        struct window *window = &finding->windows.items[i];
        if (window->run != run || window->last < machine->op_count)
            continue;
        window->from_ns = window->first < machine->op_count ? window->from_ns : clock.end_ns;
        window->to_ns = machine->end_ns - machine->begin_ns;
        window->timed = true;
    }
    machine_load(machine, before);
    machine->reset_at = reset_at;
    free(before);
}

unsigned finding_cuts_needed(const struct window *window, uint64_t jitter_ns)
{
    double width = (double)window->to_ns - (double)window->from_ns;
    return confidence_runs(confidence_hits(width, (double)jitter_ns), 0.95);
}

/* That which the node lies in, and which was timed in this boot. */
static const struct window *window_of(const struct finding *finding, const struct node *node)
{
    for (size_t i = 0; i < finding->windows.count; i++) {
        const struct window *window = &finding->windows.items[i];
        if (window->timed && window->run == node->parent && node->op >= window->first &&
            node->op <= window->last)
            return window;
    }
    return NULL;
}

static void take_waits(struct finding *finding, const struct twin_look *waits, uint32_t pc,
                       const struct symbols *symbols)
{
    finding->waits = *waits;
    symbols_find(symbols, pc, &finding->waits_place);
}

/* Of the boot without a cut. */
static void take_invented(struct finding *finding, struct machine *machine, const struct symbols *symbols)
{
    const struct twin_look *list;
    if (finding->cut_count || finding->rests.count || !twin_invented(machine->twin, &list))
        return;
    finding->rests = list[0];
    symbols_find(symbols, list[0].pc, &finding->rests_place);
}

/* It waits for a register of which the twin knows nothing; or nothing was cut, and it asked for one: then the
 * model may be what fails. */
static void take_rests(struct finding *finding, struct machine *machine, const struct verdict *verdict,
                       const struct symbols *symbols)
{
    finding->polled = !strcmp(verdict->fail_class, EXPLORE_NOT_JUDGED);
    if (finding->polled) {
        finding->rests = finding->waits;
        symbols_find(symbols, finding->waits.pc, &finding->rests_place);
    } else {
        take_invented(finding, machine, symbols);
    }
}

/* A cut hits before the hook of its operation: let the hook see it first. */
static void confirm(struct finding *finding, const struct search *search, struct machine *machine,
                    const struct symbols *symbols)
{
    const struct node *node = &search->nodes[finding->node];
    struct live live = {.machine = machine, .symbols = symbols};
    uint32_t path[DEPTH_MAX + 1];
    bool good = true;
    machine->hooks = (struct machine_hooks){.op = on_op, .arg = &live};
    machine_load(machine, search->root);
    search_path(search, finding->node, path);
    finding->cut_count = node->depth;
    finding->cuts = mem_array(finding->cut_count + 1, sizeof *finding->cuts);
    unsigned boot = 0;
    for (unsigned i = 0; i < node->depth; i++) {
        unsigned model = search->nodes[path[i]].model;
        if (i + 1u == node->depth && model != MODEL_ROT)
            time_windows(finding, machine, node->parent, search->spec->nvm_size);
        good = live_cut(&live, search, path[i]) && good;
        describe(&finding->cuts[i], search, path[i], boot, symbols, &live);
        boot += model < TORN_MODELS; /* only a cut ends a boot */
        time_cut(&finding->cuts[i], &live,
                 i + 1u == node->depth ? window_of(finding, &search->nodes[path[i]]) : NULL);
    }
    finding->before = mem_copy(machine->nvm, search->spec->nvm_size);
    live.caller_at = UINT32_MAX;
    live.said_len = 0;
    machine_cycle(machine, UINT64_MAX);
    finding->said_len = live.said_len;
    finding->after = mem_copy(machine->nvm, search->spec->nvm_size);
    finding->op_count = machine->op_count;
    finding->ops = mem_array(machine->op_count + 1, sizeof *finding->ops);
    if (machine->op_count)
        memcpy(finding->ops, machine->ops, machine->op_count * sizeof *finding->ops);
    finding->text_len = machine->text_len;
    finding->text = mem_copy(machine->text_len ? machine->text : "", machine->text_len + 1);
    finding->text[finding->text_len] = 0;
    struct verdict verdict;
    struct twin_look waits = machine->waits;
    uint32_t waits_pc = machine->waits_pc;
    take_invented(finding, machine, symbols);
    enum machine_end end = machine->end;
    uint32_t end_pc = machine->end_pc;
    judge_flash_quoting(machine, end, end_pc, &verdict, finding->quote);
    judge_text(search->spec, end, finding->text, finding->text_len, &verdict);
    if (verdict.fails && verdict.phase == 0)
        judge_quote(search->spec, &verdict, finding->text, finding->text_len, finding->quote);
    const struct verdict *expected = &search->verdicts[node->verdict];
    bool own = !expected->phase || !machine->waits_pc; /* the boot that failed, of all that were judged */
    take_waits(finding, own ? &waits : &machine->waits, own ? waits_pc : machine->waits_pc, symbols);
    take_rests(finding, machine, expected, symbols);
    /* un-pruned it goes round until a limit ends it */
    bool same_end = end == node->end || node->end == END_LOOP;
    finding->confirmed = good && same_end && verdict.fails && verdict.phase == expected->phase &&
                         verdict.clause == expected->clause &&
                         !strcmp(verdict.fail_class, expected->fail_class);
}

static void name_windows(struct finding *finding, const struct search *search, const struct symbols *symbols)
{
    for (size_t i = 0; i < finding->windows.count; i++) {
        struct window *window = &finding->windows.items[i];
        symbols_find(symbols, window->first_op.pc, &window->place);
        const struct node *node = &search->nodes[finding->node];
        if (finding->cut_count && node->parent == window->run && node->op == window->first)
            window->caller = finding->cuts[finding->cut_count - 1].caller;
    }
}

/* Failures first, in order. */
static void set_apart(struct findings *findings)
{
    struct finding *sorted = mem_array(findings->all + 1, sizeof *sorted);
    for (unsigned turn = 0, at = 0; turn < 2; turn++)
        for (size_t i = 0; i < findings->all; i++) {
            const struct finding *finding = &findings->items[i];
            if ((finding->rests.count > 0) != turn)
                continue;
            sorted[at++] = *finding;
            findings->count += !turn;
            *(turn ? &findings->not_judged_states : &findings->bad_states) += finding->states;
        }
    free(findings->items);
    findings->items = sorted;
}

int findings_make(struct findings *findings, const struct search *search, struct error *error)
{
    *findings = (struct findings){.symbols = symbols_open(search->spec)};
    for (uint32_t i = 0; i < search->done; i++) {
        if (!search->verdicts[search->nodes[i].verdict].fails)
            continue;
        struct finding *finding = find(findings, search, i);
        unsigned depth = search->nodes[i].depth;
        if (depth < search->nodes[finding->node].depth) {
            finding->node = i;
            finding->verdict = search->nodes[i].verdict;
        }
        finding->states++;
        finding->depth_states[depth < 7 ? depth : 7]++;
    }
    if (!findings->all)
        return 0;
    struct machine *machine = machine_new(search->spec, search->options.seed, false, error);
    if (!machine)
        return -1;
    for (size_t i = 0; i < findings->all; i++) {
        windows_find(&findings->items[i].windows, search, findings->items[i].node);
        confirm(&findings->items[i], search, machine, findings->symbols);
        name_windows(&findings->items[i], search, findings->symbols);
        findings->trouble = findings->trouble || !findings->items[i].confirmed;
    }
    machine_free(machine);
    set_apart(findings);
    return 0;
}

void findings_release(struct findings *findings)
{
    for (size_t i = 0; i < findings->all; i++) {
        struct finding *finding = &findings->items[i];
        for (size_t k = 0; k < finding->cut_count; k++) {
            free(finding->cuts[k].text);
            free(finding->cuts[k].line_ns);
        }
        free(finding->cuts);
        free(finding->windows.items);
        free(finding->text);
        free(finding->ops);
        free(finding->before);
        free(finding->after);
    }
    free(findings->items);
    symbols_close(findings->symbols);
    *findings = (struct findings){0};
}
