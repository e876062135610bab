/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shell application: says nothing but its prompt, and answers what is typed. */
#include "common/config.h"
#include "common/flash.h"
#include "common/image.h"
#include "common/layout.h"
#include "common/nrf52840.h"
#include "common/settings.h"
#include "common/sys.h"
#include "shell/records.h"

#define TICK_MS 100
#define AUTO_CONFIRM_MS 500
#define GIVE_UP_MS 1000
#define PROMPT "uart:~$ "

static bool selftest_passed;

static uint32_t my_slot(void)
{
    return record_get().slot ? SLOT_B : SLOT_A;
}

static void say(const char *format, ...)
{
    char line[160];
    va_list args;
    va_start(args, format);
    size_t len = text_format(line, sizeof line - 2, format, args);
    va_end(args);
    line[len++] = '\r';
    line[len++] = '\n';
    uart_put(line, len);
}

/* ---- commands ---- */

static void tell_version(void)
{
    struct image_info info;
    image_parse(my_slot(), &info);
#ifdef DEFECT_WRONG_VERSION_REPORTED
    say("version 1.0.0"); /* "that is what it says in the Makefile" */
#else
    say("version %u.%u.%u", info.header->major, info.header->minor, info.header->revision);
#endif
}

static void tell_status(void)
{
    struct record record = record_get();
    say("slot %s, %s", record.slot ? "B" : "A", record.state == RECORD_CONFIRMED ? "confirmed" : "on trial");
}

static void tell_data(void)
{
    say("data %x", settings_print());
}

#ifdef DEFECT_CONFIRM_WRITTEN_LATER
static bool confirm_due; /* "writes are collected, the flash lives longer" */
#endif

static void do_confirm(void)
{
    struct record record = record_get();
    if (!selftest_passed) {
        say("self-test failed");
        return;
    }
#ifdef DEFECT_CONFIRM_WRITTEN_LATER
    confirm_due = true;
    say("confirmed");
    return;
#endif
    if (record.state != RECORD_CONFIRMED)
        record_put(RECORD_CONFIRMED, record.slot);
#ifdef DEFECT_SETTINGS_REWRITTEN_ON_CONFIRM
    settings_rewrite(); /* "the new version goes into the settings" */
#endif
    say("confirmed");
}

static void do_update(void)
{
    if (app_config.dead_updater)
        return;
    POWER_GPREGRET = WANTS_UPDATE;
    reset_chip();
}

static void do_reset(void)
{
    reset_chip();
}

static void help(void);

static const struct {
    const char *name;
    void (*run)(void);
} commands[] = {{"help", help},      {"version", tell_version}, {"status", tell_status},
                {"data", tell_data}, {"confirm", do_confirm},   {"update", do_update},
                {"reset", do_reset}};
#define COMMANDS (sizeof commands / sizeof *commands)

static void help(void)
{
    for (uint32_t i = 0; i < COMMANDS; i++)
        say("  %s", commands[i].name);
}

static void obey(const char *line)
{
    for (uint32_t i = 0; i < COMMANDS; i++)
        if (strlen(line) == strlen(commands[i].name) && !memcmp(line, commands[i].name, strlen(line))) {
            commands[i].run();
            return;
        }
    if (*line)
        say("%s: command not found", line);
}

/* ---- line editor: it echoes, knows backspace, and takes CR, LF or both ---- */

static volatile uint32_t ring_head, ring_tail;
static uint8_t ring[256];

static void take_byte(uint8_t byte)
{
    uint32_t next = (ring_head + 1) % sizeof ring;
    if (next == ring_tail)
        return;
    ring[ring_head] = byte;
    ring_head = next;
}

static void edit(uint8_t byte)
{
    static char line[80];
    static uint32_t len;
    static uint8_t before;
    bool second = byte == '\n' && before == '\r';
    before = byte;
    if (second)
        return;
    if (byte == '\r' || byte == '\n') {
        uart_text("\r\n");
        line[len] = 0;
        len = 0;
        obey(line);
        uart_text(PROMPT);
    } else if ((byte == 8 || byte == 127) && len) {
        len--;
        uart_text("\b \b");
    } else if (byte >= ' ' && byte < 127 && len < sizeof line - 1) {
        line[len++] = (char)byte;
        uart_put(&byte, 1);
    }
}

/* ---- life ---- */

static void misbehave(void)
{
    if (app_config.crash)
        __builtin_trap();
    if (app_config.hang) {
        __asm volatile("cpsid i");
        for (;;)
            ;
    }
}

#ifdef DEFECT_CONFIRM_WRITTEN_LATER
static void write_what_is_due(uint32_t now_ms)
{
    static uint32_t due_ms;
    if (!confirm_due)
        due_ms = now_ms;
    else if (now_ms - due_ms > 300) {
        confirm_due = false;
        record_put(RECORD_CONFIRMED, record_get().slot);
    }
}
#endif

static void trial(uint32_t now_ms)
{
#ifdef DEFECT_CONFIRM_WRITTEN_LATER
    write_what_is_due(now_ms);
#endif
    if (record_get().state == RECORD_CONFIRMED)
        return;
    if (!selftest_passed && now_ms > GIVE_UP_MS)
        reset_chip(); /* the loader goes back */
    if (selftest_passed && app_config.auto_confirm && now_ms > AUTO_CONFIRM_MS)
        do_confirm();
}

int main(void)
{
    __asm volatile("cpsie i");
    uart_open();
    misbehave();
    tick_open(TICK_MS);
    settings_open();
#ifdef DEFECT_TRIED_BY_APPLICATION
    if (record_get().state == RECORD_PENDING)
        record_put(RECORD_TRIED, record_get().slot);
#endif
#ifdef DEFECT_OLD_SLOT_ERASED_EARLY
    if (record_get().state != RECORD_CONFIRMED)
        flash_erase(record_get().slot ? SLOT_A : SLOT_B); /* "the next update comes faster" */
#endif
    selftest_passed = !app_config.bad_selftest && !app_config.dead_updater;
#ifdef DEFECT_CONFIRM_BEFORE_SELFTEST
    if (record_get().state != RECORD_CONFIRMED)
        record_put(RECORD_CONFIRMED, record_get().slot);
#endif
    uart_text(PROMPT);
    uart_receive(take_byte);
    for (;;) {
        watchdog_feed();
        while (ring_tail != ring_head) {
            uint8_t byte = ring[ring_tail];
            ring_tail = (ring_tail + 1) % sizeof ring;
            edit(byte);
        }
        trial(tick_now_ms());
        __asm volatile("cpsid i" ::: "memory");
        if (ring_tail == ring_head)
            wait_for_interrupt();
        __asm volatile("cpsie i" ::: "memory");
    }
}
