/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/rack/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/mem.h"
#include "harness/base/surroundings.h"

#define LOCKS_MAX 1024 /* 64 places with two for each of their devices */

/* what this process holds: key -> descriptor and how many want it */
static struct held {
    char *key;
    int fd, count;
} held[LOCKS_MAX];

/* Every user and session of the machine must come to the same folder, so the choice depends on what the
 * system gives, never on who asks: a parent in which only root may make a folder is no candidate, even for
 * root, unless the folder is there already. */
static const char *const parents[] = {"/run/lock", "/var/lock", "/tmp"};
static const char *const names[] = {"/run/lock/otarig", "/var/lock/otarig", "/tmp/otarig-locks"};
#define PLACES (sizeof names / sizeof *names)
#define FOR_ALL (S_ISVTX | S_IRWXU | S_IRWXG | S_IRWXO)

static bool is_for_all(const char *path)
{
    struct stat about;
    return !lstat(path, &about) && S_ISDIR(about.st_mode) && (about.st_mode & FOR_ALL) == FOR_ALL;
}

static const char *shared_folder(struct error *error)
{
    struct stat about;
    for (size_t i = 0; i < PLACES; i++) {
        if (is_for_all(names[i]))
            return names[i];
        if (!is_for_all(parents[i]))
            continue;
        bool ours = !mkdir(names[i], 0777);
        if (ours && !chmod(names[i], FOR_ALL)) /* the umask took something off */
            return names[i];
        /* somebody makes it at this moment: he is between the two calls above */
        for (int wait = 0; wait < 100 && !is_for_all(names[i]); wait++)
            usleep(1000);
        if (is_for_all(names[i]))
            return names[i];
        error_set(error, ERROR_SYSTEM,
                  "lock folder %s: expected a folder that everybody may write to (mode 1777), found %s",
                  names[i],
                  lstat(names[i], &about)   ? "none, and it cannot be made"
                  : S_ISLNK(about.st_mode)  ? "a symbolic link"
                  : !S_ISDIR(about.st_mode) ? "no folder"
                                            : "another mode");
        return NULL;
    }
    error_set(error, ERROR_SYSTEM, "no folder for locks: none of /run/lock, /var/lock, /tmp has mode 1777");
    return NULL;
}

static const char *own_folder(const char *folder, struct error *error)
{
    struct stat about;
    if (mkdir(folder, 0700) && errno != EEXIST) {
        error_set_errno(error, ERROR_SYSTEM, errno, "OTARIG_LOCKS=%s", folder);
        return NULL;
    }
    if (lstat(folder, &about) || !S_ISDIR(about.st_mode)) {
        error_set(error, ERROR_SYSTEM, "OTARIG_LOCKS=%s: expected a folder", folder);
        return NULL;
    }
    return folder;
}

const char *lock_folder(struct error *error)
{
    const char *own = surroundings_locks();
    return own ? own_folder(own, error) : shared_folder(error);
}

/* As it stands in a file name. */
static char *file_name(const char *key)
{
    char *name = mem_printf("%s.lock", key);
    for (char *c = name; *c; c++)
        if (*c == '/')
            *c = '_';
    return name;
}

/* O_CREAT on somebody else's file in a folder for all is refused by Linux where fs.protected_regular is set
 * (kernel documentation, admin-guide/sysctl/fs): a file that is there is opened without it. */
static int open_file(int folder, const char *name)
{
    const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    for (int turn = 0; turn < 10; turn++) {
        int fd = openat(folder, name, O_RDWR | flags);
        if (fd < 0 && errno == EACCES)
            fd = openat(folder, name, O_RDONLY | flags); /* the lock needs no more */
        if (fd >= 0 || errno != ENOENT)
            return fd;
        fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | flags, 0666);
        if (fd >= 0)
            fchmod(fd, 0666); /* for all users, whatever the umask */
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static void command_line(char *text, size_t size)
{
    FILE *file = fopen("/proc/self/cmdline", "r");
    size_t len = file ? fread(text, 1, size - 1, file) : 0;
    if (file)
        fclose(file);
    text[len] = 0;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20)
            text[i] = i + 1 < len ? ' ' : 0;
}

/* A courtesy: the lock is held also when this fails. */
static void write_holder(int fd, const char *holder)
{
    char command[200], text[320];
    command_line(command, sizeof command);
    int len = snprintf(text, sizeof text, "process %d at place '%s': %s\n", (int)getpid(), holder, command);
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len)
        return;
}

static int refuse(int fd, const char *key, struct error *error)
{
    char text[320];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    text[strcspn(text, "\n")] = 0;
    close(fd);
    return error_set(error, ERROR_RIG, "%s is in use by %s", key, text[0] ? text : "another process");
}

static int open_locked(const char *folder, const char *key, const char *holder, struct error *error)
{
    char *name = file_name(key);
    struct stat about;
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int fd = at < 0 ? -1 : open_file(at, name), why = errno;
    if (at >= 0)
        close(at);
    if (fd < 0) {
        error_set_errno(error, ERROR_SYSTEM, why, "lock %s/%s", folder, name);
    } else if (fstat(fd, &about) || !S_ISREG(about.st_mode) || about.st_nlink > 1) {
        /* not a file of ours: nothing is written to it */
        error_set(error, ERROR_SYSTEM, "lock %s/%s: expected a plain file of one name", folder, name);
        close(fd);
        fd = -1;
    } else if (flock(fd, LOCK_EX | LOCK_NB)) {
        fd = refuse(fd, key, error);
    } else {
        write_holder(fd, holder);
    }
    free(name);
    return fd;
}

int lock_take(const char *key, const char *holder, int *fd, struct error *error)
{
    struct held *free_slot = NULL;
    *fd = -1;
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
    const char *folder = lock_folder(error);
    int got = folder ? open_locked(folder, key, holder, error) : -1;
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
