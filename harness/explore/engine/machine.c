/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/engine/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "harness/base/mem.h"
#include "harness/base/pattern.h"

#define TEXT_MAX (1u << 20)
#define NOTES_MAX 128
#define LATE_OPS 1024 /* operations after which somebody is asked whether it is late */

const char *const machine_end_names[] = {"exec",
                                         "mark",
                                         "sleep",
                                         "quiet",
                                         "lockup",
                                         "resets",
                                         "total",
                                         "point",
                                         "loop",
                                         "cut",
                                         "waits for what is not modelled"};

size_t machine_offset(const struct spec *spec, uint32_t address)
{
    size_t left;
    return spec_offset(spec, address, &left);
}

void machine_stop(struct machine *machine, enum machine_end end)
{
    if (!machine->ended) {
        machine->end = end;
        machine->cut_ns = twin_now_ns(machine->twin);
    }
    machine->ended = true;
    twin_log_pause(machine->twin, true);
    twin_stop(machine->twin);
}

void machine_log(struct machine *machine, const struct twin_log *log)
{
    twin_log_reads(machine->twin, log);
    machine->logging = log;
}

size_t machine_reads(const struct machine *machine, const struct twin_read **list)
{
    return twin_reads(machine->twin, list);
}

/* ---- flash ---- */

static void touch(struct machine *machine, size_t offset, size_t len)
{
    for (size_t page = offset >> 12; page <= (offset + len - 1) >> 12; page++)
        machine->touched[page] = 1;
}

struct op machine_op(const struct twin_nvm_op *op)
{
    bool writes = op->kind == TWIN_NVM_WRITE;
    return (struct op){.address = op->address,
                       .value = writes ? op->value : op->len,
                       .pc = op->pc,
                       .kind = op->kind,
                       .len = writes ? op->len : 0,
                       .to_ppm = op->to_ppm};
}

static void append(struct machine *machine, const struct twin_nvm_op *op)
{
    if (machine->op_count == machine->op_room) {
        machine->op_room = machine->op_room ? machine->op_room * 2 : 1024;
        machine->ops = mem_resize(machine->ops, machine->op_room, sizeof *machine->ops);
        machine->sums = mem_resize(machine->sums, machine->op_room, sizeof *machine->sums);
    }
    machine->ops[machine->op_count] = machine_op(op);
    machine->sums[machine->op_count++] = machine->sum;
}

/* Adds what a part of an erase leaves of the page. */
static void account_part(struct machine *machine, size_t offset, const struct twin_nvm_op *op)
{
    uint8_t *before = mem_copy(machine->nvm + offset, op->len);
    twin_erase_part(op->address, machine->nvm + offset, op->len, op->to_ppm);
    machine->sum = sum_xor(machine->sum, sum_span(machine->nvm, offset, op->len));
    memcpy(machine->nvm + offset, before, op->len);
    free(before);
}

static void account(struct machine *machine, const struct twin_nvm_op *op)
{
    if (op->kind == TWIN_NVM_ERASE_ALL) {
        machine->sum = (struct sum){0, 0};
        touch(machine, 0, machine->spec->nvm_size);
        return;
    }
    size_t offset = machine_offset(machine->spec, op->address);
    machine->sum = sum_xor(machine->sum, sum_span(machine->nvm, offset, op->len));
    touch(machine, offset, op->len);
    if (op->kind != TWIN_NVM_WRITE) {
        if (op->to_ppm != TWIN_WHOLE_PPM)
            account_part(machine, offset, op);
        return;
    }
    uint8_t word[4];
    memcpy(word, machine->nvm + (offset & ~(size_t)3), 4);
    memcpy(word + (offset & 3), &op->value, op->len);
    uint32_t value;
    memcpy(&value, word, 4);
    machine->sum = sum_xor(machine->sum, sum_word((uint32_t)(offset / 4), value));
}

bool machine_gives_up(struct machine *machine)
{
    if (!machine->is_late || !machine->is_late(machine->late_arg))
        return false;
    machine_stop(machine, END_TOTAL);
    return machine->abandoned = true;
}

