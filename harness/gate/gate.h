/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do these runs show what a policy needs? A pure function of results whose journals were judged again; an
 * open question is never a yes. */
#ifndef OTARIG_GATE_GATE_H
#define OTARIG_GATE_GATE_H

#include <stdio.h>

#include "harness/gate/policy.h"

enum gate_state {
    GATE_MET,
    GATE_OPEN,  /* nothing shows it */
    GATE_FAILED /* something shows the contrary */
};
/* One line of the answer. */
struct gate_item {
    enum gate_state state;
    char *what, *detail;
};
/* One case on one board, over all runs that count. */
struct gate_case {
    char *id, *board, *scenario, *family, *folder; /* of its scenario: the folder, "" */
    unsigned passes, fails, others;
    char *where; /* evidence of its worst verdict: RUN/cases/ID, and why */
};
struct gate {
    const struct policy *policy; /* borrowed */
    int64_t now_s;               /* Unix time */
    struct gate_case *cases;
    struct gate_item *items;
    cJSON *runs;   /* [{run, firmware, counts, why}] in the order of their names */
    cJSON *images; /* of the runs that count: board -> name -> SHA-256 */
    cJSON *bad;    /* [{run, firmware, boards, images}] of builds with a defect */
    bool *bad_caught, *bad_passed, *phase_shown;
    size_t case_count, item_count, counted;
};

/* `policy` must outlive it. */
void gate_begin(struct gate *gate, const struct policy *policy, int64_t now_s);
/* A run: its folder as the user named it, its result (result_read(), distrusted where its journals say
 * otherwise), its campaigns (a list of campaign.json; may be NULL). */
void gate_add(struct gate *gate, const char *folder, const cJSON *result, const cJSON *campaigns);
/* Makes the items. */
void gate_judge(struct gate *gate);
void gate_end(struct gate *gate);
/* FAILED when one item is, OPEN when one is open, else MET. */
enum gate_state gate_state(const struct gate *gate);
const char *gate_state_name(enum gate_state state); /* "met", "open", "failed" */

/* gate_report.c */
void gate_text(const struct gate *gate, FILE *out);
void gate_markdown(const struct gate *gate, FILE *out);
cJSON *gate_json(const struct gate *gate); /* the caller owns it */

#endif
