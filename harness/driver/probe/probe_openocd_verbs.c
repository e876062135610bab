/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/probe/probe_openocd_verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/escape.h"
#include "harness/base/mem.h"

#define SLOW_US 45000000u      /* also on a busy host */
#define MASS_US 60000000u      /* large chips erase for tens of seconds */
#define BYTES_PER_SECOND 4096u /* of a slow probe; 1 MiB through a bit-banged JTAG takes 25 s */
#define FAST_US 10000000u

/* %a address  %n length  %x length in hex  %v value  %p path  %w access  %m value to match, if any
 * %e the word that erases before, where that is needed
 * %u removes the watchpoint that is set  %E, %R the config's erase and recover commands
 *
 * Background polling is off, so OpenOCD does not notice what the core did meanwhile: `arp_poll` first,
 * wherever a command decides by the core's state. (It complains when it finds the core locked up.)
 * `capture` gives a command's log output instead of its result when there is any: results are echoed with a
 * mark. */
#define LOOK "catch {[target current] arp_poll}"
static const struct verb {
    uint64_t limit_us;
    const char *steps[OPENOCD_COMMANDS_MAX];
} verbs[PROBE_VERBS] = {
    [PROBE_ATTACH] = {FAST_US, {LOOK}},
    [PROBE_DETACH] = {FAST_US, {NULL}},
    [PROBE_PROGRAM] = {SLOW_US, {"reset halt", "flash write_image%e %p %a bin", "verify_image %p %a bin"}},
    [PROBE_VERIFY] = {SLOW_US, {LOOK, "verify_image %p %a bin"}},
    [PROBE_DUMP] = {SLOW_US, {"dump_image %p %a %x"}},
    [PROBE_READ] = {FAST_US, {"echo \"@hex [read_memory %a 8 %n]\""}},
    [PROBE_WRITE] = {FAST_US, {"mww %a %v"}},
    [PROBE_ERASE_ALL] = {MASS_US, {"if {[catch {reset halt}]} {%R; reset halt}", "%E"}},
    [PROBE_ERASE] = {MASS_US, {LOOK, "halt", "flash erase_address %a %x"}},
    [PROBE_RESET_RUN] = {FAST_US, {"reset run"}},
    [PROBE_RESET_HALT] = {FAST_US, {"reset halt"}},
    [PROBE_HALT] = {FAST_US, {LOOK, "halt"}},
    [PROBE_RESUME] = {FAST_US, {LOOK, "if {[[target current] curstate] ne {running}} resume"}},
    /* a watchpoint set before a reset would be gone after it */
    [PROBE_WATCH] = {FAST_US, {"%u", "reset halt", "wp %a %n %w%m", "resume"}},
    [PROBE_UNWATCH] = {FAST_US, {LOOK, "halt", "%u", "resume"}},
    /* Halted for the reading of one register only, and without telling OpenOCD, which would read them all.
     * ARMv7-M ARM C1.6: DHCSR (C_DEBUGEN 0, C_HALT 1), DCRSR register 15, DCRDR. */
    [PROBE_SAMPLE] = {FAST_US,
                      {"set _d [read_memory 0xe000edf0 32 1]; set _p {}; "
                       "if {!($_d & 0x20000)} {mww 0xe000edf0 0xa05f0003; "
                       "if {[read_memory 0xe000edf0 32 1] & 0x20000} "
                       "{mww 0xe000edf4 15; set _p [read_memory 0xe000edf8 32 1]}; "
                       "mww 0xe000edf0 0xa05f0001}; echo \"@sample $_d $_p\""}},
};

