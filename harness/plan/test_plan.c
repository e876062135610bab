/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan makes of a scenario once the board and the images are known. */
#include <criterion/criterion.h>
#include <string.h>

#include "harness/plan/plan.h"

#define SCENARIO(clauses, extra)                                                                             \
    "{\"schema_version\":1,\"name\":\"s\",\"title\":\"t\",\"family\":\"bricked-image\",\"covers\":[],"       \
    "\"start\":\"v1\",\"faults\":[{\"name\":\"bad\",\"action\":{\"do\":\"image\"}}],"                        \
    "\"steps\":[{\"do\":\"stage\",\"image\":\"v2\",\"proves\":\"bad\"}],"                                    \
    "\"expect\":{\"runs\":[\"v1\"]" extra "},\"clauses\":[" clauses "]}"
#define NEXT ",\"next\":\"v2\""
#define WITHOUT_G4 "},\"without\":[{\"clause\":\"G4\",\"why\":\"no way to\"}],\"recovery_ms\":0,\"vary\":{"

static struct board_mark marks[] = {{.name = "boot", .expression = "^B"},
                                    {.name = "app_up", .expression = "^A (?<version>.*)"},
                                    {.name = "data", .expression = "^D"}};
static struct board board = {.name = "b", .path = "b.json", .marks = marks};
static struct image images[] = {{.name = "v1", .hash = "aa"}, {.name = "v2", .hash = "bb"}};
static const struct image_set set = {.folder = "f", .variant = "good", .images = images, .count = 2};
static const struct driver driver;
static struct error error;

static int build(const char *text, size_t mark_count, struct plan *plan)
{
    struct plan_file file = {0};
    cr_assert_eq(json_parse(&file.document, "s.json", text, strlen(text), &error), 0, "%s", error.text);
    cr_assert_eq(variation_list(json_root(&file.document), "s", NULL, 1, &file.variations, &error), 0, "%s",
                 error.text);
    struct json_document empty;
    board.mark_count = mark_count;
    memset(board.facts, 0, sizeof board.facts);
    cr_assert_eq(json_parse(&empty, "b.json", "{}", 2, &error), 0);
    cr_assert_eq(facts_parse(json_root(&empty), &board, &error), 0, "%s", error.text);
    json_close(&empty);
    int result = plan_build(&file, 0, &board, &set, plan, &error);
    plan_file_release(&file);
    return result;
}

static bool judges(const struct plan *plan, const char *clause)
{
    for (size_t i = 0; plan->scenario.clauses[i]; i++)
        if (!strcmp(plan->scenario.clauses[i], clause))
            return true;
    return false;
}

Test(plan, judges_user_data_wherever_the_board_tells_of_them)
{
    struct plan plan;
    cr_assert_eq(build(SCENARIO("\"G1\"", NEXT), 3, &plan), 0, "%s", error.text);
    cr_expect(judges(&plan, "G1") && judges(&plan, "G4") && judges(&plan, "G5"));
    cr_expect(judges(&plan, "G2") && judges(&plan, "G3") && !judges(&plan, "G6") && !judges(&plan, "G7"));
    plan_release(&plan);
    cr_assert_eq(build(SCENARIO("\"G1\"", NEXT), 2, &plan), 0, "%s", error.text);
    cr_expect(judges(&plan, "G4") && !judges(&plan, "G5"), "a board that tells nothing of them");
    plan_release(&plan);
    cr_assert_eq(build(SCENARIO("\"G5\"", NEXT), 2, &plan), 0, "%s", error.text);
    plan_fit(&plan, NULL);
    cr_expect(!judges(&plan, "G5"), "what nobody can tell is left out, and the verdict says so");
    cr_assert_eq(plan.scenario.without_count, 1);
    cr_expect_str_eq(plan.scenario.without[0].why, "nothing tells of this board's data");
    plan_release(&plan);
}

