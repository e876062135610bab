/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/explore/soundness.h"

const char *explore_report_cut_kind(const struct cut *cut)
{
    if (cut->after)
        return "after";
    if (cut->model == MODEL_RESET)
        return "reset";
    if (cut->model == MODEL_ROT)
        return "rot";
    return cut->model == TORN_CLEAN ? "before" : torn_is_erase(cut->model) ? "partial" : "torn";
}

static void print_source(FILE *file, const char *before, const struct symbols_source *source)
{
    if (source->function[0])
        fprintf(file, "%s%s", before, source->function);
    if (source->line)
        fprintf(file, " (%s:%d)", source->file, source->line);
}

/* In "a > b" the compiler put b into a. */
static void print_place(FILE *file, const struct place *place)
{
    print_source(file, " in ", &place->in);
    for (unsigned i = 0; i < place->inlined_count; i++)
        print_source(file, " > ", &place->inlined[i]);
}

static void print_cut(FILE *file, const struct spec *spec, const struct cut *cut)
{
    const struct spec_region *region = spec_region_of(spec, cut->op.address);
    if (cut->model == MODEL_ROT) {
        fprintf(file, "    before boot %u: bit %d of word 0x%08x%s%s flips\n", cut->boot,
                __builtin_ctz(cut->op.value), cut->op.address, region ? " in " : "",
                region ? region->name : "");
        return;
    }
    fprintf(file, "    boot %u: %s%s operation %u, %s 0x%08x%s%s at pc 0x%08x", cut->boot,
            cut->model == MODEL_RESET ? "reset, RAM kept, " : "power cut ",
            cut->model == MODEL_RESET ? "before"
            : cut->model              ? model_names[cut->model]
                                      : explore_report_cut_kind(cut),
            cut->operation, cut->op.kind == TWIN_NVM_WRITE ? "word" : "erase of", cut->op.address,
            region ? " in " : "", region ? region->name : "", cut->op.pc);
    print_place(file, &cut->place);
    if (cut->caller.in.function[0]) {
        fputs(", called", file);
        print_place(file, &cut->caller);
    }
    fputc('\n', file);
    for (unsigned i = 0; i < cut->chain_count; i++)
        fprintf(file, "%s%s", i ? " < " : "      under way, by the stack: ", cut->chain[i].function);
    fputs(cut->chain_count ? "\n" : "", file);
}

char *explore_report_phase(const struct search *search, const struct finding *finding)
{
    unsigned number = search->verdicts[finding->verdict].phase;
    const char *comment = search->spec->phases[number].comment;
    return !number   ? mem_string("")
           : comment ? mem_printf("in phase %u (%s)", number, comment)
                     : mem_printf("in phase %u", number);
}

char *explore_report_detail(const struct search *search, const struct finding *finding)
{
    const struct verdict *verdict = &search->verdicts[finding->verdict];
    enum clause_kind kind = search->spec->phases[verdict->phase].clauses[verdict->clause].kind;
    if (kind != CLAUSE_SEEN && kind != CLAUSE_NEVER)
        return mem_string(verdict->detail);
    if (!finding->quote[0])
        return mem_printf("%s%s", verdict->detail, kind == CLAUSE_SEEN ? ", as it stays silent" : "");
    return mem_printf("%s%s \"%s\"", verdict->detail, kind == CLAUSE_SEEN ? "; the last one is" : ":",
                      finding->quote);
}

uint32_t explore_report_last(const struct window *window)
{
    return window->behind ? window->last - 1 : window->last;
}

static void print_window(FILE *file, const struct window *window)
{
    uint32_t last = explore_report_last(window);
    if (window->first > last)
        fprintf(file, "    window: run %u, behind operation %u (0x%08x)\n", window->run, last,
                window->last_op.address);
    else
        fprintf(file, "    window: run %u, %soperations %u to %u%s (0x%08x to 0x%08x)\n", window->run,
                window->first_torn ? "inside of " : "", window->first, last,
                window->behind ? " and behind it" : "", window->first_op.address, window->last_op.address);
    if (!window->timed)
        return;
    fprintf(file, "      %.3f to %.3f ms after power-up", (double)window->from_ns / 1e6,
            (double)window->to_ns / 1e6);
    if (window->to_ns > window->from_ns)
        fprintf(file, "; for 95 %%: %u %s at its middle +-1 ms, %u +-5 ms",
                finding_cuts_needed(window, 1000000), window->resets ? "reset(s)" : "cut(s)",
                finding_cuts_needed(window, 5000000));
    fputc('\n', file);
}

static void print_cuts(FILE *file, const struct search *search, const struct finding *finding)
{
    for (size_t i = 0; i < finding->cut_count; i++)
        print_cut(file, search->spec, &finding->cuts[i]);
    if (!finding->cut_count)
        fputs("    without any cut\n", file);
}

