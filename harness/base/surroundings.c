#include "harness/base/surroundings.h"

#include <stdlib.h>
#include <string.h>

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

char *surroundings_data(const char *sub)
{
    const char *own = getenv("OTARIG_DATA");
    return mem_printf("%s/%s", own && *own ? own : OTARIG_SOURCE_DIR, sub);
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
