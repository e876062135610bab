/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/campaign/campaign.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/json.h"
#include "harness/base/mem.h"
#include "harness/base/output.h"
#include "harness/campaign/claims.h"
#include "harness/rack/rack.h"
#include "harness/campaign/strategy.h"
#include "harness/record/confidence.h"
#include "harness/record/journal.h"

#define PHASES_MAX 24
#define WINDOWS_MAX 64
#define ROUND_MAX 256

struct phase {
    char name[64];
    double begin; /* least time at which its mark came before the cut; the first phase: `low` */
    struct claim claim;
};
struct campaign {
    const struct campaign_options *options;
    struct run_request *request;
    struct strategy strategy;
    char key[64], *scenario;
    struct phase phases[PHASES_MAX];
    size_t phase_count;
    size_t places;
    unsigned cuts, power_cycles, rounds;
    double at[ROUND_MAX]; /* of the round */
    bool by_chance[ROUND_MAX];
    size_t count;
    bool settled; /* it ended with the number of cuts that was asked for, and nothing else could have ended it
                   */
    const char *ended;
    int code;
    cJSON *folders;
};

/* ---- the scenario ---- */

static int take_range(struct campaign *campaign, struct error *error)
{
    const cJSON *list = cJSON_GetObjectItem(campaign->request->spec, "scenarios"), *item, *found = NULL;
    const cJSON *first = cJSON_GetArrayItem(list, 0);
    struct json_document document;
    if (cJSON_GetArraySize(list) != 1)
        return error_set(error, ERROR_INPUT, "--strategy: expected one scenario, found %d",
                         cJSON_GetArraySize(list));
    if (json_load(&document, first->valuestring, error))
        return -1;
    const cJSON *vary = cJSON_GetObjectItemCaseSensitive(document.root, "vary");
    cJSON_ArrayForEach(item, vary) if (cJSON_IsNumber(cJSON_GetObjectItem(item, "from")) &&
                                       cJSON_IsNumber(cJSON_GetObjectItem(item, "to"))) found = item;
    if (!found || cJSON_GetArraySize(vary) != 1) {
        error_set(error, ERROR_INPUT, "%s: $.vary: --strategy expected one key with \"from\" and \"to\"",
                  first->valuestring);
    } else {
        double low = cJSON_GetObjectItem(found, "from")->valuedouble,
               high = cJSON_GetObjectItem(found, "to")->valuedouble;
        const cJSON *seed = cJSON_GetObjectItem(campaign->request->spec, "seed");
        int kind = 0;
        while (strcmp(strategy_names[kind], campaign->options->strategy))
            kind++;
        snprintf(campaign->key, sizeof campaign->key, "%s", found->string);
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(document.root, "name"));
        campaign->scenario = mem_string(name ? name : first->valuestring);
        campaign->strategy =
            strategy_begin((enum strategy_kind)kind, low, high, campaign->options->resolution,
                           seed ? (uint64_t)seed->valuedouble : 1);
        snprintf(campaign->phases[0].name, sizeof campaign->phases[0].name, "from the trigger");
        campaign->phases[0].begin = low;
        campaign->phase_count = 1;
        if (high <= low)
            error_set(error, ERROR_INPUT, "%s: $.vary.%s: expected \"to\" above \"from\"", first->valuestring,
                      found->string);
    }
    json_close(&document);
    return error->kind == ERROR_NONE ? 0 : -1;
}

/* A round has two cuts for each place: enough to keep them busy, few enough to learn from. */
static int count_places(struct campaign *campaign, struct error *error)
{
    const cJSON *spec = campaign->request->spec;
    struct rack rack;
    campaign->places = (size_t)cJSON_GetArraySize(cJSON_GetObjectItem(spec, "places"));
    if (!campaign->places) {
        if (rack_load(cJSON_GetObjectItem(spec, "rack")->valuestring, &rack, error))
            return -1;
        campaign->places = rack.place_count;
        rack_release(&rack);
    }
    if (campaign->places > ROUND_MAX / 2)
        campaign->places = ROUND_MAX / 2;
    return 0;
}

/* ---- what a case showed ---- */

static struct phase *phase_named(struct campaign *campaign, const char *name, double at)
{
    for (size_t i = 0; i < campaign->phase_count; i++)
        if (!strcmp(campaign->phases[i].name, name)) {
            if (i && at < campaign->phases[i].begin)
                campaign->phases[i].begin = at;
            return &campaign->phases[i];
        }
    if (campaign->phase_count == PHASES_MAX)
        return &campaign->phases[PHASES_MAX - 1];
    struct phase *phase = &campaign->phases[campaign->phase_count++];
    snprintf(phase->name, sizeof phase->name, "%s", name);
    phase->begin = at;
    return phase;
}