static void on_nvm(void *arg, const struct twin_nvm_op *op)
{
    struct machine *machine = arg;
    if (machine->ended)
        return; /* of the block in which it ended */
    if (machine->op_count % LATE_OPS == LATE_OPS - 1 && machine_gives_up(machine))
        return;
    bool wanted = machine->hooks.op && machine->hooks.op(machine->hooks.arg, machine, op);
    if (machine->op_count == machine->cut_at || op->begin_ns - machine->begin_ns >= machine->cut_after_ns) {
        machine_stop(machine, END_CUT);
        machine->cut_op = machine_op(op);
        machine->cut_ns = op->begin_ns;
        return;
    }
    account(machine, op);
    append(machine, op);
    if (op->end_ns < machine->last_ns) {
        machine->wrong = "time ran backwards over a flash operation";
        machine_stop(machine, END_TOTAL);
    }
    machine->last_ns = op->end_ns;
    if (machine->reset_to_come && machine->op_count == machine->reset_at) {
        machine->reset_wanted = true;
        twin_stop(machine->twin);
    }
    if (wanted && machine->hooks.point) {
        machine->point_wanted = true;
        twin_stop(machine->twin);
    }
}

/* ---- console ---- */

static void line_done(struct machine *machine, uint64_t t_ns)
{
    const struct spec *spec = machine->spec;
    if (machine->line_count == machine->line_room) {
        machine->line_room = machine->line_room ? machine->line_room * 2 : 64;
        machine->line_ns = mem_resize(machine->line_ns, machine->line_room, sizeof *machine->line_ns);
    }
    machine->line_ns[machine->line_count++] = t_ns - machine->begin_ns;
    const char *line = machine->text + machine->line_begin;
    size_t len = machine->text_len - machine->line_begin - 1;
    if (len && line[len - 1] == '\r')
        len--;
    machine->line_begin = machine->text_len;
    if (!machine->cutting && pattern_matches(spec->cut_from, line, len)) {
        machine->cutting = true;
        machine->cut_first = machine->op_count;
    }
    if (outside_line(&machine->outside, line, len, twin_now_ns(machine->twin)))
        twin_stop(machine->twin);
    if (spec->end_pattern && pattern_matches(spec->end_pattern, line, len))
        machine_stop(machine, END_MARK);
}

static void on_uart(void *arg, unsigned port, uint8_t byte, uint64_t t_ns)
{
    struct machine *machine = arg;
    if (machine->ended || machine->text_len >= TEXT_MAX)
        return;
    if (machine->text_len == machine->text_room) {
        machine->text_room = machine->text_room ? machine->text_room * 2 : 1024;
        machine->text = mem_resize(machine->text, machine->text_room, 1);
    }
    machine->text[machine->text_len++] = (char)byte;
    if (byte == '\n')
        line_done(machine, t_ns);
}

/* ---- the rest ---- */

static void on_reset(void *arg, enum twin_reset kind, uint64_t t_ns)
{
    struct machine *machine = arg;
    if (kind == TWIN_RESET_POWER || machine->ended)
        return;
    machine->last_ns = t_ns;
    if (machine->reset_wanted)
        return; /* ours */
    if (++machine->resets > machine->spec->resets)
        machine_stop(machine, END_RESETS);
}

static void on_exec(void *arg, uint32_t pc, uint64_t t_ns)
{
    struct machine *machine = arg;
    for (size_t i = 0; i < machine->spec->exec_count && !machine->ended; i++) {
        const struct spec_region *region = &machine->spec->exec[i];
        if (pc - region->address >= region->len)
            continue;
        machine->end_pc = pc;
        machine_stop(machine, END_EXEC);
    }
}

static void on_pin(void *arg, unsigned pin, bool level, uint64_t t_ns)
{
    struct machine *machine = arg;
    outside_pin(&machine->outside, pin, t_ns);
}

static void on_note(void *arg, const char *text, uint64_t t_ns)
{
    struct machine *machine = arg;
    if (machine->note_count == NOTES_MAX)
        return;
    machine->notes = mem_resize(machine->notes, machine->note_count + 1, sizeof *machine->notes);
    machine->notes[machine->note_count++] = mem_string(text);
}

static void watch_exec(struct machine *machine)
{
    const struct spec *spec = machine->spec;
    uint64_t begin = UINT64_MAX, end = 0;
    for (size_t i = 0; i < spec->exec_count; i++) {
        uint64_t last = (uint64_t)spec->exec[i].address + spec->exec[i].len;
        begin = spec->exec[i].address < begin ? spec->exec[i].address : begin;
        end = last > end ? last : end;
    }
    if (end)
        twin_watch_exec(machine->twin, (uint32_t)begin, (uint32_t)(end - begin));
}

