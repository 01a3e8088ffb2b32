# A device of its own for tests of the agents' door: sourced, not run. Needs $programs and $ctl's folder.
#
#     start_device       a device, set up and unlocked; sets url, device_dir, device_pid, ctl
#     agent NAME SCOPES  makes an agent; sets token
#     stop_device        ends it, and removes what it left

device_pid=""
device_dir=""

# The first line of the device's console that begins with $1, without it.
console() {
    local line
    for _ in $(seq 300); do
        line=$(sed -n "s/^$1: //p" "$device_dir/console" | head -n 1)
        if [ -n "$line" ]; then
            printf '%s' "$line"
            return
        fi
        kill -0 "$device_pid" || { cat "$device_dir/console" "$device_dir/log" >&2; return 1; }
        sleep 0.1
    done
    echo "the device did not say '$1: …' within 30 s" >&2
    return 1
}

start_device() {
    local code
    device_dir=$(mktemp -d)
    XDG_CONFIG_HOME="$device_dir/config" "$programs/pocketd" --data-dir "$device_dir/data" \
        --ui 127.0.0.1:0 --mcp 127.0.0.1:0 >"$device_dir/console" 2>"$device_dir/log" &
    device_pid=$!
    url=$(console mcp)
    code=$(console 'setup code')
    ctl=("$programs/pocketctl" --data-dir "$device_dir/data" --json --passphrase-fd 3)
    printf 'correct horse battery staple' >"$device_dir/passphrase"
    "${ctl[@]}" setup --code "$code" --recovery-out "$device_dir/recovery" \
        3<"$device_dir/passphrase" >"$device_dir/setup"
}

agent() {
    "${ctl[@]}" agent add "$1" --scope "$2" 3<"$device_dir/passphrase" >"$device_dir/agent"
    token=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])' <"$device_dir/agent")
}

stop_device() {
    if [ -n "$device_pid" ] && kill -0 "$device_pid" 2>/dev/null; then
        kill "$device_pid"
        wait "$device_pid" || printf 'the device did not stop cleanly\n'
    fi
    device_pid=""
    [ -z "$device_dir" ] || rm -rf "$device_dir"
    device_dir=""
}
