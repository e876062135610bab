#include "harness/explore/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

struct judging {
    struct machine *machine;
    enum machine_end end;
    uint32_t end_pc;
    const char *text;
    size_t text_len;
    const char *fail_class;
    char detail[120];
};

static bool any_line(const void *pattern, const char *text, size_t len)
{
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t stop = end ? (size_t)(end - text) : len, cut = stop;
        if (cut > at && text[cut - 1] == '\r')
            cut--;
        if (spec_matches(pattern, text + at, cut - at))
            return true;
        at = stop + 1;
    }
    return false;
}

static bool holds_image(const struct spec *spec, const uint8_t *nvm, const struct spec_region *region,
                        size_t image)
{
    const struct explore_segment *part = &spec->images[image].segments[0];
    return part->len <= region->len &&
           memcmp(nvm + machine_offset(spec, region->address), part->data, part->len) == 0;
}

/* Any image of the scenario that lies there: a whole image, only not the right one. */
static const char *other_image(const struct spec *spec, const uint8_t *nvm, const struct spec_region *region)
{
    for (size_t i = 0; i < spec->image_count; i++)
        if (spec->images[i].segment_count == 1 && holds_image(spec, nvm, region, i))
            return spec->images[i].name;
    return NULL;
}

static bool executes(struct judging *judging, const struct clause *clause)
{
    if (judging->end == END_EXEC && judging->end_pc - clause->region.address < clause->region.len)
        return true;
    if (judging->end == END_EXEC)
        snprintf(judging->detail, sizeof judging->detail, "executes at 0x%08x", judging->end_pc);
    else
        snprintf(judging->detail, sizeof judging->detail, "ended by: %s", machine_end_names[judging->end]);
    if (judging->end == END_LOOP || judging->end == END_RESETS)
        judging->fail_class = "not-converging";
    return false;
}

static bool equals(struct judging *judging, const struct clause *clause)
{
    const struct spec *spec = judging->machine->spec;
    const uint8_t *nvm = judging->machine->nvm;
    for (size_t i = 0; i < clause->image_count; i++)
        if (holds_image(spec, nvm, &clause->region, clause->images[i]))
            return true;
    const char *other = other_image(spec, nvm, &clause->region);
    if (other)
        snprintf(judging->detail, sizeof judging->detail, "%s holds %s", clause->region.name, other);
    else
        snprintf(judging->detail, sizeof judging->detail, "%s holds none of the images", clause->region.name);
    if (other && !strcmp(judging->fail_class, "corrupt-image"))
        judging->fail_class = "wrong-version";
    return false;
}

static bool swapped(struct judging *judging, const struct clause *clause)
{
    const struct spec *spec = judging->machine->spec;
    const uint8_t *nvm = judging->machine->nvm;
    for (unsigned turn = 0; turn < 2; turn++)
        if (holds_image(spec, nvm, &clause->region, clause->images[turn]) &&
            holds_image(spec, nvm, &clause->other, clause->images[!turn]))
            return true;
    snprintf(judging->detail, sizeof judging->detail, "%s and %s hold something else", clause->region.name,
             clause->other.name);
    return false;
}

static bool word(struct judging *judging, const struct clause *clause)
{
    uint32_t value;
    memcpy(&value, judging->machine->nvm + machine_offset(judging->machine->spec, clause->region.address), 4);
    snprintf(judging->detail, sizeof judging->detail, "it is 0x%08x", value);
    return (value & clause->mask) == clause->value;
}

static bool stable(struct judging *judging, const struct clause *clause)
{
    struct machine *machine = judging->machine;
    struct sum before = machine->sum;
    for (unsigned i = 0; i < clause->boots; i++) {
        machine_cycle(machine, UINT64_MAX);
        bool exec = judging->end == END_EXEC;
        if (machine->end != judging->end || (exec && machine->end_pc != judging->end_pc)) {
            snprintf(judging->detail, sizeof judging->detail, "a further boot ended by: %s",
                     machine_end_names[machine->end]);
            return false;
        }
        if (!sum_equal(before, machine->sum)) {
            snprintf(judging->detail, sizeof judging->detail, "boot %u after it changed flash", i + 1);
            return false;
        }
    }
    return true;
}

