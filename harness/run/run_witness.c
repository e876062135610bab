/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second witness. A line of the console that is missing or wrong accuses the board, but the cable, the
 * adapter and the host may have lost it too, for a moment, and work again when the rig is proven afterwards.
 * So whatever would make a case fail is looked at another way: the board is asked for an answer, the probe
 * reads what the running slot holds and where the core is. What it says is an observation; the fold judges.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/record/text.h"
#include "harness/run/run.h"

#define DEAD_LIVES 3 /* where nothing but the board itself can be asked */
#define SAMPLES RUN_SAMPLES
#define SAMPLE_EVERY_US 37000u /* of no period that an application is likely to have */
#define HEAD_LEN 1024u
#define LINE_LEN 128u
#define LOOP_LINES 4u

void run_witness(struct run *run, bool confirms, const char *clauses, const char *format, ...)
{
    char text[300], names[64], *rest = names;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(names, sizeof names, "%s", clauses);
    cJSON *fields = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(fields, "clauses");
    for (char *name; (name = strsep(&rest, " "));)
        cJSON_AddItemToArray(list, cJSON_CreateString(name));
    cJSON_AddStringToObject(fields, "why", text);
    run_observe(run, "witness", confirms ? "confirms" : "doubts", EVENT_NO_NUMBER, fields);
}

/* The next source of "alive" that the software on the board answers by itself, from *from on. */
static const struct source *answering(const struct run *run, size_t *from)
{
    const struct source *source;
    size_t index;
    for (; (source = facts_next(run->plan->board, FACT_ALIVE, run->rig->place, *from, &index));
         *from = index + 1)
        if (source->kind != SOURCE_PROBE && !source_is_passive(source)) {
            *from = index + 1;
            return source;
        }
    return NULL;
}

bool run_can_answer(const struct run *run)
{
    size_t from = 0;
    return answering(run, &from) != NULL;
}

bool run_answers(struct run *run, uint64_t limit_us)
{
    const struct source *source;
    struct run_told told;
    const struct update_job ping = {.intent = UPDATE_PING, .deadline_us = limit_us};
    for (size_t from = 0; !run_broken(run) && (source = answering(run, &from));)
        if (source->kind == SOURCE_UPDATE ? !run_update(run, &ping)
                                          : run_ask(run, FACT_ALIVE, source, &told) && told.holds)
            return true;
    return false;
}

/* ---- the probe's view ---- */

struct look {
    bool read, core;    /* the probe could read the slot, look at the core */
    const char *image;  /* authentic, in the running slot; NULL: none */
    unsigned in_slot;   /* of SAMPLES */
    bool slept, locked; /* in any of them */
    uint32_t pc[SAMPLES], low, high;
    size_t count;
};

bool run_file_is(const struct image *image, const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = mem_alloc(image->len);
    bool equal =
        file && fread(data, 1, image->len, file) == image->len && !memcmp(data, image->data, image->len);
    if (file)
        fclose(file);
    free(data);
    return equal;
}

static int dump_slot(struct run *run, size_t slot, const char *path, size_t len)
{
    const struct probe_job job = {.verb = PROBE_DUMP,
                                  .path = path,
                                  .address = run->plan->board->slots[slot].address,
                                  .len = (uint32_t)len};
    return run_probe_once(run, &job);
}

/* The head says which image it may be: a slow probe need not read as much as the longest one has. */
static int slot_image(struct run *run, size_t slot, const char *path, const char **name)
{
    const struct image_set *set = run->plan->images;
    uint8_t head[HEAD_LEN] = {0};
    *name = NULL;
    if (!run->plan->board->slots[slot].len || dump_slot(run, slot, path, sizeof head))
        return -1;
    FILE *file = fopen(path, "rb");
    bool whole = file && fread(head, 1, sizeof head, file) == sizeof head;
    if (file)
        fclose(file);
    for (size_t i = 0; whole && i < set->count && !*name; i++) {
        const struct image *image = &set->images[i];
        size_t same = image->len < sizeof head ? image->len : sizeof head;
        if ((!image->hash && !image->version) || image->len > run->plan->board->slots[0].len ||
            memcmp(image->data, head, same))
            continue;
        if (dump_slot(run, slot, path, image->len))
            return -1;
        if (run_file_is(image, path))
            *name = image->name;
    }
    return whole ? 0 : -1;
}

