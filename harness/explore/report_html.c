/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One page without scripts or outside resources: what was found, with pictures. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/escape.h"
#include "harness/base/mem.h"
#include "harness/explore/report.h"
#include "harness/explore/soundness.h"

#define WIDTH 1000
#define HEIGHT 300
#define LEFT 90

static void put(FILE *file, const char *text)
{
    escape_markup(file, text);
}

/* ---- operations over address ---- */

/* Rows of the picture: the touched 4 KiB pages in the order of their addresses. */
static size_t *rows_of(const struct search *search, size_t *count)
{
    size_t pages = (search->spec->nvm_size >> 12) + 1;
    size_t *row = mem_array(pages, sizeof *row);
    const struct node *root = &search->nodes[0];
    for (uint32_t i = 0; i < root->op_count; i++)
        if (root->ops[i].kind != TWIN_NVM_ERASE_ALL)
            row[machine_offset(search->spec, root->ops[i].address) >> 12] = 1;
    *count = 0;
    for (size_t i = 0; i < pages; i++)
        row[i] = row[i] ? ++*count : 0;
    return row;
}

static double x_of(const struct node *root, double op)
{
    return LEFT + (WIDTH - LEFT - 10) * op / (root->op_count ? root->op_count : 1);
}

static double y_of(size_t row, size_t rows)
{
    return HEIGHT - 20 - (HEIGHT - 40) * (double)row / (double)(rows + 1);
}

static void draw_windows(FILE *file, const struct findings *findings, const struct node *root)
{
    for (size_t i = 0; i < findings->count; i++)
        for (size_t j = 0; j < findings->items[i].windows.count; j++) {
            const struct window *window = &findings->items[i].windows.items[j];
            double x = x_of(root, window->first), end = x_of(root, window->last + 1.0);
            if (window->run == 0)
                fprintf(
                    file,
                    "<rect class=bad x=%.1f y=10 width=%.1f height=%d><title>failure %zu: cuts at operations "
                    "%u to %u</title></rect>\n",
                    x, end - x < 2 ? 2 : end - x, HEIGHT - 30, i + 1, window->first, window->last);
        }
}

static void draw_operations(FILE *file, const struct search *search, const size_t *row, size_t rows)
{
    const struct node *root = &search->nodes[0];
    for (uint32_t i = 0; i < root->op_count;) {
        const struct op *op = &root->ops[i];
        uint32_t first = i;
        if (op->kind == TWIN_NVM_ERASE_ALL) {
            i++;
            continue;
        }
        size_t page = machine_offset(search->spec, op->address) >> 12;
        double y = y_of(row[page], rows);
        if (op->kind == TWIN_NVM_ERASE_PAGE) {
            fprintf(
                file,
                "<path class=erase d=\"M%.1f %.1fv8\"><title>operation %u: erase of 0x%08x</title></path>\n",
                x_of(root, i), y - 4, i, op->address);
            i++;
            continue;
        }
        while (i < root->op_count && root->ops[i].kind == TWIN_NVM_WRITE &&
               machine_offset(search->spec, root->ops[i].address) >> 12 == page)
            i++;
        double x = x_of(root, first), width = x_of(root, i) - x;
        fprintf(
            file,
            "<rect class=word x=%.1f y=%.1f width=%.1f height=3><title>operations %u to %u: words from 0x%08x"
            "</title></rect>\n",
            x, y - 1.5, width < 1 ? 1 : width, first, i - 1, op->address);
    }
}

