/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/surroundings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness/base/mem.h"

const char *surroundings_rack(void)
{
    return getenv("OTARIG_RACK");
}

bool surroundings_emulated(void)
{
    return getenv("UMOCKDEV_DIR") != NULL;
}

char *surroundings_in_rack(const char *path)
{
    const char *rack = surroundings_rack();
    return path[0] == '/' || !rack ? mem_string(path) : mem_printf("%s/%s", rack, path);
}

const char *surroundings_locks(void)
{
    const char *own = getenv("OTARIG_LOCKS");
    return own && *own ? own : NULL;
}

/* The folder of the running program, whatever it was called by; the caller frees. */
static char *own_folder(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len > 0 ? len : 0] = 0;
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
    return mem_string(path);
}

char *surroundings_beside(const char *name)
{
    char *folder = own_folder(), *path = mem_printf("%s/%s", folder, name);
    free(folder);
    return path;
}

/* PREFIX/share/otarig of a program in PREFIX/libexec/otarig; NULL: it is not installed. The caller frees. */
static char *installed_data(void)
{
    static const char place[] = "/libexec/otarig"; /* as in CMakeLists.txt */
    char *folder = own_folder(), *data = NULL;
    size_t len = strlen(folder), tail = sizeof place - 1;
    if (len >= tail && !strcmp(folder + len - tail, place))
        data = mem_printf("%.*s/share/otarig", (int)(len - tail), folder);
    free(folder);
    return data;
}

char *surroundings_data(const char *sub)
{
    const char *own = getenv("OTARIG_DATA");
    char *installed = own && *own ? NULL : installed_data();
    char *path = mem_printf("%s/%s", installed ? installed : own && *own ? own : OTARIG_SOURCE_DIR, sub);
    free(installed);
    return path;
}

const char *surroundings_boards(void)
{
    static char *folder;
    return folder ? folder : (folder = surroundings_data("boards"));
}

const char *surroundings_scenarios(void)
{
    static char *folder;
    return folder ? folder : (folder = surroundings_data("scenarios"));
}

char *surroundings_firmware(void)
{
    char *installed = installed_data();
    char *path =
        installed ? mem_printf("%s/firmware/good", installed) : surroundings_beside("../firmware/good");
    free(installed);
    return path;
}

bool surroundings_may_run(void)
{
    const char *allowed = getenv("OTARIG_ALLOW_EXEC");
    return allowed && !strcmp(allowed, "1");
}

void surroundings_allow_exec(void)
{
    setenv("OTARIG_ALLOW_EXEC", "1", 1);
}

char *surroundings_board(const char *folder, const char *board)
{
    size_t len = strlen(board);
    bool is_file = strchr(board, '/') || (len > 5 && !strcmp(board + len - 5, ".json"));
    return is_file ? mem_string(board) : mem_printf("%s/%s.json", folder, board);
}

void surroundings_raise_descriptors(void)
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}