Test(plan, says_in_the_journal_what_each_fault_does_and_what_is_left_out)
{
    struct plan plan;
    cr_assert_eq(build(SCENARIO("\"G1\"", WITHOUT_G4), 3, &plan), 0, "%s", error.text);
    cr_expect(!judges(&plan, "G4") && judges(&plan, "G5"));
    cJSON *fields = plan_case_fields(&plan, "p1");
    char *text = cJSON_PrintUnformatted(fields);
    cr_expect(strstr(text, "\"actions\":{\"bad\":\"image\"}"), "%s", text);
    cr_expect(strstr(text, "\"without\":[{\"clause\":\"G4\",\"why\":\"no way to\"}]"), "%s", text);
    cJSON_free(text);
    cJSON_Delete(fields);
    plan_release(&plan);
}

Test(plan, needs_an_updater_for_the_clean_update_whether_or_not_it_says_so)
{
    struct plan plan;
    struct rack_place place = {.name = "p1", .board = "b"};
    for (int role = 0; role < RACK_ROLES; role++)
        if (role != RACK_UPDATE)
            place.devices[role].driver = &driver;
    cr_assert_eq(build(SCENARIO("\"G1\"", NEXT), 3, &plan), 0, "%s", error.text);
    cr_expect_eq(plan_check_place(&plan, &place, &error), -1);
    cr_expect(strstr(error.text, "place 'p1': the place has no update client"), "%s", error.text);
    plan_release(&plan);
    cr_assert_eq(build(SCENARIO("\"G1\"", WITHOUT_G4), 3, &plan), 0, "%s", error.text);
    cr_expect_eq(plan_check_place(&plan, &place, &error), 0, "%s", error.text);
    plan_release(&plan);
}

static unsigned can;

static unsigned abilities(const void *config)
{
    return can;
}

Test(plan, needs_an_updater_that_can_confirm_what_it_starts_on_trial)
{
    static const struct update_ops ops = {.abilities = abilities};
    static const struct driver client = {.update = &ops};
    const unsigned trial = UPDATE_CAN_ACTIVATE | UPDATE_CAN_TRIAL;
    struct rack_place place = {.name = "p1", .board = "b"};
    struct plan plan;
    for (int role = 0; role < RACK_ROLES; role++)
        place.devices[role].driver = role == RACK_UPDATE ? &client : &driver;
    cr_assert_eq(build(SCENARIO("\"G1\"", NEXT), 3, &plan), 0, "%s", error.text);
    can = trial;
    cr_expect_eq(plan_check_place(&plan, &place, &error), -1);
    cr_expect(strstr(error.text, "cannot confirm them"), "%s", error.text);
    plan.unfit_count = 0;
    board.confirms = CONFIRMS_ITSELF;
    cr_expect_eq(plan_check_place(&plan, &place, &error), 0, "%s", error.text);
    board.confirms = CONFIRMS_HOST;
    can = trial | UPDATE_CAN_CONFIRM;
    cr_expect_eq(plan_check_place(&plan, &place, &error), 0, "%s", error.text);
    can = 0; /* what it delivers will run */
    cr_expect_eq(plan_check_place(&plan, &place, &error), 0, "%s", error.text);
    can = UPDATE_CAN_ACTIVATE | UPDATE_CAN_PERMANENT;
    cr_expect_eq(plan_check_place(&plan, &place, &error), 0, "%s", error.text);
    plan_release(&plan);
}

Test(plan, tries_no_image_that_confirms_itself)
{
    struct rack_place place = {.name = "p1", .board = "b"};
    struct plan plan;
    for (int role = 0; role < RACK_ROLES; role++)
        if (role != RACK_UPDATE)
            place.devices[role].driver = &driver;
    cr_assert_eq(
        build(
            SCENARIO(
                "\"G1\"",
                "},\"without\":[{\"clause\":\"G4\",\"why\":\"no way to\"}],\"needs\":[\"trial\"],\"vary\":{"),
            3, &plan),
        0, "%s", error.text);
    cr_expect_eq(plan_check_place(&plan, &place, &error), 0, "%s", error.text);
    board.confirms = CONFIRMS_ITSELF;
    cr_expect_eq(plan_check_place(&plan, &place, &error), -1);
    cr_expect(strstr(error.text, "does not wait for the host"), "%s", error.text);
    board.confirms = CONFIRMS_HOST;
    plan_release(&plan);
}

#define FLOOR NEXT ",\"never\":[{\"image\":\"v2\",\"class\":\"downgraded\"}]"

