/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libFuzzer: scenario files, with small images behind the names that the seeds use. */
#include "harness/explore/spec/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define RAW "an image of some bytes"
static char folder[] = "/tmp/otarig-fuzz-spec.XXXXXX";
static const struct {
    const char *name, *text;
} files[] = {{"mbr.bin", RAW},
             {"bootloader.bin", RAW},
             {"v1.bin", RAW},
             {"v2.bin", RAW},
             {"v3.bin", RAW},
             {"settings.bin", RAW},
             {"firmware.hex", ":0400000001020304F2\n:00000001FF\n"}};
#define FILES (sizeof files / sizeof *files)

static void clear(void)
{
    for (size_t i = 0; i < FILES; i++) {
        char *path = mem_printf("%s/%s", folder, files[i].name);
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
    for (size_t i = 0; i < FILES; i++) {
        char *path = mem_printf("%s/%s", folder, files[i].name);
        FILE *file = fopen(path, "w");
        if (!file)
            abort();
        fputs(files[i].text, file);
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
