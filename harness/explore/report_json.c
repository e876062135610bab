/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explore.json; reports/schemas/explore.schema.json describes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/explore/report.h"
#include "harness/explore/soundness.h"

static void put_hex(cJSON *to, const char *key, uint32_t value)
{
    char text[16];
    snprintf(text, sizeof text, "0x%08x", value);
    cJSON_AddStringToObject(to, key, text);
}

static void put_line(cJSON *to, const char *key, const struct symbols_source *source)
{
    char line[128];
    if (!source->line)
        return;
    snprintf(line, sizeof line, "%s:%d", source->file, source->line);
    cJSON_AddStringToObject(to, key, line);
}

static void put_place(cJSON *to, const char *prefix, const struct place *place)
{
    char key[40];
    if (!place->pc)
        return;
    snprintf(key, sizeof key, "%spc", prefix);
    put_hex(to, key, place->pc);
    snprintf(key, sizeof key, "%ssymbol", prefix);
    cJSON_AddStringToObject(to, key, place->in.function);
    snprintf(key, sizeof key, "%sline", prefix);
    put_line(to, key, &place->in);
    snprintf(key, sizeof key, "%sinlined", prefix);
    cJSON *list = place->inlined_count ? cJSON_AddArrayToObject(to, key) : NULL;
    for (unsigned i = 0; i < place->inlined_count; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "symbol", place->inlined[i].function);
        put_line(item, "line", &place->inlined[i]);
        cJSON_AddItemToArray(list, item);
    }
}

static cJSON *cut_json(const struct spec *spec, const struct cut *cut)
{
    cJSON *to = cJSON_CreateObject();
    const struct spec_region *region = spec_region_of(spec, cut->op.address);
    cJSON_AddNumberToObject(to, "boot", cut->boot);
    cJSON_AddNumberToObject(to, "operation", cut->operation);
    cJSON_AddStringToObject(to, "kind", explore_report_cut_kind(cut));
    if (cut->model)
        cJSON_AddStringToObject(to, "model", model_names[cut->model]);
    cJSON_AddStringToObject(to, "what",
                            cut->model == MODEL_ROT          ? "flip"
                            : cut->op.kind == TWIN_NVM_WRITE ? "write"
                                                             : "erase");
    put_hex(to, "address", cut->op.address);
    if (cut->op.kind == TWIN_NVM_WRITE)
        put_hex(to, "value", cut->op.value);
    cJSON_AddStringToObject(to, "region", region ? region->name : "");
    if (cut->place.pc) {
        put_place(to, "", &cut->place);
    } else {
        put_hex(to, "pc", 0);
        cJSON_AddStringToObject(to, "symbol", "");
    }
    put_place(to, "caller_", &cut->caller);
    cJSON *chain = cut->chain_count ? cJSON_AddArrayToObject(to, "chain") : NULL;
    for (unsigned i = 0; i < cut->chain_count; i++)
        cJSON_AddItemToArray(chain, cJSON_CreateString(cut->chain[i].function));
    return to;
}

static cJSON *window_json(const struct search *search, const struct window *window)
{
    const struct spec *spec = search->spec;
    cJSON *to = cJSON_CreateObject();
    const struct spec_region *region = spec_region_of(spec, window->first_op.address);
    cJSON_AddNumberToObject(to, "run", window->run);
    cJSON_AddNumberToObject(to, "first_operation", window->first);
    cJSON_AddNumberToObject(to, "last_operation", explore_report_last(window));
    cJSON_AddNumberToObject(to, "states", window->states);
    put_hex(to, "first_address", window->first_op.address);
    put_hex(to, "last_address", window->last_op.address);
    cJSON_AddStringToObject(to, "region", region ? region->name : "");
    cJSON_AddStringToObject(to, "kind", window->resets ? "reset" : "power_cut");
    cJSON_AddBoolToObject(to, "inside_first", window->first_torn);
    cJSON_AddBoolToObject(to, "inside_last", window->last_torn);
    cJSON_AddBoolToObject(to, "behind_last", window->behind);
    if (window->timed) {
        cJSON_AddNumberToObject(to, "from_ms", (double)window->from_ns / 1e6);
        cJSON_AddNumberToObject(to, "to_ms", (double)window->to_ns / 1e6);
        cJSON_AddNumberToObject(to, "cuts_95_jitter_1ms", finding_cuts_needed(window, 1000000));
        cJSON_AddNumberToObject(to, "cuts_95_jitter_5ms", finding_cuts_needed(window, 5000000));
    }
    put_place(to, "", &window->place);
    put_place(to, "caller_", &window->caller);
    return to;
}

