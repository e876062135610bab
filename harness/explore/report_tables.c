/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of the page: what is written where and in which order, where a cut fails and in whose code, what the
 * flags said before and after. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/explore/report.h"
#include "harness/explore/spec/flag_text.h"

#define STEPS_SHOWN 40
#define WORDS_SHOWN 24

static void put(FILE *file, const char *text)
{
    escape_markup(file, text);
}

/* ---- what the boot without a cut writes ---- */

/* Operations in a row in the same region: a step of the update. */
struct step {
    const struct spec_region *region; /* NULL: outside of all */
    uint32_t first, last, erases, words, low, high;
};

static const struct spec_region *region_of(const struct search *search, const struct op *op)
{
    return op->kind == TWIN_NVM_ERASE_ALL ? NULL : spec_region_of(search->spec, op->address);
}

static bool next_step(const struct search *search, uint32_t *at, struct step *step)
{
    const struct node *root = &search->nodes[0];
    if (*at >= root->op_count)
        return false;
    *step = (struct step){.region = region_of(search, &root->ops[*at]), .first = *at, .low = UINT32_MAX};
    for (; *at < root->op_count && region_of(search, &root->ops[*at]) == step->region; ++*at) {
        const struct op *op = &root->ops[*at];
        step->last = *at;
        step->words += op->kind == TWIN_NVM_WRITE;
        step->erases += op->kind != TWIN_NVM_WRITE;
        step->low = op->address < step->low ? op->address : step->low;
        step->high = op->address > step->high ? op->address : step->high;
    }
    return true;
}

static const char *region_name(const struct spec_region *region)
{
    return region && region->name ? region->name : "outside of all regions";
}

static void put_steps(FILE *file, const struct search *search)
{
    struct step step;
    unsigned count = 0, left_off = 0;
    fputs("<details><summary>step by step</summary><table><tr><th>operations<th>region<th>from<th>to<th>"
          "erases<th>words\n",
          file);
    for (uint32_t at = 0; next_step(search, &at, &step);) {
        if (count++ >= STEPS_SHOWN) {
            left_off++;
            continue;
        }
        fprintf(file, "<tr><td>%u to %u<td>", step.first, step.last);
        put(file, region_name(step.region));
        fprintf(file, "<td>0x%08x<td>0x%08x<td>%u<td>%u\n", step.low, step.high, step.erases, step.words);
    }
    fputs("</table>", file);
    if (left_off)
        fprintf(file, "<p class=key>and %u steps more</p>", left_off);
    fputs("</details>\n", file);
}

void explore_report_writes(FILE *file, const struct search *search)
{
    const struct spec *spec = search->spec;
    struct step *sums = mem_array(spec->region_count + 1, sizeof *sums), step;
    for (uint32_t at = 0; next_step(search, &at, &step);) {
        struct step *sum = &sums[step.region ? (size_t)(step.region - spec->regions) : spec->region_count];
        if (!sum->last)
            sum->first = step.first;
        sum->last = step.last + 1;
        sum->erases += step.erases;
        sum->words += step.words;
    }
    fputs("<table><tr><th>region<th>erases<th>words<th>first operation<th>last operation\n", file);
    for (size_t i = 0; i <= spec->region_count; i++) {
        if (!sums[i].last)
            continue;
        fputs("<tr><td>", file);
        put(file, region_name(i < spec->region_count ? &spec->regions[i] : NULL));
        fprintf(file, "<td>%u<td>%u<td>%u<td>%u\n", sums[i].erases, sums[i].words, sums[i].first,
                sums[i].last - 1);
    }
    fputs("</table>\n", file);
    free(sums);
    put_steps(file, search);
}

/* ---- where a cut fails ---- */

static void put_function(FILE *file, const struct place *place)
{
    put(file, place->in.function);
    if (place->in.line) {
        fputc(' ', file);
        put(file, place->in.file);
        fprintf(file, ":%d", place->in.line);
    }
}

static void put_window(FILE *file, const struct search *search, const struct window *window)
{
    const struct spec_region *region = spec_region_of(search->spec, window->first_op.address);
    uint32_t last = explore_report_last(window);
    if (window->first > last)
        fprintf(file, "<tr><td>%u<td>behind %u", window->run, last);
    else
        fprintf(file, "<tr><td>%u<td>%s%u to %u%s", window->run, window->first_torn ? "inside of " : "",
                window->first, last, window->behind ? " and behind it" : "");
    fprintf(file, "<td>0x%08x to 0x%08x<td>", window->first_op.address, window->last_op.address);
    put(file, region ? region->name : "");
    if (window->timed)
        fprintf(file, "<td>%.3f to %.3f<td>%u", (double)window->from_ns / 1e6, (double)window->to_ns / 1e6,
                finding_cuts_needed(window, 1000000));
    else
        fputs("<td><td>", file);
    fputs("<td>", file);
    put_function(file, &window->place);
    fputs("<td>", file);
    put_function(file, &window->caller);
    fputc('\n', file);
}

