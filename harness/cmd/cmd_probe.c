/* SPDX-License-Identifier: GPL-2.0-or-later */
/* otarig probe and flash: a board's memory by hand. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/arguments.h"
#include "harness/base/mem.h"
#include "harness/run/by_hand.h"
#include "harness/cmd/cmd.h"
#include "harness/run/flash.h"
#include "harness/board/board.h"
#include "harness/board/image.h"
#include "harness/base/surroundings.h"

#define ROLES (1u << RACK_POWER | 1u << RACK_PROBE)
/* of OpenOCD 0.12's read_memory, in elements */
#define READ_MAX 0x10000u

/* ---- probe ---- */

static const char probe_usage[] =
    "usage: otarig probe PLACE VERB [ARGUMENT...] --rack RACK [--allow-exec]\n"
    "  reset | reset-halt | halt | resume | attach | erase-all\n"
    "  read ADDRESS LEN | write ADDRESS WORD | dump ADDRESS LEN FILE | program ADDRESS FILE | verify ADDRESS "
    "FILE\n"
    "Numbers are decimal, or hexadecimal after 0x. The console is not opened. The board is powered first "
    "when\n"
    "the place has a switch, and stays powered (otarig power PLACE off).\n";

static const struct probe_command {
    const char *name;
    enum probe_verb verb;
    const char *arguments; /* Address, Len, Word, file to Read, file to maKe */
} commands[] = {
    {"attach", PROBE_ATTACH, ""},     {"reset", PROBE_RESET_RUN, ""}, {"reset-halt", PROBE_RESET_HALT, ""},
    {"halt", PROBE_HALT, ""},         {"resume", PROBE_RESUME, ""},   {"erase-all", PROBE_ERASE_ALL, ""},
    {"read", PROBE_READ, "AL"},       {"write", PROBE_WRITE, "AW"},   {"dump", PROBE_DUMP, "ALK"},
    {"program", PROBE_PROGRAM, "AR"}, {"verify", PROBE_VERIFY, "AR"}};

static int take_argument(const char *verb, char kind, const char *text, struct probe_job *job,
                         struct error *error)
{
    char what[64];
    snprintf(what, sizeof what, "probe %s: %s", verb,
             kind == 'A'   ? "ADDRESS"
             : kind == 'L' ? "LEN"
             : kind == 'W' ? "WORD"
                           : "FILE");
    if (kind == 'A')
        return arguments_u32(what, text, 0, UINT32_MAX, &job->address, error);
    if (kind == 'L')
        return arguments_u32(what, text, 1, job->verb == PROBE_READ ? READ_MAX : UINT32_MAX, &job->len,
                             error);
    if (kind == 'W')
        return arguments_u32(what, text, 0, UINT32_MAX, &job->value, error);
    job->path = text;
    if (kind == 'R')
        return access(text, R_OK) ? error_set_errno(error, ERROR_INPUT, errno, "%s: %s", what, text) : 0;
    char *copy = mem_string(text);
    bool may = !access(text, W_OK) || (errno == ENOENT && !access(dirname(copy), W_OK));
    int why = errno;
    free(copy);
    return may ? 0 : error_set_errno(error, ERROR_INPUT, why, "%s: %s", what, text);
}

static int check_job(const char *verb, const struct probe_job *job, struct error *error)
{
    if ((uint64_t)job->address + job->len > UINT64_C(1) << 32)
        return error_set(error, ERROR_INPUT,
                         "probe %s: LEN: expected at most 0x%llx from 0x%x on, found 0x%x", verb,
                         (unsigned long long)((UINT64_C(1) << 32) - job->address), job->address, job->len);
    if (job->verb == PROBE_WRITE && job->address % 4)
        return error_set(error, ERROR_INPUT, "probe %s: ADDRESS: expected a multiple of 4, found 0x%x", verb,
                         job->address);
    return 0;
}

static int probe_job_of(int argc, char **argv, struct probe_job *job, struct error *error)
{
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        const char *verb = argv[1], *kinds = commands[i].arguments;
        if (strcmp(verb, commands[i].name))
            continue;
        int wanted = (int)strlen(kinds);
        if (argc - 2 != wanted)
            return error_set(error, ERROR_INPUT, "probe %s: expected %d arguments, found %d", verb, wanted,
                             argc - 2);
        *job = (struct probe_job){.verb = commands[i].verb};
        for (int k = 0; k < wanted; k++)
            if (take_argument(verb, kinds[k], argv[2 + k], job, error))
                return -1;
        return check_job(verb, job, error);
    }
    return error_set(error, ERROR_INPUT, "probe: unknown verb '%s' (see otarig probe --help)",
                     argc > 1 ? argv[1] : "");
}

int cmd_probe(int argc, char **argv)
{
    struct by_hand hand;
    struct probe_job job;
    struct error error = {0};
    int code;
    if (by_hand_begin(&hand, &argc, argv, NULL, probe_usage, &code)) {
        by_hand_end(&hand);
        return code;
    }
    int failed = probe_job_of(argc, argv, &job, &error) || by_hand_need(&hand, RACK_PROBE, &error) ||
                 by_hand_open(&hand, ROLES, &error) || by_hand_power_up(&hand, &error) ||
                 by_hand_probe(&hand, &job, &error);
    const cJSON *hex = cJSON_GetObjectItem(hand.fields, "hex");
    if (!failed)
        puts(cJSON_IsString(hex) ? hex->valuestring : "ok");
    return by_hand_finish(&hand, true, failed, &error);
}

/* ---- flash ---- */

static const char flash_usage[] =
    "usage: otarig flash PLACE [IMAGE] [FOLDER] --rack RACK [--allow-exec]\n"
    "Erases the board and writes its initial images; IMAGE (default v1) is the application, FOLDER the\n"
    "firmware (default: the good demo firmware). The console is not opened. The board is powered first when\n"
    "the place has a switch, and stays powered: the application runs (otarig power PLACE off).\n";

int cmd_flash(int argc, char **argv)
{
    struct by_hand hand;
    struct board board = {0};
    struct image_set images = {0};
    struct error error = {0};
    int code;
    if (by_hand_begin(&hand, &argc, argv, NULL, flash_usage, &code)) {
        by_hand_end(&hand);
        return code;
    }
    char *folder = argc > 2 ? mem_string(argv[2]) : surroundings_firmware();
    int failed = argc > 3 ? error_set(&error, ERROR_INPUT,
                                      "flash: expected IMAGE and FOLDER, found also '%s'", argv[3])
                          : by_hand_need(&hand, RACK_PROBE, &error);
    const char *start = argc > 1 ? argv[1] : "v1";
    failed = failed || board_find(surroundings_boards(), hand.place->board, &board, &error) ||
             board_can_run(&board, &error) || image_set_load(folder, &images, &error) ||
             flash_check(&board, &images, start, &error) || by_hand_open(&hand, ROLES, &error) ||
             by_hand_power_up(&hand, &error) || flash_board(&hand, &board, &images, start, true, &error);
    image_set_release(&images);
    board_release(&board);
    free(folder);
    return by_hand_finish(&hand, true, failed, &error);
}
