/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/base/surroundings.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void expect(char *found, const char *wanted)
{
    cr_expect_str_eq(found, wanted);
    free(found);
}

Test(surroundings, boards_are_names_or_files)
{
    expect(surroundings_board("boards", "nrf52"), "boards/nrf52.json");
    expect(surroundings_board("boards", "x/nrf52"), "x/nrf52");
    expect(surroundings_board("boards", "own.json"), "own.json");
    expect(surroundings_board("boards", ".json"), "boards/.json.json");
}

Test(surroundings, paths_of_a_virtual_rack)
{
    unsetenv("OTARIG_RACK");
    expect(surroundings_in_rack("p1.bp"), "p1.bp");
    setenv("OTARIG_RACK", "/tmp/rack", 1);
    expect(surroundings_in_rack("p1.bp"), "/tmp/rack/p1.bp");
    expect(surroundings_in_rack("/dev/ttyUSB0"), "/dev/ttyUSB0");
}

Test(surroundings, data_of_another_folder)
{
    setenv("OTARIG_DATA", "/opt/otarig", 1);
    expect(surroundings_data("boards"), "/opt/otarig/boards");
    setenv("OTARIG_DATA", "", 1);
    expect(surroundings_data("boards"), OTARIG_SOURCE_DIR "/boards");
}
