/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A word counts in a slot when its run reads it, or judging what the run leaves does, or it counts in the
 * slot of a state that a cut in the run leaves, unless the run had erased it whole by then: that is the same
 * whatever was there before. The smallest sets for which this holds are found by going round. */
#include "harness/explore/search/merge.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/search.h"

static struct sum pair(uint32_t a, uint32_t b)
{
    return sum_with((struct sum){a, ~(uint64_t)a}, b);
}

static size_t chunks(const struct merge *merge)
{
    return merge->words / 64 + 1;
}

static void set(struct merge_words *words, size_t word)
{
    words->bits[word >> 6] |= UINT64_C(1) << (word & 63);
}

void merge_begin(struct search *search)
{
    const struct search_options *options = &search->options;
    struct merge *merge = &search->merge;
    unsigned odd = search_odd_cuts(search);
    merge->blind = options->merge_blind;
    merge->on = options->strategy == STRATEGY_MERGE && options->depth < 0 && odd <= MERGE_TORN_MAX;
    merge->most = odd;
    merge->from = options->merge_all && !options->rot ? 0 : odd;
    merge->words = search->spec->nvm_size / 4 + 1;
}

void merge_free(struct search *search)
{
    struct merge *merge = &search->merge;
    for (size_t i = 0; i < merge->run_count; i++) {
        free(merge->runs[i].reads.bits);
        free(merge->runs[i].spans);
    }
    for (size_t i = 0; i < merge->slot_count; i++) {
        free(merge->slots[i].live.bits);
    }
    for (size_t i = 0; i < merge->rep_count; i++)
        free(merge->reps[i].seen);
    free(merge->runs);
    free(merge->slots);
    free(merge->edges);
    free(merge->judgements);
    table_free(&merge->judged);
    free(merge->reps);
    table_free(&merge->run_of);
    table_free(&merge->slot_of);
    table_free(&merge->edge_of);
    table_free(&merge->rep_of);
    table_free(&merge->classes);
    table_free(&merge->told);
    *merge = (struct merge){0};
}

size_t merge_bytes(const struct search *search)
{
    const struct merge *merge = &search->merge;
    size_t bytes = (merge->run_count + merge->slot_count) * chunks(merge) * 8 +
                   merge->edge_room * sizeof *merge->edges + merge->rep_room * sizeof *merge->reps;
    return bytes + table_bytes(&merge->run_of) + table_bytes(&merge->slot_of) + table_bytes(&merge->edge_of) +
           table_bytes(&merge->rep_of) + table_bytes(&merge->classes) + table_bytes(&merge->told);
}

/* ---- runs ---- */

static void add_span(const struct search *search, struct merge_run *run, const struct op *op, uint32_t number)
{
    bool all = op->kind == TWIN_NVM_ERASE_ALL;
    size_t begin = all ? 0 : machine_offset(search->spec, op->address);
    size_t len = all ? search->spec->nvm_size : op->value;
    struct merge_span span = {(uint32_t)((begin + 3) / 4), 0, number};
    span.count = (uint32_t)((begin + len) / 4) - span.first;
    for (uint32_t i = 0; i < run->span_count; i++)
        if (run->spans[i].first <= span.first &&
            run->spans[i].first + run->spans[i].count >= span.first + span.count)
            return; /* its own already */
    run->spans = mem_resize(run->spans, run->span_count + 1u, sizeof *run->spans);
    run->spans[run->span_count++] = span;
}

/* Operations of the whole run, also behind where it met another one. */
static void find_spans(const struct search *search, struct merge_run *run)
{
    uint32_t count = search->nodes[run->run].log->all_ops;
    run->spans_known = true;
    for (uint32_t i = 0; i < count; i++) {
        const struct op *op = search_op(search, run->run, i);
        if (op->kind == TWIN_NVM_ERASE_ALL ||
            (op->kind == TWIN_NVM_ERASE_PAGE && op->to_ppm == TWIN_WHOLE_PPM))
            add_span(search, run, op, i);
    }
}

static uint32_t add_slot(struct search *search, uint32_t own, unsigned torn)
{
    struct merge *merge = &search->merge;
    uint32_t number = (uint32_t)merge->slot_count;
    merge->slots = mem_resize(merge->slots, merge->slot_count + 1, sizeof *merge->slots);
    struct merge_slot *slot = &merge->slots[merge->slot_count++];
    *slot = (struct merge_slot){.run = merge->runs[own].run, .own = own, .torn = torn, .parent = UINT32_MAX};
    slot->live.bits = mem_copy(merge->runs[own].reads.bits, chunks(merge) * 8);
    table_put(&merge->slot_of, pair(slot->run, torn), number);
    return number;
}

