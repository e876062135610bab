#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/soundness.h"
#include "harness/explore/rot.h"
#include "harness/explore/worker.h"

void candidate_put(struct worker *worker, struct sum sum, size_t op, unsigned model)
{
    const struct search *search = worker->search;
    struct result *result = worker->result;
    unsigned torn = result->node.torn + (model != TORN_CLEAN);
    for (unsigned t = 0; t <= torn; t++)
        if (state_find(search, sum, t) != STATE_NONE)
            return;
    if (result->candidate_count == worker->candidate_room) {
        worker->candidate_room = worker->candidate_room ? worker->candidate_room * 2 : 64;
        result->candidates =
            mem_resize(result->candidates, worker->candidate_room, sizeof *result->candidates);
    }
    result->candidates[result->candidate_count++] =
        (struct candidate){sum, (uint32_t)op, (uint8_t)model, (uint8_t)torn};
}

bool candidate_in_trailer(const struct worker *worker, const struct twin_nvm_op *op)
{
    return op->kind == TWIN_NVM_ERASE_ALL ||
           worker->search->trailer[machine_offset(worker->search->spec, op->address) >> TRAILER_SHIFT];
}

/* Words in trailers are flags and magic: they tear in all the ways that TORN_FLAGS tells apart. */
void candidate_torn(struct worker *worker, const struct twin_nvm_op *op)
{
    struct machine *machine = worker->machine;
    const struct search *search = worker->search;
    if (worker->result->node.torn >= search_odd_cuts(search) || !search->options.torn ||
        op->kind == TWIN_NVM_ERASE_ALL)
        return;
    bool erase = op->kind == TWIN_NVM_ERASE_PAGE;
    size_t offset = machine_offset(search->spec, op->address), begin = offset & ~(size_t)3;
    size_t len = erase ? op->len : 4;
    struct op plain = machine_op(op);
    struct sum rest = sum_xor(machine->sum, sum_span(machine->nvm, begin, len));
    uint8_t *saved = worker->scratch;
    memcpy(saved, machine->nvm + begin, len);
    for (enum torn_model model = TORN_ONE_BIT; model < TORN_MODELS; model++) {
        if (torn_is_erase(model) != erase || (torn_is_flags(model) && !candidate_in_trailer(worker, op)))
            continue;
        search_tear(search->spec, machine->nvm, &plain, model, search->options.seed);
        struct sum sum = sum_xor(rest, sum_span(machine->nvm, begin, len));
        memcpy(machine->nvm + begin, saved, len);
        if (!sum_equal(sum, machine->sum))
            candidate_put(worker, sum, machine->op_count, model);
    }
}

void candidate_reset(struct worker *worker)
{
    const struct search *search = worker->search;
    const struct node *node = &worker->result->node;
    size_t k = worker->machine->op_count;
    if (k > 0 && search->options.resets && node->torn < search_odd_cuts(search))
        candidate_put(worker, sum_with(sum_with(node->sum, k), MODEL_RESET), k, MODEL_RESET);
}

void candidate_rot(struct worker *worker)
{
    const struct search *search = worker->search;
    const struct spec *spec = search->spec;
    const struct node *node = &worker->result->node;
    struct machine *machine = worker->machine;
    if (!search->options.rot || node->model == MODEL_RESET || node->torn >= search_odd_cuts(search))
        return;
    uint32_t *bits = mem_array(spec->rot_count * search->options.rot + 1, sizeof *bits);
    size_t count = rot_draw(spec, machine->nvm, search->options.rot, search->options.seed, bits);
    for (size_t i = 0; i < count; i++) {
        size_t at = rot_word(bits[i]);
        uint32_t word;
        memcpy(&word, machine->nvm + at, 4);
        struct sum flipped = sum_xor(sum_word((uint32_t)(at / 4), word),
                                     sum_word((uint32_t)(at / 4), word ^ rot_mask(bits[i])));
        candidate_put(worker, sum_xor(machine->sum, flipped), bits[i], MODEL_ROT);
    }
    free(bits);
}

bool candidate_in_alphabet(struct worker *worker, const struct twin_nvm_op *op)
{
    struct machine *machine = worker->machine;
    size_t k = machine->op_count;
    uint32_t page = op->address >> 10;
    bool erase = op->kind != TWIN_NVM_WRITE;
    if (worker->search->options.full)
        return true;
    if ((erase || page != worker->last_page) && k > 1 && !worker->page_candidate &&
        k - 1 > machine->cut_first)
        candidate_put(worker, machine->sums[k - 2], k - 1, TORN_CLEAN);
    worker->in_page = erase || page != worker->last_page ? 0 : worker->in_page + 1;
    worker->last_page = page;
    return worker->page_candidate = erase || worker->in_page < 2 || candidate_in_trailer(worker, op);
}
