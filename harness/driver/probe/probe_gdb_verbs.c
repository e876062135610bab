/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of the probe "gdb" that are about the connection and the core, and what each verb consists of.
 * The numbers are a Cortex-M's: ARMv7-M ARM C1.6 (DHCSR), C1.8 (DWT_FUNCTION0, 16 bytes apart). */
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/probe/probe_gdb.h"

#define CPUID 0xe000ed00u
#define DHCSR 0xe000edf0u
#define DWT_FUNCTION0 0xe0001028u
#define DWT_COMPARATORS 4u
#define DWT_MATCHED (1u << 24)
#define PC_NUMBER 15u
#define PC_LOCKUP 0xfffffffeu /* as a debugger reads it; ARMv6-M tells 0xeffffffe sometimes */
/* a core that does not stop is reset all the same */
#define HALT_LIMIT_US 1000000u

/* ---- greeting ---- */

static void supported_begin(struct gdb *gdb)
{
    gdb_ask(gdb, "qSupported:swbreak+;hwbreak+;vContSupported+;qXfer:memory-map:read+");
}

static void supported_reply(struct gdb *gdb, const char *text, size_t len)
{
    char value[24];
    gdb->packet_max = 400; /* what every server takes: all registers in hex */
    if (gdb_feature(text, "PacketSize", value, sizeof value)) {
        unsigned long size = strtoul(value, NULL, 16);
        gdb->packet_max = size < 128 ? 128 : size > 0x8000 ? 0x8000 : size;
    }
    gdb->has_map = gdb_feature(text, "qXfer:memory-map:read", value, sizeof value);
    gdb->no_acks = gdb_feature(text, "QStartNoAckMode", value, sizeof value);
    gdb_next(gdb);
}
static const struct gdb_step supported = {"greeting", supported_begin, supported_reply, NULL};

static void no_acks_begin(struct gdb *gdb)
{
    if (gdb->no_acks)
        gdb_ask(gdb, "QStartNoAckMode");
    else
        gdb_next(gdb);
}

static void no_acks_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (!strcmp(text, "OK"))
        gdb_link_no_acks(gdb->link);
    gdb_next(gdb);
}
static const struct gdb_step no_acks = {"greeting", no_acks_begin, no_acks_reply, NULL};

/* ---- monitor commands: gdb->words ---- */

static void words_ask(struct gdb *gdb)
{
    if (!gdb->words || !*gdb->words) {
        gdb_next(gdb);
        return;
    }
    char *hex = mem_alloc(2 * strlen(*gdb->words) + 1);
    gdb_hex((const uint8_t *)*gdb->words, strlen(*gdb->words), hex);
    gdb->printed[0] = 0;
    gdb_ask(gdb, "qRcmd,%s", hex);
    free(hex);
}

/* OK, or output in hex, which may also have come before. */
static void words_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (!len || text[0] == 'E') {
        gdb_refuse(gdb, "monitor %.80s: %.20s%s%.150s", *gdb->words,
                   len ? text : "not supported by the GDB server", gdb->printed[0] ? ": " : "", gdb->printed);
        return;
    }
    gdb->words++;
    words_ask(gdb);
}

static void attach_begin(struct gdb *gdb)
{
    gdb->words = gdb_kind_of(gdb->config)->attach;
    words_ask(gdb);
}
static const struct gdb_step attach_kind = {"attach", attach_begin, words_reply, NULL};

static void attach_own_begin(struct gdb *gdb)
{
    gdb->words = (const char *const *)gdb->config->attach;
    words_ask(gdb);
}
static const struct gdb_step attach_own = {"attach", attach_own_begin, words_reply, NULL};

static void attach_id_begin(struct gdb *gdb)
{
    long long id = gdb->config->attach_id ? gdb->config->attach_id : gdb_kind_of(gdb->config)->attach_id;
    char text[32];
    snprintf(text, sizeof text, "vAttach;%llx", id);
    if (id)
        gdb_ask_stop(gdb, text);
    else
        gdb_next(gdb);
}