/* The last console mark between the trigger and the cut: the phase in which power went. When each mark came,
 * counted from the trigger, tells where phases begin. */
static struct phase *phase_of(struct campaign *campaign, const char *folder)
{
    char *path = mem_printf("%s/journal.jsonl", folder);
    struct error error = {0};
    struct journal_reader *reader = journal_open(path, &error);
    struct journal_line line;
    uint64_t hit_us = 0;
    struct phase *phase = &campaign->phases[0];
    bool over = false;
    free(path);
    while (reader && !over && journal_read(reader, &line, &error) == 1) {
        const struct event *event = &line.event;
        if (event->kind == EVENT_TRIGGER && !strcmp(event->what, "hit") && !hit_us) {
            hit_us = event->t_us;
        } else if (event->kind == EVENT_POWER && !strcmp(event->what, "off")) {
            campaign->power_cycles++;
            over = cJSON_HasObjectItem(event->fields, "fault");
        } else if (event->kind == EVENT_MARK && hit_us && event->t_us > hit_us) {
            double at = (double)(event->t_us - hit_us) / 1000;
            /* marks that come with the trigger do not part anything */
            if (at > campaign->strategy.resolution) {
                phase = phase_named(campaign, event->what, at);
                strategy_phase(&campaign->strategy, at);
            }
        }
    }
    while (reader && journal_read(reader, &line, &error) == 1)
        campaign->power_cycles += line.event.kind == EVENT_POWER && !strcmp(line.event.what, "off");
    journal_reader_free(reader);
    return phase;
}

static void take_case(struct campaign *campaign, const char *folder, const cJSON *item)
{
    const cJSON *at = cJSON_GetObjectItem(cJSON_GetObjectItem(item, "variation"), campaign->key);
    const char *verdict = cJSON_GetStringValue(cJSON_GetObjectItem(item, "verdict"));
    const char *inner = cJSON_GetStringValue(cJSON_GetObjectItem(item, "folder"));
    if (!cJSON_IsNumber(at) || !verdict || !inner)
        return;
    bool by_chance = false;
    for (size_t i = 0; i < campaign->count; i++)
        if (fabs(campaign->at[i] - at->valuedouble) < campaign->strategy.resolution / 2)
            by_chance = campaign->by_chance[i];
    int outcome = !strcmp(verdict, "pass") ? 0 : !strcmp(verdict, "fail") ? 1 : -1;
    char *path = mem_printf("%s/%s", folder, inner);
    struct phase *phase = phase_of(campaign, path);
    free(path);
    strategy_tell(&campaign->strategy, at->valuedouble, outcome);
    campaign->cuts++;
    claim_take(&phase->claim, outcome, by_chance);
}

/* ---- rounds ---- */

static int round_of_runs(struct campaign *campaign, struct error *error)
{
    cJSON *vary = cJSON_GetObjectItem(campaign->request->spec, "vary"), *item;
    char *text = mem_printf("%s=", campaign->key), *folder = NULL, *path;
    struct json_document document;
    for (size_t i = 0; i < campaign->count; i++) {
        char *longer = mem_printf("%s%s%.12g", text, i ? "," : "", campaign->at[i]);
        free(text);
        text = longer;
    }
    while (cJSON_GetArraySize(vary))
        cJSON_DeleteItemFromArray(vary, 0);
    cJSON_AddItemToArray(vary, cJSON_CreateString(text));
    free(text);
    struct run_request request = *campaign->request;
    request.folder = &folder;
    request.quiet = true;
    int code = supervise_run(&request);
    if (!folder)
        return code ? code : 3;
    cJSON_AddItemToArray(campaign->folders, cJSON_CreateString(folder));
    path = mem_printf("%s/result.json", folder);
    if (!json_load(&document, path, error)) {
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(document.root, "cases"))
            take_case(campaign, folder, item);
        json_close(&document);
    }
    free(path);
    free(folder);
    campaign->rounds++;
    return code;
}

/* No time of those that are tried need fall into it: console lines that come together begin such phases. */
static bool is_short(const struct campaign *campaign, const struct phase *phase)
{
    double end = campaign->strategy.high + campaign->strategy.resolution;
    for (size_t i = 0; i < campaign->phase_count; i++) {
        const struct phase *other = &campaign->phases[i];
        bool later = other->begin > phase->begin || (other->begin == phase->begin && other > phase);
        if (later && other->begin < end)
            end = other->begin;
    }
    return end - phase->begin < campaign->strategy.resolution;
}

static bool all_below(const struct campaign *campaign)
{
    for (size_t i = 0; i < campaign->phase_count; i++)
        if (!is_short(campaign, &campaign->phases[i]) &&
            claim_bounds(&campaign->phases[i].claim, campaign->options->confidence / 100, true).below >=
                campaign->options->below)
            return false;
    return true;
}

