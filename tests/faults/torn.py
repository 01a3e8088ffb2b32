"""Power cuts that lose, tear and reorder: what replay.py makes of a recorded run."""

import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from house import House, Wrong
from kinds import SOCKETS, Trial, root_is_lacking
from ledger import Ledger
from replay import Record, strace

# Of one record so many cuts are tried.
CUTS = 50


class Timed(Ledger):
    """A ledger that knows when it learnt what."""

    def __init__(self):
        super().__init__()
        self.events: list[tuple[float, str, str, str]] = []

    def noted(self, what: str, name: str, becomes: str) -> None:
        with self.lock:
            self.events.append((time.time(), what, name, becomes))

    def begin(self, name: str, becomes: str) -> None:
        # Before it is sent, and below after it was answered: never too much is taken for certain.
        self.noted("begin", name, becomes)
        super().begin(name, becomes)

    def done(self, name: str, becomes: str) -> None:
        self.noted("done", name, becomes)
        super().done(name, becomes)

    def refused(self, name: str, becomes: str, words: str) -> None:
        self.noted("refused", name, becomes)
        super().refused(name, becomes, words)


def torn(programs, chosen, rounds, tally):
    """The power fails; what was not synced is there in part."""
    if lacking := root_is_lacking():
        return lacking
    if not shutil.which("strace"):
        return "get strace with: sudo apt-get install strace"
    left = rounds
    while left:
        with tempfile.TemporaryDirectory(prefix="faults-") as name:
            here = pathlib.Path(name)
            record, events = recorded(programs, here, chosen, tally)
            for _ in range(min(left, CUTS)):
                # As many cuts fall where much is written as there is written.
                moment = chosen.choice(record.changes)
                at = chosen.uniform(moment.begun, moment.ended)
                copy = here / "cut"
                said = record.cut(at, chosen, copy)
                try:
                    judge(House(programs, copy), Ledger.of(events, at))
                except Wrong as wrong:
                    raise Wrong(f"cut {at - record.changes[0].begun:.3f} s after its start ({said}): {wrong}") from wrong
                shutil.rmtree(copy)
                tally.add("power cuts")
            left -= min(left, CUTS)
    return None


def recorded(programs, here: pathlib.Path, chosen, tally):
    """A run under load, from its start to its end; and what was acknowledged when."""
    whole, before, trace = here / "whole", here / "before", here / "trace"
    whole.mkdir()
    trial = Trial(programs, whole, chosen, tally)
    trial.under_load(lambda: time.sleep(1))
    trial.house.process.send_signal(signal.SIGTERM)
    trial.house.process.wait()
    shutil.copytree(whole, before, ignore=SOCKETS)
    trial.house.under = strace(trace)
    trial.start()
    trial.opened()
    settled, trial.ledger = trial.ledger, Timed()
    trial.ledger.events = [(0.0, "done", name, becomes) for name, becomes in settled.sure.items()]
    trial.ledger.events += [(0.0, "begin", name, becomes) for name, may in settled.maybe.items() for becomes in may]
    trial.under_load(lambda: time.sleep(chosen.uniform(3, 12)))
    trial.house.kill()
    while subprocess.run(["pgrep", "-f", f"strace.*{trace}"], stdout=subprocess.DEVNULL).returncode == 0:
        time.sleep(0.1)
    record = Record(trace, whole, before)
    tally.add("recorded calls", len(record.changes))
    return record, trial.ledger.events


def judge(house: House, ledger: Ledger) -> None:
    """It opens by itself, and everything that was acknowledged is there."""
    if said := house.start():
        raise Wrong(f"it does not start: {said}")
    try:
        house.is_whole(ledger)
    finally:
        house.kill()
