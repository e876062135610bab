/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/record/verdict_fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/record/journal.h"
#include "harness/record/text.h"

/* ---- reading fields; a journal may hold anything ---- */

const char *verdict_text_at(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(node) ? node->valuestring : NULL;
}

uint64_t verdict_time_at(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(node) && node->valuedouble > 0 && node->valuedouble < 9e15
               ? (uint64_t)node->valuedouble
               : 0;
}

const cJSON *verdict_expect(const struct verdict_fold *fold)
{
    return cJSON_GetObjectItemCaseSensitive(fold->fields, "expect");
}

bool verdict_listed(const cJSON *list, const char *text)
{
    const cJSON *node;
    cJSON_ArrayForEach(node, list) if (cJSON_IsString(node) && text &&
                                       !strcmp(node->valuestring, text)) return true;
    return false;
}

#define COPY(field, text) text_fit(field, sizeof(field), text)

/* ---- the fold ---- */

struct verdict_fold *verdict_begin(void)
{
    struct verdict_fold *fold = mem_alloc(sizeof *fold);
    fold->recovery_ms = -1;
    return fold;
}

/* A verdict on nothing would be a pass: what the first line leaves open makes the case inconclusive. */
static const char *take_faults(struct verdict_fold *fold, const cJSON *faults)
{
    const cJSON *node;
    if (!cJSON_IsArray(faults))
        return "its first line names no list of faults";
    cJSON_ArrayForEach(node, faults)
    {
        if (!cJSON_IsString(node) || strlen(node->valuestring) >= VERDICT_NAME_LEN)
            return "its first line names a fault that is no name";
        if (fold->fault_count == VERDICT_FAULTS_MAX)
            return "its first line names too many faults";
        struct verdict_fault *fault = &fold->faults[fold->fault_count++];
        const char *action =
            verdict_text_at(cJSON_GetObjectItemCaseSensitive(fold->fields, "actions"), node->valuestring);
        COPY(fault->name, node->valuestring);
        fault->must_fire = action != NULL;
        fault->must_cut = action && !strncmp(action, "power_", 6);
    }
    return NULL;
}

static const char *check_clauses(const cJSON *clauses)
{
    const cJSON *node;
    if (!cJSON_IsArray(clauses) || !clauses->child)
        return "its first line names no clause to judge";
    cJSON_ArrayForEach(
        node, clauses) if (!cJSON_IsString(node) ||
                           !verdict_clause_known(
                               node->valuestring)) return "its first line names a clause that nobody knows";
    return NULL;
}

static void on_case(struct verdict_fold *fold, const struct event *event)
{
    if (fold->fields || !event->fields)
        return;
    fold->fields = cJSON_Duplicate(event->fields, true);
    fold->unclear = take_faults(fold, cJSON_GetObjectItemCaseSensitive(fold->fields, "faults"));
    if (!fold->unclear)
        fold->unclear = check_clauses(cJSON_GetObjectItemCaseSensitive(fold->fields, "clauses"));
    if (verdict_time_at(fold->fields, "schema_version") != JOURNAL_SCHEMA_VERSION)
        fold->unclear = "it is of another schema version";
}

/* The rail was seen to fall: of the cut with the same command. */
static void on_edge(struct verdict_fold *fold, const struct event *event)
{
    struct verdict_cut *cut = fold->cut_count ? &fold->cuts[fold->cut_count - 1] : NULL;
    if (!cut || !event->value || strcmp(event->value, "off") ||
        verdict_time_at(event->fields, "commanded_us") != cut->commanded_us)
        return;
    cut->achieved_us = verdict_time_at(event->fields, "achieved_us");
    cut->within_us = verdict_time_at(event->fields, "within_us");
}

/* The switch told that it acted: of the cut with the same command. */
static void on_acted(struct verdict_fold *fold, const struct event *event)
{
    struct verdict_cut *cut = fold->cut_count ? &fold->cuts[fold->cut_count - 1] : NULL;
    if (!cut || !event->value || strcmp(event->value, "off") ||
        verdict_time_at(event->fields, "commanded_us") != cut->commanded_us)
        return;
    cut->acted_us = verdict_time_at(event->fields, "acted_us");
    cut->latest_us = cut->acted_us + fold->latency_us;
}

