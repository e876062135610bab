/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/rack/lock.h"

static char key[64], folder[64];

static void for_the_machine(void)
{
    unsetenv("OTARIG_LOCKS");
    snprintf(key, sizeof key, "test:%d", (int)getpid());
}

static void of_our_own(void)
{
    snprintf(folder, sizeof folder, "/tmp/otarig-test-lock.XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    setenv("OTARIG_LOCKS", folder, 1);
    snprintf(key, sizeof key, "a/b");
}

static void clean(void)
{
    char command[120];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
}

/* A process of another session that holds the lock until it is killed. */
static pid_t holder(const char *session)
{
    int ready[2];
    char byte = 0;
    cr_assert(!pipe(ready));
    pid_t pid = fork();
    if (!pid) {
        int fd;
        setenv("XDG_RUNTIME_DIR", session, 1);
        byte = lock_take(key, "p1", &fd, NULL) ? 'n' : 'y';
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(byte, 'y');
    close(ready[0]);
    close(ready[1]);
    return pid;
}

Test(lock, holds_over_sessions_and_names_who, .init = for_the_machine)
{
    char who[64], path[200];
    struct error error = {0};
    struct stat about;
    int fd;
    pid_t pid = holder("/tmp");
    setenv("XDG_RUNTIME_DIR", "/var/tmp", 1);
    cr_expect_eq(lock_take(key, "p2", &fd, &error), -1);
    snprintf(who, sizeof who, "in use by process %d at place 'p1': ", (int)pid);
    cr_expect(strstr(error.text, who), "%s", error.text);
    cr_expect(strlen(error.text) > strlen(key) + 1 + strlen(who), "and its command: %s", error.text);
    const char *where = lock_folder(NULL);
    cr_expect(!stat(where, &about) && (about.st_mode & 07777) == 01777);
    snprintf(path, sizeof path, "%s/%s.lock", where, key);
    cr_expect(!stat(path, &about) && (about.st_mode & 0777) == 0666);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    cr_expect_eq(lock_take(key, "p2", &fd, &error), 0, "the lock goes with its holder");
    lock_release(fd);
    unlink(path);
}

Test(lock, twice_in_one_process, .init = of_our_own, .fini = clean)
{
    int first, second;
    cr_expect_eq(lock_take(key, "p1", &first, NULL), 0);
    cr_expect_eq(lock_take(key, "p2", &second, NULL), 0);
    cr_expect_eq(first, second);
    lock_release(first);
    lock_release(second);
}

/* A folder for all may hold what somebody laid there: nothing is written through it. */
Test(lock, follows_no_link, .init = of_our_own, .fini = clean)
{
    struct error error = {0};
    char path[200], target[200];
    struct stat about;
    int fd;
    snprintf(path, sizeof path, "%s/a_b.lock", folder);
    snprintf(target, sizeof target, "%s/precious", folder);
    FILE *file = fopen(target, "w");
    fputs("precious", file);
    fclose(file);
    cr_assert(!symlink(target, path));
    cr_expect_eq(lock_take(key, "p1", &fd, &error), -1);
    unlink(path);
    cr_assert(!link(target, path));
    cr_expect_eq(lock_take(key, "p1", &fd, &error), -1);
    unlink(path);
    cr_assert(!mkfifo(path, 0666));
    cr_expect_eq(lock_take(key, "p1", &fd, &error), -1);
    cr_assert(!stat(target, &about));
    cr_expect_eq(about.st_size, 8);
}
