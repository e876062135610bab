/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/cmd/cmd.h"
#include "harness/explore/explore.h"
#include "harness/base/surroundings.h"

int cmd_explore(int argc, char **argv)
{
    return explore_main(argc, argv, surroundings_boards(), surroundings_firmware());
}

int cmd_boot(int argc, char **argv)
{
    return boot_main(argc, argv, surroundings_boards());
}
