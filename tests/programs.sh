#!/usr/bin/env bash
# Builds the programs that the tests start, and tells nextest where they are.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
cargo build --quiet -p pocketd -p pocketctl -p pocket-reader -p pocket-backup -p pocket-gateway
if [ -n "${NEXTEST_ENV:-}" ]; then
    target=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
    echo "POCKETAI_PROGRAMS=$target/debug" >>"$NEXTEST_ENV"
fi
