/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdict: a pure fold over the journal of one case. No clock, no files, no driver.
 *
 * What the fold reads (everything else is for people):
 * - EVENT_CASE fields: { schema_version, case, scenario, family, covers[], board, place, firmware,
 * variation{}, faults: [names that must be proven; none: a clean update], actions: {name of a fault: what it
 * does; older journals have none}, clauses: ["G1", ...] to judge (H1 and H2 always), without: [{clause, why}]
 * left out although every case is judged by it, limits: {recovery_ms, cycles}, expect: { runs: [image names
 * allowed to run in the end; old or new], never: [{image: name, class: "bad-image-accepted"|"downgraded"}],
 * final: name or null (null: any of runs), final_class: class when another authentic image than `final` stays
 * ("no-rollback", "wrong-version"), reported: text that a "report" observation must contain, or null, next:
 * image name the clean update at the end must reach, or null }, images: {name: {version, hash, size}} }
 * - EVENT_FAULT fired|proven|unproven, value: name of the fault; fields.why. A fault must have fired before
 * the first observation after the steps; one that switches power, with an EVENT_POWER off of its own by then
 * - EVENT_RIG: any one makes the case rig-error (also one after a failure was seen)
 * - EVENT_OBSERVE baseline: ok|failed; the board was healthy with the start image before the fault
 * - EVENT_OBSERVE boot: image name, "unknown" or "none"; number: ms from power-up to the app's mark (none: ms
 *   waited); fields {cycle, version, hash, confirmed, phase}: phase "run" during the steps, "settle" after
 * the fault, "stable" in the further cycles, "next" in the clean update, "rig" in the proof of the rig
 * - EVENT_OBSERVE running: image name or "unknown", the image that runs once settled; fields {version, hash,
 *   confirmed, from: the source that told it}
 * - EVENT_OBSERVE contradiction: what the board tells of itself and does not fit together, or not the images
 * - EVENT_OBSERVE contents: image name or "none", the authentic image whose bytes the running slot holds
 * - EVENT_OBSERVE spoilt: image name: what the board called itself right after the fault, and no slot held
 * its bytes
 * - EVENT_OBSERVE slow_boot: number: ms; a boot with nothing to recover takes so long, twice
 * - EVENT_OBSERVE settled: number: further power cycles that were needed until stable; "no": never within the
 *   limit
 * - EVENT_OBSERVE recovery: number: ms until the app ran, from what the value says ("power came back", "the
 *   reset", ...; none: the fault)
 * - EVENT_OBSERVE data: intact|migrated|lost|replaced (they are others than in the baseline)
 * - EVENT_OBSERVE report: what the device said about the last update
 * - EVENT_OBSERVE next_update: ok|failed; fields {image, why}; a failure stands, whatever comes after it
 * - EVENT_OBSERVE resume: ok|failed; fields {image, why}: the interrupted upload, taken up again before the
 *   first power cycle
 * - EVENT_OBSERVE witness: confirms|doubts; fields {clauses: [names], why}: what somebody saw who does not
 *   depend on the console alone (the probe, an answer of the board, a second attempt); a clause that is
 * broken and doubted, and not confirmed, is inconclusive
 * - EVENT_OBSERVE jumped: image name; the boot loader started this image, which must never run
 * - EVENT_OBSERVE alive: yes|no: did the application answer in the first life after the fault, before the
 *   first power cycle
 * - EVENT_OBSERVE restart: the board, come to rest, started again though nothing was done to it; number: how
 *   often
 * - EVENT_OBSERVE rig_proof: ok|failed; after anything bad the board was restored by the probe and came up
 *   healthy, and console, power and probe belong to one board; only then may it be the board's fault
 * - EVENT_STEP failed (before any fault had struck), value: the step; fields.optional: false: the rest of the
 * scenario was not done, so it cannot have been passed
 * - EVENT_END; a journal without it is inconclusive ("the run was cut short"), and so is one that goes on
 * after it, or whose first line names no list of faults, no clause or an unknown one.
 *
 * Order of judgement: rig-error; no end -> inconclusive; baseline not ok -> rig-error; a fault unproven (or
 * with neither event) -> inconclusive; then the clauses; a failed clause without rig_proof ok -> rig-error
 * ("the rig could not be proven sound"), one in doubt is inconclusive. */
#ifndef OTARIG_RECORD_VERDICT_H
#define OTARIG_RECORD_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cjson/cJSON.h>

#include "harness/base/error.h"
#include "harness/record/event.h"

enum verdict_kind { VERDICT_PASS, VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_RIG_ERROR, VERDICT_KINDS };
/* In order of gravity: the gravest broken clause names the class. */
enum verdict_class {
    CLASS_NONE,
    CLASS_BRICKED,            /* G1: nothing boots */
    CLASS_BAD_IMAGE_ACCEPTED, /* an image of `never` ran */
    CLASS_DOWNGRADED,         /* G7 */
    CLASS_CORRUPT_IMAGE,      /* G2: what runs is not the bytes of any authentic image */
    CLASS_NO_ROLLBACK,        /* B1: an unconfirmed or failing image stays */
    CLASS_WRONG_VERSION,      /* G2 */
    CLASS_NOT_CONVERGING,     /* G3 */
    CLASS_DATA_LOST,          /* G5 */
    CLASS_UPDATE_DEAD,        /* G4 */
    CLASS_SLOW_RECOVERY,      /* G1: later than limits.recovery_ms */
    CLASS_SILENT,             /* G6: the device does not report the fault */
    CLASSES
};

struct clause {
    const char *name; /* "G1" .. "G7", "H1", "H2" */
    bool judged, holds;
    char detail[200];
};
#define VERDICT_CLAUSES 9
struct verdict_cut {
    uint64_t planned_us, commanded_us, achieved_us; /* 0: unknown */
    uint64_t within_us; /* the rail fell at most so long before achieved_us; 0: unknown */
    uint64_t acted_us;  /* when the switch told that it acted, which proves nothing; 0: unknown */
    uint64_t latest_us; /* if it did, the rail had fallen by then, as its driver's page says; 0: unknown */
};

struct verdict {
    enum verdict_kind kind;
    enum verdict_class class;
    char reason[300]; /* one line for people */
    struct clause clauses[VERDICT_CLAUSES];
    struct verdict_cut *cuts; /* of EVENT_POWER off events whose fields.fault is set */
    size_t cut_count;
    int64_t recovery_ms; /* -1 unknown */
    bool complete;       /* EVENT_END was there */
};

const char *verdict_kind_name(enum verdict_kind kind); /* "pass" "fail" "inconclusive" "rig-error" */
const char *verdict_class_name(enum verdict_class class);
int verdict_class_find(const char *name);      /* -1 unknown */
int verdict_exit_code(enum verdict_kind kind); /* 0 1 4 3 */

/* A boot line's EVENT_MARK carries the reset reason in `number`, the first line's power_on_reset what it is
 * after a power-up (absent: the board says the same after other resets). A cold boot that is not the first
 * one after our own power-up means that somebody else cut the power: rig-error. So soon after the command a
 * contact may still bounce and a supply may start twice. */
#define VERDICT_BOUNCE_US 250000u
#define VERDICT_POWER_LOST "the board lost power though nobody cut it: a cold boot without a power-up of ours"

/* The fold, event by event (the live run) ... */
struct verdict_fold;
struct verdict_fold *verdict_begin(void);
void verdict_event(struct verdict_fold *fold, const struct event *event);
/* Would a judged clause fail if the case ended now? The run then secures evidence and proves the rig. */
bool verdict_suspect(const struct verdict_fold *fold);
/* A fault of the rig that nobody reported follows from the events; NULL: none. */
const char *verdict_rig_fault(const struct verdict_fold *fold);
void verdict_end(struct verdict_fold *fold, struct verdict *verdict); /* frees the fold */
/* ... or over a stored journal; the case's own fields come back in *case_fields (cJSON_Delete) when not NULL.
 */
int verdict_of_journal(const char *path, struct verdict *verdict, cJSON **case_fields, struct error *error);
/* The same over an open reader, which stays the caller's. */
struct journal_reader;
int verdict_of_reader(struct journal_reader *reader, struct verdict *verdict, cJSON **case_fields,
                      struct error *error);
void verdict_release(struct verdict *verdict);
/* The members verdict, class, reason, contract, cuts, recovery_ms as in result.json. */
cJSON *verdict_json(const struct verdict *verdict);

#endif