struct machine *machine_new(const struct spec *spec, uint64_t seed, bool reads, struct error *error)
{
    struct machine *machine = mem_alloc(sizeof *machine);
    machine->spec = spec;
    machine->input = &spec->input;
    machine->reset_at = machine->cut_after_ns = UINT64_MAX;
    machine->nvm = mmap(NULL, spec->nvm_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (machine->nvm == MAP_FAILED) {
        error_set_errno(error, ERROR_SYSTEM, errno, "memory for a flash image");
        free(machine);
        return NULL;
    }
    memset(machine->nvm, 0xff, spec->nvm_size);
    machine->touched_count = (spec->nvm_size >> 12) + 1;
    machine->touched = mem_alloc(machine->touched_count);
    struct twin_config config = {.chip = spec->chip, .nvm = machine->nvm, .seed = seed, .reads = reads};
    config.listener = (struct twin_listener){.arg = machine,
                                             .nvm = on_nvm,
                                             .uart = on_uart,
                                             .reset = on_reset,
                                             .exec = on_exec,
                                             .pin = on_pin,
                                             .note = on_note};
    machine->twin = twin_new(&config, error);
    if (!machine->twin) {
        machine_free(machine);
        return NULL;
    }
    watch_exec(machine);
    uint8_t *fresh = mem_alloc(spec->nvm_size);
    spec_factory(spec, fresh);
    machine_load(machine, fresh);
    free(fresh);
    return machine;
}

void machine_free(struct machine *machine)
{
    if (!machine)
        return;
    twin_free(machine->twin);
    munmap(machine->nvm, machine->spec->nvm_size);
    for (size_t i = 0; i < machine->note_count; i++)
        free(machine->notes[i]);
    free(machine->notes);
    free(machine->touched);
    free(machine->ops);
    free(machine->sums);
    free(machine->text);
    free(machine->line_ns);
    free(machine);
}

void machine_set(struct machine *machine, size_t offset, const uint8_t *data, size_t len)
{
    const struct twin_region *regions;
    size_t count = twin_nvm_regions(machine->spec->chip, &regions);
    machine->sum = sum_xor(machine->sum, sum_span(machine->nvm, offset, len));
    memcpy(machine->nvm + offset, data, len);
    machine->sum = sum_xor(machine->sum, sum_span(machine->nvm, offset, len));
    touch(machine, offset, len);
    for (size_t i = 0; i < count; i++) {
        size_t begin = offset > regions[i].offset ? offset : regions[i].offset;
        size_t end = offset + len, last = regions[i].offset + regions[i].size;
        end = end < last ? end : last;
        if (begin < end)
            twin_nvm_changed(machine->twin, regions[i].address + (uint32_t)(begin - regions[i].offset),
                             (uint32_t)(end - begin));
    }
}

void machine_load(struct machine *machine, const uint8_t *image)
{
    size_t size = machine->spec->nvm_size;
    for (size_t at = 0; at < size; at += 256) {
        size_t len = size - at < 256 ? size - at : 256;
        if (memcmp(image + at, machine->nvm + at, len) != 0)
            machine_set(machine, at, image + at, len);
    }
}

/* What is ours of it, and what is in flash. */
static struct sum with_ours(const struct machine *machine, struct twin_digest rest)
{
    struct sum sum = sum_with(sum_with(machine->sum, rest.low), rest.high);
    uint64_t now = twin_now_ns(machine->twin);
    sum = sum_with(sum, now - machine->last_ns);
    sum = sum_with(sum, machine->cutting);
    if (machine->outside.bark_ns != UINT64_MAX)
        sum = sum_with(sum, machine->outside.bark_ns - now);
    for (size_t i = 0; i < machine->input->count; i++) {
        uint64_t at = machine->outside.due_ns[i];
        sum = sum_with(sum, at == UINT64_MAX ? at : at - now);
    }
    /* the line the console is in the middle of: a mark may need it */
    for (size_t i = machine->line_begin; i < machine->text_len; i++)
        sum = sum_with(sum, (uint8_t)machine->text[i]);
    return sum;
}

bool machine_digests(struct machine *machine, struct sum *full, struct sum *timeless)
{
    struct twin_digest both[2];
    bool left_out = twin_digest_timeless(machine->twin, machine->spec->total_ns, &both[0], &both[1]);
    *full = with_ours(machine, both[0]);
    *timeless = sum_with(with_ours(machine, both[1]), 1);
    return left_out;
}

struct sum machine_digest(struct machine *machine)
{
    return with_ours(machine, twin_digest_volatile(machine->twin));
}

uint32_t machine_looks(const struct machine *machine)
{
    return (uint32_t)(twin_clock_looks(machine->twin) - machine->looks_begin);
}
