/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/plan/scenario.h"

static const char whole[] =
    "{\"schema_version\":1,\"name\":\"s\",\"title\":\"t\",\"family\":\"power-cut\",\"covers\":[\"P1\"],"
    "\"needs\":[\"power\",\"probe\"],\"start\":\"v1\","
    "\"faults\":[{\"name\":\"cut\",\"trigger\":{\"on\":\"mark\",\"mark\":\"swap_begin\",\"delay_ms\":1.5,"
    "\"count\":2},"
    "\"action\":{\"do\":\"power_storm\",\"on_ms\":25,\"times\":3}},"
    "{\"name\":\"bad\",\"action\":{\"do\":\"image\"}},"
    "{\"name\":\"net\",\"trigger\":{\"on\":\"bytes\",\"percent\":10},\"action\":{\"do\":\"link\",\"mode\":"
    "\"flap\",\"up_ms\":4,"
    "\"down_ms\":3}}],"
    "\"steps\":[{\"do\":\"upload\",\"image\":\"v2\",\"change\":{\"flip\":\"body\",\"seed\":3},\"proves\":"
    "\"bad\",\"attempts\":4},"
    "{\"do\":\"arm\",\"fault\":\"cut\"},{\"do\":\"power\",\"to\":\"cycle\"},{\"do\":\"sleep\",\"ms\":0.25},{"
    "\"do\":\"reset\"},"
    "{\"do\":\"await\",\"fault\":\"cut\",\"within_ms\":20},{\"do\":\"arm\",\"fault\":\"net\"}],"
    "\"expect\":{\"runs\":[\"v1\",\"v2\"],\"never\":[{\"image\":\"v0\"}],\"next\":\"v3\",\"resume\":{"
    "\"image\":\"v2\",\"within_ms\":1.5}},\"clauses\":["
    "\"G1\",\"G4\"]}";

static struct error error;

static int parse(const char *text, struct scenario *scenario)
{
    struct json_document document;
    cr_assert_eq(json_parse(&document, "s.json", text, strlen(text), &error), 0, "%s in %s", error.text,
                 text);
    int result = scenario_parse(json_root(&document), scenario, &error);
    json_close(&document);
    return result;
}

Test(scenario, is_read_with_its_units_and_defaults)
{
    struct scenario s;
    cr_assert_eq(parse(whole, &s), 0, "%s", error.text);
    cr_expect_eq(s.fault_count, 3);
    cr_expect_eq(s.faults[0].trigger.kind, TRIGGER_MARK);
    cr_expect_eq(s.faults[0].trigger.delay_us, 1500);
    cr_expect_eq(s.faults[0].trigger.count, 2);
    cr_expect_eq(s.faults[0].action.on_us, 25000);
    cr_expect_eq(s.faults[0].action.off_us, 300000, "default");
    cr_expect_eq(s.faults[2].trigger.percent, 10);
    cr_expect_eq(s.faults[2].trigger.bytes, -1);
    cr_expect_eq(s.faults[2].action.link, LINK_FLAP);
    cr_expect_eq(s.step_count, 7);
    cr_expect(s.steps[0].change.any && s.steps[0].change.flip == IMAGE_BODY);
    cr_expect_eq(s.steps[0].change.flip_bits, 1);
    cr_expect_eq(s.steps[0].change.keep, -1);
    cr_expect(!s.steps[1].change.any);
    cr_expect_str_eq(s.steps[2].mode, "cycle");
    cr_expect_eq(s.steps[3].sleep_us, 250);
    cr_expect_str_eq(s.steps[4].by, "update");
    cr_expect_eq(s.steps[5].within_us, 20000);
    cr_expect_eq(s.steps[1].within_us, 30000000, "default");
    cr_expect_eq(s.steps[0].within_us, 0, "an upload takes as long as it makes progress");
    cr_expect_str_eq(s.expect.never[0].class, "bad-image-accepted");
    cr_expect_str_eq(s.expect.final_class, "wrong-version", "a revert is expected only where it is said");
    cr_expect_null(s.expect.final);
    cr_expect_str_eq(s.expect.resume, "v2");
    cr_expect_eq(s.expect.resume_within_us, 1500);
    cr_expect_str_eq(scenario_fault(&s, "net")->name, "net");
    cr_expect_null(scenario_fault(&s, "nit"));
    scenario_release(&s);
}

