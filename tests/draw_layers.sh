#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Draws the folders and who includes whom, from the #includes of the tree: draw_layers.sh [FOLDER] >layers.svg. An arrow goes down to
# what is used, the thicker the more files use it. A folder stands above all that it uses; a circle would be drawn red. All use
# harness/base, so those arrows are left out.
set -eu
here=${1:-${OTARIG_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}}
cd "$here"
find harness reports fixtures -name '*.[ch]' | grep -Ev '/(test|fuzz|bench|control)_[^/]*$|^fixtures/twin/(fw|chips|oracle)/' | LC_ALL=C sort |
  xargs grep -Ho '^#include "[^"]*"' | awk -F'[:"]' '
function folder_of(path,  part, n) {
  n = split(path, part, "/")
  return n > 2 ? part[1] "/" part[2] : part[1]
}
{
  from = folder_of($1); to = folder_of($3)
  known[from] = 1; known[to] = 1
  if (from != to && !(($1, to) in seen)) { seen[$1, to] = 1; uses[from, to]++ }
}
# the length of the longest way down; a folder that is met on its own way makes a circle
function depth(f,  g, d, best) {
  if (f in level) return level[f]
  if (f in open) return 0
  open[f] = 1
  best = 0
  for (g in known)
    if ((f, g) in uses && (d = depth(g) + 1) > best) best = d
  delete open[f]
  return level[f] = best
}
END {
  for (f in known) { d = depth(f); if (d > top) top = d }
  # names in order, so that the picture is the same each time
  count = 0
  for (f in known) names[++count] = f
  for (i = 2; i <= count; i++)
    for (j = i; j > 1 && names[j] < names[j - 1]; j--) { t = names[j]; names[j] = names[j - 1]; names[j - 1] = t }
  wide = 900; row = 96; box = 130
  for (i = 1; i <= count; i++) in_row[level[names[i]]]++
  for (l in in_row) if ((in_row[l] + 1) * (box + 16) > wide) wide = (in_row[l] + 1) * (box + 16)
  for (i = 1; i <= count; i++) {
    f = names[i]; l = level[f]
    x[f] = int(wide * ++placed[l] / (in_row[l] + 1)) + (l % 2 ? 24 : -24); y[f] = 40 + (top - l) * row
  }
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n", wide, top * row + 80
  print "<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerUnits=\"userSpaceOnUse\" markerWidth=\"9\" markerHeight=\"9\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>"
  print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
  for (i = 1; i <= count; i++)
    for (j = 1; j <= count; j++) {
      f = names[i]; g = names[j]
      if (!((f, g) in uses) || g == "harness/base") continue
      circle = level[g] >= level[f]
      printf "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"%.1f\" marker-end=\"url(#a)\"><title>%s uses %s in %d files</title></line>\n", x[f], y[f] + 14, x[g], y[g] - 16,
             circle ? "red" : "#999", 0.8 + uses[f, g] / 12, f, g, uses[f, g]
    }
  for (i = 1; i <= count; i++) {
    f = names[i]
    printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"30\" rx=\"5\" fill=\"%s\" stroke=\"#333\"/><text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x[f] - box / 2, y[f] - 15, box,
           f ~ /^fixtures/ ? "#f3e6c8" : f ~ /^reports/ ? "#dcefdc" : "#dde7f5", x[f], y[f] + 5, f
  }
  print "</svg>"
}'
