/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a scenario says as a whole: does it hang together, and can a case of it be judged? */
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/plan/scenario.h"

static bool listed(char *const *list, const char *text)
{
    for (size_t i = 0; list && list[i]; i++)
        if (!strcmp(list[i], text))
            return true;
    return false;
}

static bool left_out(const struct scenario *scenario, const char *clause)
{
    for (size_t i = 0; i < scenario->without_count; i++)
        if (!strcmp(scenario->without[i].clause, clause))
            return true;
    return false;
}

bool scenario_judges(const struct scenario *scenario, const char *clause)
{
    return listed(scenario->clauses, clause);
}

void scenario_add_clause(struct scenario *scenario, const char *clause)
{
    size_t count = 0;
    if (listed(scenario->clauses, clause) || left_out(scenario, clause))
        return;
    while (scenario->clauses[count])
        count++;
    scenario->clauses = mem_resize(scenario->clauses, count + 2, sizeof *scenario->clauses);
    scenario->clauses[count] = mem_string(clause);
    scenario->clauses[count + 1] = NULL;
}

void scenario_leave_out(struct scenario *scenario, const char *clause, const char *why)
{
    size_t kept = 0, count = scenario->without_count;
    for (size_t i = 0; scenario->clauses[i]; i++)
        if (strcmp(scenario->clauses[i], clause))
            scenario->clauses[kept++] = scenario->clauses[i];
        else
            free(scenario->clauses[i]);
    scenario->clauses[kept] = NULL;
    if (left_out(scenario, clause))
        return;
    scenario->without = mem_resize(scenario->without, count + 1, sizeof *scenario->without);
    scenario->without[count] = (struct without){mem_string(clause), mem_string(why)};
    scenario->without_count++;
}

/* Power that goes untold, or is only said to go, is a fault of the rig, made on purpose. */
static int check_made_bad(struct json root, const struct scenario *scenario, struct error *error)
{
    struct json steps = json_get(root, "steps"), faults = json_get(root, "faults");
    for (size_t i = 0; i < scenario->fault_count; i++)
        if (scenario->faults[i].action.pretended && scenario->control == SCENARIO_FAIR)
            return json_expected(json_get(json_get(json_at(faults, i), "action"), "pretended"), error,
                                 "false in a scenario that is no \"control\"");
    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct step *step = &scenario->steps[i];
        struct json at = json_get(json_at(steps, i), "untold");
        if (!step->untold)
            continue;
        if (scenario->control == SCENARIO_FAIR)
            return json_expected(at, error, "false in a scenario that is no \"control\"");
        if (strcmp(step->mode, "cycle"))
            return json_expected(at, error, "\"to\": \"cycle\" beside it");
    }
    return 0;
}

/* A fault that no step can make happen would only ever be unproven. */
static int check_faults(struct json root, const struct scenario *scenario, struct error *error)
{
    struct json list = json_get(root, "faults");
    bool clean = scenario->family == FAMILY_CLEAN_UPDATE;
    if (clean != !scenario->fault_count)
        return json_expected(list, error,
                             clean ? "no fault in the family \"clean-update\""
                                   : "at least one fault (a case without any is of the family "
                                     "\"clean-update\")");
    for (size_t i = 0; i < scenario->fault_count; i++) {
        const struct fault *fault = &scenario->faults[i];
        bool image = fault->action.kind == ACTION_IMAGE, delivered = false;
        size_t uses = 0;
        for (size_t k = 0; k < scenario->step_count; k++) {
            const struct step *step = &scenario->steps[k];
            const char *by = image ? step->proves : step->kind == STEP_ARM ? step->fault : NULL;
            delivered |= step->kind == STEP_UPLOAD || step->kind == STEP_STAGE;
            uses += (!image || delivered) && by && !strcmp(by, fault->name);
        }
        if (!uses)
            return json_expected(json_at(list, i), error,
                                 image ? "a step that 'proves' this fault, after one that delivers an image"
                                       : "a step 'arm' of this fault");
        /* what was proven once would stand for every time */
        if (!image && uses > 1)
            return json_expected(json_at(list, i), error,
                                 "one step 'arm' of this fault (a second time takes a fault of its own)");
    }
    return 0;
}

/* What no board can fulfil would make every board fail; what any can, none. */
static int check_expect(struct json root, const struct scenario *scenario, struct error *error)
{
    const struct expect *expect = &scenario->expect;
    struct json at = json_get(root, "expect");
    if (!expect->runs[0])
        return json_expected(json_get(at, "runs"), error, "at least one image");
    if (expect->final && !listed(expect->runs, expect->final))
        return json_expected(json_get(at, "final"), error, "one of $.expect.runs");
    for (size_t i = 0; i < expect->never_count; i++)
        if (listed(expect->runs, expect->never[i].image))
            return json_expected(json_get(json_at(json_get(at, "never"), i), "image"), error,
                                 "an image that is not in $.expect.runs");
    bool downgrades = false;
    for (size_t i = 0; i < expect->never_count; i++)
        downgrades |= !strcmp(expect->never[i].class, "downgraded");
    if (listed(scenario->clauses, "G7") && !downgrades)
        return json_expected(json_get(at, "never"), error,
                             "an image of class \"downgraded\", which G7 judges");
    if (expect->next && listed(expect->runs, expect->next))
        return json_expected(json_get(at, "next"), error,
                             "an image that is not in $.expect.runs: to stay as it is would be an update");
    if (expect->reported && !expect->reported[0])
        return json_expected(json_get(at, "reported"), error, "a text that is not empty");
    if (expect->reported && !listed(scenario->clauses, "G6"))
        return json_expected(json_get(at, "reported"), error, "\"G6\" in $.clauses, which judges it");
    if (!expect->next && !left_out(scenario, "G4"))
        return json_expected(json_get(at, "next"), error,
                             "the image of the clean update (G4 is judged in every case that does not say in "
                             "$.without why not)");
    return 0;
}

static int check_clauses(struct json root, const struct scenario *scenario, struct error *error)
{
    for (size_t i = 0; scenario->clauses[i]; i++)
        if (left_out(scenario, scenario->clauses[i]))
            return json_expected(json_at(json_get(root, "clauses"), i), error,
                                 "a clause that is not in $.without");
    return 0;
}

int scenario_check(struct json root, struct scenario *scenario, struct error *error)
{
    if (check_made_bad(root, scenario, error) || check_faults(root, scenario, error) ||
        check_expect(root, scenario, error) || check_clauses(root, scenario, error))
        return -1;
    /* what no case can do without: it boots, what it should, and comes to rest; later updates work */
    static const char *const always[] = {"G1", "G2", "G3", "G4"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        scenario_add_clause(scenario, always[i]);
    return 0;
}
