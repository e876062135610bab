/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boards of boards/templates: each parses, and its expressions tell the lines of such boards apart. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/surroundings.h"
#include "harness/run/marks.h"

/* What a board prints in a start, and all the marks that each line is ("" none), with what a group says.
 * "?FACT" stands for an answer to that fact's question. */
static const struct sample {
    const char *template, *line, *marks, *group, *value;
} samples[] = {
    {"zephyr-mcuboot-smp", "*** Booting MCUboot v2.2.0-207-g4ccbf41fab8d ***", "", NULL, NULL},
    {"zephyr-mcuboot-smp", "*** Using Zephyr OS build v4.3.0 ***", "", NULL, NULL},
    {"zephyr-mcuboot-smp", "I: Starting bootloader", "boot", NULL, NULL},
    {"zephyr-mcuboot-smp", "[00:00:00.005,000] \x1b[0m<inf> mcuboot: Starting bootloader\x1b[0m", "boot",
     NULL, NULL},
    {"zephyr-mcuboot-smp", "I: Primary image: magic=good, swap_type=0x2, copy_done=0x1, image_ok=0x3", "",
     NULL, NULL},
    {"zephyr-mcuboot-smp", "I: Image index: 0, Swap type: test", "swap_type", "type", "test"},
    {"zephyr-mcuboot-smp", "I: Image index: 0, Swap type: revert", "swap_type revert_begin", NULL, NULL},
    {"zephyr-mcuboot-smp", "I: Starting swap using move algorithm.", "swap_begin", NULL, NULL},
    {"zephyr-mcuboot-smp", "I: Starting swap using offset algorithm.", "swap_begin", NULL, NULL},
    {"zephyr-mcuboot-smp", "I: Bootloader chainload address offset: 0xc000", "", NULL, NULL},
    {"zephyr-mcuboot-smp", "I: Image version: v1.0.0", "jump", "version", "1.0.0"},
    {"zephyr-mcuboot-smp", "I: Image version: v1.12.3+45", "jump", "version", "1.12.3+45"},
    {"zephyr-mcuboot-smp", "I: Jumping to the first image slot", "", NULL, NULL},
    {"zephyr-mcuboot-smp", "uart:~$ *** Booting Zephyr OS build v4.3.0 ***", "app_up", NULL, NULL},
    {"zephyr-mcuboot-smp", "kernel reboot cold*** Using Zephyr OS build v4.3.0 ***", "", NULL, NULL},
    {"zephyr-mcuboot-smp", "E: Image in the secondary slot is not valid!", "reject", NULL, NULL},
    {"zephyr-mcuboot-smp", "E: Unable to find bootable image", "recovery", NULL, NULL},

    {"mcuboot-serial-recovery", "I: Starting bootloader", "boot", NULL, NULL},
    {"mcuboot-serial-recovery", "I: Enter the serial recovery mode", "recovery", NULL, NULL},
    {"mcuboot-serial-recovery", "I: Image version: v2.0.0", "jump", "version", "2.0.0"},
    {"mcuboot-serial-recovery", "*** Booting Zephyr OS build v4.3.0 ***", "app_up", NULL, NULL},

    {"esp-idf-ota", "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)", "boot", "reset", "1"},
    {"esp-idf-ota", "rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)", "boot", "cause",
     "SW_CPU_RESET"},
    {"esp-idf-ota", "\x1b[0;32mI (29) boot: ESP-IDF v5.1 2nd stage bootloader\x1b[0m", "second_stage", NULL,
     NULL},
    {"esp-idf-ota", "I (45) boot: Partition Table:", "", NULL, NULL},
    {"esp-idf-ota", "I (279) boot: Loaded app from partition at offset 0x10000", "jump", "offset", "10000"},
    {"esp-idf-ota", "\x1b[0;32mI (312) cpu_start: App version:      1.0.0\x1b[0m", "app_up", "version",
     "1.0.0"},
    {"esp-idf-ota", "I (312) app_init: App version:      v1.2-3-gabc", "app_up", "version", "v1.2-3-gabc"},
    {"esp-idf-ota", "I (320) app_init: ELF file SHA256:  9f2c01a23...", "elf", "elf", "9f2c01a23"},
    {"esp-idf-ota", "E (90) boot: OTA app partition slot 1 is not bootable", "reject", NULL, NULL},

    {"nuttx-nxboot", "*** nxboot ***", "boot", NULL, NULL},
    {"nuttx-nxboot", "Updating from update image", "swap_begin", NULL, NULL},
    {"nuttx-nxboot", "Found bootable image, boot from primary.", "jump", NULL, NULL},
    {"nuttx-nxboot", "NuttShell (NSH) NuttX-12.4.0", "app_up", NULL, NULL},
    {"nuttx-nxboot", "nsh> version 1.2.3 on trial", "?image", "version", "1.2.3"},
    {"nuttx-nxboot", "nsh> version 1.2.3 on trial", "?confirmed", "confirmed", "on trial"},

    {"own-bootloader-exec", "Bootloader v1.4", "boot", "loader", "1.4"},
    {"own-bootloader-exec", "Application 2.0.1 starts", "app_up", "version", "2.0.1"},
    {"own-bootloader-exec", "Update rejected: signature", "reject", NULL, NULL},
    {"own-bootloader-exec", "> version 2.0.1", "?image", "version", "2.0.1"},

    {"u-boot-rauc", "U-Boot SPL 2023.01 (Feb 01 2023 - 10:00:00 +0000)", "spl", NULL, NULL},
    {"u-boot-rauc", "U-Boot 2023.01-dirty (Feb 01 2023 - 10:00:00 +0000)", "boot", NULL, NULL},
    {"u-boot-rauc", "Reset cause: POR", "reset_cause", "cause", "POR"},
    {"u-boot-rauc", "Loading Environment from MMC... *** Warning - bad CRC, using default environment",
     "environment_lost", NULL, NULL},
    {"u-boot-rauc", "Hit any key to stop autoboot:  2", "", NULL, NULL},
    {"u-boot-rauc", "Starting kernel ...", "", NULL, NULL},
    {"u-boot-rauc", "[    0.000000] Linux version 6.1.0-13-arm64 (debian-kernel@lists.debian.org)", "kernel",
     NULL, NULL},
    {"u-boot-rauc", "[    0.000000] Kernel command line: console=ttyS0 root=/dev/mmcblk0p2 rauc.slot=A",
     "slot", "slot", "A"},
    {"u-boot-rauc",
     "[    2.100000] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block", "recovery",
     NULL, NULL},
    {"u-boot-rauc", "[  OK  ] Reached target \x1b[0;1;39mMulti-User System\x1b[0m.", "app_up", NULL, NULL},
    {"u-boot-rauc", "Welcome to \x1b[1mDebian GNU/Linux 12 (bookworm)\x1b[0m!", "", NULL, NULL},
    {"u-boot-rauc", "image: 1.4.0", "?image", "version", "1.4.0"},
    {"u-boot-rauc", "root@board:~# . /etc/os-release; echo \"image: $VERSION_ID\"", "?image", NULL, NULL},
    {"u-boot-rauc",
     "{\"booted\":\"A\",\"slots\":[{\"rootfs.1\":{\"state\":\"inactive\",\"boot_status\":\"bad\"}},{\"rootfs."
     "0\":{"
     "\"state\":\"booted\",\"boot_status\":\"good\"}}]}",
     "?confirmed", "confirmed", "good"},
    {"u-boot-rauc", "0a7c2c3e-6f0d-4f5d-9a39-0d6a3a4c2b11", "?alive", "boot_id",
     "0a7c2c3e-6f0d-4f5d-9a39-0d6a3a4c2b11"},
    {"u-boot-rauc", "up2", "?up", "", ""},
    {"u-boot-rauc", "root@board:~# echo up$((1+1))", "?up", NULL, NULL},

    {"u-boot-swupdate", "U-Boot 2023.01", "boot", NULL, NULL},
    {"u-boot-swupdate", "ustate: 1", "?confirmed", "confirmed", "1"},
    {"u-boot-swupdate", "# echo \"ustate: $(fw_printenv -n ustate)\"", "?confirmed", NULL, NULL},
    {"mender", "[    0.000000] Linux version 6.1.0", "kernel", NULL, NULL},
    {"mender", "image: release-7", "?image", "version", "release-7"},
    {"mender", "# echo \"image: $(mender show-artifact)\"", "?image", NULL, NULL},
    {"mender", "upgrade: 0", "?confirmed", "confirmed", "0"},
};
#define SAMPLE_COUNT (sizeof samples / sizeof *samples)

