/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/supervise/progress.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness/base/mem.h"

struct progress progress_new(size_t cases, size_t places)
{
    return (struct progress){
        .cases = cases, .places = places ? places : 1, .begun_us = mem_array(cases + 1, sizeof(uint64_t))};
}

void progress_free(struct progress *progress)
{
    free(progress->begun_us);
    progress->begun_us = NULL;
}

void progress_begin(struct progress *progress, size_t index, uint64_t now_us)
{
    progress->begun_us[index] = now_us;
}

void progress_end(struct progress *progress, size_t index, uint64_t took_us)
{
    progress->begun_us[index] = 0;
    progress->over_us += took_us;
    progress->over++;
}

uint64_t progress_left_us(const struct progress *progress, uint64_t now_us)
{
    if (!progress->over)
        return UINT64_MAX;
    uint64_t one_us = progress->over_us / progress->over, running_us = 0, longest_us = 0;
    size_t running = 0;
    for (size_t i = 0; i < progress->cases; i++) {
        if (!progress->begun_us[i])
            continue;
        uint64_t spent_us = now_us - progress->begun_us[i],
                 left_us = spent_us < one_us ? one_us - spent_us : 0;
        running++;
        running_us += left_us;
        longest_us = left_us > longest_us ? left_us : longest_us;
    }
    size_t waiting = progress->cases - progress->over - running;
    size_t places = progress->places < running + waiting ? progress->places : running + waiting;
    uint64_t shared_us = places ? (running_us + waiting * one_us) / places : 0;
    /* none is divided among places */
    uint64_t least_us = waiting ? one_us : longest_us;
    return shared_us > least_us ? shared_us : least_us;
}

void progress_text(const struct progress *progress, uint64_t now_us, char *text, size_t size)
{
    uint64_t left_us = progress_left_us(progress, now_us);
    size_t running = 0;
    for (size_t i = 0; i < progress->cases; i++)
        running += progress->begun_us[i] != 0;
    int len = snprintf(text, size, "%zu of %zu cases, %zu running", progress->over, progress->cases, running);
    if (left_us != UINT64_MAX && len > 0 && (size_t)len < size)
        snprintf(text + len, size - (size_t)len, ", about %.0f s left", (double)left_us / 1e6);
}
