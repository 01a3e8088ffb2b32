"""What happens to the device, and what must hold afterwards."""

import datetime
import json
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import time

from doors import Agent, Control, Page, Writer
from house import HANGS, PASSPHRASE, Disk, House, Wrong
from ledger import GONE, Ledger

SOCKETS = shutil.ignore_patterns("run")
DOCUMENTS = 10
YEAR = 365 * 24 * 3600
# So many entries at the end of the log `health --strict` holds the clock against.
TAIL = 256


class Tally:
    """What was done."""

    def __init__(self, kind: str):
        self.kind = kind
        self.counts: dict[str, int] = {}

    def add(self, what: str, count: int = 1) -> None:
        """Counts it."""
        self.counts[what] = self.counts.get(what, 0) + count

    def must_hold(self) -> None:
        """A door by which nothing was acknowledged was not tested."""
        if idle := [what for what, count in self.counts.items() if what.startswith("by ") and not count]:
            raise Wrong(f"nothing was acknowledged {' and '.join(idle)}")

    def __str__(self) -> str:
        return ", ".join(f"{count} {what}" for what, count in self.counts.items())


class Trial:
    """A device under load, with its ledger."""

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path, chosen: random.Random, tally: Tally):
        self.house, self.chosen, self.tally = House(programs, folder), chosen, tally
        self.ledger = Ledger()
        self.round = 0
        self.writers: list[Writer] = []
        self.start()
        self.house.set_up()
        self.token = self.house.agent()

    def start(self) -> None:
        """Starts it; it has to start."""
        if said := self.house.start():
            raise Wrong(f"it does not start: {said}")

    def load(self) -> None:
        """All doors at once, until it ends."""
        self.round += 1
        seed = f"{self.chosen.randrange(1 << 30):x}"
        make = [Control, Page, lambda *arguments: Agent(*arguments, self.token)]
        self.writers = [writer(self.house, self.ledger, f"{seed}-{self.round}") for writer in make]
        for writer in self.writers:
            writer.start()

    def end_load(self) -> None:
        """Nobody writes any more."""
        for writer in self.writers:
            writer.stopped.set()
        for writer in self.writers:
            writer.join(HANGS)
            if writer.is_alive():
                raise Wrong(f"the {type(writer).__name__} door does not answer")
            if isinstance(writer.gone, Wrong):
                raise writer.gone
            self.tally.add(f"by {type(writer).__name__.lower()}", writer.done)

    def under_load(self, fault) -> None:
        """Lets them write for a while, and then `fault`."""
        self.load()
        for writer in self.writers:
            while not writer.entered.wait(1):
                if not writer.is_alive():
                    raise Wrong(f"the {type(writer).__name__} door lets nobody in: {writer.gone}")
        time.sleep(self.chosen.uniform(0.2, 2.5))
        # A machine that has other work may not have come to write anything.
        least, rest = self.chosen.randrange(12), self.chosen.uniform(0, 0.3)
        while sum(writer.done for writer in self.writers) < least and any(map(Writer.is_alive, self.writers)):
            time.sleep(0.1)
        time.sleep(rest)
        fault()
        self.end_load()

    def opened(self) -> None:
        """Unlocks it."""
        code, error = self.house.unlock(PASSPHRASE)
        if code:
            raise Wrong(f"it does not open: {error}")

    def judge_on_full(self) -> None:
        """With the disk still full it opens and shows everything."""
        self.opened()
        if wrong := self.ledger.compare(self.house.shown()):
            raise Wrong("on a full disk: " + "; ".join(wrong[:10]))

    def judge_alive(self) -> None:
        """The one that met the fault has ended, or shows everything."""
        if self.house.process.poll() is None:
            self.opened()
            if wrong := self.ledger.compare(self.house.shown()):
                raise Wrong("before a restart: " + "; ".join(wrong[:10]))

    def judge(self) -> None:
        """Everything that was acknowledged is there, and the device finds itself whole."""
        self.opened()
        seen = self.house.shown()
        if wrong := self.ledger.compare(seen):
            raise Wrong("; ".join(wrong[:10]))
        self.ledger.settle(seen)
        self.house.must("check")
        self.house.must("audit", "verify")
        # Large ones are all read in each round.
        for entry in self.house.entries("documents")[DOCUMENTS:]:
            self.house.must("delete", "documents", entry["id"])
            self.ledger.done(entry["fields"]["name"], GONE)
        self.tally.counts["records at the end"] = sum(len(found) for found in seen.values())


