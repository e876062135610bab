/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A case whose images no source of the board can tell apart would end with nothing proven, after all its
 * time. So it is said before. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "harness/plan/plan.h"

#define NAMES_MAX 24

struct names {
    const char *list[NAMES_MAX];
    size_t count;
};

static void add(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (!name || !strcmp(names->list[i], name))
            return;
    if (name && names->count < NAMES_MAX)
        names->list[names->count++] = name;
}

/* What may run in this case. */
static struct names runnable(const struct scenario *scenario)
{
    const struct expect *expect = &scenario->expect;
    struct names names = {0};
    add(&names, scenario->start);
    for (size_t i = 0; expect->runs && expect->runs[i]; i++)
        add(&names, expect->runs[i]);
    for (size_t i = 0; i < expect->never_count; i++)
        add(&names, expect->never[i].image);
    add(&names, expect->final);
    add(&names, expect->next);
    return names;
}

static bool tells_hash(const struct board *board, const struct source *source)
{
    const struct board_mark *mark = source->mark ? board_mark(board, source->mark) : NULL;
    switch (source->kind) {
    case SOURCE_MARK:
        return mark && strstr(mark->expression, "<hash>");
    case SOURCE_ASK:
        return source->answer && strstr(source->answer, "<hash>");
    case SOURCE_HTTP:
        return source->http->hash;
    case SOURCE_UPDATE:
    case SOURCE_EXEC:
        return true; /* as far as anybody knows before it is asked */
    default:
        return false;
    }
}

/* By bytes, where a storage source is wired; by hash, where one tells it; else by version. */
static bool told_apart(const struct board *board, const struct rack_place *place, const struct image *a,
                       const struct image *b)
{
    bool hashes = a->hash && b->hash && strcasecmp(a->hash, b->hash);
    const struct source *source;
    size_t index;
    if (!a->version || !b->version || !image_version_is(a->version, b->version))
        return true;
    for (size_t from = 0; (source = facts_next(board, FACT_IMAGE, place, from, &index)); from = index + 1)
        if (source->kind == SOURCE_STORAGE || (hashes && tells_hash(board, source)))
            return true;
    return false;
}

bool plan_images_alike(const struct plan *plan, const struct rack_place *place, char *text, size_t size)
{
    struct names names = runnable(&plan->scenario);
    for (size_t i = 0; i < names.count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct image *a = image_find(plan->images, names.list[j]);
            const struct image *b = image_find(plan->images, names.list[i]);
            if (!a || !b || told_apart(plan->board, place, a, b))
                continue;
            snprintf(
                text, size,
                "nothing tells '%.40s' from '%.40s', which are both version %.40s: give each a version of "
                "its own, or the manifest a hash that the board tells, or the place a probe",
                a->name, b->name, a->version);
            return true;
        }
    return false;
}
