/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/gate/gate.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harness/base/mem.h"
#include "harness/base/member.h"

#define LISTED_MAX 5

const char *gate_state_name(enum gate_state state)
{
    static const char *const names[] = {"met", "open", "failed"};
    return names[state];
}

void gate_begin(struct gate *gate, const struct policy *policy, int64_t now_s)
{
    *gate = (struct gate){.policy = policy,
                          .now_s = now_s,
                          .runs = cJSON_CreateArray(),
                          .images = cJSON_CreateObject(),
                          .bad = cJSON_CreateArray(),
                          .bad_caught = mem_array(policy->bad_count + 1, sizeof(bool)),
                          .bad_passed = mem_array(policy->bad_count + 1, sizeof(bool)),
                          .phase_shown = mem_array(policy->phase_count + 1, sizeof(bool))};
}

void gate_end(struct gate *gate)
{
    for (size_t i = 0; i < gate->case_count; i++) {
        free(gate->cases[i].id);
        free(gate->cases[i].board);
        free(gate->cases[i].scenario);
        free(gate->cases[i].family);
        free(gate->cases[i].folder);
        free(gate->cases[i].where);
    }
    for (size_t i = 0; i < gate->item_count; i++) {
        free(gate->items[i].what);
        free(gate->items[i].detail);
    }
    free(gate->cases);
    free(gate->items);
    free(gate->bad_caught);
    free(gate->bad_passed);
    free(gate->phase_shown);
    cJSON_Delete(gate->runs);
    cJSON_Delete(gate->images);
    cJSON_Delete(gate->bad);
    *gate = (struct gate){0};
}

/* ---- which runs count ---- */

/* "2026-11-30T08:33:13Z" as Unix time; -1: it is none. */
static int64_t time_of(const char *text)
{
    struct tm at = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &at);
    return end && !*end ? (int64_t)timegm(&at) : -1;
}

static char *age_wrong(const struct gate *gate, const cJSON *result)
{
    const char *started = member_text(cJSON_GetObjectItem(result, "run"), "started");
    int64_t at = time_of(started), age_s = gate->now_s - at;
    if (!gate->policy->max_age_h)
        return NULL;
    if (at < 0)
        return mem_printf("it does not say when it began");
    if (age_s < -300)
        return mem_printf("it began in the future (%s)", started);
    return age_s > gate->policy->max_age_h * 3600 ? mem_printf("it began at %s, more than %lld hours ago",
                                                               started, (long long)gate->policy->max_age_h)
                                                  : NULL;
}

static const char *sha256_of(const cJSON *result, const char *image)
{
    return member_text(cJSON_GetObjectItem(cJSON_GetObjectItem(result, "images"), image), "sha256");
}

/* The release's own files, or, where the policy does not name them, those of the runs before. */
static char *images_wrong(const struct gate *gate, const cJSON *result)
{
    for (size_t i = 0; i < gate->policy->image_count; i++) {
        const struct policy_image *image = &gate->policy->images[i];
        const char *found = sha256_of(result, image->name);
        if (strcmp(found, image->sha256) != 0)
            return *found ? mem_printf("its image '%s' is %.12s..., not the release's %.12s...", image->name,
                                       found, image->sha256)
                          : mem_printf("it has no image '%s'", image->name);
    }
    return NULL;
}

/* A name whose file is another one in an earlier run of the same board that counts; NULL: none. */
static const char *mixed_with(const struct gate *gate, const cJSON *result)
{
    const cJSON *image, *board;
    cJSON_ArrayForEach(board, member_list(result, "boards"))
        cJSON_ArrayForEach(image, cJSON_GetObjectItem(result, "images"))
    {
        const cJSON *of_board = cJSON_GetObjectItemCaseSensitive(gate->images, board->valuestring);
        const char *known = member_text(of_board, image->string);
        if (*known && strcmp(known, member_text(image, "sha256")) != 0)
            return image->string;
    }
    return NULL;
}

