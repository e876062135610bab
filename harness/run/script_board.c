/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/run/script_board.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/run/run.h"
#include "harness/run/script_web.h"

#define SLOT_LEN 0x4000u
#define IMAGE_LEN 0x1000u
#define SLOT0 0x4000u
#define SLOT1 0x8000u
#define RECORD 0x3000u
#define CANARY 0x20000000u
#define BOOT_US 100000u
#define SWAP_US 1000000u
#define ANSWER_US 1000u
#define DELIVER_US 1000000u
#define LOOK_US 20000u

static struct board_model {
    struct script_faults faults;
    struct loop *loop;
    struct sink *console_sink, *update_sink, *probe_sink;
    struct loop_source *boot, *up, *answer, *done;
    struct sink *power_sink, *sense_sink;
    struct loop_source *told, *moved, *look;
    bool failed_once;
    unsigned after;       /* commands since then */
    bool wanted, looking; /* by the switch, by who senses */
    bool sensed;          /* the rail, when it was looked at last */
    uint64_t commanded_us, expected_us, until_us;
    struct link link;
    bool powered, running, hung, cut;
    int image, old, staged;    /* 1: v1 ...; 0: none */
    bool pending, trial, swap; /* staged is to run; image is on trial; swap under way */
    uint32_t record, ram;      /* the updater's record in flash; a word of RAM */
    unsigned lives, updates;
    struct update_job job;
    enum update_outcome outcome;
    bool silent;
    struct probe_job probe;
    uint8_t flash[0x10000];
} model;

static void say(const char *line)
{
    struct event event = {.kind = EVENT_INPUT,
                          .t_us = clock_now_us(),
                          .source = "console",
                          .what = "input",
                          .data = line,
                          .len = strlen(line),
                          .number = EVENT_NO_NUMBER};
    bool lost = model.faults.silent_once && model.cut;
    if (!lost)
        model.console_sink->put(model.console_sink, &event);
}

static void fill(int image)
{
    memset(model.flash + SLOT0, 0xff, SLOT_LEN);
    if (image)
        memset(model.flash + SLOT0, 0x10 + image, IMAGE_LEN);
    model.image = image;
}

/* ---- its lives ---- */

static void stop(void)
{
    loop_timer_set(model.boot, LOOP_NEVER);
    loop_timer_set(model.up, LOOP_NEVER);
    loop_timer_set(model.answer, LOOP_NEVER);
    model.running = false;
}

static void begin_life(bool cold)
{
    stop();
    if (cold)
        model.ram = 0xa5a5a5a5;
    if (model.faults.dead_after_cut && model.cut)
        return;
    model.lives++;
    model.hung = model.faults.hangs_after_cut && model.cut;
    loop_timer_set(model.boot, clock_now_us() + 1000);
}

static void on_boot(void *arg, uint64_t now_us)
{
    say("BOOT\r\n");
    uint64_t up_us = now_us + BOOT_US;
    if (model.trial && !model.swap && !model.faults.no_revert) { /* nobody confirmed it */
        model.staged = model.old;
        model.pending = model.swap = true;
    }
    if (model.pending || model.swap) {
        say("SWAP\r\n");
        model.swap = true;
        up_us += SWAP_US;
    }
    loop_timer_set(model.up, up_us);
}

static void end_swap(void)
{
    int old = model.image;
    bool revert = model.trial;
    fill(model.staged);
    if (model.faults.runs_half && !revert)
        memset(model.flash + SLOT0 + IMAGE_LEN / 2, 0xff, IMAGE_LEN / 2);
    model.old = old;
    model.trial = !revert;
    model.pending = model.swap = false;
}

static void on_up(void *arg, uint64_t now_us)
{
    char line[60];
    if (model.swap)
        end_swap();
    if (!model.image)
        return;
    snprintf(line, sizeof line, "JUMP version=%d.0.0\r\n", model.image);
    say(line);
    if (model.faults.fails_itself && model.image == 2) {
        say("FAILED\r\n");
        on_boot(NULL, now_us);
        return;
    }
    model.running = true;
    snprintf(line, sizeof line, "UP version=%d.0.0 data=%s\r\n",
             model.image + (model.faults.other_version ? 4 : 0),
             model.faults.data_replaced && model.lives > 3 ? "0badbad0" : "12345678");
    say(line);
    model.cut = false;
}