static void timeline(FILE *file, const struct search *search, const struct findings *findings)
{
    size_t rows, last = SIZE_MAX, pages = (search->spec->nvm_size >> 12) + 1;
    size_t *row = rows_of(search, &rows);
    fprintf(file, "<h2>Operations of the boot without a cut</h2>\n<svg viewBox=\"0 0 %d %d\">\n", WIDTH,
            HEIGHT);
    draw_windows(file, findings, &search->nodes[0]);
    draw_operations(file, search, row, rows);
    for (size_t page = 0; page < pages; page++) {
        if (!row[page] || (last != SIZE_MAX && page == last + 1 && row[page] % 4)) {
            last = row[page] ? page : last;
            continue;
        }
        fprintf(file, "<text x=2 y=%.1f>0x%08x</text>\n", y_of(row[page], rows) + 3,
                spec_address(search->spec, page << 12));
        last = page;
    }
    fprintf(file, "<text x=%d y=%d>0</text><text x=%d y=%d text-anchor=end>operation %u</text></svg>\n", LEFT,
            HEIGHT - 4, WIDTH - 10, HEIGHT - 4, search->nodes[0].op_count);
    fputs("<p class=key>Grey: words written. Blue: erases. Red: a cut there fails.</p>\n", file);
    free(row);
    explore_report_writes(file, search);
}

/* ---- depths ---- */

static void histogram(FILE *file, const struct search *search)
{
    size_t states[DEPTH_MAX + 1] = {0}, bad[DEPTH_MAX + 1] = {0}, most = 1;
    for (size_t i = 0; i < search->done; i++) {
        const struct node *node = &search->nodes[i];
        states[node->depth]++;
        bad[node->depth] += search->verdicts[node->verdict].fails;
        most = states[node->depth] > most ? states[node->depth] : most;
    }
    unsigned shown = search->depth < 23 ? search->depth : 23;
    fprintf(file, "<h2>States by number of cuts</h2>\n<svg viewBox=\"0 0 %d %d\">\n", WIDTH,
            (int)(shown + 1) * 24 + 6);
    for (unsigned i = 0; i <= shown; i++) {
        double all = 700.0 * (double)states[i] / (double)most, red = 700.0 * (double)bad[i] / (double)most;
        fprintf(file,
                "<text x=2 y=%u>%u cut%s</text><rect class=word x=%d y=%u width=%.1f height=16 /><rect "
                "class=bad x=%d "
                "y=%u width=%.1f height=16 /><text x=%.1f y=%u>%zu%s",
                i * 24 + 17, i, i == 1 ? "" : "s", LEFT, i * 24 + 5, all < 1 ? 1 : all, LEFT, i * 24 + 5,
                bad[i] && red < 2 ? 2 : red, LEFT + all + 8, i * 24 + 17, states[i],
                bad[i] ? "" : "</text>\n");
        if (bad[i])
            fprintf(file, ", %zu fail</text>\n", bad[i]);
    }
    fputs("</svg>\n", file);
}

/* ---- a finding ---- */

static void box(FILE *file, int x, const char *class, const char *above, const char *below)
{
    fprintf(file, "<rect class=%s x=%d y=20 width=130 height=44 rx=8 /><text x=%d y=38 text-anchor=middle>",
            class, x, x + 65);
    put(file, above);
    fprintf(file, "</text><text x=%d y=54 text-anchor=middle>", x + 65);
    put(file, below);
    fputs("</text>\n", file);
}

