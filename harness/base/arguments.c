#include "harness/base/arguments.h"

#include <stdio.h>

int arguments_next(int argc, char **argv, const struct option *options)
{
    char whole[64], *command = argv[0];

    snprintf(whole, sizeof whole, "otarig %s", command);
    argv[0] = whole;
    int which = getopt_long(argc, argv, "", options, NULL);
    argv[0] = command;
    return which;
}
