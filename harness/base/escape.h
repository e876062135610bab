/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text on its way into something that reads it as code: one function for each such language, and no other way
 * in. What a board said on its console, what a rack file or a result.json holds, and what somebody called his
 * folder may be anything at all. */
#ifndef OTARIG_BASE_ESCAPE_H
#define OTARIG_BASE_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* For XML 1.0 and HTML, as text or in a double-quoted attribute. What XML cannot hold at all (XML 1.0, 2.2:
 * control characters but tab, newline and return, U+FFFE, U+FFFF) and bytes that are no UTF-8 become U+FFFD.
 */
void escape_markup(FILE *out, const char *text);
void escape_markup_len(FILE *out, const char *text, size_t len);
/* For a cell of a Markdown table: one line, no markup. */
void escape_markdown(FILE *out, const char *text);
/* For a path in a relative link (RFC 3986, 2.3 and 3.3); slashes stay. */
void escape_link(FILE *out, const char *path);
/* For a terminal: control characters (C0 but newline and tab, DEL, C1) and bytes that are no UTF-8 become
 * '?'.
 */
void escape_terminal(FILE *out, const char *text);

/* One word of a POSIX shell command (POSIX.1-2017 Shell, 2.2): as it is, or in single quotes. The caller
 * frees. */
char *escape_shell(const char *text);
/* One word of a Tcl command (Tcl(n), rules 6 to 10; Jim Tcl alike); also inside of braces of a larger one, as
 * no brace stands bare. The caller frees. */
char *escape_tcl(const char *text);
/* escape_terminal as a string, for a message; the caller frees. */
char *escape_line(const char *text);

#endif
