/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Before and after: the healthy board a case begins with, and what is looked at once the fault is over. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/base/clock.h"
#include "harness/run/run.h"

#define SLOW_BOOT_MS 500 /* of jitter, beside a board whose boot takes next to no time */

/* By its hash, or by its version where only one image has it, or by the bytes in the running slot. */
const char *run_seen_image(const struct run *run)
{
    const struct run_seen *seen = &run->seen;
    const struct image *image = seen->hash[0]  ? image_by_hash(run->plan->images, seen->hash)
                                : seen->stored ? seen->stored
                                               : image_by_version(run->plan->images, seen->version);
    return image ? image->name : "unknown";
}

void run_observe_boot(struct run *run, int cycle, uint64_t from_us, bool up)
{
    cJSON *fields = cJSON_CreateObject();
    uint64_t until_us = up ? run->seen.app_us : clock_now_us();
    cJSON_AddNumberToObject(fields, "cycle", cycle);
    cJSON_AddStringToObject(fields, "phase", run->phase);
    cJSON_AddStringToObject(fields, "version", run->seen.version);
    cJSON_AddStringToObject(fields, "hash", run->seen.hash);
    cJSON_AddStringToObject(fields, "confirmed", run->seen.confirmed);
    if (run->seen.image_from)
        cJSON_AddStringToObject(fields, "from", run->seen.image_from);
    run_observe(run, "boot", up ? run_seen_image(run) : "none", (int64_t)(until_us - from_us) / 1000, fields);
}

uint64_t run_answer_us(const struct run *run)
{
    return (uint64_t)run->plan->board->answer_ms * 1000;
}

uint64_t run_off_us(const struct run *run)
{
    return (uint64_t)run->plan->board->off_ms * 1000;
}

bool run_judges(const struct run *run, const char *clause)
{
    return scenario_judges(&run->plan->scenario, clause);
}

/* What the sources say of one image must fit together, and the image set. A line may be garbled: told twice.
 */
void run_check_told(struct run *run)
{
    const struct run_seen *seen = &run->seen;
    const struct image *image = image_find(run->plan->images, run_seen_image(run));
    char what[160] = "";
    if (image && seen->version[0] && image->version && !image_version_is(seen->version, image->version))
        snprintf(what, sizeof what, "it calls itself version %s, but '%s' is %s", seen->version, image->name,
                 image->version);
    if (seen->other[0])
        snprintf(what, sizeof what, "one source tells version %s, another one %s", seen->version,
                 seen->other);
    if (image && seen->stored && seen->stored != image)
        snprintf(what, sizeof what, "it says '%s', but its slot holds the bytes of '%s'", image->name,
                 seen->stored->name);
    if (!what[0] || !run_is_judged(run))
        return;
    run_observe(run, "contradiction", what, ++run->contradictions, NULL);
    run_witness(run, run->contradictions > 1, "G2", "%s (told %s)", what,
                run->contradictions > 1 ? "again" : "once");
}

/* ---- baseline ---- */

static int program_one(struct run *run, const char *name)
{
    const struct board *board = run->plan->board;
    bool start = !strcmp(name, BOARD_START);
    const struct image *image = image_find(run->plan->images, start ? run->plan->scenario.start : name);
    uint32_t address;
    if (!image || !board_where(board, name, &address)) {
        run_fail_rig(run, "%s: $.initial: '%s' is no image with an address", board->path, name);
        return -1;
    }
    const struct probe_job job = {
        .verb = PROBE_PROGRAM, .path = image->file, .address = address, .blank = true};
    return run_probe(run, &job);
}

static int program_all(struct run *run)
{
    if (!rig_probe(run->rig) || !run->plan->board->initial)
        return run_restore(run);
    if (run_probe(run, &(struct probe_job){.verb = PROBE_ERASE_ALL}))
        return -1;
    for (char **name = run->plan->board->initial; *name; name++)
        if (program_one(run, *name))
            return -1;
    return 0;
}

/* Console and probe must be wires of one and the same board. */
static int check_identity(struct run *run)
{
    const struct board *board = run->plan->board;
    char hex[40] = "";
    if (!board->device_id_len || !run->seen.id[0])
        return 0;
    const struct probe_job job = {
        .verb = PROBE_READ, .address = board->device_id_address, .len = board->device_id_len};
    if (run_probe(run, &job))
        return -1;
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(run->probe.fields, "hex");
    snprintf(hex, sizeof hex, "%s", cJSON_IsString(found) ? found->valuestring : "");
    /* the board prints the words in order of address as one little-endian number */
    char reversed[40] = "";
    size_t bytes = strlen(hex) / 2;
    for (size_t i = 0; i < bytes; i++)
        memcpy(reversed + 2 * i, hex + 2 * (bytes - 1 - i), 2);
    if (!strcasecmp(reversed, run->seen.id) || !strcasecmp(hex, run->seen.id))
        return 0;
    run_fail_rig(run,
                 "console and probe belong to different boards: the console says id %s, the probe reads %s",
                 run->seen.id, reversed);
    return -1;
}

