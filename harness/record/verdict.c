/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/record/verdict_fold.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/record/journal.h"
#include "harness/record/text.h"

/* ---- names ---- */

const char *verdict_kind_name(enum verdict_kind kind)
{
    static const char *const names[] = {"pass", "fail", "inconclusive", "rig-error"};
    return names[kind];
}

static const char *const class_names[CLASSES] = {
    "none",          "bricked",        "bad-image-accepted", "downgraded",  "corrupt-image", "no-rollback",
    "wrong-version", "not-converging", "data-lost",          "update-dead", "slow-recovery", "silent"};

const char *verdict_class_name(enum verdict_class class)
{
    return class_names[class];
}

int verdict_class_find(const char *name)
{
    for (int i = 0; i < CLASSES; i++)
        if (!strcmp(class_names[i], name))
            return i;
    return -1;
}

int verdict_exit_code(enum verdict_kind kind)
{
    static const int codes[] = {0, 1, 4, 3};
    return codes[kind];
}

/* ---- the end ---- */

static void conclude(struct verdict *verdict, enum verdict_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void conclude(struct verdict *verdict, enum verdict_kind kind, const char *format, ...)
{
    char text[sizeof verdict->reason * 2];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    text_fit(verdict->reason, sizeof verdict->reason, text);
    verdict->kind = kind;
}

const char *verdict_rig_fault(const struct verdict_fold *fold)
{
    return fold->rig_failed ? fold->rig : NULL;
}

static int unproven_fault(const struct verdict_fold *fold)
{
    for (size_t i = 0; i < fold->fault_count; i++)
        if (verdict_doubt(&fold->faults[i]))
            return (int)i;
    return -1;
}

static void fill_harness_clauses(const struct verdict_fold *fold, struct verdict *verdict)
{
    struct clause *h1 = &verdict->clauses[VERDICT_OF_BOARD], *h2 = h1 + 1;
    int unproven = unproven_fault(fold);
    char text[400];
    *h1 = (struct clause){.name = "H1", .judged = true, .holds = unproven < 0 && !fold->unclear};
    if (fold->unclear)
        snprintf(text, sizeof text, "the journal cannot be judged: %s", fold->unclear);
    else if (unproven >= 0)
        snprintf(text, sizeof text, "fault '%s' is not proven to have fired: %s", fold->faults[unproven].name,
                 verdict_doubt(&fold->faults[unproven]));
    else if (!fold->fault_count)
        snprintf(text, sizeof text, "no fault was asked for: a clean update");
    else
        snprintf(text, sizeof text, "every fault is proven to have fired");
    text_fit(h1->detail, sizeof h1->detail, text);
    *h2 =
        (struct clause){.name = "H2", .judged = true, .holds = !fold->rig_failed && !fold->rig_proof_failed};
    text_fit(h2->detail, sizeof h2->detail,
             fold->rig_failed         ? fold->rig
             : fold->rig_proof_failed ? "the rig could not be proven sound"
             : fold->rig_proof_ok     ? "the rig was proven sound"
                                      : "no fault of the rig");
}

/* A pass says what it is worth: without a fault it is not one of a fault, without a clause not one of all. */
static void pass(const struct verdict_fold *fold, struct verdict *verdict)
{
    char left_out[200] = "";
    const cJSON *without;
    size_t len = 0;
    cJSON_ArrayForEach(without, cJSON_GetObjectItemCaseSensitive(fold->fields, "without"))
    {
        const char *clause = verdict_text_at(without, "clause"), *why = verdict_text_at(without, "why");
        if (clause && why && len < sizeof left_out)
            len += (size_t)snprintf(left_out + len, sizeof left_out - len, "; without %s: %s", clause, why);
    }
    conclude(verdict, VERDICT_PASS, "all judged clauses hold%s%s",
             fold->fault_count ? "" : "; there was no fault", left_out);
}

static void decide(const struct verdict_fold *fold, struct verdict *verdict)
{
    const struct clause *worst = NULL;
    const char *doubt;
    enum verdict_class class = verdict_judge(fold, verdict->clauses, &worst, &doubt);
    const struct clause *h1 = &verdict->clauses[VERDICT_OF_BOARD];
    fill_harness_clauses(fold, verdict);
    if (fold->rig_failed)
        conclude(verdict, VERDICT_RIG_ERROR, "%s", fold->rig);
    else if (!fold->fields)
        conclude(verdict, VERDICT_INCONCLUSIVE, "the journal does not say which case it is of");
    else if (!fold->end)
        conclude(verdict, VERDICT_INCONCLUSIVE, "the run was cut short");
    else if (fold->after_end)
        conclude(verdict, VERDICT_INCONCLUSIVE, "something was written after the end of the run");
    else if (fold->unclear)
        conclude(verdict, VERDICT_INCONCLUSIVE, "%s", h1->detail);
    else if (!fold->baseline_ok || fold->baseline_failed)
        conclude(verdict, VERDICT_RIG_ERROR, "the board was not healthy before the fault");
    else if (!h1->holds)
        conclude(verdict, VERDICT_INCONCLUSIVE, "%s", h1->detail);
    else if (class == CLASS_NONE && fold->undone[0])
        conclude(
            verdict, VERDICT_INCONCLUSIVE,
            "all judged clauses hold, but the step '%s' failed before any fault%s%s: the rest was not done",
            fold->undone, fold->undone_why[0] ? ", " : "", fold->undone_why);
    else if (class == CLASS_NONE)
        pass(fold, verdict);
    else if (!fold->rig_proof_ok)
        conclude(verdict, VERDICT_RIG_ERROR, "%s does not hold (%s), but the rig could not be proven sound",
                 worst->name, worst->detail);
    else if (doubt)
        conclude(verdict, VERDICT_INCONCLUSIVE, "%s does not hold (%s), but it may be the rig: %s",
                 worst->name, worst->detail, doubt);
    else {
        conclude(verdict, VERDICT_FAIL, "%s: %s", worst->name, worst->detail);
        verdict->class = class;
    }
}

void verdict_end(struct verdict_fold *fold, struct verdict *verdict)
{
    *verdict = (struct verdict){.recovery_ms = fold->recovery_ms,
                                .complete = fold->end,
                                .cuts = fold->cuts,
                                .cut_count = fold->cut_count};
    decide(fold, verdict);
    /* without a fault that fired on a sound rig nothing was learnt of the board */
    for (size_t i = 0; i < VERDICT_OF_BOARD && verdict->kind != VERDICT_PASS && verdict->kind != VERDICT_FAIL;
         i++)
        verdict->clauses[i].judged = false;
    cJSON_Delete(fold->fields);
    free(fold);
}

void verdict_release(struct verdict *verdict)
{
    free(verdict->cuts);
    verdict->cuts = NULL;
    verdict->cut_count = 0;
}

int verdict_of_reader(struct journal_reader *reader, struct verdict *verdict, cJSON **case_fields,
                      struct error *error)
{
    struct journal_line line;
    int got;
    struct verdict_fold *fold = verdict_begin();
    while ((got = journal_read(reader, &line, error)) > 0)
        verdict_event(fold, &line.event);
    fold->after_end |= fold->end && journal_torn(reader);
    if (case_fields)
        *case_fields = got ? NULL : cJSON_Duplicate(fold->fields, true);
    verdict_end(fold, verdict);
    if (got < 0)
        verdict_release(verdict);
    return got;
}

int verdict_of_journal(const char *path, struct verdict *verdict, cJSON **case_fields, struct error *error)
{
    *verdict = (struct verdict){0};
    if (case_fields)
        *case_fields = NULL;
    struct journal_reader *reader = journal_open(path, error);
    if (!reader)
        return -1;
    int result = verdict_of_reader(reader, verdict, case_fields, error);
    journal_reader_free(reader);
    return result;
}

static cJSON *clause_json(const struct clause *clause)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "clause", clause->name);
    cJSON_AddBoolToObject(object, "holds", clause->holds);
    cJSON_AddStringToObject(object, "detail", clause->detail);
    return object;
}

