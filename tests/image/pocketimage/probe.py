"""What the inside of a board looks like, without a login on it.

The image has no console and lets nobody run a program but pocketctl. Who owns a virtual machine's
firmware may add a unit to it (systemd's credentials of SMBIOS): this adds one that writes what it sees
to a virtual serial port.
"""

import json

# Each is a line of shell; what it prints is the answer.
QUESTIONS = {
    "failed": "systemctl --failed --plain --no-legend",
    "mounts": "findmnt --list --noheadings --output TARGET,SOURCE,FSTYPE,OPTIONS",
    "disks": "lsblk --list --noheadings --bytes --output NAME,PARTLABEL,FSTYPE,SIZE,TYPE",
    "listening": "cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 /proc/net/raw 2>/dev/null",
    "memory": "cat /proc/meminfo",
    "pocketd": "cat /proc/$(systemctl show --property MainPID --value pocketd.service)/status",
    "pocketd-net": "nsenter --net=/proc/$(systemctl show --property MainPID --value pocketd.service)/ns/net cat /proc/net/dev",
    "gateway": "systemctl is-active pocket-gateway.service pocket-gateway.socket; true",
    "time": "systemd-analyze time; systemd-analyze blame | head -n 15",
    "cmdline": "cat /proc/cmdline",
    "verity": "veritysetup status root",
    "luks": "cryptsetup status data",
    "wall": "nft list ruleset",
    "journal": "journalctl --boot --no-pager --lines 4000",
    "swap": "cat /proc/swaps",
    "slots": "rauc status --detailed 2>&1; cat /efi/pocketai/grubenv",
    "usage": "df --output=target,size,used /data /keystore /var /tmp /efi",
    "clock": "date +%s",
    "writable": "find / -xdev -writable -type f 2>/dev/null | head -n 5",
}


def unit(extra="", after="pocketd.service ssh.service pocket-mark-good.service"):
    """A unit that answers the questions and says `end`; `extra` is shell that runs before."""
    script = [f"exec 1>/dev/virtio-ports/report 2>&1; {extra or 'true'}"]
    for name, question in QUESTIONS.items():
        script.append(f"echo @@{name}; {{ {question}; }}")
    script.append("echo @@end; sync")
    # A unit file takes no bare percent or dollar.
    text = "; ".join(script).replace("\\", "\\\\").replace("%", "%%").replace("$", "$$").replace('"', '\\"')
    return (
        f"[Unit]\nDescription=What a test looks at\nAfter={after}\n"
        f'[Service]\nType=simple\nExecStart=/bin/bash -c "{text}"\n'
    )


def answers(report):
    """The answers by name, once the unit has said `end`; None before."""
    if not report.exists():
        return None
    text = report.read_text(errors="replace")
    if "@@end" not in text:
        return None
    found = {}
    for part in text.split("@@")[1:]:
        name, _, body = part.partition("\n")
        found[name.strip()] = body.strip()
    return found


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


def show(found):
    """Everything that was seen, for who reads a failure."""
    return json.dumps(found, indent=1)
