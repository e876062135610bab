/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/explore/spec/symbols.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"

struct file {
    int fd;
    Elf *elf;
    Dwarf *dwarf;
    Dwarf_CFI *frames;
};
struct symbols {
    struct file *files;
    size_t count;
};

struct symbols *symbols_open(const struct spec *spec)
{
    struct symbols *symbols = mem_alloc(sizeof *symbols);
    elf_version(EV_CURRENT);
    symbols->files = mem_array(spec->image_count + 1, sizeof *symbols->files);
    for (size_t i = 0; i < spec->image_count; i++) {
        if (!spec->images[i].elf)
            continue;
        struct file file = {.fd = open(spec->images[i].path, O_RDONLY | O_CLOEXEC)};
        if (file.fd < 0)
            continue;
        file.elf = elf_begin(file.fd, ELF_C_READ_MMAP, NULL);
        file.dwarf = file.elf ? dwarf_begin_elf(file.elf, DWARF_C_READ, NULL) : NULL;
        file.frames = file.dwarf ? dwarf_getcfi(file.dwarf) : NULL;
        symbols->files[symbols->count++] = file;
    }
    return symbols;
}

void symbols_close(struct symbols *symbols)
{
    if (!symbols)
        return;
    for (size_t i = 0; i < symbols->count; i++) {
        dwarf_end(symbols->files[i].dwarf);
        elf_end(symbols->files[i].elf);
        close(symbols->files[i].fd);
    }
    free(symbols->files);
    free(symbols);
}

static bool address_in_table(Elf *elf, const char *name, uint32_t *address, uint32_t *len)
{
    Elf_Scn *section = NULL;
    GElf_Shdr head;
    while ((section = elf_nextscn(elf, section)) && gelf_getshdr(section, &head)) {
        Elf_Data *data = head.sh_type == SHT_SYMTAB ? elf_getdata(section, NULL) : NULL;
        GElf_Sym symbol;
        for (int i = 0; data && head.sh_entsize && (size_t)i < data->d_size / head.sh_entsize; i++) {
            const char *its =
                gelf_getsym(data, i, &symbol) ? elf_strptr(elf, head.sh_link, symbol.st_name) : NULL;
            if (!its || strcmp(its, name) || symbol.st_shndx == SHN_UNDEF)
                continue;
            bool function = GELF_ST_TYPE(symbol.st_info) == STT_FUNC;
            *address = (uint32_t)symbol.st_value & (function ? ~1u : ~0u);
            *len = (uint32_t)symbol.st_size;
            return true;
        }
    }
    return false;
}

bool symbols_address(const char *path, const char *name, uint32_t *address, uint32_t *len)
{
    elf_version(EV_CURRENT);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
    bool found = elf && address_in_table(elf, name, address, len);
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return found;
}

