/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/power/test_strip.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void on_line(void *arg, int stream, const char *text, size_t len)
{
    struct test_strip *strip = arg;
    unsigned outlet;
    char word[8];
    size_t had = strlen(strip->heard);
    snprintf(strip->heard + had, sizeof strip->heard - had, "%s\n", text);
    strip->commands += !strncmp(text, "command ", 8);
    if (sscanf(text, "contact %u %7s", &outlet, word) == 2 && outlet < 8)
        strip->contact[outlet] = !strcmp(word, "on");
}

static void on_ready(void *arg, const char *line)
{
    sscanf(line, "ready %u", &((struct test_strip *)arg)->port);
}

void test_strip_start(struct test_strip *strip, struct loop *loop, const char *const *words)
{
    const char *argv[20] = {OTARIG_OUTLETS};
    struct error error = {0};
    const struct child_events events = {.line = on_line, .ready = on_ready};
    const struct child_spec spec = {
        .name = "strip", .argv = argv, .ready_prefix = "ready ", .stdin_pipe = true};
    for (size_t i = 0; words && words[i]; i++)
        argv[i + 1] = words[i];
    *strip = (struct test_strip){0};
    memset(strip->contact, 0xff, sizeof strip->contact);
    strip->child = child_start(loop, &spec, &events, strip, &error);
    cr_assert(strip->child, "%s", error.text);
    while (!strip->port)
        cr_assert(loop_turn(loop, 30000000, NULL) > 0, "the strip does not start");
}

void test_strip_stop(struct test_strip *strip)
{
    child_free(strip->child);
}