static void stop_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (!gdb_stop_parse(text, len, &gdb->stop) || gdb->stop.kind == 'W' || gdb->stop.kind == 'X') {
        char why[200];
        snprintf(why, sizeof why, "the GDB server has no core to talk to: %.40s%s%.140s",
                 len ? text : "no answer", gdb->printed[0] ? ": " : "", gdb->printed);
        gdb_lose(gdb, "no-target", why);
        return;
    }
    gdb->running = false;
    gdb_next(gdb);
}
static const struct gdb_step attach_id = {"attach", attach_id_begin, stop_reply, NULL};

static void question_begin(struct gdb *gdb)
{
    gdb_ask_stop(gdb, "?");
}
static const struct gdb_step question = {"state", question_begin, stop_reply, NULL};

static void vcont_begin(struct gdb *gdb)
{
    gdb_ask(gdb, "vCont?");
}

static void vcont_reply(struct gdb *gdb, const char *text, size_t len)
{
    gdb->vcont = strstr(text, ";c") != NULL;
    gdb_next(gdb);
}
static const struct gdb_step vcont = {"greeting", vcont_begin, vcont_reply, NULL};

const struct gdb_step *const gdb_greeting[] = {&supported, &no_acks,  &attach_kind, &attach_own,
                                               &attach_id, &question, &vcont,       NULL};

/* ---- stop and go ---- */

static void halt_begin(struct gdb *gdb)
{
    if (!gdb->running) {
        gdb_next(gdb);
        return;
    }
    gdb->interrupted = true;
    gdb_link_interrupt(gdb->link);
}

static void nothing_asked(struct gdb *gdb, const char *text, size_t len)
{
    gdb_lose(gdb, "server", "the GDB server answers what nobody asked");
}
static const struct gdb_step halt = {"halt", halt_begin, nothing_asked, gdb_next};

static void halt_or_not_begin(struct gdb *gdb)
{
    halt_begin(gdb);
    if (gdb->interrupted)
        loop_timer_set(gdb->step_timer, clock_now_us() + HALT_LIMIT_US);
}
static const struct gdb_step halt_or_not = {"halt", halt_or_not_begin, nothing_asked, gdb_next};

static void halt_for_memory_begin(struct gdb *gdb)
{
    if (gdb_serves_running(gdb))
        gdb_next(gdb);
    else
        halt_begin(gdb);
}
static const struct gdb_step halt_for_memory = {"halt", halt_for_memory_begin, nothing_asked, gdb_next};

static void let_run_begin(struct gdb *gdb)
{
    if (!gdb->hold && !gdb->running)
        gdb_run_core(gdb);
    gdb_next(gdb);
}
const struct gdb_step gdb_let_run = {"resume", let_run_begin, nothing_asked, NULL};

static void hold_begin(struct gdb *gdb)
{
    gdb->hold = true;
    gdb_next(gdb);
}
static const struct gdb_step hold = {"halt", hold_begin, nothing_asked, NULL};

static void release_begin(struct gdb *gdb)
{
    gdb->hold = false;
    gdb_next(gdb);
}
static const struct gdb_step release = {"resume", release_begin, nothing_asked, NULL};

static void detach_begin(struct gdb *gdb)
{
    if (gdb->running)
        gdb_next(gdb);
    else
        gdb_ask(gdb, "D");
}

static void detach_reply(struct gdb *gdb, const char *text, size_t len)
{
    gdb_next(gdb);
}
static const struct gdb_step detach = {"detach", detach_begin, detach_reply, NULL};

/* ---- reset ---- */

static bool by_packet(const struct gdb *gdb)
{
    char *const *own = gdb->config->reset;
    return own ? own[0] && !strcmp(own[0], "R") && !own[1] : !gdb_kind_of(gdb->config)->reset;
}

