/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine from baseline to verdict, on a board made of a script and a clock that the test moves: which
 * failures are the board's, and which are the rig's or nobody's. */
#include <criterion/criterion.h>
#include <string.h>

#include "harness/base/surroundings.h"
#include "harness/rack/rack.h"
#include "harness/run/script_board.h"

#define ALL (((1u << RACK_ROLES) - 1) & ~(1u << RACK_SENSE | 1u << RACK_SERVER))
#define SENSED (ALL | 1u << RACK_SENSE)
#define BOARD(facts) BOARD_WITH("", facts)
#define BOARD_WITH(marks, facts)                                                                             \
    "{\"schema_version\":1,\"name\":\"b\",\"title\":\"t\",\"chip\":\"c\","                                   \
    "\"memory\":{\"flash\":{\"address\":0,\"size\":\"0x10000\"},\"slots\":[{\"address\":\"0x4000\","         \
    "\"size\":\"0x4000\"},"                                                                                  \
    "{\"address\":\"0x8000\",\"size\":\"0x4000\"}],\"state\":[{\"address\":\"0x3000\",\"size\":4}]},"        \
    "\"marks\":{" marks                                                                                      \
    "\"boot\":\"^BOOT\",\"swap\":\"^SWAP\",\"app_up\":\"^UP version=(?<version>[0-9.]+)\","                  \
    "\"data\":\"^UP .* data=(?<print>[0-9a-f]+)\"},\"phases\":{\"swap\":{\"mark\":\"swap\"}},"               \
    "\"facts\":{" facts "},\"evidence\":{\"slot0\":{\"address\":\"0x4000\",\"size\":\"0x1000\"}},"           \
    "\"images\":{\"v1\":{}},\"initial\":[\"$start\"],\"limits\":{\"boot_ms\":2000,\"recovery_ms\":5000,"     \
    "\"cycles\":3}}"
#define CANARY "\"cold\":[{\"from\":\"canary\",\"address\":\"0x20000000\"}]"
#define SILENCE "\"cold\":[{\"from\":\"silence\"}]"
#define SENSE "\"cold\":[{\"from\":\"sense\"}]"
#define HEAD(family)                                                                                         \
    "{\"schema_version\":1,\"name\":\"s\",\"title\":\"t\",\"family\":\"" family                              \
    "\",\"covers\":[],\"start\":\"v1\","

static const char cut[] = HEAD("power-cut") "\"faults\":[{\"name\":\"cut\",\"trigger\":{\"on\":\"phase\","
                                            "\"phase\":\"swap\",\"delay_ms\":300},"
                                            "\"action\":{\"do\":\"power_cut\",\"off_ms\":300}}],"
                                            "\"steps\":[{\"do\":\"upload\",\"image\":\"v2\"},{\"do\":"
                                            "\"activate\"},{\"do\":\"arm\",\"fault\":\"cut\"},"
                                            "{\"do\":\"reset\"},{\"do\":\"await\",\"fault\":\"cut\"}],"
                                            "\"expect\":{\"runs\":[\"v1\",\"v2\"],\"final\":\"v1\",\"final_"
                                            "class\":\"no-rollback\",\"next\":\"v3\"},"
                                            "\"clauses\":[\"G1\"]}";
static const char clean[] = HEAD(
    "clean-update") "\"faults\":[],\"steps\":[{\"do\":\"upload\",\"image\":\"v2\"},{\"do\":\"activate\"},{"
                    "\"do\":\"reset\"},"
                    "{\"do\":\"wait\",\"fact\":\"up\",\"image\":\"v2\"},{\"do\":\"confirm\"}],"
                    "\"expect\":{\"runs\":[\"v2\"],\"final\":\"v2\",\"next\":\"v3\"},\"clauses\":[\"G1\"]}";

