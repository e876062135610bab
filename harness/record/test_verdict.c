/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fold event by event: each rule of verdict.h has a journal that follows it and one that breaks it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/record/journal.h"
#include "harness/record/verdict.h"

/* What one case saw; the first values are those of a pass. */
struct story {
    const char *first_line; /* fields of EVENT_CASE, NULL: no such event */
    const char *baseline, *fault, *boot, *later_boot, *running, *contents, *spoilt, *confirmed, *settled,
        *data;
    const char *report, *last_report, *recovery_from, *next, *next_again, *resume, *proof, *rig,
        *rig_after_end;
    const char *confirms, *doubts; /* fields of a witness that says so */
    int64_t recovery_ms, cycles;
    const char *alive, *refused; /* a step that the board said "no" to */
    int64_t restart, slow_boot;
    bool no_end, dead_between; /* a life between two good ones in which nothing came up */
};

#define FIRST_LINE(clauses, expect)                                                                          \
    "{\"schema_version\":1,\"case\":\"c\",\"scenario\":\"s\",\"faults\":[\"cut\"],\"clauses\":[" clauses     \
    "],\"limits\":{\"recovery_ms\":1000,\"cycles\":2},\"expect\":{" expect "}}"
#define RUNS "\"runs\":[\"v1\",\"v2\"]"
#define ALL "\"G1\",\"G2\",\"G3\",\"G4\",\"G5\",\"G6\",\"G7\""

static const struct story sound = {.first_line = FIRST_LINE(ALL, RUNS),
                                   .baseline = "ok",
                                   .fault = "proven",
                                   .boot = "v1",
                                   .later_boot = "v1",
                                   .running = "v1",
                                   .contents = "v1",
                                   .confirmed = "1",
                                   .settled = "yes",
                                   .data = "intact",
                                   .report = "none",
                                   .next = "ok",
                                   .proof = "ok",
                                   .recovery_ms = 1000,
                                   .cycles = 2};

struct teller {
    int step;
    struct verdict_fold *fold;
    struct journal *journal;
};

static void tell(struct teller *teller, enum event_kind kind, const char *what, const char *value,
                 int64_t number, const char *json)
{
    cJSON *fields = json ? cJSON_Parse(json) : NULL;
    cr_assert(!json || fields, "%s", json);
    struct event event = {.kind = kind,
                          .step = teller->step,
                          .t_us = 1,
                          .source = "run",
                          .what = what,
                          .value = value,
                          .number = number,
                          .fields = fields};
    verdict_event(teller->fold, &event);
    if (teller->journal)
        journal_put(teller->journal, &event);
    cJSON_Delete(fields);
}

static void observe(struct teller *teller, const char *what, const char *value, int64_t number,
                    const char *json)
{
    if (value || number != EVENT_NO_NUMBER)
        tell(teller, EVENT_OBSERVE, what, value, number, json);
}

