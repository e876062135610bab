/* Update client "smp": MCUmgr's Simple Management Protocol over the board's console, as Zephyr, NuttX and
 * Mynewt devices speak it. One request is under way at a time; what gets no answer is sent again; the offset
 * in the board's answer decides where an upload goes on. */
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/driver.h"
#include "harness/driver/mcuboot_image.h"
#include "harness/driver/smp_frame.h"
#include "harness/driver/smp_msg.h"
#include "harness/driver/table.h"

#define REQUEST_MAX 2048
#define REQUEST_MIN 96 /* room for the first chunk's keys and hash */
#define TEXT_OF(number) TEXT_OF_IT(number)
#define TEXT_OF_IT(number) #number
#define REQUEST_STANDARD 384
#define FILE_LEN_MAX (64u << 20)
#define STUCK_ANSWERS_MAX 50 /* answers in a row that do not move the offset forward */

struct config {
    char *over;
    int64_t mtu, retry_ms, retries, deadline_ms;
};

static const struct option_spec options[] = {
    {.name = "over",
     .help = "what carries it: console",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, over),
     .standard = "console"},
    {.name = "mtu",
     .help = "largest request in bytes, 96 to 2048; 0: as large as the board says it can take",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, mtu),
     .standard = "384",
     .low = 0,
     .high = REQUEST_MAX},
    {.name = "retry_ms",
     .help = "wait for an answer before sending again",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, retry_ms),
     .standard = "500",
     .low = 10,
     .high = 60000},
    {.name = "retries",
     .help = "how often a request is sent again",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, retries),
     .standard = "6",
     .low = 0,
     .high = 1000},
    {.name = "deadline_ms",
     .help = "limit of a whole job that has none of its own",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, deadline_ms),
     .standard = "60000",
     .low = 100,
     .high = 86400000},
    {0},
};

struct smp {
    struct driver_env env;
    char *role;
    struct config config;
    struct smp_parser parser;
    struct loop_source *timer;
    bool busy;
    enum update_intent intent;
    uint64_t end_us;
    uint8_t request[REQUEST_MAX];
    size_t request_len;
    unsigned seq, group, id;
    int64_t tries;
    /* upload */
    uint8_t *image;
    size_t image_len, off, chunk_len, resumed_at, best, mtu;
    int64_t stuck;
    uint8_t sha[32];
    bool started, asking, resume, erasing;
    /* activate */
    uint8_t hash[32], delivered_hash[32];
    bool listing, has_hash, permanent;
    bool delivered; /* the file that was delivered last is an image with a hash */
    bool talked;    /* the board said something since the request went out */
};

/* ---- ends ---- */

static void end(struct smp *smp, enum update_outcome outcome, const char *reason, const char *text,
                cJSON *fields)
{
    smp->busy = false;
    loop_timer_set(smp->timer, LOOP_NEVER);
    free(smp->image);
    smp->image = NULL;
    update_put_end(smp->env.sink, smp->role, smp->intent, outcome, reason, text, fields);
}

static void succeed(struct smp *smp, cJSON *fields)
{
    end(smp, UPDATE_DONE, NULL, NULL, fields);
}

static void fail(struct smp *smp, enum update_outcome outcome, const char *reason, const char *text)
{
    end(smp, outcome, reason, text, NULL);
}

/* ---- requests ---- */

static void transmit(struct smp *smp)
{
    struct error error = {0};
    size_t len;
    char *text = smp_frame_build(smp->request, smp->request_len, &len);
    int failed = smp->env.link->send(smp->env.link, text, len, &error);
    free(text);
    if (failed) {
        fail(smp, UPDATE_LINK_LOST, "link", error.text);
        return;
    }
    smp->talked = false;
    /* back off: a board that is slow is not helped by more requests */
    uint64_t wait_us =
        (uint64_t)smp->config.retry_ms * 1000u * (uint64_t)(smp->tries < 3 ? 1 + smp->tries : 4);
    uint64_t at_us = clock_now_us() + wait_us;
    loop_timer_set(smp->timer, at_us < smp->end_us ? at_us : smp->end_us);
}

static void request(struct smp *smp, unsigned group, unsigned id)
{
    smp->group = group;
    smp->id = id;
    smp->tries = 0;
    transmit(smp);
}