def kill(programs, chosen, rounds, tally):
    """SIGKILL."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        trial = Trial(programs, pathlib.Path(name), chosen, tally)
        for _ in range(rounds):
            trial.under_load(trial.house.kill)
            trial.start()
            trial.judge()
            tally.add("kills")
        trial.house.kill()


def root_is_lacking() -> str | None:
    """What a disk of one's own needs."""
    answer = subprocess.run(["id", "-u"], capture_output=True, check=True).stdout
    return None if answer.strip() == b"0" else "a disk of its own needs root"


def cut(programs, chosen, rounds, tally):
    """The power fails."""
    return cut_off(programs, chosen, rounds, tally, lambda _: tally.add("power cuts"))


def dead(programs, chosen, rounds, tally):
    """The disk fails at everything, write() among it, and the daemon lives on for a while."""

    def refuses(trial):
        document = trial.house.aside / "late.bin"
        document.write_bytes(chosen.randbytes(chosen.choice([1000, 300_000])))
        code, _, error = trial.house.ctl("import", str(document))
        if code == 0:
            raise Wrong("a disk that is dead took a document")
        tally.add(f"documents refused as {error.get('kind')}")
        time.sleep(chosen.uniform(0.5, 3))
        code, said, error = trial.house.ctl("status")
        if code or trial.house.process.poll() is not None:
            raise Wrong(f"the daemon does not live on: {error or said} {trial.house.log_text()[-1500:]}")
        tally.add("dead disks")
        tally.add("changes refused", sum(len(writer.refusals) for writer in trial.writers))
        tally.add("not known", sum(len(writer.unknown) for writer in trial.writers))

    return cut_off(programs, chosen, rounds, tally, refuses)


def cut_off(programs, chosen, rounds, tally, meanwhile):
    """From one moment on the disk takes nothing; `meanwhile` happens before the daemon is gone too."""
    if lacking := root_is_lacking():
        return lacking
    disk = Disk(2048)
    trial = None
    try:
        trial = Trial(programs, disk.path, chosen, tally)

        def fail():
            disk.cut()
            meanwhile(trial)
            trial.house.kill()

        for _ in range(rounds):
            trial.under_load(fail)
            disk.unmount()
            disk.mount()
            trial.start()
            trial.judge()
        trial.house.kill()
    finally:
        if trial:
            trial.house.process.kill()
            trial.house.process.wait()
        disk.remove()
    return None


def files_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """All that is not empty."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)


def damage(chosen: random.Random, folder: pathlib.Path) -> str:
    """Changes a byte or zeroes a block of some file."""
    path = chosen.choice(files_of(folder))
    content = bytearray(path.read_bytes())
    at = chosen.randrange(len(content))
    if chosen.random() < 0.5:
        content[at] ^= 1 << chosen.randrange(8)
        what = f"bit at {at}"
    else:
        first = at // 512 * 512
        content[first : first + 512] = bytes(len(content[first : first + 512]))
        what = f"block at {first}"
    path.write_bytes(content)
    return f"{what} of {path.relative_to(folder)}"


def rot(programs, chosen, rounds, tally):
    """A byte or a block of a copy."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        whole = pathlib.Path(name) / "whole"
        whole.mkdir()
        trial = Trial(programs, whole, chosen, tally)
        trial.under_load(lambda: time.sleep(3))
        trial.house.kill()
        trial.start()
        trial.judge()
        trial.house.kill()
        for _ in range(rounds):
            copy = pathlib.Path(name) / "copy"
            shutil.copytree(whole, copy, ignore=SOCKETS)
            what = damage(chosen, copy / "data")
            tally.add("damaged copies")
            try:
                tally.add(serve_damaged(House(programs, copy), trial.ledger))
            except Wrong as wrong:
                raise Wrong(f"{what}: {wrong}") from wrong
            shutil.rmtree(copy)
    return None


