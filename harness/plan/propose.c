#include "harness/plan/propose.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/member.h"
#include "harness/base/pattern.h"
#include "harness/plan/image.h"

#define NUMERIC_VERSION "[0-9]+(?:[.][0-9]+)*(?:[+-][0-9A-Za-z.]+)?"
#define HASH_LEN_MIN 16 /* image_by_hash() */
#define NONE ((size_t)-1)

/* A line that is to be a mark. */
struct found {
    const struct align_cluster *cluster;
    size_t piece; /* NONE: no group */
    char *expression;
};

struct work {
    const struct align *align;
    struct proposal *out;
    cJSON *marks, *facts, *phases;
    struct found boot, app, version, swap, revert;
    bool cold_told, version_told, hash_told;
    char cold_value[24];
};

static void gap(struct work *work, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void gap(struct work *work, const char *format, ...)
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

/* ---- candidates ---- */

/* Once in every cold start, and in every other one, which may have several in a row. */
static bool marks_every_start(const struct align *align, const struct align_cluster *cluster)
{
    size_t least, most;
    if (!align_range(align, cluster, ALIGN_COLD, &least, &most) || least != 1 || most != 1)
        return false;
    for (int kind = ALIGN_WARM; kind < ALIGN_KINDS; kind++)
        if (align_range(align, cluster, (enum align_kind)kind, &least, &most) && !least)
            return false;
    return true;
}

/* In every start of this kind, and in none of those of `not` (bits). */
static bool marks_only(const struct align *align, const struct align_cluster *cluster, enum align_kind kind,
                       unsigned not )
{
    size_t least, most;
    if (!align_range(align, cluster, kind, &least, &most) || !least)
        return false;
    for (int other = 0; other < ALIGN_KINDS; other++)
        if (not >> other & 1 && align_range(align, cluster, (enum align_kind)other, &least, &most) && most)
            return false;
    return true;
}

/* Matches it all lines of the cluster and no other that was recorded? */
static bool matches_only(const struct align *align, const struct align_cluster *cluster,
                         const char *expression)
{
    char why[100];
    void *pattern = pattern_compile(expression, why, sizeof why);
    size_t own = 0, all = 0;
    if (!pattern)
        return false;
    for (size_t h = 0; h < cluster->hit_count; h++) {
        const struct align_line *line = &align->boots[cluster->hits[h].boot].lines[cluster->hits[h].line];
        own += pattern_matches(pattern, line->text, strlen(line->text));
    }
    for (size_t b = 0; b < align->boot_count; b++)
        for (size_t l = 0; l < align->boots[b].count; l++) {
            const char *text = align->boots[b].lines[l].text;
            all += pattern_matches(pattern, text, strlen(text));
        }
    pattern_free(pattern);
    return own == cluster->hit_count && all == own;
}

/* Takes the cluster for a mark if an expression tells it from all other lines. */
static bool take(const struct align *align, const struct align_cluster *cluster, size_t piece,
                 const char *group, size_t prefix_len, const char *inner, struct found *found)
{
    char *expression = align_expression(cluster, piece, group, prefix_len, inner);
    if (expression[0] && matches_only(align, cluster, expression)) {
        free(found->expression);
        *found = (struct found){cluster, piece, expression};
        return true;
    }
    free(expression);
    return false;
}

static void find_boot(struct work *work)
{
    const struct align *align = work->align;
    for (size_t i = 0; i < align->count && !work->boot.cluster; i++)
        if (marks_every_start(align, &align->clusters[i]))
            take(align, &align->clusters[i], NONE, NULL, 0, NULL, &work->boot);
}

/* The last of the lines that every start has once: later ones come again and again, or not always. */
static void find_app(struct work *work)
{
    const struct align *align = work->align;
    double latest = -1;
    for (size_t i = 0; i < align->count; i++) {
        const struct align_cluster *cluster = &align->clusters[i];
        if (!marks_every_start(align, cluster) || cluster == work->boot.cluster)
            continue;
        const struct align_hit *hit = align_first(cluster, cluster->hits[0].boot);
        if ((double)hit->line > latest && take(align, cluster, NONE, NULL, 0, NULL, &work->app))
            latest = (double)hit->line;
    }
}

/* ---- versions and hashes ---- */

static bool is_version(const char *value, const char *version)
{
    return !strcmp(value, version) || image_version_is(value, version);
}

/* Is this piece, wherever it stands, the version of the image that ran? It must have been two at least. */
static bool tells_version(const struct align *align, const struct align_cluster *cluster, size_t piece)
{
    if (!cluster->pieces[piece].token || !cluster->pieces[piece].varies)
        return false;
    for (size_t h = 0; h < cluster->hit_count; h++) {
        const struct align_hit *hit = &cluster->hits[h];
        const char *version = align->boots[hit->boot].version;
        /* a start that holds several has others before its last */
        if (!version || (align_first(cluster, hit->boot) == hit && align_hits(cluster, hit->boot) == 1 &&
                         !is_version(hit->values[piece], version)))
            return false;
    }
    return true;
}

static bool tells_hash(const struct align *align, const struct align_cluster *cluster, size_t piece)
{
    for (size_t h = 0; h < cluster->hit_count; h++) {
        const struct align_hit *hit = &cluster->hits[h];
        const char *hash = align->boots[hit->boot].hash, *value = hit->values[piece];
        if (!hash || strlen(value) < HASH_LEN_MIN || strncasecmp(hash, value, strlen(value)) != 0)
            return false;
    }
    return cluster->pieces[piece].varies;
}

static void find_version(struct work *work)
{
    const struct align *align = work->align;
    for (size_t i = 0; i < align->count; i++) {
        const struct align_cluster *cluster = &align->clusters[i];
        for (size_t p = 0; p < cluster->piece_count && marks_every_start(align, cluster); p++) {
            bool hash = tells_hash(align, cluster, p);
            if (!hash && !tells_version(align, cluster, p))
                continue;
            const char *value = cluster->hits[0].values[p];
            size_t prefix = !hash && (value[0] == 'v' || value[0] == 'V') ? 1 : 0;
            bool numeric = value[prefix] >= '0' && value[prefix] <= '9';
            if (!take(align, cluster, p, hash ? "hash" : "version", prefix,
                      hash      ? "[0-9a-fA-F]+"
                      : numeric ? NUMERIC_VERSION
                                : "[^ ]+",
                      &work->version))
                continue;
            work->hash_told = hash;
            work->version_told = !hash;
        }
    }
}

/* A value that every cold start shows and no warm one: the cause of the reset. */
static const char *tells_cold(const struct align *align, const struct align_cluster *cluster, size_t piece)
{
    const char *cold = NULL;
    bool warm = false;
    for (size_t h = 0; h < cluster->hit_count; h++) {
        const struct align_hit *hit = &cluster->hits[h];
        const char *value = hit->values[piece];
        if (align->boots[hit->boot].kind == ALIGN_COLD && (!cold || !strcmp(cold, value)))
            cold = value;
        else if (align->boots[hit->boot].kind == ALIGN_COLD)
            return NULL;
    }
    for (size_t h = 0; h < cluster->hit_count; h++) {
        const struct align_hit *hit = &cluster->hits[h];
        if (align->boots[hit->boot].kind != ALIGN_COLD && cold && !strcmp(cold, hit->values[piece]))
            return NULL;
        warm |= align->boots[hit->boot].kind == ALIGN_WARM;
    }
    return warm ? cold : NULL;
}

/* The cause of the reset has to stand on the line that begins a start (facts.h), so that line is taken. */
static void find_cold(struct work *work)
{
    const struct align *align = work->align;
    for (size_t i = 0; i < align->count && !work->cold_told; i++) {
        const struct align_cluster *cluster = &align->clusters[i];
        if (!marks_every_start(align, cluster) || cluster == work->version.cluster ||
            cluster == work->app.cluster)
            continue;
        for (size_t p = 0; p < cluster->piece_count && !work->cold_told; p++) {
            const char *value = cluster->pieces[p].token ? tells_cold(align, cluster, p) : NULL;
            if (!value)
                continue;
            size_t prefix = !strncmp(value, "0x", 2) ? 2 : 0;
            if (!take(align, cluster, p, "reset", prefix, NULL, &work->boot))
                continue;
            snprintf(work->cold_value, sizeof work->cold_value, "%s", value + prefix);
            work->cold_told = true;
        }
    }
}

/* ---- phases ---- */

/* For how long is the board busy after this line: until the next one that every start has? */
static double busy_after(const struct align *align, const struct align_hit *hit)
{
    const struct align_boot *boot = &align->boots[hit->boot];
    double until_ms = boot->lines[boot->count - 1].ms;
    for (size_t i = 0; i < align->count; i++) {
        const struct align_cluster *cluster = &align->clusters[i];
        if (!marks_every_start(align, cluster))
            continue;
        for (size_t h = 0; h < cluster->hit_count; h++) {
            const struct align_hit *next = &cluster->hits[h];
            if (next->boot == hit->boot && next->line > hit->line && boot->lines[next->line].ms < until_ms)
                until_ms = boot->lines[next->line].ms;
        }
    }
    return until_ms - boot->lines[hit->line].ms;
}

#define BUSY_SHARE 0.9 /* of the longest: lines that stand before it in one go differ by little */

/* Of the lines that only these starts have: the last one before the board is busy for the longest time. */
static void find_phase(struct work *work, enum align_kind kind, unsigned not, struct found *found)
{
    const struct align *align = work->align;
    double longest = 0;
    size_t latest = 0;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < align->count; i++) {
            const struct align_cluster *cluster = &align->clusters[i];
            if (!marks_only(align, cluster, kind, not ))
                continue;
            const struct align_hit *hit = &cluster->hits[0];
            double busy_ms = busy_after(align, hit);
            if (!round)
                longest = busy_ms > longest ? busy_ms : longest;
            else if (busy_ms >= BUSY_SHARE * longest && hit->line >= latest &&
                     take(align, cluster, NONE, NULL, 0, NULL, found))
                latest = hit->line;
        }
}

