/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/fleet/fleet.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/mix.h"
#include "harness/base/surroundings.h"
#include "harness/fleet/device.h"

static const double marks[] = {50, 90, 99};

static struct fleet_second *second_now(struct fleet *fleet)
{
    struct fleet_result *result = fleet->result;
    size_t index = (size_t)((clock_now_us() - fleet->begin_us) / 1000000);
    if (index >= result->second_count) {
        result->seconds = mem_resize(result->seconds, index + 1, sizeof *result->seconds);
        for (; result->second_count <= index; result->second_count++)
            result->seconds[result->second_count] = (struct fleet_second){0};
    }
    return &result->seconds[index];
}

static unsigned bucket_of(uint64_t took_us)
{
    double place = took_us <= 100 ? 0 : 2 * log2((double)took_us / 100);
    return place < FLEET_BUCKETS - 1 ? (unsigned)place : FLEET_BUCKETS - 1;
}

double fleet_percentile(const struct fleet_result *result, double percent)
{
    uint64_t all = 0, below = 0;
    for (int i = 0; i < FLEET_BUCKETS; i++)
        all += result->latency[i];
    for (int i = 0; i < FLEET_BUCKETS && all; i++) {
        below += result->latency[i];
        if ((double)below >= (double)all * percent / 100)
            return 100 * pow(2, (i + 1) / 2.0); /* the upper edge of its bucket */
    }
    return 0;
}

void fleet_note_call(struct fleet *fleet, const struct call_result *call)
{
    struct fleet_second *second = second_now(fleet);
    struct fleet_result *result = fleet->result;
    second->requests++;
    second->bytes += call->bytes;
    second->open = (unsigned)calls_open(fleet->calls);
    result->requests++;
    result->bytes += call->bytes;
    second->errors += !call->status;
    result->errors += !call->status;
    result->refused += call->status >= 400;
    if (call->status)
        result->latency[bucket_of(call->took_us)]++;
}

void fleet_note_end(struct fleet *fleet, bool updated, bool failed)
{
    struct fleet_result *result = fleet->result;
    struct fleet_second *second = second_now(fleet);
    second->updated += updated;
    second->failed += failed;
    result->updated += updated;
    result->failed += failed;
    result->cancelled += !updated && !failed;
    for (int i = 0; i < 3; i++)
        if (result->updated_s[i] < 0 && result->updated >= marks[i] * fleet->spec->devices / 100)
            result->updated_s[i] = (double)(clock_now_us() - fleet->begin_us) / 1e6;
    if (++fleet->ended == fleet->spec->devices)
        fleet->over = true;
}

static void on_limit(void *arg, uint64_t now_us)
{
    ((struct fleet *)arg)->over = true;
}

int fleet_run(struct loop *loop, const struct fleet_spec *spec, struct fleet_result *result,
              struct error *error)
{
    struct fleet fleet = {.loop = loop, .spec = spec, .result = result, .begin_us = clock_now_us()};
    *result = (struct fleet_result){.updated_s = {-1, -1, -1}};
    surroundings_raise_descriptors(); /* each request under way is one */
    fleet.calls = calls_new(loop, spec->root, error);
    if (!fleet.calls)
        return -1;
    fleet.devices = mem_array(spec->devices, sizeof *fleet.devices);
    for (unsigned i = 0; i < spec->devices; i++) {
        double part = spec->herd ? 0 : mix_unit(mix64(spec->seed * MIX_STEP + i));
        device_begin(&fleet.devices[i], &fleet, i, (uint64_t)(part * (double)spec->poll_us));
    }
    struct loop_source *limit = loop_add_timer(loop, fleet.begin_us + spec->for_us, on_limit, &fleet);
    int failed = 0;
    while (!fleet.over && !failed)
        failed = loop_turn(loop, LOOP_NEVER, error) < 0;
    second_now(&fleet);
    loop_remove(limit);
    calls_free(fleet.calls);
    for (unsigned i = 0; i < spec->devices; i++)
        device_end(&fleet.devices[i]);
    free(fleet.devices);
    return failed ? -1 : 0;
}

static cJSON *seconds_json(const struct fleet_result *result)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < result->second_count; i++) {
        const struct fleet_second *second = &result->seconds[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "requests", second->requests);
        cJSON_AddNumberToObject(item, "errors", second->errors);
        cJSON_AddNumberToObject(item, "bytes", (double)second->bytes);
        cJSON_AddNumberToObject(item, "updated", second->updated);
        cJSON_AddNumberToObject(item, "failed", second->failed);
        cJSON_AddNumberToObject(item, "open", second->open);
        cJSON_AddItemToArray(list, item);
    }
    return list;
}

cJSON *fleet_json(const struct fleet_spec *spec, const struct fleet_result *result)
{
    static const char *const names[] = {"to_50_s", "to_90_s", "to_99_s"};
    unsigned peak = 0;
    for (size_t i = 0; i < result->second_count; i++)
        peak = result->seconds[i].requests > peak ? result->seconds[i].requests : peak;
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "schema_version", 1);
    cJSON_AddNumberToObject(root, "devices", spec->devices);
    cJSON_AddNumberToObject(root, "poll_s", (double)spec->poll_us / 1e6);
    cJSON_AddNumberToObject(root, "jitter", spec->jitter);
    cJSON_AddNumberToObject(root, "backoff", spec->backoff);
    cJSON_AddBoolToObject(root, "herd", spec->herd);
    cJSON_AddNumberToObject(root, "requests", (double)result->requests);
    cJSON_AddNumberToObject(root, "errors", (double)result->errors);
    cJSON_AddNumberToObject(root, "refused", (double)result->refused);
    cJSON_AddNumberToObject(root, "bytes", (double)result->bytes);
    cJSON_AddNumberToObject(root, "peak_requests_per_s", peak);
    cJSON_AddNumberToObject(root, "updated", result->updated);
    cJSON_AddNumberToObject(root, "failed", result->failed);
    cJSON_AddNumberToObject(root, "cancelled", result->cancelled);
    for (int i = 0; i < 3; i++)
        if (result->updated_s[i] >= 0)
            cJSON_AddNumberToObject(root, names[i], result->updated_s[i]);
        else
            cJSON_AddNullToObject(root, names[i]);
    cJSON_AddNumberToObject(root, "p50_ms", fleet_percentile(result, 50) / 1000);
    cJSON_AddNumberToObject(root, "p99_ms", fleet_percentile(result, 99) / 1000);
    cJSON_AddItemToObject(root, "seconds", seconds_json(result));
    return root;
}
