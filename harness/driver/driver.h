/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a driver is. A driver operates one device of a rack; it never decides pass or fail: what the board
 * does is an event, what the rig does wrong is an error (call fails) or an EVENT_RIG (later).
 *
 * No call blocks longer than 50 ms except open and close (2 s; a switch that takes longer says so, see
 * power_ops.safe_us); anything longer is a job that ends with an event. */
#ifndef OTARIG_DRIVER_DRIVER_H
#define OTARIG_DRIVER_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/error.h"
#include "harness/base/option.h"
#include "harness/io/loop.h"
#include "harness/record/event.h"

enum driver_kind { DRIVER_POWER, DRIVER_CONSOLE, DRIVER_PROBE, DRIVER_UPDATE, DRIVER_SENSE, DRIVER_SERVER };

/* ---- power ---- */
struct power_report {
    uint64_t commanded_us; /* just before the command left us */
    uint64_t returned_us;  /* when the switch told that it acted; 0: not yet */
    bool verified;         /* the command was read back from the device */
};
/* A switch has one of `set` and `start`.
 *
 * set: it has acted when the call comes back.
 *
 * start: for one that takes longer than 50 ms, such as one behind a network. The call only begins. Within a
 * deadline of the driver's own follows either EVENT_POWER "acted" (value: on | off; fields: commanded_us as
 * reported, acted_us, verified), or EVENT_RIG "switch". Nothing else is started before that.
 *
 * That a switch says it acted is no proof: it may do so without acting, or act later. So, where nothing
 * senses the rail, it moved at some time between the command and `latency_us` after what the switch told.
 *
 * Where the same hardware senses the rail, an EVENT_POWER "edge" (value: on | off) follows by itself. Its
 * fields: commanded_us as reported; achieved_us, the first reading that showed the rail where it was wanted;
 * within_us: so long before that it may have moved. A rail that does not follow is EVENT_RIG "rail". */
struct power_ops {
    int (*set)(void *self, bool on, struct power_report *report, struct error *error);
    int (*start)(void *self, bool on, struct power_report *report, struct error *error);
    /* As commanded, read from the device; by hand only, as it blocks until the device's own deadline. */
    int (*get)(void *self, bool *on, struct error *error);
    /* The longest time from what the switch tells to its contact, as documented. NULL: 0. */
    uint64_t (*latency_us)(const void *config);
    /* It senses the rail, and the rail follows within this; 0, or NULL: it does not. */
    uint64_t (*sense_us)(const void *config);
    /* The longest that close() takes, which leaves the safe state. NULL: no longer than any other driver's.
     */
    uint64_t (*safe_us)(const void *config);
};

/* ---- sense: the rail, read by another device than the one that switches it ---- */
struct sense_ops {
    /* The rail is to go there, by the command of `commanded_us`. Returns at once; an edge follows as of a
     * power driver that senses, or, when it has not by `until_us` (LOOP_NEVER: for as long as it takes),
     * EVENT_RIG "rail". A later call replaces this one; one for the same command only sets `until_us` anew.
     */
    int (*expect)(void *self, bool on, uint64_t commanded_us, uint64_t until_us, struct error *error);
    /* By hand; blocks until the device's own deadline. */
    int (*get)(void *self, bool *on, struct error *error);
    uint64_t (*sense_us)(
        const void *config); /* the rail is read anew at least so often, and shows within it */
};

/* ---- links: a two-way byte stream between an update client and the board ---- */
struct link {
    int (*send)(struct link *link, const void *data, size_t len, struct error *error);
    /* Set by the user of the link; called with every piece of input. */
    void (*receive)(void *arg, const void *data, size_t len, uint64_t t_us);
    void *receive_arg;
};

/* What a fault does to a link (link_fault.h). */
enum link_mode {
    LINK_DROP,      /* lines vanish with `probability` (0: 0.3) */
    LINK_STALL,     /* nothing passes; what came is delivered when the fault is lifted */
    LINK_CORRUPT,   /* one bit of every `every`-th byte (0: 97) flips */
    LINK_DUPLICATE, /* lines come twice with `probability` (0: 0.3) */
    LINK_CUT,       /* nothing passes, what came is lost */
    LINK_FLAP,      /* up_us up, down_us down (lost), in turns */
    LINK_TRICKLE,   /* at most `rate` bytes a second to the board */
};

/* ---- console: input arrives as EVENT_INPUT in the sink and through the link ---- */
struct console_ops {
    int (*write)(void *self, const void *data, size_t len, struct error *error);
    struct link *(*link)(void *self);
};

