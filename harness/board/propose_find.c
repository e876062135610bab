/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which lines of aligned starts are marks, and which of their places are groups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/base/pattern.h"
#include "harness/board/image.h"
#include "harness/board/propose_work.h"

#define NUMERIC_VERSION "[0-9]+(?:[.][0-9]+)*(?:[+-][0-9A-Za-z.]+)?"
#define HASH_LEN_MIN 16 /* image_by_hash() */

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
                 const char *group, size_t prefix_len, const char *inner, struct propose_found *found)
{
    char *expression = align_expression(cluster, piece, group, prefix_len, inner);
    if (expression[0] && matches_only(align, cluster, expression)) {
        free(found->expression);
        *found = (struct propose_found){cluster, piece, expression};
        return true;
    }
    free(expression);
    return false;
}

static void find_boot(struct propose_work *work)
{
    const struct align *align = work->align;
    for (size_t i = 0; i < align->count && !work->boot.cluster; i++)
        if (marks_every_start(align, &align->clusters[i]))
            take(align, &align->clusters[i], PROPOSE_NONE, NULL, 0, NULL, &work->boot);
}

/* The last of the lines that every start has once: later ones come again and again, or not always. */
static void find_app(struct propose_work *work)
{
    const struct align *align = work->align;
    double latest = -1;
    for (size_t i = 0; i < align->count; i++) {
        const struct align_cluster *cluster = &align->clusters[i];
        if (!marks_every_start(align, cluster) || cluster == work->boot.cluster)
            continue;
        const struct align_hit *hit = align_first(cluster, cluster->hits[0].boot);
        if ((double)hit->line > latest && take(align, cluster, PROPOSE_NONE, NULL, 0, NULL, &work->app))
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

static void find_version(struct propose_work *work)
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
static void find_cold(struct propose_work *work)
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

double propose_busy_ms(const struct align *align, const struct align_hit *hit)
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
static void find_phase(struct propose_work *work, enum align_kind kind, unsigned not,
                       struct propose_found *found)
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
            double busy_ms = propose_busy_ms(align, hit);
            if (!round)
                longest = busy_ms > longest ? busy_ms : longest;
            else if (busy_ms >= BUSY_SHARE * longest && hit->line >= latest &&
                     take(align, cluster, PROPOSE_NONE, NULL, 0, NULL, found))
                latest = hit->line;
        }
}

void propose_find(struct propose_work *work)
{
    find_boot(work);
    find_app(work);
    find_version(work);
    find_cold(work);
    find_phase(work, ALIGN_UPDATE, 1u << ALIGN_COLD | 1u << ALIGN_WARM, &work->swap);
    find_phase(work, ALIGN_REVERT, 1u << ALIGN_COLD | 1u << ALIGN_WARM | 1u << ALIGN_UPDATE, &work->revert);
}
