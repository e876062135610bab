/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/probe/probe_examine.h"

#include <stdio.h>
#include <string.h>

#include "harness/base/clock.h"

struct examination {
    struct sink sink; /* first member */
    bool over, ok;
    char reason[20], text[300];
};

static void examination_put(struct sink *sink, const struct event *event)
{
    struct examination *examination = (struct examination *)sink;
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(event->fields, "reason");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(event->fields, "text");
    examination->over = !strcmp(event->what, "done") || !strcmp(event->what, "failed");
    examination->ok = !strcmp(event->what, "done");
    if (cJSON_IsString(reason) && cJSON_IsString(text)) {
        snprintf(examination->reason, sizeof examination->reason, "%s", reason->valuestring);
        snprintf(examination->text, sizeof examination->text, "%s", text->valuestring);
    }
}

int probe_examine(const struct driver *driver, const struct driver_env *env, const void *config,
                  const char *(*advice_for)(const char *reason), char *advice, size_t size,
                  struct error *error)
{
    struct examination examination = {.sink.put = examination_put};
    const struct probe_job job = {.verb = PROBE_ATTACH, .deadline_us = 1800000};
    struct driver_env own = *env;
    void *self;
    own.loop = loop_new();
    own.sink = &examination.sink;
    int result = driver->open(&own, config, &self, error);
    bool open = !result;
    uint64_t end_us = clock_now_us() + 1900000;
    if (open)
        result = driver->probe->start(self, &job, error);
    while (!result && !examination.over && clock_now_us() < end_us)
        result = loop_turn(own.loop, 100000, error) < 0 ? -1 : 0;
    if (open)
        driver->close(self);
    else
        snprintf(advice, size, "%s", advice_for("server"));
    loop_free(own.loop);
    if (!result && !examination.ok) {
        snprintf(advice, size, "%s", advice_for(examination.reason));
        return error_set(error, ERROR_RIG, "%s: %s", driver->name, examination.text);
    }
    return result;
}