static char *place_text(const struct place *place)
{
    char *text = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&text, &len);
    fprintf(file, "pc 0x%08x", place->pc);
    print_place(file, place);
    fclose(file);
    return text;
}

char *explore_report_waits(const struct finding *finding)
{
    if (!finding->waits_place.pc)
        return mem_string("");
    char *place = place_text(&finding->waits_place), *text;
    text = finding->waits.count ? mem_printf("waits at %s, and looks at register 0x%08x (0x%x)", place,
                                             finding->waits.address, finding->waits.value)
                                : mem_printf("waits at %s", place);
    free(place);
    return text;
}

char *explore_report_rests(const struct finding *finding)
{
    char *place = place_text(&finding->rests_place);
    char *text =
        finding->polled
            ? mem_printf(
                  "the boot waits at %s for register 0x%08x, of which the twin knows nothing (it reads "
                  "0x%x): a chip might go on",
                  place, finding->rests.address, finding->rests.value)
            : mem_printf(
                  "the boot without a cut fails, and at %s it asked register 0x%08x, which the twin does "
                  "not model (it reads 0x%x): the model may be what fails",
                  place, finding->rests.address, finding->rests.value);
    free(place);
    return text;
}

static void print_not_judged(FILE *file, const struct search *search, const struct finding *finding,
                             size_t number)
{
    const struct verdict *verdict = &search->verdicts[finding->verdict];
    char *why = explore_report_rests(finding), *phase = explore_report_phase(search, finding);
    fprintf(file, "NOT JUDGED %zu: %s%s%s; then %s may not hold (%zu states)\n", number + 1, phase,
            *phase ? ": " : "", why, search->spec->phases[verdict->phase].clauses[verdict->clause].text,
            finding->states);
    print_cuts(file, search, finding);
    free(phase);
    free(why);
}

static void print_finding(FILE *file, const struct search *search, const struct finding *finding,
                          size_t number)
{
    const struct verdict *verdict = &search->verdicts[finding->verdict];
    const struct clause *clause = &search->spec->phases[verdict->phase].clauses[verdict->clause];
    char *phase = explore_report_phase(search, finding), *detail = explore_report_detail(search, finding);
    fprintf(file, "FAIL %zu: %s: %s%snot so: %s; %s (%zu states; %s ended by %s%s)\n", number + 1,
            verdict->fail_class, phase, *phase ? ": " : "", clause->text, detail, finding->states,
            finding->cut_count ? "the boot after the cuts" : "the boot", machine_end_names[finding->end],
            finding->confirmed ? "; confirmed by real cuts" : "; NOT CONFIRMED: the explorer is wrong");
    free(phase);
    free(detail);
    print_cuts(file, search, finding);
    char *waits = explore_report_waits(finding);
    if (*waits)
        fprintf(file, "    it %s\n", waits);
    free(waits);
    for (size_t i = 0; i < finding->windows.count && i < 4; i++)
        print_window(file, &finding->windows.items[i]);
}

size_t explore_report_not_claimed(const struct search *search, const char *list[REPORT_CLAIMS_MAX])
{
    const struct search_options *options = &search->options;
    size_t count = 0;
    if (!options->full)
        list[count++] = "cuts at operations outside of the reduced alphabet";
    list[count++] = !options->torn
                        ? "cuts inside of an operation"
                        : "more than one torn cut in a sequence; three words or bits at times of their "
                          "own, but for samples; words outside of flag pages, but for three ways";
    list[count++] = options->resets
                        ? "more than one reset that keeps RAM, such a reset together with a torn cut, "
                          "or at another moment than right after an operation"
                        : "resets that keep RAM";
    list[count++] = "other contents of RAM after power-up, cuts in boots after the explored one";
    if (search->not_cut_further)
        list[count++] = "states that are reached only through those in which the device is out of reach";
    if (search->merge.on)
        list[count++] = "that no fewer cuts lead to a failure than its sequence has; states that fail behind "
                        "those that were not cut further, one by one";
    if (search->bound)
        list[count++] = "states that only longer sequences of cuts reach";
    return count;
}

/* What a pass, or the absence of a finding, is said of. */
static void print_coverage(FILE *file, const struct search *search)
{
    const struct search_options *options = &search->options;
    const char *list[REPORT_CLAIMS_MAX];
    size_t count = explore_report_not_claimed(search, list);
    fprintf(
        file, "covered: cuts between %s operations%s%s%s\n", options->full ? "all" : "the reduced alphabet's",
        options->torn ? ", one of them inside of an operation by models" : "",
        options->resets ? ", or a reset that keeps RAM" : "", options->rot ? ", or a bit that flips" : "");
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%s%s", i ? "; " : "not claimed: ", list[i]);
    fputc('\n', file);
}