static void tell_all(struct teller *teller, const struct story *story)
{
    char confirmed[80];
    snprintf(confirmed, sizeof confirmed, "{\"version\":\"1.0\",\"confirmed\":\"%s\"}",
             story->confirmed ? story->confirmed : "");
    if (story->first_line)
        tell(teller, EVENT_CASE, "case", "c", EVENT_NO_NUMBER, story->first_line);
    observe(teller, "baseline", story->baseline, EVENT_NO_NUMBER, NULL);
    if (story->refused) {
        teller->step = 0;
        tell(teller, EVENT_STEP, "begin", "upload", EVENT_NO_NUMBER, NULL);
        tell(teller, EVENT_UPDATE, "failed", "deliver", EVENT_NO_NUMBER, story->refused);
        tell(teller, EVENT_STEP, "failed", "upload", EVENT_NO_NUMBER, "{\"optional\":false}");
        teller->step = -1;
    }
    tell(teller, EVENT_POWER, "off", NULL, EVENT_NO_NUMBER,
         "{\"planned_us\":5,\"commanded_us\":6,\"fault\":\"cut\"}");
    tell(teller, EVENT_POWER, "edge", "off", EVENT_NO_NUMBER,
         "{\"commanded_us\":6,\"achieved_us\":7,\"within_us\":1}");
    tell(teller, EVENT_POWER, "off", NULL, EVENT_NO_NUMBER, "{\"planned_us\":8,\"commanded_us\":9}");
    tell(teller, EVENT_POWER, "edge", "off", EVENT_NO_NUMBER,
         "{\"commanded_us\":9,\"achieved_us\":11,\"within_us\":1}"); /* of no cut */
    if (story->fault)
        tell(teller, EVENT_FAULT, story->fault, "cut", EVENT_NO_NUMBER, "{\"why\":\"so\"}");
    observe(teller, "boot", story->boot, EVENT_NO_NUMBER, "{\"phase\":\"settle\"}");
    if (story->recovery_ms >= 0)
        observe(teller, "recovery", story->recovery_from, story->recovery_ms, NULL);
    if (story->dead_between)
        observe(teller, "boot", "none", EVENT_NO_NUMBER, "{\"phase\":\"settle\"}");
    observe(teller, "boot", story->later_boot, EVENT_NO_NUMBER, "{\"phase\":\"settle\"}");
    observe(teller, "alive", story->alive, EVENT_NO_NUMBER, NULL);
    observe(teller, "running", story->running, EVENT_NO_NUMBER, confirmed);
    observe(teller, "settled", story->settled, story->settled ? story->cycles : EVENT_NO_NUMBER, NULL);
    if (story->restart)
        observe(teller, "restart", NULL, story->restart, NULL);
    if (story->slow_boot)
        observe(teller, "slow_boot", NULL, story->slow_boot, NULL);
    observe(teller, "data", story->data, EVENT_NO_NUMBER, NULL);
    if (story->spoilt)
        observe(teller, "spoilt", story->spoilt, EVENT_NO_NUMBER, NULL);
    observe(teller, "contents", story->contents, EVENT_NO_NUMBER, NULL);
    observe(teller, "report", story->report, EVENT_NO_NUMBER, NULL);
    observe(teller, "report", story->last_report, EVENT_NO_NUMBER, NULL);
    observe(teller, "next_update", story->next, EVENT_NO_NUMBER, "{\"image\":\"v3\",\"why\":\"because\"}");
    observe(teller, "next_update", story->next_again, EVENT_NO_NUMBER, "{\"image\":\"v3\"}");
    observe(teller, "resume", story->resume, EVENT_NO_NUMBER, "{\"image\":\"v2\",\"why\":\"it hung\"}");
    observe(teller, "witness", story->doubts ? "doubts" : NULL, EVENT_NO_NUMBER, story->doubts);
    observe(teller, "witness", story->confirms ? "confirms" : NULL, EVENT_NO_NUMBER, story->confirms);
    observe(teller, "rig_proof", story->proof, EVENT_NO_NUMBER, NULL);
    if (story->rig)
        tell(teller, EVENT_RIG, "fault", story->rig, EVENT_NO_NUMBER, NULL);
    if (!story->no_end)
        tell(teller, EVENT_END, "end", NULL, EVENT_NO_NUMBER, NULL);
    if (story->rig_after_end)
        tell(teller, EVENT_RIG, "fault", story->rig_after_end, EVENT_NO_NUMBER, NULL);
}

/* The live verdict; the same events go through a journal, whose verdict must be the same in every word. */
static void judge(const struct story *story, struct verdict *verdict)
{
    char folder[] = "/tmp/otarig-verdict-XXXXXX";
    struct error error = {0};
    cr_assert(mkdtemp(folder));
    char *path = mem_printf("%s/journal.jsonl", folder);
    struct teller teller = {.step = -1, .fold = verdict_begin(), .journal = journal_create(path, &error)};
    cr_assert(teller.journal, "%s", error.text);
    tell_all(&teller, story);
    verdict_end(teller.fold, verdict);
    cr_assert_eq(journal_close(teller.journal, &error), 0);
    struct verdict stored;
    cr_assert_eq(verdict_of_journal(path, &stored, NULL, &error), 0, "%s", error.text);
    cJSON *live = verdict_json(verdict), *again = verdict_json(&stored);
    char *live_text = cJSON_Print(live), *again_text = cJSON_Print(again);
    cr_expect_str_eq(live_text, again_text);
    cJSON_free(live_text);
    cJSON_free(again_text);
    cJSON_Delete(live);
    cJSON_Delete(again);
    verdict_release(&stored);
    unlink(path);
    rmdir(folder);
    free(path);
}

static void expect_verdict(const struct story *story, enum verdict_kind kind, enum verdict_class class,
                           const char *reason)
{
    struct verdict verdict;
    judge(story, &verdict);
    cr_expect_eq(verdict.kind, kind, "%s: %s", verdict_kind_name(verdict.kind), verdict.reason);
    cr_expect_eq(verdict.class, class, "%s: %s", verdict_class_name(verdict.class), verdict.reason);
    cr_expect(strstr(verdict.reason, reason), "reason '%s', expected '%s'", verdict.reason, reason);
    verdict_release(&verdict);
}

#define WITH(...)                                                                                            \
    ({                                                                                                       \
        static struct story s;                                                                               \
        s = sound;                                                                                           \
        __VA_ARGS__;                                                                                         \
        &s;                                                                                                  \
    })
#define FAILS(class, reason, ...)                                                                            \
    do {                                                                                                     \
        expect_verdict(WITH(__VA_ARGS__), VERDICT_FAIL, class, reason);                                      \
        expect_verdict(WITH(__VA_ARGS__; s.proof = NULL), VERDICT_RIG_ERROR, CLASS_NONE, "proven sound");    \
        expect_verdict(WITH(__VA_ARGS__; s.proof = "failed"), VERDICT_RIG_ERROR, CLASS_NONE,                 \
                       "proven sound");                                                                      \
        expect_verdict(WITH(__VA_ARGS__; s.rig = "relay"), VERDICT_RIG_ERROR, CLASS_NONE, "relay");          \
        expect_verdict(WITH(__VA_ARGS__; s.no_end = true), VERDICT_INCONCLUSIVE, CLASS_NONE, "short");       \
        expect_verdict(WITH(__VA_ARGS__; s.fault = NULL), VERDICT_INCONCLUSIVE, CLASS_NONE, "'cut'");        \
    } while (0)

