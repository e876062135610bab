/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/smp_client.h"

#define NEAR 16u       /* bytes: near enough */
#define SENDS_LARGE 3u /* before a size is taken to be too large */

static void try(struct smp *smp, size_t len);

static size_t middle(const struct smp_size *size)
{
    return (size->low + size->high) / 2;
}

/* The first question is whether the largest one arrives at all: if it does, the size was not at fault. */
static void answered(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    struct smp_size *size = &smp->size;
    size_t len = smp->talk.request_len;
    if (answer->end == SMP_LOST) {
        smp_failed(smp, answer);
        return;
    }
    if (answer->end == SMP_SILENT)
        size->high = len;
    else
        size->low = len;
    if (size->low >= size->high || size->high - size->low <= NEAR)
        size->found(smp, size->low);
    else
        try(smp, middle(size));
}

static void try(struct smp *smp, size_t len)
{
    struct smp_patience patience = smp_patience(smp);
    patience.sends = SENDS_LARGE;
    smp_talk_ask(&smp->talk, smp_build_padded(smp->talk.request, len, smp->size.echo), &patience, answered);
}

void smp_size_find(struct smp *smp, size_t low, size_t high, void (*found)(struct smp *smp, size_t size))
{
    smp->size = (struct smp_size){
        .low = low < SMP_PADDED_MIN ? SMP_PADDED_MIN : low, .high = high, .echo = smp->echo, .found = found};
    try(smp, high);
}
