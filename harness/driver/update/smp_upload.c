/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delivering an image: the offset in the board's answer decides where it goes on, and progress decides how
 * long it may take. */
#include <stdio.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/driver/update/smp_client.h"

#define STILL_MAX 50u /* answers in a row that do not move the offset forward */
#define BACK_MAX 20u  /* how often it may go back */
#define RESTARTS_MAX 1u
#define SENDS_ROUND 3u /* of one chunk, before something else is asked in between */
#define FRAME_EXTRA 4u /* length and CRC stand in the same buffer of the board as the packet */
#define SLOWER_MAX 4.0 /* than the first part of the image */
#define LIMIT_MIN_US 60000000u

static void send_chunk(struct smp *smp);

/* ---- ends ---- */

static void done(struct smp *smp)
{
    const struct smp_upload *upload = &smp->upload;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "bytes", (double)upload->off);
    cJSON_AddNumberToObject(fields, "resumed_at", (double)upload->resumed_at);
    cJSON_AddNumberToObject(fields, "mtu", (double)upload->mtu);
    if (upload->went_back)
        cJSON_AddNumberToObject(fields, "went_back", (double)upload->went_back);
    if (upload->restarts)
        cJSON_AddNumberToObject(fields, "restarts", upload->restarts);
    smp_end(smp, UPDATE_DONE, NULL, NULL, fields);
}

static void stop(struct smp *smp, enum update_outcome outcome, const char *reason, const char *what)
{
    char text[200];
    snprintf(text, sizeof text, "%s (%zu of %zu bytes)", what, smp->upload.off, smp->upload.len);
    smp_end(smp, outcome, reason, text, NULL);
}

/* ---- what is never answered: the board, or the size? ---- */

static bool is_out_of_time(const struct smp *smp)
{
    return clock_now_us() > smp->upload.moved_us + (uint64_t)smp->config->stall_ms * 1000;
}

static void size_found(struct smp *smp, size_t size)
{
    struct smp_upload *upload = &smp->upload;
    char text[200];
    if (size >= upload->mtu) {
        upload->size_is_right = true;
        send_chunk(smp);
    } else if (smp->config->mtu || size < SMP_REQUEST_MIN) {
        snprintf(
            text, sizeof text,
            "requests of %zu bytes are never answered, those of %zu are: a limit of the wire; set \"mtu\" "
            "to %zu or less",
            upload->mtu, size, size);
        smp_end(smp, UPDATE_RIG, "mtu", text, NULL);
    } else {
        smp->limit = upload->mtu = size;
        upload->moved_us = clock_now_us();
        send_chunk(smp);
    }
}

static void small_answered(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    struct smp_upload *upload = &smp->upload;
    bool silent = answer->end == SMP_SILENT;
    if (answer->end == SMP_LOST)
        smp_failed(smp, answer);
    else if (!silent && !upload->size_is_right && smp->talk.largest < upload->mtu)
        smp_size_find(smp, smp->talk.request_len, upload->mtu, size_found);
    else if (silent && upload->started && upload->unheard > (unsigned)smp->config->retries)
        stop(smp, UPDATE_SILENT, "timeout", "no answer");
    else if (silent && is_out_of_time(smp))
        stop(smp, UPDATE_SILENT, "timeout", "no answer for too long");
    else if (is_out_of_time(smp))
        stop(smp, UPDATE_FAILED, "timeout",
             "the board answers other requests of this size, but none with this part of the image");
    else
        send_chunk(smp);
}

/* ---- chunks ---- */

/* A board that goes ever slower makes progress, too, but will not come to an end. */
static bool is_too_slow(struct smp_upload *upload)
{
    uint64_t took_us = clock_now_us() - upload->begin_us;
    size_t sent = upload->off - (upload->resumed_at < upload->off ? upload->resumed_at : upload->off);
    if (!upload->rate && took_us && sent >= 4096 && sent >= upload->len / 16)
        upload->rate = (double)sent / (double)took_us;
    double limit_us = upload->rate ? SLOWER_MAX * (double)upload->len / upload->rate : 0;
    return limit_us && (double)took_us > (limit_us > LIMIT_MIN_US ? limit_us : LIMIT_MIN_US);
}