static void extended_begin(struct gdb *gdb)
{
    if (by_packet(gdb))
        gdb_ask(gdb, "!");
    else
        gdb_next(gdb);
}

static void extended_reply(struct gdb *gdb, const char *text, size_t len)
{
    gdb_next(gdb);
}
static const struct gdb_step extended = {"reset", extended_begin, extended_reply, NULL};

/* R has no reply of its own: the state is asked for. */
static void reset_begin(struct gdb *gdb)
{
    gdb->interrupted = false;
    if (by_packet(gdb)) {
        gdb_link_tell(gdb->link, "R00");
        gdb_ask_stop(gdb, "?");
        return;
    }
    gdb->words =
        gdb->config->reset ? (const char *const *)gdb->config->reset : gdb_kind_of(gdb->config)->reset;
    words_ask(gdb);
}

static void reset_reply(struct gdb *gdb, const char *text, size_t len)
{
    gdb->running = false;
    if (by_packet(gdb))
        stop_reply(gdb, text, len);
    else
        words_reply(gdb, text, len);
}
/* a core that ran tells of its stop, too */
static void ignore_stop(struct gdb *gdb)
{
}
static const struct gdb_step reset = {"reset", reset_begin, reset_reply, ignore_stop};

static void erase_words_begin(struct gdb *gdb)
{
    gdb->words = (const char *const *)gdb->config->erase_all;
    words_ask(gdb);
}
static const struct gdb_step erase_words = {"erase-all", erase_words_begin, words_reply, NULL};

/* Without words: everything that the map calls flash, one range from the first to the last. */
static void whole_begin(struct gdb *gdb)
{
    gdb->from = gdb->at = gdb->to = 0;
    for (size_t i = 0; !gdb->config->erase_all && i < gdb->map.count; i++)
        if (gdb->map.regions[i].block)
            gdb->to = gdb->map.regions[i].start + gdb->map.regions[i].len;
    if (!gdb->to && !gdb->config->erase_all)
        gdb_refuse(gdb,
                   "no flash in the memory map of the GDB server, and no \"erase_all\" in the rack file");
    else
        gdb_next(gdb);
}
static const struct gdb_step whole = {"erase-all", whole_begin, nothing_asked, NULL};

/* ---- watchpoints ---- */

static char watch_type(enum probe_access access)
{
    return "234"[access]; /* Z2 write, Z3 read, Z4 any */
}

static void unwatch_begin(struct gdb *gdb)
{
    if (gdb->watched)
        gdb_ask(gdb, "z%c,%x,%x", watch_type(gdb->watch.access), gdb->watch.address, gdb->watch.len);
    else
        gdb_next(gdb);
}

static void unwatch_reply(struct gdb *gdb, const char *text, size_t len)
{
    gdb->watched = false;
    if (strcmp(text, "OK"))
        gdb_refuse(gdb, "removing the watchpoint at 0x%x: %.40s", gdb->watch.address, text);
    else
        gdb_next(gdb);
}
static const struct gdb_step unwatch = {"unwatch", unwatch_begin, unwatch_reply, NULL};

static void watch_begin(struct gdb *gdb)
{
    gdb_ask(gdb, "Z%c,%x,%x", watch_type(gdb->job.access), gdb->job.address, gdb->job.len);
}

static void watch_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (strcmp(text, "OK")) {
        gdb_refuse(gdb, "a watchpoint at 0x%x: %.40s", gdb->job.address,
                   text[0] ? text : "not supported by the GDB server");
        return;
    }
    gdb->watch = gdb->job;
    gdb->watch.count = gdb->job.count ? gdb->job.count : 1;
    gdb->watched = gdb->watching = true;
    gdb->hits = 0;
    gdb_next(gdb);
}
static const struct gdb_step watch = {"watch", watch_begin, watch_reply, NULL};