static void find_in_table(const struct file *file, uint32_t pc, struct symbols_source *source)
{
    Elf_Scn *section = NULL;
    GElf_Shdr head;
    while ((section = elf_nextscn(file->elf, section)) && gelf_getshdr(section, &head)) {
        Elf_Data *data = head.sh_type == SHT_SYMTAB ? elf_getdata(section, NULL) : NULL;
        GElf_Sym symbol;
        for (int i = 0; data && head.sh_entsize && (size_t)i < data->d_size / head.sh_entsize; i++) {
            if (!gelf_getsym(data, i, &symbol) || GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
                continue;
            uint32_t begin = (uint32_t)symbol.st_value & ~1u;
            const char *name = elf_strptr(file->elf, head.sh_link, symbol.st_name);
            if (pc - begin < symbol.st_size && name)
                snprintf(source->function, sizeof source->function, "%s", name);
        }
    }
}

static const char *short_path(const char *path)
{
    const char *last = strrchr(path, '/'), *at = last;
    while (at && at > path && at[-1] != '/')
        at--;
    return at ? at : path;
}

static void put_source(struct symbols_source *source, const char *path, int line)
{
    if (!path)
        return;
    snprintf(source->file, sizeof source->file, "%s", short_path(path));
    source->line = line;
}

static Dwarf_Word number_of(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (dwarf_attr_integrate(die, name, &attribute))
        dwarf_formudata(&attribute, &value);
    return value;
}

/* From where this inlined copy was called (DWARF 5, 3.3.8.2). */
static void put_call(struct symbols_source *source, Dwarf_Die *unit, Dwarf_Die *copy)
{
    Dwarf_Files *files;
    size_t count, file = number_of(copy, DW_AT_call_file);
    if (dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
        put_source(source, dwarf_filesrc(files, file, NULL, NULL), (int)number_of(copy, DW_AT_call_line));
}

/* Innermost first. */
static void put_inlined(struct place *place, const char *name)
{
    if (place->inlined_count == PLACE_INLINED_MAX)
        return;
    struct symbols_source *source = &place->inlined[place->inlined_count++];
    *source = place->in;
    snprintf(source->function, sizeof source->function, "%s", name ? name : "");
}

static void turn(struct symbols_source *sources, unsigned count)
{
    for (unsigned i = 0; i < count / 2; i++) {
        struct symbols_source swap = sources[i];
        sources[i] = sources[count - 1 - i];
        sources[count - 1 - i] = swap;
    }
}

static void find_inlined(Dwarf_Die *unit, uint32_t pc, struct place *place)
{
    Dwarf_Die *at = NULL, *scopes = NULL;
    int count = dwarf_getscopes(unit, pc, &at) > 0 ? dwarf_getscopes_die(&at[0], &scopes) : 0;
    struct symbols_source function = place->in;
    for (int i = 0; i < count; i++) {
        if (dwarf_tag(&scopes[i]) != DW_TAG_inlined_subroutine)
            continue;
        put_inlined(place, dwarf_diename(&scopes[i]));
        place->in.line = 0;
        place->in.file[0] = 0;
        put_call(&place->in, unit, &scopes[i]);
    }
    memcpy(place->in.function, function.function, sizeof place->in.function);
    turn(place->inlined, place->inlined_count);
    free(at);
    free(scopes);
}

static void find_line(const struct file *file, uint32_t pc, struct place *place)
{
    Dwarf_Die unit;
    int number = 0;
    if (!file->dwarf || !dwarf_addrdie(file->dwarf, pc, &unit))
        return;
    Dwarf_Line *line = dwarf_getsrc_die(&unit, pc);
    if (!line)
        return;
    dwarf_lineno(line, &number);
    put_source(&place->in, dwarf_linesrc(line, NULL, NULL), number);
    find_inlined(&unit, pc, place);
}

void symbols_find(const struct symbols *symbols, uint32_t pc, struct place *place)
{
    *place = (struct place){.pc = pc};
    for (size_t i = 0; i < symbols->count && !place->in.function[0]; i++) {
        find_in_table(&symbols->files[i], pc, &place->in);
        if (place->in.function[0])
            find_line(&symbols->files[i], pc, place);
    }
}

/* ---- one step up the stack (DWARF 5, 6.4) ---- */

struct unwinding {
    const uint32_t *registers;
    bool (*read)(void *arg, uint32_t address, uint32_t *word);
    void *arg;
    uint32_t cfa;
};

/* The few operations that compilers use for ARM frames. */
static bool evaluate(const struct unwinding *state, const Dwarf_Op *ops, size_t count, bool *is_value,
                     uint32_t *out)
{
    uint32_t stack[8];
    unsigned top = 0;
    *is_value = false;
    for (size_t i = 0; i < count; i++) {
        unsigned atom = ops[i].atom;
        if (top >= 7)
            return false;
        if (atom >= DW_OP_breg0 && atom <= DW_OP_breg15)
            stack[top++] = state->registers[atom - DW_OP_breg0] + (uint32_t)ops[i].number;
        else if (atom >= DW_OP_reg0 && atom <= DW_OP_reg15) {
            stack[top++] = state->registers[atom - DW_OP_reg0];
            *is_value = true;
        } else if (atom == DW_OP_bregx && ops[i].number < 16)
            stack[top++] = state->registers[ops[i].number] + (uint32_t)ops[i].number2;
        else if (atom == DW_OP_call_frame_cfa)
            stack[top++] = state->cfa;
        else if (atom == DW_OP_plus_uconst && top)
            stack[top - 1] += (uint32_t)ops[i].number;
        else if (atom == DW_OP_stack_value)
            *is_value = true;
        else
            return false;
    }
    if (!top)
        return false;
    *out = stack[top - 1];
    return true;
}

static bool step(const struct file *file, struct unwinding *state, uint32_t pc, uint32_t *caller)
{
    Dwarf_Frame *frame = NULL;
    Dwarf_Op memory[3], *ops;
    size_t count;
    bool is_value, good = false;
    uint32_t at;
    if (!file->frames || dwarf_cfi_addrframe(file->frames, pc, &frame) != 0)
        return false;
    if (dwarf_frame_cfa(frame, &ops, &count) == 0 && evaluate(state, ops, count, &is_value, &state->cfa) &&
        dwarf_frame_register(frame, 14, memory, &ops, &count) == 0) {
        if (!count) { /* as it is */
            *caller = state->registers[14];
            good = true;
        } else if (evaluate(state, ops, count, &is_value, &at)) {
            good = is_value ? (*caller = at, true) : state->read(state->arg, at, caller);
        }
    }
    free(frame);
    *caller = (*caller & ~1u) - 2; /* into the call, not behind it */
    return good;
}

bool symbols_caller(const struct symbols *symbols, const uint32_t registers[16],
                    bool (*read)(void *arg, uint32_t address, uint32_t *word), void *arg, uint32_t *pc)
{
    struct unwinding state = {registers, read, arg, 0};
    for (size_t i = 0; i < symbols->count; i++)
        if (step(&symbols->files[i], &state, registers[15], pc))
            return true;
    *pc = 0;
    return false;
}

#define STACK_WORDS 192

/* A Thumb return address: right behind a 32-bit BL, or a BLX of a register. */
static bool returns(bool (*read)(void *arg, uint32_t address, uint32_t *word), void *arg, uint32_t value)
{
    uint32_t low, high, at = value & ~1u;
    if (!(value & 1) || at < 4 || !read(arg, (at - 4) & ~3u, &low) || !read(arg, ((at - 4) & ~3u) + 4, &high))
        return false;
    uint64_t both = (uint64_t)high << 32 | low;
    uint32_t word = (uint32_t)(both >> 8 * ((at - 4) & 3));
    bool bl = (word & 0xf800) == 0xf000 && (word >> 30 & 3) == 3 && (word >> 28 & 1);
    bool blx = (word >> 16 & 0xff87) == 0x4780;
    return bl || blx;
}

unsigned symbols_chain(const struct symbols *symbols, const uint32_t registers[16],
                       bool (*read)(void *arg, uint32_t address, uint32_t *word), void *arg,
                       struct symbols_source chain[SYMBOLS_CHAIN_MAX])
{
    struct place place;
    char last[sizeof place.in.function];
    unsigned count = 0;
    symbols_find(symbols, registers[15], &place);
    memcpy(last, place.in.function, sizeof last);
    for (uint32_t i = 0; i <= STACK_WORDS && count < SYMBOLS_CHAIN_MAX; i++) {
        uint32_t value = registers[14];
        if (i && !read(arg, registers[13] + 4 * (i - 1), &value))
            break;
        if (!returns(read, arg, value))
            continue;
        symbols_find(symbols, (value & ~1u) - 2, &place);
        if (!place.in.function[0] || !strcmp(place.in.function, last))
            continue;
        memcpy(last, place.in.function, sizeof last);
        chain[count++] = place.in;
    }
    return count;
}