/* A board that cannot tell is refused where power is cut; elsewhere nothing rests on it. */
static bool proves_power(const struct run *run)
{
    size_t index;
    return facts_next(run->plan->board, FACT_COLD, run->rig->place, 0, &index) != NULL;
}

static int check_start(struct run *run, const char *phase)
{
    const struct run_seen *seen = &run->seen;
    if (!strcmp(run_seen_image(run), run->plan->scenario.start))
        return 0;
    if (!seen->hash[0] && !seen->version[0] && !seen->stored)
        run_fail_rig(run,
                     "%s: '%s' was written and something runs, but nothing tells which image it is: see the "
                     "table of `otarig doctor`",
                     phase, run->plan->scenario.start);
    else
        run_fail_rig(run,
                     "%s: '%s' was written but '%s' (version %s, hash %s, told by %s) runs: are the wires of "
                     "this place "
                     "on different boards, or is the manifest that of another build?",
                     phase, run->plan->scenario.start, run_seen_image(run),
                     seen->version[0] ? seen->version : "unknown", seen->hash[0] ? seen->hash : "unknown",
                     seen->image_from ? seen->image_from : "the storage");
    return -1;
}

/* Of a board that only numbers its lives, the first one after its flash was written can be compared with
 * none: the next cold start proves the switch. */
static bool proven_or_first(struct run *run, bool first, char *why, size_t size)
{
    run->first_life = false;
    enum run_cold cold = run_lost_power(run, true, why, size);
    return cold == RUN_COLD_YES || (first && cold == RUN_COLD_UNKNOWN && run->first_life);
}

static int cold_start(struct run *run, const char *phase, bool first)
{
    uint64_t limit_us = (uint64_t)run->plan->board->boot_ms * 1000;
    char why[200];
    if (run_cold_begin(run) || run_power_cycle(run, run_off_us(run)))
        return -1;
    if (run_wait_app(run, limit_us)) {
        if (!run_broken(run))
            run_fail_rig(
                run,
                run->seen.boots
                    ? "%s: the board boots (its console talks) but the application does not start "
                      "from a freshly written flash"
                : run_tells_up(run)
                    ? "%s: no line on the console after power-up with a freshly written flash: check "
                      "the console cable, its baud rate and the power relay"
                    : "%s: nothing answers after power-up with a freshly written flash: check the wires over "
                      "which the board is asked (`otarig doctor`), its baud rate and the power relay",
                phase);
        return -1;
    }
    if (proves_power(run) && !proven_or_first(run, first, why, sizeof why)) {
        if (!run_broken(run))
            run_fail_rig(run,
                         "%s: the relay was switched off and on, but the board did not lose power: %s%s%s",
                         phase, why, run->seen.reset[0] ? ", reset reason 0x" : "", run->seen.reset);
        return -1;
    }
    return check_start(run, phase);
}

static bool data_told(struct run *run, const void *arg)
{
    return run->seen.data[0] != 0;
}

/* false: nobody told. A print of the storage is taken once the start-up work of the application is over. */
static bool hear_of_data(struct run *run)
{
    uint64_t until_us = clock_now_us() + (uint64_t)run->plan->board->first_run_ms * 1000;
    bool tells = facts_source(run->plan->board, FACT_DATA, SOURCE_MARK) != NULL;
    run_until(run, tells ? data_told : NULL, NULL, until_us);
    run_learn_fact(run, FACT_DATA);
    return data_told(run, NULL);
}

/* What the console shows is one wire of two. */
static int check_answer(struct run *run, const char *phase)
{
    bool answers = rig_can(run->rig, UPDATE_BOARD_ANSWERS);
    uint64_t deadline_us = clock_now_us() + run_recovery_us(run);
    if (!answers)
        run_look_at_healthy(run); /* nothing else will tell whether it lives */
    if (!answers || !plan_updates(run->plan))
        return run_broken(run) ? -1 : 0;
    while (!run_broken(run) && clock_now_us() < deadline_us)
        if (run_answers(run, run_answer_us(run)))
            return 0;
    if (!run_broken(run))
        run_fail_rig(run,
                     "%s: the board starts from a freshly written flash, but does not answer (%s): check the "
                     "wire on which it hears the console",
                     phase, run->update.reason);
    return -1;
}

