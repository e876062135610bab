/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The closure: breadth first over everything that power cuts can leave in non-volatile memory. See
 * soundness.h for why runs may share their remainders. */
#ifndef OTARIG_EXPLORE_SEARCH_SEARCH_H
#define OTARIG_EXPLORE_SEARCH_SEARCH_H

#include <pthread.h>

#include "harness/explore/engine/apply.h"
#include "harness/explore/engine/judge.h"
#include "harness/explore/engine/machine.h"
#include "harness/explore/search/states.h"
#include "harness/explore/engine/table.h"
#include "harness/explore/search/merge.h"
#include "harness/explore/engine/model.h"
#include "harness/explore/search/tree.h"

#define NODE_NONE UINT32_MAX

/* How runs share what follows (soundness.h). */
enum search_strategy {
    STRATEGY_WHOLE, /* not at all: every state is run to its end */
    STRATEGY_MEET,  /* a run ends where the whole machine is as another run's was */
    STRATEGY_READS, /* a finished run answers for all states that agree on the words it has read */
    STRATEGY_MERGE  /* the same; and states that differ only in what nothing that follows reads are one */
};
extern const char *const search_strategy_names[]; /* ends with NULL */

struct search_options {
    int depth;     /* cuts in a row; -1: any number */
    bool full;     /* alphabet: every operation; else the reduced one */
    unsigned torn; /* how many cuts of a sequence may be torn */
    bool resets;   /* or be a reset that keeps RAM, in place of a torn one */
    unsigned rot; /* or a bit that flipped while the power was off, drawn so often in each region; 0: never */
    unsigned jobs;
    double budget_s; /* 0: none */
    uint64_t seed;
    bool first; /* stop after the first depth that has failures */
    enum search_strategy strategy;
    bool progress;          /* on stderr */
    const char *checkpoint; /* file; NULL: none */
    size_t memory_max;      /* bytes of states and tables; the search stops there and says so */
    size_t states_max;      /* the same of states that were booted; 0: no limit */
    unsigned sample;        /* states to repeat un-pruned */
    bool merge_all;         /* STRATEGY_MERGE: not only states behind the last torn cut */
    uint32_t leave_out;     /* twin_log_leave_out, for tests: then nothing is run again */
    uint32_t merge_blind;   /* the same of a word that counts (merge.h); UINT32_MAX: none */
};

/* STRATEGY_READS: what is kept of a run (or of a lead: only `sums`) to answer for others. */
struct run_log {
    struct sum *sums;   /* digests after each of its own operations, sum_count of them */
    uint32_t sum_count; /* of a lead: those behind it are those of its run */
    uint32_t all_ops;   /* its own, and those of the run that it met */
    uint32_t cut_first; /* the first one of them that may be cut; UINT32_MAX: none */
    uint32_t *trace;    /* twin_trace: up to where it met another run, whose trace goes on at donor_trace */
    uint32_t trace_count, donor_trace;
    uint8_t *constant; /* one per 4 KiB of nvm: was read, and taken for the same in all states */
    bool dropped;      /* ... which it is not: the tree has lost this run */
    uint8_t *untraced; /* pages that the trace lacks, where the log was made once more; NULL: `constant` */
};

/* A state that was booted and what became of it. Its number is its place in search.nodes. */
struct node {
    struct sum sum;
    uint32_t parent, op; /* power was cut in the parent's run, before this operation (torn: inside of it) */
    /* MODEL_RESET: no state of its own but the parent's power cycle, again, with a reset before `op`; `sum`
     * is a name. MODEL_ROT: the parent's state with bit `op` flipped (rot.h) */
    uint8_t model, torn, depth, end;
    /* its own run, up to where it met another one */
    uint32_t op_count, text_len;
    struct op *ops; /* but for those of node_shared */
    char *text;
    struct run_log *log;                  /* STRATEGY_READS: of runs and of leads (answer.c); else NULL */
    uint32_t donor, donor_op, donor_text; /* the run it met, and where; NODE_NONE: ran to its end */
    bool answered; /* never run: its operations are the donor's, from the first one on, too */
    bool merged;   /* `alias` stands for it: not cut further, and `final` is not known */
    uint32_t alias;
    uint32_t end_pc, resets, flash_verdict, verdict;
    uint32_t looks;     /* at clocks, to the end */
    uint32_t cut_first; /* the first of its own operations that may be cut; UINT32_MAX: none; not of answered
                           ones */
    uint64_t ns;
    struct sum final;
};

struct point {
    uint32_t node, op, text, resets, looks, trace;
    bool timeless; /* only for what looks at no clock from there on */
    uint64_t ns;
};

