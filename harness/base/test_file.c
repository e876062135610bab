/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/file.h"

static void refused(const char *path, const char *words)
{
    struct error error = {0};
    cr_expect_null(file_open(path, &error));
    cr_expect_eq(error.kind, ERROR_INPUT);
    cr_expect(strstr(error.text, path) && strstr(error.text, words), "%s", error.text);
}

/* None of these may be waited for: the test would not end. */
Test(file, only_plain_files)
{
    char folder[] = "/tmp/otarig-test-file.XXXXXX", fifo[64], plain[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    snprintf(plain, sizeof plain, "%s/plain", folder);
    cr_assert(!mkfifo(fifo, 0600));
    refused(fifo, "found a FIFO");
    refused(folder, "found a folder");
    refused("/dev/zero", "found a device");
    refused(plain, "No such file");
    fclose(fopen(plain, "w"));
    FILE *file = file_open(plain, NULL);
    cr_expect_not_null(file);
    if (file)
        fclose(file);
    unlink(plain);
    unlink(fifo);
    rmdir(folder);
}

Test(file, tidy_paths)
{
    static const char *const table[][2] = {{"/dev/ttyUSB0", "/dev/ttyUSB0"},
                                           {"/dev/../dev/ttyUSB0", "/dev/ttyUSB0"},
                                           {"//dev/./ttyUSB0", "/dev/ttyUSB0"},
                                           {"/../dev/ttyUSB0/", "/dev/ttyUSB0"},
                                           {"a/../../b", "../b"},
                                           {"../../b", "../../b"},
                                           {"./p1.dap", "p1.dap"},
                                           {"/", "/"},
                                           {"a/b/..", "a"},
                                           {"..a/b", "..a/b"},
                                           {"", ""}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char out[64];
        file_path_tidy(table[i][0], out, sizeof out);
        cr_expect_str_eq(out, table[i][1], "%s became %s", table[i][0], out);
    }
    char small[8];
    file_path_tidy("/far/too/long/for/this", small, sizeof small);
    cr_expect_lt(strlen(small), sizeof small);
}

Test(file, makes_a_folder_with_those_above_it)
{
    char folder[] = "/tmp/otarig-test-file.XXXXXX", path[80], part[80];
    struct stat about;
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a//b/c/", folder);
    cr_expect_eq(file_make_folder(path), 0);
    cr_expect(!stat(path, &about) && S_ISDIR(about.st_mode));
    cr_expect_eq(file_make_folder(path), 0, "it is there already");
    snprintf(part, sizeof part, "%s/a/plain", folder);
    fclose(fopen(part, "w"));
    cr_expect(file_make_folder(part) && errno == ENOTDIR, "a file has its name");
    snprintf(path, sizeof path, "%s/a/plain/d", folder);
    cr_expect(file_make_folder(path) && errno == ENOTDIR, "a file has the name of one above it");
    for (const char *const *name = (const char *const[]){"a/plain", "a/b/c", "a/b", "a", ".", NULL}; *name;
         name++) {
        snprintf(path, sizeof path, "%s/%s", folder, *name);
        remove(path);
    }
    rmdir(folder);
}
