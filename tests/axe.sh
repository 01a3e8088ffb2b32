#!/usr/bin/env bash
# Fetches the accessibility checker axe-core into target/axe.min.js, for the browser tests. It is a tool
# of the tests and no part of the product: nothing of it is kept in the tree.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
place=target/axe
if [ -s target/axe.min.js ] && cmp -s tests/axe.txt "$place/axe.txt"; then
    exit 0
fi
mkdir -p "$place"
python3 -m venv --clear "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r tests/axe.txt
cp "$place"/venv/lib/python3*/site-packages/axe_playwright_python/axe.min.js target/axe.min.js
cp tests/axe.txt "$place/axe.txt"
