#!/usr/bin/env bash
# Installs Node and what the tests of the agents' door need of it, at the versions below, from npm into
# target/. Exit code 3 when they can't be had: no npm, or no registry.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
place="$root/target/node"
packages=(
    node@24.21.0                                    # the suite needs 22 or newer
    @modelcontextprotocol/conformance@0.2.0-alpha.12 # the protocol's own judge
    @modelcontextprotocol/sdk@1.32.2                 # the official client, 2025-11-25
    @modelcontextprotocol/client@2.4.0               # the official client, both eras
    @modelcontextprotocol/inspector@2.12.0           # the tool with which authors look at servers
    js-tiktoken@1.0.21                               # counts what the tool list costs
)
if ! command -v npm >/dev/null 2>&1; then
    echo "npm is lacking: install it with: sudo apt-get install npm" >&2
    exit 3
fi
if [ "$(cat "$place/installed" 2>/dev/null)" != "${packages[*]}" ]; then
    rm -rf "$place"
    mkdir -p "$place"
    npm install --prefix "$place" --no-save --no-audit --no-fund --silent "${packages[@]}" >&2 ||
        { echo "npm could not install ${packages[*]}" >&2; exit 3; }
    echo "${packages[*]}" >"$place/installed"
fi
echo "$place/node_modules"
