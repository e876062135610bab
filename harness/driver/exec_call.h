/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One program of the user's, run to its end within a deadline: what exec drivers are made of. No shell. Its
 * process group is killed at its end, whatever it left behind. */
#ifndef OTARIG_DRIVER_EXEC_CALL_H
#define OTARIG_DRIVER_EXEC_CALL_H

#include "harness/driver/driver.h"

#define EXEC_ANSWER_MAX 65536u
#define EXEC_NO_LIMIT UINT64_MAX /* whoever starts it ends it */

/* UNABLE: exit status 126 or 127, by which a shell says that it cannot run, or find, a program (POSIX XCU
 * 2.8.2). Something lacks on this computer: never the word of a board. */
enum exec_how { EXEC_EXITED, EXEC_KILLED, EXEC_LATE, EXEC_UNABLE };
struct exec_result {
    enum exec_how how;
    int code;              /* exit status or signal number */
    const char *answer;    /* its stdout, at most EXEC_ANSWER_MAX bytes */
    const char *complaint; /* its last line, on stderr where there is one; printable, may be "" */
    bool cut_short;        /* stdout was longer */
};
struct exec_call;

/* Starts it. Its lines are told as notes ("output"), the first some hundred of them. `ended` is called once,
 * from the loop; exec_call_free() is allowed in it. NULL: it cannot be started (ERROR_RIG). */
struct exec_call *exec_call_start(const struct driver_env *env, const char *role, char *const *words,
                                  uint64_t deadline_us, void (*ended)(void *arg, const struct exec_result *),
                                  void *arg, struct error *error);
void exec_call_free(
    struct exec_call *call); /* kills its group if it still runs; no callback; NULL is allowed */
/* "PROGRAM: exit status 2: its last line", "PROGRAM: no end within 3 s". */
void exec_call_text(const char *program, const struct exec_result *result, char *text, size_t size);
/* As execvp would: is there such a program? */
bool exec_found(const char *program);
/* "2", "17": is `code` one of them? */
bool exec_code_in(char *const *codes, int code);
/* Exit status of a shell that cannot run or find a program. */
bool exec_code_is_unable(int code);
/* Of an option that lists exit statuses (option.h). */
#define EXEC_CODE_PATTERN "^([1-9][0-9]?|1([013-9][0-9]|2[0-589])|2[0-4][0-9]|25[0-5])$"
#define EXEC_CODE_WANTED                                                                                     \
    "an exit status from \"1\" to \"255\", but not 126 or 127, which say that a program cannot be run"

#endif
