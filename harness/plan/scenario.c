/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/plan/scenario.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/request_rule.h"
#include "harness/base/take.h"

const char *const family_names[] = {"power-cut", "bricked-image", "network-loss", "clean-update", NULL};

/* Each kind of step names the members it takes; everything else is refused with the nearest known name. */
static const struct {
    const char *name;
    enum step_kind kind;
    const char *const *keys;
    const char *needs; /* a member that must be there */
} step_table[] = {
    {"upload", STEP_UPLOAD,
     (const char *const[]){"do", "comment", "optional", "image", "change", "within_ms", "attempts",
                           "may_refuse", "proves", NULL},
     "image"},
    {"activate", STEP_ACTIVATE,
     (const char *const[]){"do", "comment", "optional", "mode", "within_ms", "may_refuse", "attempts",
                           "proves", NULL},
     NULL},
    {"confirm", STEP_CONFIRM,
     (const char *const[]){"do", "comment", "optional", "within_ms", "attempts", "may_refuse", "proves",
                           NULL},
     NULL},
    {"reset", STEP_RESET, (const char *const[]){"do", "comment", "optional", "by", "within_ms", NULL}, NULL},
    {"wait", STEP_WAIT,
     (const char *const[]){"do", "comment", "optional", "mark", "fact", "image", "within_ms", "absent",
                           "if_told", "proves", NULL},
     NULL},
    {"await", STEP_AWAIT, (const char *const[]){"do", "comment", "optional", "fault", "within_ms", NULL},
     "fault"},
    {"arm", STEP_ARM, (const char *const[]){"do", "comment", "fault", NULL}, "fault"},
    {"power", STEP_POWER, (const char *const[]){"do", "comment", "to", "off_ms", "untold", NULL}, "to"},
    {"sleep", STEP_SLEEP, (const char *const[]){"do", "comment", "ms", NULL}, "ms"},
    {"stage", STEP_STAGE,
     (const char *const[]){"do", "comment", "optional", "image", "change", "within_ms", "proves", NULL},
     "image"},
};
const char *const scenario_control_words[] = {"none", "fail", "noticed", NULL};
#define FAULTS_MAX 100
#define IMAGES_MAX 100
#define CLAUSES_MAX 7
#define STEP_KIND_COUNT (sizeof step_table / sizeof *step_table)

/* Each kind of trigger and of action, too: what it does not look at would be a wish that nobody fulfils. */
static const char *const trigger_words[] = {"now",      "elapsed", "mark",  "bytes",   "watch",
                                            "power_up", "done",    "phase", "request", NULL};
static const char *const *const trigger_keys[] = {
    [TRIGGER_NOW] = (const char *const[]){"on", "delay_ms", "comment", NULL},
    [TRIGGER_ELAPSED] = (const char *const[]){"on", "delay_ms", "comment", NULL},
    [TRIGGER_MARK] = (const char *const[]){"on", "mark", "count", "delay_ms", "comment", NULL},
    [TRIGGER_BYTES] = (const char *const[]){"on", "bytes", "percent", "delay_ms", "comment", NULL},
    [TRIGGER_WATCH] =
        (const char *const[]){"on", "watch", "address", "value", "count", "delay_ms", "comment", NULL},
    [TRIGGER_POWER_UP] = (const char *const[]){"on", "count", "delay_ms", "comment", NULL},
    [TRIGGER_DONE] = (const char *const[]){"on", "count", "delay_ms", "comment", NULL},
    [TRIGGER_REQUEST] = NULL, /* request_rule.h knows them */
    [TRIGGER_PHASE] = (const char *const[]){"on", "phase", "count", "delay_ms", "comment", NULL},
};
const char *const action_words[] = {"power_cut", "power_storm", "link", "reset", "image", "server", NULL};
static const char *const link_words[] = {"drop", "stall", "corrupt", "duplicate",
                                         "cut",  "flap",  "trickle", NULL};