/* The board remembers an upload that nobody wants to go on with. Where it cannot erase on request it goes on
 * where it was: its offsets decide. */
static void erased(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    smp->upload.off = 0;
    if (answer->end == SMP_LOST)
        smp_failed(smp, answer);
    else
        send_chunk(smp);
}

static void erase(struct smp *smp)
{
    const struct smp_patience patience = {.sends = 2,
                                          .wait_us = (uint64_t)smp->config->stall_ms * 500,
                                          .wait_max_us = (uint64_t)smp->config->stall_ms * 500};
    smp->upload.resume = true;
    smp_talk_ask(
        &smp->talk,
        smp_build_empty(smp->talk.request, sizeof smp->talk.request, SMP_WRITE, SMP_IMAGE, SMP_IMAGE_ERASE),
        &patience, erased);
}

/* false: the job has ended */
static bool moves(struct smp *smp, size_t got)
{
    struct smp_upload *upload = &smp->upload;
    bool forward = got > upload->off || !upload->started;
    upload->went_back += upload->started && got < upload->off;
    upload->still = forward ? 0 : upload->still + 1;
    upload->off = got;
    upload->started = true;
    if (forward)
        upload->moved_us = clock_now_us();
    event_put_full(smp->env.sink, EVENT_UPDATE, smp->role, "progress", update_intent_name(smp->intent),
                   (int64_t)got, NULL);
    if (!smp->busy)
        return false; /* cancelled by who heard of the progress */
    if (upload->still > STILL_MAX || upload->went_back > BACK_MAX || (!forward && is_out_of_time(smp)))
        stop(smp, UPDATE_FAILED, "protocol", "the board does not take more of the image");
    else if (is_too_slow(upload))
        stop(smp, UPDATE_FAILED, "timeout", "the board takes the image ever more slowly");
    return smp->busy;
}

static void acknowledged(struct smp *smp, const cJSON *map)
{
    struct smp_upload *upload = &smp->upload;
    const cJSON *off = cJSON_GetObjectItemCaseSensitive(map, "off");
    /* some servers leave it out of a plain success */
    double next = cJSON_IsNumber(off) ? off->valuedouble : (double)(upload->off + upload->chunk_len);
    if ((off && !cJSON_IsNumber(off)) || next < 0 || next > (double)upload->len) {
        stop(smp, UPDATE_FAILED, "protocol", "the answer has no usable offset");
        return;
    }
    size_t got = (size_t)next;
    if (!upload->started && !upload->resume && got != upload->chunk_len) {
        erase(smp);
        return;
    }
    if (!upload->started && got != upload->chunk_len)
        upload->resumed_at = got;
    if (!moves(smp, got))
        return;
    if (got < upload->len)
        send_chunk(smp);
    else if (cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(map, "match")))
        stop(smp, UPDATE_FAILED, "match",
             "the board says that what it received is not what was sent (match: false)");
    else
        done(smp);
}

/* The last part is refused for what the image is. */
static bool forgets(const struct smp_upload *upload)
{
    return upload->off && upload->off + upload->chunk_len < upload->len && upload->restarts < RESTARTS_MAX;
}

static void chunk_answered(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    struct smp_upload *upload = &smp->upload;
    const struct smp_patience patience = {.sends = 2,
                                          .wait_us = (uint64_t)smp->config->retry_ms * 1000,
                                          .wait_max_us = (uint64_t)smp->config->retry_ms * 2000};
    if (answer->end == SMP_LOST) {
        smp_failed(smp, answer);
    } else if (answer->end != SMP_ANSWERED) {
        upload->unheard += smp->talk.sends;
        smp_ask_small(smp, &patience, small_answered);
    } else if (answer->status.rc && forgets(upload) && !answer->status.transient) {
        /* it has forgotten the upload, most likely in a restart: its answer to the first part tells more */
        upload->restarts++;
        upload->off = 0;
        upload->unheard = 0;
        send_chunk(smp);
    } else if (answer->status.rc) {
        smp_refused(smp, &answer->status);
    } else {
        upload->unheard = 0;
        acknowledged(smp, answer->map);
    }
}

