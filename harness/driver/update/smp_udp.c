/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/update/smp_udp.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/driver/update/smp_frame.h"

struct udp {
    struct link link; /* first member */
    int fd;
    struct loop_source *source;
};

/* A board that is off, starts, or has no address yet: it does not answer, and is asked again. */
static bool is_away(int number)
{
    return number == ECONNREFUSED || number == EHOSTUNREACH || number == EHOSTDOWN || number == EAGAIN ||
           number == ENOBUFS;
}

static int udp_send(struct link *link, const void *data, size_t len, struct error *error)
{
    struct udp *udp = (struct udp *)link;
    /* an error of an earlier datagram is told by the next send, which does not go out then */
    for (int tries = 0; tries < 2; tries++)
        if (send(udp->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len)
            return 0;
        else if (!is_away(errno))
            return error_set_errno(error, ERROR_RIG, errno, "smp over udp: send");
    return 0;
}

static void on_readable(void *arg, int fd, uint32_t events)
{
    struct udp *udp = arg;
    uint8_t packet[SMP_PACKET_MAX];
    ssize_t len;
    while ((len = recv(fd, packet, sizeof packet, MSG_DONTWAIT)) > 0)
        if (udp->link.receive)
            udp->link.receive(udp->link.receive_arg, packet, (size_t)len, clock_now_us());
}

static int connect_any(const struct addrinfo *hosts)
{
    for (const struct addrinfo *host = hosts; host; host = host->ai_next) {
        int fd = socket(host->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0 && !connect(fd, host->ai_addr, host->ai_addrlen))
            return fd;
        int number = errno;
        if (fd >= 0)
            close(fd);
        errno = number;
    }
    return -1;
}

int smp_udp_open(struct loop *loop, const char *host, unsigned port, struct link **link, struct error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    if (clock_is_virtual())
        return error_set(error, ERROR_INPUT,
                         "smp over udp: who answers there lives in this computer's time: the rack needs "
                         "\"virtual\": {\"time\": \"real\"}");
    struct addrinfo *hosts;
    char service[16];
    snprintf(service, sizeof service, "%u", port);
    int failed = getaddrinfo(host, service, &hints, &hosts);
    if (failed)
        return error_set(error, ERROR_RIG, "smp over udp: %s: %s", host, gai_strerror(failed));
    int fd = connect_any(hosts);
    freeaddrinfo(hosts);
    if (fd < 0)
        return error_set_errno(error, ERROR_RIG, errno, "smp over udp: %s port %u", host, port);
    struct udp *udp = mem_alloc(sizeof *udp);
    udp->link.send = udp_send;
    udp->fd = fd;
    udp->source = loop_add_fd(loop, fd, EPOLLIN, on_readable, udp);
    *link = &udp->link;
    return 0;
}

void smp_udp_close(struct link *link)
{
    struct udp *udp = (struct udp *)link;
    if (!udp)
        return;
    loop_remove(udp->source);
    close(udp->fd);
    free(udp);
}
