/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A fleet of simulated devices that poll, download, fail and report by hawkBit's DDI, against one server. */
#ifndef OTARIG_FLEET_FLEET_H
#define OTARIG_FLEET_FLEET_H

#include <stdbool.h>
#include <stdint.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"
#include "harness/io/loop.h"

#define FLEET_DEVICES_MAX 100000
#define FLEET_SECONDS_MAX 86400
#define FLEET_BUCKETS 64 /* of latencies: powers of the square root of two, from 100 us */

struct fleet_spec {
    const char *base; /* "http://HOST:PORT/TENANT" */
    const char *root; /* certificates that are trusted, or NULL */
    unsigned devices;
    uint64_t poll_us, for_us, install_us;
    double jitter, fails; /* jitter: of the poll interval, 0 to 1; fails: so many of the updates do */
    bool herd;            /* all poll at once in the beginning, as after an outage */
    unsigned backoff;     /* after an error the pause doubles, at most so often; 0: never */
    uint64_t seed;
};
/* One second of the run. */
struct fleet_second {
    unsigned requests, errors, updated, failed, open;
    uint64_t bytes;
};
struct fleet_result {
    struct fleet_second *seconds;
    size_t second_count;
    uint64_t requests, errors, bytes, refused; /* refused: answers of 400 and more */
    uint64_t latency[FLEET_BUCKETS];
    unsigned updated, failed, cancelled;
    double updated_s[3]; /* when 50, 90 and 99 % of the devices had the update; < 0: never */
};

/* Runs until all devices have ended or the time is over; blocks so long. The caller frees result->seconds. */
int fleet_run(struct loop *loop, const struct fleet_spec *spec, struct fleet_result *result,
              struct error *error);
/* Below it lie so many percent of all requests, in microseconds; 0: there were none. */
double fleet_percentile(const struct fleet_result *result, double percent);
cJSON *fleet_json(const struct fleet_spec *spec, const struct fleet_result *result);
/* plot.c: requests, bytes and updated devices over time, as SVG */
int fleet_plot(const char *path, const struct fleet_spec *spec, const struct fleet_result *result,
               struct error *error);

#endif
