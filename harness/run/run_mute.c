/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A board that answers nothing in two clean updates: either it is mute, or the wire on which it hears was
 * broken for that long and is whole again when the rig is proven sound. What is in its flash is put back
 * after the proof, and it is asked once more: what it has become lies in there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/run/run.h"

#define CHUNK 4096u

bool run_was_silent(const struct run *run)
{
    return run->update.outcome == UPDATE_SILENT;
}

static bool is_blank(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != 0xff)
            return false;
    return true;
}

static uint32_t chunk_len(const struct board_span *span, uint32_t at)
{
    return span->len - at < CHUNK ? span->len - at : CHUNK;
}

static int program_piece(struct run *run, const uint8_t *data, uint32_t address, uint32_t len)
{
    char *path = mem_printf("%s/put-back.bin", run->folder);
    FILE *file = fopen(path, "w");
    bool written = file && fwrite(data, 1, len, file) == len;
    if (file && fclose(file))
        written = false;
    int result = -1;
    if (!written)
        run_fail_rig(run, "%s cannot be written", path);
    else
        result = run_probe(
            run, &(struct probe_job){.verb = PROBE_PROGRAM, .path = path, .address = address, .blank = true});
    remove(path);
    free(path);
    return result;
}

/* Erased, and written where it was not blank. */
int run_program_span(struct run *run, const struct board_span *span, const uint8_t *data)
{
    if (run_probe(run, &(struct probe_job){.verb = PROBE_ERASE, .address = span->address, .len = span->len}))
        return -1;
    for (uint32_t begin = 0, end; begin < span->len; begin = end) {
        for (end = begin; end < span->len && !is_blank(data + end, chunk_len(span, end));)
            end += chunk_len(span, end);
        if (end > begin && program_piece(run, data + begin, span->address + begin, end - begin))
            return -1;
        end += chunk_len(span, end); /* of what is blank */
    }
    return 0;
}

/* 1: it was not dumped */
static int put_back(struct run *run, const struct board_span *span, const char *name)
{
    char *path = mem_printf("%s/flash-%s.bin", run->folder, name);
    uint8_t *data = mem_alloc(span->len);
    FILE *file = fopen(path, "r");
    bool whole = file && fread(data, 1, span->len, file) == span->len;
    int result = whole ? run_program_span(run, span, data) : 1;
    if (file)
        fclose(file);
    free(data);
    free(path);
    return result;
}

static int put_all_back(struct run *run)
{
    const struct board *board = run->plan->board;
    int result = board->evidence_count ? 0 : put_back(run, &board->flash, "all");
    for (size_t i = 0; i < board->evidence_count && !result; i++)
        result = put_back(run, &board->evidence[i], board->evidence[i].name);
    return result;
}

/* NULL: it is mute */
static const char *ask_again(struct run *run)
{
    uint64_t limit_us = run_recovery_us(run);
    if (put_all_back(run))
        return "its flash could not be put back to ask it once more";
    if (run_power_cycle(run, run_off_us(run)) || run_wait_app(run, limit_us))
        return "with its flash put back it does not come up";
    return run_update_to(run, image_find(run->plan->images, run->plan->scenario.expect.next))
               ? NULL
               : "with its flash put back, after the rig was proven sound, the next one succeeded";
}

void run_ask_mute(struct run *run)
{
    const char *before = run->phase;
    if (!run->mute || run_broken(run))
        return;
    run_note(run, "the board was silent in both clean updates: its flash is put back, and it is asked again");
    run->phase = "rig"; /* what it does now is judged by nothing else */
    run->calm = false;
    const char *doubt = ask_again(run);
    if (!run_broken(run))
        run_witness(run, !doubt, "G4", "it was silent in both clean updates, and %s",
                    doubt ? doubt : "in a third one, after the rig was proven sound");
    run->phase = before;
}