/* Round after round; the exit code. What cannot be judged does not end it, a rig that fails does. */
static int rounds(struct campaign *campaign, struct error *error)
{
    struct strategy *strategy = &campaign->strategy;
    size_t wanted = 2 * campaign->places;
    while (campaign->cuts < campaign->options->cuts) {
        size_t left = (size_t)(campaign->options->cuts - campaign->cuts);
        campaign->count =
            strategy_next(strategy, campaign->at, campaign->by_chance, left < wanted ? left : wanted);
        unsigned before = campaign->cuts;
        if (!campaign->count && strategy->kind == STRATEGY_ADAPTIVE && campaign->options->below > 0) {
            strategy->kind =
                STRATEGY_UNIFORM; /* nothing to aim at any more: the rest goes into what can be said */
            continue;
        }
        if (!campaign->count) {
            campaign->ended = "everything is known to the resolution";
            return campaign->code;
        }
        int code = round_of_runs(campaign, error);
        if (code == 2 || code == 3 || code == 130 || campaign->cuts == before) {
            campaign->ended = code == 130 ? "interrupted" : "the rig or the input is at fault";
            return code ? code : 3;
        }
        if (code == 1 || !campaign->code)
            campaign->code = code;
        printf("round %u: %u cuts so far\n", campaign->rounds, campaign->cuts);
        if (campaign->options->below > 0 && all_below(campaign)) {
            campaign->ended =
                "the wanted confidence is reached in every phase that is as long as the resolution";
            return campaign->code;
        }
    }
    campaign->ended = "the number of cuts is used up";
    campaign->settled = campaign->options->below <= 0 && strategy->kind != STRATEGY_ADAPTIVE;
    return campaign->code;
}

/* ---- what it says ---- */

static int by_begin(const void *a, const void *b)
{
    double x = ((const struct phase *)a)->begin, y = ((const struct phase *)b)->begin;
    return x < y ? -1 : x > y;
}

static struct claim_bounds bounds_of(const struct campaign *campaign, const struct phase *phase)
{
    return claim_bounds(&phase->claim, campaign->options->confidence / 100, !campaign->settled);
}

static cJSON *phase_json(const struct campaign *campaign, const struct phase *phase)
{
    const struct claim *claim = &phase->claim;
    struct claim_bounds bounds = bounds_of(campaign, phase);
    cJSON *to = cJSON_CreateObject();
    cJSON_AddStringToObject(to, "name", phase->name);
    cJSON_AddNumberToObject(to, "begin", phase->begin);
    cJSON_AddBoolToObject(to, "shorter_than_resolution", is_short(campaign, phase));
    cJSON_AddNumberToObject(to, "runs", claim->runs);
    cJSON_AddNumberToObject(to, "fails", claim->fails);
    cJSON_AddNumberToObject(to, "not_judged", claim->unknown);
    cJSON_AddNumberToObject(to, "chance_runs", claim->chance_runs);
    cJSON_AddNumberToObject(to, "chance_fails", claim->chance_fails);
    cJSON_AddNumberToObject(to, "p_fail_above", bounds.above);
    cJSON_AddNumberToObject(to, "p_fail_below", bounds.below);
    return to;
}

/* Cuts at times without aim that hit a window at least once: at most, for it may be wider than what is known
 * to fail. */
static unsigned cuts_to_hit(const struct campaign *campaign, const struct strategy_window *window)
{
    const struct strategy *strategy = &campaign->strategy;
    double share = (window->last_fail - window->first_fail + strategy->resolution) /
                   (strategy->high - strategy->low + strategy->resolution);
    return confidence_runs(share, campaign->options->confidence / 100);
}

static cJSON *window_json(const struct campaign *campaign, const struct strategy_window *window)
{
    cJSON *to = cJSON_CreateObject();
    cJSON_AddItemToObject(to, "pass_before",
                          window->bounded_before ? cJSON_CreateNumber(window->pass_before)
                                                 : cJSON_CreateNull());
    cJSON_AddNumberToObject(to, "first_fail", window->first_fail);
    cJSON_AddNumberToObject(to, "last_fail", window->last_fail);
    cJSON_AddItemToObject(to, "pass_after",
                          window->bounded_after ? cJSON_CreateNumber(window->pass_after)
                                                : cJSON_CreateNull());
    cJSON_AddNumberToObject(to, "fails", window->fails);
    cJSON_AddNumberToObject(to, "cuts_to_hit", cuts_to_hit(campaign, window));
    return to;
}

