/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an exploration found: classes of failure, each with the shortest sequence of cuts that was found
 * (soundness.h, 15.: merged, there may be a shorter one), reproduced by real cuts. */
#ifndef OTARIG_EXPLORE_SEARCH_FINDINGS_H
#define OTARIG_EXPLORE_SEARCH_FINDINGS_H

#include "harness/explore/search/search.h"
#include "harness/explore/search/windows.h"
#include "harness/explore/spec/symbols.h"

struct cut {
    uint32_t boot, operation;
    unsigned model; /* model.h */
    struct op op;   /* the one before or inside which power went; kind erase: value is the length. MODEL_ROT:
                     * the   word, and value its bit */
    bool after;     /* power went after the last operation: op is that one */
    struct place place, caller;
    struct symbols_source
        chain[SYMBOLS_CHAIN_MAX]; /* who was under way, innermost first, as the stack looks */
    unsigned chain_count;
    /* When to cut, since power-up of that boot: between the operation before and this one, or inside of it
     * when it is torn. Where a window of the finding holds the cut, that window. Not known of a reset and of
     * rot. */
    bool timed;
    uint64_t from_ns, to_ns;
    /* What the console had said before from_ns, whole lines, and when each had left the chip. */
    char *text;
    uint64_t *line_ns;
    size_t line_count;
};
/* How many cuts (or resets) at the middle of a window fall into it once, with 95 %, when they scatter evenly
 * by +-jitter; 0: the window has no length. */
unsigned finding_cuts_needed(const struct window *window, uint64_t jitter_ns);
struct finding {
    uint32_t node; /* the first, so with fewest cuts */
    uint32_t verdict;
    uint8_t end;
    size_t states;
    uint32_t depth_states[8]; /* states per number of cuts; the last: that many and more */
    struct cut *cuts;
    size_t cut_count;
    struct windows windows;
    char *text; /* console of the failing boot */
    size_t text_len;
    size_t said_len; /* of it: before the last operation */
    bool confirmed;
    char quote[JUDGE_QUOTE]; /* what the console said that it should not, or in place of what it should; "" */
    struct op *ops;          /* of the failing boot */
    size_t op_count;
    /* Why it is none: the register whose answer nobody knows, and who asked; count 0: it is one. */
    struct twin_look rests;
    struct place rests_place;
    bool polled; /* the boot ended while it polled that one; else it only asked once */
    /* The register that the boot looked at last when it ended in silence, and where the core was. */
    struct twin_look waits;
    struct place waits_place;
    uint8_t *before, *after; /* nvm the failing boot starts from, and as it leaves it */
};
struct findings {
    struct finding *items; /* the first `count` of them are failures; then come those that rest on what the
                            * twin does not model */
    size_t count, all;
    size_t bad_states, not_judged_states;
    bool trouble; /* one was not confirmed: the explorer is wrong */
    struct symbols *symbols;
};

int findings_make(struct findings *findings, const struct search *search, struct error *error);
void findings_release(struct findings *findings);

#endif
