/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run of one case: a fiber that walks through baseline, steps, settling and judging, and a sink that
 * hears every event of the rig, fires the faults and writes the journal. Its only product is the journal and
 * the evidence. */
#ifndef OTARIG_RUN_RUN_H
#define OTARIG_RUN_RUN_H

#include <sys/types.h>

#include "harness/io/lines.h"
#include "harness/plan/plan.h"
#include "harness/record/journal.h"
#include "harness/record/verdict.h"
#include "harness/run/fiber.h"
#include "harness/run/marks.h"
#include "harness/run/rig.h"

#define RUN_SAMPLES 16 /* of the program counter, in one look at the core */

struct run_job {
    bool running, ok;
    enum update_outcome outcome; /* of the update client's */
    char reason[160];            /* for people */
    uint64_t seen_us;            /* its last progress */
    cJSON *fields;               /* result of the last one; owned */
};

/* Does a start tell that power was lost before it? */
enum run_cold { RUN_COLD_UNKNOWN, RUN_COLD_NO, RUN_COLD_YES };

/* What is known since the last power-up or reset line: told by the console, or asked for (run_facts.c). */
struct run_seen {
    uint64_t boot_us, app_us; /* 0: not seen */
    unsigned boots;           /* boot lines since power-up */
    enum run_cold cold;       /* by the last boot line */
    char reset[24], id[40], version[32], hash[72], confirmed[8], data[24], data_print[20], report[64];
    const struct image
        *stored;            /* whose bytes the running slot was found to hold, where nothing else says it */
    char started[32];       /* the version that the boot loader said it starts, in this boot */
    char other[32];         /* a version that another source told, and that is not `version` */
    const char *image_from; /* which source told the image; NULL: none yet */
    const char *data_from;  /* which source told the print of the data; compared by its address */
    bool learnt;            /* what the console does not tell has been asked for */
};

/* What a source answered; "": it does not tell that. */
struct run_told {
    char version[32], hash[72], confirmed[8], state[24], print[20], report[64], boot_id[40], value[80];
    const struct image *stored;
    bool holds;
};

/* Something typed at the console that waits for the line that answers it. */
struct run_question {
    struct marks *answer;
    struct run_told *told;
    const char *group; /* its text goes into told->value; NULL: none */
    bool came;
};

/* DISARMED: the steps are over, and with them the time in which it may act. */
enum fault_state { FAULT_IDLE, FAULT_DISARMED, FAULT_ARMED, FAULT_DELAYED, FAULT_ACTIVE, FAULT_OVER };
struct run_fault {
    struct run *run;
    const struct fault *fault;
    enum fault_state state;
    struct loop_source *timer;
    int64_t hits, left;          /* trigger hits so far; storm: cuts left */
    bool off;                    /* storm and cut: the rail is off now */
    bool at_server;              /* the server has a rule of its name: the trigger's, or the action's */
    bool asked, reset, rebooted; /* reset: the probe is at it, has done it; the board told of its start */
    unsigned power_ups;          /* reset: before it */
    bool proven, unproven;
    uint64_t planned_us, begin_us, off_us, on_us;
};

/* What a step "wait" looks for. Each line is compared as it comes: the next may tell of another life. */
struct run_wait {
    const char *image; /* NULL: any, or no step waits */
    int mark;          /* -1: no step waits */
    bool came;
    int started_mark; /* the mark that last told a version to be started, since the last reset; -1: none */
    char started[32];
};

/* From when the board has to come back (G1), and when it did. */
struct run_recovery {
    uint64_t from_us;  /* 0: nothing that it had to come back from yet */
    uint64_t since_us; /* a start since then counts: power may have come that early */
    const char *from;  /* what that was */
    uint64_t app_us;   /* the first start since then of an image that may run; 0: none */
};

/* The power switch, see run_power.c. */
struct run_rail {
    bool moving;                               /* what the switch makes of the command is not told yet */
    bool awaited;                              /* it told that it acted; the rail may not have followed yet */
    bool on;                                   /* as commanded last */
    unsigned commands, ended;                  /* equal: nothing is under way */
    uint64_t commanded_us, edge_us, latest_us; /* edge_us: 0, not seen */
    struct loop_source *timer;
    struct run_fault *fault; /* whose command it is; NULL: a step's */
    struct run_next_command {
        struct run_fault *fault; /* NULL: none waits */
        bool on;
        uint64_t planned_us;
    } next;
};