#define LINK_KEYS "do", "mode", "from_byte", "for_ms", "comment"
static const char *const *const link_keys[] = {
    [LINK_DROP] = (const char *const[]){LINK_KEYS, "probability", NULL},
    [LINK_STALL] = (const char *const[]){LINK_KEYS, NULL},
    [LINK_CORRUPT] = (const char *const[]){LINK_KEYS, "every", NULL},
    [LINK_DUPLICATE] = (const char *const[]){LINK_KEYS, "probability", NULL},
    [LINK_CUT] = (const char *const[]){LINK_KEYS, NULL},
    [LINK_FLAP] = (const char *const[]){LINK_KEYS, "up_ms", "down_ms", NULL},
    [LINK_TRICKLE] = (const char *const[]){LINK_KEYS, "rate", NULL},
};
static const char *const *const action_keys[] = {
    [ACTION_POWER_CUT] = (const char *const[]){"do", "off_ms", "pretended", "comment", NULL},
    [ACTION_POWER_STORM] = (const char *const[]){"do", "off_ms", "on_ms", "times", "comment", NULL},
    [ACTION_LINK] = NULL, /* by its mode */
    [ACTION_RESET] = (const char *const[]){"do", "comment", NULL},
    [ACTION_SERVER] = (const char *const[]){"do", "on", "times", "spoil", "for_ms", "comment", NULL},
    [ACTION_IMAGE] = (const char *const[]){"do", "comment", NULL},
};

/* {"on": {..}, "times": n, "action": {..}}; what is NULL is left out. */
static cJSON *make_rule(const cJSON *on, const cJSON *times, const cJSON *action)
{
    cJSON *rule = cJSON_CreateObject();
    if (on)
        cJSON_AddItemToObject(rule, "on", cJSON_Duplicate(on, true));
    if (times)
        cJSON_AddItemToObject(rule, "times", cJSON_Duplicate(times, true));
    cJSON_AddItemToObject(rule, "action", cJSON_Duplicate(action, true));
    return rule;
}

/* The members of `at` that say which request, as a rule that tells of the byte. */
static int parse_request_trigger(struct json at, struct trigger *trigger, struct error *error)
{
    static const char *const also[] = {"on", "from_byte", "percent", "delay_ms", "comment", NULL};
    static const char *const moved[] = {"request", "path", "device", "method", "count", NULL};
    struct request_rule rule = {0};
    int64_t from_byte = -1;
    int failed = request_rule_parse_on(at, also, &rule, error) ||
                 take_integer(at, "from_byte", false, 0, INT64_C(1) << 40, &from_byte, error) ||
                 take_integer(at, "percent", false, 0, 100, &trigger->percent, error) ||
                 take_ms(at, "delay_ms", false, &trigger->delay_us, error);
    request_rule_release(&rule);
    if (failed)
        return -1;
    if (from_byte >= 0 && trigger->percent >= 0)
        return json_expected(at, error, "one of 'from_byte' and 'percent'");
    cJSON *on = cJSON_CreateObject(), *action = cJSON_CreateObject();
    for (const char *const *key = moved; *key; key++)
        if (json_present(json_get(at, *key)))
            cJSON_AddItemToObject(on, *key, cJSON_Duplicate(json_get(at, *key).node, true));
    cJSON_AddStringToObject(action, "do", "tell");
    cJSON_AddNumberToObject(action, trigger->percent >= 0 ? "percent" : "from_byte",
                            (double)(trigger->percent >= 0 ? trigger->percent
                                     : from_byte > 0       ? from_byte
                                                           : 0));
    trigger->rule = make_rule(on, NULL, action);
    cJSON_Delete(on);
    cJSON_Delete(action);
    return 0;
}