static void path_graph(FILE *file, const struct search *search, const struct finding *finding)
{
    char text[80];
    size_t shown = finding->cut_count < 8 ? finding->cut_count : 8;
    fprintf(file, "<svg viewBox=\"0 0 %zu 110\" class=graph style=\"max-width:%zupx\">\n", (shown + 2) * 290,
            (shown + 2) * 290);
    box(file, 4, "state", "start", "");
    for (size_t i = 0; i < shown; i++) {
        const struct cut *cut = &finding->cuts[i];
        int x = 134 + (int)i * 290;
        fprintf(file, "<path class=arrow d=\"M%d 42h154l-8 -5m8 5l-8 5\" />\n", x);
        if (cut->model == MODEL_ROT)
            snprintf(text, sizeof text, "bit %d flips", __builtin_ctz(cut->op.value));
        else
            snprintf(text, sizeof text, "%s%s op %u", cut->model == MODEL_RESET ? "" : "cut ",
                     cut->model == MODEL_RESET ? "reset before" : explore_report_cut_kind(cut),
                     cut->operation);
        fprintf(file, "<text x=%d y=34 text-anchor=middle>%s</text>", x + 77, text);
        fprintf(file, "<text x=%d y=60 text-anchor=middle>0x%08x</text>", x + 77, cut->op.address);
        fprintf(file, "<text x=%d y=76 text-anchor=middle>", x + 77);
        put(file, cut->place.in.function);
        fputs("</text>\n", file);
        snprintf(text, sizeof text, "after step %zu", i + 1); /* a flipped bit is no cut */
        box(file, 294 + (int)(i)*290 - 6, "state", "state", text);
    }
    int x = 134 + (int)shown * 290 - 6 * (shown > 0);
    fprintf(file,
            "<path class=arrow d=\"M%d 42h160l-8 -5m8 5l-8 5\" /><text x=%d y=34 "
            "text-anchor=middle>boot</text>\n",
            x, x + 77);
    box(file, x + 160, "bad", search->verdicts[finding->verdict].fail_class, machine_end_names[finding->end]);
    fputs("</svg>\n", file);
}

static const char *page_class(const struct search *search, const uint8_t *nvm, size_t at, size_t len)
{
    bool blank = true;
    for (size_t i = 0; i < len && blank; i++)
        blank = nvm[at + i] == 0xff;
    if (memcmp(nvm + at, search->root + at, len) == 0)
        return blank ? "blank" : "same";
    return blank ? "erased" : "changed";
}

static void flash_map(FILE *file, const struct search *search, const char *title, const uint8_t *nvm)
{
    size_t pages = search->spec->nvm_size >> 12;
    fprintf(file, "<div><p>%s</p><svg viewBox=\"0 0 %d %zu\" class=map>\n", title, 32 * 14,
            (pages + 31) / 32 * 14 + 2);
    for (size_t i = 0; i < pages; i++)
        fprintf(file, "<rect class=%s x=%zu y=%zu width=12 height=12><title>0x%08x</title></rect>",
                page_class(search, nvm, i << 12, 4096), i % 32 * 14, i / 32 * 14,
                spec_address(search->spec, i << 12));
    fputs("</svg></div>\n", file);
}

static void put_place(FILE *file, const struct place *place)
{
    for (unsigned i = 0; i <= place->inlined_count; i++) {
        const struct symbols_source *source = i ? &place->inlined[i - 1] : &place->in;
        fputs(i ? " &gt; " : "", file);
        put(file, source->function);
        if (source->line) {
            fputc(' ', file);
            put(file, source->file);
            fprintf(file, ":%d", source->line);
        }
    }
}

static void cut_row(FILE *file, const struct spec *spec, const struct cut *cut)
{
    const struct spec_region *region = spec_region_of(spec, cut->op.address);
    if (cut->model == MODEL_ROT) {
        fprintf(file, "<tr><td>%u<td>a bit flips before it<td><td>bit %d 0x%08x<td>", cut->boot,
                __builtin_ctz(cut->op.value), cut->op.address);
        put(file, region ? region->name : "");
        fputs("<td><td>", file);
        return;
    }
    fprintf(file, "<tr><td>%u<td>%s%s%s<td>%u<td>%s 0x%08x<td>", cut->boot, explore_report_cut_kind(cut),
            model_is_tear(cut->model) ? " " : "", model_is_tear(cut->model) ? model_names[cut->model] : "",
            cut->operation, cut->op.kind == TWIN_NVM_WRITE ? "word" : "erase", cut->op.address);
    put(file, region ? region->name : "");
    fprintf(file, "<td>0x%08x ", cut->op.pc);
    put_place(file, &cut->place);
    fputs("<td>", file);
    put_place(file, &cut->caller);
    for (unsigned i = 0; i < cut->chain_count; i++) {
        fputs(i ? " &lt; " : "<br>", file);
        put(file, cut->chain[i].function);
    }
    fputs("\n", file);
}