Test(verdict, passes)
{
    struct verdict verdict;
    judge(&sound, &verdict);
    cr_expect_eq(verdict.kind, VERDICT_PASS, "%s", verdict.reason);
    for (size_t i = 0; i < VERDICT_CLAUSES; i++)
        cr_expect(verdict.clauses[i].judged && verdict.clauses[i].holds, "%s: %s", verdict.clauses[i].name,
                  verdict.clauses[i].detail);
    cr_assert_eq(verdict.cut_count, 1);
    cr_expect(verdict.cuts[0].planned_us == 5 && verdict.cuts[0].commanded_us == 6 &&
              verdict.cuts[0].achieved_us == 7 && verdict.cuts[0].within_us == 1);
    cr_expect_eq(verdict.recovery_ms, 1000);
    verdict_release(&verdict);
    expect_verdict(WITH(s.proof = NULL), VERDICT_PASS, CLASS_NONE, "hold");
    expect_verdict(WITH(s.data = "migrated"), VERDICT_PASS, CLASS_NONE, "hold");
    expect_verdict(WITH(s.running = s.contents = s.boot = "v2"), VERDICT_PASS, CLASS_NONE, "hold");
}

Test(verdict, the_rig_is_never_the_board)
{
    expect_verdict(WITH(s.rig = "the relay is gone"), VERDICT_RIG_ERROR, CLASS_NONE, "the relay is gone");
    expect_verdict(WITH(s.rig = ""), VERDICT_RIG_ERROR, CLASS_NONE, "rig");
    expect_verdict(WITH(s.rig_after_end = "late"), VERDICT_RIG_ERROR, CLASS_NONE, "late");
    expect_verdict(WITH(s.baseline = "failed"), VERDICT_RIG_ERROR, CLASS_NONE, "before the fault");
    expect_verdict(WITH(s.baseline = NULL), VERDICT_RIG_ERROR, CLASS_NONE, "before the fault");
}

Test(verdict, no_proof_no_verdict)
{
    expect_verdict(WITH(s.fault = NULL), VERDICT_INCONCLUSIVE, CLASS_NONE, "nothing said so");
    expect_verdict(WITH(s.fault = "unproven"), VERDICT_INCONCLUSIVE, CLASS_NONE, "so");
    expect_verdict(WITH(s.fault = "fired"), VERDICT_INCONCLUSIVE, CLASS_NONE, "'cut'");
    expect_verdict(WITH(s.no_end = true), VERDICT_INCONCLUSIVE, CLASS_NONE, "cut short");
    expect_verdict(WITH(s.first_line = NULL), VERDICT_INCONCLUSIVE, CLASS_NONE, "which case");
}

/* A case in which the fault did what `before` and `after` say, before and after the first look at the board:
 * a: armed, f: fired, o: power off. Everything else is sound. */
static void expect_strike(const char *actions, const char *before, const char *after, const char *reason)
{
    char *first = mem_printf(
        "{\"schema_version\":1,\"case\":\"c\",\"faults\":[\"cut\"]%s,\"clauses\":[\"G1\"],\"limits\":{"
        "\"recovery_ms\":9,\"cycles\":1},\"expect\":{\"runs\":[\"v1\"]}}",
        actions);
    struct teller teller = {.step = -1, .fold = verdict_begin()};
    struct verdict verdict;
    tell(&teller, EVENT_CASE, "case", "c", EVENT_NO_NUMBER, first);
    observe(&teller, "baseline", "ok", EVENT_NO_NUMBER, NULL);
    for (const char *parts[] = {before, after}, **part = parts; part < parts + 2; part++) {
        for (const char *c = *part; *c; c++)
            if (*c == 'a')
                tell(&teller, EVENT_TRIGGER, "armed", "cut", EVENT_NO_NUMBER, NULL);
            else if (*c == 'f')
                tell(&teller, EVENT_FAULT, "fired", "cut", EVENT_NO_NUMBER, NULL);
            else
                tell(&teller, EVENT_POWER, "off", NULL, EVENT_NO_NUMBER, "{\"fault\":\"cut\"}");
        observe(&teller, "boot", "v1", EVENT_NO_NUMBER, "{\"phase\":\"settle\"}");
    }
    observe(&teller, "recovery", "the reset", 5, NULL);
    tell(&teller, EVENT_FAULT, "proven", "cut", EVENT_NO_NUMBER, NULL);
    tell(&teller, EVENT_END, "end", NULL, EVENT_NO_NUMBER, NULL);
    verdict_end(teller.fold, &verdict);
    cr_expect_eq(verdict.kind, reason ? VERDICT_INCONCLUSIVE : VERDICT_PASS, "%s '%s' '%s': %s", actions,
                 before, after, verdict.reason);
    cr_expect(!reason || strstr(verdict.reason, reason), "%s '%s' '%s': %s", actions, before, after,
              verdict.reason);
    verdict_release(&verdict);
    free(first);
}

