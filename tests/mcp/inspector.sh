#!/usr/bin/env bash
# The Inspector, without its page, against the device that POCKETAI_MCP_URL, POCKETAI_MCP_TOKEN and
# POCKETAI_MCP_COMMAND say; in the folder $1 is what npm installed.
set -euo pipefail
export PATH="$1/node/bin:$PATH"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# It keeps settings in the home folder.
export HOME="$folder"

# The same server over each transport, and in each revision.
cat >"$folder/servers.json" <<JSON
{ "mcpServers": {
    "older": { "type": "streamable-http", "url": "$POCKETAI_MCP_URL",
        "headers": { "Authorization": "Bearer $POCKETAI_MCP_TOKEN" } },
    "newer": { "type": "streamable-http", "url": "$POCKETAI_MCP_URL", "protocolEra": "modern",
        "headers": { "Authorization": "Bearer $POCKETAI_MCP_TOKEN" } },
    "bridge": { "command": "${POCKETAI_MCP_COMMAND%% *}",
        "args": [$(printf '"%s",' ${POCKETAI_MCP_COMMAND#* } | sed 's/,$//')],
        "env": { "POCKETAI_TOKEN": "$POCKETAI_MCP_TOKEN" } } } }
JSON

inspect() {
    "$1/../.bin/mcp-inspector" --cli --config "$folder/servers.json" "${@:2}"
}

passed=0
# Looks whether what the Inspector prints holds the words $1.
holds() {
    local words=$1
    shift
    inspect "$modules/node" "$@" >"$folder/out" 2>"$folder/err" || { cat "$folder/out" "$folder/err"; exit 1; }
    grep -q -- "$words" "$folder/out" || { echo "no '$words' in:"; cat "$folder/out"; exit 1; }
    passed=$((passed + 1))
}

modules=$1
for server in older newer bridge; do
    holds '"recall"' --server "$server" --method tools/list --strict
    holds '"unlocked"' --server "$server" --method tools/call --tool-name status
    holds '"records"' --server "$server" --method tools/call --tool-name tasks --tool-arg done=true
    holds '"resources"' --server "$server" --method resources/list
    holds '{category}' --server "$server" --method resources/templates/list
    holds 'brief_me' --server "$server" --method prompts/list
    holds 'about Anna' --server "$server" --method prompts/get --prompt-name what_do_you_know \
        --prompt-args subject=Anna
done
echo "Inspector: $passed passed"
