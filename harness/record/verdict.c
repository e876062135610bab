#include "harness/record/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/record/journal.h"

#define FAULTS_MAX 32
#define NAME_LEN 80

/* What the fold remembers of the journal. */
struct verdict_fold {
    cJSON *fields; /* of EVENT_CASE */
    struct {
        char name[NAME_LEN], why[160];
        bool proven, unproven;
    } faults[FAULTS_MAX];
    size_t fault_count;
    bool too_many_faults;
    bool end, baseline_seen, baseline_ok, rig_proof_ok, rig_proof_failed;
    char rig[240];
    bool boot_seen, booted;  /* after the fault */
    bool came_late;          /* the first life after the fault never came up */
    bool unknown_ran;        /* an image that nobody made ran */
    char running[NAME_LEN], running_version[40], confirmed[8], contents[NAME_LEN];
    bool running_seen, contents_seen;
    bool settled_seen, settled;
    int64_t cycles, recovery_ms;
    bool data_seen, data_lost;
    char report[200];
    bool reported; /* the wanted text was in some report */
    bool next_seen, next_ok;
    char next_why[160];
    char bad_image[NAME_LEN];
    enum verdict_class bad_class;
    struct verdict_cut *cuts;
    size_t cut_count;
};

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

/* ---- reading fields; a journal may hold anything ---- */

static const char *text_at(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(node) ? node->valuestring : NULL;
}

static uint64_t time_at(const cJSON *object, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(node) && node->valuedouble > 0 && node->valuedouble < 9e15
               ? (uint64_t)node->valuedouble
               : 0;
}

static const cJSON *expect_of(const struct verdict_fold *fold)
{
    return cJSON_GetObjectItemCaseSensitive(fold->fields, "expect");
}

static bool listed(const cJSON *list, const char *text)
{
    const cJSON *node;
    cJSON_ArrayForEach(node, list) if (cJSON_IsString(node) && text &&
                                       !strcmp(node->valuestring, text)) return true;
    return false;
}

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)size - 1, text ? text : "");
}
#define COPY(field, text) copy(field, sizeof(field), text)

/* ---- the fold ---- */

struct verdict_fold *verdict_begin(void)
{
    struct verdict_fold *fold = mem_alloc(sizeof *fold);
    fold->recovery_ms = -1;
    return fold;
}

static void on_case(struct verdict_fold *fold, const struct event *event)
{
    const cJSON *node;
    if (fold->fields || !event->fields)
        return;
    fold->fields = cJSON_Duplicate(event->fields, true);
    cJSON_ArrayForEach(node, cJSON_GetObjectItemCaseSensitive(fold->fields, "faults"))
    {
        if (fold->fault_count == FAULTS_MAX)
            fold->too_many_faults = true;
        else if (cJSON_IsString(node))
            COPY(fold->faults[fold->fault_count++].name, node->valuestring);
    }
}

static void on_power(struct verdict_fold *fold, const struct event *event)
{
    if (strcmp(event->what, "off") || !text_at(event->fields, "fault") || fold->cut_count >= 100000)
        return;
    fold->cuts = mem_resize(fold->cuts, fold->cut_count + 1, sizeof *fold->cuts);
    fold->cuts[fold->cut_count++] =
        (struct verdict_cut){.planned_us = time_at(event->fields, "planned_us"),
                             .commanded_us = time_at(event->fields, "commanded_us"),
                             .achieved_us = time_at(event->fields, "achieved_us")};
}

static void on_fault(struct verdict_fold *fold, const struct event *event)
{
    bool proven = !strcmp(event->what, "proven"), unproven = !strcmp(event->what, "unproven");
    for (size_t i = 0; i < fold->fault_count && (proven || unproven); i++) {
        if (!event->value || strcmp(fold->faults[i].name, event->value))
            continue;
        fold->faults[i].proven |= proven;
        fold->faults[i].unproven |= unproven;
        COPY(fold->faults[i].why, text_at(event->fields, "why"));
    }
}

/* An image that must never run is judged wherever it is seen, also if it is gone in the end. */
static void check_never(struct verdict_fold *fold, const char *image)
{
    const cJSON *never;
    cJSON_ArrayForEach(never, cJSON_GetObjectItemCaseSensitive(expect_of(fold), "never"))
    {
        const char *name = text_at(never, "image"), *class = text_at(never, "class");
        if (!name || !image || strcmp(name, image))
            continue;
        int found = class ? verdict_class_find(class) : -1;
        COPY(fold->bad_image, image);
        fold->bad_class = found > 0 ? (enum verdict_class)found : CLASS_BAD_IMAGE_ACCEPTED;
    }
}