static void put_waits(cJSON *to, const struct finding *finding)
{
    if (!finding->waits_place.pc)
        return;
    cJSON *waits = cJSON_AddObjectToObject(to, "waits");
    put_place(waits, "", &finding->waits_place);
    if (finding->waits.count) {
        put_hex(waits, "register", finding->waits.address);
        put_hex(waits, "reads", finding->waits.value);
    }
}

/* JSON is UTF-8: a garbled console must not break it; a line that wakes up sends a NUL */
static void put_console(cJSON *to, const char *key, const char *text, size_t len)
{
    char *console = mem_copy(len ? text : "", len + 1);
    console[len] = 0;
    for (char *c = console; c < console + len; c++)
        if ((unsigned char)*c >= 0x7f || ((unsigned char)*c < ' ' && *c != '\n' && *c != '\r' && *c != '\t'))
            *c = '?';
    cJSON_AddStringToObject(to, key, console);
    free(console);
}

static cJSON *finding_json(const struct search *search, const struct finding *finding, size_t number,
                           const char *out)
{
    const struct verdict *verdict = &search->verdicts[finding->verdict];
    char text[80], hash[65];
    cJSON *to = cJSON_CreateObject();
    snprintf(text, sizeof text, "%s-f%zu", search->spec->name, number + 1);
    cJSON_AddStringToObject(to, "id", text);
    cJSON_AddStringToObject(to, "class", verdict->fail_class);
    cJSON_AddStringToObject(to, "clause", search->spec->phases[verdict->phase].clauses[verdict->clause].text);
    char *detail = explore_report_detail(search, finding);
    cJSON_AddStringToObject(to, "detail", detail);
    free(detail);
    cJSON_AddNumberToObject(to, "phase", verdict->phase);
    if (search->spec->phases[verdict->phase].comment)
        cJSON_AddStringToObject(to, "phase_comment", search->spec->phases[verdict->phase].comment);
    cJSON_AddStringToObject(to, "ended_by", machine_end_names[finding->end]);
    put_waits(to, finding);
    cJSON_AddNumberToObject(to, "states", (double)finding->states);
    cJSON_AddBoolToObject(to, "confirmed", finding->confirmed);
    cJSON *cuts = cJSON_AddArrayToObject(to, "cuts");
    for (size_t i = 0; i < finding->cut_count; i++)
        cJSON_AddItemToArray(cuts, cut_json(search->spec, &finding->cuts[i]));
    cJSON *list = cJSON_AddArrayToObject(to, "windows");
    for (size_t i = 0; i < finding->windows.count; i++)
        cJSON_AddItemToArray(list, window_json(search, &finding->windows.items[i]));
    cJSON_AddNumberToObject(to, "windows_left_off", (double)finding->windows.left_off);
    put_console(to, "console", finding->text, finding->text_len);
    explore_sha256(finding->before, search->spec->nvm_size, hash);
    cJSON_AddStringToObject(to, "flash_before_sha256", hash);
    explore_sha256(finding->after, search->spec->nvm_size, hash);
    cJSON_AddStringToObject(to, "flash_after_sha256", hash);
    cJSON *evidence = cJSON_AddArrayToObject(to, "evidence");
    for (int i = 0; out && i < 2; i++) {
        snprintf(text, sizeof text, "evidence/f%zu-%s.bin", number + 1, i ? "after" : "before");
        cJSON_AddItemToArray(evidence, cJSON_CreateString(text));
    }
    return to;
}

static cJSON *not_judged_json(const struct search *search, const struct finding *finding)
{
    const struct verdict *verdict = &search->verdicts[finding->verdict];
    cJSON *to = cJSON_CreateObject(), *cuts;
    char *why = explore_report_rests(finding);
    cJSON_AddStringToObject(to, "why", why);
    free(why);
    put_hex(to, "register", finding->rests.address);
    put_hex(to, "reads", finding->rests.value);
    cJSON_AddBoolToObject(to, "polled", finding->polled);
    put_place(to, "", &finding->rests_place);
    cJSON_AddStringToObject(to, "clause", search->spec->phases[verdict->phase].clauses[verdict->clause].text);
    cJSON_AddNumberToObject(to, "phase", verdict->phase);
    cJSON_AddNumberToObject(to, "states", (double)finding->states);
    cuts = cJSON_AddArrayToObject(to, "cuts");
    for (size_t i = 0; i < finding->cut_count; i++)
        cJSON_AddItemToArray(cuts, cut_json(search->spec, &finding->cuts[i]));
    return to;
}