static struct error error;

static void load(const char *template, struct board *board)
{
    char *file = mem_printf("boards/templates/%s.json", template), *path = surroundings_data(file);
    cr_assert_eq(board_load(path, board, &error), 0, "%s", error.text);
    free(file);
    free(path);
}

static int is_template(const struct dirent *entry)
{
    return strstr(entry->d_name, ".json") != NULL;
}

Test(templates, each_parses_can_run_and_has_samples)
{
    struct dirent **entries;
    char *folder = surroundings_data("boards/templates");
    int count = scandir(folder, &entries, is_template, alphasort);
    cr_assert_geq(count, 8);
    surroundings_allow_exec();
    for (int i = 0; i < count; i++) {
        struct board board;
        size_t found = 0;
        *strstr(entries[i]->d_name, ".json") = 0;
        load(entries[i]->d_name, &board);
        cr_expect_str_eq(board.name, entries[i]->d_name);
        cr_expect_eq(board_can_run(&board, &error), 0);
        for (size_t s = 0; s < SAMPLE_COUNT; s++)
            found += !strcmp(samples[s].template, board.name);
        cr_expect(found > 0, "%s", board.name);
        board_release(&board);
        free(entries[i]);
    }
    free(entries);
    free(folder);
}

/* Holds a group of the last match against what it must say. */
static void check_group(const struct sample *sample, struct marks *marks, size_t index)
{
    char value[100];
    if (!sample->group || !sample->group[0])
        return;
    cr_expect(marks_group(marks, index, sample->line, sample->group, value, sizeof value), "%s: '%s'",
              sample->template, sample->line);
    cr_expect_str_eq(value, sample->value, "%s: '%s': %s", sample->template, sample->line, value);
}

