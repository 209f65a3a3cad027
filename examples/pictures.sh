#!/bin/sh
# examples/pictures.sh: the README's pictures, examples/report.png and examples/timeline.png, of the page that the demo leaves.
#
# In: target/demo/report.html (cargo run --release --example demo), Chromium. CHROMIUM names another browser, or adds
# options to it.
set -eu
cd "$(dirname "$0")/.."
page=target/demo/report.html
[ -e "$page" ] || { echo "$page is missing: cargo run --release --example demo" >&2; exit 1; }

picture() {
    # shellcheck disable=SC2086
    ${CHROMIUM:-chromium} --headless --hide-scrollbars --window-size="$3" --screenshot="$2" "file://$PWD/$1" 2>/dev/null
}

picture "$page" examples/report.png 1280,1200
# Of the page, the head and one section.
timeline=target/demo/timeline.html
sed 's#\(</head><body>\).*\(<section id="timeline".*\)<section id="hit".*#\1\2#' "$page" >"$timeline"
picture "$timeline" examples/timeline.png 1280,900
rm "$timeline"