static int parse_trigger(struct json at, struct trigger *trigger, struct error *error)
{
    int kind = 0;
    trigger->count = 1;
    trigger->bytes = trigger->percent = -1;
    if (json_object(at, error) || take_choice(at, "on", true, trigger_words, &kind, error) ||
        (trigger_keys[kind] && json_check_keys(at, trigger_keys[kind], error)))
        return -1;
    trigger->kind = kind;
    if (kind == TRIGGER_REQUEST)
        return parse_request_trigger(at, trigger, error);
    trigger->match_value = json_present(json_get(at, "value"));
    trigger->has_address = json_present(json_get(at, "address"));
    if (kind == TRIGGER_WATCH && trigger->has_address == json_present(json_get(at, "watch")))
        return json_expected(at, error, "either 'watch' or 'address'");
    if (take_name(at, "mark", kind == TRIGGER_MARK, &trigger->mark, error) ||
        take_name(at, "phase", kind == TRIGGER_PHASE, &trigger->phase, error) ||
        take_name(at, "watch", false, &trigger->watch, error) ||
        take_address(at, "address", false, &trigger->address, error) ||
        take_integer(at, "count", false, 1, 1000000, &trigger->count, error) ||
        take_ms(at, "delay_ms", kind == TRIGGER_ELAPSED, &trigger->delay_us, error) ||
        take_integer(at, "bytes", false, 0, UINT32_MAX, &trigger->bytes, error) ||
        take_integer(at, "percent", false, 0, 100, &trigger->percent, error) ||
        take_address(at, "value", false, &trigger->value, error))
        return -1;
    if (kind == TRIGGER_BYTES && (trigger->bytes < 0) == (trigger->percent < 0))
        return json_expected(at, error, "either 'bytes' or 'percent'");
    return 0;
}

static int parse_link_action(struct json at, struct action *action, struct error *error)
{
    int mode = 0;
    if (take_choice(at, "mode", true, link_words, &mode, error) ||
        json_check_keys(at, link_keys[mode], error) ||
        take_integer(at, "from_byte", false, 0, UINT32_MAX, &action->from_byte, error) ||
        take_ms(at, "for_ms", false, &action->for_us, error) ||
        take_ms(at, "up_ms", mode == LINK_FLAP, &action->up_us, error) ||
        take_ms(at, "down_ms", mode == LINK_FLAP, &action->down_us, error) ||
        take_integer(at, "rate", false, 1, 10000000, &action->rate, error) ||
        take_integer(at, "every", false, 1, 1000000, &action->every, error))
        return -1;
    action->link = mode;
    if (json_present(json_get(at, "probability")))
        return json_number(json_get(at, "probability"), 0, 1, &action->probability, error);
    return 0;
}

static int parse_server_action(struct json at, struct action *action, struct error *error)
{
    struct request_rule rule;
    struct json on = json_get(at, "on"), times = json_get(at, "times"), spoil = json_get(at, "spoil");
    int failed = request_rule_parse(on, times, spoil, &rule, error);
    action->times = rule.times;
    bool certificate = !failed && rule.mode == SPOIL_CERTIFICATE && json_present(on);
    request_rule_release(&rule);
    if (failed || take_ms(at, "for_ms", false, &action->for_us, error))
        return -1;
    if (certificate)
        return json_expected(on, error, "none: a certificate is shown before any request");
    action->rule = make_rule(on.node, times.node, spoil.node);
    return 0;
}

static int parse_action(struct json at, struct action *action, struct error *error)
{
    int kind = 0;
    action->off_us = 300000;
    action->times = 1;
    if (json_object(at, error) || take_choice(at, "do", true, action_words, &kind, error) ||
        (action_keys[kind] && json_check_keys(at, action_keys[kind], error)))
        return -1;
    action->kind = kind;
    if (kind == ACTION_LINK)
        return parse_link_action(at, action, error);
    if (kind == ACTION_SERVER)
        return parse_server_action(at, action, error);
    return take_ms(at, "off_ms", false, &action->off_us, error) ||
                   take_bool(at, "pretended", &action->pretended, error) ||
                   take_ms(at, "on_ms", kind == ACTION_POWER_STORM, &action->on_us, error) ||
                   take_integer(at, "times", kind == ACTION_POWER_STORM, 1, 10000, &action->times, error)
               ? -1
               : 0;
}

/* What is looked through for each of something else is short, so that no file takes a square of its length.
 */
static int check_count(struct json list, size_t most, struct error *error)
{
    return json_count(list) > most ? json_expected(list, error, "at most %zu", most) : 0;
}