/* A server that does not say why the core stopped: the chip's comparators do. */
static void comparator_begin(struct gdb *gdb)
{
    if (gdb->stop.cause != GDB_NO_CAUSE || gdb->comparator == DWT_COMPARATORS)
        gdb_next(gdb);
    else
        gdb_ask(gdb, "m%x,4", DWT_FUNCTION0 + 16 * gdb->comparator);
}

static bool word_of(const char *text, size_t len, uint32_t *word)
{
    return gdb_register(text, len, 0, word);
}

static void comparator_reply(struct gdb *gdb, const char *text, size_t len)
{
    uint32_t word;
    gdb->comparator++;
    gdb->matched |= word_of(text, len, &word) && (word & DWT_MATCHED);
    gdb_again(gdb);
}
static const struct gdb_step comparators = {"watch", comparator_begin, comparator_reply, NULL};

static void pc_begin(struct gdb *gdb)
{
    if (gdb->no_p)
        gdb_ask(gdb, "g");
    else
        gdb_ask(gdb, "p%x", PC_NUMBER);
}

static void pc_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (gdb_register(text, len, gdb->no_p ? PC_NUMBER : 0, &gdb->pc)) {
        gdb_next(gdb);
    } else if (!gdb->no_p) {
        gdb->no_p = true;
        gdb_again(gdb);
    } else {
        gdb_lose(gdb, "no-target", "the registers of the core cannot be read");
    }
}
static const struct gdb_step pc = {"registers", pc_begin, pc_reply, NULL};

static void value_begin(struct gdb *gdb)
{
    if (gdb->watch.match_value)
        gdb_ask(gdb, "m%x,4", gdb->watch.address);
    else
        gdb_next(gdb);
}

static void value_reply(struct gdb *gdb, const char *text, size_t len)
{
    uint32_t word;
    if (word_of(text, len, &word) && word != gdb->watch.value)
        gdb_looked(gdb, false, NULL);
    else
        gdb_next(gdb);
}
static const struct gdb_step value = {"watch", value_begin, value_reply, NULL};

static void decide_begin(struct gdb *gdb)
{
    char other[80];
    bool hit = gdb->stop.cause == GDB_WATCH || (gdb->stop.cause == GDB_NO_CAUSE && gdb->matched);
    snprintf(other, sizeof other, "the core halted at 0x%x, and not at the watchpoint (signal %u)", gdb->pc,
             gdb->stop.signal);
    gdb_looked(gdb, hit, hit || gdb->interrupted ? NULL : other);
}
static const struct gdb_step decide = {"watch", decide_begin, nothing_asked, NULL};

/* A core that stopped before the access makes it now, with the watchpoint out of its way. */
static bool stands_before(const struct gdb *gdb)
{
    return gdb_kind_of(gdb->config)->stops_before && gdb->stop.cause == GDB_WATCH;
}

static void ask_aside(struct gdb *gdb, char insert)
{
    if (stands_before(gdb))
        gdb_ask(gdb, "%c%c,%x,%x", insert, watch_type(gdb->watch.access), gdb->watch.address, gdb->watch.len);
    else
        gdb_next(gdb);
}

static void aside_begin(struct gdb *gdb)
{
    ask_aside(gdb, 'z');
}

static void back_begin(struct gdb *gdb)
{
    ask_aside(gdb, 'Z');
}

static void aside_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (strcmp(text, "OK"))
        gdb_lose(gdb, "server", "the GDB server does not let its watchpoint be stepped over");
    else
        gdb_next(gdb);
}
static const struct gdb_step aside = {"watch", aside_begin, aside_reply, NULL};
static const struct gdb_step back = {"watch", back_begin, aside_reply, NULL};

static void over_begin(struct gdb *gdb)
{
    if (stands_before(gdb))
        gdb_ask_stop(gdb, "s");
    else
        gdb_next(gdb);
}

static void over_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (text[0] != 'T' && text[0] != 'S')
        gdb_lose(gdb, "server", "the GDB server does not step over its watchpoint");
    else
        gdb_next(gdb);
}
static const struct gdb_step over = {"watch", over_begin, over_reply, NULL};