static const char resumed[] =
    HEAD("power-cut") "\"faults\":[{\"name\":\"cut\",\"trigger\":{\"on\":\"now\"},"
                      "\"action\":{\"do\":\"power_cut\",\"off_ms\":300}}],"
                      "\"steps\":[{\"do\":\"arm\",\"fault\":\"cut\"},{\"do\":\"await\",\"fault\":"
                      "\"cut\"}],\"expect\":{\"runs\":[\"v1\"],\"final\":\"v1\",\"resume\":{"
                      "\"image\":\"v2\",\"within_ms\":5000},\"next\":\"v3\"},\"clauses\":[\"G1\"]}";

/* A fault begins while the switch still moves for a step: its command waits. */
static const char queued[] =
    HEAD("power-cut") "\"faults\":[{\"name\":\"cut\",\"trigger\":{\"on\":\"now\",\"delay_ms\":300},"
                      "\"action\":{\"do\":\"power_cut\",\"off_ms\":300}}],"
                      "\"steps\":[{\"do\":\"upload\",\"image\":\"v2\"},{\"do\":\"arm\",\"fault\":\"cut\"},"
                      "{\"do\":\"power\",\"to\":\"off\"}],\"expect\":{\"runs\":[\"v1\"],\"final\":\"v1\","
                      "\"next\":\"v3\"},"
                      "\"clauses\":[\"G1\"]}";
static const char behind_the_back[] =
    HEAD("power-cut") "\"control\":\"noticed\",\"faults\":[{\"name\":\"cut\",\"trigger\":{\"on\":\"now\","
                      "\"delay_ms\":300},\"action\":{\"do\":\"power_cut\",\"off_ms\":300}}],\"steps\":[{"
                      "\"do\":\"upload\",\"image\":\"v2\"},"
                      "{\"do\":\"arm\",\"fault\":\"cut\"},{\"do\":\"await\",\"fault\":\"cut\"},{\"do\":"
                      "\"power\",\"to\":\"cycle\",\"off_ms\":300,\"untold\":true}],"
                      "\"expect\":{\"runs\":[\"v1\"],\"final\":\"v1\",\"next\":\"v3\"},\"clauses\":[\"G1\"]}";

static struct script_result result;

static void expect(enum verdict_kind kind, enum verdict_class class, const char *reason)
{
    cr_expect_eq(result.verdict.kind, kind, "%s: %s", verdict_kind_name(result.verdict.kind),
                 result.verdict.reason);
    cr_expect_eq(result.verdict.class, class, "%s: %s", verdict_class_name(result.verdict.class),
                 result.verdict.reason);
    cr_expect(strstr(result.verdict.reason, reason), "'%s' lacks '%s'", result.verdict.reason, reason);
    verdict_release(&result.verdict);
}

static void run_case(const char *board, const char *scenario, struct script_faults faults)
{
    script_run(board, scenario, ALL, &faults, &result);
}

Test(run, a_good_board_passes)
{
    run_case(BOARD(CANARY), clean, (struct script_faults){0});
    expect(VERDICT_PASS, CLASS_NONE, "");
    run_case(BOARD(CANARY), cut, (struct script_faults){0});
    expect(VERDICT_PASS, CLASS_NONE, "");
    run_case(BOARD(SILENCE), cut, (struct script_faults){0});
    expect(VERDICT_PASS, CLASS_NONE, "");
}

/* An image that refuses itself before its first line: which one it was, the boot loader has said. */
Test(run, what_fails_before_it_is_up_is_known_by_its_start)
{
    static const char board[] =
        BOARD_WITH("\"failed\":\"^FAILED\",\"jump\":\"^JUMP version=(?<version>[0-9.]+)\",",
                   "\"image\":[{\"from\":\"update\"},{\"from\":\"mark\",\"mark\":\"jump\"}]," CANARY),
                      scenario[] = HEAD(
                          "bricked-image") "\"faults\":[{\"name\":\"image\",\"action\":{\"do\":\"image\"}}],"
                                           "\"steps\":[{\"do\":\"upload\",\"image\":\"v2\"},{\"do\":"
                                           "\"activate\"},{\"do\":\"reset\"},"
                                           "{\"do\":\"wait\",\"mark\":\"failed\",\"image\":\"v2\",\"within_"
                                           "ms\":5000,\"proves\":\"image\"},"
                                           "{\"do\":\"wait\",\"fact\":\"up\"}],\"expect\":{\"runs\":[\"v1\"],"
                                           "\"final\":\"v1\",\"next\":\"v3\"},\"clauses\":[\"G1\"]}";
    run_case(board, scenario, (struct script_faults){.fails_itself = true});
    expect(VERDICT_PASS, CLASS_NONE, "");
}

