/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Uploads into the second slot, as Zephyr's image management does them: pages are erased when their first
 * byte comes, how far it is is known in RAM alone. */
#include "common/flash.h"
#include "common/layout.h"
#include "common/sha256.h"
#include "common/smp.h"
#include "common/sys.h"
#include "stock/app.h"
#include "stock/trailer.h"

static uint32_t next_off, total;
static uint8_t sha_wanted[32], pending[4];
static bool sha_known;

void upload_forget(void)
{
    next_off = total = 0;
}

/* Is it the upload that is under way, whose client lost an answer or began anew? */
static bool same(const struct smp_chunk *chunk)
{
    return next_off && next_off < total && chunk->total == total && sha_known && chunk->sha_len == 32 &&
           memcmp(chunk->sha, sha_wanted, 32) == 0;
}

#ifdef DEFECT_RESUME_WITH_HOLE
/* "What is not blank has been written": the page that was under way is taken for whole. */
static uint32_t written_pages(void)
{
    uint32_t page = 0;
    while (page < IMAGE_PAGES_MAX && flash_word(SLOT1 + page * PAGE_LEN) != 0xffffffff)
        page++;
    return page;
}
#endif

static int begin(const struct smp_chunk *chunk)
{
    struct trailer second = trailer_read(SLOT1);
    if (!chunk->total || chunk->total > IMAGE_PAGES_MAX * PAGE_LEN)
        return SMP_RC_TOO_LARGE;
    if (second.magic == MAGIC_GOOD || trailer_on_trial())
        return SMP_RC_BAD_STATE; /* an update waits there, or the way back */
    sha_known = chunk->sha_len == 32;
    if (sha_known)
        memcpy(sha_wanted, chunk->sha, 32);
    total = chunk->total;
    next_off = 0;
#ifdef DEFECT_RESUME_WITH_HOLE
    if (sha_known && flash_word(SETTINGS + PAGE_LEN) == *(const uint32_t *)(const void *)sha_wanted)
        next_off = written_pages() * PAGE_LEN < total ? written_pages() * PAGE_LEN : 0;
    flash_erase(SETTINGS + PAGE_LEN);
    flash_write(SETTINGS + PAGE_LEN, *(const uint32_t *)(const void *)sha_wanted);
#endif
    if (!next_off)
        trailer_erase(SLOT1);
    return SMP_RC_OK;
}

static void erase_for(uint32_t at)
{
#ifdef DEFECT_LARGE_UPLOAD_ERASES_SETTINGS
    /* "larger pieces are faster" */
    if (at % 0x20000 == 0)
        for (uint32_t i = 0; i < 0x20000; i += PAGE_LEN)
            flash_erase(SLOT1 + at + i);
#elif defined DEFECT_ERASED_BY_ITS_FIRST_WORD
    if (flash_word(SLOT1 + at) != 0xffffffff)
        flash_erase(SLOT1 + at); /* else "it is blank already" */
#else
    flash_erase(SLOT1 + at);
#endif
}

static void put_byte(uint8_t byte)
{
    uint32_t at = next_off++, word;
    if (at % PAGE_LEN == 0)
        erase_for(at);
    pending[at % 4] = byte;
    if (at % 4 != 3 && next_off != total)
        return;
    for (uint32_t i = at % 4 + 1; i < 4; i++)
        pending[i] = 0xff;
    memcpy(&word, pending, 4);
    flash_write(SLOT1 + (at & ~3u), word);
}

static bool whole(void)
{
    struct sha256 sha;
    uint8_t digest[32];
    if (!sha_known)
        return true;
    sha256_begin(&sha);
    sha256_put(&sha, flash_at(SLOT1), total);
    sha256_end(&sha, digest);
    return memcmp(digest, sha_wanted, 32) == 0;
}

int upload_put(const struct smp_chunk *chunk, uint32_t *next, bool *done, bool *match)
{
    if (chunk->off == 0 && !same(chunk)) {
        int rc = begin(chunk);
        if (rc)
            return rc;
    }
    if (total && chunk->off == next_off)
        for (uint32_t i = 0; i < chunk->len && next_off < total; i++)
            put_byte(chunk->data[i]);
    *next = next_off;
    *done = total && next_off == total;
    *match = *done && whole();
    return SMP_RC_OK;
}
