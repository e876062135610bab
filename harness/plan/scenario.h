/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scenario: what is done to a board and what must hold afterwards. A scenario file with its "vary" block
 * stands for many cases; scenario_parse gets the tree of one case, in which every "$name" has been replaced.
 */
#ifndef OTARIG_PLAN_SCENARIO_H
#define OTARIG_PLAN_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/json.h"
#include "harness/driver/driver.h"
#include "harness/board/image.h"

/* A clean update has no fault; each of the others has at least one. */
enum family { FAMILY_POWER_CUT, FAMILY_BRICKED_IMAGE, FAMILY_NETWORK_LOSS, FAMILY_CLEAN_UPDATE };
extern const char *const family_names[];

/* ---- faults: a trigger and an action ---- */
enum trigger_kind {
    TRIGGER_NOW,      /* when armed */
    TRIGGER_ELAPSED,  /* delay after arming */
    TRIGGER_MARK,     /* the count-th line that matches a mark, since arming */
    TRIGGER_BYTES,    /* bytes of the upload acknowledged: absolute or percent */
    TRIGGER_WATCH,    /* the count-th access to a watched range, through the probe */
    TRIGGER_POWER_UP, /* the count-th power-up since arming */
    TRIGGER_DONE,     /* another step's end: "done" of reset or activate */
    TRIGGER_PHASE,    /* a stretch of the update that the board file describes; a plan makes it a MARK, or: */
    TRIGGER_REQUEST,  /* a request at the update server, or a byte of its answer */
    TRIGGER_RESTART,  /* the step that restarts the board, as its console tells no mark of the phase */
};
struct trigger {
    enum trigger_kind kind;
    char *mark;
    char *phase; /* PHASE */
    char *watch; /* WATCH: this, or a word at an address */
    bool has_address;
    uint32_t address;
    int64_t count;          /* 1-based */
    int64_t delay_us;       /* added to every kind */
    int64_t bytes, percent; /* BYTES: one of them >= 0 */
    bool match_value;
    uint32_t value; /* WATCH */
    cJSON *rule;    /* REQUEST: as server_ops.spoil takes it */
};
enum action_kind {
    ACTION_POWER_CUT,
    ACTION_POWER_STORM,
    ACTION_LINK,
    ACTION_RESET,
    ACTION_IMAGE,
    ACTION_SERVER
};
struct action {
    enum action_kind kind;
    int64_t off_us, on_us, times;
    enum link_mode link;
    int64_t from_byte, for_us, up_us, down_us, rate, every;
    double probability;
    bool pretended; /* POWER_CUT: told, and not done; of a control only */
    cJSON *rule;    /* SERVER: as server_ops.spoil takes it; `times` of it, 0: until it is lifted */
};
struct fault {
    char *name;
    struct trigger trigger;
    struct action action;
};

/* ---- steps ---- */
enum step_kind {
    STEP_UPLOAD,
    STEP_ACTIVATE,
    STEP_CONFIRM,
    STEP_RESET,
    STEP_WAIT,
    STEP_AWAIT,
    STEP_ARM,
    STEP_POWER,
    STEP_SLEEP,
    STEP_STAGE
};
struct step {
    enum step_kind kind;
    const char *kind_name;
    char *image, *mark, *fault, *mode, *by;
    struct image_change change; /* UPLOAD: how the image is spoilt on its way */
    int64_t within_us, sleep_us, off_us, attempts;
    bool optional;   /* may fail without ending the steps */
    bool if_told;    /* WAIT: left out where the board prints no such mark */
    bool may_refuse; /* UPLOAD, ACTIVATE: the board may refuse */
    bool absent;     /* WAIT: the mark must not come in that time */
    bool fact; /* WAIT: `mark` stands for a fact (boot: started, app_up: up, alive), told by any source */
    bool on;
    bool untold;  /* POWER: a cycle that neither the journal nor the judge is told of; of a control only */
    char *proves; /* fault of action "image" proven by this step: by what only the bad image causes */
};

struct never {
    char *image;
    char *class;
};
struct expect {
    char **runs; /* NULL-terminated */
    struct never *never;
    size_t never_count;
    char *final, *final_class, *reported, *next;
    char *resume; /* the image whose upload the fault interrupts: to be finished in time before any reboot */
    int64_t resume_within_us;
};

/* A clause that is judged in every case (G4, G5), but not in this one, and why. */
struct without {
    char *clause, *why;
};

/* A scenario that is bad on purpose, whatever the firmware: a gate that passes it is no gate. */
enum scenario_control {
    SCENARIO_FAIR,    /* none of these */
    SCENARIO_FAILS,   /* the verdict must be fail */
    SCENARIO_NOTICED, /* the verdict must be anything but pass */
};
extern const char *const scenario_control_words[];

struct scenario {
    char *name, *title, *file;
    enum family family;
    char **covers, **clauses; /* NULL-terminated; the clauses with those that are judged in every case */
    struct without *without;
    size_t without_count;
    char **needs; /* roles, and "trial": an image that is tried waits for the host to confirm it */
    char *start;  /* image that runs at the beginning */
    struct fault *faults;
    size_t fault_count;
    struct step *steps;
    size_t step_count;
    struct expect expect;
    int64_t recovery_ms; /* 0: the board's */
    enum scenario_control control;
};

/* Parses one case's tree (see variation.h). Everything is checked but what needs the board. */
int scenario_parse(struct json root, struct scenario *scenario, struct error *error);
void scenario_release(struct scenario *scenario);
const struct fault *scenario_fault(const struct scenario *scenario, const char *name);
extern const char *const action_words[]; /* by enum action_kind */
/* scenario_check.c: of a parsed case, can it be judged? The end of scenario_parse. Adds G4, which is judged
 * in every case. */
int scenario_check(struct json root, struct scenario *scenario, struct error *error);
/* Unless it is there or left out by "without". */
void scenario_add_clause(struct scenario *scenario, const char *clause);
bool scenario_judges(const struct scenario *scenario, const char *clause);
/* Is not judged, and the verdict repeats why. */
void scenario_leave_out(struct scenario *scenario, const char *clause, const char *why);

#endif