Test(verdict, a_proof_counts_only_of_a_fault_that_struck_during_the_steps)
{
    static const char cut[] = ",\"actions\":{\"cut\":\"power_cut\"}",
                      storm[] = ",\"actions\":{\"cut\":\"power_storm\"}",
                      link[] = ",\"actions\":{\"cut\":\"link\"}",
                      image[] = ",\"actions\":{\"cut\":\"image\"}";
    static const char late[] = "when the steps were over";
    expect_strike(cut, "aof", "", NULL);
    expect_strike(cut, "a", "", "it never fired");
    expect_strike(cut, "", "", "it never fired");
    expect_strike(cut, "ao", "", "it never fired");
    expect_strike(cut, "af", "", "switched no power off");
    expect_strike(cut, "a", "of", late);
    expect_strike(cut, "aof", "o", late);
    expect_strike(cut, "aof", "f", late);
    expect_strike(storm, "aofoo", "", NULL);
    expect_strike(storm, "af", "", "switched no power off");
    expect_strike(link, "af", "", NULL);
    expect_strike(link, "a", "f", late);
    expect_strike(image, "f", "", NULL);
    expect_strike(image, "", "", "it never fired");
    /* older journals do not say what a fault does: what was armed has to fire, an image was never armed */
    expect_strike("", "aof", "", NULL);
    expect_strike("", "a", "", "it never fired");
    expect_strike("", "a", "of", late);
    expect_strike("", "", "", NULL);
}

static void expect_after(enum event_kind kind, const char *what, const char *value, const char *reason)
{
    struct teller teller = {.step = -1, .fold = verdict_begin()};
    struct verdict verdict;
    struct story story = sound;
    story.no_end = kind != EVENT_NOTE;
    tell_all(&teller, &story);
    tell(&teller, kind, what, value, EVENT_NO_NUMBER, NULL);
    if (story.no_end)
        tell(&teller, EVENT_END, "end", NULL, EVENT_NO_NUMBER, NULL);
    verdict_end(teller.fold, &verdict);
    cr_expect_eq(verdict.kind, VERDICT_INCONCLUSIVE, "%s", verdict_kind_name(verdict.kind));
    cr_expect(strstr(verdict.reason, reason), "%s", verdict.reason);
    verdict_release(&verdict);
}

Test(verdict, contradictions_are_no_pass)
{
    expect_after(EVENT_FAULT, "unproven", "cut", "'cut'"); /* after it was proven */
    expect_after(EVENT_NOTE, "note", NULL, "after the end");
}

Test(verdict, half_a_line_after_the_end_is_no_pass)
{
    char *path = mem_printf("%s/pass.jsonl", OTARIG_GOLDEN), text[1 << 15];
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s", path);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    free(path);
    for (size_t extra = 0; extra < 2; extra++) {
        struct error error = {0};
        struct verdict verdict;
        text[len] = '{';
        struct journal_reader *reader = journal_open_memory("pass", text, len + extra);
        cr_assert_eq(verdict_of_reader(reader, &verdict, NULL, &error), 0, "%s", error.text);
        cr_expect_eq(verdict.kind, extra ? VERDICT_INCONCLUSIVE : VERDICT_PASS, "%s", verdict.reason);
        verdict_release(&verdict);
        journal_reader_free(reader);
    }
}