Test(plan, asks_no_version_floor_of_a_board_that_its_own_update_restores)
{
    static const struct update_ops ops = {.abilities = abilities};
    static const struct driver client = {.update = &ops};
    static char *initial[] = {"$start", NULL};
    struct rack_place place = {.name = "p1", .board = "b"};
    struct plan plan;
    for (int role = 0; role < RACK_ROLES; role++)
        place.devices[role].driver = role == RACK_UPDATE ? &client : &driver;
    can = 0;
    board.initial = initial;
    cr_assert_eq(build(SCENARIO("\"G1\"", FLOOR), 3, &plan), 0, "%s", error.text);
    plan_find_unfit(&plan, &place);
    cr_expect_eq(plan.unfit_count, 0, "%s", plan.unfit[0]);
    place.devices[RACK_PROBE].driver = NULL;
    plan_find_unfit(&plan, &place);
    cr_expect(strstr(plan.unfit[plan.unfit_count - 1], "it has to take older ones"), "%s", plan.unfit[0]);
    board.initial = NULL;
    plan_release(&plan);
}

Test(plan, says_before_a_case_which_images_nothing_tells_apart)
{
    static const struct update_ops ops = {.abilities = abilities};
    static const struct driver client = {.update = &ops};
    struct rack_place place = {.name = "p1", .board = "b"};
    struct plan plan;
    char text[240];
    for (int role = 0; role < RACK_ROLES; role++)
        place.devices[role].driver = &driver;
    place.devices[RACK_PROBE].driver = place.devices[RACK_UPDATE].driver = NULL;
    cr_assert_eq(build(SCENARIO("\"G1\"", NEXT), 3, &plan), 0, "%s", error.text);
    cr_expect(!plan_images_alike(&plan, &place, text, sizeof text), "versions are not known: %s", text);
    images[0].version = "1.2.0";
    images[1].version = "v1.2";
    cr_assert(plan_images_alike(&plan, &place, text, sizeof text));
    cr_expect(strstr(text, "nothing tells 'v1' from 'v2', which are both version 1.2.0"), "%s", text);
    can = UPDATE_CAN_STATE | UPDATE_BOARD_ANSWERS;
    place.devices[RACK_UPDATE].driver = &client; /* a client may tell the hash */
    cr_expect(!plan_images_alike(&plan, &place, text, sizeof text), "%s", text);
    images[1].hash = images[0].hash; /* one image under two names */
    cr_expect(plan_images_alike(&plan, &place, text, sizeof text));
    images[1].hash = "bb";
    images[1].version = "1.3";
    place.devices[RACK_UPDATE].driver = NULL;
    cr_expect(!plan_images_alike(&plan, &place, text, sizeof text), "%s", text);
    images[0].version = images[1].version = NULL;
    plan_release(&plan);
}

static unsigned verbs(const void *config)
{
    return can;
}

Test(plan, needs_a_probe_that_can_what_a_step_asks_of_it)
{
    static const struct probe_ops ops = {.verbs = verbs};
    static const struct driver probe = {.probe = &ops};
    struct rack_place place = {.name = "p1", .board = "b"};
    struct plan plan;
    for (int role = 0; role < RACK_ROLES; role++)
        place.devices[role].driver = role == RACK_PROBE ? &probe : &driver;
    place.devices[RACK_UPDATE].driver = NULL;
    cr_assert_eq(build(SCENARIO("\"G1\"", WITHOUT_G4), 3, &plan), 0, "%s", error.text);
    can = 1u << PROBE_READ;
    cr_expect_eq(plan_check_place(&plan, &place, &error), -1);
    cr_expect(strstr(error.text, "its probe cannot program"), "%s", error.text);
    plan.unfit_count = 0;
    can |= 1u << PROBE_PROGRAM;
    cr_expect_eq(plan_check_place(&plan, &place, &error), 0, "%s", error.text);
    plan_release(&plan);
}

Test(plan, a_clean_update_to_what_runs_already_is_none)
{
    struct plan plan;
    images[1].hash = "AA";
    cr_expect_eq(build(SCENARIO("\"G1\"", NEXT), 3, &plan), -1);
    cr_expect(strstr(error.text, "$.expect.next: expected an image that is another one than 'v1'"), "%s",
              error.text);
}

