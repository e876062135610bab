/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/supervise/run_folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/file.h"
#include "harness/base/json_text.h"
#include "harness/base/mem.h"

/* The longest name of a unix socket (unix(7): 108 bytes with the terminator, and one to spare), and what
 * stands between --out and the socket of a place */
#define SOCKET_LEN_MAX 106
#define RUN_LEN (sizeof "/20260101T000000Z/rack/.uart" - 1)

/* What no file name of ours, no socket in it and no report of it could carry is refused before anything is
 * touched. */
int run_folder_check(const char *out, const struct rack *rack, struct error *error)
{
    char *here = out[0] == '/' ? NULL : getcwd(NULL, 0);
    size_t len = strlen(out), whole = len + (here ? strlen(here) + 1 : 0);
    size_t place = 3; /* "control" is a socket, too */
    bool control = false;
    free(here);
    for (size_t i = 0; i < rack->place_count; i++)
        place = strlen(rack->places[i].name) > place ? strlen(rack->places[i].name) : place;
    for (size_t i = 0, taken; i < len && !control; i += taken) {
        taken = json_text_utf8(out + i, len - i);
        control = !taken || (unsigned char)out[i] < 0x20 || out[i] == 0x7f;
        taken = taken ? taken : 1;
    }
    if (!len || control)
        return error_set(
            error, ERROR_INPUT,
            "--out: expected the name of a folder in UTF-8 without control characters, found '%s'", out);
    if (rack_parts(rack) && rack->place_count > 1) /* its sockets may be in a folder of the place */
        place += place + 1;
    if (rack->is_virtual && whole + RUN_LEN + place > SOCKET_LEN_MAX)
        return error_set(error, ERROR_INPUT,
                         "--out %s: expected at most %zu characters from the root on, found %zu: the virtual "
                         "rack has unix sockets in it",
                         out, SOCKET_LEN_MAX - RUN_LEN - place, whole);
    return 0;
}

char *run_folder_make(const char *out, struct error *error)
{
    char stamp[40];
    time_t now = clock_wall_s();
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &utc);
    if (file_make_folder(out)) {
        error_set_errno(error, ERROR_INPUT, errno, "--out %s", out);
        return NULL;
    }
    for (int i = 1; i < 1000; i++) {
        char *path = i == 1 ? mem_printf("%s/%s", out, stamp) : mem_printf("%s/%s-%d", out, stamp, i);
        if (!mkdir(path, 0755))
            return path;
        int why = errno;
        free(path);
        if (why != EEXIST) {
            error_set_errno(error, ERROR_INPUT, why, "--out %s", out);
            return NULL;
        }
    }
    error_set(error, ERROR_SYSTEM, "--out %s: no free name", out);
    return NULL;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *at)
{
    return remove(path);
}

void run_folder_remove(const char *folder, const char *out)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (out)
        rmdir(out);
}