/* A mark that a board does not print: who reads the verdict learns which. */
Test(run, a_trigger_that_never_came_is_named)
{
    static const char scenario[] = HEAD(
        "power-cut") "\"faults\":[{\"name\":\"cut\",\"trigger\":{\"on\":\"mark\",\"mark\":\"never\"},"
                     "\"action\":{\"do\":\"power_cut\",\"off_ms\":300}}],\"steps\":[{\"do\":\"arm\","
                     "\"fault\":\"cut\"},{\"do\":\"reset\"}],"
                     "\"expect\":{\"runs\":[\"v1\"],\"final\":\"v1\",\"next\":\"v3\"},\"clauses\":[\"G1\"]}";
    run_case(BOARD_WITH("\"never\":\"^NEVER\",", CANARY), scenario, (struct script_faults){0});
    expect(VERDICT_INCONCLUSIVE, CLASS_NONE, "it never fired: the mark 'never' came 0 of 1 times");
}

Test(run, without_a_probe_its_own_update_restores_it)
{
    struct script_faults none = {0};
    script_run(BOARD(SILENCE), cut, ALL & ~(1u << RACK_PROBE), &none, &result);
    expect(VERDICT_PASS, CLASS_NONE, "");
}

/* What is delivered starts by itself: the transfer takes none of the time to come back, and after a refusal
 * nothing starts. */
Test(run, a_delivery_that_starts_the_board)
{
    run_case(BOARD(CANARY), clean, (struct script_faults){.delivery_starts = true, .deliver_us = 30000000});
    expect(VERDICT_PASS, CLASS_NONE, "");
    static const char refused[] = HEAD(
        "bricked-image") "\"faults\":[{\"name\":\"image\",\"action\":{\"do\":\"image\"}}],\"steps\":[{\"do\":"
                         "\"upload\",\"image\":\"v2\",\"may_refuse\":true,\"optional\":true,\"proves\":"
                         "\"image\"},{\"do\":\"reset\"},{\"do\":\"wait\","
                         "\"fact\":\"up\",\"optional\":true}],\"expect\":{\"runs\":[\"v1\"],\"final\":\"v1\","
                         "\"next\":\"v3\"},\"clauses\":[\"G1\"]}";
    run_case(BOARD(CANARY), refused, (struct script_faults){.delivery_starts = true, .refuses = true});
    expect(VERDICT_PASS, CLASS_NONE, "");
}

Test(run, a_cut_that_did_not_cut_proves_nothing)
{
    run_case(BOARD(CANARY), cut, (struct script_faults){.relay_stuck = true});
    cr_expect(result.verdict.kind == VERDICT_INCONCLUSIVE || result.verdict.kind == VERDICT_RIG_ERROR, "%s",
              result.verdict.reason);
    verdict_release(&result.verdict);
}

