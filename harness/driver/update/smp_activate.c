/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which image is meant, and the request that marks it. */
#include <stdio.h>
#include <string.h>

#include "harness/driver/update/smp_client.h"

static void write_state(struct smp *smp, const uint8_t *hash, bool confirm)
{
    const struct smp_patience patience = smp_patience(smp);
    smp_talk_ask(&smp->talk, smp_build_state(smp->talk.request, sizeof smp->talk.request, hash, confirm),
                 &patience, smp_take_result);
}

static bool is_true(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

/* The hash of the image with our number that runs, or of the other one; false: it is not listed. Who does not
 * say which one runs runs the one in slot 0. */
static bool listed_hash(const struct smp *smp, const cJSON *map, bool running, uint8_t *out)
{
    const cJSON *image, *images = cJSON_GetObjectItemCaseSensitive(map, "images");
    bool told = false, found = false;
    cJSON_ArrayForEach(image, images) told |= is_true(image, "active");
    cJSON_ArrayForEach(image, images)
    {
        const char *hash = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(image, "hash"));
        bool runs = told ? is_true(image, "active") : number(image, "slot") < 1;
        if (number(image, "image") != (double)smp->config->image || runs != running || !hash ||
            strlen(hash) < 64)
            continue;
        for (int i = 0; i < 32; i++)
            sscanf(hash + 2 * i, "%2hhx", &out[i]);
        found = true;
    }
    return found;
}

static void activate(struct smp *smp)
{
    if (smp->has_hash)
        write_state(smp, smp->hash, smp->mode == UPDATE_PERMANENT);
    else
        smp_end(smp, UPDATE_REFUSED, "rc", "the board lists no image that could be activated", NULL);
}

/* What was delivered is what does not run. */
static void take_listed(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    if (answer->end == SMP_LOST || (answer->end == SMP_SILENT && !smp->has_hash)) {
        smp_failed(smp, answer);
        return;
    }
    smp->has_hash |= listed_hash(smp, answer->map, false, smp->hash);
    activate(smp);
}

void smp_activate_begin(struct smp *smp, const struct update_job *job)
{
    smp->mode = job->mode;
    smp->has_hash = job->hash || smp->delivered;
    if (smp->has_hash)
        memcpy(smp->hash, job->hash ? job->hash : smp->delivered_hash, sizeof smp->hash);
    if (!job->hash || job->listed)
        smp_ask_images(smp, take_listed);
    else
        activate(smp);
}

static void confirm_listed(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    uint8_t hash[32];
    if (smp_failed(smp, answer))
        return;
    if (listed_hash(smp, answer->map, true, hash))
        write_state(smp, hash, true);
    else
        smp_end(smp, UPDATE_REFUSED, "rc", "the board lists no image with this number that runs", NULL);
}

/* Without a hash a board confirms image 0. */
void smp_confirm_begin(struct smp *smp)
{
    if (smp->config->image)
        smp_ask_images(smp, confirm_listed);
    else
        write_state(smp, NULL, true);
}