/* Where a contact's bounce may begin: a slow switch moves it long after the command. */
static void on_power_came(struct verdict_fold *fold, const struct event *event)
{
    if (event->value && !strcmp(event->value, "on") && event->t_us > fold->on_us)
        fold->on_us = event->t_us;
}

static struct verdict_fault *named(struct verdict_fold *fold, const char *name)
{
    for (size_t i = 0; name && i < fold->fault_count; i++)
        if (!strcmp(fold->faults[i].name, name))
            return &fold->faults[i];
    return NULL;
}

static void fail_rig(struct verdict_fold *fold, const char *why)
{
    if (!fold->rig_failed)
        COPY(fold->rig, why);
    fold->rig_failed = true;
}

/* A boot that says "power-on" is the first one after a power-up of ours, or somebody else cut the power. */
static void on_boot_line(struct verdict_fold *fold, const struct event *event)
{
    const cJSON *power_on = cJSON_GetObjectItemCaseSensitive(fold->fields, "power_on_reset");
    const cJSON *told = cJSON_GetObjectItemCaseSensitive(event->fields, "cold");
    bool cold = cJSON_IsBool(told)
                    ? cJSON_IsTrue(told)
                    : cJSON_IsNumber(power_on) && (double)event->number == power_on->valuedouble;
    if (event->number == EVENT_NO_NUMBER && !cJSON_IsBool(told))
        return;
    fold->boots++;
    if (fold->boots > 1 && cJSON_IsNumber(power_on) && cold && event->t_us > fold->on_us + VERDICT_BOUNCE_US)
        fail_rig(fold, VERDICT_POWER_LOST);
}

static void on_power(struct verdict_fold *fold, const struct event *event)
{
    struct verdict_fault *fault = named(fold, verdict_text_at(event->fields, "fault"));
    if (!strcmp(event->what, "on")) {
        fold->boots = 0;
        fold->on_us = event->t_us;
    }
    if (!strcmp(event->what, "edge") || !strcmp(event->what, "acted"))
        on_power_came(fold, event);
    if (!strcmp(event->what, "edge"))
        on_edge(fold, event);
    if (!strcmp(event->what, "acted"))
        on_acted(fold, event);
    if (strcmp(event->what, "off") || !verdict_text_at(event->fields, "fault") || fold->cut_count >= 100000)
        return;
    if (fault)
        *(fold->steps_over ? &fault->late : &fault->cut) = true;
    fold->cuts = mem_resize(fold->cuts, fold->cut_count + 1, sizeof *fold->cuts);
    fold->cuts[fold->cut_count++] =
        (struct verdict_cut){.planned_us = verdict_time_at(event->fields, "planned_us"),
                             .commanded_us = verdict_time_at(event->fields, "commanded_us"),
                             .acted_us = verdict_time_at(event->fields, "returned_us")};
    struct verdict_cut *cut = &fold->cuts[fold->cut_count - 1];
    fold->latency_us = verdict_time_at(event->fields, "latency_us");
    cut->latest_us = cut->acted_us ? cut->acted_us + fold->latency_us : 0;
}

static void on_fault(struct verdict_fold *fold, const struct event *event)
{
    struct verdict_fault *fault = named(fold, event->value);
    if (!fault)
        return;
    if (!strcmp(event->what, "fired")) {
        *(fold->steps_over ? &fault->late : &fault->fired) = true;
        /* what the device said before cannot be about this */
        fold->reported = false;
        fold->report[0] = 0;
    } else if (!strcmp(event->what, "proven") || !strcmp(event->what, "unproven")) {
        fault->proven |= event->what[0] == 'p';
        fault->unproven |= event->what[0] == 'u';
        COPY(fault->why, verdict_text_at(event->fields, "why"));
    }
}

/* Armed: it is one that has to fire, also where the first line names no actions. */
static void on_trigger(struct verdict_fold *fold, const struct event *event)
{
    struct verdict_fault *fault = named(fold, event->value);
    if (fault && !strcmp(event->what, "armed"))
        fault->must_fire = true;
}