def serve_damaged(house: House, ledger: Ledger) -> str:
    """It may refuse by name, or serve what is right and name what is not. Gives which."""
    if house.start():
        return "refused to start, in words"
    try:
        code, error = house.unlock(PASSPHRASE)
        if code:
            if not error.get("remedy"):
                raise Wrong(f"it does not open and names no remedy: {error}")
            return "refused to open, in words"
        seen: dict[str, list[str]] = {}
        unread = 0
        try:
            seen = house.shown()
        except Wrong as refusal:
            if "'damaged'" not in str(refusal):
                raise
            unread = 1
        missing = []
        for name, found in seen.items():
            may = {ledger.sure.get(name)}
            if len(found) != 1 or found[0] not in may:
                raise Wrong(f"{name} is served and is not what was written")
        if not unread:
            missing = [n for n in ledger.present("") if n not in seen]
        code, out, _ = house.ctl("check")
        if code not in (0, 1):
            raise Wrong(f"check ends with {code}: {out}")
        if (missing or unread) and code == 0:
            raise Wrong(f"it says that it is whole, and {missing[:3] or 'a category'} can't be had")
        if code == 1 and '"remedy"' not in out:
            raise Wrong(f"damage without a remedy: {out}")
        return "named and served" if code else "whole all the same"
    finally:
        house.kill()


def full(programs, chosen, rounds, tally):
    """The disk fills up under load, and is cleared again."""
    if lacking := root_is_lacking():
        return lacking
    disk = Disk(160)
    trial = None
    try:
        trial = Trial(programs, disk.path, chosen, tally)
        ballast = disk.path / "ballast-of-the-test"

        def fill():
            time.sleep(3)
            with open(ballast, "wb") as file:
                try:
                    while True:
                        file.write(bytes(65536))
                        file.flush()
                except OSError:
                    pass
            time.sleep(3)

        for _ in range(rounds):
            trial.under_load(fill)
            refusals = [refusal for writer in trial.writers for refusal in writer.refusals]
            tally.add("writes refused", len(refusals))
            if not refusals:
                raise Wrong("nothing was refused on a full disk")
            trial.house.kill()
            trial.start()
            trial.judge_on_full()
            ballast.unlink()
            trial.judge()
            tally.add("times full")
        trial.house.kill()
    finally:
        if trial:
            trial.house.process.kill()
            trial.house.process.wait()
        disk.remove()
    return None


def clock(programs, chosen, rounds, tally):
    """The clock jumps."""
    libraries = sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not libraries:
        return "get faketime with: sudo apt-get install faketime"
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        trial = Trial(programs, pathlib.Path(name), chosen, tally)
        for _ in range(rounds):
            trial.under_load(trial.house.kill)
            jump = chosen.choice([-20, -2, -0.01, 0, 0.01, 3, 40]) * YEAR
            trial.house.environment = {"LD_PRELOAD": str(libraries[0]), "FAKETIME": f"{jump:+.0f}"}
            trial.house.environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            trial.start()
            trial.judge()
            behind = [is_behind(trial.house, jump, entries) for entries in (TAIL - 16, TAIL)]
            code, said, _ = trial.house.ctl("health", "--strict")
            # Its own entries push the oldest out: where the two differ, either is right.
            if (code != 0) != ('"clock"' in said) or ('"clock"' in said) not in behind:
                raise Wrong(f"the clock is behind: {behind}, and health says {code}: {said}")
            tally.add("found behind", int(code != 0))
            tally.add("jumps of the clock")
        trial.house.kill()
    return None


def is_behind(house: House, jump: float, entries: int) -> bool:
    """Whether one of the last entries of the log is of later than now by the device's clock."""
    shown = house.must("audit", "show", "--limit", str(entries)).splitlines()
    newest = max(datetime.datetime.fromisoformat(json.loads(line)["event"]["at"]) for line in shown)
    return newest.timestamp() > time.time() + jump + 60