Test(verdict, a_first_line_that_asks_for_nothing_is_no_pass)
{
    static const char *const lines[] = {
        "{}",
        "{\"schema_version\":1,\"clauses\":[\"G1\"]}",
        "{\"schema_version\":1,\"faults\":{},\"clauses\":[\"G1\"]}",
        "{\"schema_version\":1,\"faults\":[7],\"clauses\":[\"G1\"]}",
        "{\"schema_version\":1,\"faults\":[\"cut\"]}",
        "{\"schema_version\":1,\"faults\":[\"cut\"],\"clauses\":[]}",
        "{\"schema_version\":1,\"faults\":[\"cut\"],\"clauses\":[\"G8\"]}",
        "{\"schema_version\":2,\"faults\":[\"cut\"],\"clauses\":[\"G5\"]}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        expect_verdict(WITH(s.first_line = lines[i]), VERDICT_INCONCLUSIVE, CLASS_NONE, "cannot be judged");
}

Test(verdict, too_many_faults_are_not_forgotten)
{
    cJSON *fields = cJSON_Parse(sound.first_line);
    for (int i = 0; i < 40; i++)
        cJSON_AddItemToArray(cJSON_GetObjectItem(fields, "faults"), cJSON_CreateString("cut"));
    char *text = cJSON_PrintUnformatted(fields);
    expect_verdict(WITH(s.first_line = text), VERDICT_INCONCLUSIVE, CLASS_NONE, "too many faults");
    cJSON_free(text);
    cJSON_Delete(fields);
}

Test(verdict, g1_boots_in_time)
{
    FAILS(CLASS_BRICKED, "G1", s.boot = s.later_boot = "none");
    FAILS(CLASS_BRICKED, "G1", s.later_boot = "none");
    FAILS(CLASS_BRICKED, "G1", s.boot = s.later_boot = NULL);
    FAILS(CLASS_SLOW_RECOVERY, "1001 ms", s.recovery_ms = 1001);
    FAILS(CLASS_SLOW_RECOVERY, "further power cycle", s.boot = "none"; s.recovery_ms = -1);
    FAILS(CLASS_SLOW_RECOVERY, "further power cycle", s.dead_between = true);
    FAILS(CLASS_SLOW_RECOVERY, "did not answer", s.alive = "no");
    expect_verdict(WITH(s.alive = "yes"), VERDICT_PASS, CLASS_NONE, "hold");
    FAILS(CLASS_SLOW_RECOVERY, "nobody saw", s.recovery_ms = -1);
}

Test(verdict, g2_old_or_new)
{
    FAILS(CLASS_CORRUPT_IMAGE, "no slot held its bytes", s.spoilt = "v2");
    FAILS(CLASS_CORRUPT_IMAGE, "bytes of", s.contents = "none");
    FAILS(CLASS_CORRUPT_IMAGE, "bytes of v2", s.contents = "v2");
    FAILS(CLASS_CORRUPT_IMAGE, "none of the authentic", s.boot = "unknown");
    FAILS(CLASS_CORRUPT_IMAGE, "no known image", s.running = "unknown"; s.contents = NULL);
    FAILS(CLASS_WRONG_VERSION, "neither", s.running = s.contents = "v3");
    FAILS(CLASS_WRONG_VERSION, "'v2' must", s.first_line = FIRST_LINE(ALL, RUNS ",\"final\":\"v2\""));
    FAILS(CLASS_NO_ROLLBACK, "'v2' must",
          s.first_line = FIRST_LINE(ALL, RUNS ",\"final\":\"v2\",\"final_class\":\"no-rollback\""));
    FAILS(CLASS_WRONG_VERSION, "'v2' must (upload: rc=3)", s.refused = "{\"text\":\"rc=3\"}";
          s.first_line = FIRST_LINE(ALL, RUNS ",\"final\":\"v2\""));
    FAILS(CLASS_NO_ROLLBACK, "nobody confirmed", s.confirmed = "0");
    FAILS(CLASS_BRICKED, "nothing runs", s.running = NULL);
    FAILS(CLASS_BRICKED, "nothing runs", s.running = "none");
}

#define NEVER(image, class) RUNS ",\"never\":[{\"image\":\"" image "\",\"class\":\"" class "\"}]"

Test(verdict, what_must_never_run)
{
    FAILS(CLASS_BAD_IMAGE_ACCEPTED, "'v1' ran",
          s.first_line = FIRST_LINE(ALL, NEVER("v1", "bad-image-accepted")));
    FAILS(CLASS_BAD_IMAGE_ACCEPTED, "'v2' ran", s.boot = "v2";
          s.first_line = FIRST_LINE(ALL, NEVER("v2", "bad-image-accepted")));
    FAILS(CLASS_DOWNGRADED, "G7", s.first_line = FIRST_LINE(ALL, NEVER("v1", "downgraded")));
    /* also when nobody asked for the clause */
    FAILS(CLASS_DOWNGRADED, "G7", s.first_line = FIRST_LINE("\"G5\"", NEVER("v1", "downgraded")));
    FAILS(CLASS_BAD_IMAGE_ACCEPTED, "G2", s.first_line = FIRST_LINE("\"G5\"", NEVER("v1", "odd")));
    /* two of them: the gravest names the class, whichever came last */
    FAILS(CLASS_BAD_IMAGE_ACCEPTED, "'v2' ran", s.boot = "v2"; s.running = s.contents = "v1";
          s.first_line = FIRST_LINE(ALL, RUNS ",\"never\":[{\"image\":\"v1\",\"class\":\"downgraded\"},"
                                              "{\"image\":\"v2\",\"class\":\"bad-image-accepted\"}]"));
    /* an image that nobody made, while a spoilt one was offered */
    FAILS(CLASS_BAD_IMAGE_ACCEPTED, "authentic", s.boot = "unknown";
          s.first_line = FIRST_LINE(ALL, NEVER("v2", "bad-image-accepted")));
    expect_verdict(WITH(s.first_line = FIRST_LINE(ALL, NEVER("v2", "bad-image-accepted"))), VERDICT_PASS,
                   CLASS_NONE, "hold");
}

Test(verdict, g3_to_g6)
{
    FAILS(CLASS_NOT_CONVERGING, "G3", s.settled = "no");
    FAILS(CLASS_NOT_CONVERGING, "G3", s.settled = NULL);
    FAILS(CLASS_NOT_CONVERGING, "G3", s.cycles = 3);
    FAILS(CLASS_NOT_CONVERGING, "G3", s.cycles = EVENT_NO_NUMBER);
    FAILS(CLASS_NOT_CONVERGING, "by itself", s.restart = 1);
    FAILS(CLASS_SLOW_RECOVERY, "every boot takes 3100 ms now", s.slow_boot = 3100);
    FAILS(CLASS_UPDATE_DEAD, "because", s.next = "failed");
    FAILS(CLASS_UPDATE_DEAD, "never tried", s.next = NULL);
    FAILS(CLASS_DATA_LOST, "lost", s.data = "lost");
    FAILS(CLASS_DATA_LOST, "lost", s.data = "odd");
    FAILS(CLASS_DATA_LOST, "not seen", s.data = NULL);
    FAILS(CLASS_SILENT, "expected rejected",
          s.first_line = FIRST_LINE(ALL, RUNS ",\"reported\":\"rejected\""));
    expect_verdict(
        WITH(s.first_line = FIRST_LINE(ALL, RUNS ",\"reported\":\"rejected\""); s.report = "rejected:hash"),
        VERDICT_PASS, CLASS_NONE, "hold");
}

static void expect_detail(const struct story *story, size_t clause, const char *detail)
{
    struct verdict verdict;
    judge(story, &verdict);
    cr_expect_str_eq(verdict.clauses[clause].detail, detail);
    verdict_release(&verdict);
}

/* The report that matches is told, whatever came after it. */
Test(verdict, g6_tells_the_report_that_it_judged)
{
    static const char line[] = FIRST_LINE(ALL, RUNS ",\"reported\":\"rejected\"");
    expect_detail(WITH(s.first_line = line; s.report = "rejected:hash"; s.last_report = "none"), 5,
                  "the device reports 'rejected:hash'");
    expect_detail(WITH(s.first_line = line; s.report = "swapped"; s.last_report = "none"), 5,
                  "the device reports 'none', expected rejected");
}

/* What the device said before it was struck says nothing of how it took it. */
Test(verdict, g6_counts_from_the_fault_on)
{
    static const char line[] = FIRST_LINE("\"G6\"", RUNS ",\"reported\":\"reverted\"");
    for (int twice = 0; twice < 2; twice++) {
        struct teller teller = {.step = -1, .fold = verdict_begin()};
        tell(&teller, EVENT_CASE, "case", "c", EVENT_NO_NUMBER, line);
        observe(&teller, "report", "reverted", EVENT_NO_NUMBER, NULL);
        tell(&teller, EVENT_FAULT, "fired", "cut", EVENT_NO_NUMBER, NULL);
        if (twice)
            observe(&teller, "report", "reverted", EVENT_NO_NUMBER, NULL);
        struct verdict verdict;
        cr_expect_eq(verdict_suspect(teller.fold), !twice);
        verdict_end(teller.fold, &verdict);
        verdict_release(&verdict);
    }
}

Test(verdict, g1_tells_what_the_time_is_counted_from)
{
    expect_detail(&sound, 0, "boots, 1000 ms after the fault (limit 1000 ms)");
    expect_detail(WITH(s.recovery_from = "the reset"), 0, "boots, 1000 ms after the reset (limit 1000 ms)");
}

/* A pass never says more than was tried. */
Test(verdict, a_pass_tells_what_was_not_tried)
{
    static const char line[] =
        "{\"schema_version\":1,\"faults\":[],\"clauses\":[\"G5\"],\"limits\":{},\"expect\":{},\"without\":[{"
        "\"clause\":\"G4\",\"why\":\"no link\"}]}";
    struct verdict verdict;
    judge(WITH(s.first_line = line), &verdict);
    cr_expect_eq(verdict.kind, VERDICT_PASS);
    cr_expect_str_eq(verdict.reason, "all judged clauses hold; there was no fault; without G4: no link");
    cr_expect_str_eq(verdict.clauses[7].detail, "no fault was asked for: a clean update");
    verdict_release(&verdict);
}

#define WITNESS(...) "{\"clauses\":[" #__VA_ARGS__ "],\"why\":\"the board answers\"}"
#define MAY_BE_THE_RIG "may be the rig: the board answers"

Test(verdict, a_broken_clause_in_doubt_is_inconclusive)
{
    expect_verdict(WITH(s.boot = "none"; s.doubts = WITNESS("G1")), VERDICT_INCONCLUSIVE, CLASS_NONE,
                   MAY_BE_THE_RIG);
    expect_verdict(WITH(s.next = "failed"; s.doubts = WITNESS("G1", "G4")), VERDICT_INCONCLUSIVE, CLASS_NONE,
                   MAY_BE_THE_RIG);
    expect_verdict(WITH(s.data = "lost"; s.doubts = "{\"clauses\":[\"G5\"]}"), VERDICT_INCONCLUSIVE,
                   CLASS_NONE, "second witness");
    /* what holds is not in doubt, and what is beyond doubt stays the board's, be it less grave */
    expect_verdict(WITH(s.doubts = WITNESS("G1", "G2", "G4")), VERDICT_PASS, CLASS_NONE, "hold");
    FAILS(CLASS_BRICKED, "G1", s.boot = s.later_boot = "none"; s.doubts = WITNESS("G4"));
    FAILS(CLASS_UPDATE_DEAD, "G4", s.boot = s.later_boot = "none"; s.next = "failed";
          s.doubts = WITNESS("G1"));
    FAILS(CLASS_DATA_LOST, "G5", s.data = "lost"; s.next = "failed"; s.recovery_ms = 2000;
          s.doubts = WITNESS("G1"));
    /* a second witness that confirms ends the doubt */
    FAILS(CLASS_BRICKED, "G1", s.boot = s.later_boot = "none"; s.doubts = WITNESS("G1", "G2", "G3");
          s.confirms = WITNESS("G1"));
    /* anything may stand in a journal */
    FAILS(CLASS_DATA_LOST, "G5", s.data = "lost"; s.doubts = "{\"clauses\":[\"G9\",7,null],\"why\":3}");
    FAILS(CLASS_DATA_LOST, "G5", s.data = "lost"; s.doubts = "{}");
    /* no rig, however proven, makes an image run that must not */
    FAILS(CLASS_BAD_IMAGE_ACCEPTED, "'v2' ran", s.boot = "v2"; s.doubts = WITNESS("G2");
          s.first_line = FIRST_LINE(ALL, NEVER("v2", "bad-image-accepted")));
}

Test(verdict, a_second_attempt_does_not_make_good_the_first)
{
    FAILS(CLASS_UPDATE_DEAD, "because", s.next = "failed"; s.next_again = "ok");
}

#define RESUMES FIRST_LINE(ALL, RUNS ",\"resume\":{\"image\":\"v2\",\"within_ms\":9}")

Test(verdict, g4_the_interrupted_upload)
{
    expect_verdict(WITH(s.first_line = RESUMES; s.resume = "ok"), VERDICT_PASS, CLASS_NONE, "hold");
    FAILS(CLASS_UPDATE_DEAD, "it hung", s.first_line = RESUMES; s.resume = "failed");
    FAILS(CLASS_UPDATE_DEAD, "never tried", s.first_line = RESUMES);
    /* a board that hangs cannot be asked: that it hangs is what there is to say */
    FAILS(CLASS_SLOW_RECOVERY, "further power cycle", s.first_line = RESUMES; s.boot = "none");
}

static enum verdict_kind judge_boots(const char *first_line, const int64_t *reasons, uint64_t last_us)
{
    struct teller teller = {.step = -1, .fold = verdict_begin()};
    struct verdict verdict;
    struct story story = sound;
    story.first_line = first_line;
    story.no_end = true;
    tell_all(&teller, &story);
    verdict_event(teller.fold, &(struct event){.kind = EVENT_POWER, .t_us = 5000000, .what = "on"});
    for (size_t i = 0; i < 3; i++)
        verdict_event(teller.fold, &(struct event){.kind = EVENT_MARK,
                                                   .t_us = i < 2 ? 5000000 + i * 9 : last_us,
                                                   .what = "boot",
                                                   .number = reasons[i]});
    tell(&teller, EVENT_END, "end", NULL, EVENT_NO_NUMBER, NULL);
    verdict_end(teller.fold, &verdict);
    enum verdict_kind kind = verdict.kind;
    if (kind == VERDICT_RIG_ERROR)
        cr_expect(strstr(verdict.reason, "nobody cut it"), "%s", verdict.reason);
    verdict_release(&verdict);
    return kind;
}

Test(verdict, a_loss_of_power_that_nobody_commanded_is_the_rigs)
{
    static const char told[] = "{\"schema_version\":1,\"faults\":[\"cut\"],\"clauses\":[" ALL "],"
                               "\"power_on_reset\":0,\"expect\":{" RUNS "},"
                               "\"limits\":{\"recovery_ms\":1000,\"cycles\":2}}";
    static const int64_t cold_last[] = {0, 4, 0}, first[] = {0, 4, 4}, untold[] = {0, 4, EVENT_NO_NUMBER};
    uint64_t late_us = 5000000 + VERDICT_BOUNCE_US + 1;
    cr_expect_eq(judge_boots(told, cold_last, late_us), VERDICT_RIG_ERROR);
    cr_expect_eq(judge_boots(told, first, late_us), VERDICT_PASS);
    cr_expect_eq(judge_boots(told, untold, late_us), VERDICT_PASS, "journals of older runs tell no reason");
    cr_expect_eq(judge_boots(told, cold_last, late_us - 1), VERDICT_PASS, "a contact may bounce");
    cr_expect_eq(judge_boots(sound.first_line, cold_last, late_us), VERDICT_PASS, "a board may not tell it");
}

Test(verdict, the_gravest_clause_names_the_class)
{
    FAILS(CLASS_BRICKED, "G1", s.boot = s.later_boot = "none"; s.data = "lost"; s.next = "failed");
    FAILS(CLASS_DATA_LOST, "G5", s.data = "lost"; s.next = "failed"; s.recovery_ms = 2000);
    FAILS(CLASS_UPDATE_DEAD, "G4", s.next = "failed"; s.recovery_ms = 2000);
}

Test(verdict, only_the_asked_clauses_are_judged)
{
    expect_verdict(WITH(s.first_line = FIRST_LINE("\"G5\"", RUNS); s.next = "failed"; s.settled = "no"),
                   VERDICT_PASS, CLASS_NONE, "hold");
}

Test(verdict, data_that_are_not_those_of_before_are_lost)
{
    expect_verdict(WITH(s.data = "replaced"), VERDICT_FAIL, CLASS_DATA_LOST, "replaced by others");
}

Test(verdict, what_was_started_ran)
{
    struct teller teller = {.step = -1, .fold = verdict_begin()};
    struct verdict verdict;
    struct story story = sound;
    story.first_line =
        FIRST_LINE("\"G3\"", "\"never\":[{\"image\":\"bad\",\"class\":\"bad-image-accepted\"}]," RUNS);
    story.no_end = true;
    tell_all(&teller, &story);
    tell(&teller, EVENT_OBSERVE, "jumped", "bad", EVENT_NO_NUMBER, NULL);
    tell(&teller, EVENT_OBSERVE, "rig_proof", "ok", EVENT_NO_NUMBER, NULL);
    tell(&teller, EVENT_END, "end", NULL, EVENT_NO_NUMBER, NULL);
    verdict_end(teller.fold, &verdict);
    cr_expect_eq(verdict.kind, VERDICT_FAIL, "%s", verdict.reason);
    cr_expect_eq(verdict.class, CLASS_BAD_IMAGE_ACCEPTED);
    verdict_release(&verdict);
}

Test(verdict, suspects_while_it_runs)
{
    struct teller teller = {.step = -1, .fold = verdict_begin()};
    struct verdict verdict;
    tell_all(&teller, &sound);
    cr_expect_not(verdict_suspect(teller.fold));
    tell(&teller, EVENT_OBSERVE, "data", "lost", EVENT_NO_NUMBER, NULL);
    cr_expect(verdict_suspect(teller.fold));
    verdict_end(teller.fold, &verdict);
    verdict_release(&verdict);
}

static void expect_step(const char *what, const char *fields, enum verdict_kind kind)
{
    struct teller teller = {.step = -1, .fold = verdict_begin()};
    struct verdict verdict;
    struct story story = sound;
    story.no_end = true;
    tell_all(&teller, &story);
    tell(&teller, EVENT_STEP, what, "confirm", EVENT_NO_NUMBER, fields);
    tell(&teller, EVENT_END, "end", NULL, EVENT_NO_NUMBER, NULL);
    verdict_end(teller.fold, &verdict);
    cr_expect_eq(verdict.kind, kind, "%s %s: %s", what, fields ? fields : "", verdict.reason);
    verdict_release(&verdict);
}

Test(verdict, what_was_not_done_was_not_passed)
{
    expect_step("failed", "{\"optional\":false}", VERDICT_INCONCLUSIVE);
    expect_step("failed", "{\"optional\":true}", VERDICT_PASS);
    expect_step("disturbed", "{\"optional\":false}", VERDICT_PASS);
    expect_step("end", NULL, VERDICT_PASS);
    expect_step("failed", NULL, VERDICT_PASS); /* older journals do not say */
}

/* Bytes and lengths that a board chooses end in the report as sound UTF-8, live as stored. */
Test(verdict, any_bytes_of_a_board)
{
    char *longest = mem_alloc(1001);
    for (size_t i = 0; i < 1000; i += 2)
        memcpy(longest + i, "\xc3\xa9", 2);
    expect_verdict(WITH(s.running = "\xff\xfe"), VERDICT_FAIL, CLASS_CORRUPT_IMAGE, "\xef\xbf\xbd");
    expect_verdict(WITH(s.running = longest), VERDICT_FAIL, CLASS_CORRUPT_IMAGE, "\xc3\xa9'");
    expect_verdict(WITH(s.rig = longest), VERDICT_RIG_ERROR, CLASS_NONE, "\xc3\xa9");
    free(longest);
}

Test(verdict, names_and_codes)
{
    for (int i = 0; i < CLASSES; i++)
        cr_expect_eq(verdict_class_find(verdict_class_name(i)), i);
    cr_expect_eq(verdict_class_find("odd"), -1);
    cr_expect_eq(verdict_exit_code(VERDICT_PASS), 0);
    cr_expect_eq(verdict_exit_code(VERDICT_FAIL), 1);
    cr_expect_eq(verdict_exit_code(VERDICT_INCONCLUSIVE), 4);
    cr_expect_eq(verdict_exit_code(VERDICT_RIG_ERROR), 3);
}
