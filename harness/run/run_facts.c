/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking for facts: one function a kind of source. What a console line tells comes by itself (run.c); the
 * rest is asked for, in the order in which the board file trusts its sources, and only what is not known yet.
 */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/exec_call.h"
#include "harness/driver/http_device.h"
#include "harness/io/child.h"
#include "harness/run/run.h"

#define ASK_AGAIN_US 300000u /* between two questions to a board that does not answer yet */

static void take(char *to, size_t size, const char *text)
{
    if (text)
        snprintf(to, size, "%s", text);
}

#define TAKE(to, text) take(to, sizeof(to), text)

/* Boards say yes and no in many ways. */
void run_take_flag(char to[8], const char *text)
{
    static const char *const yes[] = {"1", "true", "yes", "y", "ok", "set", "confirmed", "permanent"};
    if (!text || !text[0])
        return;
    snprintf(to, 8, "0");
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!strcasecmp(text, yes[i]))
            snprintf(to, 8, "1");
}

/* ---- the console: typed, and the line that answers ---- */

static void take_group(struct marks *marks, const char *text, const char *group, char *to, size_t size)
{
    char found[80];
    if (marks_group(marks, 0, text, group, found, sizeof found) && found[0])
        snprintf(to, size, "%s", found);
}

void run_question_line(struct run *run, const char *text, size_t len)
{
    struct run_question *question = run->question;
    if (!question || question->came || !marks_match(question->answer, 0, text, len))
        return;
    struct run_told *told = question->told;
    char flag[16] = "";
    question->came = true;
    take_group(question->answer, text, "version", told->version, sizeof told->version);
    take_group(question->answer, text, "hash", told->hash, sizeof told->hash);
    take_group(question->answer, text, "state", told->state, sizeof told->state);
    take_group(question->answer, text, "print", told->print, sizeof told->print);
    take_group(question->answer, text, "last", told->report, sizeof told->report);
    take_group(question->answer, text, "boot_id", told->boot_id, sizeof told->boot_id);
    take_group(question->answer, text, "confirmed", flag, sizeof flag);
    run_take_flag(told->confirmed, flag);
    if (question->group)
        take_group(question->answer, text, question->group, told->value, sizeof told->value);
}

/* What the answer's group is when the fact holds. A group that is not there tells nothing. */
static void take_equals(enum fact fact, const struct source *source, struct run_told *told)
{
    if (!source->equals || !told->value[0])
        return;
    told->holds = run_equals(told->value, source->equals);
    if (fact == FACT_CONFIRMED)
        snprintf(told->confirmed, sizeof told->confirmed, "%d", told->holds);
}

static bool answer_came(struct run *run, const void *arg)
{
    return run->question->came;
}

static int type_text(struct run *run, const char *text)
{
    struct error error = {0};
    const struct console_ops *console = rig_console(run->rig);
    if (!console->write(run->rig->self[RACK_CONSOLE], text, strlen(text), &error))
        return 0;
    run_note(run, "console: %s", error.text);
    return -1;
}

static bool ask_console(struct run *run, const struct source *source, struct run_told *told)
{
    struct error error = {0};
    const struct board_mark answer = {.name = "answer", .expression = source->answer};
    struct run_question question = {.told = told, .group = source->group};
    question.answer = marks_new(&answer, 1, run->plan->board->path, &error);
    if (!question.answer)
        return false;
    run->question = &question;
    if (!type_text(run, source->say))
        run_until(run, answer_came, NULL, clock_now_us() + (uint64_t)source->within_us);
    run->question = NULL;
    marks_free(question.answer);
    return question.came;
}

/* ---- the update client ---- */

static const char *text_in(const cJSON *object, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* The image that runs: the one called active, or the one in the first slot where none is. */
static const cJSON *active_image(const cJSON *images)
{
    const cJSON *image;
    cJSON_ArrayForEach(image, images)
    {
        if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(image, "active")))
            return image;
    }
    cJSON_ArrayForEach(image, images)
    {
        const cJSON *slot = cJSON_GetObjectItemCaseSensitive(image, "slot");
        if (cJSON_IsNumber(slot) && slot->valueint == 0)
            return image;
    }
    return NULL;
}

