/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Update client "probe": stages an image through the debug probe, for boards that have no update protocol, or
 * to test their boot loader without it. What makes the boot loader look at the slot is the board's business:
 * words in flash (a swap magic, a flag) or in registers that survive a reset. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/mem.h"
#include "harness/driver/driver.h"
#include "harness/driver/table.h"

#define JOBS_MAX 64
#define PAGE_MAX 0x20000

struct config {
    int64_t slot, slot_size, page, flash_size;
    char **pending, **permanent, **confirm;
};

static const struct option_spec options[] = {
    {.name = "slot",
     .help = "address of the slot that receives images",
     .type = OPTION_WORD,
     .offset = offsetof(struct config, slot),
     .required = true,
     .low = 0,
     .high = UINT32_MAX},
    {.name = "slot_size",
     .help = "its size in bytes",
     .type = OPTION_WORD,
     .offset = offsetof(struct config, slot_size),
     .required = true,
     .low = 1,
     .high = UINT32_MAX},
    {.name = "page",
     .help = "size of an erasable page",
     .type = OPTION_WORD,
     .offset = offsetof(struct config, page),
     .standard = "4096",
     .low = 4,
     .high = PAGE_MAX},
    {.name = "flash_size",
     .help = "words below it are written into flash, those above into memory",
     .type = OPTION_WORD,
     .offset = offsetof(struct config, flash_size),
     .standard = "0x100000",
     .low = 0,
     .high = UINT32_MAX},
    {.name = "pending",
     .help = "words that make the boot loader take the slot, \"ADDRESS=WORD\" in order",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, pending)},
    {.name = "permanent",
     .help = "words that make the boot loader take the slot for good",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, permanent)},
    {.name = "confirm",
     .help = "words that make the running image permanent",
     .type = OPTION_STRINGS,
     .offset = offsetof(struct config, confirm)},
    {0},
};

struct word {
    uint32_t address, value;
};

struct stage {
    struct driver_env env;
    char *role, *scratch;
    const struct config *config;
    bool busy;
    enum update_intent intent;
    uint64_t deadline_us;
    int64_t bytes;
    char *path;
    struct probe_job jobs[JOBS_MAX];
    int job_count, job;
    struct word words[JOBS_MAX];
    int word_count;
};

/* ---- words ---- */

static int parse_words(char *const *texts, struct word *words, int *count, struct error *error)
{
    *count = 0;
    for (; texts && *texts; texts++) {
        long long address, value;
        char rest;
        if (sscanf(*texts, "%lli=%lli%c", &address, &value, &rest) != 2 || address < 0 || value < 0 ||
            address > UINT32_MAX || value > UINT32_MAX || address % 4 || *count == JOBS_MAX / 2)
            return error_set(error, ERROR_INPUT, "expected \"ADDRESS=WORD\" (at most %d), found \"%s\"",
                             JOBS_MAX / 2, *texts);
        words[(*count)++] = (struct word){(uint32_t)address, (uint32_t)value};
    }
    return 0;
}

static bool in_flash(const struct stage *stage, const struct word *word)
{
    return word->address < stage->config->flash_size;
}

static uint32_t page_of(const struct stage *stage, uint32_t address)
{
    return address - address % (uint32_t)stage->config->page;
}

/* The dumped page gets its words: the rest of it must stay. */
static int patch(const struct stage *stage, uint32_t page)
{
    FILE *file = fopen(stage->scratch, "r+b");
    bool good = file != NULL;
    for (int i = 0; i < stage->word_count; i++) {
        const struct word *word = &stage->words[i];
        if (!good || !in_flash(stage, word) || page_of(stage, word->address) != page)
            continue;
        const uint8_t bytes[4] = {(uint8_t)word->value, (uint8_t)(word->value >> 8),
                                  (uint8_t)(word->value >> 16), (uint8_t)(word->value >> 24)};
        good = !fseek(file, (long)(word->address - page), SEEK_SET) && fwrite(bytes, 4, 1, file) == 1;
    }
    if (file && fclose(file))
        good = false;
    return good ? 0 : -1;
}

/* ---- jobs ---- */

