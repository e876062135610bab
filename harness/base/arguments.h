/* The options of a command of otarig. */
#ifndef OTARIG_BASE_ARGUMENTS_H
#define OTARIG_BASE_ARGUMENTS_H

#include <getopt.h>

/* getopt_long(3) without short options; what it says on stderr begins with "otarig COMMAND:". argv[0] is the
 * command, as before the call afterwards. */
int arguments_next(int argc, char **argv, const struct option *options);

#endif