static void put_slots(cJSON *to, const struct search *search)
{
    struct report_slot slot;
    cJSON *list = cJSON_AddArrayToObject(to, "uncut");
    for (size_t i = 0; explore_report_slot(search, &i, &slot);) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "region", slot.region->name);
        cJSON_AddStringToObject(item, "before", slot.before);
        cJSON_AddStringToObject(item, "after", slot.after);
        cJSON_AddNumberToObject(item, "bytes_changed", slot.changed);
        cJSON_AddItemToArray(list, item);
    }
}

static void put_depths(cJSON *to, const struct search *search)
{
    size_t states[DEPTH_MAX + 1] = {0}, bad[DEPTH_MAX + 1] = {0};
    for (size_t i = 0; i < search->done; i++) {
        const struct node *node = &search->nodes[i];
        states[node->depth]++;
        bad[node->depth] += search->verdicts[node->verdict].fails;
    }
    cJSON *list = cJSON_AddArrayToObject(to, "depths");
    for (unsigned i = 0; i <= search->depth; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "depth", i);
        cJSON_AddNumberToObject(item, "new_states", (double)states[i]);
        cJSON_AddNumberToObject(item, "bad", (double)bad[i]);
        cJSON_AddItemToArray(list, item);
    }
}

static void put_forgiven(cJSON *to, const struct search *search)
{
    cJSON *list = cJSON_AddArrayToObject(to, "forgiven");
    struct symbols *symbols = search->forgiven_count ? symbols_open(search->spec) : NULL;
    for (size_t i = 0; i < search->forgiven_count; i++) {
        cJSON *item = cJSON_CreateObject();
        struct place place;
        symbols_find(symbols, search->forgiven[i].pc, &place);
        put_place(item, "", &place);
        put_hex(item, "address", search->forgiven[i].address);
        cJSON_AddStringToObject(item, "what", search->forgiven[i].what);
        cJSON_AddItemToArray(list, item);
    }
    symbols_close(symbols);
}

static void put_coverage(cJSON *to, const struct search *search)
{
    cJSON *coverage = cJSON_AddObjectToObject(to, "coverage");
    cJSON_AddStringToObject(coverage, "alphabet", search->options.full ? "full" : "reduced");
    cJSON_AddNumberToObject(coverage, "torn_cuts_per_sequence", search->options.torn);
    cJSON *physics = cJSON_AddArrayToObject(coverage, "physics");
    cJSON_AddNumberToObject(coverage, "resets_per_sequence", search->options.resets);
    for (int i = TORN_CLEAN; i < (search->options.torn ? TORN_FLAGS : TORN_ONE_BIT); i++)
        cJSON_AddItemToArray(physics, cJSON_CreateString(model_names[i]));
    static const char *const families[] = {"flags", "lanes", "page", "words", "page-lanes", "moments"};
    for (size_t i = 0; i < sizeof families / sizeof *families && search->options.torn; i++)
        cJSON_AddItemToArray(physics, cJSON_CreateString(families[i]));
    if (search->options.resets)
        cJSON_AddItemToArray(physics, cJSON_CreateString(model_names[MODEL_RESET]));
    if (search->options.rot)
        cJSON_AddItemToArray(physics, cJSON_CreateString(model_names[MODEL_ROT]));
    cJSON_AddNumberToObject(coverage, "rot_places_per_region", search->options.rot);
    cJSON_AddNumberToObject(coverage, "depth_asked", search->options.depth);
    cJSON_AddStringToObject(coverage, "bounded_by", search->bound ? search->bound : "");
    cJSON_AddBoolToObject(coverage, "vacuous", search->vacuous);
    put_forgiven(coverage, search);
    cJSON_AddNumberToObject(coverage, "states_not_judged", (double)search_not_judged(search));
    cJSON *not_claimed = cJSON_AddArrayToObject(coverage, "not_claimed");
    const char *list[REPORT_CLAIMS_MAX];
    size_t count = explore_report_not_claimed(search, list);
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(not_claimed, cJSON_CreateString(list[i]));
    cJSON_AddNumberToObject(coverage, "failing_states_not_cut_further", (double)search->not_cut_further);
}

