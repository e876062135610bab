/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contract: does what a power cycle left behind hold? */
#ifndef OTARIG_EXPLORE_ENGINE_JUDGE_H
#define OTARIG_EXPLORE_ENGINE_JUDGE_H

#include "harness/explore/engine/machine.h"

struct verdict {
    bool fails;
    uint8_t phase, clause;  /* the first clause that does not hold */
    const char *fail_class; /* "": holds */
    char detail[120];
};

struct memo;

/* Clauses of the explored power cycle that look at how it ended and at flash, then all further phases, for
 * which it boots. nvm must be as the cycle left it, and is so again afterwards. `memo`: what is known
 * already, and is learnt from; NULL: everything is run to its end. The verdict is the same. */
void judge_flash(struct machine *machine, enum machine_end end, uint32_t end_pc, struct memo *memo,
                 struct verdict *verdict);
/* The clauses that look at the console; `verdict` is only changed when one comes before what it has. */
void judge_text(const struct spec *spec, enum machine_end end, const char *text, size_t len,
                struct verdict *verdict);

/* As judge_flash without a memo; a clause about the console of a further phase that does not hold puts what
 * was there into `quote`, as judge_quote does, else "". */
#define JUDGE_QUOTE 100
void judge_flash_quoting(struct machine *machine, enum machine_end end, uint32_t end_pc,
                         struct verdict *verdict, char quote[JUDGE_QUOTE]);
/* The line of this console that should never be seen, or the last one where none was to be missing;
 * printable, cut off to fit. "": the clause that fails is not about the console, or nothing was there. */
void judge_quote(const struct spec *spec, const struct verdict *verdict, const char *text, size_t len,
                 char quote[JUDGE_QUOTE]);

#endif