int run_baseline(struct run *run, const char *phase)
{
    const char *before = run->phase;
    run->phase = phase;
    int result = -1;
    /* the probe works on a powered board; a cold start makes it the same whatever was before */
    if (run_power_cycle(run, run_off_us(run)) || run_sleep(run, 50000) || program_all(run) ||
        cold_start(run, phase, true) || check_identity(run))
        goto out;
    /* user data are made at the first start; from the second on they must be there */
    hear_of_data(run);
    if (run_broken(run) || cold_start(run, phase, false))
        goto out;
    if (run->seen.app_us > run->on_us)
        run->baseline_boot_ms = (int64_t)(run->seen.app_us - run->on_us) / 1000;
    hear_of_data(run);
    snprintf(run->data_print, sizeof run->data_print, "%s", run->seen.data_print);
    run->data_from = run->seen.data_from;
    result = run_broken(run) || check_answer(run, phase) ? -1 : 0;
out:
    if (!run->interrupted && !strcmp(phase, "baseline"))
        run_observe(run, "baseline", result ? "failed" : "ok",
                    run->baseline_boot_ms ? run->baseline_boot_ms : EVENT_NO_NUMBER, NULL);
    run->phase = before;
    return result;
}

/* ---- settling ---- */

/* "ok" or "migrated" but for a quarter of its letters. */
static bool nearly_good(const char *state)
{
    static const char *const good[] = {"ok", "migrated"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t len = strlen(good[i]), wrong = 0;
        for (size_t k = 0; strlen(state) == len && k < len; k++)
            wrong += state[k] != good[i][k];
        if (wrong && wrong <= (len + 3) / 4)
            return true;
    }
    return false;
}

/* A print that the board tells and one of the bytes in its flash are not of the same kind. */
static bool comparable(const struct run *run)
{
    return run->data_print[0] && run->seen.data_print[0] && run->data_from == run->seen.data_from;
}

/* Data that are not those of the baseline, whatever the board calls them. A line may be garbled: told twice.
 */
static bool observe_replaced(struct run *run)
{
    const char *print = run->seen.data_print;
    if (!comparable(run) || !strcmp(print, run->data_print))
        return false;
    bool again = run->replaced++ > 0;
    run_observe(run, "data", "replaced", EVENT_NO_NUMBER, NULL);
    run_witness(run, again, "G5", "the board's data are %s where they were %s before, %s", print,
                run->data_print, again ? "twice" : "once");
    return true;
}

static bool is_intact(const struct run *run, const char *state)
{
    const struct source *source = facts_source(run->plan->board, FACT_DATA, SOURCE_MARK);
    source = source ? source : facts_source(run->plan->board, FACT_DATA, SOURCE_ASK);
    for (char **word = source ? source->intact : NULL; word && *word; word++)
        if (!strcmp(*word, state))
            return true;
    return !strcmp(state, "ok");
}

/* A word that nobody has explained, beside contents that are those of before, says nothing bad; one that does
 * is believed. */
static bool is_unchanged(const struct run *run)
{
    static const char *const bad[] = {"lost", "corrupt", "bad", "missing", "failed", "error", "none"};
    const char *print = run->seen.data_print;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!strcasecmp(run->seen.data, bad[i]))
            return false;
    return comparable(run) && !strcmp(print, run->data_print);
}

void run_observe_data(struct run *run)
{
    const char *state = run->seen.data;
    if (observe_replaced(run))
        return;
    bool unchanged = is_unchanged(run);
    if (!unchanged && nearly_good(state))
        run_witness(run, false, "G5", "the console told the state of the data as '%s'", state);
    run_observe(run, "data",
                !strcmp(state, "migrated")           ? "migrated"
                : is_intact(run, state) || unchanged ? "intact"
                                                     : "lost",
                EVENT_NO_NUMBER, NULL);
}

/* A board that says nothing of its data, twice, has lost them, and so has one that tells of others twice. */
void run_await_data(struct run *run)
{
    bool marked = facts_source(run->plan->board, FACT_DATA, SOURCE_MARK) != NULL;
    if (!run_judges(run, "G5"))
        return;
    bool told = hear_of_data(run);
    if (told && !marked)
        run_observe_data(run);
    if (run_broken(run) || (told && run->replaced != 1))
        return;
    if (!told)
        run_observe_data(run);
    uint64_t limit_us = run_recovery_us(run);
    if (run_power_cycle(run, run_off_us(run)) || run_wait_app(run, limit_us)) {
        if (!run_broken(run))
            run_witness_silence(run, "G5", "G5");
        return;
    }
    bool told_now = hear_of_data(run);
    if (told_now && !marked)
        run_observe_data(run);
    if (told_now && !told)
        run_witness(run, false, "G5", "nothing was told of the data once, and it was in the next life");
}