/* ---- probe: one job at a time; it ends with EVENT_PROBE "done" or "failed" (value: verb) ---- */
enum probe_verb {
    PROBE_ATTACH,    /* server up, target examined */
    PROBE_DETACH,    /* let go of the board (needed before power is cut on some probes) */
    PROBE_PROGRAM,   /* path, address (raw binary): erase what is needed, write, verify */
    PROBE_VERIFY,    /* path, address */
    PROBE_DUMP,      /* address, len -> path */
    PROBE_READ,      /* address, len -> fields.hex */
    PROBE_WRITE,     /* address, value: one word */
    PROBE_ERASE_ALL, /* whole chip, also when locked ("recover") */
    PROBE_ERASE,     /* address, len: pages */
    PROBE_RESET_RUN,
    PROBE_RESET_HALT,
    PROBE_HALT,
    PROBE_RESUME,
    PROBE_WATCH,   /* address, len, access; halts at hit number `count` (1-based): EVENT_PROBE "halted" */
    PROBE_UNWATCH, /* all of them */
    PROBE_SAMPLE,  /* a look at a running core, which goes on at once -> fields.pc, fields.asleep (it waited
                      for an interrupt), fields.locked_up */
    PROBE_VERBS
};
enum probe_access { PROBE_ACCESS_WRITE, PROBE_ACCESS_READ, PROBE_ACCESS_ANY };
struct probe_job {
    enum probe_verb verb;
    const char *path;
    uint32_t address, len, value;
    enum probe_access access;
    bool match_value; /* PROBE_WATCH: halt only when `value` is written (where the probe can) */
    bool blank;       /* PROBE_PROGRAM: what it writes to is erased already; it is verified all the same */
    unsigned count;
    uint64_t deadline_us; /* for the whole job, relative; 0: the driver's own */
};
struct probe_ops {
    int (*start)(void *self, const struct probe_job *job, struct error *error);
    void (*cancel)(void *self);         /* the job ends with "failed" */
    void (*power)(void *self, bool on); /* told before a cut and after power returned */
    int (*revive)(void *self, unsigned rung,
                  struct error *error); /* recovery ladder: 0 restart, 1 adapter reset */
    /* Set before start(): called once when that job ended, after its event. For drivers that work through a
     * probe (update_probe). */
    void (*listen)(void *self, void (*ended)(void *arg, bool ok, const cJSON *fields), void *arg);
    /* What it can: a bit for each verb (1 << verb). NULL: all of them. */
    unsigned (*verbs)(const void *config);
};
const char *probe_verb_name(enum probe_verb verb);

/* ---- update client: asked by intent, one job at a time; it ends with EVENT_UPDATE "done" or "failed"
 * (value: intent; fields: see update_put_end) ---- */
enum update_intent {
    UPDATE_STATE,    /* -> fields.images: [{image, slot, version, hash, pending, confirmed, active, bootable,
                        permanent}] */
    UPDATE_DELIVER,  /* path; progress events carry the acknowledged bytes */
    UPDATE_ACTIVATE, /* hash, mode: what was delivered is to be started by the next restart */
    UPDATE_RESTART,
    UPDATE_CONFIRM, /* the image that runs is to stay */
    UPDATE_PING,    /* are you there */
    UPDATE_ERASE,   /* the slot that does not run */
    UPDATE_INTENTS
};
/* For how long an activated image is to run. */
enum update_mode { UPDATE_TRIAL, UPDATE_PERMANENT };
/* What a client can do; what it lacks the engine does not ask it for. */
enum update_ability {
    UPDATE_CAN_STATE = 1 << 0,     /* the images that the board has */
    UPDATE_CAN_ACTIVATE = 1 << 1,  /* without it, delivering is activating */
    UPDATE_CAN_TRIAL = 1 << 2,     /* UPDATE_ACTIVATE with UPDATE_TRIAL */
    UPDATE_CAN_PERMANENT = 1 << 3, /* UPDATE_ACTIVATE with UPDATE_PERMANENT */
    UPDATE_CAN_CONFIRM = 1 << 4,
    UPDATE_CAN_RESTART = 1 << 5,
    UPDATE_CAN_ERASE = 1 << 6,
    UPDATE_CAN_RESUME = 1 << 7, /* goes on with an interrupted delivery */
    UPDATE_PULLS = 1 << 8,      /* the board fetches its image by itself, when it likes */
    /* UPDATE_PING and UPDATE_STATE are answered by the software that runs on the board (not by a probe) */
    UPDATE_BOARD_ANSWERS = 1 << 9,
    UPDATE_CONFIRM_RESTARTS = 1 << 10, /* to be confirmed, the board is started again */
    UPDATE_SPEAKS_RAW = 1 << 11, /* on the console, a protocol that is not known: no text while a job lasts */
};
enum update_outcome {
    UPDATE_DONE,
    UPDATE_REFUSED,   /* the board says no, in its own words */
    UPDATE_SILENT,    /* no answer in time */
    UPDATE_LINK_LOST, /* nothing can be sent */
    UPDATE_FAILED,    /* answered, and not as it should be */
    UPDATE_RIG,       /* what failed is the rig's: a limit of the wire, a file of this computer */
    UPDATE_CANCELLED,
    UPDATE_OUTCOMES
};
struct update_job {
    enum update_intent intent;
    const char *path;
    const char *version; /* UPDATE_DELIVER: of that image; NULL: not known */
    enum update_mode mode;
    const uint8_t *hash;  /* UPDATE_ACTIVATE: of the image, 32 bytes; NULL: what was delivered last */
    bool listed;          /* UPDATE_ACTIVATE: where the board lists what it holds, that goes before `hash` (an
                             image that was spoilt on purpose may have another one) */
    bool resume;          /* UPDATE_DELIVER: continue where the board says it is */
    uint64_t deadline_us; /* for the whole job, relative; 0: the driver's own */
};
struct update_ops {
    int (*start)(void *self, const struct update_job *job, struct error *error);
    void (*cancel)(void *self);
    unsigned (*abilities)(const void *config); /* of enum update_ability */
};
const char *update_intent_name(enum update_intent intent);
const char *update_outcome_name(enum update_outcome outcome);
/* Of an end event's fields. Journals of before this word told it by `reason` alone. */
enum update_outcome update_outcome_of(const cJSON *fields, bool ok);
/* The end of a job. It puts fields.outcome and, of one that failed, fields.reason (one word for programs) and
 * fields.text (for people); takes `fields`, which may be NULL. */
