"""One board: QEMU, its serial line, its monitor, and the ways in."""

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from . import hand

MIB = 1024 * 1024
# Where the image was built, and QEMU lies (tests/image/qemu).
WORK = Path(os.environ.get("POCKETAI_IMAGE_DIR", Path(__file__).resolve().parents[3] / "target/image"))
QEMU = WORK / "qemu/bin/qemu-system-aarch64"
FIRMWARE = WORK / "qemu/root/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd"
VARIABLES = WORK / "qemu/root/usr/share/AAVMF/AAVMF_VARS.fd"
# Emulated processors are slow, and this host may be busy.
PATIENCE = int(os.environ.get("PATIENCE", "400"))


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
    """A running board. Use it with `with`.

    hand      lets the test run orders inside, and read the journal (hand.py)
    capture   writes down what its network card sends and gets
    resume    goes on from where `save` left another one, on a card of the same content
    log       writes down each write and flush of the card, for `replay`
    reaches   (address and port that the guest finds outside, this host's port that answers there)
    more      further arguments for QEMU
    """

    def __init__(self, folder, card, name, hand=False, capture=False, network=True, resume=None, log=None, memory_mib=512, reaches=None, more=()):
        self.folder, self.card, self.name = Path(folder), Path(card), name
        self.with_hand, self.capture, self.network, self.resume, self.log = hand, capture, network, resume, log
        self.memory_mib, self.reaches, self.more = memory_mib, reaches, list(more)
        self.port = free_port()
        self.serial, self.pcap, self.told, self.variables, self.qmp_path, self.hand_path = (
            self.folder / f"{name}.{kind}" for kind in ("serial", "pcap", "journal", "variables", "qmp", "hand")
        )
        self.process, self.hand, self.known = None, None, self.folder / f"{name}.known"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.cut()

    def start(self):
        for old in (self.serial, self.pcap, self.told, self.qmp_path, self.hand_path, self.known):
            old.unlink(missing_ok=True)
        # Firmware keeps nothing that matters: each board begins with the variables of a new one.
        shutil.copy(VARIABLES, self.variables)
        if self.log:
            self.log.unlink(missing_ok=True)
            self.log.touch()
        self.started = time.monotonic()
        self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL)
        if self.resume:
            self.until(self.is_read, "the board's memory is read", 120)
            self.qmp("cont")

    def is_read(self):
        return self.qmp_path.exists() and self.qmp("query-status")["status"] != "inmigrate"

    def command(self):
        command = [
            "nice", "-n", os.environ.get("NICE", "10"), QEMU, "-M", "virt", "-cpu", "cortex-a72",
            # Two boards at a time have no more on a host of two.
            "-smp", os.environ.get("CPUS", "1"), "-m", str(self.memory_mib),
            "-nodefaults", "-display", "none", "-serial", f"file:{self.serial}",
            "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
            "-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}",
            "-drive", f"if=pflash,format=raw,file={self.variables}",
            *self.disk(),
            "-device", "virtio-blk-pci,drive=card,romfile=,bootindex=1",
            "-device", "virtio-rng-pci,romfile=",
            "-device", "qemu-xhci,id=usb,romfile=",
            "-device", "virtio-keyboard-pci,romfile=",
            "-device", "virtio-serial-pci,romfile=",
            "-chardev", f"file,id=journal,path={self.told}",
            "-device", "virtserialport,chardev=journal,name=journal",
            "-chardev", f"socket,id=hand,path={self.hand_path},server=on,wait=off",
            "-device", "virtserialport,chardev=hand,name=hand",
            *self.more,
        ]
        if self.network:
            there = "guestfwd=tcp:{}:{}-tcp:127.0.0.1:{},".format(*self.reaches) if self.reaches else ""
            command += [
                "-netdev", f"user,id=net,restrict=on,{there}hostfwd=tcp:127.0.0.1:{self.port}-:22",
                "-device", "virtio-net-pci,netdev=net,romfile=",
            ]
        if self.capture:
            command += ["-object", f"filter-dump,id=dump,netdev=net,file={self.pcap}"]
        if self.with_hand:
            command += hand.credentials()
        if self.resume:
            command += ["-incoming", f"exec:cat {self.resume}"]
        return command

    def disk(self):
        file = f"driver=file,filename={self.card},discard=unmap"
        if not self.log:
            return ["-blockdev", f"{file},node-name=card"]
        return [
            "-blockdev", f"{file},node-name=medium",
            "-blockdev", f"driver=file,node-name=log,filename={self.log}",
            "-blockdev", "driver=blklogwrites,node-name=card,discard=unmap,file=medium,log=log",
        ]

    def save(self, to):
        """Stops the board for good, its memory written down; the card is as it stood."""
        self.qmp("stop")
        self.qmp("migrate-set-parameters", **{"max-bandwidth": 1 << 33})
        self.qmp("migrate", uri=f"exec:cat >{to}")
        self.until(lambda: self.qmp("query-migrate")["status"] in ("completed", "failed"), "the memory is written down", 120)
        check(self.qmp("query-migrate")["status"] == "completed", "the memory could not be written down")
        self.cut()

    def root(self, order, patience=PATIENCE):
        """Runs shell inside, as root; (exit code, what it printed)."""
        if self.hand is None:
            # What is said before the system listens, the firmware takes for keys of a terminal.
            self.until(lambda: self.resume or self.journal(), "the system tells its journal", patience)
            self.until(lambda: self.hand_path.exists(), "QEMU offers the hand's line", 30)
            self.hand = hand.Hand(self.hand_path, patience)
        return self.hand.run(order)

    def ask(self, question):
        """What one of hand.QUESTIONS is answered with."""
        return self.root(hand.QUESTIONS[question])[1]

    def journal(self):
        """What the journal said so far, since the power came on."""
        return self.told.read_text(errors="replace") if self.told.exists() else ""

    def until_told(self, words, patience=PATIENCE):
        """Waits until the journal says it."""
        self.until(lambda: words in self.journal(), f"the journal says {words!r}", patience)

    def key(self, down):
        """The button goes down, or comes up."""
        event = {"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": "f1"}}}
        self.qmp("input-send-event", events=[event])

    def plug(self, stick):
        """A USB stick of this content is put in."""
        self.qmp("blockdev-add", **{"driver": "raw", "node-name": stick.stem, "read-only": True,
                                    "file": {"driver": "file", "filename": str(stick)}})
        self.qmp("device_add", driver="usb-storage", drive=stick.stem, id=f"stick-{stick.stem}", bus="usb.0")

    def unplug(self, stick):
        """It is pulled out again."""
        self.qmp("device_del", id=f"stick-{stick.stem}")

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
        if self.hand is not None:
            self.hand.close()
            self.hand = None

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
            "-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={self.known}",
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
