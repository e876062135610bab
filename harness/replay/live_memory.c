/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contents of a board, through the probe. */
#include "harness/replay/live_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UICR 0x10001000u

/* Flash is taken in pieces of LIVE_PAGE bytes. */
static bool is_blank(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

/* Nordic's UICR, which boot loaders are found by; NULL: the chip has none. What other chips keep besides code
 * flash is not written: there it is as the chip leaves the factory. */
static const struct live_memory *uicr_of(const struct live *live)
{
    for (size_t i = 1; i < live->it.memory_count; i++)
        if (live->it.memory[i].address == UICR)
            return &live->it.memory[i];
    return NULL;
}

bool live_memory_is_read(const struct live *live, size_t at)
{
    const struct live_memory *uicr = uicr_of(live);
    return at < live->it.memory[0].len || (uicr && at - uicr->offset < uicr->len);
}

uint32_t live_memory_address(const struct live *live, size_t at)
{
    const struct live_memory *memory = live->it.memory;
    while (at - memory->offset >= memory->len)
        memory++;
    return memory->address + (uint32_t)(at - memory->offset);
}

static int program(struct live *live, size_t at, size_t len, bool blank, struct error *error)
{
    FILE *file = fopen(live->scratch, "wb");
    int failed = !file || fwrite(live->it.start + at, 1, len, file) != len;
    if (file && fclose(file))
        failed = 1;
    if (failed)
        return error_set_errno(error, ERROR_SYSTEM, 0, "%s", live->scratch);
    const struct probe_job job = {.verb = PROBE_PROGRAM,
                                  .path = live->scratch,
                                  .address = live_memory_address(live, at),
                                  .blank = blank};
    return by_hand_probe(&live->hand, &job, error);
}

/* Pieces that follow each other and of which `wanted` says yes, from `at` on; returns the end of the run,
 * `at` when there is none. */
static size_t run_end(const struct live *live, size_t at, bool (*wanted)(const struct live *, size_t at))
{
    while (at < live->it.memory[0].len && wanted(live, at))
        at += LIVE_PAGE;
    return at;
}

static bool is_used(const struct live *live, size_t at)
{
    return !is_blank(live->it.start + at, LIVE_PAGE);
}

static bool is_changed(const struct live *live, size_t at)
{
    return memcmp(live->now + at, live->it.start + at, LIVE_PAGE) != 0;
}

static bool was_touched(const struct live *live, size_t at)
{
    return is_used(live, at) || !is_blank(live->expected + at, LIVE_PAGE);
}

static bool is_there(const struct live *live, size_t at)
{
    return true;
}

static bool erases_pieces(const struct live *live)
{
    uint32_t page = live->it.memory[0].page;
    return page && LIVE_PAGE % page == 0;
}

bool live_memory_can_put_back(const struct live *live)
{
    const struct live_memory *uicr = uicr_of(live);
    return erases_pieces(live) &&
           (!uicr || !memcmp(live->now + uicr->offset, live->it.start + uicr->offset, uicr->len));
}

static int program_all(struct live *live, bool (*wanted)(const struct live *, size_t at), bool blank,
                       struct error *error)
{
    for (size_t at = 0, end; at<live->it.memory[0].len; at = end> at ? end : at + LIVE_PAGE) {
        end = run_end(live, at, wanted);
        if (end > at && program(live, at, end - at, blank, error))
            return -1;
    }
    memcpy(live->now, live->it.start, live->it.size);
    return 0;
}

/* An erase takes more than a piece: all in one, or a piece would erase what was written before it. */
static int program_span(struct live *live, struct error *error)
{
    size_t begin = 0, end = live->it.memory[0].len;
    while (begin < end && !is_used(live, begin))
        begin += LIVE_PAGE;
    while (end > begin && !is_used(live, end - LIVE_PAGE))
        end -= LIVE_PAGE;
    memcpy(live->now, live->it.start, live->it.size);
    return end > begin ? program(live, begin, end - begin, true, error) : 0;
}

static int program_uicr(struct live *live, struct error *error)
{
    const struct live_memory *uicr = uicr_of(live);
    uint32_t begin = 0, end = uicr ? uicr->len : 0;
    const uint8_t *start = uicr ? live->it.start + uicr->offset : NULL;
    while (begin < end && is_blank(start + begin, 4))
        begin += 4;
    while (end > begin && is_blank(start + end - 4, 4))
        end -= 4;
    return end > begin ? program(live, uicr->offset + begin, end - begin, true, error) : 0;
}

/* The start contents, all of them: between power-up and the probe's halt the board runs and may change any
 * page. */
int live_memory_restore(struct live *live, struct error *error)
{
    if (live_rig_power_now(live, true, error) ||
        by_hand_probe(&live->hand, &(struct probe_job){.verb = PROBE_ERASE_ALL}, error))
        return -1;
    if (program_uicr(live, error) ||
        (erases_pieces(live) ? program_all(live, is_used, true, error) : program_span(live, error)))
        return -1;
    return live_rig_power_now(live, false, error);
}

/* The same after a read_back, without a boot between: the core is held, then halted. */
int live_memory_put_back(struct live *live, struct error *error)
{
    if (by_hand_probe(&live->hand, &(struct probe_job){.verb = PROBE_HALT}, error) ||
        live_rig_tell(live, "release", NULL, 0, error) ||
        live_rig_await_state(live, "released", LIVE_EDGE_US, error))
        return -1;
    return program_all(live, is_changed, false, error);
}

static int dump(struct live *live, size_t at, size_t len, struct error *error)
{
    const struct probe_job job = {.verb = PROBE_DUMP,
                                  .path = live->scratch,
                                  .address = live_memory_address(live, at),
                                  .len = (uint32_t)len};
    if (by_hand_probe(&live->hand, &job, error))
        return -1;
    FILE *file = fopen(live->scratch, "rb");
    int failed = !file || fread(live->now + at, 1, len, file) != len;
    if (file)
        fclose(file);
    return failed ? error_set(error, ERROR_RIG, "%s: expected %zu bytes", live->scratch, len) : 0;
}

/* Powered up with the core held, so that nothing changes while it is read; stays so. Pages that are blank at
 * the start and in the prediction are looked at when `all`. */
int live_memory_read_back(struct live *live, bool all, struct error *error)
{
    if (live_rig_tell(live, "hold", NULL, 0, error) || live_rig_power(live, true, error) ||
        live_rig_await_state(live, "hit", LIVE_EDGE_US, error))
        return -1;
    for (size_t at = 0, end; at<live->it.memory[0].len; at = end> at ? end : at + LIVE_PAGE) {
        end = run_end(live, at, all ? is_there : was_touched);
        if (end > at && dump(live, at, end - at, error))
            return -1;
    }
    const struct live_memory *uicr = uicr_of(live);
    if (!uicr)
        return 0;
    memset(live->now + uicr->offset, 0xff, uicr->len);
    bool touched = !is_blank(live->it.start + uicr->offset, uicr->len) ||
                   !is_blank(live->expected + uicr->offset, uicr->len);
    return all || touched ? dump(live, uicr->offset, uicr->len, error) : 0;
}
