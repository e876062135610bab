/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/secret.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/otarig-test-secret.XXXXXX", from[64], secret[SECRET_MAX];
static struct error error;

static int read_of(const char *text, mode_t mode)
{
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !fchmod(fd, mode));
    close(fd);
    snprintf(from, sizeof from, "file:%s", path);
    error = (struct error){0};
    int result = secret_read(from, secret, &error);
    unlink(path);
    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    return result;
}

Test(secret, the_last_line_of_a_file_may_lack_its_end)
{
    static const char *const texts[] = {"s3cret", "s3cret\n", "s3cret\r\n", "s3cret\nmore\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_expect_eq(read_of(texts[i], 0600), 0, "%zu: %s", i, error.text);
        cr_expect_str_eq(secret, "s3cret");
    }
}

static void refused(const char *text, mode_t mode, const char *said)
{
    cr_expect_eq(read_of(text, mode), -1);
    cr_expect_eq(error.kind, ERROR_INPUT);
    cr_expect(strstr(error.text, said), "'%s' lacks '%s'", error.text, said);
    cr_expect_null(strstr(error.text, "s3cret"));
    cr_expect_str_empty(secret, "it stays nowhere");
}

Test(secret, what_is_none_is_refused_and_not_told)
{
    char most[SECRET_MAX], too_long[SECRET_MAX + 1];
    memset(most, 'x', sizeof most);
    most[SECRET_MAX - 1] = 0;
    memset(too_long, 'x', sizeof too_long);
    too_long[SECRET_MAX] = 0;
    cr_expect_eq(read_of(most, 0600), 0, "%s", error.text);
    cr_expect_eq(strlen(secret), SECRET_MAX - 1);
    refused(too_long, 0600, "expected a secret of one line, less than 512 bytes");
    refused("", 0600, "the secret is empty");
    refused("\ns3cret\n", 0600, "the secret is empty");
    refused("s3cret\n", 0644, "anybody can read this secret");
}
