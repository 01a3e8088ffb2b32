"""A hand inside of a board, for the tests alone.

The image has no console and lets nobody run a program but pocketctl. Who owns a virtual machine's
firmware may add units to it (systemd's credentials of SMBIOS): these add one that runs what it is told over
a virtual serial port, and one that tells the journal over another.
"""

import base64
import socket

# Each is a line of shell; what it prints is the answer.
QUESTIONS = {
    "failed": "systemctl --failed --plain --no-legend",
    "mounts": "findmnt --list --noheadings --output TARGET,SOURCE,FSTYPE,OPTIONS",
    "listening": "cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 /proc/net/raw 2>/dev/null",
    "memory": "cat /proc/meminfo",
    "pocketd-net": "nsenter --net=/proc/$(systemctl show --property MainPID --value pocketd.service)/ns/net cat /proc/net/dev",
    "gateway": "systemctl is-active pocket-gateway.service pocket-gateway.socket; true",
    "time": "systemd-analyze time",
    "verity": "veritysetup status root",
    "luks": "cryptsetup status data",
    "journal": "journalctl --boot --no-pager --lines 4000",
    "swap": "cat /proc/swaps",
    "writable": "find / -xdev -writable -type f 2>/dev/null | head -n 5",
}

# Told in base64, one line an order: no shell has to be escaped, and an answer is one line as well.
OBEY = """
until [[ -e /dev/virtio-ports/hand ]]; do sleep 0.5; done
exec 3<>/dev/virtio-ports/hand
while :; do
    if IFS= read -r -u 3 order; then
        said=$(base64 --decode <<<"$order" | bash 2>&1; printf 'rc=%s' "$?")
        base64 --wrap=0 <<<"$said" >&3
        echo >&3
    else
        sleep 0.5
    fi
done
"""
TELL = """
until [[ -e /dev/virtio-ports/journal ]]; do sleep 0.5; done
exec journalctl --follow --no-tail --output=short-monotonic >/dev/virtio-ports/journal
"""
# The keyboard of the virtual machine as the button of the board, as docs/hardware.md tells a maker.
BUTTON = """
mkdir -p /run/udev/rules.d
echo 'SUBSYSTEM=="input", KERNEL=="event*", ATTRS{name}=="QEMU Virtio Keyboard", ENV{POCKETAI_BUTTON}="1", TAG+="systemd", ENV{SYSTEMD_WANTS}+="pocket-button@$kernel.service"' \
    >/run/udev/rules.d/71-button.rules
"""


def unit(script, more="", kind="simple"):
    """A unit that runs a script, whatever characters it has."""
    packed = base64.b64encode(script.encode()).decode()
    return (
        f"[Unit]\nDescription=Of a test\nDefaultDependencies=no\n{more}"
        f'[Service]\nType={kind}\nExecStart=/bin/bash -c "exec bash <(echo {packed} | base64 --decode)"\n'
    )


def credentials():
    """What the firmware hands in, as words for QEMU."""
    wants = "[Unit]\nWants=hand.service tell.service button-rule.service\n"
    units = {
        "systemd.extra-unit.hand.service": unit(OBEY),
        "systemd.extra-unit.tell.service": unit(TELL, "After=systemd-journald.service\n"),
        "systemd.extra-unit.button-rule.service": unit(BUTTON, "Before=systemd-udevd.service\n", "oneshot"),
        "systemd.unit-dropin.sysinit.target": wants,
    }
    return [word for name, text in units.items() for word in extra(name, text)]


def extra(name, text):
    """One credential, as words for QEMU."""
    packed = base64.b64encode(text.encode()).decode()
    return ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={packed}"]


class Hand:
    """The line to it."""

    def __init__(self, path, patience):
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(patience)
        self.line.connect(str(path))
        self.got = b""

    def run(self, order):
        """Runs shell as root; (exit code, what it printed)."""
        self.line.sendall(base64.b64encode(order.encode()) + b"\n")
        while b"\n" not in self.got:
            piece = self.line.recv(65536)
            if not piece:
                raise OSError("the board let go of the line")
            self.got += piece
        answer, self.got = self.got.split(b"\n", 1)
        said, code = base64.b64decode(answer).decode(errors="replace").rstrip("\n").rsplit("rc=", 1)
        return int(code), said.strip()

    def close(self):
        self.line.close()


def listening(text):
    """(address, port, protocol state) of each socket that listens, of /proc/net/tcp and udp."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 4 or ":" not in words[1] or not words[0].rstrip(":").isdigit():
            continue
        address, port = words[1].rsplit(":", 1)
        if words[3] in ("0A", "07"):
            if len(address) == 8:
                address = ".".join(str(int(address[at:at + 2], 16)) for at in (6, 4, 2, 0))
            found.append((address, int(port, 16), words[3]))
    return found