/* Each row replaces one piece of the good text and must be refused with words that help. */
static const struct {
    const char *old, *new, *said;
} rows[] = {
    {"\"schema_version\":1", "\"schema_version\":2", "$.schema_version: expected 1, found 2"},
    {"\"name\":\"s\"", "\"name\":\"a/b\"", "$.name: expected a name"},
    {"\"name\":\"s\"", "\"name\":\"..\"", "$.name: expected a name"},
    {"\"family\":\"power-cut\"", "\"family\":\"flood\"",
     "\"bricked-image\", \"network-loss\", \"clean-update\", found \"flood\""},
    {"\"covers\"", "\"cover\"", "did you mean 'covers'?"},
    {"\"probe\"]", "\"prob\"]", "$.needs[1]"},
    {"\"name\":\"net\"", "\"name\":\"cut\"", "$.faults[2].name: expected a name that no other fault has"},
    {"\"mark\":\"swap_begin\",", "", "$.faults[0].trigger.mark"},
    {"\"percent\":10", "\"percent\":101",
     "$.faults[2].trigger.percent: expected a whole number from 0 to 100, found 101"},
    {"\"percent\":10", "\"percent\":1,\"bytes\":1", "expected either 'bytes' or 'percent'"},
    {"\"percent\":10", "\"delay_ms\":1", "expected either 'bytes' or 'percent'"},
    {"\"on_ms\":25,", "", "$.faults[0].action.on_ms"},
    {"\"within_ms\":1.5", "\"within_ms\":0", "$.expect.resume.within_ms: expected at least 1"},
    {"\"times\":3", "\"times\":0", "$.faults[0].action.times"},
    {"\"mode\":\"flap\"", "\"mode\":\"flop\"", "$.faults[2].action.mode"},
    {"\"delay_ms\":1.5", "\"delay_ms\":-1", "$.faults[0].trigger.delay_ms"},
    {"\"delay_ms\":1.5", "\"delay_ms\":1e300", "$.faults[0].trigger.delay_ms"},
    {"{\"do\":\"reset\"}", "{\"do\":\"dance\"}", "$.steps[4].do"},
    {"{\"do\":\"reset\"}", "{\"do\":\"reset\",\"image\":\"v1\"}", "$.steps[4]: unknown key 'image'"},
    {"{\"do\":\"reset\"}", "{\"do\":\"wait\"}", "either 'mark' or 'fact' (step 'wait')"},
    {"{\"do\":\"reset\"}", "7", "$.steps[4]: expected an object, found 7"},
    {"{\"do\":\"reset\"}", "{\"do\":\"wait\",\"mark\":\"m\",\"absent\":7}", "$.steps[4].absent"},
    {"{\"do\":\"reset\"}", "{\"do\":\"reset\",\"absent\":true}", "$.steps[4]: unknown key 'absent'"},
    {"\"do\":\"arm\",\"fault\":\"cut\"", "\"do\":\"arm\",\"fault\":\"cat\"",
     "$.steps[1].fault: expected the name of one of $.faults"},
    {"\"proves\":\"bad\"", "\"proves\":\"good\"", "$.steps[0].proves"},
    {"\"flip\":\"body\"", "\"flip\":\"soul\"", "$.steps[0].change.flip"},
    {"\"image\":\"v0\"}", "\"image\":\"v0\",\"class\":\"bricked\"}", "$.expect.never[0].class"},
    {"\"runs\":[\"v1\",\"v2\"],", "", "$.expect.runs"},
    {"\"G4\"", "\"G9\"", "$.clauses[1]"},
    {"[\"G1\",\"G4\"]", "[]", "at least one clause"},
    /* what cannot fire or be proven */
    {"\"proves\":\"bad\"", "\"proves\":\"cut\"",
     "$.steps[0].proves: expected a fault whose action is \"image\", found \"cut\""},
    {"\"proves\":\"bad\",", "", "$.faults[1]: expected a step that 'proves' this fault"},
    {"\"do\":\"arm\",\"fault\":\"net\"", "\"do\":\"reset\"",
     "$.faults[2]: expected a step 'arm' of this fault"},
    {"{\"do\":\"reset\"}", "{\"do\":\"arm\",\"fault\":\"net\"}", "$.faults[2]: expected one step 'arm'"},
    {"\"do\":\"arm\",\"fault\":\"net\"", "\"do\":\"arm\",\"fault\":\"bad\"",
     "$.steps[6].fault: expected a fault with a trigger"},
    {"\"family\":\"power-cut\"", "\"family\":\"clean-update\"",
     "$.faults: expected no fault in the family \"clean-update\", found a list of 3"},
    /* what cannot be judged */
    {"\"runs\":[\"v1\",\"v2\"]", "\"runs\":[]", "$.expect.runs: expected at least one image"},
    {"\"next\":\"v3\"", "\"next\":\"v3\",\"final\":\"v3\"",
     "$.expect.final: expected one of $.expect.runs, found \"v3\""},
    {"\"image\":\"v0\"}", "\"image\":\"v2\"}",
     "$.expect.never[0].image: expected an image that is not in $.expect.runs"},
    {",\"next\":\"v3\"", "",
     "$.expect.next: expected the image of the clean update (G4 is judged in every case"},
    {"\"next\":\"v3\"", "\"next\":\"v2\"", "$.expect.next: expected an image that is not in $.expect.runs"},
    {"\"G1\",\"G4\"]", "\"G1\",\"G7\"]", "$.expect.never: expected an image of class \"downgraded\""},
    {"\"do\":\"upload\",\"image\":\"v2\",\"change\":{\"flip\":\"body\",\"seed\":3},", "\"do\":\"confirm\",",
     "$.faults[1]: expected a step that 'proves' this fault, after one that delivers an image"},
    {"\"next\":\"v3\"", "\"next\":\"v3\",\"reported\":\"reverted\"",
     "$.expect.reported: expected \"G6\" in $.clauses"},
    {"\"next\":\"v3\"", "\"next\":\"v3\",\"reported\":\"\"",
     "$.expect.reported: expected a text that is not empty"},
    {"\"clauses\"", "\"without\":[{\"clause\":\"G1\",\"why\":\"w\"}],\"clauses\"", "$.without[0].clause"},
    {"\"clauses\"", "\"without\":[{\"clause\":\"G5\"}],\"clauses\"", "$.without[0].why"},
    {"\"clauses\"", "\"without\":[{\"clause\":\"G5\",\"why\":\"\"}],\"clauses\"",
     "$.without[0].why: expected the reason"},
    {"\"clauses\"", "\"without\":[{\"clause\":\"G4\",\"why\":\"w\"}],\"clauses\"",
     "$.clauses[1]: expected a clause that is not in $.without"},
};

