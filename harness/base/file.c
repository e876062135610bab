/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode) ? "a folder" : S_ISFIFO(mode) ? "a FIFO" : S_ISSOCK(mode) ? "a socket" : "a device";
}

FILE *file_open(const char *path, struct error *error)
{
    struct stat about;
    /* looked at before it is opened, too: some devices act when they are */
    if (stat(path, &about)) {
        error_set_errno(error, ERROR_INPUT, errno, "%s", path);
        return NULL;
    }
    int fd = S_ISREG(about.st_mode) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    if (S_ISREG(about.st_mode) && fd < 0) {
        error_set_errno(error, ERROR_INPUT, errno, "%s", path);
        return NULL;
    }
    if (fd < 0 || fstat(fd, &about) || !S_ISREG(about.st_mode)) {
        error_set(error, ERROR_INPUT, "%s: expected a file, found %s", path, kind_of(about.st_mode));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    FILE *file = fdopen(fd, "rb");
    if (!file) {
        error_set_errno(error, ERROR_SYSTEM, errno, "%s", path);
        close(fd);
    }
    return file;
}

void file_path_tidy(const char *path, char *out, size_t size)
{
    bool absolute = path[0] == '/';
    size_t root = absolute ? 1 : 0, len = 0;
    if (absolute && size > 1)
        out[len++] = '/';
    while (*path) {
        size_t n = strcspn(path, "/");
        bool up = n == 2 && !strncmp(path, "..", 2), inside = len > root;
        if (up && inside &&
            !(len - root >= 2 && !strncmp(out + len - 2, "..", 2) &&
              (len - root == 2 || out[len - 3] == '/'))) {
            while (len > root && out[len - 1] != '/')
                len--;
            len -= len > root; /* the slash before it */
        } else if (n && !(n == 1 && path[0] == '.') && !(up && absolute) && len + n + 2 < size) {
            if (len > root)
                out[len++] = '/';
            memcpy(out + len, path, n);
            len += n;
        }
        path += n + strspn(path + n, "/");
    }
    out[len] = 0;
}

static int make_one(const char *path)
{
    struct stat about;
    if (!mkdir(path, 0777))
        return 0;
    if (errno == EEXIST && !stat(path, &about) && !S_ISDIR(about.st_mode)) {
        errno = ENOTDIR;
        return -1;
    }
    return errno == EEXIST ? 0 : -1;
}

int file_make_folder(const char *path)
{
    char *part = strdup(path);
    int failed = part ? 0 : -1;
    for (char *end = part; end && !failed && (end = strchr(end + 1, '/'));) {
        *end = 0;
        failed = *part ? make_one(part) : 0;
        *end = '/';
    }
    failed = failed || make_one(path) ? -1 : 0;
    int why = errno;
    free(part);
    errno = why;
    return failed;
}