static void on_boot(struct verdict_fold *fold, const struct event *event)
{
    const char *phase = text_at(event->fields, "phase");
    bool up = event->value && strcmp(event->value, "none");
    if (phase && (!strcmp(phase, "rig") || !strcmp(phase, "baseline")))
        return;
    if (up)
        check_never(fold, event->value);
    fold->unknown_ran |= up && !strcmp(event->value, "unknown");
    if (phase && (!strcmp(phase, "next") || !strcmp(phase, "run")))
        return;
    if (!fold->boot_seen)
        fold->came_late = !up;
    fold->boot_seen = true;
    fold->booted = up; /* the last one counts */
}

static void on_observe(struct verdict_fold *fold, const struct event *event)
{
    const char *what = event->what, *value = event->value ? event->value : "";
    if (!strcmp(what, "baseline")) {
        fold->baseline_seen = true;
        fold->baseline_ok = !strcmp(value, "ok");
    } else if (!strcmp(what, "boot")) {
        on_boot(fold, event);
    } else if (!strcmp(what, "running")) {
        fold->running_seen = true;
        COPY(fold->running, value);
        COPY(fold->running_version, text_at(event->fields, "version"));
        COPY(fold->confirmed, text_at(event->fields, "confirmed"));
        check_never(fold, value);
    } else if (!strcmp(what, "contents")) {
        fold->contents_seen = true;
        COPY(fold->contents, value);
    } else if (!strcmp(what, "settled")) {
        fold->settled_seen = true;
        fold->settled = strcmp(value, "no") != 0;
        fold->cycles = event->number;
    } else if (!strcmp(what, "recovery")) {
        fold->recovery_ms = event->number >= 0 ? event->number : -1;
    } else if (!strcmp(what, "data")) {
        fold->data_seen = true;
        fold->data_lost |= !strcmp(value, "lost");
    } else if (!strcmp(what, "report")) {
        const char *wanted = text_at(expect_of(fold), "reported");
        COPY(fold->report, value);
        fold->reported |= wanted && strstr(value, wanted);
    } else if (!strcmp(what, "next_update")) {
        fold->next_seen = true;
        fold->next_ok = !strcmp(value, "ok");
        COPY(fold->next_why, text_at(event->fields, "why"));
    } else if (!strcmp(what, "rig_proof")) {
        fold->rig_proof_ok = !strcmp(value, "ok");
        fold->rig_proof_failed = !fold->rig_proof_ok;
    }
}

void verdict_event(struct verdict_fold *fold, const struct event *event)
{
    switch (event->kind) {
    case EVENT_CASE:
        on_case(fold, event);
        break;
    case EVENT_POWER:
        on_power(fold, event);
        break;
    case EVENT_FAULT:
        on_fault(fold, event);
        break;
    case EVENT_OBSERVE:
        on_observe(fold, event);
        break;
    case EVENT_RIG:
        if (!fold->rig[0])
            COPY(fold->rig, event->value ? event->value : event->what);
        break;
    case EVENT_END:
        fold->end = true;
        break;
    default:
        break;
    }
}

/* ---- clauses: each says whether it holds and, if not, which class it makes ---- */

#define SAY(clause, ...) snprintf((clause)->detail, sizeof(clause)->detail, __VA_ARGS__)

static enum verdict_class judge_g1(const struct verdict_fold *fold, struct clause *clause)
{
    const cJSON *limits = cJSON_GetObjectItemCaseSensitive(fold->fields, "limits");
    int64_t limit_ms = (int64_t)time_at(limits, "recovery_ms");
    clause->holds = fold->boot_seen && fold->booted;
    if (!clause->holds) {
        SAY(clause, "%s", fold->boot_seen ? "no application came up any more" : "no boot was observed");
        return CLASS_BRICKED;
    }
    clause->holds = !fold->came_late && (!limit_ms || fold->recovery_ms <= limit_ms);
    if (fold->came_late)
        SAY(clause, "came back only after a further power cycle");
    else
        SAY(clause, "boots, %" PRId64 " ms after the fault (limit %" PRId64 " ms)", fold->recovery_ms,
            limit_ms);
    return clause->holds ? CLASS_NONE : CLASS_SLOW_RECOVERY;
}