void explore_report_windows(FILE *file, const struct search *search, const struct finding *finding)
{
    if (!finding->windows.count)
        return;
    fputs("<p>Where a cut leads to it:</p>\n<table><tr><th>run<th>operations<th>addresses<th>region<th>ms "
          "after "
          "power-up<th>cuts for 95 %, &plusmn;1 ms<th>written by<th>called from\n",
          file);
    for (size_t i = 0; i < finding->windows.count; i++)
        put_window(file, search, &finding->windows.items[i]);
    fputs("</table>\n", file);
    if (finding->windows.left_off)
        fprintf(file, "<p class=key>and %zu windows more</p>\n", finding->windows.left_off);
}

/* ---- flags, before and after ---- */

/* The three states of the flash that are held against each other. */
struct states {
    const uint8_t *of[3];
};

static enum flag_format format_of(const struct states *states, size_t at, size_t len)
{
    for (int i = 0; i < 3; i++) {
        enum flag_format format = flag_format_of(states->of[i] + at, len);
        if (format != FLAG_NONE)
            return format;
    }
    return FLAG_NONE;
}

static bool is_first(const struct spec *spec, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (spec->regions[i].address == spec->regions[index].address &&
            spec->regions[i].len == spec->regions[index].len)
            return false;
    return true;
}

static const char heads[] = "<th>at the start<th>when the failing boot begins<th>as it leaves it\n";

static void put_formats(FILE *file, const struct search *search, const struct states *states)
{
    const struct spec *spec = search->spec;
    bool any = false;
    for (size_t i = 0; i < spec->region_count; i++) {
        const struct spec_region *region = &spec->regions[i];
        size_t left, at = spec_offset(spec, region->address, &left);
        if (at == SIZE_MAX || region->len > left || !is_first(spec, i))
            continue;
        enum flag_format format = format_of(states, at, region->len);
        if (format == FLAG_NONE)
            continue;
        if (!any)
            fprintf(file, "<table><tr><th>flags of%s", heads);
        any = true;
        fputs("<tr><td>", file);
        put(file, region->name);
        fprintf(file, ", %s", flag_format_name(format));
        for (int k = 0; k < 3; k++) {
            char *text = flag_text(format, states->of[k] + at, region->len);
            fputs("<td>", file);
            put(file, text);
            free(text);
        }
        fputc('\n', file);
    }
    fputs(any ? "</table>\n" : "", file);
}

static uint32_t word_at(const uint8_t *nvm, size_t at)
{
    uint32_t word;
    memcpy(&word, nvm + at, sizeof word);
    return word;
}

/* Words of the pages that hold flags, where the three differ. */
static void put_words(FILE *file, const struct search *search, const struct states *states)
{
    struct spec_region page;
    unsigned count = 0;
    for (size_t from = 0; search_next_trailer(search, &page, &from);) {
        size_t begin = machine_offset(search->spec, page.address);
        for (size_t at = begin; at + 4 <= begin + page.len; at += 4) {
            uint32_t word[3];
            for (int k = 0; k < 3; k++)
                word[k] = word_at(states->of[k], at);
            if ((word[0] == word[1] && word[1] == word[2]) || count++ >= WORDS_SHOWN)
                continue;
            if (count == 1)
                fprintf(file,
                        "<details><summary>words of flag pages that changed</summary><table><tr><th>"
                        "address%s",
                        heads);
            fprintf(file, "<tr><td>0x%08x ", spec_address(search->spec, at));
            put(file, page.name ? page.name : "");
            fprintf(file, "<td>%08x<td>%08x<td>%08x\n", word[0], word[1], word[2]);
        }
    }
    if (count)
        fputs("</table>", file);
    if (count > WORDS_SHOWN)
        fprintf(file, "<p class=key>and %u words more</p>", count - WORDS_SHOWN);
    fputs(count ? "</details>\n" : "", file);
}

void explore_report_flags(FILE *file, const struct search *search, const struct finding *finding)
{
    const struct states states = {{search->root, finding->before, finding->after}};
    put_formats(file, search, &states);
    put_words(file, search, &states);
}
