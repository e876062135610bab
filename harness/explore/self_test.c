/* Is what runs inherited and verdicts remembered true? A seeded sample of states is run and judged again to
 * its end (soundness.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/judge.h"
#include "harness/explore/search.h"

static void sample_failed(struct search *search, uint32_t number, const char *what)
{
    if (!search->sample_bad++)
        snprintf(search->sample_detail, sizeof search->sample_detail, "state %u: %s differs", number, what);
}

/* Resets are named after the run they hit: those of the run that was met are other ones by name. */
static bool passes_unknown(const struct result *result)
{
    for (size_t i = 0; i < result->candidate_count; i++)
        if (result->candidates[i].model != MODEL_RESET)
            return true;
    return false;
}

static bool judged_alike(struct search *search, struct worker *worker, uint32_t number,
                         const struct node *again)
{
    const struct verdict *known = &search->verdicts[search->nodes[number].flash_verdict];
    struct verdict verdict;
    judge_flash(worker_machine(worker), again->end, again->end_pc, NULL, &verdict);
    return verdict.fails == known->fails && verdict.phase == known->phase &&
           verdict.clause == known->clause && !strcmp(verdict.fail_class, known->fail_class) &&
           !strcmp(verdict.detail, known->detail);
}

static void sample_one(struct search *search, struct worker *worker, uint32_t number)
{
    const struct node *node = &search->nodes[number];
    struct result result;
    size_t len;
    worker_begin_chunk(worker);
    worker_node(worker, number, search->fixpoint && search->options.full, false, &result);
    char *text = search_text(search, number, &len);
    const struct node *again = &result.node;
    search->sampled++;
    if (result.wrong)
        sample_failed(search, number, result.wrong);
    else if (node->end == END_LOOP)
        search->sampled--; /* un-pruned it does not see that it goes round */
    else if (again->end != node->end || again->end_pc != node->end_pc)
        sample_failed(search, number, "end");
    else if (!sum_equal(again->final, node->final))
        sample_failed(search, number, "final memory");
    else if (again->resets != node->resets || again->ns != node->ns)
        sample_failed(search, number, "time or resets");
    else if (again->text_len != len || (len && memcmp(again->text, text, len) != 0))
        sample_failed(search, number, "console");
    else if (search_goes_on(search, number) && passes_unknown(&result))
        sample_failed(search, number, "a state it passes is unknown, which");
    else if (!judged_alike(search, worker, number, again))
        sample_failed(search, number, "verdict");
    free(text);
    free(result.node.ops);
    free(result.node.text);
    result_release(&result);
}

void search_self_test(struct search *search, struct worker *worker)
{
    uint32_t *numbers = mem_array(search->done + 1, sizeof *numbers);
    size_t count = 0;
    for (uint32_t i = 1; i < search->done; i++)
        numbers[count++] = i;
    for (unsigned i = 0; i < search->options.sample && count; i++) {
        size_t pick = (size_t)(mix64(search->options.seed + i * MIX_STEP) % count);
        sample_one(search, worker, numbers[pick]);
        numbers[pick] = numbers[--count];
    }
    free(numbers);
}