static void check_marks(const struct sample *sample, const struct board *board)
{
    char told[200] = "";
    struct marks *marks = marks_new(board->marks, board->mark_count, board->path, &error);
    cr_assert(marks);
    for (size_t i = 0; i < marks_count(marks); i++) {
        if (!marks_match(marks, i, sample->line, strlen(sample->line)))
            continue;
        size_t len = strlen(told);
        snprintf(told + len, sizeof told - len, "%s%s", len ? " " : "", marks_name(marks, i));
        if (!strcmp(sample->marks, marks_name(marks, i)))
            check_group(sample, marks, i);
    }
    cr_expect_str_eq(told, sample->marks, "%s: '%s': %s", sample->template, sample->line, told);
    marks_free(marks);
}

static void check_answer(const struct sample *sample, const struct board *board)
{
    const struct source *source = NULL;
    for (int fact = 0; fact < FACTS; fact++)
        if (!strcmp(fact_name((enum fact)fact), sample->marks + 1))
            source = facts_source(board, (enum fact)fact, SOURCE_ASK);
    cr_assert(source, "%s: no question for %s", sample->template, sample->marks + 1);
    struct board_mark answer = {"answer", source->answer};
    struct marks *marks = marks_new(&answer, 1, board->path, &error);
    cr_assert(marks);
    bool is = marks_match(marks, 0, sample->line, strlen(sample->line));
    cr_expect_eq(is, sample->group != NULL, "%s: '%s'", sample->template, sample->line);
    if (is)
        check_group(sample, marks, 0);
    marks_free(marks);
}

Test(templates, their_expressions_tell_lines_apart)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct board board;
        load(samples[i].template, &board);
        if (samples[i].marks[0] == '?')
            check_answer(&samples[i], &board);
        else
            check_marks(&samples[i], &board);
        board_release(&board);
    }
}
