#!/usr/bin/env bash
# The README's pictures: docs/dag.svg (needs graphviz) and docs/report.png (needs chromium) from the last
# quickstart; docs/torsion_scans.png (needs librsvg) from the last example campaign.
set -euo pipefail
cd "$(dirname "$0")/.."
release=results/quickstart/releases/quickstart-0.1.0

snakemake --configfile config/quickstart.yaml --forceall --rulegraph |
  sed -e 's/fontname=sans, *fontsize=10, *penwidth=2/fontname="DejaVu Sans", fontsize=11, penwidth=1.5/' \
    -e 's/graph\[bgcolor=white, margin=0\]/graph[bgcolor=white, margin=0.1, rankdir=LR, nodesep=0.15, ranksep=0.35]/' |
  dot -Tsvg >docs/dag.svg

profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --user-data-dir="$profile" --hide-scrollbars \
  --window-size=1080,1570 --screenshot=docs/report.png "file://$PWD/$release/report.html"

scans=results/campaign/validation/profiles.svg
if [ -f "$scans" ]; then rsvg-convert --width 1100 "$scans" --output docs/torsion_scans.png; fi
