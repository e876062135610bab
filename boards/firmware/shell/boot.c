/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loader of the shell firmware: receives by XMODEM, starts the slot that the records name, takes back
 * what nobody confirmed. */
#include "common/flash.h"
#include "common/image.h"
#include "common/layout.h"
#include "common/nrf52840.h"
#include "common/sys.h"
#include "shell/records.h"
#include "shell/xmodem.h"

#define WATCHDOG_MS 4000
#define PATIENCE_MS 60000
#define TICK_MS 20

static uint32_t slot_at(uint32_t slot)
{
    return slot ? SLOT_B : SLOT_A;
}

static void say(const char *format, ...)
{
    char line[120];
    va_list args;
    va_start(args, format);
    size_t len = text_format(line, sizeof line - 2, format, args);
    va_end(args);
    line[len++] = '\r';
    line[len++] = '\n';
    uart_put(line, len);
}

static void wait_ms(uint32_t ms)
{
    uint32_t from = tick_now_ms();
    while (tick_now_ms() - from < ms) {
        watchdog_feed();
        wait_for_interrupt();
    }
}

static uint32_t version_of(const struct image_info *info)
{
    const struct image_header *header = info->header;
    return (uint32_t)header->major << 24 | (uint32_t)header->minor << 16 | header->revision;
}

static enum image_fault check(uint32_t slot, struct image_info *info)
{
#ifdef DEFECT_IMAGE_NOT_VERIFIED
    enum image_fault fault = image_parse(slot_at(slot), info);
#else
    enum image_fault fault = image_check(slot_at(slot), 0, info);
#endif
    if (fault == IMAGE_OK && info->header->body_len > LOAD_LEN)
        return IMAGE_BAD_SIZE;
    return fault;
}

#ifdef DEFECT_VERSION_COMPARED_AS_TEXT
static uint32_t first_digit(uint32_t number)
{
    return number < 10 ? number : first_digit(number / 10);
}
#endif

static enum image_fault check_new(uint32_t slot, uint32_t running)
{
    struct image_info new, old;
    enum image_fault fault = check(slot, &new);
#if defined DEFECT_DOWNGRADE_ACCEPTED || defined ODD_UNLOCKED
    return fault;
#endif
#ifdef DEFECT_VERSION_COMPARED_AS_TEXT
    if (fault == IMAGE_OK && image_parse(slot_at(running), &old) == IMAGE_OK)
        return first_digit(new.header->major) < first_digit(old.header->major) ? IMAGE_BAD_VERSION : IMAGE_OK;
#endif
    if (fault == IMAGE_OK && image_parse(slot_at(running), &old) == IMAGE_OK &&
        version_of(&new) < version_of(&old))
        return IMAGE_BAD_VERSION;
    return fault;
}

/* ---- receiving ---- */

/* The slot that is not needed: the one that does not run, and an image on trial is given up for it. */
static uint32_t settled_slot(void)
{
    struct record record = record_get();
    return record.state == RECORD_CONFIRMED ? record.slot : !record.slot;
}

static void receive(void)
{
    uint32_t running = settled_slot(), slot = !running;
    struct record record = record_get();
#ifdef DEFECT_RECEIVES_INTO_RUNNING_SLOT
    slot = running; /* "it is in RAM anyhow" */
#endif
    if (record.state != RECORD_CONFIRMED)
        record_put(RECORD_CONFIRMED, running);
#ifdef DEFECT_PENDING_BEFORE_RECEIVED
    record_put(RECORD_PENDING, slot);
#endif
    say("Send the image by XMODEM.");
    uint32_t len = xmodem_receive(slot_at(slot), SLOT_LEN, PATIENCE_MS);
    if (!len) {
        say("Nothing received.");
#ifdef DEFECT_HANGS_AFTER_ABORT
        for (;;)
            watchdog_feed();
#endif
        return;
    }
    enum image_fault fault = check_new(slot, running);
    if (fault != IMAGE_OK) {
        say("Refused: %s.", image_fault_names[fault]);
        return;
    }
    say("Received %u bytes.", len);
#ifndef DEFECT_PENDING_BEFORE_RECEIVED
    record_put(RECORD_PENDING, slot);
#endif
}

/* ---- starting ---- */

/* Which slot starts now; a trial ends here, or begins. */
static uint32_t choose(void)
{
    struct record record = record_get();
    if (record.state == RECORD_PENDING) {
#ifdef DEFECT_TRIED_BY_APPLICATION
        return record.slot; /* "it has been tried when it runs" */
#elif !defined DEFECT_NO_ROLLBACK
        record_put(RECORD_TRIED, record.slot);
#else
        record_put(RECORD_CONFIRMED, record.slot);
#endif
    } else if (record.state == RECORD_TRIED) {
        record.slot = !record.slot;
#ifdef DEFECT_SELECTOR_NAMES_BAD_SLOT
        record_put(RECORD_CONFIRMED, !record.slot); /* "the other one": which it has been made already */
#elif defined DEFECT_ROLLBACK_IS_A_TRIAL
        record_put(RECORD_TRIED, record.slot); /* and so on, for ever */
#else
        record_put(RECORD_CONFIRMED, record.slot);
#endif
        say("Went back.");
#ifdef DEFECT_SLOW_AFTER_ROLLBACK
        wait_ms(25000);
#endif
    }
    return record.slot;
}

static void __attribute__((noreturn)) start(const struct image_info *info, uint32_t slot)
{
    const uint8_t *body = flash_at(slot_at(slot)) + info->header->header_len;
    memcpy((void *)(uintptr_t)LOAD_AT, body, info->header->body_len);
    uint32_t stack = REG(LOAD_AT), entry = REG(LOAD_AT + 4);
    watchdog_feed();
    uart_close();
    tick_close();
    SCB_VTOR = LOAD_AT;
    __asm volatile("msr msp, %0\n\tdsb\n\tisb\n\tbx %1" ::"r"(stack), "r"(entry) : "memory");
    __builtin_unreachable();
}

int main(void)
{
    struct image_info info;
    uart_open();
    tick_open(TICK_MS);
    uart_receive(xmodem_byte);
#ifndef DEFECT_HANG_WITHOUT_WATCHDOG
    watchdog_start(WATCHDOG_MS);
#endif
    say("\r\nLoader 1.4");
    if (POWER_GPREGRET == WANTS_UPDATE) {
        POWER_GPREGRET = 0;
        receive();
    }
    for (;;) {
        uint32_t slot = choose();
#ifdef DEFECT_PENDING_BEFORE_RECEIVED
        image_parse(slot_at(slot), &info);
        if (info.header->magic == IMAGE_MAGIC && info.header->body_len <= LOAD_LEN)
            start(&info, slot); /* "it was verified when it came" */
#endif
        if (check(slot, &info) == IMAGE_OK)
            start(&info, slot);
        /* a trial of an image that has become bad is over; and where nothing can start, one must come */
        if (record_get().state != RECORD_CONFIRMED)
            continue;
        say("No image.");
        receive();
    }
}