struct search {
    const struct spec *spec;
    struct search_options options;
    uint8_t *root;       /* nvm at the start */
    uint8_t *root_after; /* as the boot without a cut leaves it */
    char *root_text;     /* what its console says */
    size_t root_text_len;
    struct node *nodes;
    size_t node_room;
    size_t node_count; /* states that were found */
    size_t done;       /* the first ones of them: booted and judged, in `nodes`; the others wait (states.h) */
    struct state *waiting;
    size_t waiting_base, waiting_room; /* number of the first one there */
    uint32_t *index;                   /* of states by digest */
    size_t index_room;
    size_t journal_bytes; /* operations and console of all nodes */
    struct point *points;
    size_t point_count, point_room;
    struct table met, judged; /* points, verdicts by final state */
    struct verdict *verdicts;
    size_t verdict_count;
    uint8_t *trailer; /* one per TRAILER_SHIFT of nvm */
    /* STRATEGY_READS: runs and verdicts by what was read; the latter for each way that a boot ended */
    uint8_t *live; /* one per 4 KiB of nvm: an operation was done there, or may be; else as in `root` */
    size_t page_count;
    struct tree runs;
    struct judge_tree *judge_trees;
    size_t judge_tree_count;
    struct judgement *judgements;
    size_t judgement_count;
    struct merge merge;
    struct state *late; /* they wait until all is known that has fewer torn cuts; in order of their depth */
    size_t late_count, late_room, late_taken;
    struct table late_index;
    struct table leads;        /* the first state with a run after so many torn cuts */
    const char *contradiction; /* what is read next was decided by something else than what was read; NULL */
    /* how it ended */
    double deadline; /* seconds of CLOCK_MONOTONIC after which nothing goes on; 0: none */
    bool fixpoint;
    const char *bound; /* why not; NULL */
    bool unfinished;   /* a limit ended it before what was asked for */
    bool endless;      /* DEPTH_MAX cuts in a row still left something new */
    bool too_deep;     /* the same, whatever else ended it */
    bool vacuous;      /* the boot without a cut has no operation that may be cut: nothing is claimed */
    char *fell_back;   /* why it was run again un-pruned; NULL: it was not */
    unsigned depth;    /* deepest level with states */
    size_t ran_to_end, inherited, loops;
    size_t not_cut_further; /* states that fail: cuts in their boots were not tried */
    size_t sampled, sample_bad;
    char sample_detail[200];
    struct twin_forgiven
        forgiven[TWIN_FORGIVEN_MAX]; /* what the sample did and a real core faults on, by PC */
    size_t forgiven_count;
    uint64_t instructions;
    double wall_s;
    char **notes;
    size_t note_count;
    size_t resumed; /* nodes taken from a checkpoint */
};

/* `start`: the image at the start; NULL: made from the scenario's prepare list. */
int search_run(struct search *search, const struct spec *spec, const struct search_options *options,
               const uint8_t *start, struct error *error);
void search_free(struct search *search);
size_t search_bytes(const struct search *search);
/* A signal handler may call it: searches end with what they have found so far. */
void search_interrupt(void);
bool search_interrupted(void);
/* States booted in a second of this run; those of a checkpoint count nothing. */
double search_rate(const struct search *search);

/* ---- used by its parts ---- */
struct candidate {
    struct sum sum, told; /* told: what is known of its class (merge.h); 0, 0: nothing */
    uint32_t op;
    uint8_t model, torn;
};
struct found_point {
    struct sum key;
    struct point point;
};
/* What a worker hands back for one node. */
struct result {
    struct node node; /* ops and text owned */
    struct candidate *candidates;
    size_t candidate_count;
    struct found_point *points;
    size_t point_count;
    bool has_verdict;
    const char *wrong; /* the explorer cannot go on from here, and why; NULL */
    struct verdict verdict;
    uint64_t instructions;
    /* what the run read, and what judging its end did; NULL: answered, or known */
    struct twin_read *reads, *judge_reads;
    size_t read_count, judge_count;
    /* STRATEGY_MERGE: what cuts leave, as far as it was looked at */
    struct merge_child *children;
    size_t child_count;
    bool incomplete;
    uint32_t judgement; /* TABLE_NONE: it reads nothing */
};
/* How a boot ended, and what judging it then read. */
struct judge_tree {
    enum machine_end end;
    uint32_t end_pc;
    struct tree tree; /* leaves: judgements */
};
struct judgement {
    uint32_t verdict;
    uint32_t *words; /* that judging has read; STRATEGY_MERGE */
    uint32_t word_count;
};
struct worker;
void search_take_points(struct search *search, const struct result *result);
/* Makes room for nodes up to this number. */
void search_reserve(struct search *search, size_t count);
void run_log_free(struct run_log *log);
void run_log_shrink(struct run_log *log);
size_t run_log_bytes(const struct run_log *log);
/* What cuts in a node's boot leave, unless it is known. */
void search_take_candidates(struct search *search, uint32_t number, const struct result *result);
void search_shorten_all(struct search *search);
/* Gives merged nodes the verdict of the one that stands for them now. */
void search_settle(struct search *search);
/* A result of which all before it were taken, and owns nothing any more. `stored`: it was read from a
 * checkpoint; `merging`: by classes (merge.h). */