static bool holds(struct judging *judging, const struct clause *clause)
{
    switch (clause->kind) {
    case CLAUSE_EXECUTES:
        return executes(judging, clause);
    case CLAUSE_EQUALS:
        return equals(judging, clause);
    case CLAUSE_SWAPPED:
        return swapped(judging, clause);
    case CLAUSE_WORD:
        return word(judging, clause);
    case CLAUSE_STABLE:
        return stable(judging, clause);
    case CLAUSE_SEEN:
        return !judging->text || any_line(clause->pattern, judging->text, judging->text_len);
    case CLAUSE_NEVER:
        return !judging->text || !any_line(clause->pattern, judging->text, judging->text_len);
    }
    return true;
}

static bool judge_phase(struct judging *judging, unsigned number, struct verdict *verdict)
{
    const struct phase *phase = &judging->machine->spec->phases[number];
    for (size_t i = 0; i < phase->clause_count; i++) {
        judging->detail[0] = 0;
        judging->fail_class = phase->clauses[i].fail_class;
        if (holds(judging, &phase->clauses[i]))
            continue;
        *verdict = (struct verdict){true, (uint8_t)number, (uint8_t)i, judging->fail_class, ""};
        snprintf(verdict->detail, sizeof verdict->detail, "%s", judging->detail);
        return false;
    }
    return true;
}

static void boot(struct judging *judging, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        machine_cycle(judging->machine, UINT64_MAX);
    judging->end = judging->machine->end;
    judging->end_pc = judging->machine->end_pc;
    judging->text = judging->machine->text;
    judging->text_len = judging->machine->text_len;
}

void judge_flash(struct machine *machine, enum machine_end end, uint32_t end_pc, struct verdict *verdict)
{
    const struct spec *spec = machine->spec;
    struct judging judging = {.machine = machine, .end = end, .end_pc = end_pc};
    uint8_t *copy = mem_copy(machine->nvm, spec->nvm_size);
    void *op = (void *)machine->arg;
    bool (*op_hook)(void *, struct machine *, const struct twin_nvm_op *) = machine->op;
    *verdict = (struct verdict){.fail_class = ""};
    machine->op = NULL;
    bool good = judge_phase(&judging, 0, verdict);
    for (unsigned i = 1; i < spec->phase_count && good; i++) {
        machine->input = spec->phases[i].input ? spec->phases[i].input : &spec->input;
        machine_prepare(machine, &spec->phases[i].prepare, NULL);
        if (spec->phases[i].boots)
            boot(&judging, spec->phases[i].boots);
        good = judge_phase(&judging, i, verdict);
    }
    machine->input = &spec->input;
    machine->op = op_hook;
    machine->arg = op;
    machine_load(machine, copy);
    free(copy);
}

void judge_text(const struct spec *spec, const char *text, size_t len, struct verdict *verdict)
{
    const struct phase *phase = &spec->phases[0];
    for (size_t i = 0; i < phase->clause_count; i++) {
        const struct clause *clause = &phase->clauses[i];
        bool seen = clause->kind == CLAUSE_SEEN, never = clause->kind == CLAUSE_NEVER;
        if (verdict->fails && verdict->phase == 0 && verdict->clause < i)
            return;
        if ((!seen && !never) || any_line(clause->pattern, text, len) == seen)
            continue;
        *verdict = (struct verdict){true, 0, (uint8_t)i, clause->fail_class, ""};
        snprintf(verdict->detail, sizeof verdict->detail,
                 seen ? "no line of the console does" : "a line of the console does");
        return;
    }
}
