/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/plan/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/base/mem.h"
#include "harness/base/take.h"

int plan_file_load(const char *path, const char *const *vary, uint64_t seed, struct plan_file *file,
                   struct error *error)
{
    *file = (struct plan_file){0};
    if (json_load(&file->document, path, error))
        return -1;
    struct json root = json_root(&file->document);
    if (take_version(root, 1, error) || take_name(root, "name", true, &file->name, error) ||
        variation_list(root, file->name, vary, seed, &file->variations, error)) {
        plan_file_release(file);
        return -1;
    }
    return 0;
}

void plan_file_release(struct plan_file *file)
{
    json_close(&file->document);
    variation_release(&file->variations);
    free(file->name);
    *file = (struct plan_file){0};
}

static void add_unfit(struct plan *plan, const char *text)
{
    for (size_t i = 0; i < plan->unfit_count; i++)
        if (!strcmp(plan->unfit[i], text))
            return;
    if (plan->unfit_count < PLAN_REASONS_MAX)
        snprintf(plan->unfit[plan->unfit_count++], sizeof plan->unfit[0], "%s", text);
}

static void know_image(struct plan *plan, struct json at, const char *name)
{
    struct error error = {0};
    if (!name || image_find(plan->images, name))
        return;
    json_expected(at, &error, "an image of %s/manifest.json", plan->images->folder);
    add_unfit(plan, error.text);
}

static void know_mark(struct plan *plan, struct json at, const char *name)
{
    struct error error = {0};
    if (!name || board_mark(plan->board, name))
        return;
    json_expected(at, &error, "a mark of %s", plan->board->path);
    add_unfit(plan, error.text);
}

static void check_steps(struct plan *plan, struct json root)
{
    struct json steps = json_get(root, "steps");
    for (size_t i = 0; i < plan->scenario.step_count; i++) {
        const struct step *step = &plan->scenario.steps[i];
        struct json at = json_at(steps, i);
        know_image(plan, json_get(at, "image"), step->image);
        if (!step->fact && !step->optional && !step->if_told &&
            !(step->mark && !strcmp(step->mark, "app_up")))
            know_mark(plan, json_get(at, "mark"), step->mark);
    }
}

/* The board's word for a phase: a mark, or so long after the restart where its console tells none. */
static void resolve_phase(struct plan *plan, struct json at, struct trigger *trigger)
{
    const struct board_phase *phase = board_phase(plan->board, trigger->phase);
    struct error error = {0};
    if (!phase) {
        json_expected(json_get(at, "phase"), &error, "a phase of %s", plan->board->path);
        add_unfit(plan, error.text);
    } else if (phase->mark) {
        trigger->kind = TRIGGER_MARK;
        trigger->mark = mem_string(phase->mark);
        trigger->delay_us += phase->after_ms > 0 ? phase->after_ms * 1000 : 0;
    } else {
        trigger->kind = TRIGGER_RESTART;
        trigger->delay_us += phase->after_ms * 1000;
    }
}

static void check_faults(struct plan *plan, struct json root)
{
    struct json faults = json_get(root, "faults");
    for (size_t i = 0; i < plan->scenario.fault_count; i++) {
        struct trigger *trigger = &plan->scenario.faults[i].trigger;
        struct json at = json_get(json_at(faults, i), "trigger");
        struct error error = {0};
        if (trigger->kind == TRIGGER_PHASE)
            resolve_phase(plan, at, trigger);
        else
            know_mark(plan, json_get(at, "mark"), trigger->mark);
        if (!trigger->watch || board_watch(plan->board, trigger->watch))
            continue;
        json_expected(json_get(at, "watch"), &error, "a watch of %s", plan->board->path);
        add_unfit(plan, error.text);
    }
}

static void check_expect(struct plan *plan, struct json root)
{
    const struct expect *expect = &plan->scenario.expect;
    struct json at = json_get(root, "expect");
    for (size_t i = 0; expect->runs[i]; i++)
        know_image(plan, json_at(json_get(at, "runs"), i), expect->runs[i]);
    for (size_t i = 0; i < expect->never_count; i++)
        know_image(plan, json_get(json_at(json_get(at, "never"), i), "image"), expect->never[i].image);
    know_image(plan, json_get(at, "final"), expect->final);
    know_image(plan, json_get(json_get(at, "resume"), "image"), expect->resume);
    know_image(plan, json_get(at, "next"), expect->next);
}

static bool cuts_power(const struct plan *plan)
{
    for (size_t i = 0; i < plan->scenario.fault_count; i++) {
        enum action_kind kind = plan->scenario.faults[i].action.kind;
        if (kind == ACTION_POWER_CUT || kind == ACTION_POWER_STORM)
            return true;
    }
    return false;
}

