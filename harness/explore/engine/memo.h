/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What judging has learnt: from which moment of which clean boot it came to which verdict. Many states settle
 * alike, and the boots that show how they do meet each other soon, so most of them need not run to their end.
 * A verdict is the one that judging to the end gives (soundness.h; the self-test checks it), whatever was
 * learnt before: each worker has a memo of its own. */
#ifndef OTARIG_EXPLORE_ENGINE_MEMO_H
#define OTARIG_EXPLORE_ENGINE_MEMO_H

#include "harness/explore/engine/machine.h"

struct verdict;
struct memo;

/* `trailer`: one per TRAILER_SHIFT of nvm, where operations are points; outlives the memo. */
struct memo *memo_new(const uint8_t *trailer);
void memo_free(struct memo *memo);

/* A judgement by this machine begins: the memo takes its hooks until memo_end, which puts them back and
 * remembers the verdict for all that was passed. */
void memo_begin(struct memo *memo, struct machine *machine);
void memo_end(struct memo *memo, const struct verdict *verdict);
/* Boots begin that the rest of the judgement depends on in no other way than by what they do and leave, and
 * by `place`, which tells them from all others of the scenario and holds what was kept of earlier boots.
 * `text`: also by what they print. The verdict, if it is known what these boots come to; else NULL. */
const struct verdict *memo_boots(struct memo *memo, struct sum place, bool text);
/* After a power cycle: the verdict, when the cycle was ended because it is known; else NULL. */
const struct verdict *memo_met(const struct memo *memo);

#endif
