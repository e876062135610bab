#include "harness/record/confidence.h"

#include <math.h>
#include <gsl/gsl_cdf.h>

double confidence_upper(unsigned fails, unsigned runs, double confidence)
{
    return fails >= runs ? 1 : gsl_cdf_beta_Pinv(confidence, fails + 1.0, (double)(runs - fails));
}

double confidence_lower(unsigned fails, unsigned runs, double confidence)
{
    if (!fails || fails > runs)
        return 0;
    return gsl_cdf_beta_Pinv(1 - confidence, fails, (double)(runs - fails) + 1);
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
