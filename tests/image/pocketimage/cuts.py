"""The power goes, at moments that chance chooses: during a reset, an update, and heavy writing.

One run is written down, each write and flush of the card; what a cut leaves is made of that for as many
moments as wanted. A card that lost what was not flushed, or half of it, is a harder case than a machine
that was killed: the host would still have all of it.
"""

import os
import random
from collections import Counter

from .card import copy, entries, environment, replay, way_on
from .guest import check
from .steps import CTL, NOTE, PASSPHRASE, gone, install, reset, seen, state

# So many of each are started from, which takes minutes on a busy host; 0 leaves it at those seen from outside.
STARTED = {name: int(os.environ.get("MOMENTS", usual)) for name, usual in (("reset", 4), ("update", 3), ("writing", 3))}
OUTSIDE = int(os.environ.get("OUTSIDE", "100"))
SEED = int(os.environ.get("SEED", "7"))
WITH_PASSPHRASE = f"echo '{PASSPHRASE}' | {CTL} --passphrase-fd 0"


def moments(log, begun, ended, name, many):
    """Where in the log to cut: spread over what was written, a bit of chance in each."""
    ends = [entry[0] for entry in entries(log) if begun < entry[0] <= ended]
    check(ends, f"{name}: nothing was written")
    many = min(many, len(ends))
    chance = random.Random(f"{SEED} {name}")
    edges = [len(ends) * number // max(many, 1) for number in range(many + 1)]
    return [ends[chance.randrange(low, high)] for low, high in zip(edges, edges[1:])]


def each_cut(bench, name, log, begun, ended):
    """(card, where it was cut) for each moment, and a board that was started with it."""
    for number, end in enumerate(moments(log, begun, ended, name, STARTED[name])):
        card = copy(bench.folder / "ready.img", bench.folder / f"{name}-cut.img")
        writes, open_writes = replay(log, card, end, f"{SEED} {name} {number}")
        with bench.guest(card, f"{name}-cut", hand=True) as guest:
            yield guest, end, f"cut {number + 1}, after {writes} writes, {open_writes} of them not flushed"


def outside(bench, name, log, begun, ended):
    """A hundred moments seen from outside: none of them is one that the next start can't go on from."""
    card, found = bench.folder / f"{name}-seen.img", Counter()
    for number, end in enumerate(moments(log, begun, ended, f"{name} outside", OUTSIDE)):
        replay(log, copy(bench.folder / "ready.img", card), end, f"{SEED} {name} outside {number}")
        order = environment(card).get("ORDER")
        check(order, f"{name}: the boot loader's variables are gone")
        found[f"{way_on(card)}; boot loader {order}"] += 1
    card.unlink()
    seen(f"{OUTSIDE} moments from outside: " + ", ".join(f"{many} {what}" for what, many in found.most_common()))


def opened(guest, where):
    """The vault opens, and is whole: the records, the chain, a write."""
    code, said = guest.root(f"{WITH_PASSPHRASE} unlock")
    check(code == 0, f"{where}: it does not open: {said}")
    for order in (f"{CTL} health --strict", f"{CTL} audit verify", f"{CTL} check"):
        code, said = guest.root(order)
        check(code == 0, f"{where}: {order.removeprefix(CTL)}: {said}")
    code, said = guest.root(f"{CTL} search heron")
    check(NOTE in said, f"{where}: what was kept is gone: {said}")


def cut_reset(bench):
    """a factory reset leaves no key on the card; with the power gone meanwhile the device is as before, or new"""
    log = bench.folder / "reset-cut.log"
    keys, slots, begun, ended = reset(bench, log)
    outside(bench, "reset", log, begun, ended)
    for guest, _, where in each_cut(bench, "reset", log, begun, ended):
        found = state(guest)
        if found == "locked":
            opened(guest, where)
            seen(f"{where}: as before, and whole")
            continue
        check(found == "first-run", f"{where}: the device is {found}")
        # Of a running board the journal is part of what the card says: it is played back here as well.
        check(way_on(guest.card) == "opened, new", f"{where}: the keystore does not say that the device is new")
        gone(bench, guest.card, keys, slots)
        seen(f"{where}: new")
    log.unlink()


def cut_update(bench):
    """the power goes while an update is written: a slot that is whole starts, with the data"""
    log = bench.folder / "update-cut.log"
    with bench.running("update-log", log=log) as guest:
        begun = log.stat().st_size
        install(bench, guest, "good")
        ended = log.stat().st_size
    outside(bench, "update", log, begun, ended)
    for guest, _, where in each_cut(bench, "update", log, begun, ended):
        check(state(guest) == "locked", f"{where}: the vault is not locked")
        opened(guest, where)
        started = [line.strip() for line in guest.console().splitlines() if "PocketAI, slot" in line]
        check(len(started) == 1, f"{where}: not the first slot that was tried: {started}")
        seen(f"{where}: {started[0]}; {environment(guest.card)['ORDER']}")
    log.unlink()


def cut_writing(bench):
    """the power goes during heavy writing: whatever was acknowledged is there, and the vault is whole"""
    log, kept = bench.folder / "writing-cut.log", []
    body = "x" * 2000
    load = (
        f"for number in $(seq 1 60); do {CTL} add notes \"body=kept-$number {body}\" >/dev/null"
        " && echo \"kept number $number\"; done"
    )
    with bench.running("writing-log", log=log) as guest:
        begun = log.stat().st_size
        guest.root(f"systemd-run --quiet --unit load --expand-environment=no /bin/bash -c '{load}'")
        while len(kept) < 60:
            guest.until_told(f"kept number {len(kept) + 1}\n")
            kept.append(log.stat().st_size)
        ended = log.stat().st_size
    outside(bench, "writing", log, begun, ended)
    for guest, end, where in each_cut(bench, "writing", log, begun, ended):
        check(state(guest) == "locked", f"{where}: the vault is not locked")
        opened(guest, where)
        due = [number + 1 for number, at in enumerate(kept) if at <= end]
        for number in due[-5:] + due[:1]:
            code, said = guest.root(f"{CTL} search kept-{number} --limit 100")
            check(f"kept-{number} " in said, f"{where}: note {number} was acknowledged and is gone: {said}")
        code, said = guest.root(f"{CTL} --json list notes --limit 100 | wc -l")
        check(int(said) >= len(due) + 1, f"{where}: {said} notes, and {len(due)} were acknowledged")
        seen(f"{where}: {said} notes there, {len(due)} acknowledged before the cut")
    log.unlink()