static void print_text(const struct campaign *campaign, const struct strategy_window *windows,
                       size_t window_count)
{
    double confidence = campaign->options->confidence;
    printf("\n%s: %u cuts (%s) in %u rounds, %u power cycles in all; %s\n\n", campaign->scenario,
           campaign->cuts, campaign->options->strategy, campaign->rounds, campaign->power_cycles,
           campaign->ended);
    printf("  %-20s %12s %6s %6s %10s %6s   p(fail) of a cut at any time of the phase, at %g %%\n",
           "phase (since)", campaign->key, "cuts", "fail", "by chance", "fail", confidence);
    for (size_t i = 0; i < campaign->phase_count; i++) {
        const struct phase *phase = &campaign->phases[i];
        const struct claim *claim = &phase->claim;
        struct claim_bounds bounds = bounds_of(campaign, phase);
        printf("  %-20s %12.6g %6u %6u %10u %6u   ", phase->name, phase->begin, claim->runs, claim->fails,
               claim->chance_runs, claim->chance_fails);
        if (bounds.above > 0)
            printf("> %.4f, ", bounds.above);
        if (!claim->chance_runs && is_short(campaign, phase))
            puts("shorter than the resolution: nothing is said of it");
        else
            printf("< %.4f%s\n", bounds.below, claim->unknown ? "  (some not judged)" : "");
    }
    printf("  (of each phase by itself, from its cuts by chance; %s)\n",
           campaign->settled ? "their number was settled beforehand"
                             : "true at whatever moment the campaign was ended");
    for (size_t i = 0; i < window_count && i < WINDOWS_MAX; i++) {
        const struct strategy_window *window = &windows[i];
        printf("  fails from %s = %.12g to %.12g (%u times); passes %s%.12g and %s%.12g; at most %u cuts at "
               "any time "
               "hit it with %g %%\n",
               campaign->key, window->first_fail, window->last_fail, window->fails,
               window->bounded_before ? "at " : "nowhere before it down to ", window->pass_before,
               window->bounded_after ? "at " : "nowhere after it up to ", window->pass_after,
               cuts_to_hit(campaign, window), confidence);
    }
}

static int tell(struct campaign *campaign, struct error *error)
{
    struct strategy_window windows[WINDOWS_MAX];
    size_t count = strategy_windows(&campaign->strategy, windows, WINDOWS_MAX);
    char *path = mem_printf("%s/campaign.json", campaign->request->out);
    cJSON *tree = cJSON_CreateObject(), *list;
    qsort(campaign->phases + 1, campaign->phase_count - 1, sizeof *campaign->phases, by_begin);
    cJSON_AddNumberToObject(tree, "schema_version", 1);
    cJSON_AddStringToObject(tree, "scenario", campaign->scenario);
    cJSON_AddStringToObject(tree, "strategy", campaign->options->strategy);
    cJSON_AddStringToObject(tree, "varied", campaign->key);
    cJSON_AddNumberToObject(tree, "low", campaign->strategy.low);
    cJSON_AddNumberToObject(tree, "high", campaign->strategy.high);
    cJSON_AddNumberToObject(tree, "resolution", campaign->strategy.resolution);
    cJSON_AddNumberToObject(tree, "confidence_percent", campaign->options->confidence);
    cJSON_AddNumberToObject(tree, "cuts", campaign->cuts);
    cJSON_AddNumberToObject(tree, "power_cycles", campaign->power_cycles);
    cJSON_AddStringToObject(tree, "ended", campaign->ended);
    cJSON_AddStringToObject(tree, "bounds", campaign->settled ? "settled" : "any-time");
    list = cJSON_AddArrayToObject(tree, "phases");
    for (size_t i = 0; i < campaign->phase_count; i++)
        cJSON_AddItemToArray(list, phase_json(campaign, &campaign->phases[i]));
    list = cJSON_AddArrayToObject(tree, "failing_windows");
    for (size_t i = 0; i < count && i < WINDOWS_MAX; i++)
        cJSON_AddItemToArray(list, window_json(campaign, &windows[i]));
    cJSON_AddNumberToObject(tree, "failing_windows_left_off",
                            count > WINDOWS_MAX ? (double)(count - WINDOWS_MAX) : 0);
    cJSON_AddItemReferenceToObject(tree, "runs", campaign->folders);
    print_text(campaign, windows, count);
    char *text = cJSON_Print(tree);
    int failed = output_text(path, text, error);
    if (!failed)
        printf("campaign: %s\n", path);
    cJSON_free(text);
    cJSON_Delete(tree);
    free(path);
    return failed;
}

int campaign_run(struct run_request *request, const struct campaign_options *options)
{
    struct campaign campaign = {.options = options, .request = request, .folders = cJSON_CreateArray()};
    struct error error = {0};
    int code;
    if (take_range(&campaign, &error) || count_places(&campaign, &error)) {
        code = error_print(&error);
    } else {
        code = rounds(&campaign, &error);
        if (campaign.rounds && tell(&campaign, &error))
            code = error_print(&error);
    }
    strategy_release(&campaign.strategy);
    free(campaign.scenario);
    cJSON_Delete(campaign.folders);
    return code;
}
