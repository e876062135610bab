/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A failure that a second attempt does not repeat may have been a moment's trouble of the rig, or a fault of
 * the board that shows every other time. A second attempt tells them apart only when it begins where the
 * first one did: with the records of the update mechanism, and with the image, of before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/run/run.h"

static char *file_of(const struct run *run, size_t index)
{
    return mem_printf("%s/state-%zu.bin", run->folder, index);
}

bool run_state_save(struct run *run)
{
    const struct board *board = run->plan->board;
    bool saved = rig_probe(run->rig) && board->state_count;
    for (size_t i = 0; i < board->state_count && saved && !run_broken(run); i++) {
        char *path = file_of(run, i);
        const struct probe_job job = {
            .verb = PROBE_DUMP, .path = path, .address = board->state[i].address, .len = board->state[i].len};
        saved = !run_probe_once(run, &job);
        free(path);
    }
    return saved && !run_broken(run);
}

static int restore_span(struct run *run, size_t index)
{
    const struct board_span *span = &run->plan->board->state[index];
    char *path = file_of(run, index);
    uint8_t *data = mem_alloc(span->len);
    FILE *file = fopen(path, "rb");
    bool whole = file && fread(data, 1, span->len, file) == span->len;
    if (file)
        fclose(file);
    int result = whole ? run_program_span(run, span, data) : 1;
    free(data);
    free(path);
    return result;
}

static int restore_image(struct run *run, const struct image *image)
{
    const struct board *board = run->plan->board;
    if (!board->slots[0].len || board->runs_either)
        return 0; /* it still stands where it ran */
    return run_probe(
        run,
        &(struct probe_job){.verb = PROBE_PROGRAM, .path = image->file, .address = board->slots[0].address});
}

int run_state_restore(struct run *run, const struct image *image)
{
    const struct board *board = run->plan->board;
    if (!board->state_count || !image || !rig_probe(run->rig))
        return 1;
    int result = restore_image(run, image);
    for (size_t i = 0; i < board->state_count && !result; i++)
        result = restore_span(run, i);
    if (result)
        return result;
    return run_power_cycle(run, run_off_us(run)) || run_wait_app(run, run_recovery_us(run)) ? -1 : 0;
}
