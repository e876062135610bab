/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Update client "smp": MCUmgr's Simple Management Protocol, as Zephyr, NuttX and Mynewt devices and MCUboot's
 * serial recovery speak it, over the board's console or in UDP datagrams. An intent is one request or a few:
 * their order is this file's business. */
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/mcuboot_image.h"
#include "harness/driver/update/smp_client.h"
#include "harness/driver/update/smp_udp.h"
#include "harness/driver/table.h"

#define FILE_LEN_MAX (64u << 20)
#define DEADLINE_US 60000000u /* of all jobs but deliveries */
#define BUSY_US 10000000u

/* ---- ends ---- */

void smp_end(struct smp *smp, enum update_outcome outcome, const char *reason, const char *text,
             cJSON *fields)
{
    if (!fields)
        fields = cJSON_CreateObject();
    smp->busy = false;
    smp_talk_stop(&smp->talk);
    loop_timer_set(smp->deadline, LOOP_NEVER);
    free(smp->upload.data);
    smp->upload.data = NULL;
    smp_talk_tell(&smp->talk, &smp->before, fields);
    update_put_end(smp->env.sink, smp->role, smp->intent, outcome, reason, text, fields);
}

void smp_refused(struct smp *smp, const struct smp_status *status)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "rc", status->rc);
    if (status->group >= 0)
        cJSON_AddNumberToObject(fields, "group", status->group);
    smp_end(smp, UPDATE_REFUSED, "rc", status->text, fields);
}

bool smp_failed(struct smp *smp, const struct smp_answer *answer)
{
    if (answer->end == SMP_LOST)
        smp_end(smp, UPDATE_LINK_LOST, "link", answer->text, NULL);
    else if (answer->end == SMP_SILENT)
        smp_end(smp, UPDATE_SILENT, "timeout", "no answer", NULL);
    else if (answer->end == SMP_ANSWERED && answer->status.rc)
        smp_refused(smp, &answer->status);
    else
        return false;
    return true;
}

static void on_deadline(void *arg, uint64_t now_us)
{
    struct smp *smp = arg;
    uint64_t lately_us = 4000u * (uint64_t)smp->config->retry_ms;
    bool answers = smp->talk.answered_us > smp->begin_us && now_us < smp->talk.answered_us + lately_us;
    char text[100] = "the job's deadline passed";
    if (!smp->busy)
        return;
    if (smp->upload.data)
        snprintf(text, sizeof text, "the job's deadline passed (%zu of %zu bytes)", smp->upload.off,
                 smp->upload.len);
    smp_end(smp, answers ? UPDATE_FAILED : UPDATE_SILENT, "timeout", text, NULL);
}

/* ---- single requests ---- */

struct smp_patience smp_patience(const struct smp *smp)
{
    uint64_t wait_us = (uint64_t)smp->config->retry_ms * 1000;
    return (struct smp_patience){.sends = (unsigned)smp->config->retries + 1,
                                 .wait_us = wait_us,
                                 .wait_max_us = 4 * wait_us,
                                 .busy_us = BUSY_US};
}

void smp_take_result(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    if (!smp_failed(smp, answer))
        smp_end(smp, UPDATE_DONE, NULL, NULL, cJSON_Duplicate(answer->map, true));
}

static void ask_empty(struct smp *smp, enum smp_op op, unsigned group, unsigned id,
                      const struct smp_patience *patience, void (*then)(void *, const struct smp_answer *))
{
    uint8_t *room = smp->talk.request;
    smp_talk_ask(&smp->talk, smp_build_empty(room, sizeof smp->talk.request, op, group, id), patience, then);
}

void smp_ask_images(struct smp *smp, void (*then)(void *, const struct smp_answer *))
{
    const struct smp_patience patience = smp_patience(smp);
    ask_empty(smp, SMP_READ, SMP_IMAGE, SMP_IMAGE_STATE, &patience, then);
}

/* ---- are you there? ---- */

static void small_answered(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    bool by_echo = smp->talk.header.group == SMP_OS;
    /* an upload asks in between only to know whether anybody is there */
    bool asks_otherwise = !smp->echo || smp->intent == UPDATE_PING;
    if (answer->end == SMP_SILENT && by_echo && asks_otherwise) {
        ask_empty(smp, SMP_READ, SMP_IMAGE, SMP_IMAGE_STATE, &smp->small.patience, small_answered);
        return;
    }
    smp->echo |= answer->end == SMP_ANSWERED && by_echo;
    smp->no_echo |= answer->end == SMP_ANSWERED && !by_echo && !smp->echo;
    smp->small.then(smp, answer);
}

