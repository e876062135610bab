#include "harness/explore/report.h"

void explore_report_html(FILE *file, const struct search *search, const struct findings *findings)
{
    fprintf(file, "<!doctype html><title>%s</title><pre>", search->spec->name);
    explore_report_text(file, search, findings);
    fputs("</pre>\n", file);
}