static int parse_faults(struct json list, struct scenario *scenario, struct error *error)
{
    static const char *const keys[] = {"name", "trigger", "action", "comment", NULL};
    if (json_array(list, error) || check_count(list, FAULTS_MAX, error))
        return -1;
    scenario->faults = mem_array(json_count(list) + 1, sizeof *scenario->faults);
    for (size_t i = 0; i < json_count(list); i++) {
        struct json at = json_at(list, i);
        char *name = NULL;
        if (json_object(at, error) || json_check_keys(at, keys, error) ||
            take_name(at, "name", true, &name, error) ||
            (scenario_fault(scenario, name) &&
             json_expected(json_get(at, "name"), error, "a name that no other fault has"))) {
            free(name);
            return -1;
        }
        struct fault *fault = &scenario->faults[scenario->fault_count++];
        fault->name = name;
        if (parse_action(json_get(at, "action"), &fault->action, error))
            return -1;
        /* a bad image is its own trigger: the step that delivers it proves it */
        struct json trigger = json_get(at, "trigger");
        if (fault->action.kind == ACTION_IMAGE && json_present(trigger))
            return json_expected(trigger, error, "none: the step that delivers a bad image is its trigger");
        if (fault->action.kind == ACTION_IMAGE)
            continue;
        if (parse_trigger(trigger, &fault->trigger, error))
            return -1;
    }
    return 0;
}

static int parse_change(struct json at, struct image_change *change, struct error *error)
{
    static const char *const keys[] = {"keep",       "keep_percent", "flip", "bits",    "at",
                                       "at_percent", "grow",         "seed", "comment", NULL};
    static const char *const parts[] = {"any", "header", "body", "signature", "tail", NULL};
    int part = 0;
    int64_t seed = 1;
    *change = (struct image_change){.keep = -1, .keep_percent = -1, .flip_at = -1, .flip_percent = -1};
    if (!json_present(at))
        return 0;
    if (json_object(at, error) || json_check_keys(at, keys, error) ||
        take_integer(at, "keep", false, 0, UINT32_MAX, &change->keep, error) ||
        take_integer(at, "keep_percent", false, 0, 100, &change->keep_percent, error) ||
        take_choice(at, "flip", false, parts, &part, error) ||
        take_integer(at, "bits", false, 1, 100000, &change->flip_bits, error) ||
        take_integer(at, "at", false, 0, UINT32_MAX, &change->flip_at, error) ||
        take_integer(at, "at_percent", false, 0, 100, &change->flip_percent, error) ||
        take_integer(at, "grow", false, 1, 16 << 20, &change->grow, error) ||
        take_integer(at, "seed", false, 0, INT64_MAX >> 11, &seed, error))
        return -1;
    change->any = true;
    change->flip = part;
    change->seed = (uint64_t)seed;
    if (json_present(json_get(at, "flip")) && !change->flip_bits)
        change->flip_bits = 1;
    return 0;
}

static int step_find(struct json at, size_t *index, struct error *error)
{
    const char *names[STEP_KIND_COUNT + 1] = {0};
    int found = 0;
    for (size_t i = 0; i < STEP_KIND_COUNT; i++)
        names[i] = step_table[i].name;
    if (json_object(at, error) || json_choice(json_get(at, "do"), names, &found, error))
        return -1;
    *index = (size_t)found;
    return 0;
}

static int parse_step_words(struct json at, struct step *step, struct error *error)
{
    static const char *const modes[] = {"test", "confirm", NULL};
    static const char *const ways[] = {"update", "probe", "power", NULL};
    static const char *const states[] = {"off", "on", "cycle", NULL};
    int mode = 0, by = 0, to = 0;
    if (take_choice(at, "mode", false, modes, &mode, error) ||
        take_choice(at, "by", false, ways, &by, error) || take_choice(at, "to", false, states, &to, error))
        return -1;
    step->mode = mem_string(step->kind == STEP_POWER ? states[to] : modes[mode]);
    step->by = mem_string(ways[by]);
    step->on = to == 1;
    return 0;
}