static void know_images(struct gate *gate, const cJSON *result)
{
    const cJSON *image, *board;
    cJSON_ArrayForEach(board, member_list(result, "boards"))
    {
        cJSON *of_board = cJSON_GetObjectItemCaseSensitive(gate->images, board->valuestring);
        of_board = of_board ? of_board : cJSON_AddObjectToObject(gate->images, board->valuestring);
        cJSON_ArrayForEach(image,
                           cJSON_GetObjectItem(result, "images")) if (!*member_text(of_board, image->string))
            cJSON_AddStringToObject(of_board, image->string, member_text(image, "sha256"));
    }
}

/* A run of a "known-bad" build whose files are the release's own: its failures are the release's. */
static bool is_release(const struct gate *gate, const cJSON *bad)
{
    const cJSON *image, *board;
    size_t same = 0;
    cJSON_ArrayForEach(board, member_list(bad, "boards"))
        cJSON_ArrayForEach(image, cJSON_GetObjectItem(bad, "images"))
    {
        const cJSON *of_board = cJSON_GetObjectItemCaseSensitive(gate->images, board->valuestring);
        const char *known = member_text(of_board, image->string);
        if (!*known)
            continue;
        if (strcmp(known, member_text(image, "sha256")) != 0)
            return false;
        same++;
    }
    return same > 0;
}

/* ---- cases ---- */

static struct gate_case *case_of(struct gate *gate, const cJSON *one)
{
    const char *id = member_text(one, "id"), *board = member_text(one, "board");
    const char *file = member_text(one, "scenario_file"), *end = strrchr(file, '/'), *begin = end;
    while (begin && begin > file && begin[-1] != '/')
        begin--;
    char *folder = mem_printf("%.*s", end ? (int)(end - begin) : 0, begin ? begin : "");
    for (size_t i = 0; i < gate->case_count; i++) {
        struct gate_case *its = &gate->cases[i];
        if (strcmp(its->id, id) || strcmp(its->board, board) || strcmp(its->folder, folder) ||
            strcmp(its->family, member_text(one, "family")))
            continue;
        free(folder);
        return its;
    }
    gate->cases = mem_resize(gate->cases, gate->case_count + 1, sizeof *gate->cases);
    gate->cases[gate->case_count] = (struct gate_case){.id = mem_string(id),
                                                       .board = mem_string(board),
                                                       .scenario = mem_string(member_text(one, "scenario")),
                                                       .family = mem_string(member_text(one, "family")),
                                                       .folder = folder};
    return &gate->cases[gate->case_count++];
}

static void add_case(struct gate *gate, const char *folder, const cJSON *one)
{
    struct gate_case *its = case_of(gate, one);
    const char *verdict = member_text(one, "verdict");
    bool passes = !strcmp(verdict, "pass"), fails = !strcmp(verdict, "fail");
    bool worse = !its->where || (fails && !its->fails);
    its->passes += passes;
    its->fails += fails;
    its->others += !passes && !fails;
    if (passes || !worse)
        return;
    free(its->where);
    its->where =
        mem_printf("%s%s%s: %s (%s/%s)", verdict, *member_text(one, "class") ? " " : "",
                   member_text(one, "class"), member_text(one, "reason"), folder, member_text(one, "folder"));
}

static bool matches(const char *pattern, const struct gate_case *its)
{
    char *by_family = mem_printf("%s/%s", its->family, its->scenario);
    char *by_folder = mem_printf("%s/%s", its->folder, its->scenario);
    bool yes = !fnmatch(pattern, its->scenario, 0) || !fnmatch(pattern, by_family, 0) ||
               !fnmatch(pattern, by_folder, 0);
    free(by_family);
    free(by_folder);
    return yes;
}

/* ---- runs ---- */

/* A build with a defect: what its cases say is whether it was caught. */
static bool is_bad(struct gate *gate, const char *folder, const cJSON *result)
{
    const char *firmware = member_text(result, "firmware");
    bool is = false;
    for (size_t i = 0; i < gate->policy->bad_count; i++) {
        const struct policy_bad *bad = &gate->policy->bad[i];
        const cJSON *one;
        bool fails = false;
        if (strcmp(bad->firmware, firmware) != 0)
            continue;
        is = true;
        cJSON_ArrayForEach(one, cJSON_GetObjectItem(result, "cases"))
        {
            bool of_class = !bad->class || !strcmp(member_text(one, "class"), bad->class);
            fails |= !strcmp(member_text(one, "verdict"), "fail") && of_class;
        }
        gate->bad_caught[i] |= fails;
        gate->bad_passed[i] |= !fails;
    }
    if (is) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "run", folder);
        cJSON_AddItemToObject(one, "boards", cJSON_Duplicate(member_list(result, "boards"), true));
        cJSON_AddItemToObject(one, "images", cJSON_Duplicate(cJSON_GetObjectItem(result, "images"), true));
        cJSON_AddItemToArray(gate->bad, one);
    }
    return is;
}

