/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/engine/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/pattern.h"
#include "harness/explore/engine/memo.h"

struct judging {
    struct machine *machine;
    struct memo *memo; /* NULL: none */
    unsigned phase;
    enum machine_end end;
    uint32_t end_pc;
    char *text; /* of all boots of the phase; NULL: the explored one's, which judge_text looks at */
    size_t text_len, last_begin; /* where the last boot's begins */
    char *quote;                 /* JUDGE_QUOTE bytes; NULL: not wanted */
    const char *fail_class;
    bool blind; /* a further boot waited for what the twin does not model */
    char detail[120];
};

/* The line that begins at `at`, without its end; *next: where the next one does. */
static size_t line_at(const char *text, size_t len, size_t at, size_t *next)
{
    const char *end = memchr(text + at, '\n', len - at);
    size_t stop = end ? (size_t)(end - text) : len, cut = stop;
    if (cut > at && text[cut - 1] == '\r')
        cut--;
    *next = stop + 1;
    return cut - at;
}

static bool any_line(const void *pattern, const char *text, size_t len)
{
    for (size_t at = 0, next; at < len; at = next) {
        size_t line_len = line_at(text, len, at, &next);
        if (pattern_matches(pattern, text + at, line_len))
            return true;
    }
    return false;
}

void judge_quote(const struct spec *spec, const struct verdict *verdict, const char *text, size_t len,
                 char quote[JUDGE_QUOTE])
{
    const struct clause *clause = &spec->phases[verdict->phase].clauses[verdict->clause];
    bool never = clause->kind == CLAUSE_NEVER;
    quote[0] = 0;
    if (!verdict->fails || (!never && clause->kind != CLAUSE_SEEN))
        return;
    for (size_t at = 0, next; at < len && !(never && quote[0]); at = next) {
        size_t line_len = line_at(text, len, at, &next);
        if (line_len && (!never || pattern_matches(clause->pattern, text + at, line_len)))
            snprintf(quote, JUDGE_QUOTE, "%.*s", (int)line_len, text + at);
    }
    for (char *c = quote; *c; c++)
        *c = (unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f ? '?' : *c;
}

static const char *console_detail(const struct clause *clause)
{
    return clause->kind == CLAUSE_SEEN ? "no line of the console does" : "a line of the console does";
}

/* Looks at no more than up to the first byte that differs. */
static bool holds_image(struct machine *machine, const struct spec_region *region, size_t image)
{
    const struct explore_segment *part = &machine->spec->images[image].segments[0];
    size_t offset = machine_offset(machine->spec, region->address), same = 0;
    if (part->len > region->len)
        return false;
    while (same < part->len && machine->nvm[offset + same] == part->data[same])
        same++;
    twin_log_look(machine->twin, offset, same < part->len ? same + 1 : same);
    return same == part->len;
}

/* Any image of the scenario that lies there: a whole image, only not the right one. */
static const char *other_image(struct machine *machine, const struct spec_region *region)
{
    const struct spec *spec = machine->spec;
    for (size_t i = 0; i < spec->image_count; i++)
        if (spec->images[i].segment_count == 1 && holds_image(machine, region, i))
            return spec->images[i].name;
    return NULL;
}

/* Un-pruned, a boot that would go round for ever ends by a limit. */
static bool goes_round(enum machine_end end)
{
    return end == END_LOOP || end == END_RESETS || end == END_TOTAL;
}

static bool executes(struct judging *judging, const struct clause *clause)
{
    if (judging->end == END_EXEC && judging->end_pc - clause->region.address < clause->region.len)
        return true;
    if (judging->end == END_EXEC) {
        const struct spec_region *where = spec_region_of(judging->machine->spec, judging->end_pc);
        snprintf(judging->detail, sizeof judging->detail, "executes at 0x%08x%s%.60s", judging->end_pc,
                 where ? ", in " : "", where ? where->name : "");
        if (!clause->class_given) /* it runs, only not there */
            judging->fail_class = "wrong-version";
    } else
        snprintf(judging->detail, sizeof judging->detail, "ended by: %s", machine_end_names[judging->end]);
    if (goes_round(judging->end))
        judging->fail_class = "not-converging";
    return false;
}

static bool is_stuck(enum machine_end end)
{
    return end == END_LOCKUP || goes_round(end);
}

static bool settles(struct judging *judging)
{
    if (!is_stuck(judging->end))
        return true;
    snprintf(judging->detail, sizeof judging->detail, "ended by: %s", machine_end_names[judging->end]);
    if (goes_round(judging->end))
        judging->fail_class = "not-converging";
    return false;
}

static bool equals(struct judging *judging, const struct clause *clause)
{
    for (size_t i = 0; i < clause->image_count; i++)
        if (holds_image(judging->machine, &clause->region, clause->images[i]))
            return true;
    const char *other = other_image(judging->machine, &clause->region);
    if (other)
        snprintf(judging->detail, sizeof judging->detail, "%s holds %s", clause->region.name, other);
    else
        snprintf(judging->detail, sizeof judging->detail, "%s holds none of the images", clause->region.name);
    if (other && !strcmp(judging->fail_class, "corrupt-image"))
        judging->fail_class = "wrong-version";
    return false;
}

static bool swapped(struct judging *judging, const struct clause *clause)
{
    for (unsigned turn = 0; turn < 2; turn++)
        if (holds_image(judging->machine, &clause->region, clause->images[turn]) &&
            holds_image(judging->machine, &clause->other, clause->images[!turn]))
            return true;
    snprintf(judging->detail, sizeof judging->detail, "%s and %s hold something else", clause->region.name,
             clause->other.name);
    return false;
}

static bool word(struct judging *judging, const struct clause *clause)
{
    uint32_t value;
    size_t offset = machine_offset(judging->machine->spec, clause->region.address);
    memcpy(&value, judging->machine->nvm + offset, 4);
    twin_log_look(judging->machine->twin, offset, 4);
    snprintf(judging->detail, sizeof judging->detail, "it is 0x%08x", value);
    return (value & clause->mask) == clause->value;
}

/* How the last boot ended, and what it left: a part of the place of boots that are compared with it. */
static struct sum ended(const struct judging *judging, struct sum place)
{
    return sum_with(sum_with(place, judging->end), judging->end == END_EXEC ? judging->end_pc : 0);
}

static bool met(const struct judging *judging)
{
    return judging->memo && memo_met(judging->memo);
}

/* False when it is known already what the further boots come to, too. */
static bool boots_alike(struct judging *judging, const struct clause *clause)
{
    struct machine *machine = judging->machine;
    struct sum before = machine->sum, place = sum_with(ended(judging, before), judging->phase);
    if (judging->memo && memo_boots(judging->memo, sum_with(place, (uintptr_t)clause), false))
        return false;
    for (unsigned i = 0; i < clause->boots; i++) {
        machine_cycle(machine, UINT64_MAX);
        if (met(judging))
            return false;
        bool exec = judging->end == END_EXEC;
        judging->blind = machine->end == END_BLIND;
        if (machine->end != judging->end || (exec && machine->end_pc != judging->end_pc)) {
            snprintf(judging->detail, sizeof judging->detail, "a further boot ended by: %s",
                     machine_end_names[machine->end]);
            return false;
        }
        if (!sum_equal(before, machine->sum)) {
            snprintf(judging->detail, sizeof judging->detail, "boot %u after it changed flash", i + 1);
            return false;
        }
    }
    return true;
}

static bool stable(struct judging *judging, const struct clause *clause)
{
    /* the memory is compared with what it was: here it matters what an erase finds */
    twin_log_erases(judging->machine->twin, true);
    bool good = boots_alike(judging, clause);
    twin_log_erases(judging->machine->twin, false);
    return good;
}

static bool holds(struct judging *judging, const struct clause *clause);

/* Of the alternative that got furthest, class and detail of what does not hold are told. */
static bool one_of(struct judging *judging, const struct clause *clause)
{
    const char *best_class = clause->fail_class;
    char best[sizeof judging->detail] = "";
    size_t most = 0;
    for (size_t i = 0, begin; i < clause->part_count;) {
        const struct clause *parts = clause->parts;
        for (begin = i; i < clause->part_count && parts[i].alternative == parts[begin].alternative; i++) {
            judging->detail[0] = 0;
            judging->fail_class = parts[i].fail_class;
            if (!holds(judging, &parts[i]))
                break;
        }
        if (i == clause->part_count || parts[i].alternative != parts[begin].alternative)
            return true;
        if (!best[0] || i - begin > most) {
            most = i - begin;
            best_class = judging->fail_class;
            snprintf(best, sizeof best, "%s", judging->detail[0] ? judging->detail : "it is not so");
        }
        while (i < clause->part_count && parts[i].alternative == parts[begin].alternative)
            i++;
    }
    snprintf(judging->detail, sizeof judging->detail, "%s", best);
    judging->fail_class = clause->class_given ? clause->fail_class : best_class;
    return false;
}

static bool holds(struct judging *judging, const struct clause *clause)
{
    switch (clause->kind) {
    case CLAUSE_EXECUTES:
        return executes(judging, clause);
    case CLAUSE_EQUALS:
        return equals(judging, clause);
    case CLAUSE_SWAPPED:
        return swapped(judging, clause);
    case CLAUSE_WORD:
        return word(judging, clause);
    case CLAUSE_STABLE:
        return stable(judging, clause);
    case CLAUSE_ONE_OF:
        return one_of(judging, clause);
    case CLAUSE_SETTLES:
        return settles(judging);
    case CLAUSE_SEEN:
        snprintf(judging->detail, sizeof judging->detail, "%s", console_detail(clause));
        return !judging->text || any_line(clause->pattern, judging->text + judging->last_begin,
                                          judging->text_len - judging->last_begin);
    case CLAUSE_NEVER:
        snprintf(judging->detail, sizeof judging->detail, "%s", console_detail(clause));
        return !judging->text || !any_line(clause->pattern, judging->text, judging->text_len);
    }
    return true;
}

static bool judge_phase(struct judging *judging, struct verdict *verdict)
{
    const struct phase *phase = &judging->machine->spec->phases[judging->phase];
    for (size_t i = 0; i < phase->clause_count; i++) {
        judging->detail[0] = 0;
        judging->fail_class = phase->clauses[i].fail_class;
        judging->blind = false;
        if (holds(judging, &phase->clauses[i]))
            continue;
        if (judging->end == END_BLIND || judging->blind)
            judging->fail_class = EXPLORE_NOT_JUDGED;
        *verdict = (struct verdict){true, (uint8_t)judging->phase, (uint8_t)i, judging->fail_class, ""};
        snprintf(verdict->detail, sizeof verdict->detail, "%s", judging->detail);
        if (judging->quote && judging->text)
            judge_quote(judging->machine->spec, verdict, judging->text, judging->text_len, judging->quote);
        return false;
    }
    return true;
}

static bool is_text(const struct clause *clause)
{
    return clause->kind == CLAUSE_SEEN || clause->kind == CLAUSE_NEVER;
}

static bool looks_at_text(const struct phase *phase)
{
    for (size_t i = 0; i < phase->clause_count; i++) {
        if (is_text(&phase->clauses[i]))
            return true;
        for (size_t k = 0; k < phase->clauses[i].part_count; k++)
            if (is_text(&phase->clauses[i].parts[k]))
                return true;
    }
    return false;
}

static void take_text(struct judging *judging)
{
    const struct machine *machine = judging->machine;
    judging->text = mem_resize(judging->text, judging->text_len + machine->text_len + 2, 1);
    memcpy(judging->text + judging->text_len, machine->text ? machine->text : "", machine->text_len);
    judging->last_begin = judging->text_len;
    judging->text_len += machine->text_len;
    if (judging->text_len && judging->text[judging->text_len - 1] != '\n')
        judging->text[judging->text_len++] = '\n'; /* the next boot's line is another one */
}

/* The boots of a phase. One that does not settle is the last. */
static void boot_phase(struct judging *judging)
{
    struct machine *machine = judging->machine;
    const struct phase *phase = &machine->spec->phases[judging->phase];
    judging->text_len = 0;
    if (judging->memo && memo_boots(judging->memo, (struct sum){judging->phase, 0}, looks_at_text(phase)))
        return;
    machine->input = phase->input ? phase->input : &machine->spec->input;
    machine_prepare(machine, &phase->prepare);
    for (unsigned i = 0; i < phase->boots && !met(judging); i++) {
        machine_cycle(machine, UINT64_MAX);
        judging->end = machine->end;
        judging->end_pc = machine->end_pc;
        take_text(judging);
        if (is_stuck(judging->end))
            return;
    }
}

static void judge(struct machine *machine, enum machine_end end, uint32_t end_pc, struct memo *memo,
                  struct verdict *verdict, char *quote)
{
    const struct spec *spec = machine->spec;
    struct judging judging = {.machine = machine, .end = end, .end_pc = end_pc, .quote = quote};
    struct machine_hooks hooks = machine->hooks;
    uint8_t *copy = mem_copy(machine->nvm, spec->nvm_size);
    machine->hooks = (struct machine_hooks){0};
    if (memo)
        memo_begin(judging.memo = memo, machine);
    *verdict = (struct verdict){.fail_class = ""};
    bool good = judge_phase(&judging, verdict);
    for (judging.phase = 1; judging.phase < spec->phase_count && good && !met(&judging); judging.phase++) {
        boot_phase(&judging);
        good = met(&judging) || judge_phase(&judging, verdict);
    }
    if (met(&judging))
        *verdict = *memo_met(memo);
    if (judging.memo)
        memo_end(memo, verdict);
    machine->input = &spec->input;
    machine->hooks = hooks;
    machine_load(machine, copy);
    free(judging.text);
    free(copy);
}

void judge_flash(struct machine *machine, enum machine_end end, uint32_t end_pc, struct memo *memo,
                 struct verdict *verdict)
{
    judge(machine, end, end_pc, memo, verdict, NULL);
}

void judge_flash_quoting(struct machine *machine, enum machine_end end, uint32_t end_pc,
                         struct verdict *verdict, char quote[JUDGE_QUOTE])
{
    quote[0] = 0;
    judge(machine, end, end_pc, NULL, verdict, quote);
}

void judge_text(const struct spec *spec, enum machine_end end, const char *text, size_t len,
                struct verdict *verdict)
{
    const struct phase *phase = &spec->phases[0];
    for (size_t i = 0; i < phase->clause_count; i++) {
        const struct clause *clause = &phase->clauses[i];
        bool seen = clause->kind == CLAUSE_SEEN, never = clause->kind == CLAUSE_NEVER;
        if (verdict->fails && verdict->phase == 0 && verdict->clause < i)
            return;
        if ((!seen && !never) || any_line(clause->pattern, text, len) == seen)
            continue;
        bool blind = seen && end == END_BLIND; /* what was said was said */
        *verdict = (struct verdict){true, 0, (uint8_t)i, blind ? EXPLORE_NOT_JUDGED : clause->fail_class, ""};
        snprintf(verdict->detail, sizeof verdict->detail, "%s", console_detail(clause));
        return;
    }
}