/* In the order of its steps: u(pload), a(ctivate), A(rm), r(eset), w(ait). */
static const char *order_of(unsigned abilities_of_client, enum trigger_kind trigger)
{
    static const struct update_ops ops = {.abilities = abilities};
    static const struct driver client = {.update = &ops};
    static char order[20];
    struct rack_place place = {.name = "p1", .board = "b"};
    struct fault fault = {.name = (char[]){"f"}, .trigger.kind = trigger};
    struct step steps[] = {
        {.kind = STEP_UPLOAD}, {.kind = STEP_ACTIVATE}, {.kind = STEP_ARM, .fault = fault.name},
        {.kind = STEP_RESET},  {.kind = STEP_AWAIT},    {.kind = STEP_ARM, .fault = fault.name},
        {.kind = STEP_WAIT}};
    struct plan plan = {
        .board = &board,
        .scenario = {
            .steps = steps, .step_count = sizeof steps / sizeof *steps, .faults = &fault, .fault_count = 1}};
    for (int role = 0; role < RACK_ROLES; role++)
        place.devices[role].driver = role == RACK_UPDATE ? &client : &driver;
    can = abilities_of_client;
    plan_fit(&plan, &place);
    for (size_t i = 0; i < plan.scenario.step_count; i++)
        order[i] = steps[i].kind == STEP_ARM ? 'A' : "uacrw."[steps[i].kind < 5 ? steps[i].kind : 5];
    return order;
}

static const char *order_at(unsigned abilities_of_client)
{
    return order_of(abilities_of_client, TRIGGER_MARK);
}

Test(plan, arms_before_a_delivery_that_starts_the_board)
{
    struct plan plan;
    cr_assert_eq(build(SCENARIO("\"G1\"", NEXT), 3, &plan), 0, "%s", error.text);
    plan_release(&plan);
    const char *usual = order_at(UPDATE_CAN_ACTIVATE | UPDATE_CAN_TRIAL);
    cr_expect_eq(strchr(usual, 'A') - usual, 2);
    const char *early = order_at(UPDATE_CAN_CONFIRM);
    cr_expect_eq(early[0], 'A', "%s", early);
    cr_expect_eq(early[1], 'u', "%s", early);
    cr_expect_eq(strrchr(early, 'A') - early, 5, "what is armed after the restart stays there: %s", early);
    cr_expect_eq(order_at(UPDATE_CAN_RESTART)[0], 'u');
    /* what waits for time alone would strike the delivery */
    cr_expect_eq(order_of(UPDATE_CAN_CONFIRM, TRIGGER_NOW)[0], 'u');
    cr_expect_eq(order_of(UPDATE_CAN_CONFIRM, TRIGGER_ELAPSED)[0], 'u');
}

Test(plan, for_good_is_asked_of_who_can)
{
    static const struct update_ops ops = {.abilities = abilities};
    static const struct driver client = {.update = &ops};
    struct rack_place place = {.name = "p1", .board = "b"};
    struct plan plan;
    for (int role = 0; role < RACK_ROLES; role++)
        place.devices[role].driver = role == RACK_UPDATE ? &client : &driver;
    cr_assert_eq(build(SCENARIO("\"G1\"", NEXT), 3, &plan), 0, "%s", error.text);
    struct step activate = {.kind = STEP_ACTIVATE, .mode = (char[]){"confirm"}}, *steps = plan.scenario.steps;
    size_t count = plan.scenario.step_count;
    plan.scenario.steps = &activate;
    plan.scenario.step_count = 1;
    can = UPDATE_CAN_CONFIRM;
    plan_find_unfit(&plan, &place);
    cr_expect(plan.unfit_count && strstr(plan.unfit[plan.unfit_count - 1], "starts on trial"), "%s",
              plan.unfit[0]);
    size_t before = plan.unfit_count;
    can |= UPDATE_CAN_PERMANENT;
    plan_find_unfit(&plan, &place);
    cr_expect_eq(plan.unfit_count, before);
    plan.scenario.steps = steps;
    plan.scenario.step_count = count;
    plan_release(&plan);
}