/* Its log is finer now. */
static void learn_again(struct search *search, uint32_t run, const struct twin_read *reads, size_t count)
{
    struct merge *merge = &search->merge;
    struct merge_run *mine = &merge->runs[table_find(&merge->run_of, pair(run, 0))];
    for (size_t i = 0; i < count; i++)
        set(&mine->reads, reads[i].word);
    for (unsigned torn = merge->from; torn <= merge->most; torn++) {
        struct merge_slot *slot = &merge->slots[merge_slot(search, run, torn)];
        for (size_t i = 0; i < chunks(merge); i++)
            slot->live.bits[i] |= mine->reads.bits[i];
        slot->grown = slot->finer = merge->unheard = true;
    }
}

void merge_learn_run(struct search *search, uint32_t run, const struct twin_read *reads, size_t count)
{
    struct merge *merge = &search->merge;
    if (!merge->on)
        return;
    if (table_find(&merge->run_of, pair(run, 0)) != TABLE_NONE) {
        learn_again(search, run, reads, count);
        return;
    }
    uint32_t own = (uint32_t)merge->run_count;
    merge->runs = mem_resize(merge->runs, merge->run_count + 1, sizeof *merge->runs);
    struct merge_run *mine = &merge->runs[merge->run_count++];
    *mine = (struct merge_run){.run = run};
    mine->reads.bits = mem_array(chunks(merge), 8);
    for (size_t i = 0; i < count; i++)
        set(&mine->reads, reads[i].word);
    table_put(&merge->run_of, pair(run, 0), own);
    for (unsigned torn = merge->from; torn <= merge->most; torn++)
        add_slot(search, own, torn);
}

uint32_t merge_slot(const struct search *search, uint32_t run, unsigned torn)
{
    const struct merge *merge = &search->merge;
    return table_find(&merge->slot_of, pair(run, torn < merge->from ? merge->from : torn));
}

/* ---- states ---- */

static void span_of(const struct search *search, const struct op *op, size_t *first, size_t *last)
{
    bool all = op->kind == TWIN_NVM_ERASE_ALL;
    size_t begin = all ? 0 : machine_offset(search->spec, op->address);
    size_t len = all ? search->spec->nvm_size & ~(size_t)3 : op->kind == TWIN_NVM_WRITE ? op->len : op->value;
    *first = begin / 4;
    *last = (begin + len - 1) / 4;
}

bool merge_changes(const struct search *search, uint32_t slot, const struct op *op)
{
    const struct merge_words *live = &search->merge.slots[slot].live;
    size_t first, last;
    span_of(search, op, &first, &last);
    for (size_t word = first; word <= last; word++)
        if (merge_has(live, word))
            return true;
    return false;
}

struct sum merge_key(const struct search *search, uint32_t slot, const uint8_t *nvm)
{
    const struct merge_slot *mine = &search->merge.slots[slot];
    const uint64_t *reads = search->merge.runs[mine->own].reads.bits;
    struct sum sum = {0, 0};
    for (size_t i = 0; i < chunks(&search->merge); i++)
        for (uint64_t left = mine->live.bits[i] & ~reads[i]; left; left &= left - 1) {
            uint32_t word = (uint32_t)(i * 64 + (unsigned)__builtin_ctzll(left)), value;
            memcpy(&value, nvm + 4 * (size_t)word, 4);
            sum = sum_xor(sum, sum_word(word, value));
        }
    return sum_with(sum_with(sum, slot), mine->version);
}

/* ---- what follows ---- */

static void add_edge(struct merge *merge, uint32_t from, uint32_t to, uint32_t op)
{
    uint32_t at = table_find(&merge->edge_of, pair(from, to));
    if (at != TABLE_NONE) {
        if (op >= merge->edges[at].op)
            return;
        merge->edges[at].op = op;
        merge->slots[to].grown = merge->unheard = true; /* more of it counts there now */
        return;
    }
    if (merge->edge_count == merge->edge_room) {
        merge->edge_room = merge->edge_room ? merge->edge_room * 2 : 1024;
        merge->edges = mem_resize(merge->edges, merge->edge_room, sizeof *merge->edges);
    }
    merge->edges[merge->edge_count] = (struct merge_edge){from, to, op, merge->slots[to].parent};
    table_put(&merge->edge_of, pair(from, to), (uint32_t)merge->edge_count);
    merge->slots[to].parent = (uint32_t)merge->edge_count++;
    merge->slots[to].grown = merge->unheard = true;
}

