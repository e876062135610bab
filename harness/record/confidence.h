/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a number of runs says of the probability to fail: exact binomial bounds. */
#ifndef OTARIG_RECORD_CONFIDENCE_H
#define OTARIG_RECORD_CONFIDENCE_H

/* For a number of runs that was settled beforehand. One-sided bounds: with this confidence (0 to 1) the
 * probability to fail is below / above the result when `fails` of `runs` failed. No runs: 1 and 0. A
 * two-sided interval of 95 % is made of both at 97.5 %.
 *
 * Source: C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of
 * the binomial", Biometrika 26 (1934) 404-413. */
double confidence_upper(unsigned fails, unsigned runs, double confidence);
double confidence_lower(unsigned fails, unsigned runs, double confidence);

/* For runs that may be ended at any moment because of what they showed: with this confidence the probability
 * to fail is within both bounds at every moment, so at the last one, too. Wider than the bounds above
 * (without a failure it takes 116 runs to 5 %, not 59), the price of looking.
 *
 * Whoever bets against a probability p by the mixture of all others wins, where p is true, no more than 1 in
 * the mean, so the fortune ever reaches 1/alpha with a probability of at most alpha: the p against which it
 * has are ruled out. Sources: J. Ville, "Etude critique de la notion de collectif" (1939); H. Robbins,
 * "Statistical methods related to the law of the iterated logarithm", Ann. Math. Statist. 41 (1970)
 * 1397-1409; the mixture is Jeffreys' Beta(1/2, 1/2).
 *
 * It holds as well for rounds of runs without repetition, or with one in each of equal parts, looked at after
 * each round: the mean of a product of such draws is never above that of independent ones (inequalities of
 * Maclaurin, and of the arithmetic and geometric mean). */
double confidence_upper_any_time(unsigned fails, unsigned runs, double confidence);
double confidence_lower_any_time(unsigned fails, unsigned runs, double confidence);

/* The share of shots at the middle of something this wide that hit it when they scatter evenly by +-jitter;
 * of no width: 0. Both in one unit. */
double confidence_hits(double width, double jitter);
/* How many runs hit something of this probability at least once, with this confidence. 0 for p <= 0. */
unsigned confidence_runs(double p, double confidence);

#endif
