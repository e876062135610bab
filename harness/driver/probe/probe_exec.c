/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probe "exec": the programs that come with a chip, one for each verb: nrfutil, esptool, JLinkExe, probe-rs.
 * They are started for each job and know nothing of each other, so there is no watching and no sampling here.
 * What a program wrote is read back where there is one that reads. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/driver/argv.h"
#include "harness/driver/exec_call.h"
#include "harness/driver/probe/probe_examine.h"
#include "harness/driver/table.h"

#define SCRATCH "probe.bin"
#define WORDS(verb) .type = OPTION_PROGRAM, .runs = true, .offset = offsetof(struct config, commands[verb])

struct config {
    char **commands[PROBE_VERBS], **adapter_reset, **no_target;
    char *lock;
    int64_t timeout_ms;
};

static const struct option_spec options[] = {
    {.name = "program",
     .help =
         "program and arguments that write {file} (raw binary) to {address}, erasing what is needed. Of all "
         "programs: {len}, {len_hex}, {value}, {folder}, {place} are filled in, too",
     WORDS(PROBE_PROGRAM)},
    {.name = "read", .help = "copies {len} bytes at {address} into {file}", WORDS(PROBE_DUMP)},
    {.name = "verify",
     .help = "succeeds when {file} is at {address}; without it what `read` reads is compared",
     WORDS(PROBE_VERIFY)},
    {.name = "write", .help = "writes the word {value} to {address}", WORDS(PROBE_WRITE)},
    {.name = "erase", .help = "erases the pages of {len} bytes at {address}", WORDS(PROBE_ERASE)},
    {.name = "erase_all", .help = "erases the whole chip, also when it is locked", WORDS(PROBE_ERASE_ALL)},
    {.name = "reset", .help = "starts the chip again", WORDS(PROBE_RESET_RUN)},
    {.name = "reset_halt", .help = "resets the chip and leaves it halted", WORDS(PROBE_RESET_HALT)},
    {.name = "halt", .help = "halts the core", WORDS(PROBE_HALT)},
    {.name = "resume", .help = "lets the core go on", WORDS(PROBE_RESUME)},
    {.name = "attach", .help = "succeeds when the chip answers; leaves it running", WORDS(PROBE_ATTACH)},
    {.name = "no_target",
     .help = "exit statuses that mean: the chip does not answer",
     .type = OPTION_STRINGS,
     .pattern = EXEC_CODE_PATTERN,
     .wanted = EXEC_CODE_WANTED,
     .offset = offsetof(struct config, no_target)},
    {.name = "timeout_ms",
     .help = "limit of one program",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct config, timeout_ms),
     .standard = "120000",
     .low = 10,
     .high = 3600000},
    {.name = "adapter_reset",
     .help = "program and arguments that reset the adapter (a USB port switch)",
     .type = OPTION_PROGRAM,
     .runs = true,
     .offset = offsetof(struct config, adapter_reset)},
    {.name = "lock",
     .help = "name of the physical probe, for the lock (its serial number)",
     .type = OPTION_STRING,
     .offset = offsetof(struct config, lock)},
    {0},
};

/* What a job is made of, one program after the other. */
enum stage { RESETTING_ADAPTER, MAIN, CHECKING };

struct probe {
    struct driver_env env;
    char *role, *scratch;
    const struct config *config;
    bool busy, reset_due;
    struct probe_job job;
    char *path, *program;
    enum stage stage;
    uint64_t end_us;
    struct exec_call *call;
    void (*ended)(void *arg, bool ok, const cJSON *fields);
    void *ended_arg;
};

/* ---- the end of a job ---- */

/* The listener may start the next job. Takes over `fields`. */
static void end(struct probe *probe, bool ok, cJSON *fields)
{
    void (*ended)(void *, bool, const cJSON *) = probe->ended;
    exec_call_free(probe->call);
    free(probe->path);
    probe->call = NULL;
    probe->path = NULL;
    probe->busy = false;
    probe->ended = NULL;
    event_put_full(probe->env.sink, EVENT_PROBE, probe->role, ok ? "done" : "failed",
                   probe_verb_name(probe->job.verb), EVENT_NO_NUMBER, fields);
    if (ended)
        ended(probe->ended_arg, ok, fields);
    cJSON_Delete(fields);
}

