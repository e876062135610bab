/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States that differ only in words which nothing that can follow looks at are one (soundness.h, 12. to 15.):
 * of those that make the same run and agree on all words that count there, one is cut further, and stands for
 * the others. Which words count is known when all is explored, so it goes by what is known so far; when more
 * is learnt, those that were taken for one are looked at again, until nothing is new. */
#ifndef OTARIG_EXPLORE_MERGE_H
#define OTARIG_EXPLORE_MERGE_H

#include "harness/explore/engine/table.h"

#define MERGE_TORN_MAX 4 /* torn cuts of a sequence, at most */

struct search;
struct worker;
struct op;
struct result;
struct twin_read;
struct batch;

/* What is left out on purpose, to see that the self-test notices; below: that word is taken for unread. */
enum merge_blind {
    MERGE_BLIND_JUDGE = -4, /* what judging reads */
    MERGE_BLIND_CUTS,       /* what boots after a cut read */
    MERGE_BLIND_OWN,        /* words are a run's own before it has erased them */
    MERGE_BLIND_NOTHING
};
/* What a state that goes further saw of what cuts in its boot leave. */
struct merge_child {
    uint32_t run, op; /* the run that such a state makes; cut before this operation */
    uint8_t torn;     /* cuts of its sequence that tear */
};
/* Words of non-volatile memory, one bit each. */
struct merge_words {
    uint64_t *bits;
};
/* Words that a run erases whole, and from which of its operations on they are its own. */
struct merge_span {
    uint32_t first, count, op;
};
struct merge_run {
    uint32_t run;
    struct merge_words reads;
    struct merge_span *spans;
    uint32_t span_count;
    bool spans_known;
};
/* All states that make this run, and whose sequences may have so many torn cuts (at least). */
struct merge_slot {
    uint32_t run, own; /* own: in merge.runs */
    unsigned torn;
    struct merge_words live; /* what counts: the reads of the run, and what any that follows reads */
    uint32_t extra_count;    /* of them: those beyond the run's own, in which its states may differ */
    uint32_t version;        /* of merge, when the last one was added */
    bool finer;              /* the log of its run is */
    bool grown;              /* since then */
    uint32_t parent;         /* the last edge that leads here; UINT32_MAX: none */
};
struct merge_edge {
    uint32_t from, to, op;
    uint32_t next; /* edge that leads to the same slot */
};
/* What the end of a state of that slot was judged by. */
struct merge_judgement {
    uint32_t slot, judgement;
};
/* A state that is cut further. */
struct merge_rep {
    uint32_t node;
    uint32_t *seen; /* slots of what its cuts leave */
    uint32_t seen_count;
    uint32_t version; /* of merge when they were looked at */
    bool incomplete;  /* some of them make runs that were unknown */
};
struct merge {
    bool on;
    unsigned from, most; /* states with so many torn cuts are merged, from - to */
    size_t words;
    struct table run_of, slot_of, edge_of, rep_of, classes, told, judged;
    struct merge_judgement *judgements; /* that slots do not know yet */
    size_t judgement_count;
    struct merge_run *runs;
    size_t run_count;
    struct merge_slot *slots;
    size_t slot_count;
    struct merge_edge *edges;
    size_t edge_count, edge_room;
    struct merge_rep *reps;
    size_t rep_count, rep_room;
    uint32_t version;
    bool unheard;         /* something was learnt that merge_propagate has not passed on yet */
    bool shortened;       /* a state is known to be reached by fewer cuts than those behind it know */
    unsigned exact_depth; /* how deep states are that were found one by one, and one more */
    size_t merged;        /* states that another one stands for */
    size_t open;          /* of them: those of which it is not known who does, as a limit came first */
    size_t rounds;        /* how often what was known had grown */
    uint32_t blind;       /* for tests: a word, or enum merge_blind; UINT32_MAX: nothing */
};

/* ---- merge_live.c: which words count ---- */
void merge_begin(struct search *search);
void merge_free(struct search *search);
size_t merge_bytes(const struct search *search);
/* A finished run and what it has read. */
void merge_learn_run(struct search *search, uint32_t run, const struct twin_read *reads, size_t count);
uint32_t merge_slot(const struct search *search, uint32_t run, unsigned torn); /* TABLE_NONE: none */
static inline bool merge_has(const struct merge_words *words, size_t word)
{
    return words->bits[word >> 6] >> (word & 63) & 1;
}
/* Does this operation change a word that counts in that slot? */
bool merge_changes(const struct search *search, uint32_t slot, const struct op *op);
/* States with the same key are taken for one. */
struct sum merge_key(const struct search *search, uint32_t slot, const uint8_t *nvm);
/* A state that is cut further, and what it saw; `judgement`: what its end was judged by. */
void merge_take_children(struct search *search, uint32_t number, const struct merge_child *children,
                         size_t count, bool incomplete, uint32_t judgement);
/* Tells all slots what follows them reads. True: one of them has grown. */
bool merge_propagate(struct search *search);

/* ---- merge_walk.c: what cuts in a run leave; `slot`: of the state itself ---- */
struct merge_walk {
    uint32_t slot;                 /* of the state that the last look-up found; TABLE_NONE: none */
    bool changed;                  /* in a word that counts there */
    bool torn_changed, torn_known; /* the same of its slot with one more torn cut; which is a child already */
    bool whole;                    /* nothing is taken for granted: every state is looked up */
    bool incomplete;
    bool failing;      /* states that fail are wanted, all of them: they make windows */
    bool fails;        /* states are as the last one that was looked up, and that fails */
    bool foreign;      /* the run has met another one: what follows are that one's states */
    struct table told; /* states of this walk that were put among the candidates, by what is known of them */
    struct merge_child *children;
    size_t count, room;
};
void merge_walk_begin(struct worker *worker, uint32_t slot);
/* The operation is about to be done to the memory that the walk looks at. */
void merge_walk_op(struct worker *worker, const struct op *op);
/* Is this state, left by a cut, one that nobody stands for? `nvm`: its memory; NULL: not at hand. *told: what
 * others like it have in common; one of them is enough. */
bool merge_is_new(struct worker *worker, struct sum sum, const uint8_t *nvm, size_t op, unsigned torn,
                  bool clean, struct sum *told);
/* Nothing that this operation changes counts: however it is torn, that is as if it had not begun. */
bool merge_tears_alike(struct worker *worker, const struct op *op, size_t k);

/* ---- merge.c: the search ---- */
struct error;
/* All states that have `from` torn cuts or more; those with fewer are known. */
int merge_explore(struct search *search, struct worker **workers, double began, struct error *error);
/* How many states were cut further, and stand for others. */
size_t merge_cut_further(const struct search *search);
/* The node that stands for this memory, after so many torn cuts; UINT32_MAX: none does. */
uint32_t merge_find(const struct search *search, struct sum sum, const uint8_t *nvm, unsigned torn);

/* ---- merge_check.c ---- */
/* Boots and judges what cuts in boots of merged states leave, and cuts in the boots of that: whoever stands
 * for it must have come to the same. Part of search_self_test. */
void merge_self_test(struct search *search, struct worker **workers);

#endif