static void look_at_campaigns(struct gate *gate, const cJSON *campaigns)
{
    const cJSON *campaign, *phase;
    cJSON_ArrayForEach(campaign, campaigns) cJSON_ArrayForEach(phase, cJSON_GetObjectItem(campaign, "phases"))
    {
        for (size_t i = 0; i < gate->policy->phase_count; i++) {
            const struct policy_phase *asked = &gate->policy->phases[i];
            bool its = !strcmp(member_text(phase, "name"), asked->phase) &&
                       (!asked->scenario || !fnmatch(asked->scenario, member_text(campaign, "scenario"), 0));
            gate->phase_shown[i] |=
                its && member_number(phase, "p_fail_below", 2) * 100 < (double)asked->below_percent;
        }
    }
}

static void note_run(struct gate *gate, const char *folder, const cJSON *result, const char *why)
{
    cJSON *run = cJSON_CreateObject();
    cJSON_AddStringToObject(run, "run", folder);
    cJSON_AddStringToObject(run, "firmware", member_text(result, "firmware"));
    cJSON_AddBoolToObject(run, "counts", !why);
    if (why)
        cJSON_AddStringToObject(run, "why", why);
    cJSON_AddItemToArray(gate->runs, run);
}

static void add_item(struct gate *gate, enum gate_state state, char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_item(struct gate *gate, enum gate_state state, char *what, const char *format, ...)
{
    va_list list;
    char *detail = NULL;
    va_start(list, format);
    if (vasprintf(&detail, format, list) < 0)
        detail = NULL;
    va_end(list);
    gate->items = mem_resize(gate->items, gate->item_count + 1, sizeof *gate->items);
    gate->items[gate->item_count++] = (struct gate_item){state, what, detail ? detail : mem_string("")};
}

void gate_add(struct gate *gate, const char *folder, const cJSON *result, const cJSON *campaigns)
{
    const cJSON *one;
    char *why = age_wrong(gate, result);
    if (!why && is_bad(gate, folder, result)) {
        note_run(gate, folder, result, "a build with a defect");
        return;
    }
    why = why ? why : images_wrong(gate, result);
    note_run(gate, folder, result, why);
    if (why) {
        free(why);
        return;
    }
    const char *mixed = mixed_with(gate, result);
    if (mixed)
        add_item(gate, GATE_OPEN, mem_string("one firmware"),
                 "%s has another image '%s' than the runs before it", folder, mixed);
    size_t planned = (size_t)member_integer(cJSON_GetObjectItem(result, "run"), "cases_planned", 0);
    size_t found = (size_t)cJSON_GetArraySize(cJSON_GetObjectItem(result, "cases"));
    if (planned > found)
        add_item(gate, GATE_OPEN, mem_string("whole runs"),
                 "%s ended early: %zu of its %zu cases have no verdict", folder, planned - found, planned);
    know_images(gate, result);
    look_at_campaigns(gate, campaigns);
    gate->counted++;
    cJSON_ArrayForEach(one, cJSON_GetObjectItem(result, "cases")) add_case(gate, folder, one);
}

/* ---- the answer ---- */

static void judge_need(struct gate *gate, const struct policy_need *need, const char *board)
{
    size_t passed = 0, seen = 0;
    for (size_t i = 0; i < gate->case_count; i++) {
        const struct gate_case *its = &gate->cases[i];
        if ((board && strcmp(board, its->board) != 0) || !matches(need->scenario, its))
            continue;
        seen++;
        passed += its->passes && !its->fails;
    }
    char *what =
        mem_printf("%s%s%s: %lld case%s pass%s", need->scenario, board ? " on " : "", board ? board : "",
                   (long long)need->cases, need->cases == 1 ? "" : "s", need->cases == 1 ? "es" : "");
    add_item(gate, (int64_t)passed >= need->cases ? GATE_MET : GATE_OPEN, what, "%zu of %zu pass", passed,
             seen);
}

static void judge_needs(struct gate *gate)
{
    for (size_t i = 0; i < gate->policy->need_count; i++) {
        const struct policy_need *need = &gate->policy->needs[i];
        if (!need->boards || !need->boards[0])
            judge_need(gate, need, NULL);
        for (char **board = need->boards; board && *board; board++)
            judge_need(gate, need, *board);
    }
}

static void judge_bad(struct gate *gate)
{
    for (size_t i = 0; i < gate->policy->bad_count; i++) {
        const struct policy_bad *bad = &gate->policy->bad[i];
        bool caught = gate->bad_caught[i];
        add_item(gate, caught ? GATE_MET : GATE_OPEN,
                 mem_printf("known-bad %s fails%s%s", bad->firmware, bad->class ? " as " : "",
                            bad->class ? bad->class : ""),
                 "%s",
                 caught ? "it does"
                 : gate->bad_passed[i]
                     ? "it was run, and nothing caught it: a pass of these cases says nothing"
                     : "it was not run");
    }
}

static void judge_bad_runs(struct gate *gate)
{
    const cJSON *bad;
    cJSON_ArrayForEach(bad, gate->bad) if (is_release(gate, bad))
        add_item(gate, GATE_FAILED, mem_string("known-bad builds are others than the release"),
                 "%s was run with the release's own files", member_text(bad, "run"));
}

static void judge_phases(struct gate *gate)
{
    for (size_t i = 0; i < gate->policy->phase_count; i++) {
        const struct policy_phase *phase = &gate->policy->phases[i];
        bool shown = gate->phase_shown[i];
        add_item(gate, shown ? GATE_MET : GATE_OPEN,
                 mem_printf("cuts in phase '%s' fail in less than %lld of 100", phase->phase,
                            (long long)phase->below_percent),
                 "%s", shown ? "a campaign has shown it" : "no campaign of these runs has shown it");
    }
}

/* All of what fails, and what nothing has proven. */
static void judge_cases(struct gate *gate)
{
    size_t fails = 0, unproven = 0;
    for (size_t i = 0; i < gate->case_count; i++) {
        const struct gate_case *its = &gate->cases[i];
        if (its->fails && ++fails <= LISTED_MAX)
            add_item(gate, GATE_FAILED, mem_printf("%s on %s", its->id, its->board), "%s", its->where);
        unproven += !its->fails && !its->passes;
    }
    if (fails > LISTED_MAX)
        add_item(gate, GATE_FAILED, mem_string("further cases"), "%zu more fail", fails - LISTED_MAX);
    if (!fails)
        add_item(gate, gate->case_count ? GATE_MET : GATE_OPEN, mem_string("no case fails"), "%zu cases",
                 gate->case_count);
    bool too_many = (int64_t)unproven > gate->policy->unproven_allowed;
    add_item(gate, too_many ? GATE_OPEN : GATE_MET,
             mem_printf("at most %lld case%s unproven", (long long)gate->policy->unproven_allowed,
                        gate->policy->unproven_allowed == 1 ? "" : "s"),
             "%zu neither passed nor failed", unproven);
    for (size_t i = 0, listed = 0; too_many && i < gate->case_count && listed < LISTED_MAX; i++) {
        const struct gate_case *its = &gate->cases[i];
        if (its->fails || its->passes)
            continue;
        add_item(gate, GATE_OPEN, mem_printf("%s on %s", its->id, its->board), "%s", its->where);
        listed++;
    }
}

void gate_judge(struct gate *gate)
{
    judge_cases(gate);
    judge_needs(gate);
    judge_bad(gate);
    judge_bad_runs(gate);
    judge_phases(gate);
}

enum gate_state gate_state(const struct gate *gate)
{
    enum gate_state worst = gate->item_count ? GATE_MET : GATE_OPEN;
    for (size_t i = 0; i < gate->item_count; i++)
        if (gate->items[i].state > worst)
            worst = gate->items[i].state;
    return worst;
}
