/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server driver "otad" when its server is gone: each call is an error, and nothing of it stays. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/driver/table.h"

static bool ended;
static long held; /* pieces of memory that cJSON has */
static struct error error;

static void *take_memory(size_t size)
{
    held++;
    return malloc(size);
}

static void give_back(void *memory)
{
    held -= memory != NULL;
    free(memory);
}

static void put(struct sink *sink, const struct event *event)
{
    ended |= event->kind == EVENT_RIG;
}

/* This process has one child. */
static void kill_server(void)
{
    char *path = mem_printf("/proc/self/task/%d/children", (int)getpid());
    int pid = 0;
    FILE *file = fopen(path, "r");
    cr_assert(file && fscanf(file, "%d", &pid) == 1 && pid > 1 && !kill(pid, SIGKILL));
    fclose(file);
    free(path);
}

Test(server_otad, a_server_that_is_gone_takes_no_offer)
{
    static const char options[] = "{\"device\":\"d\",\"http\":\"127.0.0.1:0\"}";
    struct sink sink = {.put = put};
    char folder[] = "/tmp/otarig-otad.XXXXXX";
    cr_assert(mkdtemp(folder));
    struct loop *loop = loop_new();
    const struct driver_env env = {
        .loop = loop, .sink = &sink, .place = "p1", .role = "server", .folder = folder};
    struct json_document document;
    void *self = NULL, *config = mem_alloc(server_otad_driver.config_size);
    cr_assert_eq(json_parse(&document, "test", options, strlen(options), &error), 0);
    cr_assert_eq(option_parse(server_otad_driver.options, json_root(&document), NULL, config,
                              server_otad_driver.config_size, &error),
                 0, "%s", error.text);
    json_close(&document);
    cr_assert_eq(server_otad_driver.open(&env, config, &self, &error), 0, "%s", error.text);
    kill_server();
    while (!ended)
        cr_assert(loop_turn(loop, 30000000, NULL) > 0, "it does not end");
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = take_memory, .free_fn = give_back});
    cr_expect_eq(server_otad_driver.server->offer(self, "/tmp/image", "1", &error), -1);
    cr_expect_neq(error.kind, ERROR_NONE);
    cr_expect_eq(server_otad_driver.server->lift(self, "cut", &error), -1);
    cr_expect_eq(held, 0, "%ld pieces are left", held);
    cJSON_InitHooks(NULL);
    server_otad_driver.close(self);
    char *command = mem_printf("rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
    free(command);
    option_release(server_otad_driver.options, config);
    free(config);
    loop_free(loop);
}
