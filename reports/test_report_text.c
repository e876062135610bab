/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report as a terminal and as a pipe get it, and what JUnit readers need of a case. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "reports/report.h"

static const char sample[] =
    "{\"run\":{\"id\":\"r\",\"command\":\"otarig run <a&b>\"},\"firmware\":\"good\",\"summary\":{\"cases\":2,"
    "\"pass\":1,\"fail\":1,\"inconclusive\":0,\"rig_error\":0},\"cases\":[{\"id\":\"a\",\"family\":\"power-"
    "cut\",\"scenario\":\"a-scenario-with-quite-a-long-name\",\"verdict\":\"pass\"},{\"id\":\"b\",\"family\":"
    "\"network-loss\",\"scenario\":\"\xc3\xbc"
    "ber\",\"place\":\"p1\",\"verdict\":\"fail\",\"class\":\"bricked\","
    "\"folder\":\"cases/b\",\"scenario_file\":\"scenarios/s.json\",\"duration_ms\":2500,"
    "\"contract\":[{\"clause\":\"G1\",\"holds\":false,\"detail\":\"no <boot>\"},{\"clause\":\"G2\","
    "\"holds\":true,\"detail\":\"\"}],\"evidence\":[\"console.bin\",\"journal.jsonl\"],\"reason\":\"one two "
    "three four five six seven eight nine ten eleven twelve "
    "thirteen\"}]}";

static void read_some(int fd, char *out, size_t size)
{
    size_t len = 0;
    for (ssize_t n; len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    out[len] = '\0';
}

/* What a terminal of 60 columns gets. */
static void on_terminal(char *out, size_t size)
{
    struct winsize window = {.ws_row = 24, .ws_col = 60};
    struct termios raw = {0};
    struct error error = {0};
    int master, slave;
    cfmakeraw(&raw);
    cr_assert_eq(openpty(&master, &slave, NULL, &raw, &window), 0);
    cJSON *result = cJSON_Parse(sample);
    FILE *file = fdopen(slave, "w");
    cr_assert_eq(report_text(result, "out/r", file, &error), 0);
    fclose(file);
    read_some(master, out, size);
    close(master);
    cJSON_Delete(result);
}

static char *to_memory(int (*write)(const cJSON *, const char *, FILE *, struct error *))
{
    char *text = NULL;
    size_t len;
    struct error error = {0};
    FILE *out = open_memstream(&text, &len);
    cJSON *result = cJSON_Parse(sample);
    cr_assert_eq(write(result, "out/r", out, &error), 0);
    fclose(out);
    cJSON_Delete(result);
    return text;
}

static int column_of_last(const char *line)
{
    int column = 0;
    for (; *line && *line != '\n'; line++)
        column += ((unsigned char)*line & 0xc0) != 0x80;
    return column;
}

Test(report_text, rows_end_in_the_same_column)
{
    char *text = to_memory(report_text), *head = strstr(text, "  family"),
         *last = strstr(text, "\n  all") + 1;
    int rows = 0;
    for (char *line = head; line <= last; line = strchr(line, '\n') + 1, rows++)
        cr_expect_eq(column_of_last(line), column_of_last(head), "%.80s", line);
    cr_expect_eq(rows, 4);
    free(text);
}

Test(report_text, no_colour_and_no_wrapping_in_a_pipe)
{
    char *text = to_memory(report_text);
    cr_expect_null(strchr(text, '\033'));
    char *here = getcwd(NULL, 0), *again = NULL;
    cr_assert_gt(asprintf(&again, "twelve thirteen\n    otarig repro %s/out/r/cases/b\n", here), 0);
    cr_expect(strstr(text, again), "%s", text);
    free(here);
    free(again);
    free(text);
}

Test(report_text, colour_and_wrapping_on_a_terminal)
{
    char text[4000];
    unsetenv("NO_COLOR");
    on_terminal(text, sizeof text);
    cr_expect(strstr(text, "\033[31m"), "%s", text);
    const char *reason = strstr(text, "    one two");
    cr_assert(reason);
    const char *second = strchr(reason, '\n') + 1;
    cr_expect_leq(column_of_last(reason), 60);
    cr_expect(!strncmp(second, "    ", 4) && strstr(second, "thirteen"), "%s", reason);
    setenv("NO_COLOR", "1", 1);
    on_terminal(text, sizeof text);
    cr_expect_null(strchr(text, '\033'));
    setenv("NO_COLOR", "", 1);
    on_terminal(text, sizeof text);
    cr_expect(strchr(text, '\033'));
}

Test(report_junit, has_properties_and_the_way_back)
{
    char *text = to_memory(report_junit);
    cr_expect(strstr(text, "<property name=\"command\" value=\"otarig run &lt;a&amp;b&gt;\"/>"), "%s", text);
    cr_expect(strstr(text, "<property name=\"place\" value=\"p1\"/>"));
    cr_expect(strstr(text, "type=\"bricked\" message=\"one two"), "%s", text);
    cr_expect(strstr(text, ">fail bricked: one two three"), "%s", text);
    cr_expect(strstr(text, "G1 does not hold: no &lt;boot&gt;\nevidence in out/r/cases/b: console.bin, "
                           "journal.jsonl\nagain: otarig repro /"),
              "%s", text);
    cr_expect(strstr(text, "/out/r/cases/b</failure>"), "%s", text);
    cr_expect(strstr(text, "<system-out>[[ATTACHMENT|out/r/cases/b/console.bin]]</system-out>"), "%s", text);
    cr_expect(strstr(text, " file=\"scenarios/s.json\" time=\"2.500\">"), "%s", text);
    cr_expect(strstr(text, "<testsuites tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" "
                           "time=\"2.500\">"),
              "%s", text);
    free(text);
}