static bool ask_update(struct run *run, enum fact fact, const struct source *source, struct run_told *told)
{
    if (fact == FACT_ALIVE || fact == FACT_UP)
        return !run_update(
            run, &(struct update_job){.intent = UPDATE_PING, .deadline_us = (uint64_t)source->within_us});
    if (!rig_can(run->rig, UPDATE_CAN_STATE) ||
        run_update(run, &(struct update_job){.intent = UPDATE_STATE,
                                             .deadline_us = (uint64_t)run->plan->board->answer_ms * 1000}))
        return false;
    const cJSON *image = active_image(cJSON_GetObjectItemCaseSensitive(run->update.fields, "images"));
    const cJSON *confirmed = cJSON_GetObjectItemCaseSensitive(image, "confirmed");
    if (!image)
        return false;
    TAKE(told->version, text_in(image, "version"));
    TAKE(told->hash, text_in(image, "hash"));
    if (cJSON_IsBool(confirmed))
        run_take_flag(told->confirmed, cJSON_IsTrue(confirmed) ? "1" : "0");
    return true;
}

/* ---- the probe ---- */

int run_read_word(struct run *run, uint32_t address, uint32_t *word)
{
    const struct probe_job job = {.verb = PROBE_READ, .address = address, .len = 4};
    uint8_t bytes[4] = {0};
    if (!rig_probe(run->rig) || run_probe_once(run, &job))
        return -1;
    const char *hex = text_in(run->probe.fields, "hex");
    if (!hex || strlen(hex) != 8)
        return -1;
    for (int i = 0; i < 4; i++)
        sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
    *word = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return 0;
}

static bool ask_word(struct run *run, const struct source *source, struct run_told *told)
{
    uint32_t word;
    if (run_read_word(run, source->address, &word))
        return false;
    bool holds = (word & source->mask) == source->value;
    snprintf(told->value, sizeof told->value, "0x%08x", word);
    snprintf(told->confirmed, sizeof told->confirmed, "%d", holds);
    told->holds = holds;
    return true;
}

static bool print_of_file(const char *path, size_t len, char print[20])
{
    uint8_t *data = mem_alloc(len + 1), digest[32];
    FILE *file = fopen(path, "rb");
    bool whole = file && fread(data, 1, len, file) == len;
    if (file)
        fclose(file);
    SHA256(data, len, digest);
    free(data);
    for (int i = 0; i < 8; i++)
        snprintf(print + 2 * i, 3, "%02x", digest[i]);
    return whole;
}

static bool ask_storage(struct run *run, enum fact fact, struct run_told *told)
{
    const struct board_span *data = &run->plan->board->data;
    char *path = mem_printf("%s/asked.bin", run->folder);
    const char *name = NULL;
    bool done = false;
    if (!rig_probe(run->rig))
        done = false;
    else if (fact == FACT_IMAGE) {
        done = !run_slot_image(run, path, &name);
        told->stored = name ? image_find(run->plan->images, name) : NULL;
        told->holds = name != NULL;
    } else {
        const struct probe_job job = {
            .verb = PROBE_DUMP, .path = path, .address = data->address, .len = data->len};
        done = !run_probe_once(run, &job) && print_of_file(path, data->len, told->print);
    }
    remove(path);
    free(path);
    return done;
}

/* ---- a command of the user ---- */

struct call {
    struct run *run;
    bool over, stopped; /* the latter: by us */
    int status;
    char answer[2048];
    size_t len;
};

static void on_call_line(void *arg, int stream, const char *text, size_t len)
{
    struct call *call = arg;
    if (stream == 1 && call->len + len + 1 < sizeof call->answer) {
        memcpy(call->answer + call->len, text, len);
        call->len += len;
        call->answer[call->len++] = '\n';
        call->answer[call->len] = 0;
    }
}

static void on_call_ended(void *arg, int status, bool asked)
{
    struct call *call = arg;
    call->over = true;
    call->stopped = asked;
    call->status = status;
    event_put(&call->run->sink, EVENT_NOTE, "exec", "ended", NULL); /* wakes who waits */
}

#define HOST_LIMIT_US                                                                                        \
    60000000u /* on a rack's clock, which stands meanwhile: a busy computer takes its time */

static void on_call_limit(void *arg, uint64_t now_us)
{
    child_kill(arg);
}

static bool call_over(struct run *run, const void *arg)
{
    return ((const struct call *)arg)->over;
}