const char *verdict_doubt(const struct verdict_fault *fault)
{
    if (!fault->proven || fault->unproven)
        return fault->why[0] ? fault->why : "nothing said so";
    if (fault->late)
        return "it acted when the steps were over and the board was being looked at";
    if (fault->must_fire && !fault->fired)
        return "it never fired";
    return fault->must_cut && !fault->cut ? "it switched no power off" : NULL;
}

/* An image that must never run is judged wherever it is seen, also if it is gone in the end. */
static void check_never(struct verdict_fold *fold, const char *image)
{
    const cJSON *never;
    cJSON_ArrayForEach(never, cJSON_GetObjectItemCaseSensitive(verdict_expect(fold), "never"))
    {
        const char *name = verdict_text_at(never, "image"), *class = verdict_text_at(never, "class");
        if (!name || !image || strcmp(name, image))
            continue;
        int found = class ? verdict_class_find(class) : -1;
        if (found <= CLASS_NONE)
            found = CLASS_BAD_IMAGE_ACCEPTED;
        if (fold->bad_image[0] && fold->bad_class <= (enum verdict_class)found)
            continue; /* the gravest stays */
        COPY(fold->bad_image, image);
        fold->bad_class = (enum verdict_class)found;
    }
}

static void on_boot(struct verdict_fold *fold, const struct event *event)
{
    const char *phase = verdict_text_at(event->fields, "phase");
    bool up = event->value && strcmp(event->value, "none");
    if (phase && (!strcmp(phase, "rig") || !strcmp(phase, "baseline")))
        return;
    if (up)
        check_never(fold, event->value);
    fold->unknown_ran |= up && !strcmp(event->value, "unknown");
    if (phase && (!strcmp(phase, "next") || !strcmp(phase, "run")))
        return;
    fold->came_late |=
        !up; /* one life without an application, and whoever has it must come and cycle power */
    fold->boot_seen = true;
    fold->booted = up; /* the last one counts */
}

/* The first thing that is seen of the board once the steps are over. */
static bool is_after_steps(const struct event *event)
{
    static const char *const whats[] = {"recovery", "resume",      "running",   "settled",
                                        "contents", "next_update", "rig_proof", "alive",
                                        "restart",  "slow_boot",   "spoilt"};
    const char *phase = verdict_text_at(event->fields, "phase");
    for (size_t i = 0; i < sizeof whats / sizeof *whats; i++)
        if (!strcmp(event->what, whats[i]))
            return true;
    return phase && strcmp(phase, "baseline") && strcmp(phase, "run");
}

/* Whoever looked a second time, another way: is it the board, or what looks at it? */
static void on_witness(struct verdict_fold *fold, const struct event *event)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(event->fields, "clauses"))
    {
        int index = cJSON_IsString(name) ? verdict_clause_find(name->valuestring) : -1;
        if (index < 0)
            continue;
        const char *why = verdict_text_at(event->fields, "why");
        if (event->value && !strcmp(event->value, "confirms"))
            fold->witness[index].confirmed = true;
        else if (!fold->witness[index].doubt[0])
            COPY(fold->witness[index].doubt, why && why[0] ? why : "a second witness disagrees");
    }
}

