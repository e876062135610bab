/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/update/test_smp_board.h"

#define WAIT_LIMIT_US 600000000u /* only ends a test that has failed */

static int link_send(struct link *link, const void *data, size_t len, struct error *error)
{
    struct bench *bench = (struct bench *)((char *)link - offsetof(struct bench, link));
    if (bench->fd < 0)
        return error_set(error, ERROR_RIG, "unplugged");
    return write(bench->fd, data, len) == (ssize_t)len ? 0 : error_set(error, ERROR_RIG, "short write");
}

static void on_client_readable(void *arg, int fd, uint32_t events)
{
    struct bench *bench = arg;
    char data[100];
    ssize_t n = read(fd, data, sizeof data);
    if (n > 0 && bench->link.receive)
        bench->link.receive(bench->link.receive_arg, data, (size_t)n, clock_now_us());
}

static void put(struct sink *sink, const struct event *event)
{
    struct bench *bench = (struct bench *)sink;
    cr_assert_eq(event->kind, EVENT_UPDATE);
    if (!strcmp(event->what, "progress")) {
        bench->progress = event->number;
        return;
    }
    const cJSON *reason = cJSON_GetObjectItemCaseSensitive(event->fields, "reason");
    const cJSON *rc = cJSON_GetObjectItemCaseSensitive(event->fields, "rc");
    cr_assert_not(bench->over, "one end for each job");
    bench->over = true;
    bench->ok = !strcmp(event->what, "done");
    snprintf(bench->reason, sizeof bench->reason, "%s", cJSON_IsString(reason) ? reason->valuestring : "");
    const cJSON *outcome = cJSON_GetObjectItemCaseSensitive(event->fields, "outcome");
    cr_assert(cJSON_IsString(outcome));
    snprintf(bench->outcome, sizeof bench->outcome, "%s", outcome->valuestring);
    cr_assert_eq(bench->ok, !strcmp(bench->outcome, "done"));
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event->fields, "text"));
    snprintf(bench->text, sizeof bench->text, "%s", text ? text : "");
    bench->rc = cJSON_IsNumber(rc) ? rc->valueint : 0;
    cJSON_Delete(bench->fields);
    bench->fields = cJSON_Duplicate(event->fields, true);
}

static struct bench *new (const char *options, int client_fd, int server_fd)
{
    struct bench *bench = mem_alloc(sizeof *bench);
    struct json_document document;
    struct error error = {0};
    bench->sink.put = put;
    bench->loop = loop_new();
    bench->fd = client_fd;
    bench->link.send = link_send;
    bench->server.fd = server_fd;
    bench->server.loop = bench->loop;
    bench->server.datagrams = client_fd < 0;
    smp_parser_init(&bench->server.parser, server_on_request, &bench->server);
    if (client_fd >= 0)
        loop_add_fd(bench->loop, client_fd, EPOLLIN, on_client_readable, bench);
    bench->server.source = loop_add_fd(bench->loop, server_fd, EPOLLIN, server_on_readable, &bench->server);
    for (size_t i = 0; i < IMAGE_LEN; i++)
        bench->image[i] = (uint8_t)(i * 7 + i / 256);
    snprintf(bench->path, sizeof bench->path, "/tmp/otarig-smp-XXXXXX");
    int file = mkstemp(bench->path);
    cr_assert(file >= 0 && write(file, bench->image, IMAGE_LEN) == IMAGE_LEN);
    close(file);
    bench->config = mem_alloc(update_smp_driver.config_size);
    cr_assert_eq(json_parse(&document, "rack", options, strlen(options), &error), 0, "%s", error.text);
    cr_assert_eq(option_parse(update_smp_driver.options, json_root(&document), NULL, bench->config,
                              update_smp_driver.config_size, &error),
                 0, "%s", error.text);
    cr_assert_null(update_smp_driver.check(bench->config));
    json_close(&document);
    const struct driver_env env = {.loop = bench->loop,
                                   .sink = &bench->sink,
                                   .place = "p",
                                   .role = "update",
                                   .link = client_fd < 0 ? NULL : &bench->link};
    cr_assert_eq(update_smp_driver.open(&env, bench->config, &bench->self, &error), 0, "%s", error.text);
    return bench;
}

struct bench *bench_new(const char *options)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    return new (options, fds[0], fds[1]);
}

struct bench *bench_new_udp(const char *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof address) &&
              !getsockname(fd, (struct sockaddr *)&address, &len));
    const char *hole = strstr(options, "PORT");
    char *filled = mem_printf("%.*s%u%s", (int)(hole - options), options, ntohs(address.sin_port), hole + 4);
    struct bench *bench = new (filled, -1, fd);
    free(filled);
    return bench;
}

void bench_server_close(struct bench *bench)
{
    loop_remove(bench->server.source);
    close(bench->server.fd);
    bench->server.fd = -1;
}

void bench_free(struct bench *bench)
{
    int fds[2] = {bench->fd, bench->server.fd};
    update_smp_driver.close(bench->self);
    option_release(update_smp_driver.options, bench->config);
    loop_free(bench->loop);
    for (int i = 0; i < 2; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    unlink(bench->path);
    cJSON_Delete(bench->fields);
    free(bench->config);
    free(bench);
}

bool bench_work(struct bench *bench, struct update_job job)
{
    struct error error = {0};
    uint64_t end_us = clock_now_us() + WAIT_LIMIT_US;
    bench->over = bench->ok = false;
    if (job.intent == UPDATE_DELIVER && !job.path)
        job.path = bench->path;
    cr_assert_eq(update_smp_driver.update->start(bench->self, &job, &error), 0, "%s", error.text);
    while (!bench->over && clock_now_us() < end_us)
        cr_assert_geq(loop_turn(bench->loop, 100000, &error), 0);
    cr_assert(bench->over);
    return bench->ok;
}

int bench_field(const struct bench *bench, const char *name)
{
    const cJSON *field = cJSON_GetObjectItemCaseSensitive(bench->fields, name);
    return cJSON_IsNumber(field) ? field->valueint : -1;
}

void bench_expect_delivered(const struct bench *bench)
{
    uint8_t sha[32];
    SHA256(bench->image, IMAGE_LEN, sha);
    cr_assert(bench->ok, "%s: %s", bench->reason, bench->text);
    cr_assert_eq(bench->server.received, IMAGE_LEN);
    cr_assert_eq(bench->server.total, IMAGE_LEN);
    cr_assert_arr_eq(bench->server.image, bench->image, IMAGE_LEN);
    cr_assert(bench->server.has_sha);
    cr_assert_arr_eq(bench->server.sha, sha, 32);
    cr_assert_eq(bench->progress, IMAGE_LEN);
}