static bool report_told(struct run *run, const void *arg)
{
    return run->seen.report[0] != 0;
}

static void observe_running(struct run *run, int settled, bool stable)
{
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddStringToObject(fields, "version", run->seen.version);
    cJSON_AddStringToObject(fields, "hash", run->seen.hash);
    cJSON_AddStringToObject(fields, "confirmed", run->seen.confirmed);
    if (run->seen.image_from)
        cJSON_AddStringToObject(fields, "from", run->seen.image_from);
    run_observe(run, "running", run_seen_image(run), EVENT_NO_NUMBER, fields);
    run_observe(run, "settled", stable ? "yes" : "no", settled, NULL);
}

/* A line at a wrong time may be the rig's; it must happen again. */
void run_observe_restart(struct run *run)
{
    run_observe(run, "restart", NULL, ++run->restarts, NULL);
    if (run->restarts == 1)
        run_witness(run, false, "G3", "it started again by itself only once");
    else if (run->restarts == 2)
        run_witness(run, true, "G3", "it started again by itself, and again");
}

static bool restarted(struct run *run, const void *arg)
{
    return run->restarts >= *(const unsigned *)arg;
}

void run_await_restart(struct run *run, uint64_t until_us)
{
    static const unsigned once = 1, twice = 2;
    if (run->calm)
        run_until(run, restarted, &once, until_us);
    if (run->restarts == 1 && run->calm)
        run_until(run, restarted, &twice, clock_now_us() + run_recovery_us(run));
}

struct life {
    bool up;
    char image[64], hash[72], confirmed[8], report[64];
};

static bool lives(struct run *run, uint64_t limit_us)
{
    return run_can_answer(run) ? run_answers(run, limit_us) : run_works(run);
}

/* An application that tells of its start may hang right after it. Before the first power cycle, which would
 * mend that, it has to answer. */
static void observe_life(struct run *run, uint64_t limit_us)
{
    uint64_t deadline_us = clock_now_us() + limit_us;
    bool alive = false;
    if (!run_can_answer(run) && !rig_probe(run->rig))
        return; /* nobody can tell */
    while (!run_broken(run) && !(alive = lives(run, limit_us)) && clock_now_us() < deadline_us)
        run_sleep(run, 200000);
    if (run_broken(run))
        return;
    run_observe(run, "alive", alive ? "yes" : "no", EVENT_NO_NUMBER, NULL);
    if (!alive)
        run_witness_silence(run, "G1", "G1");
}

/* Nothing has booted since the fault, and what the console told before it proves nothing: does the
 * application still live? Its answer counts, or else that the probe finds it at work. */
static void ask_again(struct run *run, uint64_t limit_us)
{
    unsigned boots = run->seen.boots;
    bool alive = lives(run, limit_us);
    if (run->seen.boots != boots)
        return; /* what it told when it started again counts */
    if (alive)
        run->seen.app_us = clock_now_us();
    else
        run->seen = (struct run_seen){.boots = boots};
}

static void live(struct run *run, int cycle, uint64_t from_us, uint64_t limit_us, struct life *life)
{
    uint64_t deadline_us = clock_now_us() + limit_us;
    if (run->seen.app_us && run->seen.app_us <= from_us)
        ask_again(run, limit_us);
    uint64_t now_us = clock_now_us();
    life->up = !run_wait_app(run, deadline_us > now_us ? deadline_us - now_us : 0);
    if (run_broken(run))
        return;
    if (life->up)
        run_check_told(run);
    run->dead_lives = life->up ? 0 : run->dead_lives + 1;
    run_observe_boot(run, cycle, from_us, life->up);
    if (!life->up)
        run_witness_silence(run, "G1", RUN_ALL_CLAUSES);
    else if (!strcmp(run_seen_image(run), "unknown"))
        run_witness_unknown(run);
    else
        run->unknown_lives = 0;
    if (run_broken(run))
        return;
    if (life->up && run_judges(run, "G6")) {
        if (board_mark(run->plan->board, "report"))
            run_until(run, report_told, NULL,
                      clock_now_us() + (uint64_t)run->plan->board->first_run_ms * 1000);
        run_learn_fact(run, FACT_REPORT);
    }
    snprintf(life->image, sizeof life->image, "%s", run_seen_image(run));
    snprintf(life->hash, sizeof life->hash, "%s", run->seen.hash);
    snprintf(life->confirmed, sizeof life->confirmed, "%s", run->seen.confirmed);
    snprintf(life->report, sizeof life->report, "%s", run->seen.report);
    if (life->report[0])
        run_observe(run, "report", life->report, EVENT_NO_NUMBER, NULL);
}

