/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts that come from a board: any bytes, while JSON, XML and HTML want UTF-8. */
#ifndef OTARIG_RECORD_TEXT_H
#define OTARIG_RECORD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A copy (free) of `len` bytes in which each byte that belongs to no UTF-8 sequence (RFC 3629, section 4) has
 * become U+FFFD. A byte 0 ends the text. */
char *text_clean(const char *text, size_t len);
bool text_is_utf8(const char *text, size_t len);
/* Takes out terminals' control sequences (ECMA-48, 5.4: colours, cursor moves), in place; the new length.
 * What is left of a sequence that the line cut off stays. */
size_t text_plain(char *text, size_t len);
/* The clean copy of `text` (NULL: empty) that fits into `size` bytes with its end; no sequence is cut in two.
 * Control characters become '?': what is shown on a terminal must not command it. */
void text_fit(char *out, size_t size, const char *text);

#endif
