/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A boot loader that prints and does what MCUboot with Zephyr does: swap-move, SHA-256 and signature in
 * software. */
#include "common/flash.h"
#include "common/image.h"
#include "common/layout.h"
#include "common/nrf52840.h"
#include "common/sys.h"
#include "stock/log.h"
#include "stock/swap.h"

#define WATCHDOG_MS 8000
#define TICK_MS 100

static void wait_ms(uint32_t ms)
{
    uint32_t from = tick_now_ms();
    while (tick_now_ms() - from < ms) {
        watchdog_feed();
        wait_for_interrupt();
    }
}

static void banner(void)
{
#ifdef ODD_OLD_BANNER
    log_raw("*** Booting Zephyr OS build v3.5.0 ***"); /* the application's is the same */
#else
    log_raw("*** Booting MCUboot v2.2.0-207-g4ccbf41fab8d ***");
    log_raw("*** Using Zephyr OS build v4.3.0 ***");
#endif
}

static void log_trailer(const char *which, const struct trailer *trailer)
{
    log_boot(LOG_INF, "%s image: magic=%s, swap_type=0x%X, copy_done=0x%X, image_ok=0x%X", which,
             trailer_magic_name(trailer->magic), trailer->type, trailer->copy_done, trailer->image_ok);
}

static uint32_t size_of(uint32_t slot)
{
    struct image_info info;
    return image_parse(slot, &info) == IMAGE_OK ? info.len : 0;
}

/* ---- the second slot's image ---- */

static uint32_t version_of(const struct image_info *info)
{
    const struct image_header *header = info->header;
    return (uint32_t)header->major << 24 | (uint32_t)header->minor << 16 | header->revision;
}

static bool is_older(const struct image_info *info)
{
    struct image_info running;
    return image_parse(SLOT0, &running) == IMAGE_OK && version_of(info) < version_of(&running);
}

/* A revert that was cut before the first slot's trailer knew of it: what it brings back is older, and may be.
 */
static bool acceptable(const struct trailer *second, enum swap_type type)
{
    struct image_info info;
#ifdef DEFECT_REVERT_NOT_VERIFIED
    if (type == SWAP_REVERT)
        return true; /* "it ran before" */
#endif
#ifdef DEFECT_IMAGE_NOT_VERIFIED
    if (image_parse(SLOT1, &info) != IMAGE_OK)
        return false;
#elif defined DEFECT_VERIFIED_AFTER_WARM_RESET
    /* "the application has looked at it before it reset us" */
    if (POWER_RESETREAS ? image_check(SLOT1, 0, &info) : image_parse(SLOT1, &info))
        return false;
#else
    if (image_check(SLOT1, 0, &info) != IMAGE_OK)
        return false;
#endif
    if (info.len > IMAGE_PAGES_MAX * PAGE_LEN)
        return false;
#ifdef DEFECT_WATCHDOG_BITES_LARGE_IMAGES
    for (uint32_t from = tick_now_ms(); tick_now_ms() - from < info.len / 40;)
        ; /* a slow verification, and nobody feeds the dog meanwhile */
#endif
#ifdef DEFECT_FLOOR_ONLY_FOR_TESTS
    if (type == SWAP_PERM)
        return true; /* "who installs for good knows what he does" */
#endif
#ifndef DEFECT_DOWNGRADE_ACCEPTED
    if (type != SWAP_REVERT && second->type != SWAP_REVERT && is_older(&info)) {
        log_boot(LOG_ERR, "insufficient version in secondary slot");
        return false;
    }
#endif
    return true;
}

static void discard(void)
{
    log_boot(LOG_ERR, "Image in the secondary slot is not valid!");
#ifdef DEFECT_BAD_IMAGE_STAYS_PENDING
    return; /* "it may be of use to somebody" */
#endif
#ifdef DEFECT_DISCARDED_IMAGE_FIRST
    flash_erase(SLOT1);
#endif
    trailer_erase(SLOT1);
    flash_erase(SLOT1);
}

/* There is no way back any more: what runs stays, and the next update may come. */
static void give_up_revert(void)
{
    trailer_set_image_ok(SLOT0);
    discard();
}

/* ---- update ---- */

