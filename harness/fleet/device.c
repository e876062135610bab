/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device: poll, attributes, manifest, download by ranges, installation, report, poll again. A step ends
 * with the next one or with a pause. */
#include "harness/fleet/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/mix.h"

#define CALL_LIMIT_US 60000000u

static double chance(const struct device *device, unsigned question)
{
    return mix_unit(mix64(mix64(device->fleet->spec->seed * MIX_STEP + device->index) + question * MIX_STEP));
}

static void wait_then(struct device *device, uint64_t pause_us, void (*next)(struct device *device))
{
    device->next = next;
    loop_timer_set(device->timer, clock_now_us() + pause_us);
}

static void poll_server(struct device *device);

/* The time of the next poll; after an answer that did not come, longer each time. */
static void sleep_on(struct device *device, const struct call_result *result)
{
    const struct fleet_spec *spec = device->fleet->spec;
    double spread = 1 + spec->jitter * (2 * chance(device, (unsigned)clock_now_us()) - 1);
    uint64_t pause_us = (uint64_t)((double)spec->poll_us * spread);
    bool missed = !result->status || result->status >= 400;
    device->misses = missed ? device->misses + 1 : 0;
    for (unsigned i = 1; missed && i < device->misses && i <= spec->backoff; i++)
        pause_us *= 2;
    if (result->retry_s >= 0 && pause_us < (uint64_t)result->retry_s * 1000000)
        pause_us = (uint64_t)result->retry_s * 1000000;
    wait_then(device, pause_us, poll_server);
}

static void call(struct device *device, struct call_spec spec,
                 void (*done)(void *arg, const struct call_result *))
{
    spec.limit_us = CALL_LIMIT_US;
    calls_begin(device->fleet->calls, &spec, done, device);
}

static bool good(const struct call_result *result)
{
    return result->status >= 200 && result->status < 300;
}

/* ---- the end of an update ---- */

static void on_reported(void *arg, const struct call_result *result)
{
    struct device *device = arg;
    fleet_note_call(device->fleet, result);
    if (good(result)) {
        device->has |= !device->fails;
        if (!device->ended)
            fleet_note_end(device->fleet, device->has, device->fails);
        device->ended = true;
        device->action = 0;
    }
    sleep_on(device, result); /* a report that was not taken is made again when the server offers it again */
}

static void report(struct device *device)
{
    char url[600], body[200];
    snprintf(url, sizeof url, "%s/controller/v1/dev%u/deploymentBase/%lld/feedback",
             device->fleet->spec->base, device->index, device->action);
    snprintf(body, sizeof body,
             "{\"id\":\"%lld\",\"status\":{\"execution\":\"closed\",\"result\":{\"finished\":\"%s\"},"
             "\"details\":[]}}",
             device->action, device->fails ? "failure" : "success");
    call(device, (struct call_spec){.method = "POST", .url = url, .body = body}, on_reported);
}

/* ---- the download ---- */

static void fetch(struct device *device);

static void on_fetched(void *arg, const struct call_result *result)
{
    struct device *device = arg;
    fleet_note_call(device->fleet, result);
    bool part = result->status == 206 || !result->status;
    device->got = part ? device->got + result->bytes : result->bytes;
    if (good(result) && device->got == device->size)
        wait_then(device, device->fleet->spec->install_us, report);
    else if (!result->status && device->got < device->size && ++device->misses < 8)
        wait_then(device, 1000000, fetch); /* goes on with a range */
    else if (!good(result))
        sleep_on(device, result);
    else { /* another length than was promised */
        device->fails = true;
        wait_then(device, 0, report);
    }
}

static void fetch(struct device *device)
{
    call(device,
         (struct call_spec){.method = "GET", .url = device->link, .from = device->got, .counts_only = true},
         on_fetched);
}

static const char *text_at(const cJSON *tree, const char *path)
{
    char word[40];
    while (tree && *path) {
        size_t len = strcspn(path, "/");
        snprintf(word, sizeof word, "%.*s", (int)len, path);
        tree = cJSON_IsArray(tree) ? cJSON_GetArrayItem(tree, atoi(word))
                                   : cJSON_GetObjectItemCaseSensitive(tree, word);
        path += len + (path[len] == '/');
    }
    return cJSON_GetStringValue(tree);
}

