/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boot loader: finish what was begun, decide which image runs, prove it authentic, start it. */
#include "boot/swap.h"
#include "common/flash.h"
#include "common/image.h"
#include "common/layout.h"
#include "common/nrf52840.h"
#include "common/state.h"
#include "common/sys.h"

#ifdef DEFECT_SLOW_WATCHDOG
#define WATCHDOG_MS 20000 /* "an update takes long" */
#else
#define WATCHDOG_MS 4000
#endif

static void print_version(const char *what, const struct image_info *info)
{
    const struct image_header *header = info->header;
    uart_print("%s version=%u.%u.%u", what, header->major, header->minor, header->revision);
}

#ifdef DEFECT_VERIFIED_ONLY_AFTER_WARM_RESET
static bool cold; /* "who switches it on has a good image in it" */
#define image_check(slot, floor, info) (cold ? image_parse(slot, info) : image_check(slot, floor, info))
#endif

static enum image_fault check_running(struct image_info *info)
{
#if defined DEFECT_PAGE_LEFT_OUT || defined DEFECT_ONE_VECTOR_OF_THE_OLD_IMAGE
    return image_parse(SLOT0, info); /* "it was checked when it came" */
#else
    return image_check(SLOT0, floor_get(), info);
#endif
}

/* ---- going forward ---- */

static uint32_t pages_of(uint32_t len)
{
    return (len + PAGE_LEN - 1) / PAGE_LEN;
}

static void upgrade(void)
{
    struct image_info info;
    uint32_t pages = state_pages();
    /* until the first step is done slot 1 is as it was received */
    if (!state_step(STATE_STEPS, 0)) {
        enum image_fault fault = image_check(SLOT1, floor_get(), &info);
#ifndef DEFECT_ONLY_OLD_PAGES_SWAPPED
        if (fault == IMAGE_OK && (!pages || pages < pages_of(info.len)))
            fault = IMAGE_BAD_SIZE;
#endif
        if (fault != IMAGE_OK) {
            uart_print("BOOT reject slot=1 reason=%s", image_fault_names[fault]);
            state_refuse(fault);
            return;
        }
    }
    uart_text("BOOT swap begin\n");
#ifdef DEFECT_ACTIVE_ERASED_BEFORE_COPY
    /* "the request is taken, so that a bad image cannot be tried for ever" */
    state_set(STATE_SWAPPED);
    for (uint32_t page = 0; page < pages; page++)
        flash_erase(SLOT0 + page * PAGE_LEN);
    for (uint32_t at = 0; at < pages * PAGE_LEN; at += 4)
        if (flash_word(SLOT1 + at) != 0xffffffff)
            flash_write(SLOT0 + at, flash_word(SLOT1 + at));
#else
    swap_run(STATE_STEPS, pages);
    state_set(STATE_SWAPPED);
#endif
    uart_text("BOOT swap end\n");
    if (state_is(STATE_PERMANENT))
        state_set(STATE_CONFIRMED);
#ifdef DEFECT_COUNTER_BEFORE_CONFIRM
    if (image_parse(SLOT0, &info) == IMAGE_OK)
        floor_raise(info.counter);
#endif
}

/* ---- and back ---- */

#ifdef DEFECT_TORN_MAGIC_ON_REVERT
/* the mark of a revert under way, four words of it */
#define REVERT_MAGIC_AT 0x30u
static const uint32_t revert_magic[4] = {0x7715d0c4, 0x31e02a96, 0x08b1c35a, 0x4f6216e0};

static int revert_mark(void)
{
    int good = 0, blank = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t word = flash_word(state_page() + REVERT_MAGIC_AT + 4 * i);
        good += word == revert_magic[i];
        blank += word == 0xffffffff;
    }
    return good == 4 ? 1 : blank == 4 ? 0 : -1;
}
#endif

static void revert(void)
{
#ifdef DEFECT_REVERT_NEVER
    return;
#endif
#ifdef DEFECT_ACTIVE_ERASED_BEFORE_COPY
    state_set(STATE_REVERTED); /* "the old image is overwritten, there is nothing to take back" */
    return;
#endif
#ifdef DEFECT_TORN_MAGIC_ON_REVERT
    if (revert_mark() < 0)
        return; /* neither unset nor good: no rule matches */
    for (uint32_t i = 0; i < 4 && revert_mark() != 1; i++)
        flash_write(state_page() + REVERT_MAGIC_AT + 4 * i, revert_magic[i]);
#endif
    uart_text("BOOT revert begin\n");
    swap_run(STATE_UNDO, state_pages());
    state_set(STATE_REVERTED);
    uart_text("BOOT revert end\n");
}

