/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/record/verdict_fold.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness/record/text.h"

/* ---- clauses: each says whether it holds and, if not, which class it makes ---- */

/* Names and versions were fitted when they were remembered: only the sum may be too long. */
static void say(struct clause *clause, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct clause *clause, const char *format, ...)
{
    char text[sizeof clause->detail * 4];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_fit(clause->detail, sizeof clause->detail, text);
}

static enum verdict_class judge_g1(const struct verdict_fold *fold, struct clause *clause)
{
    const cJSON *limits = cJSON_GetObjectItemCaseSensitive(fold->fields, "limits");
    int64_t limit_ms = (int64_t)verdict_time_at(limits, "recovery_ms");
    clause->holds = fold->boot_seen && fold->booted;
    if (!clause->holds) {
        say(clause, "%s", fold->boot_seen ? "no application came up any more" : "no boot was observed");
        return CLASS_BRICKED;
    }
    clause->holds = !fold->came_late && !fold->hung && !fold->slow_boot_ms && fold->recovery_ms >= 0 &&
                    (!limit_ms || fold->recovery_ms <= limit_ms);
    if (fold->came_late)
        say(clause, "came back only after a further power cycle");
    else if (fold->hung)
        say(clause, "its application started, but did not answer until the next power cycle");
    else if (fold->slow_boot_ms)
        say(clause, "every boot takes %" PRId64 " ms now, and took %" PRId64 " ms before the fault",
            fold->slow_boot_ms, fold->baseline_boot_ms);
    else if (fold->recovery_ms < 0)
        say(clause, "boots, but nobody saw when");
    else
        say(clause, "boots, %" PRId64 " ms after %s (limit %" PRId64 " ms)", fold->recovery_ms,
            fold->recovery_from[0] ? fold->recovery_from : "the fault", limit_ms);
    return clause->holds ? CLASS_NONE : CLASS_SLOW_RECOVERY;
}

static enum verdict_class judge_g2(const struct verdict_fold *fold, struct clause *clause)
{
    const cJSON *expect = verdict_expect(fold);
    const char *final = verdict_text_at(expect, "final"), *class = verdict_text_at(expect, "final_class");
    clause->holds = false;
    if (fold->bad_image[0] && fold->bad_class != CLASS_DOWNGRADED) {
        say(clause, "'%s' ran, which must never run", fold->bad_image);
        return fold->bad_class;
    }
    if (!fold->running_seen || !strcmp(fold->running, "none")) {
        say(clause, "nothing runs");
        return CLASS_BRICKED;
    }
    if (fold->unknown_ran) {
        bool spoilt = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(expect, "never")) > 0;
        say(clause, "an image ran that is none of the authentic ones");
        return spoilt ? CLASS_BAD_IMAGE_ACCEPTED : CLASS_CORRUPT_IMAGE;
    }
    if (fold->spoilt[0]) {
        say(clause, "'%s' ran, and no slot held its bytes", fold->spoilt);
        return CLASS_CORRUPT_IMAGE;
    }
    if (!strcmp(fold->running, "unknown") || (fold->contents_seen && strcmp(fold->contents, fold->running))) {
        say(clause, "'%s' (version %s) runs, but the slot holds the bytes of %s", fold->running,
            fold->running_version, fold->contents_seen ? fold->contents : "no known image");
        return CLASS_CORRUPT_IMAGE;
    }
    if (final && strcmp(final, fold->running)) {
        int found = class ? verdict_class_find(class) : -1;
        say(clause, "'%s' runs, '%s' must%s%s%s", fold->running, final, fold->undone_why[0] ? " (" : "",
            fold->undone_why, fold->undone_why[0] ? ")" : "");
        return found > 0 ? (enum verdict_class)found : CLASS_WRONG_VERSION;
    }
    if (!verdict_listed(cJSON_GetObjectItemCaseSensitive(expect, "runs"), fold->running)) {
        say(clause, "'%s' runs, which is neither the old nor the new one", fold->running);
        return CLASS_WRONG_VERSION;
    }
    if (fold->contradiction[0]) {
        say(clause, "the board contradicts itself: %s", fold->contradiction);
        return CLASS_WRONG_VERSION;
    }
    if (!strcmp(fold->confirmed, "0")) {
        say(clause, "'%s' runs and stays, though nobody confirmed it", fold->running);
        return CLASS_NO_ROLLBACK;
    }
    clause->holds = true;
    bool named = fold->running_from[0] && strcmp(fold->running_from, "mark");
    say(clause, "'%s' (version %s) runs%s%s%s", fold->running,
        fold->running_version[0] ? fold->running_version : "not told",
        fold->contents_seen ? ", byte for byte" : "", named ? ", told by " : "",
        named ? fold->running_from : "");
    return CLASS_NONE;
}

static enum verdict_class judge_g3(const struct verdict_fold *fold, struct clause *clause)
{
    const cJSON *limits = cJSON_GetObjectItemCaseSensitive(fold->fields, "limits");
    int64_t limit = (int64_t)verdict_time_at(limits, "cycles");
    bool stable = fold->settled_seen && fold->settled && fold->cycles <= limit;
    clause->holds = stable && !fold->restarts;
    if (stable && fold->restarts)
        say(clause, "stable, but it started again by itself (%" PRId64 " times)", fold->restarts);
    else if (stable)
        say(clause, "stable after %" PRId64 " further power cycles (limit %" PRId64 ")", fold->cycles, limit);
    else
        say(clause, "not stable within %" PRId64 " power cycles", limit);
    return clause->holds ? CLASS_NONE : CLASS_NOT_CONVERGING;
}

