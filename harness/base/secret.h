/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets: rack files say where one is, never what it is. */
#ifndef OTARIG_BASE_SECRET_H
#define OTARIG_BASE_SECRET_H

#include <stddef.h>

#include "harness/base/error.h"

#define SECRET_MAX 512u

/* Of an option (option.h). */
#define SECRET_PATTERN "^(file|env):.+$"
#define SECRET_WANTED "file:PATH or env:NAME, where the secret is (it must not stand here)"

/* Reads it: the first line of the file, which others must not be able to read, or the variable. ERROR_INPUT;
 * the message does not tell it. `from` NULL: "". */
int secret_read(const char *from, char secret[SECRET_MAX], struct error *error);
/* Overwrites it. */
void secret_forget(char *secret, size_t size);

#endif
