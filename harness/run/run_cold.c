/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Proof that the board lost its power. A start after a cut proves nothing by itself: a relay may not have
 * moved, and the board may have been reset for another reason. Each source of the fact "cold" says what it
 * saw; the first that can tell decides, and the verdict names it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/base/clock.h"
#include "harness/base/mix.h"
#include "harness/run/run.h"

bool run_equals(const char *told, const char *wanted)
{
    char *told_end, *wanted_end;
    unsigned long long a = strtoull(told, &told_end, 16), b = strtoull(wanted, &wanted_end, 16);
    if (told_end != told && wanted_end != wanted && !*told_end && !*wanted_end)
        return a == b;
    return !strcasecmp(told, wanted);
}

enum run_cold run_cold_line(const struct run *run, const char *group_text)
{
    const struct source *source = facts_source(run->plan->board, FACT_COLD, SOURCE_MARK);
    if (!source || !group_text[0])
        return RUN_COLD_UNKNOWN;
    return run_equals(group_text, source->equals) ? RUN_COLD_YES : RUN_COLD_NO;
}

/* ---- the canary ---- */

static const struct source *usable(const struct run *run, enum source_kind kind)
{
    const struct source *source = facts_source(run->plan->board, FACT_COLD, kind);
    return source && facts_usable(source, run->rig->place) ? source : NULL;
}

static int set_canary(struct run *run, const struct source *source)
{
    uint32_t word, value = (uint32_t)mix64(clock_now_us()) | 1;
    const struct probe_job job = {.verb = PROBE_WRITE, .address = source->address, .value = value};
    run->canary = (struct run_canary){0};
    if (run_probe(run, &job))
        return -1;
    if (run_read_word(run, source->address, &word) || word != value) {
        run_note(run, "the canary at 0x%08x cannot be written: it proves nothing", source->address);
        return 0;
    }
    run->canary = (struct run_canary){.set = true, .value = value, .power_ups = run->power_ups};
    return 0;
}

static enum run_cold look_canary(struct run *run, const struct source *source, char *why, size_t size)
{
    uint32_t word;
    if (!run->canary.set || run->power_ups == run->canary.power_ups ||
        run_read_word(run, source->address, &word))
        return RUN_COLD_UNKNOWN;
    bool gone = word != run->canary.value;
    snprintf(why, size,
             gone ? "a word left in its RAM before the cut is gone"
                  : "a word left in its RAM before the cut is still there");
    return gone ? RUN_COLD_YES : RUN_COLD_NO;
}

/* What the board calls this life of it, to be compared with the next. */
static void remember_boot_id(struct run *run)
{
    static const enum source_kind kinds[] = {SOURCE_ASK, SOURCE_EXEC, SOURCE_HTTP};
    struct run_told told;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct source *source = usable(run, kinds[i]);
        if (source && run_ask(run, FACT_COLD, source, &told) && told.boot_id[0])
            snprintf(run->boot_id, sizeof run->boot_id, "%s", told.boot_id);
    }
}

int run_cold_begin(struct run *run)
{
    const struct source *source = usable(run, SOURCE_CANARY);
    if (!run->powered)
        return 0;
    if (source && set_canary(run, source))
        return -1;
    remember_boot_id(run);
    return run_broken(run) ? -1 : 0;
}

/* ---- the others ---- */

static enum run_cold look_word(struct run *run, const struct source *source, char *why, size_t size)
{
    uint32_t word;
    bool started = run->seen.boots || !facts_source(run->plan->board, FACT_STARTED, SOURCE_MARK);
    if (run_read_word(run, source->address, &word))
        return RUN_COLD_UNKNOWN;
    if ((word & source->mask) != source->value) {
        snprintf(why, size, "the probe reads 0x%08x at 0x%08x, which is no start after a loss of power", word,
                 source->address);
        return RUN_COLD_NO;
    }
    /* the register may say so of an earlier start: without one that was seen it says nothing */
    if (!started || !run->seen.boots)
        return RUN_COLD_UNKNOWN;
    snprintf(why, size, "it started, and the probe reads 0x%08x at 0x%08x: a loss of power", word,
             source->address);
    return RUN_COLD_YES;
}

static bool has_started(struct run *run, const void *arg)
{
    return run->seen.boots;
}

