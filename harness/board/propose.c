/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/board/propose.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/board/propose_work.h"

static void gap(struct propose_work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void gap(struct propose_work *work, const char *format, ...)
{
    va_list args;
    struct proposal *out = work->out;
    if (out->gap_count == PROPOSE_GAPS_MAX)
        return;
    va_start(args, format);
    vsnprintf(out->gaps[out->gap_count++], sizeof out->gaps[0], format, args);
    va_end(args);
}

static int by_size(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

double propose_p99(double *values, size_t count)
{
    if (!count)
        return 0;
    qsort(values, count, sizeof *values, by_size);
    return values[(size_t)ceil(0.99 * (double)count) - 1];
}

/* ---- writing it down ---- */

static double round_up(double ms, double step)
{
    return ceil(ms / step) * step;
}

static void add_phase(struct propose_work *work, const char *name, const char *mark,
                      const struct propose_found *found)
{
    const struct align *align = work->align;
    double *busy = mem_array(found->cluster->hit_count, sizeof *busy);
    for (size_t h = 0; h < found->cluster->hit_count; h++)
        busy[h] = propose_busy_ms(align, &found->cluster->hits[h]);
    double length_ms = round_up(1.5 * propose_p99(busy, found->cluster->hit_count) + 1, 10);
    free(busy);
    cJSON *phase = cJSON_AddObjectToObject(work->phases, name);
    cJSON_AddStringToObject(phase, "mark", mark);
    cJSON_AddNumberToObject(phase, "length_ms", length_ms);
}

static cJSON *add_source(cJSON *list, const char *from)
{
    cJSON *source = cJSON_CreateObject();
    cJSON_AddStringToObject(source, "from", from);
    cJSON_InsertItemInArray(list, 0, source);
    return source;
}

static void append_source(cJSON *list, const char *from)
{
    cJSON *source = cJSON_CreateObject();
    cJSON_AddStringToObject(source, "from", from);
    cJSON_AddItemToArray(list, source);
}

/* The sources of a fact that were given and do not rest on marks. Of `up` and `image`, which get a mark, also
 * those that would follow if nothing was given (facts.c). */
static cJSON *kept_sources(const struct propose_work *work, const cJSON *given, const char *fact)
{
    cJSON *list = cJSON_AddArrayToObject(work->facts, fact);
    const cJSON *source;
    bool image = !strcmp(fact, "image");
    if (!cJSON_GetObjectItem(cJSON_GetObjectItem(given, "facts"), fact) && (image || !strcmp(fact, "up"))) {
        append_source(list, "update");
        if (image && cJSON_GetObjectItem(cJSON_GetObjectItem(given, "memory"), "slots"))
            append_source(list, "storage");
    }
    cJSON_ArrayForEach(source, cJSON_GetObjectItem(cJSON_GetObjectItem(given, "facts"), fact))
    {
        if (strcmp(member_text(source, "from"), "mark") != 0)
            cJSON_AddItemToArray(list, cJSON_Duplicate(source, true));
    }
    return list;
}

static void add_mark(struct propose_work *work, const char *name, const struct propose_found *found)
{
    const struct align *align = work->align;
    cJSON *one = cJSON_AddObjectToObject(cJSON_GetObjectItem(work->out->evidence, "marks"), name);
    cJSON *seen = cJSON_CreateObject(), *lines = cJSON_CreateArray();
    cJSON_AddStringToObject(work->marks, name, found->expression);
    cJSON_AddStringToObject(one, "expression", found->expression);
    for (int kind = 0; kind < ALIGN_KINDS; kind++) {
        double count = 0;
        for (size_t h = 0; h < found->cluster->hit_count; h++)
            count += (int)align->boots[found->cluster->hits[h].boot].kind == kind;
        cJSON_AddNumberToObject(seen, align_kind_names[kind], count);
    }
    cJSON_AddItemToObject(one, "seen", seen);
    for (size_t h = 0; h < found->cluster->hit_count; h++) {
        const struct align_hit *hit = &found->cluster->hits[h];
        const struct align_line *line = &align->boots[hit->boot].lines[hit->line];
        cJSON *told = cJSON_CreateObject();
        cJSON_AddNumberToObject(told, "start", (double)hit->boot);
        cJSON_AddNumberToObject(told, "ms", round(line->ms * 10) / 10);
        cJSON_AddStringToObject(told, "text", line->text);
        cJSON_AddItemToArray(lines, told);
    }
    cJSON_AddItemToObject(one, "lines", lines);
}

/* Marks that were given and that a healthy board prints never: nothing was learnt of them. */
static void keep_marks(struct propose_work *work, const cJSON *given)
{
    static const char *const learnt[] = {"boot", "app_up", "jump", "swap_begin", "revert_begin"};
    const cJSON *mark;
    cJSON_ArrayForEach(mark, cJSON_GetObjectItem(given, "marks"))
    {
        bool replaced = cJSON_GetObjectItemCaseSensitive(work->marks, mark->string) != NULL;
        for (size_t i = 0; i < sizeof learnt / sizeof *learnt; i++)
            replaced |= !strcmp(learnt[i], mark->string);
        if (!replaced)
            cJSON_AddStringToObject(work->marks, mark->string, mark->valuestring);
    }
}

static void keep_phases(struct propose_work *work, const cJSON *given)
{
    const cJSON *phase;
    cJSON_ArrayForEach(phase, cJSON_GetObjectItem(given, "phases"))
    {
        const char *mark = member_text(phase, "mark");
        if (!cJSON_GetObjectItemCaseSensitive(work->phases, phase->string) &&
            (!mark[0] || cJSON_GetObjectItemCaseSensitive(work->marks, mark)))
            cJSON_AddItemToObject(work->phases, phase->string, cJSON_Duplicate(phase, true));
    }
}

static void put_marks(struct propose_work *work, const cJSON *given)
{
    if (work->boot.cluster)
        add_mark(work, "boot", &work->boot);
    else
        gap(work,
            "boot: no line stands once in every start. Give a source of `started`, or a board that prints "
            "one");
    if (work->version.cluster && work->version.cluster == work->app.cluster)
        work->app.piece = work->version.piece;
    else if (work->version.cluster && work->version_told)
        add_mark(work, "jump", &work->version);
    if (work->app.cluster)
        add_mark(work, "app_up", work->app.cluster == work->version.cluster ? &work->version : &work->app);
    else
        gap(work,
            "app_up: no line besides the first stands once in every start. Other sources of `up` have to "
            "tell it");
    if (work->swap.cluster)
        add_mark(work, "swap_begin", &work->swap);
    else
        gap(work, "swap: no line stands in the starts with an update alone. Give the phase `after_ms`");
    if (work->revert.cluster)
        add_mark(work, "revert_begin", &work->revert);
    else
        gap(work, "revert: no line stands in the starts that went back alone");
    keep_marks(work, given);
    if (work->swap.cluster)
        add_phase(work, "swap", "swap_begin", &work->swap);
    if (work->revert.cluster)
        add_phase(work, "revert", "revert_begin", &work->revert);
    if (work->app.cluster)
        cJSON_AddStringToObject(cJSON_AddObjectToObject(work->phases, "first_boot"), "mark", "app_up");
    keep_phases(work, given);
}

static void put_facts(struct propose_work *work, const cJSON *given)
{
    static const char *const names[] = {"started",   "cold",  "up",   "image",
                                        "confirmed", "alive", "data", "report"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        kept_sources(work, given, names[i]);
    if (work->boot.cluster)
        add_source(cJSON_GetObjectItem(work->facts, "started"), "mark");
    if (work->app.cluster)
        add_source(cJSON_GetObjectItem(work->facts, "up"), "mark");
    if (work->cold_told) {
        cJSON *source = add_source(cJSON_GetObjectItem(work->facts, "cold"), "mark");
        cJSON_AddStringToObject(source, "group", "reset");
        cJSON_AddStringToObject(source, "equals", work->cold_value);
    } else if (!cJSON_GetArraySize(cJSON_GetObjectItem(work->facts, "cold"))) {
        add_source(cJSON_GetObjectItem(work->facts, "cold"), "silence");
        gap(work, "cold: no line tells a power-up from a restart. \"silence\" is the weakest proof: add a "
                  "register that tells the cause of a reset, a canary or a sense input");
    }
    bool in_app = work->version.cluster && work->version.cluster == work->app.cluster;
    if (in_app || work->version_told) {
        cJSON *source = add_source(cJSON_GetObjectItem(work->facts, "image"), "mark");
        cJSON_AddStringToObject(source, "mark", in_app ? "app_up" : "jump");
        cJSON_AddStringToObject(source, "group", work->hash_told ? "hash" : "version");
    } else {
        gap(work, "version: no line tells the version or the hash of the image that runs (of two versions). "
                  "Other sources of `image` have to tell it");
    }
    if (!cJSON_GetArraySize(cJSON_GetObjectItem(work->facts, "data")))
        gap(work,
            "data: what the user's data come to cannot be learnt from starts. Without a source G5 is not "
            "judged");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) /* what is empty follows from the rest */
        if (!cJSON_GetArraySize(cJSON_GetObjectItem(work->facts, names[i])))
            cJSON_DeleteItemFromObject(work->facts, names[i]);
}

/* The times of the application's line in starts of these kinds. */
static double app_p99(const struct propose_work *work, unsigned kinds, size_t *count)
{
    const struct align *align = work->align;
    double *values = mem_array(align->boot_count + 1, sizeof *values);
    *count = 0;
    for (size_t b = 0; b < align->boot_count && work->app.cluster; b++) {
        const struct align_hit *last = NULL;
        for (size_t h = 0; h < work->app.cluster->hit_count; h++)
            if (work->app.cluster->hits[h].boot == b)
                last = &work->app.cluster->hits[h];
        if (last && kinds >> align->boots[b].kind & 1)
            values[(*count)++] = align->boots[b].lines[last->line].ms;
    }
    double p99 = propose_p99(values, *count);
    free(values);
    return p99;
}

static void set_number(cJSON *object, const char *key, double value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    cJSON_AddNumberToObject(object, key, value);
}

static void put_limits(struct propose_work *work, cJSON *limits)
{
    size_t colds, others;
    double cold = app_p99(work, 1u << ALIGN_COLD, &colds),
           other = app_p99(work, ~(1u << ALIGN_COLD), &others);
    if (!colds) {
        gap(work, "limits: without app_up no time of a start could be measured");
        return;
    }
    double boot_ms = round_up(1.5 * cold + 200, 100);
    double slowest = other > cold ? other : cold;
    set_number(limits, "boot_ms", boot_ms);
    set_number(limits, "recovery_ms", round_up(2 * slowest + 2 * boot_ms, 100));
    cJSON_DeleteItemFromObject(limits, "comment");
    char *text =
        mem_printf("p99 of %zu cold starts %.0f ms, of %zu others %.0f ms; boot_ms is half as much again, "
                   "recovery_ms twice the slowest and two starts more",
                   colds, cold, others, other);
    cJSON_AddStringToObject(limits, "comment", text);
    free(text);
    cJSON *times = cJSON_AddObjectToObject(work->out->evidence, "times");
    cJSON_AddNumberToObject(times, "cold_starts", (double)colds);
    cJSON_AddNumberToObject(times, "cold_p99_ms", round(cold * 10) / 10);
    cJSON_AddNumberToObject(times, "other_starts", (double)others);
    cJSON_AddNumberToObject(times, "other_p99_ms", round(other * 10) / 10);
    if (colds < 100)
        gap(work, "limits: %zu cold starts are too few for a 99th percentile: the slowest of them was taken",
            colds);
}

static void put_member(cJSON *board, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(board, key);
    cJSON_AddItemToObject(board, key, value);
}

void propose_board(const struct align *align, const cJSON *given, struct proposal *out)
{
    *out = (struct proposal){.board = cJSON_Duplicate(given, true), .evidence = cJSON_CreateObject()};
    struct propose_work work = {.align = align,
                                .out = out,
                                .marks = cJSON_CreateObject(),
                                .facts = cJSON_CreateObject(),
                                .phases = cJSON_CreateObject()};
    cJSON_AddObjectToObject(out->evidence, "marks");
    propose_find(&work);
    put_marks(&work, given);
    put_facts(&work, given);
    put_member(out->board, "marks", work.marks);
    put_member(out->board, "facts", work.facts);
    put_member(out->board, "phases", work.phases);
    cJSON *limits = cJSON_GetObjectItem(out->board, "limits");
    put_limits(&work, limits ? limits : cJSON_AddObjectToObject(out->board, "limits"));
    struct propose_found *all[] = {&work.boot, &work.app, &work.version, &work.swap, &work.revert};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]->expression);
}

void proposal_release(struct proposal *proposal)
{
    cJSON_Delete(proposal->board);
    cJSON_Delete(proposal->evidence);
    *proposal = (struct proposal){0};
}