static void end(struct stage *stage, enum update_outcome outcome, const char *reason, const char *text,
                cJSON *fields)
{
    stage->busy = false;
    free(stage->path);
    stage->path = NULL;
    update_put_end(stage->env.sink, stage->role, stage->intent, outcome, reason, text, fields);
}

static void fail(struct stage *stage, const char *reason, const char *text)
{
    end(stage, UPDATE_FAILED, reason, text, NULL);
}

static void succeed(struct stage *stage)
{
    cJSON *fields = cJSON_CreateObject();
    if (stage->intent == UPDATE_DELIVER) {
        event_put_full(stage->env.sink, EVENT_UPDATE, stage->role, "progress",
                       update_intent_name(stage->intent), stage->bytes, NULL);
        cJSON_AddNumberToObject(fields, "bytes", (double)stage->bytes);
    } else if (stage->intent == UPDATE_STATE) {
        /* a probe sees bytes, not images */
        cJSON_AddArrayToObject(fields, "images");
    }
    end(stage, UPDATE_DONE, NULL, NULL, fields);
}

static void on_probe_ended(void *arg, bool ok, const cJSON *fields);

static void next(struct stage *stage)
{
    struct error error = {0};
    if (stage->job == stage->job_count) {
        succeed(stage);
        return;
    }
    struct probe_job *job = &stage->jobs[stage->job];
    job->deadline_us = stage->deadline_us;
    stage->env.probe->listen(stage->env.probe_self, on_probe_ended, stage);
    if (stage->env.probe->start(stage->env.probe_self, job, &error)) {
        stage->env.probe->listen(stage->env.probe_self, NULL, NULL);
        fail(stage, "probe", error.text);
    }
}

static void on_probe_ended(void *arg, bool ok, const cJSON *fields)
{
    struct stage *stage = arg;
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(fields, "reason");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(fields, "text");
    if (!stage->busy)
        return;
    const struct probe_job *job = &stage->jobs[stage->job];
    if (!ok)
        fail(stage, cJSON_IsString(reason) ? reason->valuestring : "probe",
             cJSON_IsString(text) ? text->valuestring : "");
    else if (job->verb == PROBE_DUMP && patch(stage, job->address))
        fail(stage, "probe", "the dumped page cannot be changed");
    else {
        stage->job++;
        next(stage);
    }
}

static void add(struct stage *stage, struct probe_job job)
{
    stage->jobs[stage->job_count++] = job;
}

/* Words of one page are written together, when its first one's turn comes. */
static bool page_is_new(const struct stage *stage, int index)
{
    for (int i = 0; i < index; i++)
        if (in_flash(stage, &stage->words[i]) &&
            page_of(stage, stage->words[i].address) == page_of(stage, stage->words[index].address))
            return false;
    return true;
}

static int add_words(struct stage *stage, char *const *texts, struct error *error)
{
    if (!texts || !*texts)
        return error_set(error, ERROR_INPUT, "the words that make the board %s an image are not configured",
                         update_intent_name(stage->intent));
    if (parse_words(texts, stage->words, &stage->word_count, error))
        return -1;
    for (int i = 0; i < stage->word_count; i++) {
        const struct word *word = &stage->words[i];
        uint32_t page = page_of(stage, word->address), len = (uint32_t)stage->config->page;
        if (!in_flash(stage, word)) {
            add(stage,
                (struct probe_job){.verb = PROBE_WRITE, .address = word->address, .value = word->value});
        } else if (page_is_new(stage, i)) {
            add(stage,
                (struct probe_job){.verb = PROBE_DUMP, .path = stage->scratch, .address = page, .len = len});
            add(stage, (struct probe_job){.verb = PROBE_PROGRAM, .path = stage->scratch, .address = page});
        }
    }
    return 0;
}

static int add_image(struct stage *stage, const char *path, struct error *error)
{
    struct stat about;
    if (stat(path, &about))
        return error_set_errno(error, ERROR_INPUT, errno, "image %s", path);
    if (about.st_size > stage->config->slot_size)
        return error_set(error, ERROR_INPUT, "image %s: %lld bytes do not fit into the slot's %lld", path,
                         (long long)about.st_size, (long long)stage->config->slot_size);
    stage->path = mem_string(path);
    stage->bytes = about.st_size;
    add(stage, (struct probe_job){
                   .verb = PROBE_PROGRAM, .path = stage->path, .address = (uint32_t)stage->config->slot});
    return 0;
}