/* A register tells of the latest start. An image that restarts by itself would soon write over what the first
 * one showed. */
bool run_cold_await(struct run *run)
{
    uint64_t limit_us = (uint64_t)run->plan->board->boot_ms * 1000;
    bool told = facts_source(run->plan->board, FACT_STARTED, SOURCE_MARK);
    if (!told || run->seen.boots || !run->powered || !usable(run, SOURCE_PROBE) || run_broken(run))
        return false;
    return !run_until(run, has_started, NULL, clock_now_us() + limit_us);
}

static enum run_cold look_sense(struct run *run, char *why, size_t size)
{
    if (!run->off_commanded_us || run->sensed_off_us != run->off_commanded_us)
        return RUN_COLD_UNKNOWN;
    snprintf(why, size, "the rail was seen to fall");
    return RUN_COLD_YES;
}

static enum run_cold look_silence(struct run *run, char *why, size_t size)
{
    if (run->late_us || run->talked_while_off) {
        snprintf(why, size, "the board talked while its power should have been off");
        return RUN_COLD_NO;
    }
    /* the application's line alone may be of the life before, where each start has a line of its own */
    bool starts = facts_source(run->plan->board, FACT_STARTED, SOURCE_MARK);
    if (!run->seen.boots && (starts || !run->seen.app_us))
        return RUN_COLD_UNKNOWN;
    snprintf(why, size,
             "it was silent while its power was off, and started when it came back (the weakest proof)");
    return RUN_COLD_YES;
}

/* Told by the board itself, or by a command: another boot id than before, or that it holds. */
static enum run_cold look_told(struct run *run, const struct source *source, char *why, size_t size)
{
    struct run_told told;
    if (!run_ask(run, FACT_COLD, source, &told))
        return RUN_COLD_UNKNOWN;
    bool cold = told.holds;
    if (told.boot_id[0] && !run->boot_id[0]) {
        run->first_life = true;
        return RUN_COLD_UNKNOWN;
    }
    if (told.boot_id[0]) {
        cold = run->boot_id[0] && strcmp(told.boot_id, run->boot_id);
        snprintf(why, size, "its boot id %s", cold ? "is another one" : "is that of before");
    } else if (source->equals) {
        if (!told.value[0])
            return RUN_COLD_UNKNOWN;
        cold = run_equals(told.value, source->equals);
        snprintf(why, size, "it tells '%.40s' as the cause of its start", told.value);
    } else
        snprintf(why, size, "%s says %s", source_name(source->kind), cold ? "so" : "no");
    return cold ? RUN_COLD_YES : RUN_COLD_NO;
}

static enum run_cold look(struct run *run, const struct source *source, char *why, size_t size)
{
    switch (source->kind) {
    case SOURCE_MARK:
        if (run->seen.boots != 1)
            return RUN_COLD_UNKNOWN; /* a later start of the same life says nothing of the first */
        snprintf(why, size, "the board's first line after it is that of %s",
                 run->seen.cold == RUN_COLD_YES ? "a cold boot" : "no cold boot");
        return run->seen.cold;
    case SOURCE_PROBE:
        return look_word(run, source, why, size);
    case SOURCE_CANARY:
        return look_canary(run, source, why, size);
    case SOURCE_SENSE:
        return look_sense(run, why, size);
    case SOURCE_SILENCE:
        return look_silence(run, why, size);
    case SOURCE_ASK:
    case SOURCE_EXEC:
    case SOURCE_HTTP:
        return look_told(run, source, why, size);
    default:
        return RUN_COLD_UNKNOWN;
    }
}

enum run_cold run_lost_power(struct run *run, bool may_ask, char *why, size_t size)
{
    const struct source *source;
    size_t index;
    snprintf(why, size, "nothing could tell whether it lost its power");
    if (run->talked_while_off) {
        snprintf(why, size, "the board talked while its power should have been off");
        return RUN_COLD_NO;
    }
    for (size_t from = 0; !run_broken(run) &&
                          (source = facts_next(run->plan->board, FACT_COLD, run->rig->place, from, &index));
         from = index + 1) {
        if (!may_ask && !source_is_passive(source))
            continue;
        enum run_cold cold = look(run, source, why, size);
        if (cold != RUN_COLD_UNKNOWN)
            return cold;
    }
    return RUN_COLD_UNKNOWN;
}
