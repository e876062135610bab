/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs by what they read: a decision tree over the words of an image. A node asks for the word that runs
 * with the same answers so far read next, an edge is what it held, a leaf is a finished run. Any number of
 * threads may look up while nobody adds. */
#ifndef OTARIG_EXPLORE_SEARCH_TREE_H
#define OTARIG_EXPLORE_SEARCH_TREE_H

#include "fixtures/twin/core/twin.h"

#define TREE_NONE UINT32_MAX

struct tree_edge {
    uint32_t value, node;
};
struct tree_node {
    uint32_t first, count; /* in reads: one after the other, all must agree */
    uint32_t leaf;         /* the run; TREE_NONE: it goes on with `word` */
    uint32_t word;
    struct tree_edge *edges; /* by value */
    uint32_t edge_count;
};
struct tree {
    struct tree_node *nodes; /* nodes[0] is the root */
    size_t node_count, node_room;
    struct twin_read *reads;
    size_t read_count, read_room;
};
/* Where a look-up ended without a run: images that end at the same place have all that any run has read so
 * far in common, and nobody knows how they go on. */
struct tree_place {
    uint32_t node, read, value;
};

/* The run that any image with these words makes; TREE_NONE: unknown, and *place (if wanted) says where. */
uint32_t tree_find(const struct tree *tree, const uint8_t *image, struct tree_place *place);
/* A finished run and its log. Returns the leaf: this run, or one that read just the same. TREE_NONE: a run
 * that agrees with this one so far has read another word next, or read less or more: something else than
 * these words decides, and the tree is worth nothing. */
uint32_t tree_add(struct tree *tree, const struct twin_read *reads, size_t count, uint32_t run);
/* The reads that lead to this leaf, into *reads (grown as needed, the caller frees it); how many. */
size_t tree_path(const struct tree *tree, uint32_t leaf, struct twin_read **reads);
size_t tree_bytes(const struct tree *tree);
void tree_free(struct tree *tree);

#endif
