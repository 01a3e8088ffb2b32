#!/usr/bin/env bash
# A fuzzer and two scanners against the agents' door of a device of its own; what they find of fault
# fails. As root it installs what is lacking of Debian's, and says so; otherwise it names it. The fuzzer
# and the scanners come from PyPI, at the versions below, into target/. Exit code 3 when they can't be had.
#
#     tests/mcp/hostile.sh [RUNS]    runs a tool and phase, 5 when unsaid; 50 take some minutes
#
# With POCKETAI_PROGRAMS it tries the programs in that folder, and builds none.
set -euo pipefail
exec </dev/null
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
runs=${1:-5}
fuzzer=mcp-fuzzer==0.7.0
scanners=(bastionsupply==0.11.1)
yara=cisco-ai-mcp-scanner==4.8.7

lacking=()
command -v curl >/dev/null || lacking+=(curl)
command -v python3 >/dev/null || lacking+=(python3)
python3 -c 'import ensurepip' 2>/dev/null || lacking+=(python3-venv)
if [ "${#lacking[@]}" -gt 0 ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "lacking: ${lacking[*]}; install it with: sudo apt-get install ${lacking[*]}" >&2
        exit 3
    fi
    echo "installing: ${lacking[*]}"
    apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q "${lacking[@]}" >/dev/null
fi
mkdir -p target

# Each in an environment of its own: they don't agree on what they need.
install() {
    local venv="$root/target/$1"
    shift
    if [ "$(cat "$venv/installed" 2>/dev/null)" != "$*" ]; then
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check "$@" >&2 || return 3
        echo "$*" >"$venv/installed"
    fi
}
install fuzzer "$fuzzer" "${scanners[@]}" || { echo "the fuzzer could not be had" >&2; exit 3; }
install scanner "$yara" || { echo "the scanner could not be had" >&2; exit 3; }

programs=${POCKETAI_PROGRAMS:-}
if [ -z "$programs" ]; then
    cargo build --quiet -p pocketd -p pocketctl
    programs=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/debug
fi
# shellcheck source=tests/mcp/device.sh
. tests/mcp/device.sh
trap stop_device EXIT
start_device
all=read+search+write+delete
agent fuzzer "memory:$all,notes:$all,tasks:$all,contacts:$all,conversations:$all"
"${ctl[@]}" agent limit fuzzer --calls 1000000 3<"$device_dir/passphrase" >"$device_dir/limit"

fails() { echo "FAILED: $1"; exit 1; }

# The tool list, as a client gets it.
ask() {
    curl --silent --fail -X POST "$url" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
        -H 'Accept: application/json, text/event-stream' -H 'MCP-Protocol-Version: 2026-07-28' \
        -H "Mcp-Method: $1" -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":{\"_meta\":{
            \"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",
            \"io.modelcontextprotocol/clientInfo\":{\"name\":\"scan\",\"version\":\"1\"},
            \"io.modelcontextprotocol/clientCapabilities\":{}}}}"
}
ask tools/list | python3 -c 'import json, sys; print(json.dumps({"tools": json.load(sys.stdin)["result"]["tools"]}))' \
    >"$device_dir/tools.json"

echo "== $yara, by its rules"
LITELLM_LOCAL_MODEL_COST_MAP=True target/scanner/bin/mcp-scanner --analyzers yara --format summary static --tools "$device_dir/tools.json" \
    >"$device_dir/yara" 2>&1 || { cat "$device_dir/yara"; fails "the scanner did not run"; }
grep -E '^(Total|Safe|Unsafe)' "$device_dir/yara"
grep -Eq 'Unsafe (tools|items): 0' "$device_dir/yara" || fails "the scanner calls a tool unsafe"

echo "== ${scanners[0]}"
# Answered in docs/agents.md: `delete` deletes, and descriptions name other tools of this same server.
answered='sensitive-capability *\(delete\)|tool-shadowing'
target/fuzzer/bin/bastionsupply scan "$device_dir/tools.json" >"$device_dir/supply" || true
grep -q '(14 tools)' "$device_dir/supply" || { cat "$device_dir/supply"; fails "the scanner did not run"; }
grep -E '^ *\[' "$device_dir/supply" | sed 's/^ *//'
! grep -E '^ *\[' "$device_dir/supply" | grep -vE "$answered" || fails "the scanner has a finding that is not answered"

echo "== $fuzzer, $runs runs"
(
    cd "$device_dir"
    export HOME="$device_dir" MCP_CUSTOM_HEADERS="{\"Authorization\": \"Bearer $token\"}"
    "$root/target/fuzzer/bin/mcp-fuzzer" --protocol streamablehttp --endpoint "$url" --auth-env --mode all \
        --phase both --protocol-phase aggressive --runs "$runs" --runs-per-type "$runs" --seed 7 --no-corpus \
        --timeout 30 --log-level CRITICAL --output-dir "$device_dir/fuzz" >fuzz.log 2>&1
) || { tail -40 "$device_dir/fuzz.log"; fails "the fuzzer did not come to its end"; }
sed -n '/MCP Fuzzer Summary ===/,$p' "$device_dir/fuzz.log"
! grep -Eq '[1-9][0-9]* (crashes|transport/protocol anomalies)' "$device_dir/fuzz.log" || fails "a call came to no end"
kill -0 "$device_pid" || fails "the device is gone"
ask tools/list >/dev/null || fails "the device does not answer any more"
! grep -E 'panick|ERROR' "$device_dir/log" || fails "see the log of the device above"
echo "the device stands"
