/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/run/by_hand.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/surroundings.h"

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
    } else if ((event->kind == EVENT_PROBE || event->kind == EVENT_UPDATE) &&
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

static void on_rack_over(void *arg, int fd, uint32_t events)
{
    ((struct by_hand *)arg)->job_over = true;
}

static void take_signals(struct by_hand *hand)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals && !hand->signals; i++)
        loop_add_signal(hand->loop, signals[i], on_signal, hand);
    hand->signals = true;
}

static void exec_inside(const struct by_hand *hand, const struct virtual_rack *rack)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (int i = 0; i < 5; i++)
        putenv(rack->environment[i]);
    char **whole = mem_array((size_t)hand->argc + 2, sizeof *whole);
    whole[0] = "otarig";
    memcpy(whole + 1, hand->argv, (size_t)hand->argc * sizeof *hand->argv);
    execv("/proc/self/exe", whole);
    _exit(127);
}

/* In the terminal's foreground, for the console; a signal to us is passed on, and what it leaves is removed.
 */
static int call_inside(struct by_hand *hand, const struct virtual_rack *rack)
{
    int status = 0;
    bool told = false;
    if (hand->interrupted)
        return 130;
    pid_t pid = fork();
    if (pid < 0)
        return 3;
    if (!pid)
        exec_inside(hand, rack);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct loop_source *ended = loop_add_fd(hand->loop, pidfd, EPOLLIN, on_rack_over, hand);
    hand->job_over = false;
    while (!hand->job_over && loop_turn(hand->loop, LOOP_NEVER, NULL) >= 0) {
        if (hand->interrupted)
            told = kill(pid, SIGTERM) == 0;
        hand->interrupted = false;
    }
    loop_remove(ended);
    close(pidfd);
    waitpid(pid, &status, 0);
    if (told && WIFSIGNALED(status))
        return 130; /* it did not listen yet */
    return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

/* The emulation works on programs started inside of it. With OTARIG_RACK and UMOCKDEV_DIR set we are. */
static int inside_virtual_rack(struct by_hand *hand)
{
    struct virtual_rack rack;
    struct error error = {0};
    const char *base = getenv("TMPDIR");
    char *folder = mem_printf("%s/otarig-rack.XXXXXX", base && *base ? base : "/tmp");
    int code;
    if (!mkdtemp(folder)) {
        error_set_errno(&error, ERROR_SYSTEM, errno, "%s", folder);
        free(folder);
        return error_print(&error);
    }
    take_signals(hand);
    if (virtual_rack_start(&rack, hand->loop, hand->rack.path, surroundings_boards(), folder,
                           !hand->rack_time, NULL, &error)) {
        code = error_print(&error);
    } else {
        fprintf(stderr, "virtual rack at %s, for as long as this command runs\n", folder);
        code = call_inside(hand, &rack);
        virtual_rack_stop(&rack, hand->loop);
    }
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(folder);
    return code;
}

static bool wants_virtual_rack(const struct by_hand *hand)
{
    return hand->rack.is_virtual && !surroundings_emulated();
}

static int find_place(struct by_hand *hand, const char *rack_file, const char *place, int argc, char **argv,
                      int *code)
{
    struct error error = {0};
    *hand = (struct by_hand){
        .sink = {.put = put}, .loop = loop_new(), .argc = argc, .rack_time = hand->rack_time};
    hand->argv = mem_array((size_t)argc + 1, sizeof *hand->argv);
    memcpy(hand->argv, argv, (size_t)argc * sizeof *argv);
    int failed = rack_load(rack_file, &hand->rack, &error);
    hand->place = failed ? NULL : rack_place(&hand->rack, place);
    if (!failed && !hand->place)
        failed = error_set(&error, ERROR_INPUT, "%s: no place '%s'", rack_file, place);
    if (failed)
        *code = error_print(&error);
    return failed;
}

int by_hand_enter(struct by_hand *hand, const char *rack_file, const char *place, int argc, char **argv,
                  int *code)
{
    if (find_place(hand, rack_file, place, argc, argv, code))
        return -1;
    if (!wants_virtual_rack(hand))
        return 0;
    *code = inside_virtual_rack(hand);
    return -1;
}

static bool is_flag(const char *const *flags, const char *text)
{
    for (; flags && *flags; flags++)
        if (!strcmp(*flags, text))
            return true;
    return false;
}

int by_hand_begin(struct by_hand *hand, int *argc, char **argv, const char *const *flags, const char *usage,
                  int *code)
{
    const char *rack_file = NULL;
    int place = 0, kept = 1;
    *hand = (struct by_hand){.sink = {.put = put}};
    *code = 2;
    for (int i = 1; i < *argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(usage, stdout);
            *code = 0;
            return -1;
        }
        if (!strcmp(argv[i], "--allow-exec")) {
            surroundings_allow_exec();
        } else if (!strcmp(argv[i], "--rack") && i + 1 < *argc) {
            rack_file = argv[++i];
        } else if (argv[i][0] == '-' && !is_flag(flags, argv[i])) {
            fprintf(stderr, "otarig %s: %s '%s' (see otarig %s --help)\n", argv[0],
                    strcmp(argv[i], "--rack") ? "unknown option" : "expected a file after", argv[i], argv[0]);
            return -1;
        } else if (!place && argv[i][0] != '-') {
            place = i;
        }
    }
    if (!rack_file || !place) {
        fprintf(stderr, "otarig %s: expected %s (see otarig %s --help)\n", argv[0],
                place ? "--rack RACK" : "PLACE", argv[0]);
        return -1;
    }
    if (find_place(hand, rack_file, argv[place], *argc, argv, code))
        return -1;
    for (int i = 1; i < *argc; i++)
        if (!strcmp(argv[i], "--rack"))
            i++;
        else if (i != place && strcmp(argv[i], "--allow-exec"))
            argv[kept++] = argv[i];
    *argc = kept;
    return 0;
}