void update_put_end(struct sink *sink, const char *role, enum update_intent intent,
                    enum update_outcome outcome, const char *reason, const char *text, cJSON *fields);

/* ---- server: where a board fetches its updates. What it sees and does arrives as EVENT_SERVER ---- */
struct server_ops {
    /* Spoils requests by a rule, {"on", "times", "action"} of harness/base/request_rule.h, until it has
     * struck so often or is lifted. EVENT_SERVER "fault" (value: this name) tells when it acts; of an action
     * "tell", when the byte was reached. */
    int (*spoil)(void *self, const char *name, const cJSON *rule, struct error *error);
    int (*lift)(void *self, const char *name, struct error *error);
    /* Offers this file to the place's board, which fetches it when it likes; what was offered before is taken
     * back. */
    int (*offer)(void *self, const char *path, const char *version, struct error *error);
    int (*withdraw)(void *self, struct error *error);
    /* Hears every event before the sink does; NULL: no more. For update_server. */
    void (*listen)(void *self, void (*heard)(void *arg, const cJSON *event), void *arg);
};

/* ---- the driver itself ---- */
struct driver;
struct driver_env {
    struct loop *loop;
    struct sink *sink;
    const char *place;  /* name of the place */
    const char *role;   /* "power", "console", ...: the source of its events */
    const char *folder; /* a folder for sockets, logs and scratch files of this run */
    bool safe_on;       /* power: the state that close() leaves (the rack's "safe") */
    /* Dependencies, already open; NULL where the place has none. */
    struct link *link;             /* update: the way to the board (faults are already in it) */
    const struct probe_ops *probe; /* update_probe */
    void *probe_self;
    const struct server_ops *server; /* update_server */
    void *server_self;
};
struct driver {
    const char *name; /* as in rack files */
    const char *help; /* one line */
    enum driver_kind kind;
    const struct option_spec *options;
    const struct option_rule *rules; /* NULL: each option stands by itself */
    size_t config_size;
    /* The physical thing this config claims, as a lock key ("ftdi:A1B2", "tty:1-1.4"); written to `key`. */
    void (*claim)(const void *config, char *key, size_t size);
    /* May be NULL. A second thing that no other place may have; "" for none. */
    void (*claim_also)(const void *config, char *key, size_t size);
    /* May be NULL. What is wrong with options that are each right by itself, beyond what `rules` say, as in
     * "expected WHAT"; NULL: nothing. */
    const char *(*check)(const void *config);
    int (*open)(const struct driver_env *env, const void *config, void **self, struct error *error);
    void (*close)(void *self); /* never fails; leaves the rig safe */
    /* May be NULL: close() does. Like close(), but what was commanded last stays: for work by hand, where a
     * board that was switched on must not go off with the command that did it. */
    void (*leave)(void *self);
    const struct power_ops *power;
    const struct console_ops *console;
    const struct probe_ops *probe;
    const struct update_ops *update;
    const struct server_ops *server;
    const struct sense_ops *sense;
    /* doctor: is the device found, reachable, answering? `advice` gets the fix for what is not. May block 2
     * s. */
    int (*examine)(const struct driver_env *env, const void *config, char *advice, size_t size,
                   struct error *error);
};

/* The explicit table (table.c). */
extern const struct driver *const driver_table[];
const struct driver *driver_find(const char *name, enum driver_kind kind);
const char *driver_kind_name(enum driver_kind kind);

#endif
