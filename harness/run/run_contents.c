/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the probe reads in the slots, held against the images byte for byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/run/run.h"

int run_one_slot_holds(struct run *run, size_t slot, const struct image *image, const char *file)
{
    char *path = mem_printf("%s/%s", run->folder, file);
    const struct probe_job job = {.verb = PROBE_DUMP,
                                  .path = path,
                                  .address = run->plan->board->slots[slot].address,
                                  .len = (uint32_t)image->len};
    int result = run_probe(run, &job) ? -1 : run_file_is(image, path);
    if (result == 1)
        remove(path); /* equal to an image that is on file: no evidence */
    free(path);
    return result;
}

int run_slot_holds(struct run *run, const struct image *image, const char *file)
{
    int holds = run_one_slot_holds(run, 0, image, file);
    return holds || !run->plan->board->runs_either ? holds : run_one_slot_holds(run, 1, image, file);
}

/* Byte for byte: which authentic image is in the running slot? */
void run_observe_contents(struct run *run)
{
    const struct image *image = image_find(run->plan->images, run_seen_image(run));
    if (!image || !rig_probe(run->rig) || !run->plan->board->slots[0].len)
        return;
    int holds = run_slot_holds(run, image, "running-slot.bin");
    if (holds >= 0)
        run_observe(run, "contents", holds ? image->name : "none", EVENT_NO_NUMBER, NULL);
}

/* Does another source than the one that told it, asked now, say that this image runs? */
static bool says_again(struct run *run, const struct image *image)
{
    const struct source *source;
    struct run_told told;
    size_t index;
    for (size_t from = 0; !run_broken(run) &&
                          (source = facts_next(run->plan->board, FACT_IMAGE, run->rig->place, from, &index));
         from = index + 1) {
        const char *first = run->seen.image_from ? run->seen.image_from : "";
        if (source_is_passive(source) || source->kind == SOURCE_STORAGE ||
            !strcmp(source_name(source->kind), first) || !run_ask(run, FACT_IMAGE, source, &told))
            continue;
        if (told.version[0] && image->version && image_version_is(told.version, image->version))
            return true;
        if (told.hash[0] && image->hash && strlen(told.hash) >= 16 &&
            !strncasecmp(image->hash, told.hash, strlen(told.hash)))
            return true;
    }
    return false;
}

/* An image that runs for one life and is gone in the next leaves nothing to look at afterwards. So what a
 * board calls itself right after the fault is looked for in the slots while it runs: a part of an image may
 * start, and call itself by the name of the whole. */
void run_observe_spoilt(struct run *run)
{
    const struct image *image = image_find(run->plan->images, run_seen_image(run));
    for (size_t i = 0; i < run->plan->scenario.fault_count; i++)
        if (run->faults[i].unproven)
            return; /* nothing can follow from what is seen, so nothing is asked of a probe that may be away
                     */
    if (!image || !strcmp(image->name, run->plan->scenario.start) || !rig_probe(run->rig) ||
        !run->plan->board->slots[0].len)
        return;
    unsigned boots = run->seen.boots;
    for (int look = 0; look < 2; look++) /* a probe may read one bit wrong once */
        if (run_slot_holds(run, image, "spoilt-slot.bin") != 0)
            return;
    /* one that has started again since may have gone back, and then rightly holds another image */
    if (run->seen.boots != boots || image_find(run->plan->images, run_seen_image(run)) != image)
        return;
    run_observe(run, "spoilt", image->name, EVENT_NO_NUMBER, NULL);
    bool again = says_again(run, image);
    if (!run_broken(run))
        run_witness(run, again, "G2", "%s told that '%s' runs, and no slot holds its bytes",
                    again ? "two sources" : "one source alone", image->name);
}