/* Where an image runs from either slot, one that stands in both, or in none, is named; of two different ones
 * nothing says which runs. */
int run_slot_image(struct run *run, const char *path, const char **name)
{
    const char *other = NULL;
    if (slot_image(run, 0, path, name))
        return -1;
    if (!run->plan->board->runs_either)
        return 0;
    if (slot_image(run, 1, path, &other))
        return -1;
    if (*name && other && strcmp(*name, other))
        return -1;
    *name = *name ? *name : other;
    return 0;
}

static bool is_in_slot(const struct run *run, uint32_t at)
{
    const struct board *board = run->plan->board;
    for (size_t i = 0; i < (board->runs_either ? 2u : 1u); i++)
        if (at >= board->slots[i].address && at - board->slots[i].address < board->slots[i].len)
            return true;
    return false;
}

static int sample(struct run *run, struct look *look)
{
    if (run_probe_once(run, &(struct probe_job){.verb = PROBE_SAMPLE}))
        return -1;
    const cJSON *pc = cJSON_GetObjectItemCaseSensitive(run->probe.fields, "pc");
    uint32_t at = cJSON_IsNumber(pc) ? (uint32_t)pc->valuedouble : 0;
    look->slept |= cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(run->probe.fields, "asleep"));
    look->locked |= cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(run->probe.fields, "locked_up"));
    look->in_slot += is_in_slot(run, at);
    look->pc[look->count++] = at;
    look->low = at < look->low ? at : look->low;
    look->high = at > look->high ? at : look->high;
    return 0;
}

static void look_at_core(struct run *run, struct look *look)
{
    *look = (struct look){.low = UINT32_MAX, .core = true};
    for (int i = 0; i < SAMPLES && look->core && !run_broken(run); i++)
        if (sample(run, look) || run_sleep(run, SAMPLE_EVERY_US))
            look->core = false;
}

static void look_at(struct run *run, struct look *look)
{
    look_at_core(run, look);
    char *path = mem_printf("%s/witness-slot.bin", run->folder);
    look->read = !run_broken(run) && !run_slot_image(run, path, &look->image);
    remove(path); /* the evidence of a failed case has its own dump */
    free(path);
}

/* A core that never waits and is only ever found in a few small pieces of code: a loop, what it calls, and
 * the interrupts that go on all the same. */
static bool loops(const struct look *look)
{
    uint32_t lines[SAMPLES];
    size_t found = 0;
    for (size_t i = 0; i < look->count; i++) {
        size_t k = 0;
        while (k < found && lines[k] != look->pc[i] / LINE_LEN)
            k++;
        if (k == found)
            lines[found++] = look->pc[i] / LINE_LEN;
    }
    return !look->slept && found <= LOOP_LINES;
}

/* Some applications wait in a loop, too: one in which the healthy board mostly is as well says nothing. */
static bool hangs(const struct run *run, const struct look *look)
{
    const struct run_healthy *healthy = &run->healthy;
    size_t there = 0;
    for (size_t i = 0; i < healthy->count; i++)
        there += healthy->pc[i] + LINE_LEN >= look->low && healthy->pc[i] <= look->high + LINE_LEN;
    return loops(look) && !(healthy->count && !healthy->slept && 2 * there >= healthy->count);
}

void run_look_at_healthy(struct run *run)
{
    struct look look;
    look_at_core(run, &look);
    if (run_broken(run) || !look.core)
        return;
    run->healthy = (struct run_healthy){.slept = look.slept, .count = look.count};
    memcpy(run->healthy.pc, look.pc, sizeof look.pc);
}

static const char *dead_because(const struct run *run, const struct look *look)
{
    if (!run->plan->board->slots[0].len)
        return look->core && look->locked ? "the probe finds the core locked up" : NULL;
    if (look->read && !look->image)
        return "the probe finds no authentic image in the running slot";
    if (look->core && look->locked)
        return "the probe finds the core locked up";
    if (look->core && !look->in_slot)
        return "the probe finds the core outside of the running slot";
    if (look->core && hangs(run, look))
        return "the probe finds the core in an endless loop";
    return NULL;
}