static double round_up(double ms, double step)
{
    return ceil(ms / step) * step;
}

static void add_phase(struct work *work, const char *name, const char *mark, const struct found *found)
{
    const struct align *align = work->align;
    double *busy = mem_array(found->cluster->hit_count, sizeof *busy);
    for (size_t h = 0; h < found->cluster->hit_count; h++)
        busy[h] = busy_after(align, &found->cluster->hits[h]);
    double length_ms = round_up(1.5 * propose_p99(busy, found->cluster->hit_count) + 1, 10);
    free(busy);
    cJSON *phase = cJSON_AddObjectToObject(work->phases, name);
    cJSON_AddStringToObject(phase, "mark", mark);
    cJSON_AddNumberToObject(phase, "length_ms", length_ms);
}

/* ---- writing it down ---- */

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
static cJSON *kept_sources(const struct work *work, const cJSON *given, const char *fact)
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

static void add_mark(struct work *work, const char *name, const struct found *found)
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
static void keep_marks(struct work *work, const cJSON *given)
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

static void keep_phases(struct work *work, const cJSON *given)
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

static void put_marks(struct work *work, const cJSON *given)
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

static void put_facts(struct work *work, const cJSON *given)
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
static double app_p99(const struct work *work, unsigned kinds, size_t *count)
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

