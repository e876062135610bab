#include "harness/run/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/mem.h"

#define LOCKS_MAX 256

/* what this process holds: key -> descriptor and how many want it */
static struct held {
    char *key;
    int fd, count;
} held[LOCKS_MAX];

const char *lock_folder(struct error *error)
{
    static char folder[256];
    const char *own = getenv("OTARIG_LOCKS"), *runtime = getenv("XDG_RUNTIME_DIR");
    if (own)
        snprintf(folder, sizeof folder, "%s", own);
    else if (runtime)
        snprintf(folder, sizeof folder, "%s/otarig", runtime);
    else
        snprintf(folder, sizeof folder, "/tmp/otarig-%u", (unsigned)getuid());
    struct stat about;
    if (mkdir(folder, 0700) && errno != EEXIST) {
        error_set_errno(error, ERROR_SYSTEM, errno, "lock folder %s", folder);
        return NULL;
    }
    if (lstat(folder, &about) || !S_ISDIR(about.st_mode) || about.st_uid != getuid()) {
        error_set(error, ERROR_SYSTEM, "lock folder %s is not a folder of ours (set OTARIG_LOCKS)", folder);
        return NULL;
    }
    return folder;
}

static char *lock_path(const char *folder, const char *key)
{
    char *path = mem_printf("%s/%s.lock", folder, key);
    for (char *c = path + strlen(folder) + 1; *c; c++)
        if (*c == '/')
            *c = '_';
    return path;
}

static int open_locked(const char *path, const char *key, const char *holder, struct error *error)
{
    char text[160] = "somebody";
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set_errno(error, ERROR_SYSTEM, errno, "lock %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        ssize_t n = read(fd, text, sizeof text - 1);
        if (n > 0)
            text[n] = 0;
        text[strcspn(text, "\n")] = 0;
        close(fd);
        return error_set(error, ERROR_RIG, "%s is in use by %s", key, text);
    }
    int len = snprintf(text, sizeof text, "process %d (place '%s')\n", (int)getpid(), holder);
    if (ftruncate(fd, 0) || write(fd, text, (size_t)len) != len) {
        /* the name of the holder is a courtesy; the lock itself is held */
    }
    return fd;
}

int lock_take(const char *key, const char *holder, int *fd, struct error *error)
{
    const char *folder = lock_folder(error);
    struct held *free_slot = NULL;
    *fd = -1;
    if (!folder)
        return -1;
    for (size_t i = 0; i < LOCKS_MAX; i++) {
        if (!held[i].key) {
            free_slot = free_slot ? free_slot : &held[i];
        } else if (!strcmp(held[i].key, key)) {
            held[i].count++;
            *fd = held[i].fd;
            return 0;
        }
    }
    if (!free_slot)
        return error_set(error, ERROR_SYSTEM, "more than %d locks", LOCKS_MAX);
    char *path = lock_path(folder, key);
    int got = open_locked(path, key, holder, error);
    free(path);
    if (got < 0)
        return -1;
    *free_slot = (struct held){.key = mem_string(key), .fd = got, .count = 1};
    *fd = got;
    return 0;
}

void lock_release(int fd)
{
    for (size_t i = 0; i < LOCKS_MAX && fd >= 0; i++) {
        if (!held[i].key || held[i].fd != fd || --held[i].count)
            continue;
        close(fd);
        free(held[i].key);
        held[i] = (struct held){0};
    }
}