int by_hand_open(struct by_hand *hand, unsigned roles, struct error *error)
{
    if (wants_virtual_rack(hand)) {
        hand->code = inside_virtual_rack(hand);
        hand->elsewhere = true;
        return -1;
    }
    take_signals(hand);
    if (rig_open_some(&hand->rig, roles, hand->loop, hand->place, "/tmp", 1, error))
        return -1;
    hand->rig.listener = &hand->sink;
    hand->open = true;
    return 0;
}

static void let_go(struct by_hand *hand)
{
    hand->open = false;
    cJSON_Delete(hand->fields);
    free(hand->heard);
    rack_release(&hand->rack);
    loop_free(hand->loop);
    free(hand->argv);
}

int by_hand_finish(struct by_hand *hand, bool leave, int failed, const struct error *error)
{
    int code = hand->elsewhere ? hand->code : failed ? error_print(error) : hand->interrupted ? 130 : 0;
    if (hand->open && leave)
        rig_leave(&hand->rig);
    else if (hand->open)
        rig_close(&hand->rig);
    let_go(hand);
    return code;
}

void by_hand_end(struct by_hand *hand)
{
    if (hand->open)
        rig_close(&hand->rig);
    let_go(hand);
}

int by_hand_wait(struct by_hand *hand, uint64_t for_us, struct error *error)
{
    uint64_t end_us = clock_now_us() + for_us, now_us;
    while (!hand->interrupted && (now_us = clock_now_us()) < end_us)
        if (loop_turn(hand->loop, end_us - now_us, error) < 0)
            return -1;
    return hand->interrupted ? error_set(error, ERROR_INTERRUPTED, "interrupted") : 0;
}

/* Of a job that was started. */
static int end_job(struct by_hand *hand, const char *role, const char *what, struct error *error)
{
    while (!hand->job_over && !hand->interrupted)
        if (loop_turn(hand->loop, LOOP_NEVER, error) < 0)
            return -1;
    if (hand->interrupted)
        return error_set(error, ERROR_INTERRUPTED, "interrupted");
    return hand->job_ok ? 0 : error_set(error, ERROR_RIG, "%s: %s: %s", role, what, hand->reason);
}

int by_hand_probe(struct by_hand *hand, const struct probe_job *job, struct error *error)
{
    const struct probe_ops *probe = rig_probe(&hand->rig);
    if (!probe)
        return error_set(error, ERROR_INPUT, "place '%s' has no probe", hand->place->name);
    hand->job_over = false;
    if (probe->start(hand->rig.self[RACK_PROBE], job, error))
        return -1;
    return end_job(hand, "probe", probe_verb_name(job->verb), error);
}

int by_hand_update(struct by_hand *hand, const struct update_job *job, struct error *error)
{
    const struct update_ops *update = rig_update(&hand->rig);
    if (!update)
        return error_set(error, ERROR_INPUT, "place '%s' has no update client", hand->place->name);
    hand->job_over = false;
    if (update->start(hand->rig.self[RACK_UPDATE], job, error))
        return -1;
    return end_job(hand, "update", update_intent_name(job->intent), error);
}

int by_hand_need(const struct by_hand *hand, enum rack_role role, struct error *error)
{
    return hand->place->devices[role].driver
               ? 0
               : error_set(error, ERROR_INPUT, "place '%s' has no %s", hand->place->name,
                           role == RACK_POWER ? "power switch" : rack_role_name(role));
}

int by_hand_power_up(struct by_hand *hand, struct error *error)
{
    struct power_report report;
    if (!hand->rig.self[RACK_POWER])
        return 0;
    return rig_switch(&hand->rig, true, &report, error) || by_hand_wait(hand, 100000, error) ? -1 : 0;
}
