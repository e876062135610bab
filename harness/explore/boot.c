/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boots a flash dump on the twin: what a developer does with a board that came back from the field. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/arguments.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/explore/explore.h"
#include "harness/explore/report.h"

struct boot {
    const char *board, *flash, *save;
    long boots, ms;
    bool trace;
};

/* 0: go on; else an exit code + 1. */
static int take_options(struct boot *boot, int argc, char **argv)
{
    double boots = (double)boot->boots, ms = (double)boot->ms;
    const struct argument table[] = {
        {"board", "BOARD", "a name (boards/BOARD.json) or a file", ARGUMENT_TEXT, .to = &boot->board},
        {"flash", "DUMP", "the dump", ARGUMENT_TEXT, .to = &boot->flash},
        {"boots", "N", "power cycles (1)", ARGUMENT_WHOLE, .to = &boots, 1, 1000},
        {"time", "MS", "each ends after this long without a flash operation or reset (5000)", ARGUMENT_WHOLE,
         .to = &ms, 1, 86400000},
        {"trace", NULL,
         "flash operations with the code address of each; it is always said where the core waits in the end",
         ARGUMENT_FLAG, .to = &boot->trace},
        {"save", "FILE", "non-volatile memory as it is afterwards", ARGUMENT_TEXT, .to = &boot->save},
        {0}};
    const struct arguments arguments = {"boot",
                                        "usage: otarig boot --board BOARD --flash DUMP [option...]\n"
                                        "Boots a dump of the code flash (or of all non-volatile memory) on "
                                        "the twin and shows what it does.\n",
                                        NULL, table};
    int first, code;
    if (arguments_take(&arguments, argc, argv, &first, &code))
        return code + 1;
    boot->boots = (long)boots;
    boot->ms = (long)ms;
    if (!boot->board || !boot->flash)
        return arguments_wrong("boot", "expected --board and --flash, found no %s",
                               boot->board ? "--flash" : "--board") +
               1;
    return first < argc ? arguments_wrong("boot", "expected no argument, found '%s'", argv[first]) + 1 : 0;
}
static bool trace(void *arg, struct machine *machine, const struct twin_nvm_op *op)
{
    double ms = (double)(op->begin_ns - machine->begin_ns) * 1e-6;
    if (op->kind == TWIN_NVM_WRITE)
        printf("[%10.3f ms] %zu: 0x%08x: 0x%08x to 0x%08x, pc 0x%08x\n", ms, machine->op_count, op->address,
               op->before, op->value, op->pc);
    else
        printf("[%10.3f ms] %zu: erase of 0x%08x, %u bytes%s, pc 0x%08x\n", ms, machine->op_count,
               op->address, op->len, op->to_ppm < TWIN_WHOLE_PPM ? " (a part of it)" : "", op->pc);
    return false;
}

static int save(const struct boot *boot, const struct machine *machine, struct error *error)
{
    FILE *file = boot->save ? fopen(boot->save, "wb") : NULL;
    if (!boot->save)
        return 0;
    bool good = file && fwrite(machine->nvm, 1, machine->spec->nvm_size, file) == machine->spec->nvm_size;
    good = file && fclose(file) == 0 && good;
    return good ? 0 : error_set(error, ERROR_SYSTEM, "%s: cannot be written", boot->save);
}

static void tell_forgiven(const struct twin *twin)
{
    const struct twin_forgiven *list;
    size_t count = twin_forgiven(twin, &list);
    for (size_t i = 0; i < count; i++)
        printf("note: the code at 0x%08x %s, 0x%08x: a real core faults there, the twin does not\n",
               list[i].pc, list[i].what, list[i].address);
}

/* A dump has no symbols: addresses must do. */
static void tell_wait(const struct machine *machine)
{
    if (!machine->waits_pc)
        return;
    printf("it waits at pc 0x%08x", machine->waits_pc);
    if (machine->waits.count)
        printf(", and looks at register 0x%08x (0x%x) near pc 0x%08x%s", machine->waits.address,
               machine->waits.value, machine->waits.pc,
               machine->end == END_BLIND ? ", of which the twin knows nothing: a chip might go on" : "");
    printf("\n");
}

static int run(const struct boot *boot, const struct spec *spec, struct error *error)
{
    uint8_t *nvm = explore_read_dump(spec, boot->flash, error);
    struct machine *machine = nvm ? machine_new(spec, 1, false, error) : NULL;
    if (!machine) {
        free(nvm);
        return -1;
    }
    machine_load(machine, nvm);
    twin_strict(machine->twin, true);
    free(nvm);
    if (boot->trace)
        machine->hooks.op = trace;
    for (long i = 0; i < boot->boots; i++) {
        size_t notes = machine->note_count;
        machine_cycle(machine, UINT64_MAX);
        printf("--- power cycle %ld: console\n%.*s\n--- ended by: %s after %.3f ms, %zu flash operations, %u "
               "resets\n",
               i + 1, (int)machine->text_len, machine->text ? machine->text : "",
               machine_end_names[machine->end], (double)(machine->end_ns - machine->begin_ns) * 1e-6,
               machine->op_count, machine->resets);
        tell_wait(machine);
        for (; notes < machine->note_count; notes++)
            printf("note: %s\n", machine->notes[notes]);
    }
    tell_forgiven(machine->twin);
    int result = save(boot, machine, error);
    machine_free(machine);
    return result;
}

int boot_main(int argc, char **argv, const char *boards)
{
    struct boot boot = {.boots = 1, .ms = 5000};
    struct json_document scenario = {0}, board = {0};
    struct error error = {0};
    struct spec spec;
    int code = take_options(&boot, argc, argv);
    if (code)
        return code - 1;
    char *path = surroundings_board(boards, boot.board);
    char *text = mem_printf("{\"schema_version\":1,\"kind\":\"explore\",\"name\":\"boot\",\"images\":{},"
                            "\"end\":{\"quiet_ms\":%ld,"
                            "\"total_ms\":86400000,\"resets\":20},\"contract\":[{\"stable\":1}]}",
                            boot.ms);
    int result = json_parse(&scenario, "boot", text, strlen(text), &error) ||
                 json_load(&board, path, &error) ||
                 spec_parse(&spec, &scenario, &board, &(struct spec_folders){.scenario = "."}, &error);
    free(path);
    free(text);
    if (!result) {
        result = run(&boot, &spec, &error);
        spec_release(&spec);
    }
    json_close(&scenario);
    json_close(&board);
    if (result)
        fprintf(stderr, "otarig: %s\n", error.text);
    return result ? error_exit_code(&error) : 0;
}