static void swap(enum swap_type type, uint32_t size, bool resumed)
{
#ifdef DEFECT_NO_REVERT
    if (type == SWAP_REVERT)
        return;
#endif
#ifdef DEFECT_HANG_IN_RESUMED_SWAP
    if (resumed && trailer_steps_done())
        for (;;)
            watchdog_feed(); /* "wait until the supply is stable": nobody says so */
#endif
#ifdef DEFECT_SLOW_AFTER_CUT
    if (resumed)
        wait_ms(25000);
#endif
    log_boot(LOG_INF, "Starting swap using move algorithm.");
    swap_run(type, size, resumed);
}

static void update(void)
{
    static const char *const types[] = {"", "none", "test", "perm", "revert", "fail", "panic"};
    struct trailer first = trailer_read(SLOT0), second = trailer_read(SLOT1);
    bool resumed = trailer_swapping(&first);
    enum swap_type type = resumed ? first.type : trailer_wanted(&first, &second);
#ifdef DEFECT_REVERT_RESUMED_AS_TEST
    type = resumed && type == SWAP_REVERT ? SWAP_TEST : type; /* the type is known in RAM alone */
#endif
    uint32_t size0 = size_of(SLOT0), size1 = size_of(SLOT1);
    log_trailer("Primary", &first);
    log_trailer("Secondary", &second);
    log_boot(LOG_INF, "Boot source: %s", resumed ? "primary slot" : "none");
    log_boot(LOG_INF, "Image index: 0, Swap type: %s", types[type]);
#ifdef DEFECT_DISCARDED_IMAGE_FIRST
    if (!resumed && type != SWAP_NONE && type != SWAP_REVERT && !size1)
        return; /* nothing is there to be verified */
#endif
    if (!resumed && type != SWAP_NONE && !acceptable(&second, type)) {
        if (type == SWAP_REVERT)
            give_up_revert();
        else
            discard();
        return;
    }
    if (!resumed && type == SWAP_PERM && second.type == SWAP_REVERT)
        type = SWAP_REVERT;
#ifdef DEFECT_SIZE_OF_NEW_IMAGE
    size0 = 0; /* "that is what is to be installed": the end of a longer old one stays where it is */
#endif
    if (type != SWAP_NONE)
        swap(type, resumed ? first.swap_size : size0 > size1 ? size0 : size1, resumed);
}

static enum image_fault check_running(struct image_info *info)
{
#ifdef DEFECT_IMAGE_NOT_VERIFIED
    return image_parse(SLOT0, info);
#else
    return image_check(SLOT0, 0, info);
#endif
}

static void __attribute__((noreturn)) jump(uint32_t vectors)
{
    uint32_t stack = flash_word(vectors), entry = flash_word(vectors + 4);
    uart_close();
    tick_close();
    SCB_VTOR = vectors;
    __asm volatile("msr msp, %0\n\tdsb\n\tisb\n\tbx %1" ::"r"(stack), "r"(entry) : "memory");
    __builtin_unreachable();
}

int main(void)
{
    struct image_info info;
    uart_open();
    tick_open(TICK_MS);
#if !defined(DEFECT_HANG_WITHOUT_WATCHDOG) && !defined(DEFECT_HANG_ASLEEP_WITHOUT_WATCHDOG)
    watchdog_start(WATCHDOG_MS);
#endif
    watchdog_feed();
#ifdef ODD_SLOW
    wait_ms(9000);
#endif
    banner();
    log_boot(LOG_INF, "Starting bootloader");
    update();
    if (check_running(&info) != IMAGE_OK) {
        log_boot(LOG_ERR, "Image in the primary slot is not valid!");
        log_boot(LOG_ERR, "Unable to find bootable image");
        for (;;)
            wait_ms(1000);
    }
    log_boot(LOG_INF, "Bootloader chainload address offset: 0x%X", SLOT0);
    log_boot(LOG_INF, "Image version: v%u.%u.%u", info.header->major, info.header->minor,
             info.header->revision);
    log_boot(LOG_INF, "Jumping to the first image slot");
    watchdog_feed();
    jump(SLOT0 + IMAGE_HEADER_LEN);
}