static void fail(struct probe *probe, const char *reason, const char *text)
{
    if (!probe->busy)
        return;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "reason", reason);
    cJSON_AddStringToObject(fields, "text", text);
    end(probe, false, fields);
}

/* ---- files ---- */

/* The whole file; NULL: it cannot be read. Free it. */
static uint8_t *load(const char *path, size_t *len)
{
    struct stat about;
    FILE *file = file_open(path, NULL);
    uint8_t *bytes = NULL;
    if (file && !fstat(fileno(file), &about)) {
        *len = (size_t)about.st_size;
        bytes = mem_alloc(*len + 1);
        if (fread(bytes, 1, *len, file) != *len) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (file)
        fclose(file);
    return bytes;
}

static void end_read(struct probe *probe)
{
    size_t len = 0;
    uint8_t *bytes = load(probe->scratch, &len);
    if (!bytes || len != probe->job.len) {
        free(bytes);
        fail(probe, "refused", "\"read\": its file does not have as many bytes as were asked for");
        return;
    }
    cJSON *fields = cJSON_CreateObject();
    char *hex = mem_alloc(2 * len + 1);
    for (size_t i = 0; i < len; i++)
        sprintf(hex + 2 * i, "%02x", bytes[i]);
    cJSON_AddStringToObject(fields, "hex", hex);
    free(hex);
    free(bytes);
    end(probe, true, fields);
}

static void end_dump(struct probe *probe)
{
    struct stat about;
    if (stat(probe->path, &about) || about.st_size != (off_t)probe->job.len)
        fail(probe, "refused", "\"read\": its file does not have as many bytes as were asked for");
    else
        end(probe, true, NULL);
}

static void end_compare(struct probe *probe)
{
    size_t wanted_len = 0, found_len = 0, i = 0;
    uint8_t *wanted = load(probe->path, &wanted_len), *found = load(probe->scratch, &found_len);
    char text[120] = "";
    while (wanted && found && i < wanted_len && i < found_len && wanted[i] == found[i])
        i++;
    if (!wanted || !found || wanted_len != found_len)
        snprintf(text, sizeof text, "\"read\": expected %zu bytes, found %zu", wanted_len, found_len);
    else if (i < wanted_len)
        snprintf(text, sizeof text, "0x%zx holds %02x, the file has %02x", probe->job.address + i, found[i],
                 wanted[i]);
    free(wanted);
    free(found);
    if (text[0])
        fail(probe, "refused", text);
    else
        end(probe, true, NULL);
}

/* ---- stages ---- */

static bool is_given(const struct probe *probe, enum probe_verb verb)
{
    return probe->config->commands[verb] != NULL;
}

/* PROGRAM is checked by whatever there is for it; VERIFY without a program of its own is a read. */
static bool by_reading(const struct probe *probe)
{
    enum probe_verb verb = probe->job.verb;
    return (verb == PROBE_PROGRAM || verb == PROBE_VERIFY) && !is_given(probe, PROBE_VERIFY);
}

static char **words_of(const struct probe *probe)
{
    char **const *commands = probe->config->commands;
    enum probe_verb verb = probe->job.verb;
    if (probe->stage == RESETTING_ADAPTER)
        return probe->config->adapter_reset;
    if (verb == PROBE_READ || (probe->stage == CHECKING && by_reading(probe)) ||
        (verb == PROBE_VERIFY && by_reading(probe)))
        return commands[PROBE_DUMP];
    return commands[probe->stage == CHECKING ? PROBE_VERIFY : verb];
}

/* Where the program finds its bytes, or puts them. */
static const char *file_of(const struct probe *probe)
{
    bool reads = words_of(probe) == probe->config->commands[PROBE_DUMP];
    return reads && probe->job.verb != PROBE_DUMP ? probe->scratch : probe->path;
}

static void on_ended(void *arg, const struct exec_result *result);

static int run_stage(struct probe *probe, struct error *error)
{
    char address[16], len[16], len_hex[16], value[16];
    const struct probe_job *job = &probe->job;
    uint64_t now_us = clock_now_us();
    char *data = surroundings_data(".");
    snprintf(address, sizeof address, "0x%08x", job->address);
    snprintf(len, sizeof len, "%u", job->len);
    snprintf(len_hex, sizeof len_hex, "0x%x", job->len);
    snprintf(value, sizeof value, "0x%08x", job->value);
    const struct argv_place places[] = {
        {"file", file_of(probe)},    {"address", address}, {"len", len},
        {"len_hex", len_hex},        {"value", value},     {"folder", probe->env.folder},
        {"place", probe->env.place}, {"data", data},       {0}};
    char **words = argv_fill(words_of(probe), places, error);
    free(data);
    if (!words)
        return -1;
    if (words_of(probe) == probe->config->commands[PROBE_DUMP])
        unlink(file_of(probe)); /* an old one is no answer */
    free(probe->program);
    probe->program = mem_string(words[0]);
    exec_call_free(probe->call);
    probe->call =
        exec_call_start(&probe->env, probe->role, words, probe->end_us > now_us ? probe->end_us - now_us : 1,
                        on_ended, probe, error);
    argv_free(words);
    return probe->call ? 0 : -1;
}

static void stage_over(struct probe *probe)
{
    struct error error = {0};
    enum probe_verb verb = probe->job.verb;
    if (probe->stage == RESETTING_ADAPTER ||
        (probe->stage == MAIN && verb == PROBE_PROGRAM &&
         (is_given(probe, PROBE_VERIFY) || is_given(probe, PROBE_DUMP)))) {
        probe->stage = probe->stage == MAIN ? CHECKING : MAIN;
        if (words_of(probe) && run_stage(probe, &error))
            fail(probe, "server", error.text);
        else if (!words_of(probe))
            end(probe, true, NULL);
    } else if (verb == PROBE_READ) {
        end_read(probe);
    } else if (verb == PROBE_DUMP) {
        end_dump(probe);
    } else if (by_reading(probe) && (verb == PROBE_VERIFY || probe->stage == CHECKING)) {
        end_compare(probe);
    } else {
        end(probe, true, NULL);
    }
}

static void on_ended(void *arg, const struct exec_result *result)
{
    struct probe *probe = arg;
    char text[400];
    exec_call_text(probe->program, result, text, sizeof text);
    if (probe->stage == RESETTING_ADAPTER || (result->how == EXEC_EXITED && !result->code))
        stage_over(probe);
    else if (result->how == EXEC_LATE)
        fail(probe, "deadline", text);
    else if (result->how == EXEC_KILLED || result->how == EXEC_UNABLE)
        fail(probe, "server", text);
    else
        fail(probe, exec_code_in(probe->config->no_target, result->code) ? "no-target" : "refused", text);
}

/* ---- jobs ---- */

/* A bit for each verb (1 << verb). */
static unsigned verbs_of(const void *data)
{
    const struct config *config = data;
    unsigned can = 1u << PROBE_ATTACH | 1u << PROBE_DETACH;
    for (int verb = 0; verb < PROBE_VERBS; verb++)
        can |= config->commands[verb] ? 1u << verb : 0;
    if (config->commands[PROBE_DUMP])
        can |= 1u << PROBE_READ | 1u << PROBE_VERIFY;
    return can;
}

static int take_path(struct probe *probe, const struct probe_job *job, struct error *error)
{
    char absolute[PATH_MAX];
    struct stat about;
    bool reads = job->verb == PROBE_PROGRAM || job->verb == PROBE_VERIFY;
    if (!reads && job->verb != PROBE_DUMP)
        return 0;
    if (!job->path)
        return error_set(error, ERROR_SYSTEM, "exec: %s needs a file", probe_verb_name(job->verb));
    if (reads && (!realpath(job->path, absolute) || stat(absolute, &about)))
        return error_set_errno(error, ERROR_INPUT, errno, "%s", job->path);
    probe->path = mem_string(reads ? absolute : job->path);
    if (reads)
        probe->job.len = (uint32_t)about.st_size;
    return 0;
}

static int start(void *self, const struct probe_job *job, struct error *error)
{
    struct probe *probe = self;
    if (probe->busy)
        return error_set(error, ERROR_SYSTEM, "exec: a job is under way");
    if (!(verbs_of(probe->config) & 1u << job->verb))
        return error_set(error, ERROR_INPUT, "exec: no program for \"%s\" in the rack file",
                         probe_verb_name(job->verb));
    probe->job = *job;
    if (take_path(probe, job, error))
        return -1;
    probe->job.path = NULL;
    probe->end_us =
        clock_now_us() + (job->deadline_us ? job->deadline_us : (uint64_t)probe->config->timeout_ms * 1000);
    probe->stage = probe->reset_due ? RESETTING_ADAPTER : MAIN;
    probe->reset_due = false;
    probe->busy = true;
    if (!words_of(probe)) { /* nothing to attach to, or to let go of */
        end(probe, true, NULL);
    } else if (run_stage(probe, error)) {
        free(probe->path);
        probe->path = NULL;
        probe->busy = false;
        return -1;
    }
    return 0;
}

static void cancel(void *self)
{
    fail(self, "cancelled", "cancelled");
}

static void power(void *self, bool on)
{
    if (!on)
        fail(self, "no-target", "the power was cut");
}

static int revive(void *self, unsigned rung, struct error *error)
{
    struct probe *probe = self;
    fail(probe, "server", "revived");
    probe->reset_due = rung && probe->config->adapter_reset;
    return 0;
}

static void listen_end(void *self, void (*ended)(void *arg, bool ok, const cJSON *fields), void *arg)
{
    struct probe *probe = self;
    probe->ended = ended;
    probe->ended_arg = arg;
}

/* ---- open, close ---- */

static const char *check(const void *data)
{
    static const struct argv_place places[] = {{"file", NULL},    {"address", NULL}, {"len", NULL},
                                               {"len_hex", NULL}, {"value", NULL},   {"folder", NULL},
                                               {"place", NULL},   {"data", NULL},    {0}};
    const struct config *config = data;
    for (int verb = 0; verb <= PROBE_VERBS; verb++) {
        char **words = verb < PROBE_VERBS ? config->commands[verb] : config->adapter_reset;
        char *unknown = argv_unknown(words, places);
        free(unknown);
        if (unknown)
            return "{file}, {address}, {len}, {len_hex}, {value}, {folder}, {place} or {data} as places of "
                   "the "
                   "programs";
    }
    return NULL;
}

static const char *const least[] = {"program", "read", NULL};
static const struct option_rule rules[] = {
    {OPTION_ANY_OF, least, .wanted = "at least \"program\" or \"read\""}, {0}};

static int probe_open(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    struct probe *probe = mem_alloc(sizeof *probe);
    *probe = (struct probe){.env = *env,
                            .role = mem_string(env->role),
                            .scratch = mem_printf("%s/" SCRATCH, env->folder),
                            .config = config};
    *self = probe;
    return 0;
}

static void probe_close(void *self)
{
    struct probe *probe = self;
    exec_call_free(probe->call);
    free(probe->path);
    free(probe->program);
    free(probe->scratch);
    free(probe->role);
    free(probe);
}

static void claim(const void *data, char *key, size_t size)
{
    const struct config *config = data;
    if (config->lock)
        snprintf(key, size, "probe:%s", config->lock);
}

static const char *advice_for(const char *reason)
{
    return !strcmp(reason, "no-target") ? "switch the board on and check the probe's wires"
                                        : "run it by hand: does it find the probe and the chip?";
}

static int examine(const struct driver_env *env, const void *data, char *advice, size_t size,
                   struct error *error)
{
    const struct config *config = data;
    for (int verb = 0; verb < PROBE_VERBS; verb++) {
        char **words = config->commands[verb];
        if (!words || words[0][0] == '{' || exec_found(words[0]))
            continue;
        snprintf(advice, size, "install it, or give its full path in the rack file");
        return error_set(error, ERROR_RIG, "%s: no such program", words[0]);
    }
    return probe_examine(&probe_exec_driver, env, config, advice_for, advice, size, error);
}

static const struct probe_ops ops = {.start = start,
                                     .cancel = cancel,
                                     .power = power,
                                     .revive = revive,
                                     .listen = listen_end,
                                     .verbs = verbs_of};
const struct driver probe_exec_driver = {.name = "exec",
                                         .help =
                                             "a chip's own programs (nrfutil, esptool, JLinkExe, probe-rs)",
                                         .kind = DRIVER_PROBE,
                                         .options = options,
                                         .config_size = sizeof(struct config),
                                         .claim = claim,
                                         .rules = rules,
                                         .check = check,
                                         .open = probe_open,
                                         .close = probe_close,
                                         .probe = &ops,
                                         .examine = examine};