static unsigned next_seq(struct smp *smp)
{
    return smp->seq = (smp->seq + 1) & 0xff;
}

static void request_chunk(struct smp *smp)
{
    /* header, keys, integers and, in the first chunk, the hash and the length */
    size_t overhead = SMP_HEADER_LEN + 24 + (smp->off ? 0 : 64);
    size_t room = smp->mtu - overhead, left = smp->image_len - smp->off;
    struct smp_chunk chunk = {.off = smp->off,
                              .total = smp->image_len,
                              .data = smp->image + smp->off,
                              .len = left < room ? left : room,
                              .sha = smp->sha};
    smp->chunk_len = chunk.len;
    smp->request_len = smp_build_upload(smp->request, sizeof smp->request, next_seq(smp), &chunk);
    request(smp, SMP_IMAGE, SMP_IMAGE_UPLOAD);
}

static void request_empty(struct smp *smp, enum smp_op op, unsigned group, unsigned id)
{
    smp->request_len = smp_build_empty(smp->request, sizeof smp->request, op, group, id, next_seq(smp));
    request(smp, group, id);
}

static void request_state(struct smp *smp, const uint8_t *hash, bool confirm)
{
    smp->request_len = smp_build_state(smp->request, sizeof smp->request, next_seq(smp), hash, confirm);
    request(smp, SMP_IMAGE, SMP_IMAGE_STATE);
}

/* ---- activating ---- */

static void activate(struct smp *smp)
{
    smp->listing = false;
    if (smp->has_hash)
        request_state(smp, smp->hash, smp->permanent);
    else
        fail(smp, UPDATE_REFUSED, "rc", "the board lists no image that could be activated");
}

/* What was delivered is what the slot that does not run holds. */
static void take_listed(struct smp *smp, const cJSON *answer)
{
    const cJSON *image;
    cJSON_ArrayForEach(image, cJSON_GetObjectItemCaseSensitive(answer, "images"))
    {
        const cJSON *slot = cJSON_GetObjectItemCaseSensitive(image, "slot");
        const char *hash = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(image, "hash"));
        if (!cJSON_IsNumber(slot) || slot->valueint != 1 || !hash || strlen(hash) < 64)
            continue;
        for (int i = 0; i < 32; i++)
            sscanf(hash + 2 * i, "%2hhx", &smp->hash[i]);
        smp->has_hash = true;
    }
    activate(smp);
}

static void start_activation(struct smp *smp, const struct update_job *job)
{
    smp->permanent = job->mode == UPDATE_PERMANENT;
    smp->has_hash = job->hash != NULL || smp->delivered;
    if (job->hash)
        memcpy(smp->hash, job->hash, sizeof smp->hash);
    else if (smp->delivered)
        memcpy(smp->hash, smp->delivered_hash, sizeof smp->hash);
    smp->listing = !job->hash || job->listed;
    if (smp->listing)
        request_empty(smp, SMP_READ, SMP_IMAGE, SMP_IMAGE_STATE);
    else
        activate(smp);
}

static void on_timer(void *arg, uint64_t now_us)
{
    struct smp *smp = arg;
    if (!smp->busy)
        return;
    if (smp->intent == UPDATE_RESTART && smp->talked) {
        /* most likely its answer was cut off and this is its boot log: to ask again would reset it again */
        cJSON *fields = cJSON_CreateObject();
        cJSON_AddBoolToObject(fields, "answered", false);
        succeed(smp, fields);
    } else if (now_us >= smp->end_us)
        fail(smp, UPDATE_SILENT, "timeout", "the job's deadline passed");
    else if (++smp->tries > smp->config.retries && smp->listing && smp->has_hash)
        activate(smp);
    else if (smp->tries > smp->config.retries)
        fail(smp, UPDATE_SILENT, "timeout", "no answer");
    else
        transmit(smp);
}

/* ---- answers ---- */

static void refuse(struct smp *smp, int rc)
{
    char text[64];
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "rc", rc);
    snprintf(text, sizeof text, "the board answers rc=%d", rc);
    end(smp, UPDATE_REFUSED, "rc", text, fields);
}

