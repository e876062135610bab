/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A gate opens only for what is shown. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/gate/gate.h"

#define NOW 1764547200 /* 2025-12-01T00:00:00Z */
#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CASE(id, board, verdict, class)                                                                      \
    "{\"id\":\"" id "\",\"scenario\":\"swap\",\"family\":\"power-cut\",\"board\":\"" board                   \
    "\",\"scenario_file\":\"s/"                                                                              \
    "nightly/swap.json\",\"verdict\":\"" verdict                                                             \
    "\",\"class\":\"" class "\",\"reason\":\"why\",\"folder\":\"cases/" id "\"}"
#define RUN_OF(firmware, started, sha, planned, cases)                                                       \
    "{\"run\":{\"started\":\"" started "\",\"cases_planned\":" planned "},\"firmware\":\"" firmware          \
    "\",\"boards\":[\"b1\"],\"images\":{\"v2\":{\"sha256\":\"" sha "\"}},\"cases\":[" cases "]}"
#define RUN(cases) RUN_OF("good", "2025-11-30T20:00:00Z", SHA_A, "0", cases)

static struct policy policy;
static struct gate gate;
static struct error error;

static int load(const char *members)
{
    char path[] = "/tmp/otarig-policy.XXXXXX";
    char *text = mem_printf("{\"schema_version\":1,\"name\":\"release\",%s}", members);
    int fd = mkstemp(path);
    cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    error = (struct error){0};
    int result = policy_load(path, &policy, &error);
    unlink(path);
    free(text);
    return result;
}

static void add(const char *run, const char *campaigns)
{
    cJSON *result = cJSON_Parse(run), *list = campaigns ? cJSON_Parse(campaigns) : NULL;
    cr_assert(result, "%s", run);
    gate_add(&gate, "out/r", result, list);
    cJSON_Delete(result);
    cJSON_Delete(list);
}

static void end(enum gate_state state, const char *said)
{
    char *text;
    size_t len;
    gate_judge(&gate);
    FILE *out = open_memstream(&text, &len);
    gate_text(&gate, out);
    gate_markdown(&gate, out);
    fclose(out);
    cr_expect_eq(gate_state(&gate), state, "%s", text);
    cr_expect(strstr(text, said), "'%s' lacks in %s", said, text);
    free(text);
    gate_end(&gate);
    policy_release(&policy);
}

static void begin(const char *members)
{
    cr_assert_eq(load(members), 0, "%s", error.text);
    gate_begin(&gate, &policy, NOW);
}

#define TWO "\"require\":[{\"scenario\":\"swap\",\"cases\":2}]"
#define PASSES CASE("a", "b1", "pass", "") "," CASE("b", "b1", "pass", "")

Test(gate, opens_for_what_is_shown_and_for_nothing_less)
{
    begin(TWO);
    add(RUN(PASSES), NULL);
    end(GATE_MET, "met     swap: 2 cases pass: 2 of 2 pass");
    begin(TWO);
    add(RUN(CASE("a", "b1", "pass", "")), NULL);
    add(RUN(CASE("a", "b1", "pass", "")), NULL); /* the same case again is one case */
    end(GATE_OPEN, "open    swap: 2 cases pass: 1 of 1 pass");
    begin(TWO);
    end(GATE_OPEN, "no case fails: 0 cases");
    begin(TWO);
    add(RUN(""), NULL);
    end(GATE_OPEN, "0 of 0 pass");
}

Test(gate, one_failure_outweighs_all_passes_of_that_case)
{
    begin(TWO);
    add(RUN(PASSES), NULL);
    add(RUN(CASE("a", "b1", "fail", "bricked")), NULL);
    add(RUN(PASSES), NULL);
    end(GATE_FAILED, "failed  a on b1: fail bricked: why (out/r/cases/a)");
}

