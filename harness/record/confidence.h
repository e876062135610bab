/* What a number of runs says of the probability to fail: exact binomial bounds.
 *
 * Source: C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of
 * the binomial", Biometrika 26 (1934) 404-413, in terms of the beta distribution. */
#ifndef OTARIG_RECORD_CONFIDENCE_H
#define OTARIG_RECORD_CONFIDENCE_H

/* One-sided bounds: with this confidence (0 to 1) the probability to fail is below / above the result when
 * `fails` of `runs` failed. No runs: 1 and 0. A two-sided interval of 95 % is made of both at 97.5 %. */
double confidence_upper(unsigned fails, unsigned runs, double confidence);
double confidence_lower(unsigned fails, unsigned runs, double confidence);
/* The share of shots at the middle of something this wide that hit it when they scatter evenly by +-jitter;
 * of no width: 0. Both in one unit. */
double confidence_hits(double width, double jitter);
/* How many runs hit something of this probability at least once, with this confidence. 0 for p <= 0. */
unsigned confidence_runs(double p, double confidence);

#endif