bool run_works(struct run *run)
{
    struct look look;
    look_at_core(run, &look);
    return look.core && !dead_because(run, &look);
}

/* Whether a loop is a hang is known once the healthy board has been looked at. */
static void suspect_loop(struct run *run, const struct look *look, const char *broken, const char *doubted)
{
    struct run_loop *loop = &run->loop_seen;
    bool first = !loop->clauses[0];
    size_t len = strlen(loop->clauses);
    snprintf(loop->clauses + len, sizeof loop->clauses - len, "%s%s", first ? "" : " ", broken);
    loop->low = first || look->low < loop->low ? look->low : loop->low;
    loop->high = first || look->high > loop->high ? look->high : loop->high;
    run_witness(run, false, doubted,
                "the probe finds the core in a loop (PC 0x%08x to 0x%08x), but a healthy board may wait so",
                look->low, look->high);
}

void run_witness_loop(struct run *run)
{
    const struct run_loop *loop = &run->loop_seen;
    if (!loop->clauses[0])
        return;
    run_look_at_healthy(run);
    const struct look look = {.low = loop->low, .high = loop->high};
    if (!run_broken(run) && run->healthy.count && hangs(run, &look))
        run_witness(
            run, true, loop->clauses,
            "the probe found the core in an endless loop (PC 0x%08x to 0x%08x), and not so the healthy board",
            loop->low, loop->high);
}

/* Is the image one of which the case itself takes for proven that its application never comes up? Then its
 * silence is its own, however the core looks: a handler of faults that sleeps waits as a healthy application
 * does. */
static bool never_comes_up(const struct run *run, const char *name)
{
    const struct scenario *scenario = &run->plan->scenario;
    for (char *const *may_run = scenario->expect.runs; *may_run; may_run++)
        if (!strcmp(*may_run, name))
            return false;
    for (size_t i = 0; i < scenario->step_count; i++) {
        const struct step *step = &scenario->steps[i];
        if (step->absent && step->fact && step->proves && step->image && !strcmp(step->image, name))
            return true;
    }
    return false;
}

void run_witness_silence(struct run *run, const char *broken, const char *doubted)
{
    struct look look;
    bool answers = run_answers(run, run_answer_us(run));
    if (run_broken(run))
        return;
    look_at(run, &look);
    if (run_broken(run))
        return;
    const char *dead = dead_because(run, &look);
    /* a boot loader's recovery mode may answer, an application that spins may too */
    if (answers && look.core && !look.in_slot && run->plan->board->slots[0].len)
        run_witness(run, true, broken,
                    "something answers, but not the code of the running slot (PC 0x%08x to 0x%08x)", look.low,
                    look.high);
    else if (answers)
        run_witness(run, false, doubted, "the board answers though the console did not show its start");
    else if (look.core && look.in_slot && look.image && never_comes_up(run, look.image))
        run_witness(run, true, broken,
                    "the probe finds %s in the running slot and its code at work (PC 0x%08x to 0x%08x)",
                    look.image, look.low, look.high);
    else if (dead && look.core && !look.locked && look.in_slot && look.image && !run->healthy.count)
        suspect_loop(run, &look, broken, doubted);
    else if (dead)
        run_witness(run, true, broken, "%s (PC 0x%08x to 0x%08x)", dead, look.low, look.high);
    else if (!look.core && !rack_probe_can(run->rig->place, PROBE_SAMPLE) && run->dead_lives >= DEAD_LIVES)
        run_witness(
            run, true, broken,
            "in %u lives in a row, each after a power-up, nothing was heard of its application (no probe "
            "can look)",
            run->dead_lives);
    else if (!look.core || !look.read)
        run_witness(run, false, doubted, "the console is silent and the probe cannot look: %s",
                    run->probe.reason);
    else
        run_witness(run, false, doubted,
                    "the console is silent, but the probe finds %s in the running slot and its code at work "
                    "(%s, PC 0x%08x to 0x%08x)",
                    look.image, look.slept ? "asleep at times" : "awake", look.low, look.high);
}

