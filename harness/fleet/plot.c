/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run over time: three curves above each other, with one axis of seconds. */
#include <stdio.h>

#include "harness/base/output.h"
#include "harness/fleet/fleet.h"

#define WIDTH 800
#define HEIGHT 160
#define LEFT 90
#define TOP 40
#define GAP 50

static double value_of(const struct fleet_result *result, int curve, size_t second)
{
    double sum = 0;
    if (curve == 0)
        return result->seconds[second].requests;
    if (curve == 1)
        return (double)result->seconds[second].bytes / 1e6;
    for (size_t i = 0; i <= second; i++)
        sum += result->seconds[i].updated;
    return sum;
}

static void draw(FILE *out, const struct fleet_result *result, int curve, const char *title)
{
    double most = 1, y = TOP + curve * (HEIGHT + GAP), step;
    for (size_t i = 0; i < result->second_count; i++)
        most = value_of(result, curve, i) > most ? value_of(result, curve, i) : most;
    step = (double)WIDTH / (double)(result->second_count > 1 ? result->second_count - 1 : 1);
    fprintf(out, "<text x=\"%d\" y=\"%.0f\" font-weight=\"bold\">%s</text>\n", LEFT, y - 8, title);
    fprintf(out, "<rect x=\"%d\" y=\"%.0f\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#999\"/>\n",
            LEFT, y, WIDTH, HEIGHT);
    fprintf(out,
            "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%.4g</text><text x=\"%d\" y=\"%.0f\" "
            "text-anchor=\"end\">0</text>\n",
            LEFT - 6, y + 10, most, LEFT - 6, y + HEIGHT);
    fputs("<polyline fill=\"none\" stroke=\"#1f6feb\" stroke-width=\"1.5\" points=\"", out);
    for (size_t i = 0; i < result->second_count; i++)
        fprintf(out, "%.1f,%.1f ", LEFT + step * (double)i,
                y + HEIGHT * (1 - value_of(result, curve, i) / most));
    fputs("\"/>\n", out);
}

int fleet_plot(const char *path, const struct fleet_spec *spec, const struct fleet_result *result,
               struct error *error)
{
    static const char *const titles[] = {"requests a second", "megabytes a second",
                                         "devices with the update"};
    FILE *out = output_file(path, error);
    if (!out)
        return -1;
    int height = TOP + 3 * (HEIGHT + GAP);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
            "font-size=\"12\">\n",
            LEFT + WIDTH + 30, height);
    fputs("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n", out);
    for (int i = 0; i < 3; i++)
        draw(out, result, i, titles[i]);
    fprintf(out, "<text x=\"%d\" y=\"%d\">%u devices, 0 to %zu seconds</text>\n</svg>\n", LEFT, height - 20,
            spec->devices, result->second_count);
    return output_commit(out, path, error);
}
