/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading members of plan files: each function reads one member, copies it and reports in the words of
 * json.h. An absent member keeps what *out held (the default) unless it is required. */
#ifndef OTARIG_BASE_TAKE_H
#define OTARIG_BASE_TAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/base/json.h"

int take_string(struct json object, const char *key, bool required, char **out, struct error *error);
/* A name: letters, digits, '.', '_' and '-', at most 64 characters. */
#define TAKE_NAME_PATTERN "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"
#define TAKE_NAME_WANTED "a name of 1 to 64 letters, digits, '.', '_' or '-'"
bool take_is_name(const char *text);
int take_name(struct json object, const char *key, bool required, char **out, struct error *error);
int take_strings(struct json object, const char *key, bool required, char ***out, struct error *error);
int take_integer(struct json object, const char *key, bool required, int64_t low, int64_t high, int64_t *out,
                 struct error *error);
/* Also "0x..." in a string: addresses, sizes of memory, words in it. */
int take_word(struct json object, const char *key, bool required, int64_t low, int64_t high, int64_t *out,
              struct error *error);
int take_address(struct json object, const char *key, bool required, uint32_t *out, struct error *error);
int take_bool(struct json object, const char *key, bool *out, struct error *error);
/* "key" in milliseconds (a fraction is fine) -> microseconds. */
int take_ms(struct json object, const char *key, bool required, int64_t *out_us, struct error *error);
int take_choice(struct json object, const char *key, bool required, const char *const *words, int *out,
                struct error *error);
/* "comment": a text, or a list of texts, that nobody reads but people. */
int take_comment(struct json object, struct error *error);
/* The file's "schema_version" must be `version`. */
int take_version(struct json root, int64_t version, struct error *error);
void take_free_strings(char **list);

#endif