/* A command that looks from outside of the board, asked once more: does it find the same again? */
static bool found_again(struct run *run)
{
    const struct source *source = facts_source(run->plan->board, FACT_IMAGE, SOURCE_EXEC);
    struct run_told told;
    return source && run_ask(run, FACT_IMAGE, source, &told) && told.hash[0] &&
           !strcmp(told.hash, run->seen.hash);
}

/* One that is cut short is always cut short the same way. */
static bool is_whole_hash(const struct run *run)
{
    for (size_t i = 0; i < run->plan->images->count; i++) {
        const char *hash = run->plan->images->images[i].hash;
        if (hash && strlen(hash) == strlen(run->seen.hash))
            return true;
    }
    return false;
}

/* A wire that garbles a letter does not garble it the same way in another life. */
static bool told_again(struct run *run)
{
    bool same = run->unknown_lives && is_whole_hash(run) && !strcmp(run->seen.hash, run->unknown_hash);
    run->unknown_lives = same ? run->unknown_lives + 1 : 1;
    snprintf(run->unknown_hash, sizeof run->unknown_hash, "%s", run->seen.hash);
    return run->unknown_lives > 1;
}

void run_witness_unknown(struct run *run)
{
    bool again = told_again(run);
    const char *name;
    if (found_again(run)) {
        run_witness(run, true, "G2 G3",
                    "the command that looks at the running slot finds, twice, what no image has");
        return;
    }
    char *path = mem_printf("%s/witness-slot.bin", run->folder);
    int failed = run_slot_image(run, path, &name);
    remove(path);
    free(path);
    if (run_broken(run))
        return;
    if (failed && again)
        run_witness(
            run, true, "G2 G3",
            "in %u lives in a row the board told the same hash, which no image has (no probe can look)",
            run->unknown_lives);
    else if (failed)
        run_witness(run, false, "G2 G3",
                    "the console told a hash that no image has and the probe cannot look: %s",
                    run->probe.reason);
    else if (name)
        run_witness(run, false, "G2 G3",
                    "the console told a hash that no image has, but the running slot holds %s, byte for byte",
                    name);
    else
        run_witness(run, true, "G2", "the running slot holds no authentic image");
}

/* ---- garbage ---- */

/* Frames of the update protocol share the console (MCUmgr's serial transport begins them so). */
static bool is_frame(const char *at)
{
    return (at[0] == 0x06 && at[1] == 0x09) || (at[0] == 0x04 && at[1] == 0x14);
}

/* Bytes that no board prints: control characters but those of terminals, and what is no UTF-8. */
static bool is_garbled(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (i + 1 < len && is_frame(text + i))
            i++;
        else if ((c < 0x20 && !(c && strchr("\t\r\a\b\f\x1b", c))) || c == 0x7f)
            return true;
    }
    return !text_is_utf8(text, len);
}

/* One such line just before a boot line is the glitch of a pin that floats through a reset, and one in which
 * a mark was found all the same was understood. */
void run_garble_line(struct run *run, const char *text, size_t len, bool marked)
{
    struct run_garble *garble = &run->garble;
    if (!run_is_judged(run) || !run->powered || run_speaks_raw(run))
        return;
    if (marked || !is_garbled(text, len)) {
        garble->count += garble->pending;
        garble->pending = 0;
        return;
    }
    if (!garble->count && !garble->pending)
        snprintf(garble->first, sizeof garble->first, "%.60s", text);
    garble->pending++;
}

void run_garble_boot(struct run *run)
{
    if (run->garble.pending == 1)
        run->garble.pending = 0;
}

void run_witness_garble(struct run *run)
{
    unsigned count = run->garble.count + run->garble.pending;
    char text[sizeof run->garble.first * 3];
    text_fit(text, sizeof text, run->garble.first);
    if (count)
        run_witness(run, false, RUN_ALL_CLAUSES,
                    "%u line%s of the console were garbled, the first one \"%s\"", count,
                    count == 1 ? "" : "s", text);
}