def copy(programs, chosen, rounds, tally):
    """Two daemons, a copy under a running one, an older part put back."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        first = pathlib.Path(name) / "first"
        first.mkdir()
        trial = Trial(programs, first, chosen, tally)
        for _ in range(rounds):
            older = pathlib.Path(name) / "older"
            taken = pathlib.Path(name) / "taken"

            def meddle():
                second = House(programs, first)
                if not (said := second.start()) or "in use" not in said:
                    raise Wrong(f"a second daemon in the same folder: {said}")
                shutil.copytree(first, taken, ignore=SOCKETS)

            trial.house.kill()
            shutil.copytree(first, older, ignore=SOCKETS)
            trial.start()
            trial.opened()
            trial.under_load(meddle)
            trial.house.kill()
            trial.start()
            trial.judge()
            trial.house.kill()
            tally.add("second daemons refused")
            tally.add(f"copies under load: {serve_any(House(programs, taken))}")
            shutil.rmtree(taken)
            shutil.copytree(first, taken, ignore=SOCKETS)
            shutil.rmtree(taken / "data" / "db")
            shutil.copytree(older / "data" / "db", taken / "data" / "db")
            tally.add(f"older databases put back: {put_back(House(programs, taken))}")
            shutil.rmtree(taken)
            shutil.rmtree(older)
            trial.start()
            trial.opened()
        trial.house.kill()
    return None


def serve_any(house: House) -> str:
    """A copy that was taken under a running daemon: it opens whole, or says what is wrong."""
    if house.start():
        return "refused in words"
    try:
        code, error = house.unlock(PASSPHRASE)
        if code and not error.get("remedy"):
            raise Wrong(f"a copy does not open and names no remedy: {error}")
        if code:
            return "refused in words"
        return "named" if house.ctl("check")[0] else "whole"
    finally:
        house.kill()


def put_back(house: House) -> str:
    """An older database beside newer heads: never taken for what it is not."""
    said = serve_any(house)
    if said == "whole":
        raise Wrong("an older database was put back, and nobody noticed")
    return said


# What the kernel says of a card that fails, by the calls that write to it. write() is not among them: the
# same call wakes threads and answers clients. It fails in `dead`.
ERRORS = ["EIO", "ENOSPC", "EROFS", "EDQUOT"]
CALLS = ["pwrite64", "fdatasync", "fsync", "sync_file_range", "ftruncate", "rename", "unlink", "mkdir"]


class Failing:
    """Calls of a running daemon that fail, from some moment on: each thread's Nth, or all from its Nth on."""

    def __init__(self, house: House, chosen: random.Random):
        call, error, first = chosen.choice(CALLS), chosen.choice(ERRORS), chosen.randrange(1, 12)
        self.what = f"{error} of {call}, {first}{chosen.choice(['', '+'])}"
        call, _, _ = call.partition(" ")
        rule = f"inject={call}:error={error}:when={self.what.rsplit(', ', 1)[1]}"
        self.told = house.aside / "strace"
        command = ["strace", "-f", "-qq", "-p", str(house.process.pid), "-o", str(self.told), "-e", rule]
        self.process = subprocess.Popen([*command, "-e", f"trace={call}"])

    def end(self) -> int:
        """Lets the calls work again. Gives how many failed."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            # It waits for a child that it holds up itself; with its end the kernel lets all of them go.
            self.process.kill()
            self.process.wait()
        return self.told.read_text(errors="replace").count("(INJECTED)")


def errors(programs, chosen, rounds, tally):
    """Writes and syncs fail under load, one or all of them, and work again."""
    if lacking := root_is_lacking():
        return lacking
    if not shutil.which("strace"):
        return "get strace with: sudo apt-get install strace"
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        trial = Trial(programs, pathlib.Path(name), chosen, tally)
        for _ in range(rounds):
            what = "nothing yet"

            def fail():
                nonlocal what
                failing = Failing(trial.house, chosen)
                what = failing.what
                time.sleep(chosen.uniform(1, 3))
                tally.add("calls that failed", failing.end())

            try:
                trial.under_load(fail)
                # As it is now, and after a crash.
                trial.judge_alive()
                trial.house.kill()
                trial.start()
                trial.judge()
            except Wrong as wrong:
                raise Wrong(f"{what}: {wrong}") from wrong
            tally.add("rounds")
            tally.add("changes refused", sum(len(writer.refusals) for writer in trial.writers))
            tally.add("not known", sum(len(writer.unknown) for writer in trial.writers))
        trial.house.kill()
    return None


ALL = {"errors": errors, "kill": kill, "cut": cut, "dead": dead, "rot": rot, "full": full, "clock": clock, "copy": copy}
