#!/usr/bin/env bash
# The protocol's own conformance suite against the agents' door, in both eras. Exit code 3 when it can't
# be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
modules=$(tests/mcp/node.sh)
export POCKETAI_NODE="$modules/node/bin/node"
export POCKETAI_CONFORMANCE="$modules/@modelcontextprotocol/conformance/dist/index.js"
cargo nextest run -p pocket-mcp --features conformance --no-capture -E 'test(/^tests::conformance::/)'
