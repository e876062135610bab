/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/clock.h"

#include <stddef.h>
#include <time.h>

static const uint64_t *followed;
static uint64_t ahead_us; /* of the host's clock, modulo 2^64, since a rack's was left */

static uint64_t host_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ns(void)
{
    return followed ? __atomic_load_n(followed, __ATOMIC_ACQUIRE) : host_ns() + ahead_us * 1000;
}

uint64_t clock_now_us(void)
{
    return clock_now_ns() / 1000;
}

uint64_t clock_host_us(void)
{
    return host_ns() / 1000;
}

int64_t clock_wall_s(void)
{
    return time(NULL);
}

void clock_follow(const uint64_t *now_ns)
{
    if (!now_ns && followed)
        ahead_us = clock_now_us() - clock_host_us();
    followed = now_ns;
}

bool clock_is_virtual(void)
{
    return followed != NULL;
}

uint64_t clock_ahead_us(void)
{
    return ahead_us;
}
