/* otarig power, console, probe, flash: what a developer does by hand on one place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/cmd/by_hand.h"
#include "harness/cmd/cmd.h"
#include "harness/plan/board.h"
#include "harness/plan/image.h"

static int finish(struct by_hand *hand, int failed, const struct error *error)
{
    int code = failed ? cmd_fail(error) : hand->interrupted ? 130 : 0;
    by_hand_end(hand);
    return code;
}

/* ---- power ---- */

static int switch_to(struct by_hand *hand, bool on, struct error *error)
{
    struct power_report report = {0};
    if (rig_power(&hand->rig)->set(hand->rig.self[RACK_POWER], on, &report, error))
        return -1;
    printf("%s: %s%s\n", hand->place->name, on ? "on" : "off", report.verified ? ", read back" : "");
    return 0;
}

static int power_verb(struct by_hand *hand, const char *verb, struct error *error)
{
    bool on;
    if (!hand->rig.self[RACK_POWER])
        return error_set(error, ERROR_INPUT, "place '%s' has no power switch", hand->place->name);
    if (!strcmp(verb, "on") || !strcmp(verb, "off"))
        return switch_to(hand, !strcmp(verb, "on"), error);
    if (!strcmp(verb, "cycle"))
        return switch_to(hand, false, error) || by_hand_wait(hand, 500000, error)
                   ? -1
                   : switch_to(hand, true, error);
    if (strcmp(verb, "get"))
        return error_set(error, ERROR_INPUT, "power: expected on, off, cycle or get, found '%s'", verb);
    if (rig_power(&hand->rig)->get(hand->rig.self[RACK_POWER], &on, error))
        return -1;
    printf("%s: %s\n", hand->place->name, on ? "on" : "off");
    return 0;
}

int cmd_power(int argc, char **argv)
{
    struct by_hand hand;
    struct error error = {0};
    int code;
    if (by_hand_begin(&hand, &argc, argv, "usage: otarig power PLACE on|off|cycle|get --rack RACK\n",
                      &code)) {
        by_hand_end(&hand);
        return code;
    }
    int failed = argc != 2 ? error_set(&error, ERROR_INPUT, "power: expected one of on, off, cycle, get")
                           : by_hand_open(&hand, &error) || power_verb(&hand, argv[1], &error);
    /* what was switched by hand stays as it was switched: the rig is not closed into its safe state */
    if (hand.open && hand.rig.self[RACK_POWER] && !failed) {
        struct rack_place *place = (struct rack_place *)hand.place;
        bool on = false;
        if (!rig_power(&hand.rig)->get(hand.rig.self[RACK_POWER], &on, NULL))
            place->safe_on = on;
    }
    return finish(&hand, failed, &error);
}

/* ---- console ---- */

static void on_key(void *arg, int fd, uint32_t events)
{
    struct by_hand *hand = arg;
    char data[512];
    ssize_t n = read(fd, data, sizeof data);
    if (n <= 0)
        hand->interrupted = true;
    else
        rig_console(&hand->rig)->write(hand->rig.self[RACK_CONSOLE], data, (size_t)n, NULL);
}

int cmd_console(int argc, char **argv)
{
    struct by_hand hand;
    struct error error = {0};
    struct power_report report;
    int code;
    if (by_hand_begin(&hand, &argc, argv,
                      "usage: otarig console PLACE --rack RACK [--power]\n"
                      "Connects the terminal with the board's console; --power switches it on first. End "
                      "with Ctrl-C.\n",
                      &code)) {
        by_hand_end(&hand);
        return code;
    }
    hand.raw = true;
    int failed = by_hand_open(&hand, &error);
    if (!failed && argc > 1 && !strcmp(argv[1], "--power"))
        failed = rig_power(&hand.rig)->set(hand.rig.self[RACK_POWER], true, &report, &error);
    struct loop_source *keys =
        failed || !isatty(0) ? NULL : loop_add_fd(hand.loop, 0, EPOLLIN, on_key, &hand);
    while (!failed && !hand.interrupted)
        failed = loop_turn(hand.loop, LOOP_NEVER, &error) < 0;
    loop_remove(keys);
    return finish(&hand, failed, &error);
}

/* ---- probe ---- */

static const char probe_usage[] = "usage: otarig probe PLACE VERB [ARGUMENT...] --rack RACK\n"
                                  "  reset | reset-halt | halt | resume | attach | erase-all\n"
                                  "  read ADDRESS LEN | write ADDRESS WORD | dump ADDRESS LEN FILE | program "
                                  "ADDRESS FILE | verify ADDRESS FILE\n"
                                  "The board is powered first when the place has a switch.\n";