/* A mark, or a fact that stands for one where the console tells it and is asked for where it does not. */
static int parse_wait(struct json at, struct step *step, struct error *error)
{
    static const char *const facts[] = {"started", "up", "alive", NULL}, *const marks[] = {"boot", "app_up",
                                                                                           "alive"};
    struct json fact = json_get(at, "fact");
    int index = 0;
    if (json_present(fact) == (step->mark != NULL))
        return json_expected(at, error, "either 'mark' or 'fact' (step 'wait')");
    if (!json_present(fact))
        return 0;
    if (json_choice(fact, facts, &index, error))
        return -1;
    step->fact = true;
    step->mark = mem_string(marks[index]);
    return 0;
}

static int parse_step(struct json at, struct step *step, struct error *error)
{
    size_t index;
    if (step_find(at, &index, error) || json_check_keys(at, step_table[index].keys, error))
        return -1;
    step->kind = step_table[index].kind;
    step->kind_name = step_table[index].name;
    step->attempts = 1;
    step->off_us = 300000;
    /* how long an image takes follows from its size and the wire: the client judges by progress */
    /* and how long a board takes to come back is the board's */
    bool by_board = step->kind == STEP_UPLOAD || step->kind == STEP_WAIT || step->kind == STEP_AWAIT;
    step->within_us = by_board ? 0 : 30000000;
    const char *needs = step_table[index].needs;
    if (needs && !json_present(json_get(at, needs)))
        return json_expected(at, error, "a member '%s' (step '%s')", needs, step->kind_name);
    if (parse_step_words(at, step, error) || take_name(at, "image", false, &step->image, error) ||
        take_name(at, "mark", false, &step->mark, error) ||
        take_name(at, "fault", false, &step->fault, error) ||
        take_name(at, "proves", false, &step->proves, error) ||
        take_ms(at, "within_ms", false, &step->within_us, error) ||
        take_ms(at, "ms", false, &step->sleep_us, error) ||
        take_ms(at, "off_ms", false, &step->off_us, error) ||
        take_integer(at, "attempts", false, 1, 1000, &step->attempts, error) ||
        take_bool(at, "optional", &step->optional, error) ||
        take_bool(at, "may_refuse", &step->may_refuse, error) ||
        take_bool(at, "absent", &step->absent, error) || take_bool(at, "if_told", &step->if_told, error) ||
        take_bool(at, "untold", &step->untold, error))
        return -1;
    if (step->kind == STEP_WAIT && parse_wait(at, step, error))
        return -1;
    return parse_change(json_get(at, "change"), &step->change, error);
}

/* Only what a bad image does can be proven by a step; every other fault fires and leaves its own proof. */
static int check_step_faults(struct json at, const struct step *step, const struct scenario *scenario,
                             struct error *error)
{
    const struct fault *fault = step->fault ? scenario_fault(scenario, step->fault) : NULL;
    const struct fault *proves = step->proves ? scenario_fault(scenario, step->proves) : NULL;
    if (step->fault && !fault)
        return json_expected(json_get(at, "fault"), error, "the name of one of $.faults");
    if (fault && fault->action.kind == ACTION_IMAGE)
        return json_expected(json_get(at, "fault"), error,
                             "a fault with a trigger (an image is proven by the step that 'proves' it)");
    if (step->proves && !proves)
        return json_expected(json_get(at, "proves"), error, "the name of one of $.faults");
    if (proves && proves->action.kind != ACTION_IMAGE)
        return json_expected(json_get(at, "proves"), error, "a fault whose action is \"image\"");
    return 0;
}

static int parse_steps(struct json list, struct scenario *scenario, struct error *error)
{
    if (json_array(list, error))
        return -1;
    scenario->steps = mem_array(json_count(list) + 1, sizeof *scenario->steps);
    for (size_t i = 0; i < json_count(list); i++) {
        struct json at = json_at(list, i);
        struct step *step = &scenario->steps[scenario->step_count++];
        if (parse_step(at, step, error))
            return -1;
        if (check_step_faults(at, step, scenario, error))
            return -1;
    }
    return 0;
}

