/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reports/timeline.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/record/journal.h"
#include "harness/base/escape.h"

#define WIDTH 1000.0
#define LEFT 70.0
#define ITEMS_MAX 5000 /* a storm of marks must not make a page of 100 MB */
#define ROW_HEIGHT 26
#define BOX_HEIGHT 16
enum row { ROW_POWER, ROW_STEP, ROW_MARK, ROW_FAULT, ROW_OBSERVE, ROWS };
static const char *const row_names[ROWS] = {"power", "steps", "marks", "faults", "seen"};

struct item {
    enum row row;
    const char *style;         /* CSS class */
    uint64_t begin_us, end_us; /* equal: an instant */
    char *text;
};

struct timeline {
    struct item *items;
    size_t count, open[ROWS]; /* open: 1 + index of the item that still goes on */
    uint64_t first_us, last_us;
    bool any;
};

static void add(struct timeline *line, enum row row, const char *style, const struct event *event, bool opens)
{
    if (line->count == ITEMS_MAX)
        return;
    if (line->count % 64 == 0)
        line->items = mem_resize(line->items, line->count + 64, sizeof *line->items);
    line->items[line->count++] =
        (struct item){.row = row,
                      .style = style,
                      .begin_us = event->t_us,
                      .end_us = event->t_us,
                      .text = mem_printf("%.60s%s%.140s", event->what, event->value ? ": " : "",
                                         event->value ? event->value : "")};
    if (opens)
        line->open[row] = line->count;
}

static void end_open(struct timeline *line, enum row row, uint64_t t_us)
{
    if (line->open[row] && t_us > line->items[line->open[row] - 1].begin_us)
        line->items[line->open[row] - 1].end_us = t_us;
    line->open[row] = 0;
}

static void put(struct timeline *line, const struct event *event)
{
    if (!line->any || event->t_us < line->first_us)
        line->first_us = event->t_us;
    if (!line->any || event->t_us > line->last_us)
        line->last_us = event->t_us;
    line->any = true;
    if (event->kind == EVENT_POWER && !strcmp(event->what, "edge")) {
        return; /* some milliseconds behind the command that is shown */
    } else if (event->kind == EVENT_POWER) {
        end_open(line, ROW_POWER, event->t_us);
        if (!strcmp(event->what, "on"))
            add(line, ROW_POWER, "p", event, true);
    } else if (event->kind == EVENT_STEP) {
        end_open(line, ROW_STEP, event->t_us);
        if (!strcmp(event->what, "begin"))
            add(line, ROW_STEP, "s", event, true);
    } else if (event->kind == EVENT_MARK) {
        add(line, ROW_MARK, "m", event, false);
    } else if (event->kind == EVENT_FAULT || event->kind == EVENT_LINK || event->kind == EVENT_TRIGGER) {
        add(line, ROW_FAULT, event->kind == EVENT_TRIGGER ? "t" : "f", event, false);
    } else if (event->kind == EVENT_OBSERVE || event->kind == EVENT_RIG) {
        add(line, ROW_OBSERVE, event->kind == EVENT_RIG ? "f" : "o", event, false);
    }
}

static double place(const struct timeline *line, uint64_t t_us)
{
    double whole = line->last_us > line->first_us ? (double)(line->last_us - line->first_us) : 1;
    return LEFT + (WIDTH - LEFT - 10) * (double)(t_us - line->first_us) / whole;
}

static void draw_item(const struct timeline *line, const struct item *item, FILE *out)
{
    double x = place(line, item->begin_us), width = place(line, item->end_us) - x;
    int y = (int)item->row * ROW_HEIGHT + (ROW_HEIGHT - BOX_HEIGHT) / 2;
    fprintf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"><title>%.3f s ",
            item->style, x, y, width > 2 ? width : 2, BOX_HEIGHT,
            (double)(item->begin_us - line->first_us) / 1e6);
    escape_markup(out, item->text);
    fputs("</title></rect>", out);
}

/* 1, 2 or 5 times a power of ten seconds, so that there are at most nine of them. */
static double tick_of(double whole_s)
{
    static const double steps[] = {1, 2, 5};
    for (double decade = 1e-6;; decade *= 10)
        for (int i = 0; i < 3; i++)
            if (whole_s <= 9 * decade * steps[i])
                return decade * steps[i];
}

static void draw_axis(const struct timeline *line, FILE *out)
{
    double whole_s = (double)(line->last_us - line->first_us) / 1e6, tick = tick_of(whole_s);
    for (int i = 0; i <= 9 && i * tick <= whole_s; i++) {
        double x = place(line, line->first_us + (uint64_t)(i * tick * 1e6));
        fprintf(out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\"/>", x, x, ROWS * ROW_HEIGHT);
        fprintf(out, "<text x=\"%.1f\" y=\"%d\">%g s</text>", x, ROWS * ROW_HEIGHT + 14, i * tick);
    }
}

static void draw(const struct timeline *line, FILE *out)
{
    fprintf(out, "<svg viewBox=\"0 0 %.0f %d\" role=\"img\" aria-label=\"timeline\">", WIDTH,
            ROWS * ROW_HEIGHT + 20);
    draw_axis(line, out);
    for (int row = 0; row < ROWS; row++)
        fprintf(out, "<text x=\"0\" y=\"%d\">%s</text>", row * ROW_HEIGHT + 17, row_names[row]);
    for (size_t i = 0; i < line->count; i++)
        draw_item(line, &line->items[i], out);
    fputs("</svg>\n", out);
    if (line->count == ITEMS_MAX)
        fprintf(out, "<p>The picture ends after %d events; the journal has them all.</p>\n", ITEMS_MAX);
}

int timeline_write(const char *journal_path, FILE *out, struct error *error)
{
    struct timeline line = {0};
    struct journal_line at;
    int got;
    struct journal_reader *reader = journal_open(journal_path, error);
    if (!reader)
        return -1;
    while ((got = journal_read(reader, &at, error)) > 0)
        put(&line, &at.event);
    journal_reader_free(reader);
    for (int row = 0; row < ROWS; row++)
        end_open(&line, row, line.last_us);
    if (!got && line.any)
        draw(&line, out);
    for (size_t i = 0; i < line.count; i++)
        free(line.items[i].text);
    free(line.items);
    return got;
}