/* Is it the run's own right before this operation? */
static bool is_own(const struct merge_run *run, uint32_t word, uint32_t op)
{
    for (uint32_t i = 0; i < run->span_count; i++)
        if (run->spans[i].op < op && word - run->spans[i].first < run->spans[i].count)
            return true;
    return false;
}

static void clear_own(const struct merge_run *run, uint64_t *bits, uint32_t op, uint32_t blind)
{
    for (uint32_t i = 0; i < run->span_count; i++) {
        const struct merge_span *span = &run->spans[i];
        if (span->op >= op && blind != (uint32_t)MERGE_BLIND_OWN)
            continue;
        size_t word = span->first, last = word + span->count;
        for (; word < last && (word & 63); word++)
            bits[word >> 6] &= ~(UINT64_C(1) << (word & 63));
        for (; word + 64 <= last; word += 64)
            bits[word >> 6] = 0;
        for (; word < last; word++)
            bits[word >> 6] &= ~(UINT64_C(1) << (word & 63));
    }
}

static struct merge_run *run_of(struct search *search, const struct merge_slot *slot)
{
    struct merge_run *run = &search->merge.runs[slot->own];
    if (!run->spans_known)
        find_spans(search, run);
    return run;
}

static bool take_in(struct merge_slot *slot, const uint64_t *bits, size_t count)
{
    bool more = false;
    for (size_t i = 0; i < count; i++) {
        uint64_t with = slot->live.bits[i] | bits[i];
        more |= with != slot->live.bits[i];
        slot->live.bits[i] = with;
    }
    return more;
}

static void take_judgement(struct search *search, struct merge_slot *slot, uint32_t judgement)
{
    const struct judgement *mine = &search->judgements[judgement];
    const struct merge_run *run = run_of(search, slot);
    for (uint32_t i = 0; i < mine->word_count && search->merge.blind != (uint32_t)MERGE_BLIND_JUDGE; i++) {
        uint32_t word = mine->words[i];
        if (merge_has(&slot->live, word) || word == search->merge.blind || is_own(run, word, UINT32_MAX))
            continue;
        set(&slot->live, word);
        slot->grown = true;
    }
}

static struct merge_rep *rep_of(struct merge *merge, uint32_t number)
{
    uint32_t at = table_find(&merge->rep_of, pair(number, 1));
    if (at != TABLE_NONE)
        return &merge->reps[at];
    if (merge->rep_count == merge->rep_room) {
        merge->rep_room = merge->rep_room ? merge->rep_room * 2 : 1024;
        merge->reps = mem_resize(merge->reps, merge->rep_room, sizeof *merge->reps);
    }
    table_put(&merge->rep_of, pair(number, 1), (uint32_t)merge->rep_count);
    merge->reps[merge->rep_count] = (struct merge_rep){.node = number};
    return &merge->reps[merge->rep_count++];
}

static void see(struct merge_rep *rep, uint32_t slot)
{
    if (slot == TABLE_NONE)
        return;
    for (uint32_t i = rep->seen_count; i-- > 0;)
        if (rep->seen[i] == slot)
            return;
    rep->seen = mem_resize(rep->seen, rep->seen_count + 1u, sizeof *rep->seen);
    rep->seen[rep->seen_count++] = slot;
}

void merge_take_children(struct search *search, uint32_t number, const struct merge_child *children,
                         size_t count, bool incomplete, uint32_t judgement)
{
    struct merge *merge = &search->merge;
    uint32_t run = search_run_of(search, number);
    unsigned torn = search->nodes[number].torn;
    struct merge_rep *rep = rep_of(merge, number);
    rep->version = merge->version;
    rep->incomplete = incomplete;
    see(rep, merge_slot(search, run, torn));
    for (size_t i = 0; i < count; i++) {
        unsigned more = children[i].torn - torn;
        see(rep, merge_slot(search, children[i].run, children[i].torn));
        for (unsigned t = torn < merge->from ? merge->from : torn; t + more <= merge->most; t++) {
            uint32_t from = merge_slot(search, run, t), to = merge_slot(search, children[i].run, t + more);
            if (from == TABLE_NONE || to == TABLE_NONE)
                continue;
            add_edge(merge, from, to, children[i].op);
        }
    }
    for (unsigned t = torn < merge->from ? merge->from : torn; judgement != TABLE_NONE && t <= merge->most;
         t++) {
        uint32_t slot = merge_slot(search, run, t);
        if (slot == TABLE_NONE || !table_put(&merge->judged, pair(slot, judgement), 0))
            continue;
        /* keys must not change before all are told */
        merge->judgements =
            mem_resize(merge->judgements, merge->judgement_count + 1, sizeof *merge->judgements);
        merge->judgements[merge->judgement_count++] = (struct merge_judgement){slot, judgement};
        merge->unheard = true;
    }
}

