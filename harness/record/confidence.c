/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "harness/record/confidence.h"

#include <math.h>

/* Bisections until doubles have nothing between them. */
#define HALVINGS 200

/* P(X <= fails) for X binomial of `runs` and p, where fails <= runs * p: from the largest term down, each
 * from the one above it. Adds up to 1e6 terms without loss, where a continued fraction may give up. */
static double lower_tail(unsigned fails, unsigned runs, double p)
{
    double n = runs, k = fails;
    double term = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p));
    double sum = term;
    for (; k > 0 && term > sum * 1e-17; k--) {
        term *= k / (n - k + 1) * ((1 - p) / p);
        sum += term;
    }
    return sum;
}

/* The bound above it all: at it, so few failures have the probability `alpha`. */
static double upper(unsigned fails, unsigned runs, double alpha)
{
    if (fails >= runs)
        return 1;
    double low = (double)fails / runs, high = 1;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        if (lower_tail(fails, runs, middle) > alpha)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double confidence_upper(unsigned fails, unsigned runs, double confidence)
{
    return upper(fails, runs, 1 - confidence);
}

double confidence_lower(unsigned fails, unsigned runs, double confidence)
{
    if (!fails || fails > runs)
        return 0;
    return 1 - upper(runs - fails, runs, 1 - confidence);
}

/* The logarithm of the bet's fortune against p: of what Beta(1/2, 1/2) made of all q gives the runs, over
 * what p gives them. */
static double log_fortune(unsigned fails, unsigned runs, double p)
{
    double n = runs, k = fails;
    double mixture = lgamma(k + 0.5) + lgamma(n - k + 0.5) - lgamma(n + 1) - 2 * lgamma(0.5);
    return mixture - (fails ? k * log(p) : 0) - (fails < runs ? (n - k) * log1p(-p) : 0);
}

/* Between fails/runs, which no bet goes against, and `end`, where it is certain to win. */
static double any_time(unsigned fails, unsigned runs, double confidence, double end)
{
    double within = runs ? (double)fails / runs : 1 - end, outside = end;
    for (int i = 0; runs && i < HALVINGS; i++) {
        double middle = within + (outside - within) / 2;
        if (middle == within || middle == outside)
            break;
        if (log_fortune(fails, runs, middle) < -log1p(-confidence))
            within = middle;
        else
            outside = middle;
    }
    return outside;
}

double confidence_upper_any_time(unsigned fails, unsigned runs, double confidence)
{
    return fails >= runs ? 1 : any_time(fails, runs, confidence, 1);
}

double confidence_lower_any_time(unsigned fails, unsigned runs, double confidence)
{
    return !fails || fails > runs ? 0 : any_time(fails, runs, confidence, 0);
}

double confidence_hits(double width, double jitter)
{
    return width <= 0 ? 0 : width >= 2 * jitter ? 1 : width / (2 * jitter);
}

unsigned confidence_runs(double p, double confidence)
{
    if (!(p > 0))
        return 0;
    if (p >= 1)
        return 1;
    double runs = ceil(log(1 - confidence) / log1p(-p));
    return runs < 1 ? 1 : runs > 4e9 ? 4000000000u : (unsigned)runs;
}
