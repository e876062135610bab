#include <criterion/criterion.h>

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
