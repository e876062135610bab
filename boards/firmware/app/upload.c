/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "app/app.h"

#include "common/flash.h"
#include "common/image.h"
#include "common/layout.h"
#include "common/state.h"
#include "common/sys.h"

/* How far an upload has come survives a reset: the upload page holds the hash and the length that the client
 * gave with the first chunk, and one word for each page of slot 1 that is written whole. A page is erased
 * when its first byte comes, so going on means going on at a page. */
#define MAGIC 0x75706c64u
#define PROGRESS_AT 0x40u
#define PROGRESS_VALUE(n) (0x2c0d0000u | (n))

static uint32_t next_off; /* the offset that is wanted; not kept: derived from the upload page */
static uint32_t total;
static uint8_t pending[4];

static bool known(void)
{
    return flash_word(UPLOAD_PAGE) == MAGIC;
}

static uint32_t pages_done(void)
{
    uint32_t pages = 0;
    while (pages < SLOT_LEN / PAGE_LEN &&
           flash_word(UPLOAD_PAGE + PROGRESS_AT + 4 * pages) == PROGRESS_VALUE(pages))
        pages++;
    return pages;
}

static bool same(const struct smp_chunk *chunk)
{
#ifdef DEFECT_RESUME_BY_LENGTH_ONLY
    return known() && flash_word(UPLOAD_PAGE + 4) == chunk->total; /* "who would send another one?" */
#else
    return known() && chunk->sha_len == 32 && flash_word(UPLOAD_PAGE + 4) == chunk->total &&
           memcmp(flash_at(UPLOAD_PAGE + 8), chunk->sha, 32) == 0;
#endif
}

static void remember(const struct smp_chunk *chunk)
{
    uint32_t words[8] = {0};
    memcpy(words, chunk->sha, chunk->sha_len == 32 ? 32 : 0);
    flash_erase(UPLOAD_PAGE);
    flash_write(UPLOAD_PAGE + 4, chunk->total);
    for (uint32_t i = 0; i < 8; i++)
        flash_write(UPLOAD_PAGE + 8 + 4 * i, words[i]);
    flash_write(UPLOAD_PAGE, MAGIC);
}

void upload_forget(void)
{
    flash_erase(UPLOAD_PAGE);
    next_off = total = 0;
}

static int begin(const struct smp_chunk *chunk)
{
    if (!chunk->total || chunk->total > SLOT_LEN)
        return SMP_RC_TOO_LARGE;
    if (!state_over())
        return SMP_RC_BAD_STATE; /* slot 1 is the way back, or an update waits there */
    if (!same(chunk))
        remember(chunk);
    total = chunk->total;
    next_off = pages_done() * PAGE_LEN;
    if (next_off > total)
        next_off = total;
    return SMP_RC_OK;
}

static void page_done(uint32_t page)
{
    flash_write(UPLOAD_PAGE + PROGRESS_AT + 4 * page, PROGRESS_VALUE(page));
}

static void put_byte(uint8_t byte)
{
    uint32_t at = next_off;
#ifdef DEFECT_ERASED_BY_ITS_FIRST_WORD
    if (at % PAGE_LEN == 0 && flash_word(SLOT1 + at) != 0xffffffff) /* "it is blank already" */
        flash_erase(SLOT1 + at);
#else
    if (at % PAGE_LEN == 0)
        flash_erase(SLOT1 + at);
#endif
#ifdef DEFECT_EIGHTIETH_PAGE_ERASES_DATA
    if (at == 79 * PAGE_LEN)
        flash_erase(DATA_A); /* a page number that is computed from the wrong base */
#endif
#ifdef DEFECT_PAGE_DONE_AT_ITS_BEGIN
    if (at % PAGE_LEN == 0)
        page_done(at / PAGE_LEN);
#endif
    pending[at % 4] = byte;
    next_off++;
    bool last = next_off == total;
    if (at % 4 == 3 || last) {
        uint32_t word;
        for (uint32_t i = at % 4 + 1; i < 4; i++)
            pending[i] = 0xff;
        memcpy(&word, pending, 4);
        if (word != 0xffffffff)
            flash_write(SLOT1 + (at & ~3u), word);
    }
#ifndef DEFECT_PAGE_DONE_AT_ITS_BEGIN
    if (next_off % PAGE_LEN == 0 || last)
        page_done(at / PAGE_LEN);
#endif
}

int upload_put(const struct smp_chunk *chunk, uint32_t *wanted)
{
    if (chunk->off == 0) {
        /* a first chunk that was sent twice because its answer got lost begins nothing anew */
        bool again =
            next_off && next_off < total && total == chunk->total && same(chunk) && next_off % PAGE_LEN;
        int rc = again ? SMP_RC_OK : begin(chunk);
        if (rc)
            return rc;
    }
    if (total && chunk->off == next_off)
        for (uint32_t i = 0; i < chunk->len && next_off < total; i++)
            put_byte(chunk->data[i]);
    *wanted = next_off;
    return SMP_RC_OK;
}

bool upload_underway(void)
{
    return next_off < total;
}

/* Can this image still write slot 1 and read it back? Only while slot 1 is free: it is the way back
 * otherwise, so the last page of the slot is used, which no swap of the demo images reaches. */
bool upload_selftest(void)
{
    uint32_t page = SLOT1 + SLOT_LEN - PAGE_LEN;
    if (state_pages() >= SLOT_LEN / PAGE_LEN)
        return true;
    flash_erase(page);
    flash_write(page, 0x5e1f7e57);
    bool ok = flash_word(page) == 0x5e1f7e57;
    flash_erase(page);
    return ok;
}
