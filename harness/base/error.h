/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One error, one line: what went wrong, where, and whose fault it is. */
#ifndef OTARIG_BASE_ERROR_H
#define OTARIG_BASE_ERROR_H

#include <stdarg.h>

enum error_kind {
    ERROR_NONE = 0,
    ERROR_INPUT,       /* the user's files or arguments: exit 2 */
    ERROR_RIG,         /* a device of the rack misbehaves: exit 3 */
    ERROR_TIMEOUT,     /* a deadline passed and it is not known whose fault it is: exit 3 */
    ERROR_INTERRUPTED, /* SIGINT or SIGTERM: exit 130 */
    ERROR_SYSTEM,      /* the host: no memory map, no descriptor, full disk: exit 3 */
};

struct error {
    enum error_kind kind;
    char text[400];
};

/* Sets kind and text (truncated to fit, control characters replaced) and returns -1, so that a failing
 * function may `return error_set(...)`. A NULL error is allowed and ignored. */
int error_set(struct error *error, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, with ": strerror(errno_value)" added. */
int error_set_errno(struct error *error, enum error_kind kind, int errno_value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "prefix: " before the text (each layer adds one prefix) and returns -1. */
int error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The exit code of a command that ended with this error: 2, 3 or 130. */
int error_exit_code(const struct error *error);
/* Prints "otarig: TEXT" on standard error and returns the exit code: the end of a command that failed. */
int error_print(const struct error *error);

const char *error_kind_name(enum error_kind kind);

/* clang-tidy reads one file at a time: it must be told that these never return 0. */
#if defined __clang_analyzer__ && !defined ERROR_IMPLEMENTATION
#define error_set(...) ((error_set)(__VA_ARGS__), -1)
#define error_set_errno(...) ((error_set_errno)(__VA_ARGS__), -1)
#define error_prefix(...) ((error_prefix)(__VA_ARGS__), -1)
#endif

#endif