static void put_limits(struct work *work, cJSON *limits)
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
    struct work work = {.align = align,
                        .out = out,
                        .marks = cJSON_CreateObject(),
                        .facts = cJSON_CreateObject(),
                        .phases = cJSON_CreateObject()};
    cJSON_AddObjectToObject(out->evidence, "marks");
    find_boot(&work);
    find_app(&work);
    find_version(&work);
    find_cold(&work);
    find_phase(&work, ALIGN_UPDATE, 1u << ALIGN_COLD | 1u << ALIGN_WARM, &work.swap);
    find_phase(&work, ALIGN_REVERT, 1u << ALIGN_COLD | 1u << ALIGN_WARM | 1u << ALIGN_UPDATE, &work.revert);
    put_marks(&work, given);
    put_facts(&work, given);
    put_member(out->board, "marks", work.marks);
    put_member(out->board, "facts", work.facts);
    put_member(out->board, "phases", work.phases);
    cJSON *limits = cJSON_GetObjectItem(out->board, "limits");
    put_limits(&work, limits ? limits : cJSON_AddObjectToObject(out->board, "limits"));
    struct found *all[] = {&work.boot, &work.app, &work.version, &work.swap, &work.revert};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]->expression);
}

void proposal_release(struct proposal *proposal)
{
    cJSON_Delete(proposal->board);
    cJSON_Delete(proposal->evidence);
    *proposal = (struct proposal){0};
}
