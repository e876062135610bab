/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions about what was found: operations, console and path of a node, whether it fails, and goes further.
 */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/search/search.h"
#include "harness/explore/soundness.h"

void search_path(const struct search *search, uint32_t number, uint32_t *path)
{
    for (unsigned i = search->nodes[number].depth; i-- > 0; number = search->nodes[number].parent)
        path[i] = number;
}

uint32_t node_shared(const struct node *node)
{
    if (node->model != MODEL_RESET)
        return 0;
    return node->op < node->op_count ? node->op : node->op_count;
}

const struct op *search_op(const struct search *search, uint32_t run, uint32_t op)
{
    const struct node *node = &search->nodes[run];
    for (;;) {
        if (node->answered) {
            node = &search->nodes[node->donor];
        } else if (op < node_shared(node)) {
            node = &search->nodes[node->parent];
        } else if (op >= node->op_count && node->donor != NODE_NONE) {
            op = op - node->op_count + node->donor_op;
            node = &search->nodes[node->donor];
        } else {
            return op < node->op_count ? &node->ops[op - node_shared(node)] : NULL;
        }
    }
}

struct op *search_ops(const struct search *search, uint32_t run)
{
    uint32_t count = search->nodes[run].op_count;
    struct op *ops = mem_array(count + 1, sizeof *ops);
    for (uint32_t i = 0; i < count; i++)
        ops[i] = *search_op(search, run, i);
    return ops;
}

char *search_text(const struct search *search, uint32_t number, size_t *len)
{
    char *text = NULL;
    size_t from = 0;
    *len = 0;
    for (;;) {
        const struct node *node = &search->nodes[number];
        size_t more = node->text_len > from ? node->text_len - from : 0;
        text = mem_resize(text, *len + more + 1, 1);
        if (more)
            memcpy(text + *len, node->text + from, more);
        *len += more;
        text[*len] = 0;
        if (node->donor == NODE_NONE)
            return text;
        from = node->donor_text;
        number = node->donor;
    }
}

size_t search_not_judged(const struct search *search)
{
    return search->node_count - search->done + search->merge.open;
}

uint32_t search_cut_first(const struct search *search, uint32_t number)
{
    const struct node *node = &search->nodes[search_run_of(search, number)];
    for (uint32_t more = 0;;) { /* operations before those of this node */
        if (node->cut_first != UINT32_MAX)
            return node->cut_first + more;
        if (node->donor == NODE_NONE)
            return UINT32_MAX;
        more += node->op_count - node->donor_op;
        node = &search->nodes[node->donor];
    }
}

bool search_is_cut(const struct search *search, unsigned depth)
{
    int most = search->options.depth;
    return depth < (most < 0 ? DEPTH_MAX : (unsigned)most);
}

unsigned search_odd_cuts(const struct search *search)
{
    const struct search_options *options = &search->options;
    return options->torn ? options->torn : options->resets || options->rot;
}

bool search_fails_anew(const struct search *search, uint32_t number)
{
    uint32_t verdict = search->nodes[number].flash_verdict;
    return search->verdicts[verdict].fails && verdict != search->nodes[0].flash_verdict;
}

/* Behind a device that is out of reach there is nothing worse to be found; behind any other failure there may
 * be. */
bool search_goes_on(const struct search *search, uint32_t number)
{
    return !search_fails_anew(search, number) ||
           !explore_class_is_end(search->verdicts[search->nodes[number].flash_verdict].fail_class);
}

void search_reserve(struct search *search, size_t count)
{
    if (count <= search->node_room)
        return;
    search->node_room = count + search->node_room / 2 + 1024;
    search->nodes = mem_resize(search->nodes, search->node_room, sizeof *search->nodes);
}

void run_log_free(struct run_log *log)
{
    if (!log)
        return;
    free(log->sums);
    free(log->trace);
    free(log->constant);
    free(log->untraced);
    free(log);
}

/* Nobody will meet this run. */
void run_log_shrink(struct run_log *log)
{
    free(log->sums);
    free(log->trace);
    log->sums = NULL;
    log->trace = NULL;
    log->sum_count = log->trace_count = 0;
}

size_t run_log_bytes(const struct run_log *log)
{
    return log ? sizeof *log + log->sum_count * sizeof *log->sums + log->trace_count * sizeof *log->trace : 0;
}
