/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/search/tree.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

static uint32_t word_at(const uint8_t *image, uint32_t word)
{
    uint32_t value;
    memcpy(&value, image + 4 * (size_t)word, 4);
    return value;
}

/* The first edge whose value is not below. */
static uint32_t edge_at(const struct tree_node *node, uint32_t value)
{
    uint32_t low = 0, high = node->edge_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (node->edges[middle].value < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t child(const struct tree_node *node, uint32_t value)
{
    uint32_t at = edge_at(node, value);
    return at < node->edge_count && node->edges[at].value == value ? node->edges[at].node : TREE_NONE;
}

uint32_t tree_find(const struct tree *tree, const uint8_t *image, struct tree_place *place)
{
    struct tree_place mine;
    place = place ? place : &mine;
    *place = (struct tree_place){TREE_NONE, 0, 0}; /* of no tree: else one of a tree to come would be it */
    for (uint32_t at = 0; at < tree->node_count;) {
        const struct tree_node *node = &tree->nodes[at];
        const struct twin_read *reads = tree->reads + node->first;
        for (uint32_t i = 0; i < node->count; i++) {
            uint32_t value = word_at(image, reads[i].word);
            if (value == reads[i].value)
                continue;
            *place = (struct tree_place){at, i, value};
            return TREE_NONE;
        }
        if (node->leaf != TREE_NONE)
            return node->leaf;
        *place = (struct tree_place){at, node->count, word_at(image, node->word)};
        at = child(node, place->value);
    }
    return TREE_NONE;
}

/* ---- growing ---- */

static uint32_t add_node(struct tree *tree, const struct tree_node *node)
{
    if (tree->node_count == tree->node_room) {
        tree->node_room = tree->node_room ? tree->node_room * 2 : 64;
        tree->nodes = mem_resize(tree->nodes, tree->node_room, sizeof *tree->nodes);
    }
    tree->nodes[tree->node_count] = *node;
    return (uint32_t)tree->node_count++;
}

static uint32_t add_leaf(struct tree *tree, const struct twin_read *reads, size_t count, uint32_t run)
{
    if (tree->read_count + count > tree->read_room) {
        tree->read_room = tree->read_room + tree->read_room / 2 + count;
        tree->reads = mem_resize(tree->reads, tree->read_room, sizeof *tree->reads);
    }
    struct tree_node node = {.first = (uint32_t)tree->read_count, .count = (uint32_t)count, .leaf = run};
    if (count)
        memcpy(tree->reads + tree->read_count, reads, count * sizeof *reads);
    tree->read_count += count;
    return add_node(tree, &node);
}

static void add_edge(struct tree *tree, uint32_t at, uint32_t value, uint32_t to)
{
    struct tree_node *node = &tree->nodes[at];
    uint32_t place = edge_at(node, value);
    node->edges = mem_resize(node->edges, node->edge_count + 1, sizeof *node->edges);
    memmove(node->edges + place + 1, node->edges + place, (node->edge_count - place) * sizeof *node->edges);
    node->edges[place] = (struct tree_edge){value, to};
    node->edge_count++;
}

/* The node asks for its i-th read by edges from now on; what came behind it is a node of its own. */
static void split(struct tree *tree, uint32_t at, uint32_t i)
{
    struct tree_node rest = tree->nodes[at];
    struct twin_read asked = tree->reads[rest.first + i];
    rest.first += i + 1;
    rest.count -= i + 1;
    uint32_t behind = add_node(tree, &rest);
    tree->nodes[at] =
        (struct tree_node){.first = tree->nodes[at].first, .count = i, .leaf = TREE_NONE, .word = asked.word};
    add_edge(tree, at, asked.value, behind);
}

/* How many of the node's reads this log agrees with; *other: the next one is of another word, or missing. */
static uint32_t agree(const struct tree *tree, const struct tree_node *node, const struct twin_read *reads,
                      size_t count, bool *other)
{
    const struct twin_read *mine = tree->reads + node->first;
    uint32_t i = 0;
    while (i < node->count && i < count && mine[i].word == reads[i].word && mine[i].value == reads[i].value)
        i++;
    *other = i < node->count && (i == count || mine[i].word != reads[i].word);
    return i;
}

uint32_t tree_add(struct tree *tree, const struct twin_read *reads, size_t count, uint32_t run)
{
    size_t done = 0;
    if (!tree->node_count) {
        add_leaf(tree, reads, count, run);
        return run;
    }
    for (uint32_t at = 0;;) {
        bool other;
        uint32_t i = agree(tree, &tree->nodes[at], reads + done, count - done, &other);
        if (other)
            return TREE_NONE;
        done += i;
        if (i < tree->nodes[at].count)
            split(tree, at, i);
        else if (tree->nodes[at].leaf != TREE_NONE)
            return done == count ? tree->nodes[at].leaf : TREE_NONE;
        if (done == count || tree->nodes[at].word != reads[done].word)
            return TREE_NONE;
        uint32_t value = reads[done++].value, next = child(&tree->nodes[at], value);
        if (next == TREE_NONE) {
            next = add_leaf(tree, reads + done, count - done, run);
            add_edge(tree, at, value, next);
            return run;
        }
        at = next;
    }
}

/* The node above and the value that leads from there; TREE_NONE at the root. */
static uint32_t parent(const struct tree *tree, uint32_t at, uint32_t *value)
{
    for (size_t i = 0; i < tree->node_count; i++)
        for (uint32_t edge = 0; edge < tree->nodes[i].edge_count; edge++)
            if (tree->nodes[i].edges[edge].node == at) {
                *value = tree->nodes[i].edges[edge].value;
                return (uint32_t)i;
            }
    return TREE_NONE;
}

static void reverse(struct twin_read *reads, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct twin_read other = reads[i];
        reads[i] = reads[count - 1 - i];
        reads[count - 1 - i] = other;
    }
}

size_t tree_path(const struct tree *tree, uint32_t leaf, struct twin_read **reads)
{
    size_t count = 0;
    for (uint32_t at = leaf;;) {
        const struct tree_node *node = &tree->nodes[at];
        uint32_t value;
        *reads = mem_resize(*reads, count + node->count + 1, sizeof **reads);
        for (uint32_t i = node->count; i-- > 0;)
            (*reads)[count++] = tree->reads[node->first + i];
        at = parent(tree, at, &value);
        if (at == TREE_NONE)
            break;
        (*reads)[count++] = (struct twin_read){tree->nodes[at].word, value};
    }
    reverse(*reads, count);
    return count;
}

size_t tree_bytes(const struct tree *tree)
{
    return tree->node_room * (sizeof *tree->nodes + 2 * sizeof *tree->nodes->edges) +
           tree->read_room * sizeof *tree->reads;
}

void tree_free(struct tree *tree)
{
    for (size_t i = 0; i < tree->node_count; i++)
        free(tree->nodes[i].edges);
    free(tree->nodes);
    free(tree->reads);
    *tree = (struct tree){0};
}
