/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/mem.h"

#define EXIT_SYSTEM 3 /* as error_exit_code(ERROR_SYSTEM) */

void output_begin(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* lower ones are open, so this one gets the number */
        if (open(fd ? "/dev/full" : "/dev/null", fd ? O_WRONLY : O_RDONLY) != fd)
            _exit(EXIT_SYSTEM);
    }
}

int output_end(int code)
{
    bool lost = ferror(stdout) != 0;
    errno = 0;
    if (fflush(stdout))
        lost = true;
    if (!lost)
        return code;
    if (!errno) /* it was long ago: what fails says why when it is tried again */
        errno = write(1, "\n", 1) == 1 ? 0 : errno;
    fprintf(stderr, "otarig: standard output: %s\n", errno ? strerror(errno) : "not all could be written");
    return code ? code : EXIT_SYSTEM;
}

static char *unfinished(const char *path)
{
    return mem_printf("%s.new", path);
}

FILE *output_file(const char *path, struct error *error)
{
    char *name = unfinished(path);
    FILE *file = fopen(name, "we");
    if (!file)
        error_set_errno(error, ERROR_SYSTEM, errno, "%s", path);
    free(name);
    return file;
}

/* On the disk before it has its name: a machine that loses power keeps the old file or has the new one. */
int output_commit(FILE *file, const char *path, struct error *error)
{
    char *name = unfinished(path);
    bool ok = !ferror(file);
    int why = EIO; /* of an earlier failure, unless it shows again */
    if (fflush(file) || (fsync(fileno(file)) && errno != EINVAL && errno != EROFS)) {
        ok = false;
        why = errno;
    }
    if (fclose(file) && ok) {
        ok = false;
        why = errno;
    }
    if (ok && rename(name, path)) {
        ok = false;
        why = errno;
    }
    if (!ok) {
        unlink(name);
        error_set_errno(error, ERROR_SYSTEM, why, "%s", path);
    }
    free(name);
    return ok ? 0 : -1;
}

void output_discard(FILE *file, const char *path)
{
    char *name = unfinished(path);
    fclose(file);
    unlink(name);
    free(name);
}

int output_text(const char *path, const char *text, struct error *error)
{
    FILE *file = output_file(path, error);
    if (!file)
        return -1;
    fputs(text, file);
    fputc('\n', file);
    return output_commit(file, path, error);
}
