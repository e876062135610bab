/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The demo application: says what it is, keeps its data, tests itself, takes updates. */
#include "app/app.h"
#include "common/flash.h"
#include "common/image.h"
#include "common/layout.h"
#include "common/nrf52840.h"
#include "common/state.h"
#include "common/sys.h"

#define TICK_MS 100
#define AUTO_CONFIRM_MS 500
#define GIVE_UP_MS 1000

static void say_who(void)
{
    struct image_info info;
    image_parse(SLOT0, &info);
    uint32_t major = info.header->major;
#ifdef DEFECT_TELLS_ANOTHER_VERSION
    major = 1; /* a constant that nobody thought of when version 2 was made */
#endif
    uart_print("APP start version=%u.%u.%u hash=%h confirmed=%u", major, info.header->minor,
               info.header->revision, info.hash, !state_on_trial());
}

static void say_report(void)
{
    if (state_is(STATE_REFUSED))
        uart_print("APP report last=rejected:%s", image_fault_names[state_reason() % 7]);
#ifdef DEFECT_SILENT_REVERT
    else if (state_is(STATE_REVERTED))
        uart_text("APP report last=none\n"); /* "nothing changed, so nobody has to know" */
#endif
    else if (state_is(STATE_REVERTED))
        uart_text("APP report last=reverted\n");
    else if (state_is(STATE_SWAPPED))
        uart_text("APP report last=swapped\n");
    else
        uart_text("APP report last=none\n");
}

#if defined DEFECT_HANGS_AFTER_ITS_FIRST_START || defined DEFECT_EVERY_OTHER_START_HANGS
/* "so that the cause can be looked at": hangs in the life `which` after an update was taken back, with a
 * content watchdog. The lives are words in the counter page. */
static void hang_in_life(uint32_t which)
{
    uint32_t at = COUNTERS + 0x800, life = 0;
    for (; at < COUNTERS + PAGE_LEN && flash_word(at) != 0xffffffff; at += 4)
        life++;
    if (!state_is(STATE_REVERTED))
        return;
    flash_write(at, 0);
    while (life == which)
        watchdog_feed();
}
#endif

static void open_data(void)
{
    static const char *const names[] = {"ok", "migrated", "new", "lost"};
    uint32_t format, print;
    /* an image on trial leaves the data as the old one knows them */
#ifdef DEFECT_DATA_LOST_ON_MIGRATION
    data_migrate();
#else
    if (!state_on_trial())
        data_migrate();
#endif
    enum data_state state = data_open(&format, &print);
    uart_print("APP data %s version=%u print=%x", names[state], format, print);
}

static bool selftest(void)
{
    bool updater = smp_selftest() && upload_selftest();
#ifdef DEFECT_UPDATER_DEAD_IN_V2
    updater = true; /* "the updater did not change" */
#endif
    return updater && !app_config.bad_selftest;
}

static void confirm(void)
{
    state_set(STATE_CONFIRMED);
    data_migrate();
    uart_text("APP confirmed\n");
}

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
extern bool app_confirm_due;
static void write_what_is_due(uint32_t now_ms)
{
    static uint32_t due_ms;
    if (!app_confirm_due)
        due_ms = now_ms;
    else if (now_ms - due_ms > 300) {
        app_confirm_due = false;
        confirm();
    }
}
#endif

/* What has to happen some time after the start. */
static void trial(uint32_t now_ms)
{
#ifdef DEFECT_CONFIRM_WRITTEN_LATER
    write_what_is_due(now_ms);
#endif
#ifdef DEFECT_RESTARTS_AFTER_REVERT
    if (state_is(STATE_REVERTED) && now_ms > GIVE_UP_MS)
        reset_chip(); /* "the trial has failed": it is long over */
#endif
    if (!state_on_trial())
        return;
    if (!app_selftest_passed && now_ms > GIVE_UP_MS) {
        uart_text("APP gives up\n");
        reset_chip(); /* the boot loader takes the old image back */
    }
    if (app_selftest_passed && app_config.auto_confirm && now_ms > AUTO_CONFIRM_MS)
        confirm();
}

#ifdef DEFECT_BOOT_COUNTER_EATS_GOOD_SLOT
static void sign_of_life(void)
{
    uint32_t at = COUNTERS + 0x800;
    while (at < COUNTERS + PAGE_LEN - 8 && flash_word(at + 8) != 0xffffffff)
        at += 8;
    flash_write(at + 4, 1);
}
#endif

#ifdef DEFECT_WEDGE_ON_STALLED_UPLOAD
/* "The rest of it will come": waits for ever, and keeps the watchdog content. */
static void await_rest(void)
{
    static uint32_t heard_ms;
    if (smp_pending())
        heard_ms = tick_now_ms();
    if (upload_underway() && tick_now_ms() - heard_ms > 800)
        for (;;)
            watchdog_feed();
}
#endif

int main(void)
{
    __asm volatile("cpsie i");
    uart_open();
    misbehave();
    smp_dead = app_config.dead_updater;
#ifdef DEFECT_UPDATER_DEAD_AFTER_SECOND_UPDATE
    smp_dead |= state_over() && state_page() && flash_word(state_page() + 4) >= 2;
#endif
#ifdef DEFECT_EVERY_OTHER_START_HANGS
    hang_in_life(1);
#endif
    say_who();
#ifdef DEFECT_BOOT_COUNTER_EATS_GOOD_SLOT
    sign_of_life();
#endif
    say_report();
#ifdef DEFECT_CONFIRM_BEFORE_SELFTEST
    if (state_on_trial())
        confirm();
#endif
    open_data();
    app_selftest_passed = selftest();
    uart_print("APP selftest %s", app_selftest_passed ? "ok" : "failed");
    tick_open(TICK_MS);
#ifdef DEFECT_HANGS_AFTER_ITS_FIRST_START
    hang_in_life(0);
#endif
    uart_receive(smp_byte);
    for (;;) {
        watchdog_feed();
#ifdef DEFECT_WEDGE_ON_STALLED_UPLOAD
        await_rest();
#endif
        smp_poll();
        if (smp_wants_reset())
            reset_chip();
        trial(tick_now_ms());
#ifdef DEFECT_WAITS_IN_A_LOOP
        /* no defect but for the battery: to a probe it looks like a hang */
        for (uint32_t from = tick_now_ms(); !smp_pending() && tick_now_ms() - from < 5 * TICK_MS;)
            ;
#else
        /* with interrupts off, so that a byte cannot slip in between the look and the sleep; WFI wakes all
         * the same */
        __asm volatile("cpsid i" ::: "memory");
        if (!smp_pending())
            wait_for_interrupt();
        __asm volatile("cpsie i" ::: "memory");
#endif
    }
}
