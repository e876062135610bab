/* libFuzzer: scenario files, with small images behind the names that the seeds use. */
#include "harness/explore/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char folder[] = "/tmp/otarig-fuzz-spec.XXXXXX";
static const char *const names[] = {"mbr.bin", "bootloader.bin", "v1.bin",
                                    "v2.bin",  "v3.bin",         "settings.bin"};
#define NAMES (sizeof names / sizeof *names)

static void clear(void)
{
    for (size_t i = 0; i < NAMES; i++) {
        char *path = mem_printf("%s/%s", folder, names[i]);
        remove(path);
        free(path);
    }
    remove(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (!mkdtemp(folder))
        abort();
    atexit(clear);
    for (size_t i = 0; i < NAMES; i++) {
        char *path = mem_printf("%s/%s", folder, names[i]);
        FILE *file = fopen(path, "w");
        if (!file)
            abort();
        fputs("an image of some bytes", file);
        fclose(file);
        free(path);
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char board_text[] =
        "{\"name\":\"b\",\"chip\":\"nrf52840\",\"memory\":{\"slots\":[{\"address\":"
        "\"0x1000\",\"size\":\"0x5000\"},{\"address\":\"0x6000\",\"size\":\"0x5000\"}]}}";
    struct json_document scenario, board;
    struct error error = {0};
    struct spec spec;
    if (json_parse(&scenario, "fuzz", (const char *)data, len, &error))
        return 0;
    if (json_parse(&board, "board", board_text, strlen(board_text), &error) == 0) {
        struct spec_folders folders = {.scenario = folder};
        if (spec_parse(&spec, &scenario, &board, &folders, &error) == 0)
            spec_release(&spec);
        json_close(&board);
    }
    json_close(&scenario);
    return 0;
}
