/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/soundness.h"
#include "harness/explore/engine/rot.h"
#include "harness/explore/search/worker.h"

static bool is_known(const struct worker *worker, struct sum sum, unsigned torn)
{
    for (unsigned t = 0; t <= torn; t++)
        if (state_find(worker->search, sum, t) != STATE_NONE)
            return true;
    return false;
}

void candidate_put(struct worker *worker, struct sum sum, const uint8_t *nvm, size_t op, unsigned model)
{
    struct result *result = worker->result;
    unsigned torn = result->node.torn + (model != TORN_CLEAN);
    struct sum told = {0, 0};
    if (worker->merging ? !merge_is_new(worker, sum, nvm, op, torn, model == TORN_CLEAN, &told)
                        : is_known(worker, sum, torn))
        return;
    if (result->candidate_count == worker->candidate_room) {
        worker->candidate_room = worker->candidate_room ? worker->candidate_room * 2 : 64;
        result->candidates =
            mem_resize(result->candidates, worker->candidate_room, sizeof *result->candidates);
    }
    result->candidates[result->candidate_count++] =
        (struct candidate){sum, told, (uint32_t)op, (uint8_t)model, (uint8_t)torn};
}

bool candidate_in_trailer(const struct search *search, const struct op *op)
{
    return op->kind == TWIN_NVM_ERASE_ALL ||
           search->trailer[machine_offset(search->spec, op->address) >> TRAILER_SHIFT];
}

/* Words in trailers are flags and magic: they tear in all the ways that TORN_FLAGS tells apart. */
bool candidate_tears(const struct search *search, const struct op *op, enum torn_model model)
{
    return torn_is_erase(model) == (op->kind == TWIN_NVM_ERASE_PAGE) &&
           (!torn_is_flags(model) || candidate_in_trailer(search, op));
}

static void put_torn(struct worker *worker, const struct moment *at, const struct op *op)
{
    const struct search *search = worker->search;
    unsigned torn = worker->result->node.torn;
    if (worker->clean_only || torn >= search_odd_cuts(search) || !search->options.torn ||
        op->kind == TWIN_NVM_ERASE_ALL)
        return;
    if (worker->merging ? merge_tears_alike(worker, op, at->k)
                        : search->merge.on && torn + 1 >= search->merge.from)
        return; /* merge.c comes back to them, when it is known which words count */
    bool erase = op->kind == TWIN_NVM_ERASE_PAGE;
    size_t offset = machine_offset(search->spec, op->address), begin = offset & ~(size_t)3;
    size_t len = erase ? op->value : 4;
    struct sum rest = sum_xor(at->sum, sum_span(at->nvm, begin, len));
    uint8_t *saved = worker->scratch;
    memcpy(saved, at->nvm + begin, len);
    for (enum torn_model model = TORN_ONE_BIT; model < TORN_MODELS; model++) {
        if (!candidate_tears(search, op, model))
            continue;
        apply_torn(search->spec, at->nvm, op, model, search->options.seed);
        struct sum sum = sum_xor(rest, sum_span(at->nvm, begin, len));
        if (!sum_equal(sum, at->sum))
            candidate_put(worker, sum, at->nvm, at->k, model);
        memcpy(at->nvm + begin, saved, len);
    }
}

static void put_reset(struct worker *worker, const struct moment *at)
{
    const struct search *search = worker->search;
    const struct node *node = &worker->result->node;
    if (at->k > 0 && search->options.resets && node->torn < search_odd_cuts(search))
        candidate_put(worker, sum_with(sum_with(node->sum, at->k), MODEL_RESET), NULL, at->k, MODEL_RESET);
}

void candidate_rot(struct worker *worker, const struct moment *at)
{
    const struct search *search = worker->search;
    const struct spec *spec = search->spec;
    const struct node *node = &worker->result->node;
    if (worker->clean_only || !search->options.rot || node->model == MODEL_RESET ||
        node->torn >= search_odd_cuts(search))
        return;
    uint32_t *bits = mem_array(spec->rot_count * search->options.rot + 1, sizeof *bits);
    size_t count = rot_draw(spec, at->nvm, search->options.rot, search->options.seed, bits);
    for (size_t i = 0; i < count; i++) {
        size_t offset = rot_word(bits[i]);
        uint32_t word;
        memcpy(&word, at->nvm + offset, 4);
        struct sum flipped = sum_xor(sum_word((uint32_t)(offset / 4), word),
                                     sum_word((uint32_t)(offset / 4), word ^ rot_mask(bits[i])));
        candidate_put(worker, sum_xor(at->sum, flipped), NULL, bits[i], MODEL_ROT);
    }
    free(bits);
}

void candidate_begin(struct worker *worker)
{
    worker->last_page = UINT32_MAX;
    worker->page_candidate = false;
}

/* Is this operation cut? In the reduced alphabet: erases, everything in trailers, and the first, second and
 * last word of a stretch in one page. */
static bool in_alphabet(struct worker *worker, const struct moment *at, const struct op *op)
{
    uint32_t page = op->address >> 10;
    bool erase = op->kind != TWIN_NVM_WRITE;
    if (worker->search->options.full)
        return true;
    if ((erase || page != worker->last_page) && at->k > 1 && !worker->page_candidate &&
        at->k - 1 > at->cut_first)
        candidate_put(worker, at->before, NULL, at->k - 1, TORN_CLEAN);
    worker->in_page = erase || page != worker->last_page ? 0 : worker->in_page + 1;
    worker->last_page = page;
    return worker->page_candidate = erase || worker->in_page < 2 || candidate_in_trailer(worker->search, op);
}

void candidate_op(struct worker *worker, const struct moment *at, const struct op *op)
{
    if (!in_alphabet(worker, at, op))
        return;
    if (at->k > 0)
        candidate_put(worker, at->sum, at->nvm, at->k, TORN_CLEAN);
    put_torn(worker, at, op);
    put_reset(worker, at);
}

void candidate_met(struct worker *worker, const struct moment *at, const struct op *next)
{
    if (!worker->search->options.full)
        in_alphabet(worker, at, next);
}