/* The names differ, but a folder may give the same image under both. */
static int check_next(const struct plan *plan, struct json root, struct error *error)
{
    const struct expect *expect = &plan->scenario.expect;
    const struct image *next = expect->next ? image_find(plan->images, expect->next) : NULL;
    for (size_t i = 0; next && next->hash && expect->runs[i]; i++) {
        const struct image *old = image_find(plan->images, expect->runs[i]);
        if (old && old->hash && !strcasecmp(old->hash, next->hash))
            return json_expected(json_get(json_get(root, "expect"), "next"), error,
                                 "an image that is another one than '%s' in %s/manifest.json", old->name,
                                 plan->images->folder);
    }
    return 0;
}

/* clauses whose observation the scenario cannot give; `whole`: before the values of this case were put in */
static int check_possible(struct plan *plan, struct json root, struct json whole, struct error *error)
{
    bool by_case = json_present(json_get(json_get(whole, "expect"), "reported"));
    if (!plan->scenario.expect.reported && by_case && scenario_judges(&plan->scenario, "G6"))
        scenario_leave_out(&plan->scenario, "G6", "no certain report is expected in this case");
    for (size_t i = 0; plan->scenario.clauses[i]; i++)
        if (!strcmp(plan->scenario.clauses[i], "G6") && !plan->scenario.expect.reported)
            return json_expected(json_at(json_get(root, "clauses"), i), error, "$.expect.reported, for G6");
    return 0;
}

static int check(struct plan *plan, struct json root, struct json whole, struct error *error)
{
    know_image(plan, json_get(root, "start"), plan->scenario.start);
    check_steps(plan, root);
    check_faults(plan, root);
    check_expect(plan, root);
    if (check_next(plan, root, error) || check_possible(plan, root, whole, error))
        return -1;
    if (!facts_lack(plan->board, NULL, "G5"))
        scenario_add_clause(&plan->scenario, "G5");
    return 0;
}

/* A fault that waits for nothing but time would strike the delivery instead of the start that follows. */
static bool waits_for_board(const struct scenario *scenario, const char *name)
{
    const struct fault *fault = scenario_fault(scenario, name);
    return fault && fault->trigger.kind != TRIGGER_NOW && fault->trigger.kind != TRIGGER_ELAPSED;
}

/* Where a delivery starts the board, what is to strike the start that follows is armed before the delivery.
 * What else is done in between stays where it is. */
static void arm_early(struct scenario *scenario)
{
    size_t upload = SIZE_MAX;
    for (size_t i = 0; i < scenario->step_count; i++) {
        struct step step = scenario->steps[i];
        if (step.kind == STEP_UPLOAD)
            upload = i;
        else if (step.kind != STEP_ARM && step.kind != STEP_ACTIVATE && step.kind != STEP_CONFIRM)
            upload = SIZE_MAX;
        else if (step.kind == STEP_ARM && upload != SIZE_MAX && waits_for_board(scenario, step.fault)) {
            memmove(&scenario->steps[upload + 1], &scenario->steps[upload], (i - upload) * sizeof step);
            scenario->steps[upload++] = step;
        }
    }
}

/* Of a board that nobody can ask that is not asked; the verdict says so. */
void plan_fit(struct plan *plan, const struct rack_place *place)
{
    static const char *const optional[] = {"G5", "G6"};
    if (place && rack_delivery_restarts(place))
        arm_early(&plan->scenario);
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        const char *why = facts_lack(plan->board, place, optional[i]);
        bool always = !strcmp(optional[i], "G5"); /* judged in every case that does not say why not */
        if (why && (always || scenario_judges(&plan->scenario, optional[i])))
            scenario_leave_out(&plan->scenario, optional[i], why);
    }
}

int plan_build(const struct plan_file *file, size_t index, const struct board *board,
               const struct image_set *images, struct plan *plan, struct error *error)
{
    const struct variation *variation = &file->variations.list[index];
    cJSON *tree = NULL;
    *plan = (struct plan){.board = board, .images = images};
    cJSON *values = cJSON_Duplicate(variation->values, true);
    if (!cJSON_HasObjectItem(values, "confirms")) /* what is expected may depend on who confirms */
        cJSON_AddStringToObject(values, "confirms", board_confirms_words[board->confirms]);
    int failed = variation_apply(json_root(&file->document), values, &tree, error);
    cJSON_Delete(values);
    if (failed)
        return -1;
    struct json_document document = {.name = file->document.name, .root = tree};
    struct json root = json_root(&document);
    int result = scenario_parse(root, &plan->scenario, error);
    if (!result) {
        plan->scenario.file = mem_string(file->document.name);
        plan->id = mem_string(variation->id);
        plan->values = cJSON_Duplicate(variation->values, true);
        result = check(plan, root, json_root(&file->document), error);
        if (result)
            plan_release(plan);
    }
    cJSON_Delete(tree);
    return result;
}