static void take_answer(const cJSON *answer, struct run_told *told)
{
    const cJSON *confirmed = cJSON_GetObjectItemCaseSensitive(answer, "confirmed");
    TAKE(told->version, text_in(answer, "version"));
    TAKE(told->hash, text_in(answer, "hash"));
    TAKE(told->state, text_in(answer, "state"));
    TAKE(told->print, text_in(answer, "print"));
    TAKE(told->report, text_in(answer, "report"));
    TAKE(told->boot_id, text_in(answer, "boot_id"));
    if (cJSON_IsBool(confirmed))
        run_take_flag(told->confirmed, cJSON_IsTrue(confirmed) ? "1" : "0");
    told->holds = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(answer, "holds"));
}

static bool ask_exec(struct run *run, const struct source *source, struct run_told *told)
{
    struct call call = {.run = run};
    struct error error = {0};
    char *place = mem_printf("OTARIG_PLACE=%s", run->rig->place->name);
    char *folder = mem_printf("OTARIG_CASE=%s", run->folder); /* where console.log grows */
    const char *environment[] = {place, folder, NULL};
    const struct child_spec spec = {
        .name = source->run[0], .argv = (const char *const *)source->run, .environment = environment};
    const struct child_events events = {.line = on_call_line, .ended = on_call_ended};
    struct child *child = child_start(run->loop, &spec, &events, &call, &error);
    free(place);
    free(folder);
    if (!child) {
        run_fail_rig(run, "%s", error.text);
        return false;
    }
    uint64_t within_us = (uint64_t)source->within_us;
    uint64_t limit_us = within_us > HOST_LIMIT_US ? within_us : HOST_LIMIT_US;
    struct loop_source *limit = loop_add_host_timer(
        run->loop, clock_is_virtual() ? clock_host_us() + limit_us : LOOP_NEVER, on_call_limit, child);
    loop_hold(run->loop);
    run_until(run, call_over, &call, clock_now_us() + within_us);
    loop_release(run->loop);
    loop_remove(limit);
    child_free(child);
    if (call.over && !call.stopped &&
        (!WIFEXITED(call.status) || exec_code_is_unable(WEXITSTATUS(call.status))))
        run_fail_rig(run, "source %s: %s %d", source->run[0],
                     WIFEXITED(call.status) ? "exit status" : "killed by signal",
                     WIFEXITED(call.status) ? WEXITSTATUS(call.status) : WTERMSIG(call.status));
    if (!call.over || !WIFEXITED(call.status) || WEXITSTATUS(call.status))
        return false;
    cJSON *answer = cJSON_Parse(call.answer);
    told->holds = true;
    if (cJSON_IsObject(answer))
        take_answer(answer, told);
    cJSON_Delete(answer);
    return true;
}

/* ---- the network ---- */

struct visit {
    struct run *run;
    bool over, told_all;
    bool silent; /* nobody there is an answer, too */
    const struct source_http *from;
    struct run_told *told;
};

/* false: the answer has no such thing. A pointer that is not asked for is not missed. */
static bool take_at(const struct visit *visit, const char *name, const struct http_answer *answer,
                    const char *pointer, char *to, size_t size)
{
    struct error error = {0};
    if (!pointer || !http_device_read(name, answer, pointer, to, size, &error))
        return true;
    run_note(visit->run, "%s", error.text);
    return false;
}

#define TAKE_AT(visit, name, answer, member)                                                                 \
    take_at(visit, name, answer, (visit)->from->member, (visit)->told->member, sizeof(visit)->told->member)

static void on_answer(void *arg, const char *name, const struct http_answer *answer,
                      const struct error *failed)
{
    struct visit *visit = arg;
    struct run_told *told = visit->told;
    char flag[16] = "", whole[4];
    visit->over = true;
    if (failed && !visit->silent)
        run_note(visit->run, "%s", failed->text);
    if (answer) {
        visit->told_all = answer->status >= 200 && answer->status <= 299 &&
                          TAKE_AT(visit, name, answer, version) && TAKE_AT(visit, name, answer, hash) &&
                          TAKE_AT(visit, name, answer, state) && TAKE_AT(visit, name, answer, print) &&
                          TAKE_AT(visit, name, answer, report) && TAKE_AT(visit, name, answer, boot_id) &&
                          TAKE_AT(visit, name, answer, value) &&
                          take_at(visit, name, answer, visit->from->confirmed, flag, sizeof flag);
        if (!visit->silent && (answer->status < 200 || answer->status > 299)) /* says which */
            take_at(visit, name, answer, "", whole, sizeof whole);
    }
    run_take_flag(told->confirmed, flag);
    event_put(&visit->run->sink, EVENT_NOTE, "http", visit->told_all ? "answered" : "failed", NULL);
}