static void put_engine(cJSON *to, const struct search *search)
{
    cJSON *engine = cJSON_AddObjectToObject(to, "engine");
    cJSON_AddBoolToObject(engine, "pruned", search->options.strategy != STRATEGY_WHOLE);
    cJSON_AddStringToObject(engine, "share", search_strategy_names[search->options.strategy]);
    cJSON_AddNumberToObject(engine, "merged", (double)search->merge.merged);
    cJSON_AddNumberToObject(engine, "cut_further", (double)merge_cut_further(search));
    cJSON_AddNumberToObject(engine, "ran_to_end", (double)search->ran_to_end);
    cJSON_AddNumberToObject(engine, "inherited", (double)search->inherited);
    cJSON_AddNumberToObject(engine, "loops", (double)search->loops);
    cJSON_AddNumberToObject(engine, "points", (double)search->point_count);
    cJSON_AddNumberToObject(engine, "instructions", (double)search->instructions);
    cJSON_AddNumberToObject(engine, "self_test_repeated", (double)search->sampled);
    cJSON_AddNumberToObject(engine, "self_test_differ", (double)search->sample_bad);
    cJSON_AddNumberToObject(engine, "resumed_states", (double)search->resumed);
    cJSON_AddStringToObject(engine, "fell_back", search->fell_back ? search->fell_back : "");
    cJSON_AddNumberToObject(engine, "seed", (double)search->options.seed);
}

static void put_trailers(cJSON *to, const struct search *search)
{
    struct spec_region region;
    size_t from = 0;
    cJSON *list = cJSON_AddArrayToObject(to, "flag_pages");
    while (search_next_trailer(search, &region, &from)) {
        cJSON *item = cJSON_CreateObject();
        put_hex(item, "address", region.address);
        cJSON_AddNumberToObject(item, "size", region.len);
        cJSON_AddStringToObject(item, "region", region.name ? region.name : "");
        cJSON_AddItemToArray(list, item);
    }
    cJSON_AddBoolToObject(to, "flag_pages_given", search->spec->trailers_given);
}

cJSON *explore_report_json(const struct search *search, const struct findings *findings, const char *out)
{
    const struct spec *spec = search->spec;
    cJSON *to = cJSON_CreateObject();
    cJSON_AddNumberToObject(to, "schema_version", 1);
    cJSON_AddStringToObject(to, "scenario", spec->name);
    cJSON_AddStringToObject(to, "title", spec->title);
    cJSON_AddStringToObject(to, "board", spec->board);
    cJSON_AddStringToObject(to, "chip", spec->chip);
    int pin = explore_report_reset_pin(search);
    if (pin >= 0)
        cJSON_AddNumberToObject(to, "reset_pin", pin);
    else if (pin == REPORT_PIN_BLANK)
        cJSON_AddStringToObject(to, "reset_pin", "blank");
    put_trailers(to, search);
    cJSON *images = cJSON_AddArrayToObject(to, "images");
    for (size_t i = 0; i < spec->image_count; i++) {
        cJSON *image = cJSON_CreateObject();
        cJSON_AddStringToObject(image, "name", spec->images[i].name);
        cJSON_AddStringToObject(image, "sha256", spec->images[i].sha256);
        cJSON_AddItemToArray(images, image);
    }
    cJSON *summary = cJSON_AddObjectToObject(to, "summary");
    cJSON_AddNumberToObject(summary, "operations", search->nodes[0].op_count);
    cJSON_AddNumberToObject(summary, "states", (double)search->done);
    cJSON_AddNumberToObject(summary, "bad_states", (double)findings->bad_states);
    cJSON_AddNumberToObject(summary, "not_judged_states", (double)findings->not_judged_states);
    cJSON_AddBoolToObject(summary, "fixpoint", search->fixpoint);
    cJSON_AddNumberToObject(summary, "depth", search->depth);
    cJSON_AddNumberToObject(summary, "states_per_s", search_rate(search));
    cJSON_AddNumberToObject(summary, "wall_s", search->wall_s);
    cJSON_AddNumberToObject(summary, "workers", search->options.jobs);
    cJSON_AddNumberToObject(summary, "peak_bytes", (double)explore_report_peak_bytes());
    cJSON_AddNumberToObject(summary, "state_bytes", (double)search_bytes(search));
    put_depths(to, search);
    put_coverage(to, search);
    put_engine(to, search);
    cJSON *notes = cJSON_AddArrayToObject(to, "notes");
    for (size_t i = 0; i < search->note_count; i++)
        cJSON_AddItemToArray(notes, cJSON_CreateString(search->notes[i]));
    put_slots(to, search);
    put_console(to, "uncut_console", search->root_text, search->root_text_len);
    cJSON *rest = cJSON_AddArrayToObject(to, "not_judged");
    for (size_t i = findings->count; i < findings->all; i++)
        cJSON_AddItemToArray(rest, not_judged_json(search, &findings->items[i]));
    cJSON *failures = cJSON_AddArrayToObject(to, "failures");
    for (size_t i = 0; i < findings->count; i++)
        cJSON_AddItemToArray(failures, finding_json(search, &findings->items[i], i, out));
    return to;
}