static void fill(FILE *out, char place, const struct openocd_config *config, const struct probe_job *job,
                 int64_t watched)
{
    char *word;
    switch (place) {
    case 'a':
        fprintf(out, "0x%x", job->address);
        break;
    case 'n':
        fprintf(out, "%u", job->len);
        break;
    case 'x':
        fprintf(out, "0x%x", job->len);
        break;
    case 'v':
        fprintf(out, "0x%x", job->value);
        break;
    case 'p':
        word = escape_tcl(job->path);
        fputs(word, out);
        free(word);
        break;
    case 'w':
        fputc("wra"[job->access], out);
        break;
    case 'm':
        if (job->match_value)
            fprintf(out, " 0x%x", job->value);
        break;
    case 'e':
        fputs(job->blank ? "" : " erase", out);
        break;
    case 'u':
        if (watched >= 0)
            fprintf(out, "rwp 0x%x", (unsigned)watched);
        break;
    case 'E':
        fputs(config->erase_all, out);
        break;
    case 'R':
        fputs(config->recover, out);
        break;
    }
}

void openocd_verb_build(const struct openocd_config *config, const struct probe_job *job, int64_t watched,
                        char *commands[OPENOCD_COMMANDS_MAX + 1])
{
    int count = 0;
    for (int i = 0; i < OPENOCD_COMMANDS_MAX && verbs[job->verb].steps[i]; i++) {
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        if (!out)
            abort();
        for (const char *at = verbs[job->verb].steps[i]; *at; at++)
            if (*at == '%')
                fill(out, *++at, config, job, watched);
            else
                fputc(*at, out);
        fclose(out);
        if (len)
            commands[count++] = text;
        else
            free(text);
    }
    commands[count] = NULL;
}

/* `init` is content when the debug port answers and the core does not: a locked chip. Erasing is the way
 * out. */
const char *openocd_init(enum probe_verb verb)
{
    return verb == PROBE_ERASE_ALL ? "catch {init}; poll off"
                                   : "init; poll off; if {![[target current] was_examined]} {error locked}";
}

uint64_t openocd_verb_limit_us(const struct probe_job *job)
{
    struct stat info = {0};
    uint64_t bytes = job->len;
    if ((job->verb == PROBE_PROGRAM || job->verb == PROBE_VERIFY) && job->path && !stat(job->path, &info))
        bytes = 2 * (uint64_t)info.st_size; /* written, then read back */
    return verbs[job->verb].limit_us + bytes * 1000000 / BYTES_PER_SECOND;
}

/* ---- watching ---- */

/* OpenOCD would read all registers at each halt, 20 ms on a bit-banged JTAG, while the board stands still. So
 * it is not told: with polling off it takes the core for running until the next LOOK. ARMv7-M ARM, C1.6 and
 * C1.8: DHCSR (S_HALT 17), DCRSR and DCRDR (register 15 is the PC), DFSR, DWT_FUNCTION0..3 (MATCHED 24,
 * clears on read). A read of a comparator that a small core lacks must not spoil the answer of the others. */
#define STATE                                                                                                \
    "set _d [read_memory 0xe000edf0 32 1]; set _f {}; "                                                      \
    "if {$_d & 0x20000} {foreach _a {0xe0001028 0xe0001038 0xe0001048 0xe0001058} "                          \
    "{if {![catch {set _v [read_memory $_a 32 1]}]} {lappend _f $_v; if {$_v & 0x1000000} break}}; "         \
    "mww 0xe000edf4 15; lappend _f pc [read_memory 0xe000edf8 32 1]}; echo \"@watch $_d $_f\""
const char openocd_watch_poll[] = STATE;
const char openocd_watch_resume[] = "mww 0xe000ed30 0x1f; mww 0xe000edf0 0xa05f0001; " STATE;
const char openocd_let_go[] = LOOK "; resume";

