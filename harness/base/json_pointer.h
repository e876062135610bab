/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON pointers, RFC 6901. */
#ifndef OTARIG_BASE_JSON_POINTER_H
#define OTARIG_BASE_JSON_POINTER_H

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* What the pointer ("", "/a/0/b~1c") leads to; NULL: nothing, or it is no pointer. */
const cJSON *json_pointer(const cJSON *root, const char *pointer);
/* A plain value as text: "true", "on", "12.5". false: it is none (NULL is allowed). */
bool json_pointer_text(const cJSON *node, char *text, size_t size);
/* Of an option (option.h). */
#define JSON_POINTER_PATTERN "^(/([^/~]|~[01])*)+$"
#define JSON_POINTER_WANTED "a JSON pointer, such as /relays/0/state"

#endif