static enum verdict_class judge_g2(const struct verdict_fold *fold, struct clause *clause)
{
    const cJSON *expect = expect_of(fold);
    const char *final = text_at(expect, "final"), *class = text_at(expect, "final_class");
    clause->holds = false;
    if (fold->bad_image[0] && fold->bad_class != CLASS_DOWNGRADED) {
        SAY(clause, "'%s' ran, which must never run", fold->bad_image);
        return fold->bad_class;
    }
    if (!fold->running_seen || !strcmp(fold->running, "none")) {
        SAY(clause, "nothing runs");
        return CLASS_BRICKED;
    }
    if (fold->unknown_ran) {
        bool spoilt = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(expect, "never")) > 0;
        SAY(clause, "an image ran that is none of the authentic ones");
        return spoilt ? CLASS_BAD_IMAGE_ACCEPTED : CLASS_CORRUPT_IMAGE;
    }
    if (!strcmp(fold->running, "unknown") || (fold->contents_seen && strcmp(fold->contents, fold->running))) {
        SAY(clause, "'%s' (version %s) runs, but the slot holds the bytes of %s", fold->running,
            fold->running_version, fold->contents_seen ? fold->contents : "no known image");
        return CLASS_CORRUPT_IMAGE;
    }
    if (final && strcmp(final, fold->running)) {
        int found = class ? verdict_class_find(class) : -1;
        SAY(clause, "'%s' runs, '%s' must", fold->running, final);
        return found > 0 ? (enum verdict_class)found : CLASS_WRONG_VERSION;
    }
    if (!listed(cJSON_GetObjectItemCaseSensitive(expect, "runs"), fold->running)) {
        SAY(clause, "'%s' runs, which is neither the old nor the new one", fold->running);
        return CLASS_WRONG_VERSION;
    }
    if (!strcmp(fold->confirmed, "0")) {
        SAY(clause, "'%s' runs and stays, though nobody confirmed it", fold->running);
        return CLASS_NO_ROLLBACK;
    }
    clause->holds = true;
    SAY(clause, "'%s' (version %s) runs%s", fold->running, fold->running_version,
        fold->contents_seen ? ", byte for byte" : "");
    return CLASS_NONE;
}

static enum verdict_class judge_g3(const struct verdict_fold *fold, struct clause *clause)
{
    const cJSON *limits = cJSON_GetObjectItemCaseSensitive(fold->fields, "limits");
    int64_t limit = (int64_t)time_at(limits, "cycles");
    clause->holds = fold->settled_seen && fold->settled && fold->cycles <= limit;
    if (clause->holds)
        SAY(clause, "stable after %" PRId64 " further power cycles (limit %" PRId64 ")", fold->cycles, limit);
    else
        SAY(clause, "not stable within %" PRId64 " power cycles", limit);
    return clause->holds ? CLASS_NONE : CLASS_NOT_CONVERGING;
}

static enum verdict_class judge_g4(const struct verdict_fold *fold, struct clause *clause)
{
    clause->holds = fold->next_seen && fold->next_ok;
    if (clause->holds)
        SAY(clause, "a clean update afterwards succeeded");
    else
        SAY(clause, "a clean update afterwards failed: %s",
            fold->next_seen ? fold->next_why : "it was never tried");
    return clause->holds ? CLASS_NONE : CLASS_UPDATE_DEAD;
}

static enum verdict_class judge_g5(const struct verdict_fold *fold, struct clause *clause)
{
    clause->holds = fold->data_seen && !fold->data_lost;
    SAY(clause, "user data %s", !fold->data_seen ? "not seen" : fold->data_lost ? "lost" : "intact");
    return clause->holds ? CLASS_NONE : CLASS_DATA_LOST;
}

static enum verdict_class judge_g6(const struct verdict_fold *fold, struct clause *clause)
{
    const char *wanted = text_at(expect_of(fold), "reported");
    clause->holds = !wanted || fold->reported;
    SAY(clause, "the device reports '%s'%s%s", fold->report, clause->holds ? "" : ", expected ",
        clause->holds ? "" : wanted);
    return clause->holds ? CLASS_NONE : CLASS_SILENT;
}

static enum verdict_class judge_g7(const struct verdict_fold *fold, struct clause *clause)
{
    clause->holds = !fold->bad_image[0] || fold->bad_class != CLASS_DOWNGRADED;
    if (clause->holds)
        SAY(clause, "no version below the floor ran");
    else
        SAY(clause, "'%s' ran, which is below the floor", fold->bad_image);
    return clause->holds ? CLASS_NONE : CLASS_DOWNGRADED;
}

static const struct {
    const char *name;
    enum verdict_class (*judge)(const struct verdict_fold *fold, struct clause *clause);
} clause_table[] = {{"G1", judge_g1}, {"G2", judge_g2}, {"G3", judge_g3}, {"G4", judge_g4},
                    {"G5", judge_g5}, {"G6", judge_g6}, {"G7", judge_g7}};
#define CLAUSE_COUNT (sizeof clause_table / sizeof *clause_table)

