/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/escape.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/mem.h"

static void expect(void (*escape)(FILE *, const char *), const char *text, const char *wanted)
{
    char *found = NULL;
    size_t len;
    FILE *out = open_memstream(&found, &len);
    escape(out, text);
    fclose(out);
    cr_expect_str_eq(found, wanted);
    free(found);
}

Test(escape, markup_keeps_every_character_that_xml_can_hold)
{
    expect(escape_markup, "a<b>&\"'\n\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
           "a&lt;b&gt;&amp;&quot;&#39;\n\t\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    expect(escape_markup, "\x01z\xef\xbf\xbe", "\xef\xbf\xbdz\xef\xbf\xbd");
    expect(escape_markup, "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd");
    expect(escape_markup, "]]>", "]]&gt;");
}

Test(escape, markdown_has_no_markup)
{
    expect(escape_markdown, "a|b\n[x](y) <i> `c` $1$", "a\\|b \\[x\\](y) &lt;i> \\`c\\` \\$1\\$");
}

Test(escape, a_terminal_gets_no_commands)
{
    expect(escape_terminal,
           "\x1b]0;x\x07 \xc2\x9b"
           "31m \xc3\xa4\n\x7f\xff",
           "?]0;x? ?31m \xc3\xa4\n??");
}

static const char *const nasty[] = {"plain/name-1.0",
                                    "a b{c}[d]$(id)",
                                    "p1.bp}; exec touch x; set x {",
                                    "'\"'`id`\\",
                                    "-n",
                                    "*?~#!&|<>;()",
                                    "trailing\\",
                                    "tab\tand\nnewline",
                                    ("\x1a"
                                     "a\r"),
                                    "\xc3\xa4\xe2\x82\xac",
                                    "",
                                    "[exec id]",
                                    "$env(HOME)",
                                    "\\u0041\\x41"};

/* What `command` (a shell line) prints. */
static char *printed(const char *command)
{
    char *text = mem_alloc(4096);
    FILE *in = popen(command, "r");
    cr_assert(in);
    size_t len = fread(text, 1, 4095, in);
    text[len] = 0;
    cr_expect_eq(pclose(in), 0, "%s", command);
    return text;
}

Test(escape, a_shell_reads_one_word)
{
    for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++) {
        char *word = escape_shell(nasty[i]), *command = mem_printf("printf %%s. %s", word), *found;
        char *wanted = mem_printf("%s.", nasty[i]);
        found = printed(command);
        cr_expect_str_eq(found, wanted);
        free(word);
        free(command);
        free(found);
        free(wanted);
    }
}

/* The Tcl that reads these words is the one inside of OpenOCD. */
Test(escape, openocd_reads_one_word)
{
    if (system("openocd --version >/dev/null 2>&1"))
        cr_skip("openocd is not installed");
    for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++) {
        char *word = escape_tcl(nasty[i]);
        char *script = mem_printf("proc one {x} {puts -nonewline [string length $x].$x.; exit 0}; "
                                  "if {1} {one %s}",
                                  word);
        char *argument = escape_shell(script);
        char *command = mem_printf("openocd -c %s 2>/dev/null; true", argument), *found = printed(command);
        char *wanted = mem_printf(".%s.", nasty[i]);
        const char *dot = strchr(found, '.');
        cr_expect(dot && !strcmp(dot, wanted), "%s: found '%s'", nasty[i], found);
        free(word);
        free(script);
        free(argument);
        free(command);
        free(found);
        free(wanted);
    }
}