/* OS group, "MCUmgr parameters": what a packet may hold. Boards that do not know it get the usual size. */
static void take_params(struct smp *smp, const cJSON *answer)
{
    const cJSON *size = cJSON_GetObjectItemCaseSensitive(answer, "buf_size");
    smp->asking = false;
    smp->mtu = REQUEST_STANDARD;
    if (cJSON_IsNumber(size) && size->valuedouble >= REQUEST_MIN)
        smp->mtu = size->valuedouble < REQUEST_MAX ? (size_t)size->valuedouble : REQUEST_MAX;
    request_chunk(smp);
}

static void upload_answered(struct smp *smp, const cJSON *answer)
{
    const cJSON *off = cJSON_GetObjectItemCaseSensitive(answer, "off");
    /* some servers leave it out of a plain success */
    double next = cJSON_IsNumber(off) ? off->valuedouble : (double)(smp->off + smp->chunk_len);
    if ((off && !cJSON_IsNumber(off)) || next < 0 || next > (double)smp->image_len) {
        fail(smp, UPDATE_FAILED, "protocol", "the answer has no usable offset");
        return;
    }
    size_t got = (size_t)next;
    if (!smp->started && !smp->resume && got != smp->chunk_len) {
        /* the board remembers an upload that nobody wants to go on with */
        smp->resume = smp->erasing = true;
        request_empty(smp, SMP_WRITE, SMP_IMAGE, SMP_IMAGE_ERASE);
        return;
    }
    if (!smp->started)
        smp->resumed_at = got;
    smp->started = true;
    smp->stuck = got > smp->best ? 0 : smp->stuck + 1;
    smp->best = got > smp->best ? got : smp->best;
    smp->off = got;
    event_put_full(smp->env.sink, EVENT_UPDATE, smp->role, "progress", update_intent_name(smp->intent),
                   (int64_t)got, NULL);
    if (!smp->busy)
        return; /* cancelled by who heard of the progress */
    if (got == smp->image_len) {
        cJSON *fields = cJSON_CreateObject();
        cJSON_AddNumberToObject(fields, "bytes", (double)got);
        cJSON_AddNumberToObject(fields, "resumed_at", (double)smp->resumed_at);
        succeed(smp, fields);
    } else if (smp->stuck > STUCK_ANSWERS_MAX) {
        fail(smp, UPDATE_FAILED, "protocol", "the board does not take more of the image");
    } else {
        request_chunk(smp);
    }
}

static void answered(struct smp *smp, const cJSON *answer)
{
    const cJSON *rc = cJSON_GetObjectItemCaseSensitive(answer, "rc");
    const cJSON *err = cJSON_GetObjectItemCaseSensitive(answer, "err"); /* SMP v2 */
    if (cJSON_IsObject(err))
        rc = cJSON_GetObjectItemCaseSensitive(err, "rc");
    if (smp->asking) {
        take_params(smp, answer);
    } else if (smp->listing) {
        take_listed(smp, answer);
    } else if (smp->erasing) {
        /* a board that cannot erase on request goes on where it was: its offsets decide */
        smp->erasing = false;
        smp->off = 0;
        request_chunk(smp);
    } else if (cJSON_IsNumber(rc) && rc->valuedouble != 0) {
        refuse(smp, rc->valueint);
    } else if (smp->intent == UPDATE_DELIVER) {
        upload_answered(smp, answer);
    } else {
        succeed(smp, cJSON_Duplicate(answer, true));
    }
}

static void on_packet(void *arg, const uint8_t *packet, size_t len)
{
    struct smp *smp = arg;
    struct smp_header header;
    if (!smp->busy || !smp_header_get(packet, len, &header) || header.seq != smp->seq ||
        header.group != smp->group || header.id != smp->id || !(header.op & 1))
        return; /* an answer to an earlier request, or noise */
    cJSON *answer = smp_decode(packet + SMP_HEADER_LEN, header.len);
    if (answer)
        answered(smp, answer);
    cJSON_Delete(answer);
}

static void on_receive(void *arg, const void *data, size_t len, uint64_t t_us)
{
    struct smp *smp = arg;
    smp->talked = true;
    smp_parser_put(&smp->parser, data, len);
}

/* ---- jobs ---- */

static int load(struct smp *smp, const char *path, struct error *error)
{
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
    smp->image = mem_alloc((size_t)len + 1);
    smp->image_len = fread(smp->image, 1, (size_t)len, file);
    fclose(file);
    SHA256(smp->image, smp->image_len, smp->sha);
    smp->delivered = mcuboot_image_hash(smp->image, smp->image_len, smp->delivered_hash);
    return 0;
}