static int parse_never(struct json list, struct expect *expect, struct error *error)
{
    static const char *const keys[] = {"image", "class", NULL};
    static const char *const classes[] = {"bad-image-accepted", "downgraded", NULL};
    if (!json_present(list))
        return 0;
    if (json_array(list, error))
        return -1;
    if (check_count(list, IMAGES_MAX, error))
        return -1;
    expect->never = mem_array(json_count(list) + 1, sizeof *expect->never);
    for (size_t i = 0; i < json_count(list); i++) {
        struct json at = json_at(list, i);
        struct never *never = &expect->never[expect->never_count++];
        int class = 0;
        if (json_object(at, error) || json_check_keys(at, keys, error) ||
            take_name(at, "image", true, &never->image, error) ||
            take_choice(at, "class", false, classes, &class, error))
            return -1;
        never->class = mem_string(classes[class]);
    }
    return 0;
}

static int parse_resume(struct json at, struct expect *expect, struct error *error)
{
    static const char *const keys[] = {"image", "within_ms", NULL};
    if (!json_present(at))
        return 0;
    if (json_object(at, error) || json_check_keys(at, keys, error) ||
        take_name(at, "image", true, &expect->resume, error) ||
        take_ms(at, "within_ms", true, &expect->resume_within_us, error))
        return -1;
    return expect->resume_within_us < 1000
               ? json_expected(json_get(at, "within_ms"), error, "at least 1 (milliseconds)")
               : 0;
}

static int parse_expect(struct json at, struct expect *expect, struct error *error)
{
    static const char *const keys[] = {"runs", "never",  "final",   "final_class", "reported",
                                       "next", "resume", "comment", NULL};
    static const char *const classes[] = {"wrong-version", "no-rollback", NULL};
    int class = 0;
    if (json_object(at, error) || json_check_keys(at, keys, error) ||
        check_count(json_get(at, "runs"), IMAGES_MAX, error) ||
        take_strings(at, "runs", true, &expect->runs, error) ||
        parse_never(json_get(at, "never"), expect, error) ||
        take_name(at, "final", false, &expect->final, error) ||
        take_choice(at, "final_class", false, classes, &class, error) ||
        take_string(at, "reported", false, &expect->reported, error) ||
        take_name(at, "next", false, &expect->next, error) ||
        parse_resume(json_get(at, "resume"), expect, error))
        return -1;
    expect->final_class = mem_string(classes[class]);
    return 0;
}

static int parse_without(struct json list, struct scenario *scenario, struct error *error)
{
    static const char *const keys[] = {"clause", "why", NULL};
    static const char *const clauses[] = {"G4", "G5", NULL};
    if (!json_present(list))
        return 0;
    if (json_array(list, error))
        return -1;
    if (check_count(list, CLAUSES_MAX, error))
        return -1;
    scenario->without = mem_array(json_count(list) + 1, sizeof *scenario->without);
    for (size_t i = 0; i < json_count(list); i++) {
        struct json at = json_at(list, i);
        struct without *without = &scenario->without[scenario->without_count++];
        int clause = 0;
        if (json_object(at, error) || json_check_keys(at, keys, error) ||
            take_choice(at, "clause", true, clauses, &clause, error) ||
            take_string(at, "why", true, &without->why, error))
            return -1;
        without->clause = mem_string(clauses[clause]);
        if (!without->why[0])
            return json_expected(json_get(at, "why"), error, "the reason");
    }
    return 0;
}

/* Words of a list, each once. */
static int check_known(struct json list, const char *const *known, struct error *error)
{
    bool seen[8] = {false};
    for (size_t i = 0; i < json_count(list); i++) {
        int index;
        if (json_choice(json_at(list, i), known, &index, error))
            return -1;
        if (seen[index])
            return json_expected(json_at(list, i), error, "each word once");
        seen[index] = true;
    }
    return 0;
}