static void on_manifest(void *arg, const struct call_result *result)
{
    static const char first[] = "deployment/chunks/0/artifacts/0/";
    struct device *device = arg;
    char path[100];
    fleet_note_call(device->fleet, result);
    cJSON *root = good(result) ? cJSON_Parse(result->body) : NULL;
    const char *id = text_at(root, "id");
    snprintf(path, sizeof path, "%s_links/download/href", first);
    const char *link = text_at(root, path);
    snprintf(path, sizeof path, "%s_links/download-http/href", first);
    link = link ? link : text_at(root, path);
    const cJSON *deployment = cJSON_GetObjectItem(root, "deployment");
    const cJSON *artifact = cJSON_GetArrayItem(
        cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(deployment, "chunks"), 0), "artifacts"),
        0);
    const cJSON *size = cJSON_GetObjectItem(artifact, "size");
    if (id && link && cJSON_IsNumber(size)) {
        device->action = atoll(id);
        device->size = (uint64_t)size->valuedouble;
        device->got = 0;
        device->misses = 0;
        free(device->link);
        device->link = mem_string(link);
        device->fails = chance(device, 1) < device->fleet->spec->fails;
        fetch(device);
    } else
        sleep_on(device, result);
    cJSON_Delete(root);
}

/* ---- the poll ---- */

static void on_told(void *arg, const struct call_result *result)
{
    struct device *device = arg;
    fleet_note_call(device->fleet, result);
    device->told |= good(result);
    sleep_on(device, result);
}

static void on_cancelled(void *arg, const struct call_result *result)
{
    struct device *device = arg;
    fleet_note_call(device->fleet, result);
    if (good(result) && !device->ended) {
        device->ended = true;
        fleet_note_end(device->fleet, false, false);
    }
    sleep_on(device, result);
}

static void on_polled(void *arg, const struct call_result *result)
{
    static const char attributes[] = "{\"mode\":\"merge\",\"data\":{\"fleet\":\"otarig\"}}";
    static const char cancelled[] =
        "{\"status\":{\"execution\":\"canceled\",\"result\":{\"finished\":\"none\"},\"details\":[]}}";
    struct device *device = arg;
    char url[600];
    fleet_note_call(device->fleet, result);
    cJSON *root = good(result) ? cJSON_Parse(result->body) : NULL;
    const char *config = text_at(root, "_links/configData/href"),
               *cancel = text_at(root, "_links/cancelAction/href");
    const char *deployment = text_at(root, "_links/deploymentBase/href");
    if (cancel) {
        snprintf(url, sizeof url, "%.500s/feedback", cancel);
        call(device, (struct call_spec){.method = "POST", .url = url, .body = cancelled}, on_cancelled);
    } else if (deployment)
        call(device, (struct call_spec){.method = "GET", .url = deployment}, on_manifest);
    else if (config && !device->told)
        call(device, (struct call_spec){.method = "PUT", .url = config, .body = attributes}, on_told);
    else
        sleep_on(device, result);
    cJSON_Delete(root);
}

static void poll_server(struct device *device)
{
    char url[600];
    snprintf(url, sizeof url, "%s/controller/v1/dev%u", device->fleet->spec->base, device->index);
    call(device, (struct call_spec){.method = "GET", .url = url}, on_polled);
}

static void on_timer(void *arg, uint64_t now_us)
{
    struct device *device = arg;
    if (!device->fleet->over)
        device->next(device);
}

void device_begin(struct device *device, struct fleet *fleet, unsigned index, uint64_t after_us)
{
    *device = (struct device){.fleet = fleet, .index = index, .next = poll_server};
    device->timer = loop_add_timer(fleet->loop, clock_now_us() + after_us, on_timer, device);
}

void device_end(struct device *device)
{
    loop_remove(device->timer);
    free(device->link);
}
