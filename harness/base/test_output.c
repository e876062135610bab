/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/output.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What main() would leave: `fd` is its standard output, -1 a closed one. */
static int code_of(int fd, const char *text, int code)
{
    pid_t pid = fork();
    if (!pid) {
        close(1);
        if (fd >= 0)
            dup2(fd, 1);
        output_begin();
        fputs(text, stdout);
        _exit(output_end(code));
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(output, what_arrives_keeps_the_code)
{
    int fd = open("/dev/null", O_WRONLY);
    cr_expect_eq(code_of(fd, "text\n", 0), 0);
    cr_expect_eq(code_of(fd, "text\n", 1), 1);
    close(fd);
}

Test(output, what_is_lost_is_an_error)
{
    int fd = open("/dev/full", O_WRONLY);
    cr_expect_eq(code_of(fd, "text\n", 0), 3);
    cr_expect_eq(code_of(fd, "text\n", 1), 1, "a failure of the board stays one");
    cr_expect_eq(code_of(fd, "", 0), 0, "nothing was lost");
    cr_expect_eq(code_of(-1, "text\n", 0), 3);
    cr_expect_eq(code_of(-1, "", 0), 0);
    char *large = malloc(1 << 20);
    memset(large, 'x', (1 << 20) - 1);
    large[(1 << 20) - 1] = 0;
    cr_expect_eq(code_of(fd, large, 0), 3, "also what did not wait for the end");
    free(large);
    close(fd);
}

static char folder[] = "/tmp/test_output.XXXXXX", path[64], unfinished[64];

static void in_a_folder(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(unfinished, sizeof unfinished, "%s/file.new", folder);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

Test(output, a_file_is_whole_or_not_there, .init = in_a_folder, .fini = remove_folder)
{
    struct error error = {0};
    struct stat about;
    cr_assert_eq(output_text(path, "old", &error), 0, "%s", error.text);
    FILE *file = output_file(path, &error);
    cr_assert(file);
    fputs("half of the new", file);
    fflush(file);
    cr_expect_eq(stat(path, &about), 0);
    cr_expect_eq(about.st_size, 4, "the old one is there while the new one is written");
    output_discard(file, path);
    cr_expect(access(unfinished, F_OK), "nothing is left of it");
    cr_expect(access(path, F_OK) == 0);
}

Test(output, a_full_disk_leaves_the_old_one, .init = in_a_folder, .fini = remove_folder)
{
    struct error error = {0};
    struct stat about;
    cr_assert_eq(output_text(path, "old", &error), 0, "%s", error.text);
    struct rlimit least = {.rlim_cur = 100, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &least), 0);
    char large[5000];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    cr_expect_eq(output_text(path, large, &error), -1);
    cr_expect_eq(error.kind, ERROR_SYSTEM);
    cr_expect(strstr(error.text, "too large"), "%s", error.text);
    cr_expect(access(unfinished, F_OK), "nothing is left of it");
    cr_expect_eq(stat(path, &about), 0);
    cr_expect_eq(about.st_size, 4);
}