/* The gravest class of all broken clauses; `clauses` gets CLAUSE_COUNT of them. */
static enum verdict_class judge(const struct verdict_fold *fold, struct clause *clauses,
                                const struct clause **worst)
{
    const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(fold->fields, "clauses");
    enum verdict_class class = CLASS_NONE;
    for (size_t i = 0; i < CLAUSE_COUNT; i++) {
        struct clause *clause = &clauses[i];
        *clause =
            (struct clause){.name = clause_table[i].name, .judged = listed(wanted, clause_table[i].name)};
        enum verdict_class found = clause_table[i].judge(fold, clause);
        if (!clause->judged || found == CLASS_NONE || (class != CLASS_NONE && class <= found))
            continue;
        class = found;
        *worst = clause;
    }
    return class;
}

bool verdict_suspect(const struct verdict_fold *fold)
{
    struct clause clauses[CLAUSE_COUNT];
    const struct clause *worst = NULL;
    return judge(fold, clauses, &worst) != CLASS_NONE;
}

/* ---- the end ---- */

static void conclude(struct verdict *verdict, enum verdict_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void conclude(struct verdict *verdict, enum verdict_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(verdict->reason, sizeof verdict->reason, format, args);
    va_end(args);
    verdict->kind = kind;
}

static int unproven_fault(const struct verdict_fold *fold)
{
    for (size_t i = 0; i < fold->fault_count; i++)
        if (!fold->faults[i].proven || fold->faults[i].unproven)
            return (int)i;
    return -1;
}

static void fill_harness_clauses(const struct verdict_fold *fold, struct verdict *verdict)
{
    struct clause *h1 = &verdict->clauses[CLAUSE_COUNT], *h2 = h1 + 1;
    int unproven = unproven_fault(fold);
    *h1 = (struct clause){.name = "H1", .judged = true, .holds = unproven < 0 && !fold->too_many_faults};
    if (unproven < 0)
        SAY(h1, "every fault is proven to have fired");
    else
        SAY(h1, "fault '%.60s' is not proven to have fired: %.100s", fold->faults[unproven].name,
            fold->faults[unproven].why[0] ? fold->faults[unproven].why : "nothing said so");
    *h2 = (struct clause){.name = "H2", .judged = true, .holds = !fold->rig[0] && !fold->rig_proof_failed};
    SAY(h2, "%.190s",
        fold->rig[0]         ? fold->rig
        : fold->rig_proof_ok ? "the rig was proven sound"
                             : "no fault of the rig");
}

static void decide(const struct verdict_fold *fold, struct verdict *verdict)
{
    const struct clause *worst = NULL;
    enum verdict_class class = judge(fold, verdict->clauses, &worst);
    const struct clause *h1 = &verdict->clauses[CLAUSE_COUNT];
    fill_harness_clauses(fold, verdict);
    if (fold->rig[0])
        conclude(verdict, VERDICT_RIG_ERROR, "%s", fold->rig);
    else if (!fold->fields)
        conclude(verdict, VERDICT_INCONCLUSIVE, "the journal does not say which case it is of");
    else if (!fold->end)
        conclude(verdict, VERDICT_INCONCLUSIVE, "the run was cut short");
    else if (!fold->baseline_ok)
        conclude(verdict, VERDICT_RIG_ERROR, "the board was not healthy before the fault");
    else if (!h1->holds)
        conclude(verdict, VERDICT_INCONCLUSIVE, "%s", h1->detail);
    else if (class == CLASS_NONE)
        conclude(verdict, VERDICT_PASS, "all judged clauses hold");
    else if (!fold->rig_proof_ok)
        conclude(verdict, VERDICT_RIG_ERROR, "%s does not hold (%s), but the rig could not be proven sound",
                 worst->name, worst->detail);
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
    cJSON_Delete(fold->fields);
    free(fold);
}

void verdict_release(struct verdict *verdict)
{
    free(verdict->cuts);
    verdict->cuts = NULL;
    verdict->cut_count = 0;
}

int verdict_of_journal(const char *path, struct verdict *verdict, cJSON **case_fields, struct error *error)
{
    struct journal_reader *reader = journal_open(path, error);
    struct journal_line line;
    int got;
    *verdict = (struct verdict){0};
    if (case_fields)
        *case_fields = NULL;
    if (!reader)
        return -1;
    struct verdict_fold *fold = verdict_begin();
    while ((got = journal_read(reader, &line, error)) > 0)
        verdict_event(fold, &line.event);
    if (case_fields && got == 0)
        *case_fields = cJSON_Duplicate(fold->fields, true);
    journal_reader_free(reader);
    verdict_end(fold, verdict);
    if (got < 0)
        verdict_release(verdict);
    return got;
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
        cJSON_AddItemToArray(cuts, cut);
    }
    cJSON_AddItemToObject(object, "recovery_ms",
                          verdict->recovery_ms >= 0 ? cJSON_CreateNumber((double)verdict->recovery_ms)
                                                    : cJSON_CreateNull());
    return object;
}