static int plan(struct stage *stage, const struct update_job *job, struct error *error)
{
    stage->job_count = stage->job = stage->word_count = 0;
    switch (job->intent) {
    case UPDATE_DELIVER:
        return add_image(stage, job->path, error);
    case UPDATE_ACTIVATE:
        return add_words(
            stage, job->mode == UPDATE_PERMANENT ? stage->config->permanent : stage->config->pending, error);
    case UPDATE_CONFIRM:
        if (add_words(stage, stage->config->confirm, error))
            return -1;
        /* to be written to, the board was reset and halted: it goes on by starting again */
        add(stage, (struct probe_job){.verb = PROBE_RESET_RUN});
        break;
    case UPDATE_RESTART:
        add(stage, (struct probe_job){.verb = PROBE_RESET_RUN});
        break;
    case UPDATE_STATE:
    case UPDATE_PING:
        add(stage, (struct probe_job){.verb = PROBE_ATTACH});
        break;
    case UPDATE_ERASE:
        add(stage, (struct probe_job){.verb = PROBE_ERASE,
                                      .address = (uint32_t)stage->config->slot,
                                      .len = (uint32_t)stage->config->slot_size});
        break;
    case UPDATE_INTENTS:
        break;
    }
    return 0;
}

static int start(void *self, const struct update_job *job, struct error *error)
{
    struct stage *stage = self;
    if (stage->busy)
        return error_set(error, ERROR_SYSTEM, "probe update: a job is under way");
    stage->intent = job->intent;
    stage->deadline_us = job->deadline_us;
    if (plan(stage, job, error))
        return -1;
    stage->busy = true;
    next(stage);
    return 0;
}

static void cancel(void *self)
{
    struct stage *stage = self;
    if (!stage->busy)
        return;
    stage->env.probe->listen(stage->env.probe_self, NULL, NULL);
    stage->env.probe->cancel(stage->env.probe_self);
    end(stage, UPDATE_CANCELLED, "cancelled", "cancelled", NULL);
}

static int stage_open(const struct driver_env *env, const void *data, void **self, struct error *error)
{
    const struct config *config = data;
    struct word words[JOBS_MAX];
    int count;
    if (!env->probe || !env->probe->listen)
        return error_set(error, ERROR_INPUT, "the probe update needs a probe, and the place has none");
    if (parse_words(config->pending, words, &count, error) ||
        parse_words(config->permanent, words, &count, error) ||
        parse_words(config->confirm, words, &count, error))
        return -1;
    struct stage *stage = mem_alloc(sizeof *stage);
    stage->env = *env;
    stage->role = mem_string(env->role);
    stage->scratch = mem_printf("%s/page.bin", env->folder);
    stage->config = config;
    *self = stage;
    return 0;
}

static void stage_close(void *self)
{
    struct stage *stage = self;
    if (stage->busy)
        stage->env.probe->listen(stage->env.probe_self, NULL, NULL);
    free(stage->path);
    free(stage->scratch);
    free(stage->role);
    free(stage);
}

static bool has_any(char *const *words)
{
    return words && *words;
}

static unsigned abilities(const void *data)
{
    const struct config *config = data;
    unsigned trial = has_any(config->pending) ? UPDATE_CAN_ACTIVATE | UPDATE_CAN_TRIAL : 0;
    unsigned permanent = has_any(config->permanent) ? UPDATE_CAN_ACTIVATE | UPDATE_CAN_PERMANENT : 0;
    unsigned confirm = has_any(config->confirm) ? UPDATE_CAN_CONFIRM | UPDATE_CONFIRM_RESTARTS : 0;
    return trial | permanent | confirm | UPDATE_CAN_RESTART | UPDATE_CAN_ERASE;
}

static const struct update_ops ops = {.start = start, .cancel = cancel, .abilities = abilities};
const struct driver update_probe_driver = {.name = "probe",
                                           .help = "stages images through the debug probe",
                                           .kind = DRIVER_UPDATE,
                                           .options = options,
                                           .config_size = sizeof(struct config),
                                           .open = stage_open,
                                           .close = stage_close,
                                           .update = &ops};
