"""One board: QEMU, its serial line, its monitor, and the ways in."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

MIB = 1024 * 1024
FIRMWARE = Path("/usr/share/AAVMF/AAVMF_CODE.fd")
VARIABLES = Path("/usr/share/AAVMF/AAVMF_VARS.fd")
# Emulated processors are slow, and this host may be busy.
PATIENCE = 600


class Failed(Exception):
    """What was looked for is not so."""


def check(holds, what):
    """Fails in words."""
    if not holds:
        raise Failed(what)


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


def prepare_card(image, card, size_mib, key):
    """A card of so many MiB, flashed and prepared as a maker does."""
    subprocess.run(["cp", "--sparse=always", image, card], check=True)
    with open(card, "r+b") as file:
        file.truncate(size_mib * MIB)
    if key:
        subprocess.run(["mcopy", "-o", "-i", f"{card}@@1M", f"{key}.pub", "::pocketai/authorized_keys"], check=True)


def make_key(folder):
    """A key of the owner's laptop."""
    key = folder / "owner"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return key


class Guest:
    """A running board. Use it with `with`."""

    def __init__(self, folder, card, name, probe=None, capture=False, stick=None, network=True):
        self.folder, self.card, self.name = Path(folder), Path(card), name
        self.probe, self.capture, self.stick, self.network = probe, capture, stick, network
        self.port = free_port()
        self.serial = self.folder / f"{name}.serial"
        self.pcap = self.folder / f"{name}.pcap"
        self.report = self.folder / f"{name}.report"
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.cut()

    def start(self):
        variables = self.folder / "variables.fd"
        if not variables.exists():
            shutil.copy(VARIABLES, variables)
        for old in (self.serial, self.pcap, self.report):
            old.unlink(missing_ok=True)
        self.qmp_path = self.folder / f"{self.name}.qmp"
        self.qmp_path.unlink(missing_ok=True)
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command(variables), stdin=subprocess.DEVNULL)

    def command(self, variables):
        command = [
            "nice", "-n", os.environ.get("NICE", "10"), "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", "512",
            "-nodefaults", "-display", "none", "-serial", f"file:{self.serial}",
            "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
            "-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}",
            "-drive", f"if=pflash,format=raw,file={variables}",
            "-drive", f"if=none,id=card,format=raw,discard=unmap,cache=writeback,file={self.card}",
            "-device", "virtio-blk-pci,drive=card,romfile=,bootindex=1",
            "-device", "virtio-rng-pci,romfile=",
            "-device", "virtio-serial-pci,romfile=",
            "-chardev", f"file,id=report,path={self.report}",
            "-device", "virtserialport,chardev=report,name=report",
        ]
        if self.stick:
            command += [
                "-drive", f"if=none,id=stick,format=raw,readonly=on,file={self.stick}",
                "-device", "virtio-blk-pci,drive=stick,romfile=,bootindex=9",
            ]
        if self.network:
            command += [
                "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:22",
                "-device", "virtio-net-pci,netdev=net,romfile=",
            ]
        if self.capture:
            command += ["-object", f"filter-dump,id=dump,netdev=net,file={self.pcap}"]
        if self.probe:
            unit = base64.b64encode(self.probe.encode()).decode()
            credential = f"io.systemd.credential.binary:systemd.extra-unit.probe.service={unit}"
            command += ["-smbios", f"type=11,value={credential}"]
            wants = "[Unit]\nWants=probe.service\n"
            dropin = base64.b64encode(wants.encode()).decode()
            credential = f"io.systemd.credential.binary:systemd.unit-dropin.multi-user.target={dropin}"
            command += ["-smbios", f"type=11,value={credential}"]
        return command

    def seconds(self):
        """Since the power came on."""
        return time.monotonic() - self.started

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def cut(self):
        """The power goes."""
        if self.alive():
            self.process.kill()
        if self.process is not None:
            self.process.wait()

    def console(self):
        return self.serial.read_text(errors="replace") if self.serial.exists() else ""

    def qmp(self, command, **arguments):
        """One order to the monitor."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.qmp_path))
            file = line.makefile("rw")
            json.loads(file.readline())
            for order in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                file.write(json.dumps(order) + "\n")
                file.flush()
                answer = json.loads(file.readline())
                while "event" in answer:
                    answer = json.loads(file.readline())
            check("error" not in answer, f"the monitor refused {command}: {answer}")
            return answer.get("return")

    def until(self, holds, what, patience=PATIENCE):
        """Waits until `holds()` is true; returns what it returned."""
        end = time.monotonic() + patience
        while True:
            found = holds()
            if found:
                return found
            check(self.alive(), f"{what}: the board stopped\n{self.tail()}")
            check(time.monotonic() < end, f"{what}: not within {patience} s\n{self.tail()}")
            time.sleep(2)

    def tail(self):
        return "\n".join(self.console().splitlines()[-30:])

    def ssh_command(self, *words, forward=None):
        command = [
            "ssh", "-i", self.folder / "owner", "-p", str(self.port), "-o", "BatchMode=yes", "-o", "ConnectTimeout=20",
            "-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={self.folder}/known",
            "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes", "-o", "ExitOnForwardFailure=yes",
        ]
        for pair in forward or ():
            command += ["-L", pair]
        return [str(word) for word in [*command, "owner@127.0.0.1", *words]]

    def ssh(self, *words, stdin=None, patience=120):
        """Runs a command as the owner; the finished process."""
        given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(self.ssh_command(*words), capture_output=True, text=True, timeout=patience, **given)

    def ctl(self, *words, stdin=None):
        """pocketctl on the board, by ssh; what it printed. Fails when it fails."""
        done = self.ssh("pocketctl", *words, stdin=stdin)
        check(done.returncode == 0, f"pocketctl {' '.join(words)}: {done.returncode} {done.stdout} {done.stderr}")
        return done.stdout

    def wait_for_ssh(self):
        """Until the board lets its owner in."""
        def answers():
            try:
                return self.ssh("pocketctl", "status", patience=60).returncode == 0
            except subprocess.TimeoutExpired:
                return False
        self.until(answers, "the owner gets in by ssh, and pocketd answers")


class Tunnel:
    """ssh -L to the page and the agents' door."""

    def __init__(self, guest):
        self.guest, self.page, self.agents = guest, free_port(), free_port()

    def __enter__(self):
        forward = [f"127.0.0.1:{self.page}:127.0.0.1:7878", f"127.0.0.1:{self.agents}:127.0.0.1:7879"]
        self.process = subprocess.Popen(self.guest.ssh_command("-N", forward=forward), stdin=subprocess.DEVNULL)
        def listens():
            with socket.socket() as line:
                return line.connect_ex(("127.0.0.1", self.page)) == 0
        self.guest.until(listens, "the tunnel stands", 60)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