Test(gate, what_nothing_proves_is_no_pass)
{
    begin(TWO);
    add(RUN(PASSES "," CASE("c", "b1", "inconclusive", "")), NULL);
    end(GATE_OPEN, "open    c on b1: inconclusive: why");
    begin(TWO);
    add(RUN(PASSES "," CASE("c", "b1", "rig-error", "")), NULL);
    add(RUN(CASE("c", "b1", "pass", "")), NULL); /* proven by another run */
    end(GATE_MET, "0 neither passed nor failed");
    begin(TWO ",\"unproven_allowed\":1");
    add(RUN(PASSES "," CASE("c", "b1", "something new", "")), NULL);
    end(GATE_MET, "1 neither passed nor failed");
}

Test(gate, asks_for_each_board_by_family_folder_or_name)
{
    begin("\"require\":[{\"scenario\":\"power-cut/*\",\"boards\":[\"b1\",\"b2\"]},{\"scenario\":\"nightly/"
          "swap\"}]");
    add(RUN(PASSES), NULL);
    end(GATE_OPEN, "open    power-cut/* on b2: 1 case passes: 0 of 0 pass");
    begin("\"require\":[{\"scenario\":\"power-cut/*\",\"boards\":[\"b1\",\"b2\"]},{\"scenario\":\"nightly/"
          "swap\"}]");
    add(RUN(PASSES "," CASE("a", "b2", "pass", "")), NULL);
    end(GATE_MET, "met     nightly/swap: 1 case passes: 3 of 3 pass");
}

#define BAD ",\"known_bad\":[{\"firmware\":\"bad\",\"class\":\"no-rollback\"}]"

Test(gate, a_defect_must_have_been_caught_as_what_it_is)
{
    begin(TWO BAD);
    add(RUN(PASSES), NULL);
    end(GATE_OPEN, "known-bad bad fails as no-rollback: it was not run");
    begin(TWO BAD);
    add(RUN(PASSES), NULL);
    add(RUN_OF("bad", "2025-11-30T20:00:00Z", SHA_B, "0", CASE("a", "b1", "fail", "bricked")), NULL);
    end(GATE_OPEN, "nothing caught it");
    begin(TWO BAD);
    add(RUN(PASSES), NULL);
    add(RUN_OF("bad", "2025-11-30T20:00:00Z", SHA_B, "0", CASE("a", "b1", "fail", "no-rollback")), NULL);
    end(GATE_MET, "does not count: a build with a defect");
}

Test(gate, the_release_itself_is_no_known_bad_build)
{
    begin(TWO BAD);
    add(RUN_OF("bad", "2025-11-30T20:00:00Z", SHA_A, "0", CASE("a", "b1", "fail", "no-rollback")), NULL);
    add(RUN(PASSES), NULL);
    end(GATE_FAILED, "out/r was run with the release's own files");
}

/* Shipped scenarios of two folders bear the same name. */
Test(gate, a_case_of_another_folder_is_another_case)
{
    cJSON *other = cJSON_Parse(RUN(CASE("a", "b1", "inconclusive", "")));
    cJSON *one = cJSON_GetArrayItem(cJSON_GetObjectItem(other, "cases"), 0);
    cJSON_ReplaceItemInObject(one, "scenario_file", cJSON_CreateString("s/linux/swap.json"));
    begin(TWO);
    add(RUN(PASSES), NULL);
    gate_add(&gate, "out/q", other, NULL);
    cJSON_Delete(other);
    end(GATE_OPEN, "1 neither passed nor failed");
}

Test(gate, boards_have_files_of_their_own)
{
    cJSON *other =
        cJSON_Parse(RUN_OF("good", "2025-11-30T20:00:00Z", SHA_B, "0", CASE("a", "b2", "pass", "")));
    cJSON_ReplaceItemInObject(other, "boards", cJSON_Parse("[\"b2\"]"));
    begin(TWO);
    add(RUN(PASSES), NULL);
    gate_add(&gate, "out/q", other, NULL);
    cJSON_Delete(other);
    end(GATE_MET, "swap: 2 cases pass: 3 of 3 pass");
}