void plan_release(struct plan *plan)
{
    scenario_release(&plan->scenario);
    cJSON_Delete(plan->values);
    free(plan->id);
    *plan = (struct plan){0};
}

/* whether or not $.needs says so */
bool plan_updates(const struct plan *plan)
{
    const struct scenario *scenario = &plan->scenario;
    bool found = scenario->expect.next != NULL;
    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct step *step = &scenario->steps[i];
        found |= step->kind == STEP_UPLOAD || step->kind == STEP_ACTIVATE || step->kind == STEP_CONFIRM ||
                 (step->kind == STEP_RESET && !strcmp(step->by, "update"));
    }
    return found;
}

static bool uses_link(const struct plan *plan)
{
    for (size_t i = 0; i < plan->scenario.fault_count; i++)
        if (plan->scenario.faults[i].action.kind == ACTION_LINK)
            return true;
    return false;
}

static bool uses_server(const struct plan *plan)
{
    for (size_t i = 0; i < plan->scenario.fault_count; i++)
        if (plan->scenario.faults[i].action.kind == ACTION_SERVER ||
            plan->scenario.faults[i].trigger.kind == TRIGGER_REQUEST)
            return true;
    return false;
}

static bool uses_probe(const struct plan *plan)
{
    const struct scenario *scenario = &plan->scenario;
    bool found = false;
    for (size_t i = 0; i < scenario->fault_count; i++)
        found |= scenario->faults[i].trigger.kind == TRIGGER_WATCH ||
                 scenario->faults[i].action.kind == ACTION_RESET;
    for (size_t i = 0; i < scenario->step_count; i++)
        found |= scenario->steps[i].kind == STEP_STAGE ||
                 (scenario->steps[i].kind == STEP_RESET && !strcmp(scenario->steps[i].by, "probe"));
    return found;
}

/* What the scenario asks of the probe, and the place's probe does not offer; NULL: nothing. */
static const char *probe_lacks(const struct plan *plan, const struct rack_place *place)
{
    const struct scenario *scenario = &plan->scenario;
    bool watches = false, resets = false, stages = false;
    for (size_t i = 0; i < scenario->fault_count; i++) {
        watches |= scenario->faults[i].trigger.kind == TRIGGER_WATCH;
        resets |= scenario->faults[i].action.kind == ACTION_RESET;
    }
    for (size_t i = 0; i < scenario->step_count; i++) {
        stages |= scenario->steps[i].kind == STEP_STAGE;
        resets |= scenario->steps[i].kind == STEP_RESET && !strcmp(scenario->steps[i].by, "probe");
    }
    return watches && !rack_probe_can(place, PROBE_WATCH)
               ? "its probe cannot watch an address (a trigger does)"
           : resets && !rack_probe_can(place, PROBE_RESET_RUN) ? "its probe cannot reset the board"
           : stages && !rack_probe_can(place, PROBE_PROGRAM)   ? "its probe cannot program"
                                                               : NULL;
}

/* Only who tells the cause of each start shows a loss of power that nobody ordered. */
static bool hides_unordered_cut(const struct plan *plan)
{
    const struct source *source = facts_source(plan->board, FACT_COLD, SOURCE_MARK);
    bool untold = false;
    for (size_t i = 0; i < plan->scenario.step_count; i++)
        untold |= plan->scenario.steps[i].untold;
    return untold && !source;
}

static bool lacks(const struct rack_place *place, enum rack_role role)
{
    return !place->devices[role].driver;
}

static bool needs_named(const struct plan *plan, const char *name)
{
    for (char **need = plan->scenario.needs; need && *need; need++)
        if (!strcmp(*need, name))
            return true;
    return false;
}

static bool has_activation(const struct plan *plan, const char *mode)
{
    for (size_t i = 0; i < plan->scenario.step_count; i++)
        if (plan->scenario.steps[i].kind == STEP_ACTIVATE && !strcmp(plan->scenario.steps[i].mode, mode))
            return true;
    return false;
}

static bool has_confirmation(const struct plan *plan)
{
    for (size_t i = 0; i < plan->scenario.step_count; i++)
        if (plan->scenario.steps[i].kind == STEP_CONFIRM)
            return true;
    return plan->scenario.expect.next != NULL;
}

