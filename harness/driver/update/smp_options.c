/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "harness/driver/update/smp_client.h"

static const char *const ways[] = {[SMP_CONSOLE] = "console", [SMP_UDP] = "udp", NULL};

const struct option_spec smp_options[] = {
    {.name = "over",
     .help = "what carries it",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct smp_config, over),
     .standard = "console",
     .choices = ways},
    {.name = "host",
     .help = "udp: name or address of the board",
     .type = OPTION_STRING,
     .offset = offsetof(struct smp_config, host)},
    {.name = "port",
     .help = "udp: the board's port",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct smp_config, port),
     .standard = "1337",
     .low = 1,
     .high = 65535},
    {.name = "image",
     .help = "number of the image, where a board has several",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct smp_config, image),
     .standard = "0",
     .low = 0,
     .high = 255},
    {.name = "upgrade",
     .help = "ask the board to take newer versions only",
     .type = OPTION_BOOL,
     .offset = offsetof(struct smp_config, upgrade),
     .standard = "false"},
    {.name = "recovery",
     .help = "it is MCUboot's serial recovery that answers, not the application: what is delivered is to run",
     .type = OPTION_BOOL,
     .offset = offsetof(struct smp_config, recovery),
     .standard = "false"},
    {.name = "enter",
     .help =
         "recovery: a line typed at the console that makes the application start it, where nothing answers",
     .type = OPTION_STRING,
     .offset = offsetof(struct smp_config, enter)},
    {.name = "mtu",
     .help = "largest request in bytes, 96 to 2048, never more than the board says; 0: found out",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct smp_config, mtu),
     .standard = "0",
     .low = SMP_REQUEST_MIN,
     .or_zero = true,
     .high = SMP_REQUEST_MAX},
    {.name = "retry_ms",
     .help = "wait for an answer before sending again",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct smp_config, retry_ms),
     .standard = "500",
     .low = 10,
     .high = 60000},
    {.name = "retries",
     .help = "how often a request is sent again",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct smp_config, retries),
     .standard = "6",
     .low = 0,
     .high = 1000},
    {.name = "stall_ms",
     .help = "how long a delivery may go on without a byte that is acknowledged; a first part that erases "
             "the slot takes up to 30 s",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct smp_config, stall_ms),
     .standard = "45000",
     .low = 100,
     .high = 3600000},
    {.name = "deadline_ms",
     .help = "limit of a whole job that has none of its own; 0: a delivery as long as it makes progress, "
             "anything else 60 s",
     .type = OPTION_INTEGER,
     .offset = offsetof(struct smp_config, deadline_ms),
     .standard = "0",
     .low = 0,
     .high = 86400000},
    {0},
};

void smp_claim(const void *data, char *key, size_t size)
{
    const struct smp_config *config = data;
    *key = 0;
    if (config->over == SMP_UDP)
        snprintf(key, size, "smp-udp:%s:%d", config->host, (int)config->port);
}

static const char *const host[] = {"host", NULL}, *const enter[] = {"enter", NULL};
const struct option_rule smp_rules[] = {
    {OPTION_EXACTLY_WHERE, host, "over", "udp", "\"host\" together with \"over\": \"udp\""},
    {OPTION_ONLY_WHERE, enter, "recovery", "true",
     "\"enter\" together with \"recovery\": true, over a console"},
    {0}};

const char *smp_check(const void *data)
{
    const struct smp_config *config = data;
    if (config->enter && config->over == SMP_UDP)
        return "\"enter\" together with \"recovery\": true, over a console";
    return NULL;
}

/* Serial recovery writes the slot that will run, and only lists, takes images and restarts; the application
 * that is started then need not answer. */
unsigned smp_abilities(const void *data)
{
    const struct smp_config *config = data;
    unsigned always = UPDATE_CAN_STATE | UPDATE_CAN_RESTART;
    return config->recovery
               ? always
               : always | UPDATE_CAN_ACTIVATE | UPDATE_CAN_TRIAL | UPDATE_CAN_PERMANENT | UPDATE_CAN_CONFIRM |
                     UPDATE_CAN_ERASE | UPDATE_CAN_RESUME | UPDATE_BOARD_ANSWERS;
}
