/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/probe/test_probe_bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/json.h"
#include "harness/base/mem.h"

const uint8_t counting[24] = {0x00, 0x00, 0x01, 0x20, 0x09, 0x00, 0x00, 0x00, 0x00, 0x20, 0x02, 0x49,
                              0x01, 0x30, 0x08, 0x60, 0xfc, 0xe7, 0x00, 0xbf, 0x00, 0x90, 0x00, 0x20};
const uint8_t sleeping[12] = {0x00, 0x00, 0x01, 0x20, 0x09, 0x00, 0x00, 0x00, 0x30, 0xbf, 0xfd, 0xe7};

static void copy_field(const cJSON *fields, const char *name, char *out, size_t size)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(fields, name);
    if (cJSON_IsString(item))
        snprintf(out, size, "%s", item->valuestring);
}

static int number_field(const cJSON *fields, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(fields, name);
    return cJSON_IsNumber(item) ? item->valueint : -1;
}

static void put(struct sink *sink, const struct event *event)
{
    struct bench *bench = (struct bench *)sink;
    if (!strcmp(event->what, "lost")) {
        bench->lost = true;
        copy_field(event->fields, "reason", bench->lost_reason, sizeof bench->lost_reason);
    } else if (!strcmp(event->what, "released")) {
        bench->released = true;
    } else if (!strcmp(event->what, "halted")) {
        bench->halted = true;
        bench->pc = number_field(event->fields, "pc");
        bench->hit = number_field(event->fields, "hit");
        if (bench->cut_at_hit)
            bench->driver->probe->power(bench->probe, false);
    } else if (event->kind == EVENT_PROBE) {
        bench->over = true;
        bench->ok = !strcmp(event->what, "done");
        copy_field(event->fields, "reason", bench->reason, sizeof bench->reason);
        copy_field(event->fields, "hex", bench->hex, sizeof bench->hex);
        bench->pc = number_field(event->fields, "pc");
        copy_field(event->fields, "text", bench->text, sizeof bench->text);
        bench->locked_up = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event->fields, "locked_up"));
        bench->asleep = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(event->fields, "asleep"));
    }
}

bool turn_until(struct bench *bench, const bool *flag)
{
    uint64_t end_us = clock_now_us() + WAIT_LIMIT_US;
    struct error error;
    while (!*flag && clock_now_us() < end_us)
        cr_assert_geq(loop_turn(bench->loop, 100000, &error), 0);
    return *flag;
}

bool work(struct bench *bench, struct probe_job job)
{
    struct error error = {0};
    bench->over = bench->ok = false;
    bench->reason[0] = bench->hex[0] = 0;
    cr_assert_eq(bench->driver->probe->start(bench->probe, &job, &error), 0, "%s", error.text);
    cr_assert(turn_until(bench, &bench->over));
    return bench->ok;
}

static void ask(int fd, const char *command, char *answer, size_t size)
{
    size_t len = 0;
    cr_assert_eq(write(fd, command, strlen(command)), (ssize_t)strlen(command));
    memset(answer, 0, size);
    while (!strstr(answer, "\"status\"") || answer[len - 1] != '\n') {
        ssize_t n = read(fd, answer + len, size - 1 - len);
        cr_assert_gt(n, 0);
        len += (size_t)n;
    }
}

/* Switches the twin's supply and waits until it has moved. */
void supply(struct bench *bench, bool on)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    char answer[4096];
    uint64_t end_us = clock_now_us() + WAIT_LIMIT_US;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(where.sun_path, sizeof where.sun_path, "%s", bench->control);
    cr_assert_eq(connect(fd, (struct sockaddr *)&where, sizeof where), 0);
    ask(fd, on ? "on 0 7\nstatus\n" : "off 0\nstatus\n", answer, sizeof answer);
    while ((strstr(answer, "\"state\":\"off\"") == NULL) != on) {
        cr_assert(clock_now_us() < end_us, "%s", answer);
        usleep(1000);
        ask(fd, "status\n", answer, sizeof answer);
    }
    close(fd);
}

void bench_configure(struct bench *bench, const struct driver *driver, const char *json)
{
    struct json_document document;
    struct error error = {0};
    bench->driver = driver;
    cr_assert_eq(json_parse(&document, "rack", json, strlen(json), &error), 0, "%s", error.text);
    bench->config = mem_alloc(driver->config_size);
    cr_assert_eq(
        option_parse(driver->options, json_root(&document), NULL, bench->config, driver->config_size, &error),
        0, "%s", error.text);
    json_close(&document);
    const struct driver_env env = {
        .loop = bench->loop, .sink = &bench->sink, .place = "p", .role = "probe", .folder = bench->folder};
    cr_assert_eq(driver->open(&env, bench->config, &bench->probe, &error), 0, "%s", error.text);
}

void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, 1, len, file) == len && !fclose(file));
}

struct bench *bench_bare(void)
{
    struct bench *bench = mem_alloc(sizeof *bench);
    bench->sink.put = put;
    bench->loop = loop_new();
    snprintf(bench->folder, sizeof bench->folder, "/tmp/otarig-probe-XXXXXX");
    cr_assert(mkdtemp(bench->folder));
    bench->image = mem_printf("%s/image", bench->folder);
    write_file(bench->image, counting, sizeof counting);
    return bench;
}

struct bench *bench_twin(bool pirate)
{
    struct bench *bench = bench_bare();
    struct error error = {0};
    struct stat about;
    bench->dap = mem_printf("%s/dap", bench->folder);
    bench->control = mem_printf("%s/control", bench->folder);
    char *nvm = mem_printf("%s/nvm", bench->folder);
    const char *argv[] = {
        OTARIG_TWIN, "--chip",    "nrf52840",     "--nvm",  nvm, pirate ? "--pirate" : "--dap",
        bench->dap,  "--control", bench->control, "--seed", "7", "--powered",
        NULL};
    const struct child_spec spec = {.name = "twin", .argv = argv};
    bench->twin = child_start(bench->loop, &spec, &(struct child_events){0}, NULL, &error);
    cr_assert(bench->twin, "%s", error.text);
    for (uint64_t end_us = clock_now_us() + 20000000;
         stat(bench->control, &about) || stat(bench->dap, &about);) {
        cr_assert(clock_now_us() < end_us);
        loop_turn(bench->loop, 20000, &error);
    }
    free(nvm);
    return bench;
}

void bench_free(struct bench *bench)
{
    bench->driver->close(bench->probe);
    option_release(bench->driver->options, bench->config);
    child_free(bench->twin);
    loop_free(bench->loop);
    char *command = mem_printf("rm -rf %s", bench->folder);
    cr_assert_eq(system(command), 0);
    free(command);
    free(bench->config);
    free(bench->dap);
    free(bench->control);
    free(bench->image);
    free(bench);
}

bool program(struct bench *bench)
{
    return work(bench, (struct probe_job){.verb = PROBE_PROGRAM, .path = bench->image});
}

uint32_t counter(struct bench *bench)
{
    unsigned bytes[4];
    cr_assert(work(bench, (struct probe_job){.verb = PROBE_READ, .address = COUNTER, .len = 4}), "%s",
              bench->reason);
    cr_assert_eq(sscanf(bench->hex, "%2x%2x%2x%2x", &bytes[0], &bytes[1], &bytes[2], &bytes[3]), 4, "'%s'",
                 bench->hex);
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24;
}
