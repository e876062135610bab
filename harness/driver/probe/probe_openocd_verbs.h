/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a probe verb is in OpenOCD's language: a short list of Tcl commands with places to fill in. */
#ifndef OTARIG_DRIVER_PROBE_PROBE_OPENOCD_VERBS_H
#define OTARIG_DRIVER_PROBE_PROBE_OPENOCD_VERBS_H

#include "harness/driver/driver.h"
#include "harness/driver/probe/probe_openocd_server.h"

#define OPENOCD_COMMANDS_MAX 6

/* The commands of a job, each malloc, NULL-terminated. `watched`: address of the watchpoint that is set, or
 * -1. */
void openocd_verb_build(const struct openocd_config *config, const struct probe_job *job, int64_t watched,
                        char *commands[OPENOCD_COMMANDS_MAX + 1]);
/* Connects to the target; the first command of a server whose first job is `verb`. */
const char *openocd_init(enum probe_verb verb);
/* For a job that names no deadline: more for more bytes. Looks at the size of its file. */
uint64_t openocd_verb_limit_us(const struct probe_job *job);

/* One look at a core that a watchpoint shall stop; the reply is for openocd_watch_parse. */
extern const char openocd_watch_poll[], openocd_watch_resume[]; /* the latter lets it run before */
extern const char openocd_let_go[];                             /* of a core that something else halted */
enum openocd_watch { OPENOCD_RUNS, OPENOCD_HIT, OPENOCD_OTHER_HALT, OPENOCD_GONE };
enum openocd_watch openocd_watch_parse(const char *reply, uint32_t *pc);

/* Result of PROBE_READ: "@hex 0x1 0xab" somewhere in the reply -> "01ab"; NULL when there is none. Free it.
 */
char *openocd_read_parse(const char *reply);

/* Result of PROBE_SAMPLE: DHCSR before the halt and the PC. False: there is none, or the core was halted
 * already. */
bool openocd_sample_parse(const char *reply, uint32_t *dhcsr, uint32_t *pc);

/* "no-target": the debug port does not answer (no power, no wire); "server": openocd or its adapter does not
 * work; "refused": the chip answered no. */
const char *openocd_reason(const char *text);
/* The most telling line of an error text, into `line`. */
void openocd_error_line(const char *text, char *line, size_t size);
/* The connection to the core is spoilt: whatever comes next needs a fresh start. */
bool openocd_spoilt(const char *text);

#endif
