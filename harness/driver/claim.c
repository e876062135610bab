/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/driver/claim.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness/base/file.h"
#include "harness/base/mem.h"
#include "harness/base/mix.h"

#define KEY_MAX 120u /* a lock is a file: a name has 255 bytes, and some people read it */
#define SUM_LEN 17u  /* "-" and 16 digits */

/* The end of a text counts: "a", "b" is not "ab". */
static uint64_t sum_text(uint64_t sum, const char *text)
{
    do
        sum = mix64(sum ^ (unsigned char)*text);
    while (*text++);
    return sum;
}

void claim_put(char *key, size_t size, const char *kind, const char *const *parts)
{
    char *whole = mem_string(kind);
    uint64_t sum = sum_text(0, kind);
    size_t room = size - 1 < KEY_MAX ? size - 1 : KEY_MAX;
    for (; *parts; parts++) {
        char *longer = mem_printf("%s:%s", whole, *parts);
        free(whole);
        whole = longer;
        sum = sum_text(sum, *parts);
    }
    if (strlen(whole) <= room)
        snprintf(key, size, "%s", whole);
    else
        snprintf(key, size, "%.*s-%016llx", (int)(room - SUM_LEN), whole, (unsigned long long)sum);
    free(whole);
}

void claim_named(char *key, size_t size, const char *name)
{
    claim_put(key, size, "switch", (const char *const[]){name, NULL});
}

void claim_programs(char *key, size_t size, const char *kind, char *const *const *programs)
{
    uint64_t sum = 0;
    char text[SUM_LEN];
    for (; *programs; programs++)
        for (char *const *word = *programs; *word; word++)
            sum = sum_text(sum, *word);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
    claim_put(key, size, kind, (const char *const[]){text, NULL});
}

static char *lower(char *text)
{
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return text;
}

char *claim_host(const char *host, int64_t port)
{
    return lower(port ? mem_printf("%s:%d", host, (int)port) : mem_string(host));
}

char *claim_url(const char *url)
{
    const char *colon = strstr(url, "://"), *from = colon ? colon + 3 : url;
    const char *usual = !strncasecmp(url, "https", 5) ? ":443" : ":80";
    size_t host_len = strcspn(from, "/?#"), usual_len = strlen(usual), len = strlen(from);
    char *host = mem_printf("%.*s", (int)host_len, from);
    while (len > host_len && from[len - 1] == '/')
        len--;
    if (host_len > usual_len && !strcmp(host + host_len - usual_len, usual))
        host[host_len - usual_len] = 0;
    char *place = mem_printf("%s%.*s", lower(host), (int)(len - host_len), from + host_len);
    free(host);
    return place;
}

char *claim_device(const char *path)
{
    char tidy[PATH_MAX];
    char *real = realpath(path, NULL);
    if (real)
        return real;
    file_path_tidy(path, tidy, sizeof tidy);
    return mem_string(tidy);
}
