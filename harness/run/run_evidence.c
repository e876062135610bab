/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Evidence: what a person needs who does not believe the verdict. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/run/run.h"

#define LAST_EDGE_US 30000 /* what the contact of a virtual relay may take after its command */

static void say(struct run *run, const char *what, const char *file)
{
    event_put(&run->sink, EVENT_EVIDENCE, "run", what, file);
}

static void dump(struct run *run, const struct board_span *span)
{
    char *name = mem_printf("flash-%s.bin", span->name), *path = mem_printf("%s/%s", run->folder, name);
    const struct probe_job job = {
        .verb = PROBE_DUMP, .path = path, .address = span->address, .len = span->len};
    /* a board that cannot be dumped is still judged; the proof of the rig comes after this */
    if (!run_probe_once(run, &job))
        say(run, "flash", name);
    else
        run_note(run, "%s: dump failed: %s", name, run->probe.reason);
    free(path);
    free(name);
}

void run_evidence(struct run *run, bool dump_flash)
{
    const struct board *board = run->plan->board;
    struct board_span whole = board->flash;
    say(run, "console", "console.log");
    if (!dump_flash || !rig_probe(run->rig))
        return;
    whole.name = "all";
    for (size_t i = 0; i < board->evidence_count && !run_broken(run); i++)
        dump(run, &board->evidence[i]);
    if (!board->evidence_count && whole.len)
        dump(run, &whole);
}

static bool belongs(const char *line, const char *place, uint64_t from_us)
{
    const char *time = strstr(line, "\"t_us\":");
    char name[96];
    snprintf(name, sizeof name, "\"place\":\"%s\"", place);
    return time && strtoull(time + 7, NULL, 10) >= from_us && strstr(line, name);
}

/* What a cut of the rail hit, in a sentence. */
static void note_torn(struct run *run, const char *line)
{
    cJSON *event = strstr(line, "\"off\"") ? cJSON_Parse(line) : NULL;
    const cJSON *report = cJSON_GetObjectItem(event, "report"), *op = cJSON_GetObjectItem(report, "op");
    const char *what = cJSON_GetStringValue(cJSON_GetObjectItem(report, "what"));
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItem(op, "kind"));
    if (what && kind && !strcmp(what, "off") && cJSON_IsTrue(cJSON_GetObjectItem(report, "inside")))
        run_note(
            run,
            "the rail fell at %.0f us inside operation %.0f: %s 0x%08x, %.1f %% done, by the code at 0x%x",
            cJSON_GetNumberValue(cJSON_GetObjectItem(report, "t_us")),
            cJSON_GetNumberValue(cJSON_GetObjectItem(op, "index")), *kind == 'e' ? "erase" : "write",
            (unsigned)cJSON_GetNumberValue(cJSON_GetObjectItem(op, "address")),
            cJSON_GetNumberValue(cJSON_GetObjectItem(op, "fraction_ppm")) / 1e4,
            (unsigned)cJSON_GetNumberValue(cJSON_GetObjectItem(op, "pc")));
    cJSON_Delete(event);
}

static char *truth_path(void)
{
    const char *rack = surroundings_rack();
    return rack ? mem_printf("%s/truth.jsonl", rack) : NULL;
}

void run_evidence_begin(struct run *run)
{
    struct stat about;
    char *path = truth_path();
    run->truth_from_us = clock_now_us();
    /* what the rack has logged in a night is not read again for each case */
    run->truth_from = path && !stat(path, &about) ? about.st_size : 0;
    free(path);
}

/* On the virtual rack: what really happened below the wire, for people and for `otarig repro`; never for the
 * verdict. */
void run_evidence_truth(struct run *run)
{
    char *from = truth_path();
    if (!from)
        return;
    run_pause(run, LAST_EDGE_US);
    char *to = mem_printf("%s/truth.jsonl", run->folder);
    FILE *in = fopen(from, "r"), *out = in && !fseeko(in, run->truth_from, SEEK_SET) ? fopen(to, "wx") : NULL;
    char *line = NULL;
    size_t room = 0;
    while (out && getline(&line, &room, in) > 0)
        if (belongs(line, run->rig->place->name, run->truth_from_us)) {
            fputs(line, out);
            note_torn(run, line);
        }
    free(line);
    if (in)
        fclose(in);
    if (out && !fclose(out))
        say(run, "truth", "truth.jsonl");
    free(from);
    free(to);
}