static int check_clauses(struct json list, const struct scenario *scenario, struct error *error)
{
    static const char *const known[] = {"G1", "G2", "G3", "G4", "G5", "G6", "G7", NULL};
    if (check_known(list, known, error))
        return -1;
    if (!scenario->clauses[0])
        return json_expected(list, error, "at least one clause (G1 to G7)");
    return 0;
}

static int check_needs(struct json list, struct error *error)
{
    static const char *const known[] = {"power", "console", "probe", "server", "update", "trial", NULL};
    return check_known(list, known, error);
}

static int parse_head(struct json root, struct scenario *scenario, struct error *error)
{
    static const char *const keys[] = {"schema_version", "name",  "title",    "comment", "family",  "covers",
                                       "needs",          "start", "faults",   "steps",   "expect",  "clauses",
                                       "recovery_ms",    "vary",  "selftest", "without", "control", NULL};
    int family = 0, control = SCENARIO_FAIR;
    if (take_version(root, 1, error) || json_check_keys(root, keys, error) ||
        take_name(root, "name", true, &scenario->name, error) ||
        take_string(root, "title", true, &scenario->title, error) ||
        take_choice(root, "control", false, scenario_control_words, &control, error) ||
        take_choice(root, "family", true, family_names, &family, error) ||
        take_strings(root, "covers", true, &scenario->covers, error) ||
        take_strings(root, "needs", false, &scenario->needs, error) ||
        check_needs(json_get(root, "needs"), error) ||
        take_name(root, "start", true, &scenario->start, error) ||
        take_integer(root, "recovery_ms", false, 0, 3600000, &scenario->recovery_ms, error))
        return -1;
    scenario->family = family;
    scenario->control = control;
    return 0;
}

int scenario_parse(struct json root, struct scenario *scenario, struct error *error)
{
    *scenario = (struct scenario){0};
    if (parse_head(root, scenario, error) || parse_faults(json_get(root, "faults"), scenario, error) ||
        parse_steps(json_get(root, "steps"), scenario, error) ||
        parse_expect(json_get(root, "expect"), &scenario->expect, error) ||
        parse_without(json_get(root, "without"), scenario, error) ||
        take_strings(root, "clauses", true, &scenario->clauses, error) ||
        check_clauses(json_get(root, "clauses"), scenario, error) || scenario_check(root, scenario, error)) {
        scenario_release(scenario);
        return -1;
    }
    return 0;
}

static void release_faults(struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->fault_count; i++) {
        free(scenario->faults[i].name);
        free(scenario->faults[i].trigger.mark);
        free(scenario->faults[i].trigger.phase);
        free(scenario->faults[i].trigger.watch);
        cJSON_Delete(scenario->faults[i].trigger.rule);
        cJSON_Delete(scenario->faults[i].action.rule);
    }
    free(scenario->faults);
}

static void release_steps(struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->step_count; i++) {
        struct step *step = &scenario->steps[i];
        free(step->image);
        free(step->mark);
        free(step->fault);
        free(step->mode);
        free(step->by);
        free(step->proves);
    }
    free(scenario->steps);
}

static void release_expect(struct expect *expect)
{
    for (size_t i = 0; i < expect->never_count; i++) {
        free(expect->never[i].image);
        free(expect->never[i].class);
    }
    free(expect->never);
    take_free_strings(expect->runs);
    free(expect->final);
    free(expect->final_class);
    free(expect->reported);
    free(expect->next);
    free(expect->resume);
}

void scenario_release(struct scenario *scenario)
{
    release_faults(scenario);
    release_steps(scenario);
    release_expect(&scenario->expect);
    for (size_t i = 0; i < scenario->without_count; i++) {
        free(scenario->without[i].clause);
        free(scenario->without[i].why);
    }
    free(scenario->without);
    take_free_strings(scenario->covers);
    take_free_strings(scenario->clauses);
    take_free_strings(scenario->needs);
    free(scenario->name);
    free(scenario->title);
    free(scenario->file);
    free(scenario->start);
    *scenario = (struct scenario){0};
}

const struct fault *scenario_fault(const struct scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->fault_count; i++)
        if (!strcmp(scenario->faults[i].name, name))
            return &scenario->faults[i];
    return NULL;
}