static int start(void *self, const struct update_job *job, struct error *error)
{
    struct smp *smp = self;
    if (smp->busy)
        return error_set(error, ERROR_SYSTEM, "smp: a job is under way");
    if (job->intent == UPDATE_DELIVER && load(smp, job->path, error))
        return -1;
    smp->busy = true;
    smp->intent = job->intent;
    smp->off = smp->best = smp->resumed_at = 0;
    smp->stuck = 0;
    smp->started = smp->asking = smp->erasing = smp->listing = false;
    smp->resume = job->resume;
    smp->end_us =
        clock_now_us() + (job->deadline_us ? job->deadline_us : (uint64_t)smp->config.deadline_ms * 1000);
    switch (job->intent) {
    case UPDATE_DELIVER:
        smp->mtu = (size_t)smp->config.mtu;
        smp->asking = !smp->mtu;
        if (smp->asking)
            request_empty(smp, SMP_READ, SMP_OS, SMP_OS_PARAMS);
        else
            request_chunk(smp);
        break;
    case UPDATE_STATE:
        request_empty(smp, SMP_READ, SMP_IMAGE, SMP_IMAGE_STATE);
        break;
    case UPDATE_ACTIVATE:
        start_activation(smp, job);
        break;
    case UPDATE_CONFIRM:
        request_state(smp, NULL, true);
        break;
    case UPDATE_RESTART:
        request_empty(smp, SMP_WRITE, SMP_OS, SMP_OS_RESET);
        break;
    case UPDATE_PING:
        smp->request_len = smp_build_echo(smp->request, sizeof smp->request, next_seq(smp), "otarig");
        request(smp, SMP_OS, SMP_OS_ECHO);
        break;
    case UPDATE_ERASE:
        request_empty(smp, SMP_WRITE, SMP_IMAGE, SMP_IMAGE_ERASE);
        break;
    case UPDATE_INTENTS:
        break;
    }
    return 0;
}

static void cancel(void *self)
{
    struct smp *smp = self;
    if (smp->busy)
        fail(smp, UPDATE_CANCELLED, "cancelled", "cancelled");
}

static int smp_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    if (!env->link)
        return error_set(error, ERROR_INPUT, "smp needs a console to speak over, and the place has none");
    struct smp *smp = mem_alloc(sizeof *smp);
    smp->env = *env;
    smp->role = mem_string(env->role);
    smp->config = *(const struct config *)config;
    smp_parser_init(&smp->parser, on_packet, smp);
    smp->timer = loop_add_timer(env->loop, LOOP_NEVER, on_timer, smp);
    env->link->receive = on_receive;
    env->link->receive_arg = smp;
    *self = smp;
    return 0;
}

static void smp_close(void *self)
{
    struct smp *smp = self;
    smp->env.link->receive = NULL;
    loop_remove(smp->timer);
    free(smp->image);
    free(smp->role);
    free(smp);
}

static const char *check(const void *data)
{
    const struct config *config = data;
    return config->mtu && config->mtu < REQUEST_MIN
               ? "\"mtu\" to be 0 or at least " TEXT_OF(REQUEST_MIN) " (the first request's keys and hash)"
               : NULL;
}

static unsigned abilities(const void *config)
{
    return UPDATE_CAN_STATE | UPDATE_CAN_ACTIVATE | UPDATE_CAN_TRIAL | UPDATE_CAN_PERMANENT |
           UPDATE_CAN_CONFIRM | UPDATE_CAN_RESTART | UPDATE_CAN_ERASE | UPDATE_CAN_RESUME |
           UPDATE_BOARD_ANSWERS;
}

static const struct update_ops ops = {.start = start, .cancel = cancel, .abilities = abilities};
const struct driver update_smp_driver = {.name = "smp",
                                         .help = "MCUmgr SMP over the console (Zephyr, NuttX, Mynewt)",
                                         .kind = DRIVER_UPDATE,
                                         .options = options,
                                         .config_size = sizeof(struct config),
                                         .check = check,
                                         .open = smp_open,
                                         .close = smp_close,
                                         .update = &ops};
