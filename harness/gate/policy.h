/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a release needs: which scenarios, on which boards, of which firmware, how new, and which known-bad
 * builds must have been caught. A JSON file; policy_schema() describes it. */
#ifndef OTARIG_GATE_POLICY_H
#define OTARIG_GATE_POLICY_H

#include "harness/base/json.h"

/* So many cases of a scenario must have passed. */
struct policy_need {
    char *scenario; /* a pattern (fnmatch) for FAMILY/NAME, or for NAME alone */
    char **boards;  /* on each of them; NULL: on any */
    int64_t cases;
};
/* Campaigns must have shown that cuts in a phase fail this rarely. */
struct policy_phase {
    char *phase, *scenario; /* the latter: a pattern, NULL: any */
    int64_t below_percent;
};
/* A build with a defect: a run must have failed it. */
struct policy_bad {
    char *firmware, *class; /* class NULL: any */
};
/* A file of the firmware, by its SHA-256. */
struct policy_image {
    char *name, *sha256;
};
struct policy {
    char *path, *name;
    int64_t max_age_h;        /* of a run; 0: any */
    int64_t unproven_allowed; /* cases that no run passes and none fails */
    struct policy_need *needs;
    struct policy_phase *phases;
    struct policy_bad *bad;
    struct policy_image *images;
    size_t need_count, phase_count, bad_count, image_count;
};

cJSON *policy_schema(void); /* the caller owns it */
/* Errors are ERROR_INPUT. After a failure nothing is to be released. */
int policy_load(const char *path, struct policy *policy, struct error *error);
void policy_release(struct policy *policy);

#endif