int explore_report_reset_pin(const struct search *search)
{
    uint32_t address = twin_reset_pin_register(search->spec->chip), word;
    if (!address)
        return REPORT_NO_PIN;
    memcpy(&word, search->root + machine_offset(search->spec, address), 4);
    return word >> 31 ? REPORT_PIN_BLANK : (int)(word & 63);
}

/* What the search assumed, and what it found to be flags. */
static void print_start(FILE *file, const struct search *search)
{
    struct spec_region region;
    size_t from = 0, count = 0;
    int pin = explore_report_reset_pin(search);
    if (pin == REPORT_PIN_BLANK)
        fprintf(file,
                "at the start UICR.PSELRESET is blank, as chips are delivered (\"reset_pin\" programs it)\n");
    else if (pin != REPORT_NO_PIN)
        fprintf(file, "at the start UICR.PSELRESET names pin %d\n", pin);
    struct report_slot slot;
    for (size_t i = 0; explore_report_slot(search, &i, &slot); count++)
        fprintf(file, "%s%s %s %s%s%s", count ? "; " : "the boot without a cut: ", slot.region->name,
                slot.changed ? "held" : "holds", slot.before, slot.changed ? ", then " : "",
                slot.changed ? slot.after : "");
    fputs(count ? "\n" : "", file);
    count = 0;
    while (search_next_trailer(search, &region, &from)) {
        if (count++ == 12)
            break;
        fprintf(file, "%s0x%08x to 0x%08x%s%s%s",
                count > 1                      ? ", "
                : search->spec->trailers_given ? "flag pages (given): "
                                               : "flag pages (found): ",
                region.address, region.address + (region.len - 1), region.name ? " (" : "",
                region.name ? region.name : "", region.name ? ")" : "");
    }
    if (count)
        fputs(count > 12 ? ", ...\n" : "\n", file);
}

void explore_report_text(FILE *file, const struct search *search, const struct findings *findings)
{
    fprintf(file, "%s: %u operations, %zu states, %u cut%s deep, %s%s; %.1f s, %.0f states/s, %.0f MB\n",
            search->spec->name, search->nodes[0].op_count, search->done, search->depth,
            search->depth == 1 ? "" : "s", search->fixpoint ? "fixpoint" : "bounded by ",
            search->fixpoint ? "" : search->bound, search->wall_s, search_rate(search),
            (double)search_bytes(search) / 1e6);
    fprintf(file, "%zu runs to their end, %zu met another run; self-test: %zu repeated, %zu differ%s%s\n",
            search->ran_to_end, search->inherited, search->sampled, search->sample_bad,
            search->sample_bad ? ": " : "", search->sample_detail);
    if (search->merge.on)
        fprintf(
            file,
            "%zu states were cut further; each of the others differs from one of them only in what nothing "
            "that follows reads\n",
            merge_cut_further(search));
    print_coverage(file, search);
    print_start(file, search);
    for (size_t i = 0; i < findings->count; i++)
        print_finding(file, search, &findings->items[i], i);
    if (search->fell_back)
        fprintf(file, "run again un-pruned, as runs may not share what follows here: %s\n",
                search->fell_back);
    if (search->not_cut_further)
        fprintf(file, "%zu states in which the device is out of reach were not cut further\n",
                search->not_cut_further);
    for (size_t i = findings->count; i < findings->all; i++)
        print_not_judged(file, search, &findings->items[i], i - findings->count);
    char *open = explore_report_open(search, findings);
    if (open)
        fprintf(file, "%s: %s\n", findings->count ? "not all" : "INCONCLUSIVE", open);
    else if (!findings->count)
        fprintf(file, "PASS: the contract holds in all of them\n");
    free(open);
}

/* The first one. */
static char *forgiven(const struct search *search)
{
    const struct twin_forgiven *first = search->forgiven;
    struct symbols *symbols = symbols_open(search->spec);
    struct place place = {0};
    char where[200] = "", more[60] = "";
    symbols_find(symbols, first->pc, &place);
    const struct symbols_source *source =
        place.inlined_count ? &place.inlined[place.inlined_count - 1] : &place.in;
    if (source->function[0])
        snprintf(where, sizeof where, " (%s, %s:%d)", source->function, source->file, source->line);
    if (search->forgiven_count > 1)
        snprintf(more, sizeof more, "; %zu more such places are in explore.json", search->forgiven_count - 1);
    char *text = mem_printf("the code at 0x%08x%s %s, 0x%08x: a real core faults there, the twin does not%s",
                            first->pc, where, first->what, first->address, more);
    symbols_close(symbols);
    return text;
}

