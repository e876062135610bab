/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/replay/aim_time.h"

#include <string.h>

#include "harness/base/member.h"
#include "harness/record/confidence.h"
#include "harness/base/surroundings.h"

int aim_time_open(struct aim_time *aim, const char *path, const char *board, double jitter_ms,
                  struct error *error)
{
    *aim = (struct aim_time){.path = path, .jitter_ms = jitter_ms, .hits = 1};
    if (board_find(surroundings_boards(), board, &aim->board, error) || board_can_run(&aim->board, error))
        return -1;
    aim->marks = marks_new(aim->board.marks, aim->board.mark_count, aim->board.path, error);
    return aim->marks ? 0 : -1;
}

void aim_time_close(struct aim_time *aim)
{
    marks_free(aim->marks);
    board_release(&aim->board);
}

/* When the last line that matches had left the chip, and how many did; -1: none did. */
static double mark_us(struct aim_time *aim, const cJSON *cut, int mark, int *count)
{
    const cJSON *line;
    double found = -1;
    *count = 0;
    cJSON_ArrayForEach(line, cJSON_GetObjectItem(cut, "console"))
    {
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(line, "text"));
        if (!text || !marks_match(aim->marks, (size_t)mark, text, strlen(text)))
            continue;
        found = member_number(line, "at_us", -1);
        ++*count;
    }
    return found;
}

cJSON *aim_time_trigger(struct aim_time *aim, const cJSON *cut, const cJSON *old, struct error *error)
{
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(old, "mark"));
    double from_us = member_number(cut, "from_us", -1), to_us = member_number(cut, "to_us", -1),
           old_count = member_number(old, "count", -1);
    int mark, count;
    name = name ? name : "boot";
    mark = marks_find(aim->marks, name);
    if (from_us < 0 || to_us <= from_us) {
        error_set(error, ERROR_INPUT, "%s: a cut has no time that power could go at", aim->path);
        return NULL;
    }
    if (mark < 0) {
        error_set(error, ERROR_INPUT, "%s: expected a mark '%s' to count the time from", aim->board.path,
                  name);
        return NULL;
    }
    double since_us = mark_us(aim, cut, mark, &count), middle_us = (from_us + to_us) / 2;
    if (since_us < 0) {
        error_set(
            error, ERROR_INPUT,
            "%s: the console does not say '%s' before a cut %.3f ms after power-up: no time to count from",
            aim->path, name, middle_us / 1e3);
        return NULL;
    }
    aim->hits *= confidence_hits((to_us - from_us) / 1e3, aim->jitter_ms);
    cJSON *trigger = cJSON_CreateObject();
    cJSON_AddStringToObject(trigger, "on", "mark");
    cJSON_AddStringToObject(trigger, "mark", name);
    if (count > 1 || old_count > 1)
        cJSON_AddNumberToObject(trigger, "count", (old_count > 1 ? old_count : 1) + count - 1);
    cJSON_AddNumberToObject(trigger, "delay_ms", (double)(long)(middle_us - since_us) / 1e3);
    return trigger;
}

unsigned aim_time_runs(const struct aim_time *aim)
{
    return confidence_runs(aim->hits, 0.95);
}