static enum verdict_class judge_g4(const struct verdict_fold *fold, struct clause *clause)
{
    bool resume = cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(verdict_expect(fold), "resume"));
    /* a board that did not even live on after the fault has not been asked: G1 says so */
    bool resumed = !resume || (fold->resume_seen ? !fold->resume_failed : fold->came_late);
    clause->holds = fold->next_seen && !fold->next_failed && resumed;
    if (clause->holds)
        say(clause, "%sa clean update afterwards succeeded",
            resume ? "the interrupted upload was finished, and " : "");
    else if (!resumed && (!fold->next_seen || !fold->next_failed))
        say(clause, "the interrupted upload was not finished: %s",
            fold->resume_seen ? fold->resume_why : "it was never tried");
    else
        say(clause, "a clean update afterwards failed: %s",
            fold->next_seen ? fold->next_why : "it was never tried");
    return clause->holds ? CLASS_NONE : CLASS_UPDATE_DEAD;
}

static enum verdict_class judge_g5(const struct verdict_fold *fold, struct clause *clause)
{
    clause->holds = fold->data_seen && !fold->data_lost;
    say(clause, "user data %s",
        !fold->data_seen      ? "not seen"
        : fold->data_replaced ? "replaced by others"
        : fold->data_lost     ? "lost"
                              : "intact");
    return clause->holds ? CLASS_NONE : CLASS_DATA_LOST;
}

static enum verdict_class judge_g6(const struct verdict_fold *fold, struct clause *clause)
{
    const char *wanted = verdict_text_at(verdict_expect(fold), "reported");
    clause->holds = !wanted || fold->reported;
    say(clause, "the device reports '%s'%s%s", fold->report, clause->holds ? "" : ", expected ",
        clause->holds ? "" : wanted);
    return clause->holds ? CLASS_NONE : CLASS_SILENT;
}

static enum verdict_class judge_g7(const struct verdict_fold *fold, struct clause *clause)
{
    clause->holds = !fold->bad_image[0] || fold->bad_class != CLASS_DOWNGRADED;
    if (clause->holds)
        say(clause, "no version below the floor ran");
    else
        say(clause, "'%s' ran, which is below the floor", fold->bad_image);
    return clause->holds ? CLASS_NONE : CLASS_DOWNGRADED;
}

static const struct {
    const char *name;
    enum verdict_class (*judge)(const struct verdict_fold *fold, struct clause *clause);
} clause_table[] = {{"G1", judge_g1}, {"G2", judge_g2}, {"G3", judge_g3}, {"G4", judge_g4},
                    {"G5", judge_g5}, {"G6", judge_g6}, {"G7", judge_g7}};
_Static_assert(sizeof clause_table / sizeof *clause_table == VERDICT_OF_BOARD,
               "one row a clause of the board");

int verdict_clause_find(const char *name)
{
    for (size_t i = 0; i < VERDICT_OF_BOARD; i++)
        if (!strcmp(clause_table[i].name, name))
            return (int)i;
    return -1;
}

bool verdict_clause_known(const char *name)
{
    return verdict_clause_find(name) >= 0;
}

/* What must never run is judged in every case, whether or not its clause is asked for. */
static bool is_judged(const struct verdict_fold *fold, const cJSON *wanted, const char *name)
{
    const char *barred = fold->bad_class == CLASS_DOWNGRADED ? "G7" : "G2";
    return verdict_listed(wanted, name) || (fold->bad_image[0] && !strcmp(name, barred));
}

/* Why nobody can say that clause `index` is broken by the board and not by what looks at it. */
static const char *doubt_of(const struct verdict_fold *fold, size_t index, enum verdict_class class)
{
    /* its name and hash were read: no garbled line says them */
    bool named = fold->bad_image[0] && class == fold->bad_class;
    return fold->witness[index].doubt[0] && !fold->witness[index].confirmed && !named
               ? fold->witness[index].doubt
               : NULL;
}

enum verdict_class verdict_judge(const struct verdict_fold *fold, struct clause *clauses,
                                 const struct clause **worst, const char **doubt)
{
    const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(fold->fields, "clauses");
    enum verdict_class class = CLASS_NONE;
    *doubt = NULL;
    for (size_t i = 0; i < VERDICT_OF_BOARD; i++) {
        struct clause *clause = &clauses[i];
        *clause = (struct clause){.name = clause_table[i].name,
                                  .judged = is_judged(fold, wanted, clause_table[i].name)};
        enum verdict_class found = clause_table[i].judge(fold, clause);
        const char *why = doubt_of(fold, i, found);
        if (!clause->judged || found == CLASS_NONE)
            continue;
        if (class != CLASS_NONE && (!why == !*doubt ? class <= found : !*doubt))
            continue;
        class = found;
        *worst = clause;
        *doubt = why;
    }
    return class;
}

bool verdict_suspect(const struct verdict_fold *fold)
{
    struct clause clauses[VERDICT_OF_BOARD];
    const struct clause *worst = NULL;
    const char *doubt;
    return verdict_judge(fold, clauses, &worst, &doubt) != CLASS_NONE;
}
