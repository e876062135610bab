/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "harness/driver/update/fetch.h"

#define SIZE 1000

static struct fetch fetch;

static bool gets(int64_t from, int64_t len, bool whole)
{
    return fetch_add(&fetch, "fw", SIZE, from, len, whole);
}

static void end(void)
{
    fetch_release(&fetch);
}

Test(fetch, is_over_with_all_of_it, .fini = end)
{
    cr_expect(gets(0, SIZE, true));
}

Test(fetch, is_not_over_with_a_part, .fini = end)
{
    cr_expect_not(gets(0, 10, true));
    cr_expect_not(gets(990, 10, true));
    cr_expect_not(gets(0, 0, true));
    cr_expect(gets(10, 980, true), "with the last gap it is");
}

Test(fetch, is_over_with_parts_in_any_order, .fini = end)
{
    cr_expect_not(gets(500, 500, true));
    cr_expect_not(gets(100, 300, true));
    cr_expect_not(gets(300, 250, true));
    cr_expect(gets(0, 100, true));
}

Test(fetch, goes_on_where_it_was_broken_off, .fini = end)
{
    cr_expect_not(gets(0, 600, false));
    cr_expect(gets(600, 400, true));
}

Test(fetch, of_which_less_arrived_than_was_sent, .fini = end)
{
    cr_expect_not(gets(0, 600, false));
    cr_expect(gets(450, 550, true), "the board knows what it has");
}

Test(fetch, that_was_broken_off_is_no_whole_one, .fini = end)
{
    cr_expect_not(gets(0, SIZE, false), "sent is not arrived");
    cr_expect_not(gets(0, 10, true), "it began anew");
    cr_expect_not(gets(0, 700, false));
    cr_expect_not(gets(800, 200, true), "a gap");
    cr_expect(gets(0, SIZE, true));
}

Test(fetch, of_another_image_begins_anew, .fini = end)
{
    cr_expect_not(gets(0, 500, true));
    cr_expect_not(fetch_add(&fetch, "other", SIZE, 500, 500, true));
    cr_expect_not(gets(500, 500, true));
    cr_expect(gets(0, 500, true));
}
