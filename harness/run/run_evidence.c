/* Evidence: what a person needs who does not believe the verdict. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/run/run.h"

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
    if (!board->evidence_count)
        dump(run, &whole);
}

static bool belongs(const char *line, const char *place, uint64_t from_us)
{
    const char *time = strstr(line, "\"t_us\":");
    char name[96];
    snprintf(name, sizeof name, "\"place\":\"%s\"", place);
    return time && strtoull(time + 7, NULL, 10) >= from_us && strstr(line, name);
}

/* On the virtual rack: what really happened below the wire, for people and for `otarig repro`; never for the
 * verdict. */
void run_evidence_truth(struct run *run, uint64_t from_us)
{
    const char *rack = getenv("OTARIG_RACK");
    if (!rack)
        return;
    char *from = mem_printf("%s/truth.jsonl", rack), *to = mem_printf("%s/truth.jsonl", run->folder);
    FILE *in = fopen(from, "r"), *out = in ? fopen(to, "wx") : NULL;
    char *line = NULL;
    size_t room = 0;
    while (out && getline(&line, &room, in) > 0)
        if (belongs(line, run->rig->place->name, from_us))
            fputs(line, out);
    free(line);
    if (in)
        fclose(in);
    if (out && !fclose(out))
        say(run, "truth", "truth.jsonl");
    free(from);
    free(to);
}
