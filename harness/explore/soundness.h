/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why the explorer may stop a run before its end, and what it checks while it does.
 *
 * A *point* is a moment right after a flash operation at which the whole machine is digested (128 bits): all
 * RAM, core, special and FP registers, exception and SysTick state, every peripheral's state with its times
 * made relative to now, bytes that have not left the chip, every unmodelled register that was written, the
 * random stream, all non-volatile memory; and of ours the time since the last flash operation, whether cuts
 * count yet, pending console input, and the console line under way. A run that comes to a point some finished
 * run has been at will do what that one did from there, so it inherits outcome, further console output and
 * further states, and stops.
 *
 * That is exact when all of these hold:
 *  1. The digest is complete. Times are whole nanoseconds at every flash operation (the twin ends operations
 * on one), clocks count from when they were set, and their phase is digested exactly. The exclusive monitor
 * cannot be read: no point is taken while it may be open (after LDREX, before STREX, CLREX or a reset).
 *     A clock that runs on (RTC, SysTick without interrupt, cycle counter) and will do nothing by itself
 * within the longest power cycle is left out of a second digest, else a boot under a kernel would meet
 * nobody. A run inherits through that one only what looked at no clock from there on: the twin counts each
 * read of a count, each event that came and each that code asked for (twin_clock_looks).
 *  2. Nothing that ends a run depends on what came before the point. "Quiet" counts from the last flash
 * operation or reset, which the digest holds. The number of resets and the total time of a cycle do depend on
 * it: runs that ended by them give nothing to others, and a run that would exceed them with what it inherits
 * goes on by itself.
 *  3. The one who inherits may make every cut the other one could make, and no more: a run is only met by
 * runs with at least as many torn cuts behind them, and at least as deep.
 *     A flipped bit counts like a torn cut, and is a state like any other; which bits are drawn depends on
 * the state and the seed only. A reset that keeps RAM counts like a torn cut, too. Its run is its parent's
 * power cycle again, up to the reset; only after that is it met, or met by others.
 *  4. Power-up wipes RAM: the same scramble for all boots (firmware that reads uninitialised RAM sees one of
 * its possible contents, and this is not claimed to be all of them).
 *  5. Two different machines do not share a digest (128 bits; 10^6 points collide with less than 10^-26).
 *
 * Why a finished run may answer for other states (STRATEGY_READS, answer.c): a power cycle is decided by the
 * words of non-volatile memory that it reads before it erased them whole, in the order in which it reads
 * them, and by nothing else in which crash states differ. A state that agrees with a finished run on all of
 * those words makes the same operations at the same times, prints the same and ends alike; words that the run
 * never looked at stay as they were. So nothing is executed for it. That is exact when these hold, too:
 *  6. The log is complete (fixtures/twin/core/read_log.c): loads, code that runs, vectors, bus masters,
 * peripherals that look at option bytes or UICR. A write to a word that is not the run's own clears bits of
 * what was there, and an erase in parts leaves some of it: both read. Only a whole erase makes words the
 * run's own. Pages in which no run has done an operation so far are the same in all states; that they were
 * read is kept page by page, and a run that has read one is dropped when a later one writes there.
 *  7. The log is a decision tree: runs that agree so far read the same word next. So code is logged when it
 * runs, not when it is translated; nothing is logged behind the end of a run.
 *  8. All power cycles begin alike otherwise: the same scramble of RAM, seed, clocks at a whole second, no
 * backup domain that outlives the power. A reset that keeps RAM does not: --resets goes by meeting alone.
 *  9. A run that is not known may still meet one that is (1. to 5.). What it would have read from there on is
 * what the other one has read from there on, less what is its own or read already: so each run keeps a trace
 * of all it touches, piece by piece between points. Of pages that were taken for the same in all states the
 * trace knows nothing, for good: a run that meets one with such a trace counts as one that has read those
 * pages, also when the other one's log was made once more.
 *  10. What cuts in the run of an answered state leave is found by doing the known operations to its own
 * memory, up to where that is the same as some state's before it that made the same run, with no more torn
 * cuts behind it; from there on both leave the same.
 *  11. Judging reads words, too: clauses that look at memory, and further boots. A verdict answers for all
 * ends that agree on them. Where memory is compared with what it was (`stable`), an erase reads the page. A
 * run that contradicts 7. ends the exploration, and everything is run again un-pruned.
 *
 * Why states may be merged (STRATEGY_MERGE, merge.h): two states that make the same run differ at most in
 * words that this run does not read. When they agree on all that any boot after further cuts, and all
 * judging, reads as well, whatever follows is the same in both but for those words, which nobody looks at. So
 * one of them is cut further, and stands for the others. That is exact when 6. to 11. hold, and these:
 *  12. What counts in a slot (all states of one run) holds: the reads of the run; the reads of judging what
 * it leaves; all that counts in the slot of each state that a cut in it leaves, less the words that the run
 * had erased whole by then. The sets are made large enough for all states that were cut further, and the
 * search ends only when nothing has to be added: who was taken for one before a word was known to count is
 * looked at again (merge_again.c), and so is each state that saw a slot which has grown since.
 *  13. Who stands for a state has had at most as many torn cuts, so it can be cut in every way that the other
 * one can. A torn erase leaves what depends on all of its page, so while torn cuts may still follow, all
 * words of pages that the run erases count (or states with cuts left are not merged at all, which is the
 * rule).
 *  14. An operation that changes no word that counts leaves, whole or torn, the same as if it had not begun.
 * A torn state of 14. is one that such a cut leaves, too: what counts after one more torn cut counts.
 *  15. Depth is not limited: what stands for a state may lie deeper.
 *  16. Nothing that was learnt is left untold: the search goes on while an edge, a judgement or a word waits
 * to be passed on, and a verdict is that of whoever stands for a state in the end. What stands for a state
 * may lie deeper, so of two sequences to one failure the longer one may be found; and a state that fails may
 * be known as one of a class only. Windows do not depend on that: each place of a run is looked up by what a
 * cut there leaves (windows.h).
 *
 * Turns of a poll that change nothing are charged at once (fixtures/twin/core/poll.c): the twin does that
 * exactly, and the first samples of the self-test execute them all.
 *
 * Checked at run time: each state that is rebuilt from journals must have the digest it was found with (else
 * the explorer stops: a journal was incomplete). Self-test of every exploration: a seeded sample of the
 * states, drawn in turn from those cut at erases, in flag pages, at first words of pages and elsewhere, torn
 * or clean, after one cut and more, is run and judged again to the end; operations and their code addresses,
 * end, console, resets, time, final memory, verdict and every state it passes must be what was inherited or
 * remembered. test_reads.sh makes holes in the log (one word, each kind of read, the rule of AND) and sees
 * them noticed; the same of what counts: a word, judging, cuts, the order of erases. Of merged states nobody
 * has booted what cuts in their boots leave: chains of such cuts, torn and clean, are run and judged, and all
 * that cuts there leave must be known (merge_check.c). test_share.sh holds whole searches, each state,
 * verdict and window of them, against searches that share nothing, on boot loaders made for it and some by
 * chance. The first ones of the self-test run on the engine that looks at every instruction: it must come to
 * the same, and what it finds that a real core faults on (twin_strict) makes a pass inconclusive. Every class
 * of failure is reproduced by real power cuts on a fresh twin, un-pruned, before it is reported.
 *
 * The result does not depend on the number of workers: states are taken in the order in which they were
 * found, in chunks whose size depends on what was found before; a chunk sees points of earlier batches and of
 * itself only; results are merged in order. Verdicts are a function of the final state: what a worker knows
 * of earlier ones (memo.h, the same conditions) saves it time only.
 *
 * Cuts at times, not operations: a cut between two operations leaves in non-volatile memory just what a cut
 * right before the second one leaves, and nothing else outlives it (4.), so the full alphabet holds all of
 * them; torn ones are by model. Resets that keep RAM are different at each instruction; they are tried right
 * after each operation only, and the report says so. */
#ifndef OTARIG_EXPLORE_SOUNDNESS_H
#define OTARIG_EXPLORE_SOUNDNESS_H

#define BUDGET_SEARCH 0.85 /* of the time; the rest is left for the self-test */
#define DEPTH_MAX 255u     /* cuts in a row, when as many as it takes are asked for */
#define CHUNK_NODES 64     /* of one worker, in order; at most, */
#define CHUNK_LEAST 4      /* and at least */
#define BATCH_CHUNKS 32
#define BATCH_NODES (CHUNK_NODES * BATCH_CHUNKS) /* between two merges; at most, */
#define BATCH_LEAST 16                           /* and at least */
#define BATCH_INSTRUCTIONS UINT64_C(2000000000)  /* about 10 s of one core, and as much for judging */
#define BATCH_CANDIDATES UINT64_C(8000000)       /* about 200 MB of results */
#define TRAILER_SHIFT 10 /* pages that hold flags are marked in KiB: the smallest page of any chip */
#define POINT_EVERY 256u /* operations: so that long stretches without erase meet, too */

#endif
