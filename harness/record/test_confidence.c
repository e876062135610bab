/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>

#include "harness/record/confidence.h"

static void near(double found, double expected)
{
    cr_expect(found > expected - 6e-5 && found < expected + 6e-5, "found %.6f, expected %.4f", found,
              expected);
}

/* Exact two-sided 95 % limits as they stand in tables (four digits): one-sided at 97.5 %. */
Test(confidence, published_limits)
{
    static const struct {
        unsigned fails, runs;
        double low, high;
    } table[] = {{0, 10, 0, 0.3085},       {1, 10, 0.0025, 0.4450}, {5, 10, 0.1871, 0.8129},
                 {10, 10, 0.6915, 1},      {0, 20, 0, 0.1684},      {5, 20, 0.0866, 0.4910},
                 {0, 50, 0, 0.0711},       {0, 100, 0, 0.0362},     {1, 100, 0.0003, 0.0545},
                 {10, 100, 0.0490, 0.1762}};
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        near(confidence_lower(table[i].fails, table[i].runs, 0.975), table[i].low);
        near(confidence_upper(table[i].fails, table[i].runs, 0.975), table[i].high);
    }
}

/* All terms in long double, none left out; the limits are to leave alpha on their outer side. */
static long double at_most(unsigned fails, unsigned runs, double p)
{
    long double sum = 0, term = expl((long double)runs * log1pl(-(long double)p));
    for (unsigned k = 0; k <= fails; k++) {
        sum += term;
        term *= (long double)(runs - k) / (k + 1) * ((long double)p / (1 - (long double)p));
    }
    return sum;
}

static const double confidences[] = {0.9, 0.95, 0.99, 0.999};

Test(confidence, limits_have_the_property_that_defines_them)
{
    for (unsigned c = 0; c < sizeof confidences / sizeof *confidences; c++)
        for (unsigned runs = 1; runs <= 400; runs++)
            for (unsigned fails = 0; fails <= runs; fails++) {
                double alpha = 1 - confidences[c];
                double high = confidence_upper(fails, runs, confidences[c]),
                       low = confidence_lower(fails, runs, confidences[c]);
                if (fails < runs) {
                    double left = (double)at_most(fails, runs, high);
                    cr_assert(fabs(left - alpha) < 1e-9, "%u of %u at %g: %.12g leaves %.12g", fails, runs,
                              confidences[c], high, left);
                }
                if (fails) {
                    double left = (double)at_most(runs - fails, runs, 1 - low);
                    cr_assert(fabs(left - alpha) < 1e-9, "%u of %u at %g: above %.12g, leaves %.12g", fails,
                              runs, confidences[c], low, left);
                }
            }
}

Test(confidence, limits_of_many_runs)
{
    static const unsigned table[][2] = {{0, 1000000}, {1, 1000000}, {500000, 1000000}, {999999, 1000000},
                                        {17, 5000},   {2500, 5000}, {4999, 5000},      {300, 123456}};
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
        for (unsigned c = 0; c < sizeof confidences / sizeof *confidences; c++) {
            unsigned fails = table[i][0], runs = table[i][1];
            double high = confidence_upper(fails, runs, confidences[c]),
                   low = confidence_lower(fails, runs, confidences[c]), rate = (double)fails / runs;
            cr_expect(low <= rate && rate < high && high <= 1);
            /* eight standard deviations and a little: nothing is far off */
            double room = 8 * sqrt((rate * (1 - rate) + 8.0 / runs) / runs);
            cr_expect(high - rate < room && rate - low < room, "%u of %u: %g %g", fails, runs, low, high);
            if (runs * log1p(-high) > -11000) /* what a long double can hold */
                cr_expect(fabs((double)at_most(fails, runs, high) - (1 - confidences[c])) < 1e-9);
        }
}

/* The bet's fortune by its other definition: run after run, each weighed by what the runs before it foretell.
 */
static double fortune(unsigned fails, unsigned runs, double p)
{
    double product = 1;
    for (unsigned i = 0; i < runs; i++) {
        bool fail = i < fails; /* the order does not matter */
        double foretold = ((fail ? i : i - fails) + 0.5) / (i + 1.0);
        product *= foretold / (fail ? p : 1 - p);
    }
    return product;
}

Test(confidence, any_time_limits_have_the_property_that_defines_them)
{
    for (unsigned runs = 1; runs <= 120; runs++)
        for (unsigned fails = 0; fails <= runs; fails++) {
            double high = confidence_upper_any_time(fails, runs, 0.95),
                   low = confidence_lower_any_time(fails, runs, 0.95);
            cr_assert(high >= confidence_upper(fails, runs, 0.95));
            cr_assert(low <= confidence_lower(fails, runs, 0.95));
            if (fails < runs)
                cr_assert(fabs(fortune(fails, runs, high) - 20) < 1e-6, "%u of %u: %.12g", fails, runs, high);
            if (fails)
                cr_assert(fabs(fortune(fails, runs, low) - 20) < 1e-6, "%u of %u: %.12g", fails, runs, low);
        }
    near(confidence_upper_any_time(0, 0, 0.95), 1);
    near(confidence_lower_any_time(0, 0, 0.95), 0);
    cr_expect_gt(confidence_upper_any_time(0, 115, 0.95), 0.05);
    cr_expect_lt(confidence_upper_any_time(0, 116, 0.95), 0.05);
}

/* Without a failure the limit has a closed form: 1 - alpha^(1/n). */
Test(confidence, no_failure)
{
    near(confidence_upper(0, 10, 0.95), 0.2589);
    near(confidence_upper(0, 59, 0.95), 0.0495);
    near(confidence_upper(0, 298, 0.95), 0.0100);
}

Test(confidence, limits_of_nothing)
{
    near(confidence_upper(0, 0, 0.95), 1);
    near(confidence_lower(0, 0, 0.95), 0);
    near(confidence_upper(3, 3, 0.95), 1);
}

Test(confidence, runs_to_hit)
{
    cr_expect_eq(confidence_runs(0.05, 0.95), 59);
    cr_expect_eq(confidence_runs(0.01, 0.95), 299);
    cr_expect_eq(confidence_runs(0.5, 0.95), 5);
    cr_expect_eq(confidence_runs(1, 0.95), 1);
    cr_expect_eq(confidence_runs(0, 0.95), 0);
}

Test(confidence, shots_at_the_middle)
{
    cr_expect_float_eq(confidence_hits(0.5, 1), 0.25, 1e-12);
    cr_expect_eq(confidence_hits(2, 1), 1);
    cr_expect_eq(confidence_hits(9, 0), 1);
    cr_expect_eq(confidence_hits(0, 1), 0);
    cr_expect_eq(confidence_hits(0, 0), 0);
    cr_expect_eq(confidence_hits(-1, 1), 0);
}
