/* The options of a command of otarig. */
#ifndef OTARIG_BASE_ARGUMENTS_H
#define OTARIG_BASE_ARGUMENTS_H

#include <getopt.h>
#include <stdint.h>

#include "harness/base/error.h"

/* getopt_long(3) without short options; what it says on stderr begins with "otarig COMMAND:". argv[0] is the
 * command, as before the call afterwards. */
int arguments_next(int argc, char **argv, const struct option *options);

/* A number from low to high, decimal or after 0x hexadecimal, and nothing else: no sign, no blank, no octal.
 * `what` begins the message of the ERROR_INPUT. */
int arguments_u32(const char *what, const char *text, uint32_t low, uint32_t high, uint32_t *out,
                  struct error *error);

#endif