static char *changed(const char *old, const char *new)
{
    const char *found = strstr(whole, old);
    cr_assert(found, "%s", old);
    return mem_printf("%.*s%s%s", (int)(found - whole), whole, new, found + strlen(old));
}

Test(scenario, each_mistake_is_named)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scenario s;
        char *text = changed(rows[i].old, rows[i].new);
        cr_expect_eq(parse(text, &s), -1, "row %zu: %s", i, rows[i].new);
        cr_expect(strstr(error.text, rows[i].said), "row %zu: '%s' lacks '%s'", i, error.text, rows[i].said);
        cr_expect_eq(error.kind, ERROR_INPUT);
        free(text);
    }
}

static void expect_clauses(const char *old, const char *new, const char *const *wanted)
{
    struct scenario s;
    char *text = changed(old, new);
    size_t i = 0;
    cr_assert_eq(parse(text, &s), 0, "%s", error.text);
    for (; wanted[i] && s.clauses[i]; i++)
        cr_expect_str_eq(s.clauses[i], wanted[i]);
    cr_expect(!wanted[i] && !s.clauses[i], "%s: %zu clauses", new, i);
    scenario_release(&s);
    free(text);
}

Test(scenario, the_update_itself_is_judged_unless_it_says_why_not)
{
    expect_clauses("[\"G1\",\"G4\"]", "[\"G1\"]", (const char *const[]){"G1", "G2", "G3", "G4", NULL});
    expect_clauses("[\"G1\",\"G4\"]", "[\"G4\",\"G1\"]", (const char *const[]){"G4", "G1", "G2", "G3", NULL});
    expect_clauses("\"clauses\":[\"G1\",\"G4\"]",
                   "\"without\":[{\"clause\":\"G4\",\"why\":\"once\"}],\"clauses\":[\"G1\"]",
                   (const char *const[]){"G1", "G2", "G3", NULL});
}

Test(scenario, without_a_fault_it_is_a_clean_update)
{
    static const char format[] =
        "{\"schema_version\":1,\"name\":\"s\",\"title\":\"t\",\"family\":\"%s\",\"covers\":[],"
        "\"start\":\"v1\",\"faults\":[],\"steps\":[],\"expect\":{\"runs\":[\"v1\"],\"next\":\"v3\"},"
        "\"clauses\":[\"G1\"]}";
    struct scenario s;
    char *clean = mem_printf(format, "clean-update"), *other = mem_printf(format, "power-cut");
    cr_assert_eq(parse(clean, &s), 0, "%s", error.text);
    scenario_release(&s);
    cr_expect_eq(parse(other, &s), -1);
    cr_expect(strstr(error.text, "$.faults: expected at least one fault"), "%s", error.text);
    free(clean);
    free(other);
}