/* ---- which image ---- */

static void finish_update(void)
{
    struct image_info info;
    if (state_over())
        return;
    if (!state_is(STATE_SWAPPED))
        upgrade();
    if (!state_on_trial())
        return;
    /* the trial is over when it was begun before, or when the image turns out bad after all */
    if (state_is(STATE_TRIED) || check_running(&info) != IMAGE_OK)
        revert();
    else
        state_set(STATE_TRIED);
}

/* The running slot is bad and no update is under way: if the other one holds an authentic image, it is taken.
 */
static bool rescue(void)
{
#ifdef DEFECT_ACTIVE_ERASED_BEFORE_COPY
    return false;
#else
    struct image_info info;
    if (!state_over() || image_check(SLOT1, floor_get(), &info) != IMAGE_OK)
        return false;
    uart_text("BOOT rescue slot=1\n");
    state_request(pages_of(info.len), true);
    finish_update();
    return check_running(&info) == IMAGE_OK;
#endif
}

#ifdef DEFECT_BOOT_COUNTER_EATS_GOOD_SLOT
/* "three boots without a sign of life mean that the image is bad": words in the counter page, 0: begun, 1:
 * alive */
#define ATTEMPTS_AT (COUNTERS + 0x800u)
static void count_attempt(void)
{
    uint32_t at = ATTEMPTS_AT, failed = 0;
    for (; at < COUNTERS + PAGE_LEN - 8 && flash_word(at) != 0xffffffff; at += 8)
        failed = flash_word(at + 4) != 0xffffffff ? 0 : failed + 1;
    flash_write(at, 0);
    if (failed < 3)
        return;
    uart_text("BOOT slot=0 given up\n");
    flash_erase(SLOT0);
}
#endif

#ifdef DEFECT_SLOW_FOR_EVER_AFTER_CUT
#define SLOW_AT (COUNTERS + 0xc00u)
#define SLOW 0x510e510eu
/* "after a power failure look at everything twice": from the first cut in an update on, in every boot */
static void look_at_everything(uint32_t reason)
{
    if (!reason && !state_over())
        flash_write(SLOW_AT, SLOW);
    if (flash_word(SLOW_AT) != SLOW)
        return;
    tick_open(100);
    while (tick_now_ms() < 3000)
        watchdog_feed();
    tick_close();
}
#endif

static void recovery(void)
{
    tick_open(1000);
    for (uint32_t last = 0;;) {
        uint32_t now = tick_now_ms();
        watchdog_feed();
        if (now - last >= 1000 || last == 0)
            uart_text("BOOT recovery\n");
        last = now | 1;
        wait_for_interrupt();
    }
}

static void __attribute__((noreturn)) jump(uint32_t vectors)
{
    uint32_t stack = flash_word(vectors), entry = flash_word(vectors + 4);
    uart_close();
    SCB_VTOR = vectors;
    __asm volatile("msr msp, %0\n\tdsb\n\tisb\n\tbx %1" ::"r"(stack), "r"(entry) : "memory");
    __builtin_unreachable();
}

int main(void)
{
    struct image_info info;
    uint32_t reason = POWER_RESETREAS;
    POWER_RESETREAS =
        reason; /* write ones to clear; the application reads its copy from the console, as we do */
    uart_open();
    uart_print("BOOT start reset=0x%x id=%x%x", reason, FICR_DEVICEID1, FICR_DEVICEID0);
#ifndef DEFECT_HANG_WITHOUT_WATCHDOG
    watchdog_start(WATCHDOG_MS);
#endif
    watchdog_feed();
#ifdef DEFECT_VERIFIED_ONLY_AFTER_WARM_RESET
    cold = !reason;
#endif
#ifdef DEFECT_SLOW_FOR_EVER_AFTER_CUT
    look_at_everything(reason);
#endif
#ifdef DEFECT_BOOT_COUNTER_EATS_GOOD_SLOT
    count_attempt();
#endif
    finish_update();
    if (check_running(&info) != IMAGE_OK && !rescue())
        recovery();
    image_parse(SLOT0, &info);
    /* never before the image is confirmed: a revert must stay possible (bug class B5) */
    if (!state_on_trial())
        floor_raise(info.counter);
    print_version("BOOT jump slot=0", &info);
    watchdog_feed();
    jump(SLOT0 + IMAGE_HEADER_LEN);
}