/* ---- power ---- */

static void move_rail(bool on)
{
    if (on == model.powered || (!on && model.faults.relay_stuck && model.updates))
        return;
    model.powered = on;
    if (on)
        begin_life(true);
    else
        stop();
    model.cut |= !on && model.updates; /* those of the baseline are no faults */
}

static int set_power(void *self, bool on, struct power_report *report, struct error *error)
{
    *report = (struct power_report){clock_now_us(), clock_now_us(), true};
    move_rail(on);
    return 0;
}

/* ---- a switch that takes its time ---- */

static void on_moved(void *arg, uint64_t now_us)
{
    if (!model.faults.switch_moves_nothing || !model.updates)
        move_rail(model.wanted);
}

static void on_told(void *arg, uint64_t now_us)
{
    cJSON *fields = cJSON_CreateObject();
    if (!model.faults.switch_moves_us)
        on_moved(NULL, now_us);
    if (model.faults.switch_dies && model.updates) {
        cJSON_Delete(fields);
        event_put(model.power_sink, EVENT_RIG, "power", "switch", "script: no answer");
        return;
    }
    bool mute = model.faults.switch_mute_once;
    if ((mute || model.faults.switch_dies_once) && model.updates && !model.failed_once) {
        cJSON_Delete(fields);
        model.failed_once = true;
        if (!mute)
            event_put(model.power_sink, EVENT_RIG, "power", "switch", "script: no answer");
        return;
    }
    cJSON_AddNumberToObject(fields, "commanded_us", (double)model.commanded_us);
    cJSON_AddNumberToObject(fields, "acted_us", (double)now_us);
    cJSON_AddBoolToObject(fields, "verified", false);
    event_put_full(model.power_sink, EVENT_POWER, "power", "acted", model.wanted ? "on" : "off",
                   EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

static int start_power(void *self, bool on, struct power_report *report, struct error *error)
{
    *report = (struct power_report){.commanded_us = clock_now_us()};
    model.after += model.failed_once;
    model.wanted = on;
    model.commanded_us = report->commanded_us;
    loop_timer_set(model.told, report->commanded_us + model.faults.switch_tells_us);
    if (model.faults.switch_moves_us)
        loop_timer_set(model.moved, report->commanded_us + model.faults.switch_moves_us);
    return 0;
}

static uint64_t switch_latency_us(const void *config)
{
    return SWITCH_LATENCY_US;
}

/* ---- who senses the rail ---- */

static void on_look(void *arg, uint64_t now_us)
{
    if (model.powered != model.looking) {
        if (now_us >= model.until_us)
            event_put(model.sense_sink, EVENT_RIG, "sense", "rail", "script: the rail did not follow");
        else
            loop_timer_set(model.look, now_us + LOOK_US);
        return;
    }
    model.sensed = model.looking;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "commanded_us", (double)model.expected_us);
    cJSON_AddNumberToObject(fields, "achieved_us", (double)now_us);
    cJSON_AddNumberToObject(fields, "within_us", LOOK_US);
    event_put_full(model.sense_sink, EVENT_POWER, "sense", "edge", model.looking ? "on" : "off",
                   EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

static int expect_rail(void *self, bool on, uint64_t commanded_us, uint64_t until_us, struct error *error)
{
    bool again = model.expected_us == commanded_us;
    model.until_us = until_us;
    model.expected_us = commanded_us;
    model.looking = on;
    if (!again)
        loop_timer_set(model.look, model.sensed == on ? LOOP_NEVER : clock_now_us() + LOOK_US);
    return 0;
}

static uint64_t look_us(const void *config)
{
    return 100000;
}

static const struct sense_ops sense_ops = {.expect = expect_rail, .sense_us = look_us};

static int get_power(void *self, bool *on, struct error *error)
{
    *on = model.powered;
    return 0;
}

static const struct power_ops power_ops = {.set = set_power, .get = get_power};
static const struct power_ops slow_ops = {
    .start = start_power, .get = get_power, .latency_us = switch_latency_us};

/* ---- console ---- */

static int write_console(void *self, const void *data, size_t len, struct error *error)
{
    return 0;
}

static int send_link(struct link *link, const void *data, size_t len, struct error *error)
{
    return 0;
}

static struct link *get_link(void *self)
{
    model.link.send = send_link;
    return &model.link;
}

static const struct console_ops console_ops = {.write = write_console, .link = get_link};

/* ---- update client ---- */

static unsigned abilities(const void *config)
{
    if (model.faults.delivery_starts)
        return UPDATE_CAN_STATE | UPDATE_CAN_CONFIRM | UPDATE_BOARD_ANSWERS;
    return UPDATE_CAN_STATE | UPDATE_CAN_ACTIVATE | UPDATE_CAN_TRIAL | UPDATE_CAN_CONFIRM |
           UPDATE_CAN_RESTART | UPDATE_BOARD_ANSWERS;
}

static cJSON *state_fields(void)
{
    char version[16];
    cJSON *fields = cJSON_CreateObject(), *one = cJSON_CreateObject();
    snprintf(version, sizeof version, "%d.0.0", model.image);
    cJSON_AddNumberToObject(one, "slot", 0);
    cJSON_AddStringToObject(one, "version", version);
    cJSON_AddBoolToObject(one, "active", true);
    cJSON_AddBoolToObject(one, "confirmed", !model.trial);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(fields, "images"), one);
    return fields;
}

static void confirm(void)
{
    bool lost = model.faults.loses_second_confirm && model.record % 2;
    model.record++;
    memcpy(model.flash + RECORD, &model.record, sizeof model.record);
    model.trial = lost ? model.trial : false;
}

static void store(void)
{
    memset(model.flash + SLOT1, 0xff, SLOT_LEN);
    memset(model.flash + SLOT1, 0x10 + model.staged, IMAGE_LEN - (model.faults.leaves_hole ? 256 : 0));
}

static void on_answer(void *arg, uint64_t now_us)
{
    enum update_intent intent = model.job.intent;
    if (model.silent) {
        update_put_end(model.update_sink, "update", intent, UPDATE_SILENT, "timeout", "no answer", NULL);
        return;
    }
    if (intent == UPDATE_DELIVER && model.faults.refuses && model.staged == 2) {
        update_put_end(model.update_sink, "update", intent, UPDATE_REFUSED, "no", "refused", NULL);
        return;
    }
    bool starts = model.faults.delivery_starts && intent == UPDATE_DELIVER;
    if (intent == UPDATE_ACTIVATE || starts)
        model.pending = true;
    if (intent == UPDATE_CONFIRM)
        confirm();
    if (intent == UPDATE_DELIVER)
        store();
    model.updates += intent == UPDATE_DELIVER;
    update_put_end(model.update_sink, "update", intent, UPDATE_DONE, NULL, NULL,
                   intent == UPDATE_STATE ? state_fields() : NULL);
    if (intent == UPDATE_RESTART || starts)
        begin_life(false);
}

static bool is_deaf(enum update_intent intent)
{
    if (intent == UPDATE_PING && model.faults.deaf_pings) {
        model.faults.deaf_pings--;
        return true;
    }
    bool dead = model.faults.updater_dead && model.updates;
    return dead && intent == UPDATE_DELIVER;
}

static uint64_t deliver_us(void)
{
    return model.faults.deliver_us ? model.faults.deliver_us : DELIVER_US;
}

static int start_update(void *self, const struct update_job *job, struct error *error)
{
    model.job = *job;
    model.silent = !model.running || model.hung || is_deaf(job->intent);
    uint64_t limit_us = job->deadline_us ? job->deadline_us : 5000000;
    if (job->intent == UPDATE_DELIVER && !model.silent)
        sscanf(strrchr(job->path, '/'), "/v%d.bin", &model.staged);
    loop_timer_set(model.answer, clock_now_us() + (model.silent                    ? limit_us
                                                   : job->intent == UPDATE_DELIVER ? deliver_us()
                                                                                   : ANSWER_US));
    return 0;
}

static void cancel_update(void *self)
{
    loop_timer_set(model.answer, LOOP_NEVER);
    update_put_end(model.update_sink, "update", model.job.intent, UPDATE_CANCELLED, "cancelled", "", NULL);
}

static const struct update_ops update_ops = {
    .start = start_update, .cancel = cancel_update, .abilities = abilities};

/* ---- probe ---- */

static void take_flash(uint32_t address)
{
    if (address == SLOT0)
        fill(model.flash[SLOT0] >= 0x11 && model.flash[SLOT0] <= 0x13 ? model.flash[SLOT0] - 0x10 : 0);
    if (address == RECORD)
        memcpy(&model.record, model.flash + RECORD, sizeof model.record);
    model.trial = model.pending = model.swap = false;
}

static bool read_file(const char *path, uint8_t *out)
{
    FILE *file = fopen(path, "rb");
    size_t len = file ? fread(out, 1, SLOT_LEN, file) : 0;
    if (file)
        fclose(file);
    return len > 0;
}

static bool write_file(const char *path, const uint8_t *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    bool ok = file && fwrite(data, 1, len, file) == len;
    if (file)
        fclose(file);
    return ok;
}

static cJSON *word_fields(uint32_t word)
{
    char hex[9];
    cJSON *fields = cJSON_CreateObject();
    for (int i = 0; i < 4; i++)
        snprintf(hex + 2 * i, 3, "%02x", (word >> (8 * i)) & 0xff);
    cJSON_AddStringToObject(fields, "hex", hex);
    return fields;
}

static bool do_probe(const struct probe_job *job, cJSON **fields)
{
    switch (job->verb) {
    case PROBE_ERASE_ALL:
        memset(model.flash, 0xff, sizeof model.flash);
        model.record = model.updates = model.lives = 0;
        model.cut = model.hung = false; /* a board like new */
        take_flash(SLOT0);
        return true;
    case PROBE_PROGRAM:
        if (!read_file(job->path, model.flash + job->address))
            return false;
        take_flash(job->address);
        return true;
    case PROBE_ERASE:
        memset(model.flash + job->address, 0xff, job->len);
        return true;
    case PROBE_DUMP:
        return write_file(job->path, model.flash + job->address, job->len);
    case PROBE_WRITE:
        model.ram = job->value;
        return model.powered;
    case PROBE_READ:
        *fields = word_fields(model.ram);
        return model.powered;
    case PROBE_SAMPLE:
        *fields = cJSON_CreateObject();
        cJSON_AddNumberToObject(*fields, "pc", SLOT0 + 0x100);
        cJSON_AddBoolToObject(*fields, "asleep", model.running && !model.hung);
        return model.powered;
    default:
        return true;
    }
}

static void on_done(void *arg, uint64_t now_us)
{
    cJSON *fields = NULL;
    bool ok = do_probe(&model.probe, &fields);
    event_put_full(model.probe_sink, EVENT_PROBE, "probe", ok ? "done" : "failed",
                   probe_verb_name(model.probe.verb), EVENT_NO_NUMBER, fields);
    cJSON_Delete(fields);
}

static int start_probe(void *self, const struct probe_job *job, struct error *error)
{
    model.probe = *job;
    loop_timer_set(model.done, clock_now_us() + ANSWER_US);
    return 0;
}

static void cancel_probe(void *self)
{
    loop_timer_set(model.done, LOOP_NEVER);
}

static void tell_probe(void *self, bool on)
{
}

static int revive_probe(void *self, unsigned rung, struct error *error)
{
    return 0;
}

static const struct probe_ops probe_ops = {
    .start = start_probe, .cancel = cancel_probe, .power = tell_probe, .revive = revive_probe};

/* ---- the network ---- */

/* Asked only while the case waits for the answer. */
static bool tell_web(void *arg, char *text, size_t size)
{
    snprintf(text, size,
             "{\"fw\":[{\"version\":\"%d.0.0\",\"confirmed\":%s}],\"boot\":\"life-%u\",\"data\":{\"print\":"
             "\"%s\"}}",
             model.image, model.trial ? "false" : "true", model.lives,
             model.faults.data_replaced && model.lives > 3 ? "0badbad0" : "12345678");
    char *data = strstr(text, ",\"data\"");
    if (data && model.lives == model.faults.data_untold_in)
        strcpy(data, "}");
    return model.running && !model.hung;
}

/* ---- the place ---- */

static int open_power(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    model.power_sink = env->sink;
    *self = &model;
    return 0;
}

static int open_console(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    model.console_sink = env->sink;
    *self = &model;
    return 0;
}

static int open_probe(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    model.probe_sink = env->sink;
    *self = &model;
    return 0;
}

static int open_update(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    model.update_sink = env->sink;
    *self = &model;
    return 0;
}

static int open_sense(const struct driver_env *env, const void *config, void **self, struct error *error)
{
    model.sense_sink = env->sink;
    *self = &model;
    return 0;
}

static void close_nothing(void *self)
{
}

static const struct driver slow_switch = {
    .name = "script", .open = open_power, .close = close_nothing, .power = &slow_ops};
static const struct driver drivers[RACK_ROLES] = {
    [RACK_SENSE] = {.name = "script", .open = open_sense, .close = close_nothing, .sense = &sense_ops},
    [RACK_POWER] = {.name = "script", .open = open_power, .close = close_nothing, .power = &power_ops},
    [RACK_CONSOLE] = {.name = "script",
                      .open = open_console,
                      .close = close_nothing,
                      .console = &console_ops},
    [RACK_PROBE] = {.name = "script", .open = open_probe, .close = close_nothing, .probe = &probe_ops},
    [RACK_UPDATE] = {.name = "script", .open = open_update, .close = close_nothing, .update = &update_ops}};

static void write_text(const char *folder, const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", folder, name);
    cr_assert(write_file(path, (const uint8_t *)text, strlen(text)));
    free(path);
}

static void make_images(const char *folder)
{
    uint8_t data[IMAGE_LEN];
    for (int i = 1; i <= 3; i++) {
        char *path = mem_printf("%s/v%d.bin", folder, i);
        memset(data, 0x10 + i, sizeof data);
        cr_assert(write_file(path, data, sizeof data));
        free(path);
    }
    write_text(folder, "manifest.json",
               "{\"schema_version\":1,\"variant\":\"script\",\"images\":{"
               "\"v1\":{\"file\":\"v1.bin\",\"version\":\"1.0.0\"},\"v2\":{\"file\":\"v2.bin\",\"version\":"
               "\"2.0.0\"},"
               "\"v3\":{\"file\":\"v3.bin\",\"version\":\"3.0.0\"}}}");
}

static void make_board(struct loop *loop, const struct script_faults *faults)
{
    model = (struct board_model){.faults = *faults, .loop = loop};
    memset(model.flash, 0xff, sizeof model.flash);
    fill(1);
    model.boot = loop_add_timer(loop, LOOP_NEVER, on_boot, NULL);
    model.up = loop_add_timer(loop, LOOP_NEVER, on_up, NULL);
    model.answer = loop_add_timer(loop, LOOP_NEVER, on_answer, NULL);
    model.done = loop_add_timer(loop, LOOP_NEVER, on_done, NULL);
    model.told = loop_add_timer(loop, LOOP_NEVER, on_told, NULL);
    model.moved = loop_add_timer(loop, LOOP_NEVER, on_moved, NULL);
    model.look = loop_add_timer(loop, LOOP_NEVER, on_look, NULL);
}

/* Time stands while anything runs, and jumps to the next thing that anybody waits for. */
static void turn(struct loop *loop, uint64_t *now_ns, const struct run *run)
{
    struct error error = {0};
    while (!run->finished) {
        if (loop_turn(loop, 0, &error) > 0 || loop_fire_due(loop))
            continue;
        if (loop_held(loop)) { /* for an answer from outside */
            cr_assert(loop_turn(loop, 60000000, &error) > 0, "no answer comes");
            continue;
        }
        uint64_t next_us = loop_next_us(loop);
        cr_assert_neq(next_us, LOOP_NEVER, "the case waits for nothing");
        *now_ns = next_us * 1000 > *now_ns ? next_us * 1000 : *now_ns;
    }
    while (loop_turn(loop, 0, &error) > 0)
        ;
}

static void run_plan(struct plan *plan, unsigned roles, const char *folder,
                     const struct script_faults *faults, struct script_result *result)
{
    static uint64_t now_ns = 1000000000;
    struct error error = {0};
    struct rig rig;
    struct loop *loop = loop_new();
    struct rack_place place = {.name = "p1", .board = plan->board->name};
    clock_follow(&now_ns);
    loop_keep_clock(loop);
    for (int role = 0; role < RACK_ROLES; role++)
        place.devices[role].driver = roles & 1u << role ? &drivers[role] : NULL;
    if (faults->switch_tells_us)
        place.devices[RACK_POWER].driver = &slow_switch;
    make_board(loop, faults);
    cr_assert_eq(rig_open(&rig, loop, &place, folder, 1, &error), 0, "%s", error.text);
    plan_fit(plan, &place);
    struct run *run = run_begin(loop, plan, &rig, folder, &error);
    cr_assert(run, "%s", error.text);
    uint64_t begin_ns = now_ns;
    turn(loop, &now_ns, run);
    result->took_us = (now_ns - begin_ns) / 1000;
    cr_assert_eq(run_free(run, &error), 0, "%s", error.text);
    rig_close(&rig);
    loop_free(loop);
    clock_follow(NULL);
    result->lives = model.lives;
    result->after = model.after;
}

void script_run(const char *board_json, const char *scenario_json, unsigned roles,
                const struct script_faults *faults, struct script_result *result)
{
    char folder[] = "/tmp/otarig-script.XXXXXX", command[80];
    struct error error = {0};
    struct board board;
    struct image_set images;
    struct plan_file file;
    struct plan plan;
    cr_assert(mkdtemp(folder));
    make_images(folder);
    struct script_web web;
    char *board_text = script_web_start(&web, board_json, tell_web, NULL);
    write_text(folder, "board.json", board_text);
    write_text(folder, "scenario.json", scenario_json);
    char *board_path = mem_printf("%s/board.json", folder),
         *scenario_path = mem_printf("%s/scenario.json", folder),
         *journal = mem_printf("%s/journal.jsonl", folder);
    cr_assert_eq(board_load(board_path, &board, &error), 0, "%s", error.text);
    cr_assert_eq(image_set_load(folder, &images, &error), 0, "%s", error.text);
    cr_assert_eq(plan_file_load(scenario_path, NULL, 1, &file, &error), 0, "%s", error.text);
    cr_assert_eq(plan_build(&file, 0, &board, &images, &plan, &error), 0, "%s", error.text);
    cr_assert_eq(plan.unfit_count, 0, "%s", plan.unfit[0]);
    run_plan(&plan, roles, folder, faults, result);
    cr_assert_eq(verdict_of_journal(journal, &result->verdict, NULL, &error), 0, "%s", error.text);
    if (getenv("OTARIG_SCRIPT_SHOW")) {
        snprintf(command, sizeof command, "cat %s/journal.jsonl >&2", folder);
        cr_assert_eq(system(command), 0);
    }
    plan_release(&plan);
    plan_file_release(&file);
    image_set_release(&images);
    board_release(&board);
    script_web_stop(&web);
    free(board_text);
    free(board_path);
    free(scenario_path);
    free(journal);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}