/* The first part may wait until a whole slot is erased; nobody is helped then by many more of it. */
static void send_chunk(struct smp *smp)
{
    struct smp_upload *upload = &smp->upload;
    size_t room = upload->mtu - (upload->off ? SMP_CHUNK_OVERHEAD : SMP_CHUNK_OVERHEAD_FIRST);
    size_t left = upload->len - upload->off;
    struct smp_patience patience = smp_patience(smp);
    struct smp_chunk chunk = {.off = upload->off,
                              .total = upload->len,
                              .data = upload->data + upload->off,
                              .len = left < room ? left : room,
                              .sha = upload->sha,
                              .image = (unsigned)smp->config->image,
                              .upgrade = smp->config->upgrade};
    if (patience.sends > SENDS_ROUND)
        patience.sends = SENDS_ROUND;
    if (!upload->off) {
        patience.wait_us *= 1 + upload->unheard / SENDS_ROUND;
        patience.wait_max_us = (uint64_t)smp->config->stall_ms * 250;
    }
    upload->chunk_len = chunk.len;
    patience.busy_us = (uint64_t)smp->config->stall_ms * 1000;
    smp_talk_ask(&smp->talk, smp_build_upload(smp->talk.request, sizeof smp->talk.request, &chunk), &patience,
                 chunk_answered);
}

/* ---- the size ---- */

/* The smaller one of what was asked for and what the board says that it can take. */
static void choose_size(struct smp *smp, size_t told)
{
    size_t frame = smp->talk.datagrams ? 0 : FRAME_EXTRA;
    size_t most = told >= SMP_REQUEST_MIN + frame ? told - frame
                  : smp->config->mtu              ? SMP_REQUEST_MAX
                                                  : SMP_REQUEST_USUAL;
    size_t mtu = smp->config->mtu ? (size_t)smp->config->mtu : SMP_REQUEST_MAX;
    mtu = most < mtu ? most : mtu;
    smp->upload.mtu = smp->limit && smp->limit < mtu ? smp->limit : mtu;
    smp->upload.moved_us = clock_now_us();
    send_chunk(smp);
}

static void awake(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    if (answer->end == SMP_SILENT || answer->end == SMP_LOST)
        smp_failed(smp, answer);
    else
        choose_size(smp, 0);
}

static void awake_all_the_same(void *arg, const struct smp_answer *answer)
{
    ((struct smp *)arg)->no_params = answer->end == SMP_ANSWERED;
    awake(arg, answer);
}

static void told_size(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    const struct smp_patience patience = smp_patience(smp);
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(answer->map, "buf_size");
    if (answer->end == SMP_LOST) {
        smp_failed(smp, answer);
    } else if (answer->end != SMP_ANSWERED) {
        smp_ask_small(smp, &patience, awake_all_the_same);
    } else {
        bool usable = cJSON_IsNumber(size) && size->valuedouble > 0 && size->valuedouble < 1e6;
        choose_size(smp, usable ? (size_t)size->valuedouble : 0);
    }
}

/* Something small goes first: a board that answers it and then keeps silent is at work on the first part,
 * where one that answers nothing is gone. */
void smp_upload_begin(struct smp *smp)
{
    struct smp_patience patience = smp_patience(smp);
    smp->upload.begin_us = smp->upload.moved_us = clock_now_us();
    if (smp->no_params) {
        smp_ask_small(smp, &patience, awake);
        return;
    }
    patience.sends = patience.sends > 2 ? 2 : patience.sends;
    smp_talk_ask(
        &smp->talk,
        smp_build_empty(smp->talk.request, sizeof smp->talk.request, SMP_READ, SMP_OS, SMP_OS_PARAMS),
        &patience, told_size);
}
