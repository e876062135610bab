/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stock application: Zephyr's banner, some lines of log, MCUmgr over the console. It does not say which
 * image it is; who wants to know asks for the image list. */
#include "common/flash.h"
#include "common/layout.h"
#include "common/nrf52840.h"
#include "common/settings.h"
#include "common/smp.h"
#include "common/sys.h"
#include "stock/app.h"
#include "stock/log.h"
#include "stock/trailer.h"

#define TICK_MS 100
#define AUTO_CONFIRM_MS 500
#define GIVE_UP_MS 1000

static void misbehave(void)
{
    if (app_config.crash)
        __builtin_trap();
    if (app_config.hang) {
        __asm volatile("cpsid i");
        for (;;)
#ifdef DEFECT_HANG_ASLEEP_WITHOUT_WATCHDOG
            __asm volatile(
                "wfi"); /* as handlers of faults and asserts do: to a probe it waits like a healthy one */
#else
            ;
#endif
    }
}

/* As Zephyr's clock driver: RC first, so that time runs at once, then the crystal. */
static void start_crystal(void)
{
    while (!(CLOCK_LFCLKSTAT & 1u << 16)) /* it may run since the boot loader */
        ;
    CLOCK_EVENTS_LFCLKSTARTED = 0;
    CLOCK_LFCLKSRC = 1;
    CLOCK_TASKS_LFCLKSTART = 1;
}

static void greet(void)
{
#ifdef ODD_OLD_BANNER
    log_raw("*** Booting Zephyr OS build v3.5.0 ***");
#else
    log_raw("*** Booting Zephyr OS build v4.3.0 ***");
#endif
    log_app(LOG_INF, "smp_sample", "build time: Nov 20 2026 10:11:12");
}

#ifdef ODD_NOISY
static void make_noise(uint32_t now_ms)
{
    static uint32_t last_ms, count;
    if (now_ms - last_ms < 100)
        return;
    last_ms = now_ms;
    for (int i = 0; i < 4; i++)
        log_app(LOG_DBG, "sensor", "sample %u: raw=0x%x filtered=%u", count++, now_ms * 2654435761u,
                now_ms % 1000);
}
#endif

#ifdef ODD_SLOW
static void take_your_time(void)
{
    uint32_t from = tick_now_ms();
    while (tick_now_ms() - from < 10000) {
        watchdog_feed();
        wait_for_interrupt();
    }
}
#endif

static bool self_confirming(void)
{
#ifdef ODD_SELF_CONFIRMING
    return true;
#else
    return app_config.auto_confirm;
#endif
}

#ifdef DEFECT_CONFIRM_WRITTEN_LATER
extern bool images_confirm_due;
static void write_what_is_due(uint32_t now_ms)
{
    static uint32_t due_ms;
    if (!images_confirm_due)
        due_ms = now_ms;
    else if (now_ms - due_ms > 300)
        images_confirm();
}
#endif

static void trial(uint32_t now_ms)
{
#ifdef DEFECT_CONFIRM_WRITTEN_LATER
    write_what_is_due(now_ms);
#endif
    if (!trailer_on_trial())
        return;
    if (!images_selftest_passed && now_ms > GIVE_UP_MS) {
        log_app(LOG_ERR, "smp_sample", "self-test failed");
        reset_chip();
    }
    if (images_selftest_passed && self_confirming() && now_ms > AUTO_CONFIRM_MS)
        images_confirm();
}

int main(void)
{
    __asm volatile("cpsie i");
    uart_open();
    misbehave();
    tick_open(TICK_MS);
    start_crystal();
    smp_dead = app_config.dead_updater;
#ifdef ODD_SLOW
    take_your_time();
#endif
    greet();
#ifdef DEFECT_CONFIRM_BEFORE_SELFTEST
    images_confirm();
#endif
    settings_open();
    images_selftest_passed = smp_selftest() && !app_config.bad_selftest;
    uart_receive(smp_byte);
    for (;;) {
        watchdog_feed();
        smp_poll();
        if (smp_wants_reset())
            reset_chip();
        trial(tick_now_ms());
#ifdef ODD_NOISY
        make_noise(tick_now_ms());
#endif
        /* with interrupts off, so that a byte cannot slip in between the look and the sleep; WFI wakes all
         * the same */
        __asm volatile("cpsid i" ::: "memory");
        if (!smp_pending())
            wait_for_interrupt();
        __asm volatile("cpsie i" ::: "memory");
    }
}
