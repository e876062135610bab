/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/clock_wire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

#define GREETING_LIMIT_MS 60000
#define PAGE_LEN 4096

struct clock_follower {
    int fd;
    uint64_t *page;
    struct clock_grant grant;
    struct clock_report said;
    bool has_said;
};

static int gone(struct error *error)
{
    return error_set(error, ERROR_RIG, "the virtual rack, which keeps the clock, is gone");
}

/* 1: a grant, 0: none yet, -1: the end. *page_fd: a descriptor that came with it. */
static int receive(struct clock_follower *follower, int *page_fd)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec data = {.iov_base = &follower->grant, .iov_len = sizeof follower->grant};
    struct msghdr message = {
        .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t len = recvmsg(follower->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (len != sizeof follower->grant || follower->grant.version != CLOCK_WIRE_VERSION)
        return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (page_fd && header && header->cmsg_type == SCM_RIGHTS)
        memcpy(page_fd, CMSG_DATA(header), sizeof *page_fd);
    return 1;
}

static int greet(struct clock_follower *follower, struct error *error)
{
    struct pollfd ready = {.fd = follower->fd, .events = POLLIN};
    int page_fd = -1;
    if (poll(&ready, 1, GREETING_LIMIT_MS) != 1 || receive(follower, &page_fd) != 1 || page_fd < 0)
        return error_set(error, ERROR_RIG, "the virtual rack does not tell its time");
    void *page = mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
    close(page_fd);
    if (page == MAP_FAILED)
        return error_set_errno(error, ERROR_SYSTEM, errno, "the clock of the virtual rack");
    follower->page = page;
    clock_follow(page);
    return 0;
}

struct clock_follower *clock_follower_open(int fd, struct error *error)
{
    struct clock_follower *follower = mem_alloc(sizeof *follower);
    follower->fd = fd;
    if (!greet(follower, error))
        return follower;
    clock_follower_close(follower);
    return NULL;
}

struct clock_follower *clock_follower_join(const char *rack_folder, bool *found, struct error *error)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    *found = (size_t)snprintf(where.sun_path, sizeof where.sun_path, "%s/clock", rack_folder) <
                 sizeof where.sun_path &&
             !access(where.sun_path, F_OK);
    if (!*found)
        return NULL;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof where)) {
        error_set_errno(error, ERROR_RIG, errno, "%s", where.sun_path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    return clock_follower_open(fd, error);
}

void clock_follower_close(struct clock_follower *follower)
{
    if (!follower)
        return;
    if (follower->page) {
        clock_follow(NULL);
        munmap(follower->page, PAGE_LEN);
    }
    close(follower->fd);
    free(follower);
}

int clock_follower_fd(const struct clock_follower *follower)
{
    return follower->fd;
}

int clock_follower_take(struct clock_follower *follower, struct error *error)
{
    int result = receive(follower, NULL);
    if (result < 0)
        return gone(error);
    if (result && follower->grant.stuck[0])
        return error_set(error, ERROR_RIG, "the clock of the virtual rack stands: %.90s",
                         follower->grant.stuck);
    return result;
}

uint64_t clock_follower_limit_ns(const struct clock_follower *follower)
{
    return follower->grant.limit_ns;
}

uint64_t clock_follower_alone_ns(const struct clock_follower *follower)
{
    return follower->grant.alone_ns;
}

void clock_follower_move(struct clock_follower *follower, uint64_t now_ns)
{
    __atomic_store_n(follower->page, now_ns, __ATOMIC_RELEASE);
}

int clock_follower_report(struct clock_follower *follower, const struct clock_report *report,
                          struct error *error)
{
    struct clock_report now = *report;
    now.number = follower->grant.number;
    if (follower->has_said && !memcmp(&now, &follower->said, sizeof now))
        return 0;
    if (send(follower->fd, &now, sizeof now, MSG_NOSIGNAL) != sizeof now)
        return gone(error);
    follower->said = now;
    follower->has_said = true;
    return 0;
}