static void console(FILE *file, const char *title, const char *text, size_t len)
{
    fprintf(file, "<div><p>%s:</p><pre>", title);
    if (!len)
        fputs("nothing", file);
    escape_markup_len(file, text, len < 8000 ? len : 8000);
    fputs("</pre></div>\n", file);
}

static void finding_section(FILE *file, const struct search *search, const struct finding *finding,
                            size_t number)
{
    const struct verdict *verdict = &search->verdicts[finding->verdict];
    fprintf(file, "<h2 class=failed>Failure %zu: %s</h2>\n<p>Does not hold: <b>", number,
            verdict->fail_class);
    put(file, search->spec->phases[verdict->phase].clauses[verdict->clause].text);
    fputs("</b>; ", file);
    char *phase = explore_report_phase(search, finding), *detail = explore_report_detail(search, finding);
    put(file, detail);
    fprintf(file, "%s", *phase ? ", " : "");
    put(file, phase);
    free(phase);
    free(detail);
    fprintf(file, ". %zu states fail so; the boot%s ended by %s; %s.</p>\n", finding->states,
            finding->cut_count ? " after the cuts" : "", machine_end_names[finding->end],
            finding->confirmed ? "confirmed by real cuts, run to the end"
                               : "NOT confirmed: the explorer is wrong");
    path_graph(file, search, finding);
    if (finding->cut_count)
        fputs("<table><tr><th>boot<th>cut<th>operation<th>address<th>region<th>written by<th>called from\n",
              file);
    for (size_t i = 0; i < finding->cut_count; i++)
        cut_row(file, search->spec, &finding->cuts[i]);
    fputs(finding->cut_count ? "</table>\n" : "", file);
    explore_report_windows(file, search, finding);
    fputs("<div class=maps>", file);
    flash_map(file, search, "Flash when the failing boot begins", finding->before);
    flash_map(file, search, "and as it leaves it", finding->after);
    fputs("</div><p class=key>Against the start: grey as it was, yellow changed, blue erased, empty "
          "blank.</p>\n",
          file);
    explore_report_flags(file, search, finding);
    fputs("<div class=maps>", file);
    console(file, "Console of the failing boot", finding->text, finding->text_len);
    console(file, "and of the boot without a cut", search->root_text, search->root_text_len);
    fputs("</div>\n", file);
}

void explore_report_html(FILE *file, const struct search *search, const struct findings *findings)
{
    fputs("<!doctype html><html lang=en><meta charset=utf-8><title>explore ", file);
    put(file, search->spec->name);
    fputs(
        "</title><style>body{font:14px sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}"
        "svg{width:100%;background:#fafafa;font:11px sans-serif}svg.map{max-width:460px;background:none}"
        ".word{fill:#999}.erase{stroke:#2166ac;stroke-width:1.5}.bad{fill:#d62728;fill-opacity:.55}"
        ".state{fill:#dde7f2;stroke:#2166ac}.arrow{stroke:#333;fill:none}.same{fill:#bbb}.changed{fill:#"
        "f2c14e}"
        ".erased{fill:#6baed6}.blank{fill:#fff;stroke:#ccc}.failed{color:#b3191b}.key{color:#666}.maps{"
        "display:flex;"
        "gap:2em}.maps div{flex:1}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:2px 6px;"
        "text-align:left}pre{background:#f4f4f4;padding:.6em;white-space:pre-wrap}</style>\n<h1>",
        file);
    put(file, search->spec->title);
    fputs("</h1>\n<pre>", file);
    char *text = NULL;
    size_t len = 0;
    FILE *summary = open_memstream(&text, &len);
    explore_report_text(summary, search, findings);
    fclose(summary);
    escape_markup_len(file, text, len);
    free(text);
    fputs("</pre>\n", file);
    timeline(file, search, findings);
    histogram(file, search);
    for (size_t i = 0; i < findings->count; i++)
        finding_section(file, search, &findings->items[i], i + 1);
    fputs("</html>\n", file);
}
