/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/io/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int listen_parse(const char *text, struct listen_address *out)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    const char *colon = strrchr(text, ':');
    char host[64] = "";
    struct addrinfo *found = NULL;
    if (colon && colon != text && colon[1] && (size_t)(colon - text) < sizeof host) {
        bool bracket = text[0] == '[' && colon[-1] == ']';
        snprintf(host, sizeof host, "%.*s", (int)(colon - text) - 2 * bracket, text + bracket);
    }
    if (!*host || getaddrinfo(host, colon + 1, &hints, &found))
        return -1;
    *out = (struct listen_address){.len = found->ai_addrlen};
    memcpy(&out->at, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

int listen_bind(const struct listen_address *address, int type, unsigned *port)
{
    struct listen_address got = {.len = sizeof got.at};
    int yes = 1, fd = socket(address->at.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (const struct sockaddr *)&address->at, address->len) ||
        getsockname(fd, (struct sockaddr *)&got.at, &got.len)) {
        int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    *port = ntohs(got.at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&got.at)->sin6_port
                                               : ((struct sockaddr_in *)&got.at)->sin_port);
    return fd;
}
