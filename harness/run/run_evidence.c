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

void run_evidence(struct run *run, bool dump_flash)
{
    say(run, "console", "console.log");
    if (!dump_flash || !rig_probe(run->rig))
        return;
    char *path = mem_printf("%s/flash.bin", run->folder);
    const struct probe_job job = {.verb = PROBE_DUMP,
                                  .path = path,
                                  .address = run->plan->board->flash.address,
                                  .len = run->plan->board->flash.len};
    /* a board that cannot be dumped is still judged; the proof of the rig comes after this */
    if (!run_probe_once(run, &job))
        say(run, "flash", "flash.bin");
    else
        run_note(run, "flash dump failed: %s", run->probe.reason);
    free(path);
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