static bool visit_over(struct run *run, const void *arg)
{
    return ((const struct visit *)arg)->over;
}

static bool ask_http(struct run *run, enum fact fact, const struct source *source, struct run_told *told)
{
    const struct source_http *from = source->http;
    const struct http_device device = {.url = "",
                                       .user = from->user,
                                       .password_from = from->password_from,
                                       .token_from = from->token_from,
                                       .ca_file = from->ca_file,
                                       .verify = from->verify};
    const struct http_word words[] = {{"{place}", run->rig->place->name}, {0}};
    struct error error = {0};
    uint64_t within_us = (uint64_t)source->within_us;
    uint64_t limit_us = clock_is_virtual() && within_us < HOST_LIMIT_US ? HOST_LIMIT_US : within_us;
    const struct http_wish wish = {.path = from->url, .words = words, .timeout_us = limit_us};
    struct visit visit = {
        .silent = fact == FACT_UP || fact == FACT_ALIVE, .run = run, .from = from, .told = told};
    struct http_talk *talk = http_device_begin(run->loop, &device, &wish, on_answer, &visit, &error);
    if (!talk) {
        run_fail_rig(run, "%s", error.text);
        return false;
    }
    loop_hold(run->loop);
    run_until(run, visit_over, &visit, clock_now_us() + within_us + ASK_AGAIN_US);
    loop_release(run->loop);
    http_talk_free(talk);
    take_equals(fact, source, told);
    return visit.over && visit.told_all && (told->holds || !visit.silent);
}

bool run_ask(struct run *run, enum fact fact, const struct source *source, struct run_told *told)
{
    *told = (struct run_told){.holds = true};
    if (run_broken(run))
        return false;
    switch (source->kind) {
    case SOURCE_ASK:
        if (!ask_console(run, source, told))
            return false;
        take_equals(fact, source, told);
        return true;
    case SOURCE_UPDATE:
        return ask_update(run, fact, source, told);
    case SOURCE_PROBE:
        return fact == FACT_ALIVE ? run_works(run) : ask_word(run, source, told);
    case SOURCE_STORAGE:
        return ask_storage(run, fact, told);
    case SOURCE_EXEC:
        return ask_exec(run, source, told);
    case SOURCE_HTTP:
        return ask_http(run, fact, source, told);
    default:
        return false;
    }
}

/* ---- what is known of this life ---- */

static void keep(char *known, size_t size, const char *told)
{
    if (!known[0])
        snprintf(known, size, "%s", told);
}

static void keep_told(struct run *run, enum fact fact, const struct source *source,
                      const struct run_told *told)
{
    struct run_seen *seen = &run->seen;
    if (fact == FACT_IMAGE) {
        keep(seen->version, sizeof seen->version, told->version);
        keep(seen->hash, sizeof seen->hash, told->hash);
        seen->stored = seen->stored ? seen->stored : told->stored;
        seen->image_from = source_name(source->kind);
    }
    if (told->version[0] && seen->version[0] && !image_version_is(told->version, seen->version))
        snprintf(seen->other, sizeof seen->other, "%s", told->version);
    if (fact == FACT_CONFIRMED && told->version[0] && !seen->other[0])
        keep(seen->hash, sizeof seen->hash, told->hash); /* of the same image, more exactly */
    if (fact == FACT_IMAGE || fact == FACT_CONFIRMED)
        keep(seen->confirmed, sizeof seen->confirmed, told->confirmed);
    if (fact == FACT_DATA) {
        if (!seen->data_print[0] && told->print[0])
            seen->data_from = source_name(source->kind);
        keep(seen->data, sizeof seen->data, told->state[0] ? told->state : "told");
        keep(seen->data_print, sizeof seen->data_print, told->print);
    }
    if (fact == FACT_REPORT)
        keep(seen->report, sizeof seen->report, told->report);
}

static bool is_known(struct run *run, enum fact fact)
{
    const struct run_seen *seen = &run->seen;
    switch (fact) {
    case FACT_IMAGE: /* told well enough to say which of the images it is */
        return strcmp(run_seen_image(run), "unknown") || seen->hash[0];
    case FACT_CONFIRMED:
        return seen->confirmed[0];
    case FACT_DATA:
        return seen->data[0];
    case FACT_REPORT:
        return seen->report[0];
    default:
        return true;
    }
}