struct run {
    struct sink sink; /* first member */
    struct loop *loop;
    const struct plan *plan;
    struct rig *rig;
    struct marks *marks;
    const char *folder; /* of the case; exists */
    struct journal *journal;
    struct verdict_fold *fold;
    struct fiber *fiber;
    struct loop_source *timer;
    bool waking, interrupted, finished;
    int step;
    struct error fatal; /* the rig's fault: kind NONE while there is none */
    struct lines lines;
    int console_fd; /* console.log of the case folder */

    struct run_rail rail;
    bool powered;      /* as commanded */
    uint64_t on_us;    /* of the last such command */
    uint64_t on_by_us; /* since then it has its power at the latest */
    uint64_t off_us;   /* since then it should have none; 0: not known yet */
    uint64_t off_commanded_us,
        sensed_off_us; /* the latter: the command after which the rail was seen to fall */
    unsigned power_ups;
    bool talked_while_off;
    uint64_t late_us; /* first input long after the power was cut; 0: none */
    struct run_seen seen;
    struct run_garble {
        unsigned count, pending;
        char first[80]; /* the first of them, printable */
    } garble;           /* lines of the console that no board prints; see run_witness.c */
    struct run_job probe, update;
    bool probe_halted;
    struct run_fault *faults;
    struct run_canary {
        bool set;
        uint32_t value;
        unsigned power_ups; /* when it was written */
    } canary;
    char boot_id[40];              /* what the board called its life before the fault; "": nothing */
    bool first_life;               /* it calls this one so, and no earlier one was heard of */
    struct run_question *question; /* NULL: nothing was asked */
    unsigned contradictions;
    int64_t baseline_boot_ms; /* from power-up to the application, of the healthy board; 0: not measured */
    unsigned slow_boots;      /* in a row, beside that */
    unsigned dead_lives;      /* without an application, in a row */
    char unknown_hash[72];    /* that no image has, told in `unknown_lives` lives, each time the same */
    unsigned unknown_lives;
    const char *phase;        /* of "boot" observations */
    enum run_cold first_cold; /* what the first start since the power-up at `first_on_us` told */
    uint64_t first_on_us;
    char data_print[20];           /* of the data at the end of the baseline */
    const char *data_from;         /* the kind of source that told it; by its address */
    unsigned replaced;             /* how often another one was told since */
    const struct image *delivered; /* last, as it was before it was changed; NULL: none */
    uint8_t *barred_head;          /* what that begins with, where it must never run; owned. NULL: it may */
    bool barred_seen;              /* it was seen to run all the same */
    size_t upload_len;             /* of the upload that runs, for percent triggers */
    struct run_wait wait;
    struct run_recovery recovery;
    struct run_host { /* see run_host.c */
        struct loop_source *ticks;
        uint64_t due_us, late_us;
        uint64_t last_us;  /* when it was last found late; 0: never */
        double slipped_ms; /* when the case began */
    } host;
    struct run_healthy {
        bool slept; /* in any of the samples */
        uint32_t pc[RUN_SAMPLES];
        size_t count; /* 0: it was not looked at */
    } healthy;        /* how the healthy board looks to the probe */
    struct run_loop {
        char clauses[64]; /* that it would break; "": none was seen */
        uint32_t low, high;
    } loop_seen;            /* a core that loops, before it was known how the healthy one looks */
    bool calm;              /* it has come to rest, and nothing was done since that lets it start again */
    unsigned restarts;      /* starts all the same */
    unsigned struck;        /* how often a fault has begun to act */
    uint64_t truth_from_us; /* see run_evidence_begin() */
    off_t truth_from;
    bool mute; /* it answered nothing in two clean updates; see run_mute.c */
};

/* Begins a case; `ended` of the loop is seen by polling `finished` after turns. The folder must exist and be
 * empty of a journal. -1: nothing was begun. */
struct run *run_begin(struct loop *loop, const struct plan *plan, struct rig *rig, const char *folder,
                      struct error *error);