/* A boot with nothing to recover, beside one of the same board before the fault. One may have had something
 * to do that nobody knows of: it counts when the next is as slow. */
static void observe_slowness(struct run *run)
{
    const struct board *board = run->plan->board;
    int64_t ms = run->seen.app_us > run->on_by_us ? (int64_t)(run->seen.app_us - run->on_by_us) / 1000 : 0;
    int64_t limit_ms = run->baseline_boot_ms * board->boot_factor + SLOW_BOOT_MS;
    if (!board->boot_factor || !run->baseline_boot_ms || ms <= limit_ms)
        return;
    if (++run->slow_boots == 1) {
        run_note(run, "it took %" PRId64 " ms to boot, and %" PRId64 " ms before the fault: once more", ms,
                 run->baseline_boot_ms);
        return;
    }
    run_observe(run, "slow_boot", NULL, ms, NULL);
    run_witness(run, run_host_kept_up(run), "G1",
                "it took as long again: %" PRId64 " ms, and %" PRId64 " ms before the fault", ms,
                run->baseline_boot_ms);
}

static bool same(const struct life *a, const struct life *b)
{
    return a->up && b->up && !strcmp(a->hash, b->hash) && !strcmp(a->image, b->image);
}

/* Stable: two lives in a row run the same image. The number of power cycles that were needed until the first
 * of the two is what G3 bounds. */
void run_settle(struct run *run)
{
    uint64_t limit_us = run_recovery_us(run);
    uint64_t from_us = run->recovery.from_us ? run->recovery.from_us : clock_now_us();
    struct life before = {0}, now = {0};
    int cycle = 0;
    bool stable = false, turned = false; /* from confirmed to not confirmed */
    run->phase = "settle";
    if (!run->powered && run_power(run, true, 0))
        return;
    live(run, 0, from_us, limit_us, &before);
    run_faults_ask_cold(run);
    if (!run_broken(run) && before.up)
        run_observe_spoilt(run);
    /* a board that ran on all the time has to start when power comes, which the next cycle shows */
    bool ran_on = !run_broken(run) && before.up && !run_observe_recovery(run);
    if (!run_broken(run) && before.up && !run->plan->scenario.expect.resume)
        observe_life(run, limit_us);
    if (!run_broken(run) && before.up)
        run_resume_upload(run);
    for (cycle = 0; cycle <= run->plan->board->cycles && !stable && !run_broken(run); cycle++) {
        if (run_power_cycle(run, run_off_us(run)))
            return;
        if (ran_on && !cycle)
            run_recovery_from_power(run, "the next power-up, as it ran on until then");
        live(run, cycle + 1, run->on_us, limit_us, &now);
        if (ran_on && !cycle && now.up && !run_broken(run))
            run_observe_recovery(run);
        stable = same(&before, &now);
        if (stable && !run_broken(run))
            observe_slowness(run);
        turned = stable && !strcmp(before.confirmed, "1") && !strcmp(now.confirmed, "0");
        before = now;
    }
    /* one letter of one line: it must say so again */
    if (turned && !run_power_cycle(run, run_off_us(run)))
        live(run, cycle + 1, run->on_us, limit_us, &now);
    if (run_broken(run))
        return;
    if (run->slow_boots == 1 && !run_power_cycle(run, run_off_us(run))) {
        live(run, cycle + 1, run->on_us, limit_us, &now);
        if (now.up && !run_broken(run))
            observe_slowness(run);
    }
    if (run_broken(run))
        return;
    if (turned && strcmp(now.confirmed, "0"))
        run_witness(run, false, "G2", "the console told it unconfirmed in one life only");
    observe_running(run, stable ? cycle - 1 : cycle, stable);
    run->calm = stable && now.up;
    uint64_t quiet_us = run->seen.app_us + (uint64_t)run->plan->board->quiet_ms * 1000;
    if (now.up) {
        run_await_data(run);
        run_observe_contents(run);
        run_await_restart(run, quiet_us);
    }
}