void search_take(struct search *search, uint32_t number, struct result *result, bool stored, bool merging);
/* A node that another one stood for, and does not any more. */
void search_retake(struct search *search, uint32_t number, struct result *result);
/* One batch of the states that wait. */
int search_step(struct search *search, struct worker **workers, uint32_t *most, bool merging,
                size_t *failures, double began, struct error *error);
/* Why it ends when search_is_late. */
const char *search_late_bound(void);
/* The time is over, or somebody interrupts; `arg`: the search. For machine.is_late. */
bool search_is_late(const void *arg);
uint32_t search_add_verdict(struct search *search, const struct verdict *verdict);
struct sum search_end_key(const struct node *node);

/* answer.c */
/* Puts what a result has read into the trees, and what leads into the list of them. */
void answer_learn(struct search *search, uint32_t number, const struct result *result);
/* A run that the tree has lost was made once more. */
void answer_learn_again(struct search *search, uint32_t number, struct result *result);
void answer_begin(struct search *search, const struct op *ops, size_t count);
size_t answer_bytes(const struct search *search);
void answer_free(struct search *search);

struct worker *worker_new(struct search *search, struct error *error);
void worker_set_root(struct worker *worker); /* search->root is made */
void worker_free(struct worker *worker);
/* Forgets what it met in its own chunk. */
void worker_begin_chunk(struct worker *worker);
void worker_node(struct worker *worker, uint32_t number, bool collect, enum search_strategy strategy,
                 struct result *result);
struct machine *worker_machine(struct worker *worker);
/* Puts the flash of a node into the machine; NULL, or what is wrong: its digest does not fit. */
const char *worker_load(struct worker *worker, uint32_t number);
void result_release(struct result *result);

/* Does it fail in another way than the run without any cut? */
bool search_fails_anew(const struct search *search, uint32_t number);
/* Are cuts in its boot tried, too? */
bool search_goes_on(const struct search *search, uint32_t number);
struct sum search_key(struct sum sum, unsigned torn);
/* What the console said in the whole power cycle of a node; the caller frees. */
char *search_text(const struct search *search, uint32_t number, size_t *len);
/* States that were found, and of which nobody has judged what they come to. */
size_t search_not_judged(const struct search *search);
/* The first operation of a node's power cycle that may be cut; UINT32_MAX: none. */
uint32_t search_cut_first(const struct search *search, uint32_t number);
/* May the boot of a state be cut that so many cuts led to? Else there are as many as was asked for, or as can
 * be counted. */
bool search_is_cut(const struct search *search, unsigned depth);
/* How many cuts of a sequence may be other than clean. */
unsigned search_odd_cuts(const struct search *search);
/* How many of a node's first operations are its parent's, and kept there: a reset's run up to the reset. */
uint32_t node_shared(const struct node *node);
/* An operation of a run, by its number, also behind where it met another one (NULL: there are not so many);
 * and all op_count of them, for the caller to free. */
const struct op *search_op(const struct search *search, uint32_t run, uint32_t op);
struct op *search_ops(const struct search *search, uint32_t run);
/* The node whose run this one makes: itself, unless it was answered. */
uint32_t search_run_of(const struct search *search, uint32_t number);
/* The sequence of cuts that leads to a node, first cut first: numbers of the nodes. Length: its depth. */
void search_path(const struct search *search, uint32_t number, uint32_t *path);

/* trailer.c: which pages hold flags, as the scenario says or from the operations of the boot without a cut.
 */
void search_find_trailers(struct search *search, const struct op *ops, size_t op_count);
/* One stretch of them after the other, from *from in nvm on (0 at first); its name is borrowed, NULL: none.
 */
bool search_next_trailer(const struct search *search, struct spec_region *region, size_t *from);

/* self_test.c: repeats options.sample states un-pruned; fills in sampled and sample_*. */
void search_self_test(struct search *search, struct worker **workers);

/* checkpoint.c: one record for each finished batch. */
struct checkpoint;
struct checkpoint *checkpoint_open(const char *path, struct sum identity, struct error *error);
/* The next stored batch: results in order, *count of them; NULL: no more. The caller frees each and the
 * array. */
struct result *checkpoint_read(struct checkpoint *checkpoint, size_t *count);
/* `pages`: how many a run_log's `constant` has. */
int checkpoint_write(struct checkpoint *checkpoint, const struct result *results, size_t count,
                     uint32_t pages, struct error *error);
void checkpoint_close(struct checkpoint *checkpoint);

#endif