static void add_time(cJSON *object, const char *key, uint64_t time_us)
{
    cJSON_AddItemToObject(object, key, time_us ? cJSON_CreateNumber((double)time_us) : cJSON_CreateNull());
}

cJSON *verdict_json(const struct verdict *verdict)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "verdict", verdict_kind_name(verdict->kind));
    if (verdict->class == CLASS_NONE)
        cJSON_AddNullToObject(object, "class");
    else
        cJSON_AddStringToObject(object, "class", verdict_class_name(verdict->class));
    cJSON_AddStringToObject(object, "reason", verdict->reason);
    cJSON *contract = cJSON_AddArrayToObject(object, "contract");
    for (size_t i = 0; i < VERDICT_CLAUSES; i++)
        if (verdict->clauses[i].name && verdict->clauses[i].judged)
            cJSON_AddItemToArray(contract, clause_json(&verdict->clauses[i]));
    cJSON *cuts = cJSON_AddArrayToObject(object, "cuts");
    for (size_t i = 0; i < verdict->cut_count; i++) {
        cJSON *cut = cJSON_CreateObject();
        add_time(cut, "planned_us", verdict->cuts[i].planned_us);
        add_time(cut, "commanded_us", verdict->cuts[i].commanded_us);
        add_time(cut, "achieved_us", verdict->cuts[i].achieved_us);
        add_time(cut, "achieved_within_us", verdict->cuts[i].within_us);
        add_time(cut, "acted_us", verdict->cuts[i].acted_us);
        add_time(cut, "latest_us", verdict->cuts[i].latest_us);
        cJSON_AddItemToArray(cuts, cut);
    }
    cJSON_AddItemToObject(object, "recovery_ms",
                          verdict->recovery_ms >= 0 ? cJSON_CreateNumber((double)verdict->recovery_ms)
                                                    : cJSON_CreateNull());
    return object;
}