/* Asks it to stop soon (SIGINT): rails safe, the journal has no END. */
void run_interrupt(struct run *run);
/* Of a finished run. -1: its journal is not whole (full disk), so it cannot be judged. */
int run_free(struct run *run, struct error *error);

/* ---- inside the fiber ---- */
/* Goes on when done() is true (0) or at the deadline, when interrupted or the rig failed (-1). */
int run_until(struct run *run, bool (*done)(struct run *run, const void *arg), const void *arg,
              uint64_t deadline_us);
void run_pause(struct run *run, uint64_t for_us); /* also when the case is broken off; keep it short */
int run_sleep(struct run *run, uint64_t for_us);  /* -1: interrupted or rig failed */
bool run_broken(const struct run *run);
/* What the board does now counts: false while it is made healthy, before the case or to prove the rig. */
bool run_is_judged(const struct run *run);
/* Records the first rig fault of the case; the fiber unwinds. */
void run_fail_rig(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void run_note(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void run_observe(struct run *run, const char *what, const char *value, int64_t number, cJSON *fields);

/* run_power.c: to the end of the command; -1 on a rig fault. */
int run_power(struct run *run, bool on, uint64_t planned_us);
int run_power_cycle(struct run *run, uint64_t off_us);
/* Off and on again behind the back of the run and of the verdict: of a control (scenario.h). */
int run_power_untold(struct run *run, uint64_t off_us);
void run_power_await(struct run *run); /* until no command is under way, also when the case is broken off */
/* Outside of the fiber: of a fault, which is told by run_fault_commanded() and run_fault_switched(). */
int run_power_fault(struct run *run, bool on, uint64_t planned_us, struct run_fault *fault);
void run_power_event(struct run *run, const struct event *event);
/* Whoever waits in the fiber looks again, in the next turn of the loop. */
void run_wake(struct run *run);
uint64_t run_time_at(const cJSON *fields, const char *key); /* 0: not there */

/* run_job.c: one job to its end. Probe jobs climb the recovery ladder and become a rig fault when nothing
 * helps; -1 then. Update jobs: 0 done, or the client has no such ability and needs none; -1 failed
 * (run->update.outcome, and run->update.reason for people), which is the board's business but for UPDATE_RIG,
 * a rig fault. */
int run_probe(struct run *run, const struct probe_job *job);
int run_probe_once(struct run *run, const struct probe_job *job);
int run_update(struct run *run, const struct update_job *job);
/* An update job is under way whose protocol is a foreign program's: what the board says is no text. */
bool run_speaks_raw(const struct run *run);
bool run_delivery_restarts(const struct run *run); /* see rack_delivery_restarts */
/* To activate this image; `hash` is a place for what it is called by. NULL: what was delivered last. */
struct update_job run_job_activate(const struct image *image, enum update_mode mode, uint8_t hash[32]);

/* run_fault.c */
void run_fault_arm(struct run *run, struct run_fault *fault);
void run_fault_mark(struct run *run, const char *mark, uint64_t t_us); /* before anything else */
void run_fault_bytes(struct run *run, int64_t bytes);
void run_fault_power_up(struct run *run);
void run_fault_commanded(struct run_fault *fault, bool on); /* the switch has its command */
void run_fault_switched(struct run_fault *fault, bool on); /* ... and the rail is there, as far as is known */
void run_fault_halted(struct run *run);
void run_fault_probe(struct run *run);   /* a job of the probe has ended */
void run_fault_restart(struct run *run); /* a step restarts the board now */
void run_fault_done(struct run *run);
void run_fault_boot(struct run *run); /* a boot line: proofs */
void run_fault_server(struct run *run, const struct event *event);
void run_fault_link(struct run *run);               /* a link fault acted */
bool run_fault_cuts(const struct run_fault *fault); /* it switches the rail off */
void run_fault_prove(struct run *run, struct run_fault *fault, bool proven, const char *why);
/* Of one that did not act although all is over: why not, for a person who has to mend a board file. */
void run_fault_unfired(const struct run_fault *fault, char *why, size_t size);
/* Inside the fiber: of a cut that is over, and that no line of the console has proven, asks the other
 * sources. Those that need a start are asked once there was time for one (`started`). */
void run_fault_ask_cold(struct run *run, struct run_fault *fault, bool started);
void run_faults_ask_cold(struct run *run);
/* Before settling: lifts what still lasts and disarms the rest, as nothing may act once the steps are over.
 */
void run_faults_end(struct run *run);
/* A bad image showed what it does: fired and proven, as it has no trigger. */
void run_fault_image(struct run *run, struct run_fault *fault, const char *why);
bool run_faults_active(const struct run *run);
struct run_fault *run_fault_named(struct run *run, const char *name);
bool run_fault_wants_mark(struct run *run, const char *mark);

/* run_step.c: walks the steps; returns when they are over or a fault has broken them. */
void run_steps(struct run *run);
/* A line that matched a mark (its groups can be read): is it what a step waits for? */
void run_step_mark(struct run *run, size_t mark, const char *text);
/* run_recovery.c */
uint64_t
run_recovery_us(const struct run *run); /* how long the board may take to come back, in this scenario */
/* The fault, or what follows from it, ended at t_us (`what`: "power came back", ...): the clock of G1 starts.
 */
void run_recovery_from(struct run *run, uint64_t t_us, const char *what);
void run_recovery_from_power(struct run *run, const char *what); /* it ended with the last power-up */
void run_recovery_app(struct run *run);                          /* an application told that it runs */
/* The observation that G1 judges; false: no application has started since, so there is none. */
bool run_observe_recovery(struct run *run);
/* run_settle.c */
int run_baseline(struct run *run, const char *phase);
void run_settle(struct run *run);
uint64_t run_answer_us(const struct run *run); /* a question may take so long to be answered */
uint64_t run_off_us(const struct run *run);    /* long enough for any relay and for the rail to discharge */
bool run_judges(const struct run *run, const char *clause);
void run_check_told(struct run *run); /* of the life that is up: do its sources contradict each other? */
/* run_facts.c */
/* Asks one source. false: it did not answer, or cannot be asked. Not passive ones. */
bool run_ask(struct run *run, enum fact fact, const struct source *source, struct run_told *told);
void run_question_line(struct run *run, const char *text, size_t len); /* of the console */
/* Of the application that is up: asks for what it is and whether it is confirmed, once a life. */
void run_learn(struct run *run);
/* Of a board that confirms by itself: gives it the time to, once the application runs. */
void run_await_confirmed(struct run *run);
void run_learn_fact(struct run *run, enum fact fact); /* asks until it is known */
bool run_tells_up(const struct run *run);             /* the console says when the application starts */
int run_read_word(struct run *run, uint32_t address, uint32_t *word); /* -1: the probe cannot */
/* Waits for the application: 0 with run->seen filled, -1 when it does not come within the limit. */
int run_wait_app(struct run *run, uint64_t limit_us);
/* The same until this image is the one that runs. */
int run_wait_image(struct run *run, const char *name, uint64_t limit_us);
/* run_barred.c */
void run_barred_delivered(struct run *run, const char *path); /* run->delivered, as it is in this file */
void run_barred_look(struct run *run); /* of a board that is silent: does it run what it must not? */
/* run_restore.c */
/* Makes the scenario's first image run on a board whose storage nobody can write from outside. -1: it does
 * not, a rig fault. */
int run_restore(struct run *run);
/* run_facts.c: "1" or "0" of what boards say for yes and no; nothing of nothing. */
void run_take_flag(char to[8], const char *text);
/* run_cold.c */
/* Numbers (hexadecimal) are equal whatever their zeros and their prefix, texts whatever their case. */
bool run_equals(const char *told, const char *wanted);
/* What the group of a boot line says. */
enum run_cold run_cold_line(const struct run *run, const char *group_text);
/* Before power is cut: what can be compared afterwards. -1: a rig fault. */
int run_cold_begin(struct run *run);
/* Did the board lose its power when it was last switched off? `why` gets what says so. `may_ask`: inside the
 * fiber, where there is time to; else by what has told of itself. */
enum run_cold run_lost_power(struct run *run, bool may_ask, char *why, size_t size);
/* Where a register is asked: waits for the first start after power came back, at most the board's boot time.
 * false: nothing to wait for, or it did not start. */
bool run_cold_await(struct run *run);
const char *run_seen_image(const struct run *run); /* name of the image that runs, or "unknown" */
void run_observe_boot(struct run *run, int cycle, uint64_t from_us, bool up);
void run_observe_data(struct run *run);    /* what the board said of its data last */
void run_observe_restart(struct run *run); /* a boot line that nothing accounts for */
/* Watches a board at rest until then, and one that has started again once for long enough to do so again. */
void run_await_restart(struct run *run, uint64_t until_us);
void run_await_data(struct run *run); /* waits for it to say so */
/* Does the running slot hold this image, byte for byte? 1, 0 (what was read stays as `file` in the case
 * folder), -1: a rig fault. Needs a probe. */
int run_slot_holds(struct run *run, const struct image *image, const char *file);
/* Which image the running slot holds, and, right after the fault, whether what runs is whole. */
void run_observe_contents(struct run *run);
void run_observe_spoilt(struct run *run);
int run_one_slot_holds(struct run *run, size_t slot, const struct image *image,
                       const char *file); /* this slot */
/* run_next.c */
/* One clean update to this image. NULL: done; else the step that failed, with run->update.reason. */
const char *run_update_to(struct run *run, const struct image *image);
void run_next_update(struct run *run);
/* How an update to this image ended. `step`: the one that failed, with run->update.reason; NULL: none. */
void run_observe_update(struct run *run, const char *what, const char *image, const char *step);
/* run_resume.c */
void run_resume_upload(struct run *run); /* what the fault has interrupted, where the scenario claims it */
/* run_state.c: where the update mechanism keeps its records (memory.state of the board), so that a second
 * attempt begins where the first one did. */
bool run_state_save(struct run *run);
/* What was saved, and the image that ran. 1: nothing was saved; -1: a rig fault. The board runs again then.
 */
int run_state_restore(struct run *run, const struct image *image);
/* run_mute.c */
/* Makes a range hold these bytes. -1: a rig fault. */
int run_program_span(struct run *run, const struct board_span *span, const uint8_t *data);
bool run_was_silent(const struct run *run); /* the last update job ended without an answer */
/* Once the rig is proven sound, of a board that was silent in two clean updates: is it? */
void run_ask_mute(struct run *run);
/* run_witness.c: before it is the board's fault somebody looks a second time, another way than by the
 * console's lines. */
#define RUN_ALL_CLAUSES "G1 G2 G3 G4 G5 G6 G7"
/* What the witness says of clauses (names, separated by spaces). */
void run_witness(struct run *run, bool confirms, const char *clauses, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool run_answers(struct run *run, uint64_t limit_us); /* the software on the board does */
bool run_can_answer(const struct run *run);           /* it has a way to */
bool run_works(struct run *run); /* the probe finds the core in the running slot and in no endless loop */
/* The application did not come up: is it so (then `broken` is beyond doubt), or did the console not tell
 * (then `doubted` is in doubt)? */
void run_witness_silence(struct run *run, const char *broken, const char *doubted);
/* What ran was told to be unknown: does the slot hold an authentic image all the same? */
void run_witness_unknown(struct run *run);
void run_look_at_healthy(struct run *run); /* for half a second */
void run_witness_loop(struct run *run);    /* of the restored board: was a loop that was seen a hang? */
/* The name of the authentic image whose bytes the running slot holds, NULL: none; `path` is a file for what
 * was read. -1: the probe could not read. */
int run_slot_image(struct run *run, const char *path, const char **name);
bool run_file_is(const struct image *image, const char *path); /* the file begins with it */
void run_garble_line(struct run *run, const char *text, size_t len, bool marked);
void run_garble_boot(struct run *run);
void run_witness_garble(struct run *run); /* all that was seen, once the case is suspect */
/* run_host.c: did this computer keep up with the board? */
void run_host_begin(struct run *run);
void run_host_end(struct run *run);
bool run_host_was_late(const struct run *run); /* a moment ago: what comes now may have waited here */
bool run_host_kept_up(struct run *run);        /* so far; what fails twice for want of time proves nothing */
void run_witness_host(struct run *run);
/* run_evidence.c */
void run_evidence(struct run *run, bool dump_flash);
void run_evidence_begin(struct run *run); /* from here on what the virtual rack logs is of this case */
void run_evidence_truth(struct run *run);

#endif
