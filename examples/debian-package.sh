#!/bin/sh
# examples/debian-package.sh: a Debian package of bounceaudit, with its manual pages, completions and systemd units.
#
# In: Rust, and cargo-deb (cargo install cargo-deb). Out: target/debian/bounceaudit_VERSION_ARCHITECTURE.deb, whose name
# is printed. Pages and completions are made by the program from its own definitions.
set -eu
cd "$(dirname "$0")/.."

cargo build --release --locked
bounceaudit=target/release/bounceaudit
rm -rf target/package
mkdir -p target/package/man target/package/completions

"$bounceaudit" man >target/package/man/bounceaudit.1
for command in scan report classify check draft lists note ledger completions man; do
    "$bounceaudit" man "$command" >"target/package/man/bounceaudit-$command.1"
done
for command in path check prune export; do
    "$bounceaudit" man ledger "$command" >"target/package/man/bounceaudit-ledger-$command.1"
done
"$bounceaudit" completions bash >target/package/completions/bounceaudit.bash
"$bounceaudit" completions zsh >target/package/completions/_bounceaudit
"$bounceaudit" completions fish >target/package/completions/bounceaudit.fish

cargo deb --no-build --locked
