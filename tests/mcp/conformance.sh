#!/usr/bin/env bash
# The protocol's own conformance suite against the agents' door, in both eras.
#
# The suite and the Node that it needs come from npm, at the versions below, into target/. Exit code 3
# when they can't be had: no npm, or no registry.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
node=node@24.21.0
suite=@modelcontextprotocol/conformance@0.2.0-alpha.12

place="$root/target/conformance"
if ! command -v npm >/dev/null 2>&1; then
    echo "npm is lacking: install it with: sudo apt-get install npm" >&2
    exit 3
fi
if [ "$(cat "$place/installed" 2>/dev/null)" != "$node $suite" ]; then
    rm -rf "$place"
    mkdir -p "$place"
    npm install --prefix "$place" --no-save --no-audit --no-fund --silent "$node" "$suite" ||
        { echo "npm could not install $node and $suite" >&2; exit 3; }
    echo "$node $suite" >"$place/installed"
fi

export POCKETAI_NODE="$place/node_modules/node/bin/node"
export POCKETAI_CONFORMANCE="$place/node_modules/@modelcontextprotocol/conformance/dist/index.js"
# It writes what it saw under the folder it runs in.
cargo nextest run -p pocket-mcp --run-ignored only --no-capture -E 'test(/^tests::conformance::/)'