static void on_observe(struct verdict_fold *fold, const struct event *event)
{
    const char *what = event->what, *value = event->value ? event->value : "";
    fold->steps_over |= is_after_steps(event);
    if (!strcmp(what, "baseline")) {
        fold->baseline_ok |= !strcmp(value, "ok");
        fold->baseline_boot_ms = event->number > 0 ? event->number : 0;
        fold->baseline_failed |= strcmp(value, "ok") != 0;
    } else if (!strcmp(what, "boot")) {
        on_boot(fold, event);
    } else if (!strcmp(what, "running")) {
        fold->running_seen = true;
        COPY(fold->running, value);
        COPY(fold->running_version, verdict_text_at(event->fields, "version"));
        COPY(fold->running_from, verdict_text_at(event->fields, "from"));
        COPY(fold->confirmed, verdict_text_at(event->fields, "confirmed"));
        check_never(fold, value);
    } else if (!strcmp(what, "contradiction")) {
        COPY(fold->contradiction, value);
    } else if (!strcmp(what, "spoilt")) {
        COPY(fold->spoilt, value);
    } else if (!strcmp(what, "contents")) {
        fold->contents_seen = true;
        COPY(fold->contents, value);
    } else if (!strcmp(what, "settled")) {
        fold->settled_seen = true;
        fold->settled = strcmp(value, "no") && event->number >= 0;
        fold->cycles = event->number;
    } else if (!strcmp(what, "jumped")) {
        check_never(fold, value);
    } else if (!strcmp(what, "alive")) {
        fold->hung |= strcmp(value, "yes") != 0;
    } else if (!strcmp(what, "slow_boot")) {
        fold->slow_boot_ms = event->number > 0 ? event->number : 0;
    } else if (!strcmp(what, "restart")) {
        fold->restarts++;
    } else if (!strcmp(what, "recovery")) {
        fold->recovery_ms = event->number >= 0 ? event->number : -1;
        COPY(fold->recovery_from, value);
    } else if (!strcmp(what, "data")) {
        fold->data_seen = true;
        fold->data_lost |= strcmp(value, "intact") && strcmp(value, "migrated");
        fold->data_replaced |= !strcmp(value, "replaced");
    } else if (!strcmp(what, "report")) {
        const char *wanted = verdict_text_at(verdict_expect(fold), "reported");
        if (!fold->reported)
            COPY(fold->report, value);
        fold->reported |= wanted && strstr(value, wanted);
    } else if (!strcmp(what, "next_update")) {
        fold->next_seen = true;
        /* what failed once is not made good by a second attempt */
        fold->next_failed |= strcmp(value, "ok") != 0;
        if (strcmp(value, "ok"))
            COPY(fold->next_why, verdict_text_at(event->fields, "why"));
    } else if (!strcmp(what, "witness")) {
        on_witness(fold, event);
    } else if (!strcmp(what, "resume")) {
        fold->resume_seen = true;
        fold->resume_failed |= strcmp(value, "ok") != 0;
        COPY(fold->resume_why, verdict_text_at(event->fields, "why"));
    } else if (!strcmp(what, "rig_proof")) {
        fold->rig_proof_ok = !strcmp(value, "ok");
        fold->rig_proof_failed = !fold->rig_proof_ok;
    }
}

/* A step that failed for good ends the steps: what follows is judged, and the reason says why it came to it.
 */
static void on_step(struct verdict_fold *fold, const struct event *event)
{
    const char *step = event->value && event->value[0] ? event->value : "?";
    if (!strcmp(event->what, "begin"))
        fold->answer[0] = 0;
    if (strcmp(event->what, "failed") ||
        !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(event->fields, "optional")))
        return;
    COPY(fold->undone, step);
    if (fold->answer[0])
        snprintf(fold->undone_why, sizeof fold->undone_why, "%.30s: %s", step, fold->answer);
}

void verdict_event(struct verdict_fold *fold, const struct event *event)
{
    fold->after_end |= fold->end;
    switch (event->kind) {
    case EVENT_CASE:
        on_case(fold, event);
        break;
    case EVENT_STEP:
        on_step(fold, event);
        break;
    case EVENT_UPDATE:
        if (event->step >= 0 && !strcmp(event->what, "failed"))
            COPY(fold->answer, verdict_text_at(event->fields, "text"));
        break;
    case EVENT_POWER:
        on_power(fold, event);
        break;
    case EVENT_TRIGGER:
        on_trigger(fold, event);
        break;
    case EVENT_MARK:
        if (!strcmp(event->what, "boot"))
            on_boot_line(fold, event);
        break;
    case EVENT_FAULT:
        on_fault(fold, event);
        break;
    case EVENT_OBSERVE:
        on_observe(fold, event);
        break;
    case EVENT_RIG:
        fail_rig(fold, event->value && event->value[0] ? event->value : "a fault of the rig");
        break;
    case EVENT_END:
        fold->end = true;
        break;
    default:
        break;
    }
}