Test(run, what_a_board_does_wrong_is_told_by_its_class)
{
    static const struct {
        struct script_faults faults;
        enum verdict_class class;
        const char *reason;
    } rows[] = {
        {{.no_revert = true}, CLASS_NO_ROLLBACK, "G2"},
        {{.dead_after_cut = true}, CLASS_BRICKED, "G1"},
        {{.hangs_after_cut = true}, CLASS_SLOW_RECOVERY, "G1"},
        {{.updater_dead = true}, CLASS_UPDATE_DEAD, "G4"},
        {{.data_replaced = true}, CLASS_DATA_LOST, "G5"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run_case(BOARD(CANARY), cut, rows[i].faults);
        cr_log_info("row %zu", i);
        expect(VERDICT_FAIL, rows[i].class, rows[i].reason);
    }
}

/* A script that lacks a program on this computer tells nothing of the board, whatever it was to tell. */
Test(run, a_program_of_the_user_that_cannot_run_accuses_nobody)
{
#define ASKS(command)                                                                                        \
    CANARY ",\"data\":[{\"from\":\"exec\",\"within_ms\":5000,\"run\":[\"sh\",\"-c\",\"" command "\"]}]"
    surroundings_allow_exec();
    run_case(BOARD(ASKS("exit 127")), clean, (struct script_faults){0});
    expect(VERDICT_RIG_ERROR, CLASS_NONE, "sh: exit status 127");
    run_case(BOARD(ASKS("kill -9 $$")), clean, (struct script_faults){0});
    expect(VERDICT_RIG_ERROR, CLASS_NONE, "sh: killed by signal 9");
}

/* It runs for one life and is gone in the next: nothing of it is left in the end. */
Test(run, what_runs_for_one_life_must_be_whole)
{
    run_case(BOARD(CANARY), cut, (struct script_faults){.runs_half = true});
    expect(VERDICT_FAIL, CLASS_CORRUPT_IMAGE, "'v2' ran, and no slot held its bytes");
}

Test(run, an_upload_that_was_finished_must_be_stored_whole)
{
    struct script_faults none = {0};
    run_case(BOARD(CANARY), resumed, none);
    expect(VERDICT_PASS, CLASS_NONE, "");
    script_run(BOARD(SILENCE), resumed, ALL & ~(1u << RACK_PROBE), &none, &result);
    expect(VERDICT_PASS, CLASS_NONE, "");
    run_case(BOARD(CANARY), resumed, (struct script_faults){.leaves_hole = true});
    expect(VERDICT_FAIL, CLASS_UPDATE_DEAD, "no slot holds the bytes of v2");
}

/* The second attempt begins from the same record, so a fault of every second time shows again. */
Test(run, a_failure_of_every_second_update_is_the_boards)
{
    run_case(BOARD(CANARY), clean, (struct script_faults){.loses_second_confirm = true});
    expect(VERDICT_FAIL, CLASS_UPDATE_DEAD, "G4");
}

Test(run, sources_that_contradict_each_other_are_no_pass)
{
    run_case(BOARD(CANARY), clean, (struct script_faults){.other_version = true});
    cr_expect_neq(result.verdict.kind, VERDICT_PASS, "%s", result.verdict.reason);
    verdict_release(&result.verdict);
}

Test(run, what_the_wire_may_have_lost_accuses_nobody)
{
    run_case(BOARD(CANARY), cut, (struct script_faults){.silent_once = true});
    cr_expect_neq(result.verdict.kind, VERDICT_FAIL, "%s", result.verdict.reason);
    verdict_release(&result.verdict);
    run_case(BOARD(CANARY), cut, (struct script_faults){.deaf_pings = 1});
    expect(VERDICT_PASS, CLASS_NONE, "");
}

/* ---- a switch that takes its time, and whoever senses the rail ---- */

#define TELLS 1200000u /* after the command */

static void run_sensed(const char *board, struct script_faults faults)
{
    script_run(board, cut, SENSED, &faults, &result);
}

static void expect_nobody_accused(const char *what)
{
    cr_expect(result.verdict.kind == VERDICT_INCONCLUSIVE || result.verdict.kind == VERDICT_RIG_ERROR,
              "%s: %s: %s", what, verdict_kind_name(result.verdict.kind), result.verdict.reason);
    verdict_release(&result.verdict);
}

Test(run, a_slow_switch_cuts_and_proves_as_a_fast_one_does)
{
    static const uint64_t moves_us[] = {0, 1000, 600000, TELLS + SWITCH_LATENCY_US / 2};
    for (size_t i = 0; i < sizeof moves_us / sizeof *moves_us; i++) {
        struct script_faults slow = {.switch_tells_us = TELLS, .switch_moves_us = moves_us[i]};
        run_case(BOARD(CANARY), cut, slow);
        expect(VERDICT_PASS, CLASS_NONE, "");
        run_case(BOARD(SILENCE), cut, slow);
        expect(VERDICT_PASS, CLASS_NONE, "");
        run_sensed(BOARD(SENSE), slow);
        expect(VERDICT_PASS, CLASS_NONE, "");
        run_case(BOARD(CANARY), clean, slow);
        expect(VERDICT_PASS, CLASS_NONE, "");
        /* nobody waits for the limit of a switch that has long told */
        cr_expect(result.took_us < 120000000, "%llu s", (unsigned long long)result.took_us / 1000000);
    }
}

/* Between the command and the latest that the switch's documentation allows; narrower where it is sensed. */
Test(run, what_is_not_known_of_a_cut_widens_its_interval)
{
    struct script_faults slow = {.switch_tells_us = TELLS, .switch_moves_us = 600000};
    run_case(BOARD(CANARY), cut, slow);
    cr_assert_eq(result.verdict.cut_count, 1);
    const struct verdict_cut *one = &result.verdict.cuts[0];
    cr_expect_eq(one->acted_us - one->commanded_us, TELLS);
    cr_expect_eq(one->latest_us - one->acted_us, SWITCH_LATENCY_US);
    cr_expect_eq(one->achieved_us, 0);
    verdict_release(&result.verdict);
    run_sensed(BOARD(SENSE), slow);
    cr_assert_eq(result.verdict.cut_count, 1);
    one = &result.verdict.cuts[0];
    cr_expect(one->achieved_us - one->commanded_us >= 600000 && one->achieved_us < one->acted_us);
    verdict_release(&result.verdict);
}

Test(run, a_broken_board_is_found_behind_a_slow_switch)
{
    struct script_faults slow = {.switch_tells_us = TELLS, .switch_moves_us = 600000, .no_revert = true};
    run_case(BOARD(CANARY), cut, slow);
    expect(VERDICT_FAIL, CLASS_NO_ROLLBACK, "G2");
    slow.no_revert = false;
    slow.dead_after_cut = true;
    run_sensed(BOARD(SENSE), slow);
    expect(VERDICT_FAIL, CLASS_BRICKED, "G1");
}

/* "Done", says the switch: nothing moved, it moves much later than it may, or somebody else lost power. */
Test(run, a_switch_that_lies_accuses_nobody)
{
    static const struct script_faults lies[] = {
        {.switch_tells_us = TELLS, .switch_moves_nothing = true},
        {.switch_tells_us = 50000, .switch_moves_us = 2500000},
        {.switch_tells_us = TELLS, .relay_stuck = true},
        {.switch_tells_us = TELLS, .switch_dies = true},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        run_case(BOARD(CANARY), cut, lies[i]);
        expect_nobody_accused("canary");
        run_case(BOARD(SILENCE), cut, lies[i]);
        expect_nobody_accused("silence");
        run_sensed(BOARD(SENSE), lies[i]);
        expect_nobody_accused("sense");
    }
}

/* What waited behind a command that failed must not move the rail after the safe state. */
Test(run, after_a_switch_has_failed_the_safe_state_is_the_last_command)
{
    run_case(BOARD(CANARY), queued,
             (struct script_faults){.switch_tells_us = TELLS, .switch_dies_once = true});
    cr_expect_eq(result.after, 1, "%u commands", result.after);
    expect(VERDICT_RIG_ERROR, CLASS_NONE, "script: no answer");
    run_case(BOARD(CANARY), queued,
             (struct script_faults){.switch_tells_us = TELLS, .switch_mute_once = true});
    cr_expect_eq(result.after, 1, "%u commands", result.after);
    expect(VERDICT_RIG_ERROR, CLASS_NONE, "the switch did not tell within 300 s whether it acted");
}

Test(run, a_switch_that_tells_nothing_is_noticed_also_where_the_run_is_not_told)
{
    run_case(BOARD(CANARY), behind_the_back,
             (struct script_faults){.switch_tells_us = TELLS, .switch_mute_once = true});
    expect(VERDICT_RIG_ERROR, CLASS_NONE, "the switch did not tell within 300 s whether it acted");
}

Test(run, another_device_proves_the_cut)
{
    struct script_faults none = {0}, stuck = {.relay_stuck = true};
    script_run(BOARD(SENSE), cut, SENSED, &none, &result);
    expect(VERDICT_PASS, CLASS_NONE, "");
    script_run(BOARD(SENSE), cut, SENSED, &stuck, &result);
    expect(VERDICT_RIG_ERROR, CLASS_NONE, "did not follow");
}

/* ---- a board that is asked over the network, and never by its console ---- */

#define WEB "\"from\":\"http\",\"url\":\"http://127.0.0.1:@PORT@/{place}/status\""
#define WEB_BOARD_WITH(memory, data)                                                                         \
    "{\"schema_version\":1,\"name\":\"b\",\"title\":\"t\",\"chip\":\"c\","                                   \
    "\"memory\":{\"flash\":{\"address\":0,\"size\":\"0x10000\"},\"slots\":[{\"address\":\"0x4000\","         \
    "\"size\":\"0x4000\"},"                                                                                  \
    "{\"address\":\"0x8000\",\"size\":\"0x4000\"}],\"state\":[{\"address\":\"0x3000\",\"size\":4}]" memory   \
    "},"                                                                                                     \
    "\"phases\":{\"swap\":{\"after_ms\":100,\"length_ms\":1000}},\"facts\":{"                                \
    "\"up\":[{" WEB "}],\"alive\":[{" WEB "}],\"cold\":[{" WEB ",\"boot_id\":\"/boot\"}],"                   \
    "\"image\":[{" WEB ",\"version\":\"/fw/0/version\"}],"                                                   \
    "\"confirmed\":[{" WEB ",\"confirmed\":\"/fw/0/confirmed\"}],"                                           \
    "\"data\":[{" WEB ",\"print\":\"/data/print\"}" data "]},"                                               \
    "\"images\":{\"v1\":{}},\"initial\":[\"$start\"],\"limits\":{\"boot_ms\":2000,\"recovery_ms\":5000,"     \
    "\"cycles\":3}}"

#define WEB_BOARD WEB_BOARD_WITH("", "")
/* and where the network tells nothing of the data, their bytes may be read */
#define WEB_BOARD_AND_BYTES                                                                                  \
    WEB_BOARD_WITH(",\"data\":{\"address\":\"0x2000\",\"size\":64}", ",{\"from\":\"storage\"}")

Test(run, a_board_is_judged_by_what_it_tells_the_network)
{
    run_case(WEB_BOARD, clean, (struct script_faults){0});
    expect(VERDICT_PASS, CLASS_NONE, "");
    run_case(WEB_BOARD, cut, (struct script_faults){0});
    expect(VERDICT_PASS, CLASS_NONE, "");
    run_case(WEB_BOARD, cut, (struct script_faults){.no_revert = true});
    expect(VERDICT_FAIL, CLASS_NO_ROLLBACK, "G2");
    run_case(WEB_BOARD, cut, (struct script_faults){.data_replaced = true});
    expect(VERDICT_FAIL, CLASS_DATA_LOST, "G5");
    for (unsigned life = 4; life <= 8; life++) {
        run_case(WEB_BOARD_AND_BYTES, cut, (struct script_faults){.data_untold_in = life});
        cr_expect_neq(result.verdict.kind, VERDICT_FAIL, "untold in life %u: %s", life,
                      result.verdict.reason);
        verdict_release(&result.verdict);
    }
    run_case(WEB_BOARD, cut, (struct script_faults){.dead_after_cut = true});
    cr_expect_neq(result.verdict.kind, VERDICT_PASS, "%s", result.verdict.reason);
    verdict_release(&result.verdict);
}