static int probe_job_of(int argc, char **argv, struct probe_job *job, struct error *error)
{
    static const struct {
        const char *name;
        enum probe_verb verb;
        int arguments;
    } verbs[] = {
        {"attach", PROBE_ATTACH, 0},   {"reset", PROBE_RESET_RUN, 0}, {"reset-halt", PROBE_RESET_HALT, 0},
        {"halt", PROBE_HALT, 0},       {"resume", PROBE_RESUME, 0},   {"erase-all", PROBE_ERASE_ALL, 0},
        {"read", PROBE_READ, 2},       {"write", PROBE_WRITE, 2},     {"dump", PROBE_DUMP, 3},
        {"program", PROBE_PROGRAM, 2}, {"verify", PROBE_VERIFY, 2}};
    for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(argv[1], verbs[i].name))
            continue;
        if (argc - 2 != verbs[i].arguments)
            return error_set(error, ERROR_INPUT, "probe %s: expected %d arguments, found %d", argv[1],
                             verbs[i].arguments, argc - 2);
        *job = (struct probe_job){.verb = verbs[i].verb};
        job->address = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 0;
        job->len = job->value = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 0) : 0;
        job->path = verbs[i].arguments ? argv[argc - 1] : NULL;
        return 0;
    }
    return error_set(error, ERROR_INPUT, "probe: unknown verb '%s' (see otarig probe --help)",
                     argc > 1 ? argv[1] : "");
}

static int power_up(struct by_hand *hand, struct error *error)
{
    struct power_report report;
    if (!hand->rig.self[RACK_POWER])
        return 0;
    return rig_power(&hand->rig)->set(hand->rig.self[RACK_POWER], true, &report, error) ||
                   by_hand_wait(hand, 100000, error)
               ? -1
               : 0;
}

int cmd_probe(int argc, char **argv)
{
    struct by_hand hand;
    struct probe_job job;
    struct error error = {0};
    int code;
    if (by_hand_begin(&hand, &argc, argv, probe_usage, &code)) {
        by_hand_end(&hand);
        return code;
    }
    int failed = probe_job_of(argc, argv, &job, &error) || by_hand_open(&hand, &error) ||
                 power_up(&hand, &error) || by_hand_probe(&hand, &job, &error);
    const cJSON *hex = cJSON_GetObjectItem(hand.fields, "hex");
    if (!failed)
        puts(cJSON_IsString(hex) ? hex->valuestring : "ok");
    return finish(&hand, failed, &error);
}

/* ---- flash ---- */

static int flash_all(struct by_hand *hand, const char *folder, const char *start, struct error *error)
{
    struct board board;
    struct image_set images;
    if (board_find(cmd_boards_folder(), hand->place->board, &board, error))
        return -1;
    if (image_set_load(folder, &images, error)) {
        board_release(&board);
        return -1;
    }
    int failed = by_hand_probe(hand, &(struct probe_job){.verb = PROBE_ERASE_ALL}, error);
    for (char **name = board.initial; *name && !failed; name++) {
        bool is_start = !strcmp(*name, "$start");
        const struct image *image = image_find(&images, is_start ? start : *name);
        const struct board_image *where = board_image(&board, *name);
        if (!image) {
            failed =
                error_set(error, ERROR_INPUT, "firmware %s: no image '%s'", folder, is_start ? start : *name);
            break;
        }
        struct probe_job job = {.verb = PROBE_PROGRAM,
                                .path = image->file,
                                .address = is_start ? board.slots[0].address
                                           : where  ? where->address
                                                    : 0,
                                .blank = true};
        printf("%s: %s at 0x%x, %zu bytes\n", hand->place->name, image->name, job.address, image->len);
        failed = by_hand_probe(hand, &job, error);
    }
    if (!failed)
        failed = by_hand_probe(hand, &(struct probe_job){.verb = PROBE_RESET_RUN}, error);
    image_set_release(&images);
    board_release(&board);
    return failed;
}

int cmd_flash(int argc, char **argv)
{
    struct by_hand hand;
    struct error error = {0};
    char *folder = cmd_firmware_folder();
    int code;
    if (by_hand_begin(
            &hand, &argc, argv,
            "usage: otarig flash PLACE [IMAGE] [FOLDER] --rack RACK\n"
            "Erases the board and writes its initial images; IMAGE (default v1) is the application.\n",
            &code)) {
        by_hand_end(&hand);
        free(folder);
        return code;
    }
    int failed = by_hand_open(&hand, &error) || power_up(&hand, &error) ||
                 flash_all(&hand, argc > 2 ? argv[2] : folder, argc > 1 ? argv[1] : "v1", &error);
    free(folder);
    return finish(&hand, failed, &error);
}
