"""The USB cable to the owner's laptop, without a wire, and the chip that keeps a key."""

import os
import subprocess
import time

from .guest import check, free_port
from .steps import seen


def cable(bench):
    """a laptop at the USB cable gets a network card with an address to ask at, and a line that tells the key"""
    with bench.running("cable") as guest:
        guest.root("modprobe dummy_hcd")
        guest.until_told("gadget: a laptop at the cable")
        # The kernel's dummy controller has the laptop's end as well: it asks for an address like any other card.
        guest.until_told("DHCPv4 address 10.55.0.")
        laptop = next(line for line in guest.journal().splitlines() if "DHCPv4 address 10.55.0." in line)
        # As a terminal program does it: nothing is echoed, and Enter has it told again.
        ask = "exec 3<>/dev/ttyACM0; stty raw -echo <&3; printf '\\r' >&3; timeout 60 sed -n '/[a-z]/p; /SHA256/q' <&3"
        code, said = guest.root(ask)
        check("ssh owner@10.55.0.1" in said and "SHA256:" in said, f"the line does not tell: {said}")
        known = guest.root("ssh-keygen -l -f /data/ssh/ssh_host_ed25519_key")[1]
        check(known in said, f"the line tells another key: {said}")
        seen(f"the laptop: {laptop.split(']: ')[-1]}; its line: {said.splitlines()[-1].strip()}")


# The image's own programs on this host, as while it was built. In the folder: a key, later what was sealed.
IN_ROOT = """
root=$1 folder=$2; shift 2
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind "$folder" "$root/tmp"
mount -t tmpfs run "$root/run"
exec chroot "$root" /usr/lib/pocketai/storage "$@"
"""


class Chip:
    """A TPM 2.0 in software, new."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()

    def __enter__(self):
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate", f"dir={self.folder}",
             "--server", f"type=tcp,port={self.port}", "--ctrl", f"type=tcp,port={self.port + 1}"],
        )
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def chip(bench):
    """a key that a TPM sealed opens with that TPM alone, and only unchanged"""
    root, folder = bench.image.parents[1] / "root", bench.folder / "sealed"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)

    def storage(*words):
        command = ["unshare", "--mount", "--propagation", "private", "bash", "-euc", IN_ROOT, "storage", root, folder, *words]
        for attempt in range(20):
            done = subprocess.run([str(word) for word in command], capture_output=True)
            if b"Connection refused" not in done.stderr and b"IO failure" not in done.stderr:
                break
            time.sleep(0.5)
        return done

    key = os.urandom(64)
    (folder / "key").write_bytes(key)
    with Chip(bench.folder / "chip") as device:
        sealed = storage("seal", device, "/tmp/key")
        check(sealed.returncode == 0 and sealed.stdout, f"the chip does not seal: {sealed.stderr.decode()}")
        check(key not in sealed.stdout, "the key lies open in what was sealed")
        (folder / "sealed").write_bytes(sealed.stdout)
        check(storage("unseal", device, "/tmp/sealed").stdout == key, "the chip does not give the key back")
        changed = sealed.stdout.replace(sealed.stdout[200:204], b"AAAA", 1)
        (folder / "changed").write_bytes(changed)
        check(storage("unseal", device, "/tmp/changed").returncode != 0, "what was changed is opened")
    with Chip(bench.folder / "chip-of-another") as device:
        other = storage("unseal", device, "/tmp/sealed")
        check(other.returncode != 0 and key not in other.stdout, "another chip gives the key")
    seen("sealed, given back; not when changed, not by another chip (a TPM in software, the image's own programs)")