/* A client that cannot activate at all has no need to: what it delivers will run. */
static void find_client_unfit(struct plan *plan, const struct rack_place *place)
{
    const struct rack_device *client = &place->devices[RACK_UPDATE];
    unsigned can = client->driver->update->abilities(client->config);
    if (!(can & UPDATE_CAN_ACTIVATE)) {
        if (!(can & UPDATE_CAN_PERMANENT) && plan->board->confirms == CONFIRMS_HOST &&
            has_activation(plan, "confirm"))
            add_unfit(plan, "what its update client delivers starts on trial, and it cannot start an image "
                            "for good (activate, mode confirm)");
        return;
    }
    if (!(can & UPDATE_CAN_TRIAL) && has_activation(plan, "test"))
        add_unfit(plan, "its update client cannot start an image on trial (activate, mode test)");
    if (!(can & UPDATE_CAN_PERMANENT) && has_activation(plan, "confirm"))
        add_unfit(plan, "its update client cannot start an image for good (activate, mode confirm)");
    if (can & UPDATE_CAN_TRIAL && !(can & UPDATE_CAN_CONFIRM) && plan->board->confirms == CONFIRMS_HOST &&
        has_confirmation(plan))
        add_unfit(plan,
                  "its update client starts images on trial and cannot confirm them, and neither does the "
                  "board by itself (\"confirms\")");
}

/* A board that nothing but its own update makes what it was has to take older images, and that is no failure.
 */
static bool asks_for_floor(const struct plan *plan)
{
    for (size_t i = 0; i < plan->scenario.expect.never_count; i++)
        if (!strcmp(plan->scenario.expect.never[i].class, "downgraded"))
            return true;
    return false;
}

void plan_find_unfit(struct plan *plan, const struct rack_place *place)
{
    static const char *const clauses[] = {"G1", "G2", "G4"};
    const char *lack;
    char alike[240];
    if (!place)
        return;
    if (plan_images_alike(plan, place, alike, sizeof alike))
        add_unfit(plan, alike);
    if (lacks(place, RACK_POWER))
        add_unfit(plan, "the place has no power switch");
    if (lacks(place, RACK_CONSOLE) && uses_link(plan))
        add_unfit(plan, "the place has no console, on whose link the fault would act");
    if (lacks(place, RACK_SERVER) && (uses_server(plan) || needs_named(plan, rack_role_name(RACK_SERVER))))
        add_unfit(plan, "the place has no server, which a trigger, an action or $.needs asks for");
    if (lacks(place, RACK_PROBE) && (uses_probe(plan) || needs_named(plan, rack_role_name(RACK_PROBE))))
        add_unfit(plan, "the place has no probe, which a step, a trigger or $.needs asks for");
    if (!lacks(place, RACK_PROBE) && (lack = probe_lacks(plan, place)))
        add_unfit(plan, lack);
    if (lacks(place, RACK_UPDATE) && (plan_updates(plan) || needs_named(plan, rack_role_name(RACK_UPDATE))))
        add_unfit(plan, "the place has no update client");
    if (!lacks(place, RACK_UPDATE) && plan_updates(plan))
        find_client_unfit(plan, place);
    if (hides_unordered_cut(plan))
        add_unfit(plan, "the board's console does not tell the cause of each start, so a loss of power that "
                        "nobody ordered stays "
                        "unseen (a source \"mark\" of \"cold\")");
    if (needs_named(plan, "trial") && plan->board->confirms != CONFIRMS_HOST)
        add_unfit(plan, "an image on trial does not wait for the host on this board (\"confirms\")");
    if ((lacks(place, RACK_PROBE) || !plan->board->initial) && !lacks(place, RACK_UPDATE) &&
        asks_for_floor(plan))
        add_unfit(plan,
                  "nothing but its own update brings the board back to its first image, so it has to take "
                  "older ones");
    if (cuts_power(plan) && facts_lack(plan->board, place, "H1"))
        add_unfit(plan,
                  "nothing could prove that a cut reached the board: its file needs a source of \"cold\" (a "
                  "mark with a group and what it equals, a probe register, a canary, a sensed rail, or "
                  "silence)");
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
        if (scenario_judges(&plan->scenario, clauses[i]) &&
            (lack = facts_lack(plan->board, place, clauses[i])))
            add_unfit(plan, lack);
}