/* Boot loaders and old servers keep silent on an echo, and answer other requests all the same. */
void smp_ask_small(struct smp *smp, const struct smp_patience *patience,
                   void (*then)(void *arg, const struct smp_answer *answer))
{
    smp->small.patience = *patience;
    smp->small.then = then;
    if (smp->no_echo)
        ask_empty(smp, SMP_READ, SMP_IMAGE, SMP_IMAGE_STATE, patience, small_answered);
    else
        smp_talk_ask(&smp->talk, smp_build_echo(smp->talk.request, sizeof smp->talk.request, "otarig"),
                     patience, small_answered);
}

/* Any answer is one, also one that does not know the request. */
static void pinged(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    if (answer->end != SMP_ANSWERED) {
        smp_failed(smp, answer);
        return;
    }
    cJSON *fields = cJSON_Duplicate(answer->map, true);
    cJSON_DeleteItemFromObjectCaseSensitive(fields, "images");
    smp_end(smp, UPDATE_DONE, NULL, NULL, fields);
}

static unsigned sends_within(const struct smp_patience *patience, uint64_t us)
{
    unsigned sends = 1;
    for (uint64_t sum = patience->wait_us; sends < patience->sends; sends++) {
        uint64_t wait_us = patience->wait_us * (sends + 1);
        sum += wait_us < patience->wait_max_us ? wait_us : patience->wait_max_us;
        if (sum > us)
            break;
    }
    return sends;
}

static void ping(struct smp *smp, uint64_t limit_us)
{
    struct smp_patience patience = smp_patience(smp);
    if (!smp->no_echo)
        patience.sends = sends_within(&patience, limit_us / 2);
    smp_ask_small(smp, &patience, pinged);
}

/* ---- restart ---- */

/* Its answer was most likely cut off, and what was heard is its boot log: to ask again would restart it
 * again. */
static void restarted(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    if (answer->end != SMP_HEARD) {
        smp_take_result(smp, answer);
        return;
    }
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddBoolToObject(fields, "answered", false);
    smp_end(smp, UPDATE_DONE, NULL, NULL, fields);
}

static void restart(struct smp *smp)
{
    struct smp_patience patience = smp_patience(smp);
    patience.once_if_heard = !smp->talk.datagrams;
    ask_empty(smp, SMP_WRITE, SMP_OS, SMP_OS_RESET, &patience, restarted);
}

/* ---- jobs ---- */

static int load(struct smp *smp, const char *path, struct error *error)
{
    struct smp_upload *upload = &smp->upload;
    FILE *file = fopen(path, "rb");
    if (!file)
        return error_set_errno(error, ERROR_INPUT, errno, "image %s", path);
    fseek(file, 0, SEEK_END);
    long len = ftell(file);
    rewind(file);
    if (len < 0 || len > (long)FILE_LEN_MAX) {
        fclose(file);
        return error_set(error, ERROR_INPUT, "image %s: not a file of at most 64 MiB", path);
    }
    *upload = (struct smp_upload){.data = mem_alloc((size_t)len + 1)};
    upload->len = fread(upload->data, 1, (size_t)len, file);
    fclose(file);
    SHA256(upload->data, upload->len, upload->sha);
    smp->delivered = mcuboot_image_hash(upload->data, upload->len, smp->delivered_hash);
    return 0;
}

static uint64_t limit_of(const struct smp *smp, const struct update_job *job)
{
    if (job->deadline_us)
        return job->deadline_us;
    if (smp->config->deadline_ms)
        return (uint64_t)smp->config->deadline_ms * 1000;
    return job->intent == UPDATE_DELIVER ? LOOP_NEVER : DEADLINE_US;
}

static void begin(struct smp *smp, const struct update_job *job)
{
    const struct smp_patience patience = smp_patience(smp);
    switch (job->intent) {
    case UPDATE_STATE:
        smp_ask_images(smp, smp_take_result);
        break;
    case UPDATE_DELIVER:
        smp_upload_begin(smp);
        break;
    case UPDATE_ACTIVATE:
        smp_activate_begin(smp, job);
        break;
    case UPDATE_RESTART:
        restart(smp);
        break;
    case UPDATE_CONFIRM:
        smp_confirm_begin(smp);
        break;
    case UPDATE_PING:
        ping(smp, limit_of(smp, job));
        break;
    case UPDATE_ERASE:
        ask_empty(smp, SMP_WRITE, SMP_IMAGE, SMP_IMAGE_ERASE, &patience, smp_take_result);
        break;
    case UPDATE_INTENTS:
        break;
    }
}

