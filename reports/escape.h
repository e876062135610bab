/* Text on its way into markup. What a board said on its console may hold anything. */
#ifndef OTARIG_REPORTS_ESCAPE_H
#define OTARIG_REPORTS_ESCAPE_H

#include <stdio.h>

/* For XML 1.0 and HTML, as text or in a double-quoted attribute. Characters that XML cannot hold at all
 * (XML 1.0, 2.2: control characters but tab, newline and return, U+FFFE, U+FFFF) become U+FFFD. */
void escape_markup(FILE *out, const char *text);
/* For a cell of a Markdown table: one line, no markup. */
void escape_markdown(FILE *out, const char *text);
/* For a path in a relative link (RFC 3986, 2.3 and 3.3); slashes stay. */
void escape_link(FILE *out, const char *path);

#endif