int plan_check_place(struct plan *plan, const struct rack_place *place, struct error *error)
{
    size_t before = plan->unfit_count;
    plan_find_unfit(plan, place);
    if (before)
        return error_set(error, ERROR_INPUT, "%s", plan->unfit[0]);
    if (plan->unfit_count)
        return error_set(error, ERROR_INPUT, "%s: place '%s': %s", plan->scenario.file, place->name,
                         plan->unfit[0]);
    /* by its name, or by the path of its file */
    if (strcmp(place->board, plan->board->name) && strcmp(place->board, plan->board->path))
        return error_set(error, ERROR_INPUT, "place '%s' holds a %s, not a %s", place->name, place->board,
                         plan->board->name);
    return 0;
}

static cJSON *strings_json(char *const *list)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; list && list[i]; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(list[i]));
    return array;
}

static void add_text(cJSON *object, const char *key, const char *text)
{
    cJSON_AddItemToObject(object, key, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

static cJSON *expect_json(const struct expect *expect)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "runs", strings_json(expect->runs));
    cJSON *never = cJSON_AddArrayToObject(object, "never");
    for (size_t i = 0; i < expect->never_count; i++) {
        cJSON *one = cJSON_CreateObject();
        add_text(one, "image", expect->never[i].image);
        add_text(one, "class", expect->never[i].class);
        cJSON_AddItemToArray(never, one);
    }
    add_text(object, "final", expect->final);
    add_text(object, "final_class", expect->final_class);
    add_text(object, "reported", expect->reported);
    add_text(object, "next", expect->next);
    if (expect->resume) {
        cJSON *resume = cJSON_AddObjectToObject(object, "resume");
        cJSON_AddStringToObject(resume, "image", expect->resume);
        cJSON_AddNumberToObject(resume, "within_ms", (double)expect->resume_within_us / 1000);
    }
    return object;
}

static cJSON *images_json(const struct image_set *set)
{
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < set->count; i++) {
        cJSON *one = cJSON_AddObjectToObject(object, set->images[i].name);
        add_text(one, "version", set->images[i].version);
        add_text(one, "hash", set->images[i].hash);
        add_text(one, "sha256", set->images[i].sha256);
        cJSON_AddNumberToObject(one, "size", (double)set->images[i].file_len);
    }
    return object;
}

cJSON *plan_case_fields(const struct plan *plan, const char *place)
{
    const struct scenario *scenario = &plan->scenario;
    cJSON *fields = cJSON_CreateObject();
    cJSON_AddNumberToObject(fields, "schema_version", 1);
    add_text(fields, "case", plan->id);
    add_text(fields, "scenario", scenario->name);
    add_text(fields, "scenario_file", scenario->file);
    add_text(fields, "family", family_names[scenario->family]);
    cJSON_AddItemToObject(fields, "covers", strings_json(scenario->covers));
    add_text(fields, "board", plan->board->name);
    add_text(fields, "place", place);
    add_text(fields, "firmware", plan->images->variant);
    add_text(fields, "firmware_folder", plan->images->folder);
    add_text(fields, "start", scenario->start);
    cJSON_AddItemToObject(fields, "variation", cJSON_Duplicate(plan->values, true));
    cJSON *faults = cJSON_AddArrayToObject(fields, "faults");
    cJSON *actions = cJSON_AddObjectToObject(fields, "actions");
    for (size_t i = 0; i < scenario->fault_count; i++) {
        cJSON_AddItemToArray(faults, cJSON_CreateString(scenario->faults[i].name));
        add_text(actions, scenario->faults[i].name, action_words[scenario->faults[i].action.kind]);
    }
    cJSON *without = cJSON_AddArrayToObject(fields, "without");
    for (size_t i = 0; i < scenario->without_count; i++) {
        cJSON *one = cJSON_CreateObject();
        add_text(one, "clause", scenario->without[i].clause);
        add_text(one, "why", scenario->without[i].why);
        cJSON_AddItemToArray(without, one);
    }
    if (!plan->board->power_on_reset_shared)
        cJSON_AddNumberToObject(fields, "power_on_reset", (double)plan->board->power_on_reset);
    cJSON_AddItemToObject(fields, "clauses", strings_json(scenario->clauses));
    cJSON *limits = cJSON_AddObjectToObject(fields, "limits");
    int64_t recovery_ms = scenario->recovery_ms ? scenario->recovery_ms : plan->board->recovery_ms;
    cJSON_AddNumberToObject(limits, "recovery_ms", (double)recovery_ms);
    cJSON_AddNumberToObject(limits, "boot_factor", (double)plan->board->boot_factor);
    cJSON_AddNumberToObject(limits, "cycles", (double)plan->board->cycles);
    cJSON_AddItemToObject(fields, "expect", expect_json(&scenario->expect));
    cJSON_AddItemToObject(fields, "images", images_json(plan->images));
    return fields;
}