enum openocd_watch openocd_watch_parse(const char *reply, uint32_t *pc)
{
    const char *at = strstr(reply, "@watch 0x");
    if (!at)
        return OPENOCD_GONE;
    at += 7;
    unsigned long dhcsr = strtoul(at, NULL, 16);
    if (dhcsr == 0xffffffff)
        return OPENOCD_GONE;
    if (!(dhcsr & 1u << 17))
        return OPENOCD_RUNS;
    const char *pc_text = strstr(at, "pc 0x"), *word = at;
    *pc = pc_text ? (uint32_t)strtoul(pc_text + 3, NULL, 16) : 0;
    while ((word = strstr(word + 2, "0x")) && (!pc_text || word < pc_text))
        if (strtoul(word, NULL, 16) & 1u << 24)
            return OPENOCD_HIT;
    return OPENOCD_OTHER_HALT;
}

char *openocd_read_parse(const char *reply)
{
    const char *at = strstr(reply, "@hex ");
    if (!at)
        return NULL;
    char *hex = mem_alloc(strlen(at) + 1);
    size_t len = 0;
    for (at = strstr(at, "0x"); at; at = strstr(at + 2, "0x"))
        len += (size_t)sprintf(hex + len, "%02x", (unsigned)strtoul(at, NULL, 16) & 0xff);
    return hex;
}

bool openocd_sample_parse(const char *reply, uint32_t *dhcsr, uint32_t *pc)
{
    const char *at = strstr(reply, "@sample 0x");
    char *end;
    if (!at)
        return false;
    *dhcsr = (uint32_t)strtoul(at + 8, &end, 16);
    *pc = (uint32_t)strtoul(end, NULL, 16);
    return *dhcsr != 0xffffffff && !(*dhcsr & 1u << 17) && !strncmp(end, " 0x", 3);
}

/* ---- errors ---- */

static bool has_one_of(const char *text, size_t len, const char *const *list)
{
    for (; *list; list++)
        if (memmem(text, len, *list, strlen(*list)))
            return true;
    return false;
}

/* Words of OpenOCD 0.12 for each kind of failure. */
static const char *const no_target[] = {"Invalid ACK",
                                        "interrogation failed",
                                        "IR capture error",
                                        "not examined",
                                        "Debug regions are unpowered",
                                        "Could not find MEM-AP",
                                        "Could not initialize the debug port",
                                        "Error connecting DP",
                                        "cannot read IDR",
                                        "examination failed",
                                        "Target not halted, examination",
                                        "DAP transaction stalled",
                                        NULL};
static const char *const locked[] = {"AP lock engaged", NULL};
static const char *const no_server[] = {"Error on socket",
                                        "remote_bitbang",
                                        "Could not open serial port",
                                        "Buspirate error",
                                        "Error reading data",
                                        "Error sending data",
                                        "error writing :(",
                                        "unable to open",
                                        "unable to find",
                                        "no device found",
                                        "LIBUSB_ERROR",
                                        "open failed",
                                        "must be used after 'init'",
                                        NULL};

const char *openocd_reason(const char *text)
{
    size_t len = strlen(text);
    /* the greeting names the driver: only what follows it counts */
    const char *greeting = strstr(text, "remote_bitbang driver initialized");
    if (has_one_of(text, len, locked))
        return "refused";
    if (has_one_of(text, len, no_target))
        return "no-target";
    return !greeting && has_one_of(text, len, no_server) ? "server" : "refused";
}

bool openocd_spoilt(const char *text)
{
    return strcmp(openocd_reason(text), "refused") != 0;
}

void openocd_error_line(const char *text, char *line, size_t size)
{
    static const char *const chatter[] = {"remote_bitbang", "Connecting to", "configurable speed", "gdb port",
                                          NULL};
    const char *best = "";
    size_t best_len = 0;
    for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        size_t len = strcspn(at, "\n");
        if (!len || has_one_of(at, len, chatter))
            continue;
        best = at;
        best_len = len;
        if (has_one_of(at, len, locked) || has_one_of(at, len, no_target) || has_one_of(at, len, no_server))
            break;
    }
    snprintf(line, size, "%.*s", (int)(best_len < 200 ? best_len : 200), best);
}