/* Pages that the run took for the same in all states, and that are written after all. */
static void take_constants(struct search *search, struct merge_slot *slot)
{
    const uint8_t *constant = search->nodes[slot->run].log->constant;
    for (size_t page = 0; page < search->page_count; page++)
        for (size_t word = page << 10; constant[page] && search->live[page] && word < (page + 1) << 10 &&
                                       word < search->merge.words - 1;
             word++)
            if (!merge_has(&slot->live, word)) {
                set(&slot->live, word);
                slot->grown = true;
            }
}

/* While cuts may still tear an erase, all that lies in its page decides what is left. */
static void take_tears(struct search *search, struct merge_slot *slot)
{
    const struct merge_run *run = run_of(search, slot);
    for (uint32_t i = 0; slot->torn < search->merge.most && i < run->span_count; i++)
        for (uint32_t word = run->spans[i].first; word < run->spans[i].first + run->spans[i].count; word++)
            if (!merge_has(&slot->live, word) && !is_own(run, word, run->spans[i].op)) {
                set(&slot->live, word);
                slot->grown = true;
            }
}

/* How many words count beyond the run's own reads. */
static uint32_t count_extra(const struct merge *merge, const struct merge_slot *slot)
{
    const uint64_t *reads = merge->runs[slot->own].reads.bits;
    uint32_t count = 0;
    for (size_t i = 0; i < chunks(merge); i++)
        count += (uint32_t)__builtin_popcountll(slot->live.bits[i] & ~reads[i]);
    return count;
}

bool merge_propagate(struct search *search)
{
    struct merge *merge = &search->merge;
    uint64_t *bits = mem_array(chunks(merge), 8);
    uint32_t *queue = mem_array(merge->slot_count + 1, sizeof *queue);
    uint8_t *waits = mem_alloc(merge->slot_count + 1);
    bool *changed = mem_array(merge->slot_count + 1, sizeof *changed), any = false;
    size_t head = 0, count = 0;
    for (size_t i = 0; i < merge->judgement_count; i++)
        take_judgement(search, &merge->slots[merge->judgements[i].slot], merge->judgements[i].judgement);
    merge->judgement_count = 0;
    merge->unheard = false;
    for (uint32_t i = 0; i < merge->slot_count; i++) {
        take_constants(search, &merge->slots[i]);
        take_tears(search, &merge->slots[i]);
        changed[i] = merge->slots[i].grown;
        if (merge->slots[i].grown) {
            queue[count++] = i;
            waits[i] = 1;
        }
        merge->slots[i].grown = false;
    }
    while (count) {
        uint32_t at = queue[head];
        head = (head + 1) % (merge->slot_count + 1);
        count--;
        waits[at] = 0;
        for (uint32_t edge = merge->slots[at].parent; edge != UINT32_MAX; edge = merge->edges[edge].next) {
            struct merge_slot *from = &merge->slots[merge->edges[edge].from];
            memcpy(bits, merge->slots[at].live.bits, chunks(merge) * 8);
            if (merge->blind < merge->words)
                bits[merge->blind >> 6] &= ~(UINT64_C(1) << (merge->blind & 63));
            clear_own(run_of(search, from), bits, merge->edges[edge].op, merge->blind);
            if (merge->blind == (uint32_t)MERGE_BLIND_CUTS || !take_in(from, bits, chunks(merge)))
                continue;
            uint32_t number = merge->edges[edge].from;
            changed[number] = true;
            if (!waits[number]) {
                queue[(head + count++) % (merge->slot_count + 1)] = number;
                waits[number] = 1;
            }
        }
    }
    merge->version++;
    for (uint32_t i = 0; i < merge->slot_count; i++) {
        struct merge_slot *slot = &merge->slots[i];
        uint32_t before = slot->extra_count;
        if (!changed[i])
            continue;
        slot->extra_count = count_extra(merge, slot);
        if (slot->extra_count != before || slot->finer) { /* else it was flagged, but nothing came of it */
            slot->version = merge->version;
            any = true;
        }
        slot->finer = false;
    }
    free(bits);
    free(queue);
    free(waits);
    free(changed);
    merge->rounds += any;
    return any;
}