const struct gdb_step *const gdb_look[] = {&aside, &over, &back, &comparators, &pc, &value, &decide, NULL};

/* ---- a sample ---- */

static void dhcsr_begin(struct gdb *gdb)
{
    gdb->dhcsr_known = false;
    if (gdb->hold)
        gdb_refuse(gdb, "the core is halted");
    else if (gdb->running && gdb_serves_running(gdb) && gdb->config->alive == CPUID)
        gdb_ask(gdb, "m%x,4", DHCSR);
    else
        gdb_next(gdb);
}

static void dhcsr_reply(struct gdb *gdb, const char *text, size_t len)
{
    gdb->dhcsr_known = word_of(text, len, &gdb->dhcsr) && gdb->dhcsr != UINT32_MAX;
    gdb_next(gdb);
}
static const struct gdb_step dhcsr = {"sample", dhcsr_begin, dhcsr_reply, NULL};

/* What stands before and at the PC: a core that waited for an interrupt stands at its WFI or behind it. */
static void code_begin(struct gdb *gdb)
{
    gdb->code = 0;
    if ((gdb->pc | 0x10000000) == PC_LOCKUP || gdb->pc < 2)
        gdb_next(gdb);
    else
        gdb_ask(gdb, "m%x,4", (gdb->pc & ~1u) - 2);
}

static void code_reply(struct gdb *gdb, const char *text, size_t len)
{
    if (!word_of(text, len, &gdb->code))
        gdb->code = 0;
    gdb_next(gdb);
}
static const struct gdb_step code = {"sample", code_begin, code_reply, NULL};

/* ---- verbs ---- */

#define LIST(...)                                                                                            \
    (const struct gdb_step *const[])                                                                         \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }
#define HALTED_AT_RESET &halt_or_not, &extended, &reset, &hold
const struct gdb_step *const *const gdb_verbs[PROBE_VERBS] = {
    [PROBE_ATTACH] = LIST(&halt_for_memory, &gdb_alive, &gdb_let_run),
    [PROBE_DETACH] = LIST(&detach),
    [PROBE_PROGRAM] =
        LIST(HALTED_AT_RESET, &gdb_map_step, &gdb_erase, &gdb_write, &gdb_flash_done, &gdb_verify),
    [PROBE_VERIFY] = LIST(&halt_for_memory, &gdb_verify, &gdb_let_run),
    [PROBE_DUMP] = LIST(&halt_for_memory, &gdb_dump, &gdb_let_run),
    [PROBE_READ] = LIST(&halt_for_memory, &gdb_read_step, &gdb_let_run),
    [PROBE_WRITE] = LIST(&halt_for_memory, &gdb_write_word, &gdb_let_run),
    [PROBE_ERASE_ALL] =
        LIST(HALTED_AT_RESET, &gdb_map_step, &whole, &erase_words, &gdb_erase, &gdb_flash_done),
    [PROBE_ERASE] = LIST(&halt, &hold, &gdb_map_step, &gdb_erase, &gdb_flash_done),
    [PROBE_RESET_RUN] = LIST(&halt_or_not, &extended, &reset, &release, &gdb_let_run),
    [PROBE_RESET_HALT] = LIST(HALTED_AT_RESET),
    [PROBE_HALT] = LIST(&halt, &hold),
    [PROBE_RESUME] = LIST(&release, &gdb_let_run),
    /* a watchpoint set before a reset may be gone after it */
    [PROBE_WATCH] = LIST(&halt, &unwatch, &extended, &reset, &watch, &release, &gdb_let_run),
    [PROBE_UNWATCH] = LIST(&halt, &unwatch, &release, &gdb_let_run),
    [PROBE_SAMPLE] = LIST(&dhcsr, &halt, &pc, &code, &gdb_let_run),
};
