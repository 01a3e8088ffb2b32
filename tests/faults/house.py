"""A device in a folder or on a disk of its own, and what it shows."""

import atexit
import hashlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

PASSPHRASE = "correct horse battery staple"
# Seconds after which something hangs. On a machine that has other work a minute proves nothing.
HANGS = 1200
# Errors by which nobody learns whether it was done: the device is going away.
GONE_WORDS = {"local", "unavailable", "locked", "usage"}
# What an answer says where it may have been done.
NOT_KNOWN = "not known whether"
CATEGORIES = {"notes": ("title", "body"), "tasks": ("title", "notes")}
# FS_IOC_SHUTDOWN with "no log flush": from now on nothing more is written.
CUT = "import fcntl,os,struct,sys; fcntl.ioctl(os.open(sys.argv[1],os.O_RDONLY),0x8004587D,struct.pack('I',2))"


class Wrong(Exception):
    """The device did what it must not; the message says what."""


def digest(text: str | bytes) -> str:
    """What the ledger keeps of a content."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


class Disk:
    """An ext4 of its own, whose power can be cut."""

    def __init__(self, mebibytes: int):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="faults-disk-"))
        self.image, self.path = self.root / "disk.img", self.root / "mount"
        self.path.mkdir()
        subprocess.run(["truncate", "-s", f"{mebibytes}M", self.image], check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)
        self.mount()

    def mount(self) -> None:
        """Power again, on a loop device of its own each time: another program's mount namespace may hold the one whose
        power was cut, and mount would take that again, dead as it is."""
        made = subprocess.run(["losetup", "--find", "--show", self.image], capture_output=True, check=True)
        device = made.stdout.decode().strip()
        try:
            subprocess.run(["mount", device, self.path], check=True)
        finally:
            # It goes with its last user.
            subprocess.run(["losetup", "--detach", device], check=True)

    def cut(self) -> None:
        """The power fails."""
        subprocess.run(["python3", "-c", CUT, self.path], check=True)

    def unmount(self) -> None:
        """As soon as nobody uses it any more."""
        for _ in range(100):
            if subprocess.run(["umount", self.path], stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.1)
        raise OSError(f"{self.path} is still in use")

    def remove(self) -> None:
        """Leaves nothing behind."""
        self.unmount()
        shutil.rmtree(self.root)


class House:
    """A daemon, started and stopped at will, always in the same folder."""

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path):
        self.programs, self.folder = programs, folder
        self.environment: dict[str, str] = {}
        # What the daemon is run by.
        self.under: list[str] = []
        self.process = None
        # Not on the disk whose power fails.
        self.work = tempfile.TemporaryDirectory(prefix="faults-work-")
        self.aside = pathlib.Path(self.work.name)
        self.log = self.aside / "log"

    def start(self, arguments: list[str] | None = None) -> str | None:
        """Starts it. Gives what it said on its error output if it ended instead."""
        environment = {**os.environ, "XDG_CONFIG_HOME": str(self.folder / "config"), **self.environment}
        command = [*self.under, self.programs / "pocketd", "--data-dir", self.folder / "data", "--ui", "127.0.0.1:0"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*command, "--mcp", "127.0.0.1:0", *(arguments or [])],
                stdout=subprocess.PIPE,
                bufsize=0,
                stderr=log,
                env=environment,
            )
        # Nothing runs on where a round went wrong.
        atexit.register(self.process.kill)
        said: dict[str, str] = {}
        while "ui" not in said or "mcp" not in said:
            if not select.select([self.process.stdout], [], [], HANGS)[0]:
                raise Wrong(f"pocketd says nothing for {HANGS} s")
            line = self.process.stdout.readline().decode()
            if not line:
                self.process.wait()
                return self.log_text()
            what, _, value = line.strip().partition(": ")
            said[what] = value
        self.port = int(said["ui"].rstrip("/").rsplit(":", 1)[1])
        self.mcp = said["mcp"].split()[0]
        return None

    def log_text(self) -> str:
        """What it wrote down; a panic is wrong whatever came of it."""
        text = self.log.read_text(errors="replace")
        # On a disk that answers no more sled itself gives up so; the engine catches it and says what failed.
        if [line for line in text.splitlines() if "panicked at" in line and "/sled-0.34" not in line]:
            raise Wrong(f"a panic: {text[-2000:]}")
        if "panicked at" in text and "Input/output error" not in text:
            raise Wrong(f"a panic: {text[-2000:]}")
        return text

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.log_text()

    def ctl(self, *arguments: str, stdin: str = "") -> tuple[int, str, dict]:
        """One command: its exit code, its output, its error."""
        command = [self.programs / "pocketctl", "--data-dir", self.folder / "data", "--json", *arguments]
        try:
            ended = subprocess.run(command, input=stdin.encode(), capture_output=True, timeout=HANGS)
        except subprocess.TimeoutExpired as hanging:
            raise Wrong(f"pocketctl {' '.join(arguments)} hangs") from hanging
        error = {}
        if ended.returncode:
            last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:]
            error = json.loads(last[0])["error"] if last and last[0].startswith("{") else {}
        return ended.returncode, ended.stdout.decode(errors="replace"), error

    def must(self, *arguments: str, stdin: str = "") -> str:
        """One command that has to work."""
        code, out, error = self.ctl(*arguments, stdin=stdin)
        if code:
            raise Wrong(f"pocketctl {' '.join(arguments)}: {code} {error or out}")
        return out

    def set_up(self) -> None:
        """Gives it an owner."""
        recovery = str(self.aside / "recovery")
        self.must("setup", "--recovery-out", recovery, "--passphrase-fd", "0", stdin=PASSPHRASE)

    def unlock(self, passphrase: str) -> tuple[int, dict]:
        """Opens it."""
        code, _, error = self.ctl("unlock", "--passphrase-fd", "0", stdin=passphrase)
        return code, error

    def is_whole(self, ledger) -> None:
        """It opens with its passphrase, holds all that was acknowledged, and finds nothing wrong with itself."""
        code, error = self.unlock(PASSPHRASE)
        if code:
            raise Wrong(f"it does not open: {error}")
        if wrong := ledger.compare(self.shown()):
            raise Wrong("; ".join(wrong[:10]))
        self.must("check")
        self.must("audit", "verify")

    def agent(self) -> str:
        """The token of an agent that may write tasks."""
        scope = "tasks:read+write+delete"
        made = self.must("agent", "add", "writer", "--scope", scope, "--passphrase-fd", "0", stdin=PASSPHRASE)
        self.must("agent", "limit", "writer", "--calls", "1000000", "--passphrase-fd", "0", stdin=PASSPHRASE)
        return json.loads(made)["token"]

    def shown(self) -> dict[str, list[str]]:
        """Of each name, the digests of the records that are called so. Raises on damage."""
        seen: dict[str, list[str]] = {}
        for category, (title, text) in CATEGORIES.items():
            for entry in self.entries(category):
                seen.setdefault(entry["fields"][title], []).append(digest(entry["fields"][text]))
        for entry in self.entries("documents"):
            scratch = self.aside / "scratch"
            self.must("get", "documents", entry["id"], "--out", str(scratch))
            seen.setdefault(entry["fields"]["name"], []).append(digest(scratch.read_bytes()))
            scratch.unlink()
        return seen

    def entries(self, category: str) -> list[dict]:
        """All of a category."""
        return [json.loads(line) for line in self.must("list", category).splitlines()]


def token_of(page: bytes) -> str:
    """The token of a form."""
    found = re.search(rb'name="form_token" value="([0-9a-f]+)"', page)
    if not found:
        raise ConnectionError("a page without a form")
    return found[1].decode()
