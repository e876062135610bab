/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app/app.h"

#include "common/flash.h"
#include "common/layout.h"
#include "common/nrf52840.h"
#include "common/sys.h"

/* A record: magic, sequence, format, payload, checksum; the checksum is written last. The newest whole record
 * of a format that this build knows is the data. The other page keeps the record before, so an older build
 * that comes back after a revert still finds its own. */
#define MAGIC 0x64617461u
#define PAYLOAD_WORDS 8u

struct record {
    uint32_t magic, sequence, format, payload[PAYLOAD_WORDS], check;
};

static uint32_t sum_of(const uint32_t *words, uint32_t count)
{
    uint32_t sum = 0x811c9dc5u;
    for (uint32_t i = 0; i < count; i++)
        sum = (sum ^ words[i]) * 0x01000193u ^ sum >> 15;
    return sum;
}

static uint32_t checksum(const struct record *record)
{
    return sum_of((const uint32_t *)(const void *)record, 3 + PAYLOAD_WORDS);
}

static bool good(uint32_t page, struct record *record)
{
    memcpy(record, flash_at(page), sizeof *record);
    return record->magic == MAGIC && record->check == checksum(record) && record->format >= 1 &&
           record->format <= app_config.data_format;
}

/* The page of the newest record, 0: none. */
static uint32_t newest(struct record *record)
{
    struct record a, b;
    bool a_good = good(DATA_A, &a), b_good = good(DATA_B, &b);
    bool take_a = a_good && (!b_good || a.sequence > b.sequence);
    if (!a_good && !b_good)
        return 0;
    memcpy(record, take_a ? &a : &b, sizeof *record);
    return take_a ? DATA_A : DATA_B;
}

/* No two data are the same, so that nobody can make them anew and call them kept. */
static void make(struct record *record)
{
    uint8_t *bytes = (uint8_t *)record->payload;
    RNG_TASKS_START = 1;
    for (uint32_t i = 0; i < sizeof record->payload; i++) {
        RNG_EVENTS_VALRDY = 0;
        while (!RNG_EVENTS_VALRDY)
            ;
        bytes[i] = (uint8_t)RNG_VALUE;
    }
    RNG_TASKS_STOP = 1;
}

static void save(uint32_t page, struct record *record)
{
    record->magic = MAGIC;
    record->check = checksum(record);
    flash_erase(page);
    for (uint32_t i = 0; i < sizeof *record / 4; i++)
        flash_write(page + 4 * i, ((const uint32_t *)(const void *)record)[i]);
}

static bool blank(uint32_t page)
{
    for (uint32_t at = 0; at < PAGE_LEN; at += 4)
        if (flash_word(page + at) != 0xffffffff)
            return false;
    return true;
}

#ifdef DEFECT_DATA_REWRITTEN_IN_PLACE
static bool opened; /* in this life */
#endif

enum data_state data_open(uint32_t *format, uint32_t *print)
{
#ifdef DEFECT_DATA_REWRITTEN_IN_PLACE
    opened = true;
#endif
    struct record record = {0};
    uint32_t page = newest(&record);
    if (page) {
        *format = record.format;
        *print = sum_of(record.payload, PAYLOAD_WORDS);
        return DATA_OK;
    }
    bool first = blank(DATA_A) && blank(DATA_B);
    record.sequence = 1;
    record.format = app_config.data_format;
    make(&record);
    save(DATA_A, &record);
    *format = record.format;
    *print = sum_of(record.payload, PAYLOAD_WORDS);
    return first ? DATA_NEW : DATA_LOST;
}

void data_migrate(void)
{
    struct record record;
    uint32_t page = newest(&record);
    if (!page || record.format == app_config.data_format)
        return;
#ifdef DEFECT_DATA_REWRITTEN_IN_PLACE
    if (opened)
        return; /* "the next start does it, when nothing else is going on" */
#endif
    record.format = app_config.data_format;
    record.sequence++;
#ifdef DEFECT_DATA_MADE_ANEW
    make(&record); /* "the new format begins with defaults" */
#endif
#ifdef DEFECT_DATA_LOST_ON_MIGRATION
    /* "one page is enough" */
    save(page, &record);
    flash_erase(page == DATA_A ? DATA_B : DATA_A);
#elif defined DEFECT_DATA_REWRITTEN_IN_PLACE
    save(page, &record);
#else
    save(page == DATA_A ? DATA_B : DATA_A, &record);
#endif
}
