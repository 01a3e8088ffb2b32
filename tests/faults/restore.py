"""The power fails while a backup is brought back."""

import json
import pathlib
import tempfile
import threading
import time

from house import PASSPHRASE, Disk, House, Wrong
from kinds import Trial, root_is_lacking
from ledger import Ledger


def restore(programs, chosen, rounds, tally):
    """The power fails while a new device is made of a backup: it is new afterwards, or the whole of it."""
    if lacking := root_is_lacking():
        return lacking
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        trial = Trial(programs, pathlib.Path(name), chosen, tally)
        trial.under_load(lambda: time.sleep(3))
        trial.judge()
        archive = trial.house.aside / "backup.age"
        trial.house.must("backup", "create", str(archive))
        trial.house.kill()
        secrets = (trial.house.aside / "recovery").read_text().strip() + "\n" + PASSPHRASE
        took = 0.0
        for number in range(rounds + 1):
            disk = Disk(512)
            house = House(programs, disk.path)
            try:
                # The first is not cut: it tells how long it takes.
                last = restore_on(house, disk, archive, secrets, chosen.uniform(0, took) if number else None)
                took = max(took, last)
                tally.add(became(house, trial.ledger))
            finally:
                house.process.kill()
                house.process.wait()
                disk.remove()
            tally.add("restores cut", 1 if number else 0)
    return None


def restore_on(house: House, disk: Disk, archive: pathlib.Path, secrets: str, after: float | None) -> float:
    """Begins to restore, and cuts the power that many seconds later, or not at all. Gives how long it took."""
    if said := house.start():
        raise Wrong(f"a new device does not start: {said}")
    began = time.monotonic()
    ended: list[int] = []

    def bring_back():
        command = ("backup", "restore", str(archive), "--passphrase-fd", "0")
        ended.append(house.ctl(*command, stdin=secrets)[0])

    thread = threading.Thread(target=bring_back)
    thread.start()
    if after is not None:
        time.sleep(after)
        disk.cut()
        house.kill()
    thread.join()
    took = time.monotonic() - began
    if after is None:
        if ended != [0]:
            raise Wrong(f"a restore that nothing disturbed ends with {ended}")
        house.kill()
    disk.unmount()
    disk.mount()
    if said := house.start():
        raise Wrong(f"it does not start: {said}")
    if ended == [0] and state_of(house) == "first-run":
        raise Wrong("a restore was told as done, and the device is new")
    return took


def state_of(house: House) -> str:
    """What `status` says that the device is."""
    return json.loads(house.must("status"))["state"]


def became(house: House, ledger: Ledger) -> str:
    """New, or whole; nothing between."""
    match state_of(house):
        case "first-run":
            return "new afterwards"
        case "locked":
            house.is_whole(ledger)
            return "whole afterwards"
        case other:
            raise Wrong(f"neither new nor whole: {other}")
