#include "harness/cmd/by_hand.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/cmd/cmd.h"

static void hear(struct by_hand *hand, const struct event *event)
{
    if (hand->heard_len + event->len > BY_HAND_HEARD_MAX)
        return;
    hand->heard = mem_resize(hand->heard, hand->heard_len + event->len + 1, 1);
    memcpy(hand->heard + hand->heard_len, event->data, event->len);
    hand->heard_len += event->len;
}

static void put(struct sink *sink, const struct event *event)
{
    struct by_hand *hand = (struct by_hand *)sink;
    if (event->kind == EVENT_INPUT) {
        hear(hand, event);
        if (hand->raw)
            fwrite(event->data, 1, event->len, stdout);
        fflush(stdout);
    } else if (event->kind == EVENT_PROBE &&
               (!strcmp(event->what, "done") || !strcmp(event->what, "failed"))) {
        const cJSON *text = cJSON_GetObjectItem(event->fields, "text"),
                    *reason = cJSON_GetObjectItem(event->fields, "reason");
        hand->job_over = true;
        hand->job_ok = !strcmp(event->what, "done");
        snprintf(hand->reason, sizeof hand->reason, "%s: %s",
                 cJSON_IsString(reason) ? reason->valuestring : "failed",
                 cJSON_IsString(text) ? text->valuestring : "");
        cJSON_Delete(hand->fields);
        hand->fields = cJSON_Duplicate(event->fields, true);
    } else if (event->kind == EVENT_RIG || event->kind == EVENT_NOTE) {
        fprintf(stderr, "%s: %s\n", event->source, event->value ? event->value : event->what);
    }
}

static void on_signal(void *arg, int signal_number)
{
    ((struct by_hand *)arg)->interrupted = true;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *at)
{
    return remove(path);
}

/* The emulation works on programs started inside of it. With OTARIG_RACK and UMOCKDEV_DIR set we are. */
static int inside_virtual_rack(struct by_hand *hand, const char *rack_file, int argc, char **argv, int *code)
{
    struct virtual_rack rack;
    struct error error = {0};
    const char *base = getenv("TMPDIR");
    char *folder = mem_printf("%s/otarig-rack.XXXXXX", base && *base ? base : "/tmp");
    int status = 0;
    if (!mkdtemp(folder)) {
        error_set_errno(&error, ERROR_SYSTEM, errno, "%s", folder);
        *code = cmd_fail(&error);
        free(folder);
        return -1;
    }
    if (virtual_rack_start(&rack, hand->loop, rack_file, cmd_boards_folder(), folder, &error)) {
        *code = cmd_fail(&error);
        nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(folder);
        return -1;
    }
    fprintf(stderr, "virtual rack at %s, for as long as this command runs\n", folder);
    pid_t pid = fork();
    if (!pid) {
        for (int i = 0; i < 5; i++)
            putenv(rack.environment[i]);
        char **whole = mem_array((size_t)argc + 2, sizeof *whole);
        whole[0] = "otarig";
        memcpy(whole + 1, argv, (size_t)argc * sizeof *argv);
        execv("/proc/self/exe", whole);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 3;
    virtual_rack_stop(&rack, hand->loop);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(folder);
    return -1;
}

int by_hand_enter(struct by_hand *hand, const char *rack_file, const char *place, int argc, char **argv,
                  int *code)
{
    struct error error = {0};
    *hand = (struct by_hand){.sink = {.put = put}, .loop = loop_new()};
    int failed = rack_load(rack_file, &hand->rack, &error);
    hand->place = failed ? NULL : rack_place(&hand->rack, place);
    if (!failed && !hand->place)
        failed = error_set(&error, ERROR_INPUT, "%s: no place '%s'", rack_file, place);
    if (failed)
        *code = cmd_fail(&error);
    else if (hand->rack.is_virtual && !getenv("UMOCKDEV_DIR"))
        failed = inside_virtual_rack(hand, rack_file, argc, argv, code);
    return failed;
}

int by_hand_begin(struct by_hand *hand, int *argc, char **argv, const char *usage, int *code)
{
    const char *rack_file = NULL;
    int place = 0, kept = 1;
    *hand = (struct by_hand){.sink = {.put = put}};
    *code = 2;
    for (int i = 1; i < *argc; i++) {
        if (!strcmp(argv[i], "--help")) {
            fputs(usage, stdout);
            *code = 0;
            return -1;
        }
        if (!strcmp(argv[i], "--rack") && i + 1 < *argc)
            rack_file = argv[++i];
        else if (!place && argv[i][0] != '-')
            place = i;
    }
    if (!rack_file || !place) {
        fputs(usage, stderr);
        return -1;
    }
    if (by_hand_enter(hand, rack_file, argv[place], *argc, argv, code))
        return -1;
    for (int i = 1; i < *argc; i++)
        if (!strcmp(argv[i], "--rack"))
            i++;
        else if (i != place)
            argv[kept++] = argv[i];
    *argc = kept;
    return 0;
}

int by_hand_open(struct by_hand *hand, struct error *error)
{
    if (rig_open(&hand->rig, hand->loop, hand->place, "/tmp", 1, error))
        return -1;
    hand->rig.listener = &hand->sink;
    hand->open = true;
    if (!hand->signals) { /* a rack's places are opened one after the other */
        loop_add_signal(hand->loop, SIGINT, on_signal, hand);
        loop_add_signal(hand->loop, SIGTERM, on_signal, hand);
    }
    hand->signals = true;
    return 0;
}

void by_hand_end(struct by_hand *hand)
{
    if (hand->open)
        rig_close(&hand->rig);
    cJSON_Delete(hand->fields);
    free(hand->heard);
    rack_release(&hand->rack);
    loop_free(hand->loop);
}

int by_hand_wait(struct by_hand *hand, uint64_t for_us, struct error *error)
{
    uint64_t end_us = clock_now_us() + for_us, now_us;
    while (!hand->interrupted && (now_us = clock_now_us()) < end_us)
        if (loop_turn(hand->loop, end_us - now_us, error) < 0)
            return -1;
    return hand->interrupted ? error_set(error, ERROR_INTERRUPTED, "interrupted") : 0;
}

int by_hand_probe(struct by_hand *hand, const struct probe_job *job, struct error *error)
{
    const struct probe_ops *probe = rig_probe(&hand->rig);
    if (!probe)
        return error_set(error, ERROR_INPUT, "place '%s' has no probe", hand->place->name);
    hand->job_over = false;
    if (probe->start(hand->rig.self[RACK_PROBE], job, error))
        return -1;
    while (!hand->job_over && !hand->interrupted)
        if (loop_turn(hand->loop, LOOP_NEVER, error) < 0)
            return -1;
    if (hand->interrupted)
        return error_set(error, ERROR_INTERRUPTED, "interrupted");
    return hand->job_ok
               ? 0
               : error_set(error, ERROR_RIG, "probe: %s: %s", probe_verb_name(job->verb), hand->reason);
}
