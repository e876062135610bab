/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the verdict among themselves: what the fold remembers and how the clauses read it. */
#ifndef OTARIG_RECORD_VERDICT_FOLD_H
#define OTARIG_RECORD_VERDICT_FOLD_H

#include "harness/record/verdict.h"

#define VERDICT_FAULTS_MAX 32
#define VERDICT_NAME_LEN 80
#define VERDICT_OF_BOARD 7 /* clauses G1..G7; H1 and H2 follow them */

/* What the fold remembers of the journal. */
struct verdict_fold {
    cJSON *fields; /* of EVENT_CASE */
    struct verdict_fault {
        char name[VERDICT_NAME_LEN], why[160];
        bool proven, unproven;
        bool must_fire;        /* false: nobody knows (a journal that names no actions) */
        bool must_cut;         /* it switches the rail off */
        bool fired, cut, late; /* during the steps; late: something of it came only after them */
    } faults[VERDICT_FAULTS_MAX];
    size_t fault_count;
    struct {
        bool confirmed;
        char doubt[200];         /* "": none */
    } witness[VERDICT_OF_BOARD]; /* by clause */
    char undone[40];             /* the step that failed though no fault had struck; "": none */
    char answer[120],
        undone_why[160]; /* the last "no" to the update client in the steps; the one that ended them */
    bool steps_over;     /* what the board came to is being looked at: no fault may act any more */
    const char *unclear; /* why the first line does not say what to judge; NULL: it does */
    bool end, after_end; /* anything after the end: the journal was not written by one run */
    bool baseline_ok, baseline_failed, rig_proof_ok, rig_proof_failed, rig_failed;
    char rig[240];
    bool boot_seen, booted; /* after the fault */
    bool came_late;         /* a life after the fault never came up */
    bool hung;              /* it came up, but did not live on until the next power cycle */
    char spoilt[64];        /* an image that ran, and no slot held its bytes */
    bool unknown_ran;       /* an image that nobody made ran */
    char running[VERDICT_NAME_LEN], running_version[40], confirmed[8], contents[VERDICT_NAME_LEN];
    char running_from[16];   /* the source that told which image runs; "": the console's lines, as ever */
    char contradiction[160]; /* what the board says of itself does not fit together; "": it does */
    bool running_seen, contents_seen;
    bool settled_seen, settled;
    int64_t cycles, restarts, recovery_ms;
    int64_t baseline_boot_ms, slow_boot_ms; /* the latter of the last slow one; 0: none */
    char recovery_from[80];                 /* what the time is counted from */
    bool data_seen, data_lost, data_replaced;
    char report[200];
    bool reported; /* `report` is the one with the wanted text */
    bool next_seen, next_failed;
    char next_why[160];
    bool resume_seen, resume_failed;
    char resume_why[160];
    char bad_image[VERDICT_NAME_LEN];
    enum verdict_class bad_class;
    uint64_t on_us; /* our own last power-up */
    unsigned boots; /* since then */
    struct verdict_cut *cuts;
    size_t cut_count;
    uint64_t latency_us; /* of the switch, as of the last cut */
};

/* Reading the first line's fields: a journal may hold anything. NULL / 0 when absent or of another type. */
const char *verdict_text_at(const cJSON *object, const char *key);
uint64_t verdict_time_at(const cJSON *object, const char *key);
const cJSON *verdict_expect(const struct verdict_fold *fold);
bool verdict_listed(const cJSON *list, const char *text);

/* Why the fault must not be believed to have struck; NULL: it did. */
const char *verdict_doubt(const struct verdict_fault *fault);

/* Index of one of "G1".."G7", -1: none of them. */
int verdict_clause_find(const char *name);
bool verdict_clause_known(const char *name);
/* Judges G1..G7 into `clauses` (VERDICT_OF_BOARD of them). The gravest class of all broken ones that are
 * judged, *worst is its clause; CLASS_NONE when all hold. One that is beyond doubt goes before one in doubt:
 * *doubt then says why it is in doubt, NULL: it is not. */
enum verdict_class verdict_judge(const struct verdict_fold *fold, struct clause *clauses,
                                 const struct clause **worst, const char **doubt);

#endif
