/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of the probe "gdb": what its files share. A job is a list of steps; each sends a request, its reply
 * comes to the same step, which then repeats itself (gdb_again), ends the job, or goes on (gdb_next). */
#ifndef OTARIG_DRIVER_PROBE_PROBE_GDB_H
#define OTARIG_DRIVER_PROBE_PROBE_GDB_H

#include <stdio.h>

#include "harness/driver/driver.h"
#include "harness/driver/probe/gdb_link.h"
#include "harness/driver/probe/gdb_map.h"
#include "harness/driver/probe/probe_gdb_server.h"

struct gdb;
struct gdb_step {
    const char *name;               /* for messages */
    void (*begin)(struct gdb *gdb); /* sends, waits for the core, or goes on */
    void (*reply)(struct gdb *gdb, const char *text, size_t len);
    void (*stopped)(struct gdb *gdb); /* may be NULL: the core stopped during this step */
};

struct gdb {
    struct driver_env env;
    char *role;
    const struct gdb_config *config;
    struct gdb_server *server;
    struct gdb_link *link;

    /* the connection */
    bool ready;   /* greeted: the features below are known */
    bool running; /* the core, as far as the protocol goes */
    bool hold;    /* somebody wanted it halted: it is left so */
    size_t packet_max;
    bool no_acks, vcont, has_map, map_known, no_p;
    int x; /* packet X: 1 yes, 0 no, -1 unknown */
    struct gdb_map map;
    char *map_text;
    size_t map_len;
    struct gdb_stop stop; /* the last one */
    char printed[200];    /* the last line of the server's */

    /* the list that is at work: a greeting, a look at a stopped core, the job */
    const struct gdb_step *const *list;
    int step;
    const struct gdb_step *const *waiting; /* the job's, while a look is taken */
    int waiting_step;
    bool look_due;
    const char *const *words; /* of the monitor step */
    struct loop_source *step_timer;

    /* the job */
    bool busy;
    struct probe_job job;
    char *path;
    uint64_t end_us;
    unsigned refusals; /* connections that were closed before the greeting was over */
    struct loop_source *job_timer;
    uint8_t *image;
    FILE *file;
    char *hex;
    size_t hex_len;
    uint64_t from, to, at; /* the bytes it is about, how far it came */
    uint64_t asked;        /* where the request that is out begins */
    bool flashed;          /* vFlashDone is due */
    bool x_asked;          /* the request that is out asks for packet X */
    size_t zeros;          /* read, and being asked for again by a monitor command */
    char doubt[300];       /* why we ask whether the target is still there */
    uint32_t pc, dhcsr, code;
    bool dhcsr_known;
    void (*ended)(void *arg, bool ok, const cJSON *fields);
    void *ended_arg;

    /* the watchpoint */
    bool watched, watching; /* set in the target; waited for */
    bool interrupted;       /* we asked the core to stop */
    struct probe_job watch;
    unsigned hits, comparator;
    bool matched;
    struct loop_source *release_timer; /* of a core that halted by itself */
    uint64_t release_us;
};

extern const struct gdb_step *const gdb_greeting[];
extern const struct gdb_step *const gdb_look[]; /* at a core that a watchpoint may have stopped */
extern const struct gdb_step *const *const gdb_verbs[PROBE_VERBS];
extern const struct gdb_step gdb_let_run; /* the last step of a job: the core goes on unless it is held */

void gdb_next(struct gdb *gdb);
void gdb_again(struct gdb *gdb);
/* A request of the step at hand. */
void gdb_ask(struct gdb *gdb, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gdb_ask_bytes(struct gdb *gdb, const void *data, size_t len);
void gdb_ask_stop(struct gdb *gdb, const char *text); /* a stop reply is its reply */
void gdb_run_core(struct gdb *gdb);
/* End of the job: the chip said no. */
void gdb_refuse(struct gdb *gdb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The connection is spoilt; ends the job too, if there is one. */
void gdb_lose(struct gdb *gdb, const char *reason, const char *why);
/* A look at a stopped core is over. */
void gdb_looked(struct gdb *gdb, bool hit, const char *other);
bool gdb_serves_running(const struct gdb *gdb);
/* How many bytes fit into one request or reply. */
size_t gdb_chunk(const struct gdb *gdb, bool reply);

/* Memory (probe_gdb_memory.c). */
extern const struct gdb_step gdb_map_step, gdb_erase, gdb_write, gdb_flash_done, gdb_verify, gdb_dump,
    gdb_read_step, gdb_write_word, gdb_alive;
void gdb_doubt(struct gdb *gdb, const char *what, uint64_t address, const char *reply);

#endif