Test(gate, counts_only_new_runs_of_the_release)
{
    begin(TWO ",\"max_age_h\":24");
    add(RUN_OF("good", "2025-11-29T20:00:00Z", SHA_A, "0", PASSES), NULL);
    end(GATE_OPEN, "more than 24 hours ago");
    begin(TWO ",\"max_age_h\":24");
    add(RUN_OF("good", "2025-12-02T20:00:00Z", SHA_A, "0", PASSES), NULL);
    end(GATE_OPEN, "it began in the future");
    begin(TWO ",\"max_age_h\":24");
    add(RUN_OF("good", "yesterday", SHA_A, "0", PASSES), NULL);
    end(GATE_OPEN, "does not say when it began");
    begin(TWO ",\"images\":{\"v2\":\"" SHA_A "\"}");
    add(RUN_OF("good", "2025-11-29T20:00:00Z", SHA_B, "0", PASSES), NULL);
    end(GATE_OPEN, "not the release's");
    begin(TWO ",\"images\":{\"v3\":\"" SHA_A "\"}");
    add(RUN(PASSES), NULL);
    end(GATE_OPEN, "it has no image 'v3'");
    begin(TWO);
    add(RUN(PASSES), NULL);
    add(RUN_OF("good", "2025-11-29T20:00:00Z", SHA_B, "0", PASSES), NULL);
    end(GATE_OPEN, "another image 'v2' than the runs before it");
    begin(TWO);
    add(RUN_OF("good", "2025-11-29T20:00:00Z", SHA_A, "5", PASSES), NULL);
    end(GATE_OPEN, "ended early: 3 of its 5 cases have no verdict");
}

#define PHASE ",\"phases\":[{\"phase\":\"swap\",\"below_percent\":5}]"

Test(gate, a_campaign_must_have_shown_how_rarely_a_phase_fails)
{
    begin(TWO PHASE);
    add(RUN(PASSES), "[{\"scenario\":\"swap\",\"phases\":[{\"name\":\"swap\",\"p_fail_below\":0.06}]}]");
    end(GATE_OPEN, "no campaign of these runs has shown it");
    begin(TWO PHASE);
    add(RUN(PASSES), "[{\"scenario\":\"swap\",\"phases\":[{\"name\":\"swap\"},{\"name\":\"other\",\"p_fail_"
                     "below\":0.01}]}]");
    end(GATE_OPEN, "no campaign of these runs has shown it");
    begin(TWO PHASE);
    add(RUN(PASSES), "[{\"scenario\":\"swap\",\"phases\":[{\"name\":\"swap\",\"p_fail_below\":0.04}]}]");
    end(GATE_MET, "a campaign has shown it");
}

Test(gate, text_of_others_is_no_markup)
{
    char *text;
    size_t len;
    begin("\"require\":[{\"scenario\":\"*|<b>\"}]");
    gate_judge(&gate);
    FILE *out = open_memstream(&text, &len);
    gate_markdown(&gate, out);
    fclose(out);
    cr_expect(strstr(text, "\\*\\|\\<b\\>: 1 case passes"), "%s", text);
    free(text);
    gate_end(&gate);
    policy_release(&policy);
}

Test(gate, each_mistake_of_a_policy_is_named)
{
    static const char *const rows[][2] = {
        {"\"require\":[]", "$.require: expected at least one element"},
        {"\"require\":[{}]", "$.require[0].scenario"},
        {"\"require\":[{\"scenario\":\"s\",\"cases\":0}]", "$.require[0].cases"},
        {"\"require\":[{\"scenario\":\"s\",\"board\":\"b\"}]", "did you mean 'boards'?"},
        {"\"comment\":\"x\"", "$.require"},
        {TWO ",\"known_bad\":[{\"firmware\":\"bad\",\"class\":\"sad\"}]",
         "$.known_bad[0].class: expected a class"},
        {TWO ",\"images\":{}", "$.images: expected at least one image"},
        {TWO ",\"images\":{\"v2\":\"AA\"}", "$.images.v2: expected a SHA-256"},
        {TWO ",\"phases\":[{\"phase\":\"p\",\"below_percent\":100}]", "$.phases[0].below_percent"},
        {TWO ",\"max_age_h\":-1", "$.max_age_h"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(load(rows[i][0]), -1, "%s", rows[i][0]);
        cr_expect(strstr(error.text, rows[i][1]), "row %zu: '%s' lacks '%s'", i, error.text, rows[i][1]);
    }
}