/* ---- entering the recovery ---- */

static void entered(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    if (answer->end == SMP_ANSWERED)
        begin(smp, &smp->waiting);
    else
        smp_failed(smp, answer);
}

static void enter(void *arg, const struct smp_answer *answer)
{
    struct smp *smp = arg;
    const struct smp_patience patience = smp_patience(smp);
    struct error error = {0};
    if (answer->end != SMP_SILENT) {
        entered(smp, answer);
        return;
    }
    char *line = mem_printf("%s\r\n", smp->config->enter);
    int failed = smp->env.link->send(smp->env.link, line, strlen(line), &error);
    free(line);
    if (failed)
        smp_end(smp, UPDATE_LINK_LOST, "link", error.text, NULL);
    else
        smp_ask_small(smp, &patience, entered);
}

/* It is typed only where the recovery does not answer: there it would be noise. */
static void begin_in_recovery(struct smp *smp, const struct update_job *job)
{
    struct smp_patience patience = smp_patience(smp);
    patience.sends = 1;
    smp->waiting = (struct update_job){.intent = job->intent};
    smp_ask_small(smp, &patience, enter);
}

static int start(void *self, const struct update_job *job, struct error *error)
{
    struct smp *smp = self;
    if (smp->busy)
        return error_set(error, ERROR_SYSTEM, "smp: a job is under way");
    if (job->intent == UPDATE_DELIVER && load(smp, job->path, error))
        return -1;
    uint64_t limit_us = limit_of(smp, job);
    smp->busy = true;
    smp->intent = job->intent;
    smp->begin_us = clock_now_us();
    smp->before = smp_talk_counts(&smp->talk);
    smp->upload.resume = job->resume;
    loop_timer_set(smp->deadline, limit_us == LOOP_NEVER ? LOOP_NEVER : clock_now_us() + limit_us);
    if (smp->config->enter && (job->intent == UPDATE_STATE || job->intent == UPDATE_DELIVER))
        begin_in_recovery(smp, job);
    else
        begin(smp, job);
    return 0;
}

static void cancel(void *self)
{
    struct smp *smp = self;
    if (smp->busy)
        smp_end(smp, UPDATE_CANCELLED, "cancelled", "cancelled", NULL);
}

/* ---- the driver ---- */

static int smp_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct smp_config *config = data;
    struct link *udp = NULL;
    bool datagrams = config->over == SMP_UDP;
    if (!datagrams && !env->link)
        return error_set(error, ERROR_INPUT, "smp needs a console to speak over, and the place has none");
    if (datagrams && smp_udp_open(env->loop, config->host, (unsigned)config->port, &udp, error))
        return -1;
    struct smp *smp = mem_alloc(sizeof *smp);
    smp->env = *env;
    smp->role = mem_string(env->role);
    smp->config = config;
    smp->udp = udp;
    smp->no_echo = config->recovery;
    smp->deadline = loop_add_timer(env->loop, LOOP_NEVER, on_deadline, smp);
    smp_talk_begin(&smp->talk, env->loop, udp ? udp : env->link, datagrams, smp);
    *self = smp;
    return 0;
}

static void smp_close(void *self)
{
    struct smp *smp = self;
    smp_talk_end(&smp->talk);
    smp_udp_close(smp->udp);
    loop_remove(smp->deadline);
    free(smp->upload.data);
    free(smp->role);
    free(smp);
}

static const struct update_ops ops = {.start = start, .cancel = cancel, .abilities = smp_abilities};
const struct driver update_smp_driver = {.name = "smp",
                                         .help = "MCUmgr SMP over the console or UDP (Zephyr, NuttX, Mynewt, "
                                                 "MCUboot's serial recovery)",
                                         .kind = DRIVER_UPDATE,
                                         .options = smp_options,
                                         .config_size = sizeof(struct smp_config),
                                         .claim = smp_claim,
                                         .rules = smp_rules,
                                         .check = smp_check,
                                         .open = smp_open,
                                         .close = smp_close,
                                         .update = &ops};