bool explore_report_is_open(const struct search *search, const struct findings *findings)
{
    return search->unfinished || search->endless || search->vacuous || search->forgiven_count ||
           findings->all > findings->count || explore_report_idle_region(search);
}

char *explore_report_open(const struct search *search, const struct findings *findings)
{
    const char *idle = explore_report_idle_region(search);
    if (findings->all > findings->count)
        return explore_report_rests(&findings->items[findings->count]);
    if (search->unfinished)
        return mem_printf("%zu more states were found, but not booted%s", search_not_judged(search),
                          search->options.checkpoint
                              ? "; the same command, with a larger limit if one ended it, "
                                "goes on from there"
                              : "; with --out, the same command could go on from there");
    if (search->endless)
        return mem_printf("%u cuts in a row still leave something new, so there may be no end to it; "
                          "--depth N comes to one",
                          DEPTH_MAX);
    if (search->vacuous)
        return mem_printf("the boot without a cut has no flash operation that could be cut");
    if (idle)
        return mem_printf("the boot without a cut installs nothing in %s, so that old or new holds whatever "
                          "happens (\"installs\": false says that this is meant)",
                          idle);
    return search->forgiven_count ? forgiven(search) : NULL;
}

/* A report appears whole or not at all: whoever is killed while writing leaves PATH.new, which the next one
 * overwrites. */
static FILE *begin_file(const char *out, const char *name, struct error *error)
{
    char *path = mem_printf("%s/%s.new", out, name);
    FILE *file = fopen(path, "w");
    if (!file)
        error_set_errno(error, ERROR_SYSTEM, errno, "%s", path);
    free(path);
    return file;
}

static int end_file(FILE *file, const char *out, const char *name, struct error *error)
{
    char *temporary = mem_printf("%s/%s.new", out, name), *path = mem_printf("%s/%s", out, name);
    bool good = !ferror(file);
    good = fclose(file) == 0 && good && rename(temporary, path) == 0;
    int result = good ? 0 : error_set_errno(error, ERROR_SYSTEM, errno, "%s", path);
    free(temporary);
    free(path);
    return result;
}

static int dump(const char *out, size_t number, const char *what, const uint8_t *data, size_t len,
                struct error *error)
{
    char *path = mem_printf("%s/evidence/f%zu-%s.bin", out, number + 1, what);
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(data, 1, len, file) == len;
    good = file && fclose(file) == 0 && good;
    int result = good ? 0 : error_set_errno(error, ERROR_SYSTEM, errno, "%s", path);
    free(path);
    return result;
}

static int evidence(const struct search *search, const struct findings *findings, const char *out,
                    struct error *error)
{
    for (size_t i = 0; i < findings->count; i++)
        if (dump(out, i, "before", findings->items[i].before, search->spec->nvm_size, error) ||
            dump(out, i, "after", findings->items[i].after, search->spec->nvm_size, error))
            return -1;
    return 0;
}

static int write_reports(const struct search *search, const struct findings *findings, const char *out,
                         const char *json, struct error *error)
{
    FILE *file;
    if (evidence(search, findings, out, error) || !(file = begin_file(out, "junit.xml", error)))
        return -1;
    explore_report_junit(file, search, findings, out);
    if (end_file(file, out, "junit.xml", error) || !(file = begin_file(out, "index.html", error)))
        return -1;
    explore_report_html(file, search, findings);
    if (end_file(file, out, "index.html", error) || !(file = begin_file(out, "explore.json", error)))
        return -1;
    fprintf(file, "%s\n", json);
    return end_file(file, out, "explore.json", error);
}

/* It quotes the board's console and the firmware's symbols. */
static void print_text(const struct search *search, const struct findings *findings)
{
    char *text = NULL;
    size_t len;
    FILE *page = open_memstream(&text, &len);
    if (!page)
        abort();
    explore_report_text(page, search, findings);
    fclose(page);
    escape_terminal(stdout, text);
    free(text);
}

#include <sys/stat.h>

int explore_report_all(const struct search *search, const struct findings *findings, const char *out,
                       bool json, struct error *error)
{
    cJSON *tree = explore_report_json(search, findings, out);
    char *text = cJSON_Print(tree);
    int result = 0;
    cJSON_Delete(tree);
    if (out) {
        char *folder = mem_printf("%s/evidence", out);
        if (mkdir(folder, 0777) && errno != EEXIST)
            result = error_set_errno(error, ERROR_SYSTEM, errno, "%s", folder);
        free(folder);
        if (!result)
            result = write_reports(search, findings, out, text, error);
    }
    if (json)
        printf("%s\n", text);
    else
        print_text(search, findings);
    free(text);
    return result;
}

#include <sys/resource.h>

size_t explore_report_peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (size_t)usage.ru_maxrss * 1024;
}