/* Prints of two kinds of source are of different things: what the baseline's did not tell is not told. */
static bool is_of_baseline(const struct run *run, enum fact fact, const struct source *source)
{
    return fact != FACT_DATA || !run->data_from || !strcmp(run->data_from, source_name(source->kind));
}

void run_learn_fact(struct run *run, enum fact fact)
{
    const struct source *source;
    size_t index;
    for (size_t from = 0; !run_broken(run) && !is_known(run, fact) &&
                          (source = facts_next(run->plan->board, fact, run->rig->place, from, &index));
         from = index + 1) {
        struct run_told told;
        if (!source_is_passive(source) && is_of_baseline(run, fact, source) &&
            run_ask(run, fact, source, &told))
            keep_told(run, fact, source, &told);
    }
}

void run_learn(struct run *run)
{
    if (!run->seen.app_us || run->seen.learnt || run_broken(run))
        return;
    unsigned boots = run->seen.boots;
    run_learn_fact(run, FACT_IMAGE);
    run_learn_fact(run, FACT_CONFIRMED);
    run->seen.learnt = run->seen.boots == boots;
}

void run_await_confirmed(struct run *run)
{
    uint64_t until_us = clock_now_us() + run_recovery_us(run);
    if (run->plan->board->confirms != CONFIRMS_ITSELF)
        return;
    while (!run_broken(run) && strcmp(run->seen.confirmed, "1") && clock_now_us() < until_us) {
        run_until(run, NULL, NULL, clock_now_us() + ASK_AGAIN_US);
        if (facts_source(run->plan->board, FACT_CONFIRMED, SOURCE_MARK) == NULL)
            run->seen.confirmed[0] = 0; /* asked anew; a mark comes by itself */
        run_learn_fact(run, FACT_CONFIRMED);
    }
}

/* ---- waiting for the application ---- */

bool run_tells_up(const struct run *run)
{
    return facts_source(run->plan->board, FACT_UP, SOURCE_MARK) != NULL;
}

static bool app_is_up(struct run *run, const void *arg)
{
    return run->seen.app_us != 0;
}

/* Nobody says when it started: it is asked until it answers. */
static int poll_app(struct run *run, uint64_t deadline_us)
{
    while (!run_broken(run) && clock_now_us() < deadline_us) {
        const struct source *source;
        struct run_told told;
        size_t index;
        for (size_t from = 0; (source = facts_next(run->plan->board, FACT_UP, run->rig->place, from, &index));
             from = index + 1)
            if (!source_is_passive(source) && run_ask(run, FACT_UP, source, &told)) {
                run->seen.app_us = clock_now_us();
                run_recovery_app(run);
                return 0;
            }
        run_barred_look(run);
        run_until(run, NULL, NULL, clock_now_us() + ASK_AGAIN_US);
    }
    return -1;
}

static int wait_up(struct run *run, uint64_t deadline_us)
{
    if (run->seen.app_us)
        return 0;
    return run_tells_up(run) ? run_until(run, app_is_up, NULL, deadline_us) : poll_app(run, deadline_us);
}

int run_wait_app(struct run *run, uint64_t limit_us)
{
    if (wait_up(run, clock_now_us() + limit_us))
        return -1;
    run_learn(run);
    return run_broken(run) ? -1 : 0;
}

static bool another_start(struct run *run, const void *app_us)
{
    return run->seen.app_us != *(const uint64_t *)app_us;
}

int run_wait_image(struct run *run, const char *name, uint64_t limit_us)
{
    uint64_t deadline_us = clock_now_us() + limit_us;
    while (!wait_up(run, deadline_us)) {
        uint64_t app_us = run->seen.app_us;
        run_learn(run);
        if (!strcmp(run_seen_image(run), name))
            return 0;
        if (run_broken(run) || clock_now_us() >= deadline_us)
            return -1;
        uint64_t next_us = clock_now_us() + ASK_AGAIN_US;
        run_until(run, another_start, &app_us, run_tells_up(run) ? deadline_us : next_us);
        if (!run_tells_up(run))
            run->seen = (struct run_seen){.boots = run->seen.boots, .boot_us = run->seen.boot_us};
    }
    return -1;
}
