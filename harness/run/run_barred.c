/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An image that must never run may die before anybody can ask it which one it is, and be gone when the board
 * answers again. Where no line of a boot loader tells what it starts, the probe looks while the board is
 * silent: is the core in the running slot, and does that begin as what was delivered does? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/run/run.h"

#define HEAD_LEN 1024u

static bool is_barred(const struct expect *expect, const char *name)
{
    for (size_t i = 0; i < expect->never_count; i++)
        if (!strcmp(expect->never[i].image, name))
            return true;
    return false;
}

/* Does anything that may run begin the same way? */
static bool is_like_another(const struct run *run, const uint8_t *head)
{
    const struct expect *expect = &run->plan->scenario.expect;
    for (size_t i = 0; i < run->plan->images->count; i++) {
        const struct image *image = &run->plan->images->images[i];
        if (!is_barred(expect, image->name) && image->len >= HEAD_LEN && !memcmp(image->data, head, HEAD_LEN))
            return true;
    }
    return false;
}

void run_barred_delivered(struct run *run, const char *path)
{
    const struct image *image = run->delivered;
    FILE *file = NULL;
    free(run->barred_head);
    run->barred_head = NULL;
    if (!image || !is_barred(&run->plan->scenario.expect, image->name) || !(file = fopen(path, "rb")))
        return;
    uint8_t *head = mem_alloc(HEAD_LEN);
    bool whole = fread(head, 1, HEAD_LEN, file) == HEAD_LEN;
    fclose(file);
    if (whole && !is_like_another(run, head))
        run->barred_head = head;
    else
        free(head);
}

static bool begins_so(struct run *run)
{
    uint8_t head[HEAD_LEN];
    char *path = mem_printf("%s/barred-head.bin", run->folder);
    const struct probe_job job = {
        .verb = PROBE_DUMP, .path = path, .address = run->plan->board->slots[0].address, .len = HEAD_LEN};
    FILE *file = run_probe_once(run, &job) ? NULL : fopen(path, "rb");
    bool same = file && fread(head, 1, sizeof head, file) == sizeof head &&
                !memcmp(head, run->barred_head, sizeof head);
    if (file)
        fclose(file);
    remove(path);
    free(path);
    return same;
}

static bool is_at_work(struct run *run)
{
    const struct board_span *slot = &run->plan->board->slots[0];
    if (run_probe_once(run, &(struct probe_job){.verb = PROBE_SAMPLE}))
        return false;
    const cJSON *pc = cJSON_GetObjectItemCaseSensitive(run->probe.fields, "pc");
    uint32_t at = cJSON_IsNumber(pc) ? (uint32_t)pc->valuedouble : 0;
    return at >= slot->address && at - slot->address < slot->len;
}

/* The head before and after: nothing was copied there meanwhile. */
void run_barred_look(struct run *run)
{
    if (!run->barred_head || run->barred_seen || !run_is_judged(run) || !run->powered ||
        !rig_probe(run->rig) || run->plan->board->runs_either)
        return;
    if (!begins_so(run) || !is_at_work(run) || !begins_so(run) || run_broken(run))
        return;
    run->barred_seen = true;
    run_note(run, "the probe finds the core at work in '%s', which the board does not tell of",
             run->delivered->name);
    run_observe(run, "jumped", run->delivered->name, EVENT_NO_NUMBER, NULL);
}
