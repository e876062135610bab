/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The supervisor: starts the worker and, of a virtual rack, the rack; judges each case from its journal as it
 * ends, writes result.json and the reports, and leaves the rails safe whatever happens to the worker or to
 * itself. */
#ifndef OTARIG_SUPERVISE_SUPERVISE_H
#define OTARIG_SUPERVISE_SUPERVISE_H

#include <stdbool.h>
#include <cjson/cJSON.h>

struct run_request {
    cJSON *spec;         /* job.h says what is in it; borrowed */
    const char *command; /* for result.json */
    const char *out;
    bool quiet;    /* no lines for single cases */
    bool control;  /* known-bad firmware: its failures are no news */
    char **folder; /* not NULL: gets the run's folder; the caller frees */
};

/* Blocks until the run is over; the exit code. */
int supervise_run(struct run_request *request);
/* `otarig worker run|safe|guard FOLDER`: what the supervisor starts. */
int supervise_worker(int argc, char **argv);

#endif
