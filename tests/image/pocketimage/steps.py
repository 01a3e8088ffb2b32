"""What is proven, one step each."""

import json
import mmap
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from . import pcap, probe
from .guest import Failed, Guest, Tunnel, check, make_key, prepare_card

PASSPHRASE = "quiet otter under the seven lamps"
NOTE = "the heron stands in the reeds at dusk"
CARD_MIB = 2048


class Bench:
    """Where a step works: the image, and a folder with the owner's key."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder
        self.key = make_key(folder)

    def card(self, name, size_mib=CARD_MIB, key=True):
        """A freshly flashed card."""
        card = self.folder / f"{name}.img"
        prepare_card(self.image, card, size_mib, self.key if key else None)
        (self.folder / "known").unlink(missing_ok=True)
        (self.folder / "variables.fd").unlink(missing_ok=True)
        return card

    def guest(self, card, name, **more):
        return Guest(self.folder, card, name, **more)

    def kept(self, name):
        """A card that an earlier step prepared, copied; prepared now where there is none."""
        source = self.folder / "owned.img"
        if not source.exists():
            first_boot(self)
        copy = self.folder / f"{name}.img"
        copy.unlink(missing_ok=True)
        shutil.copyfile(source, copy)
        return copy


def seen(text):
    print(f"   {text}", flush=True)


def page(tunnel, path="/"):
    # The device answers to the name that it has at home, not to the port that this host had free.
    request = urllib.request.Request(f"http://127.0.0.1:{tunnel.page}{path}", headers={"Host": "127.0.0.1:7878"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def status(guest):
    return json.loads(guest.ctl("--json", "status"))


def unlock(guest):
    guest.ctl("--passphrase-fd", "0", "unlock", stdin=PASSPHRASE + "\n")


def inside(guest):
    """What the probe says, once it has said all."""
    return guest.until(lambda: probe.answers(guest.report), "the probe has looked")


def take_over(guest):
    """From a new device to one with an owner and a note."""
    code = guest.ctl("setup-code").strip()
    guest.ctl("--passphrase-fd", "0", "setup", "--code", code, "--recovery-out", "/tmp/recovery", stdin=PASSPHRASE + "\n")
    guest.ctl("add", "notes", f"'body={NOTE}'")


def first_boot(bench):
    """a new card grows, is encrypted, serves its page, takes an owner and a note; another start has them"""
    card = bench.card("owned.new")
    with bench.guest(card, "first") as guest:
        guest.wait_for_ssh()
        seen(f"from power-on to pocketd answering the owner: {guest.seconds():.0f} s (first start)")
        check(status(guest)["state"] == "first-run", "a new card has an owner")
        with Tunnel(guest) as tunnel:
            check("PocketAI" in page(tunnel), "the page is not served through the tunnel")
        take_over(guest)
        check(NOTE in guest.ctl("search", "heron"), "what was kept is not found")
        guest.ctl("status")
    card.rename(bench.folder / "owned.img")
    again = bench.kept("again")
    with bench.guest(again, "again") as guest:
        guest.wait_for_ssh()
        seen(f"from power-on to pocketd answering the owner: {guest.seconds():.0f} s (after a power cut)")
        check(status(guest)["state"] == "locked", "after a start the vault is not locked")
        unlock(guest)
        check(NOTE in guest.ctl("search", "heron"), "what was kept before the power cut is gone")


def insides(bench):
    """inside, everything is as the documents say: sealed, verified, silent, nothing failed"""
    card = bench.kept("inside")
    with bench.guest(card, "inside", probe=probe.unit(), capture=True) as guest:
        found = inside(guest)
        check(not found["failed"], f"units have failed: {found['failed']}")
        check("status:      verified" in found["verity"], f"the root is not verified: {found['verity']}")
        check("LUKS2" in found["luks"], f"the data is not encrypted: {found['luks']}")
        listens = probe.listening(found["listening"])
        others = [
            (address, port) for address, port, _ in listens
            if address != "127.0.0.1" and (address, port) != ("0.0.0.0", 22) and port != 68
        ]
        check(listens and not others, f"something listens that must not: {others}")
        cards = [line.split(":")[0].strip() for line in found["pocketd-net"].splitlines() if ":" in line]
        check(cards == ["lo"], f"pocketd sees a network: {cards}")
        check("active" not in found["gateway"].split(), f"the gateway runs in OFFLINE_ONLY: {found['gateway']}")
        check(len(found["swap"].splitlines()) == 1, f"there is swap: {found['swap']}")
        check(not found["writable"], f"files of the system can be written: {found['writable']}")
        check(NOTE not in found["journal"] and PASSPHRASE not in found["journal"], "the journal knows the note")
        memory = {line.split(":")[0]: int(line.split()[1]) for line in found["memory"].splitlines()}
        used = (memory["MemTotal"] - memory["MemAvailable"]) // 1024
        seen(f"memory of the whole system, vault locked: {used} MiB of {memory['MemTotal'] // 1024}")
        seen(found["time"].splitlines()[0])
        seen("listens: " + ", ".join(f"{address}:{port}" for address, port, _ in listens))
        silent(guest)


def silent(guest):
    """Not a packet but for an address, since the start, and for a while with nobody there."""
    time.sleep(20)
    own = "52:54:00:12:34:56"
    sent = [kind for source, kind, _ in pcap.packets(guest.pcap) if source == own]
    check("dhcp" in sent, f"the capture does not even have the request for an address: {sent}")
    others = [kind for kind in sent if kind not in ("arp", "dhcp")]
    check(not others, f"the device spoke in OFFLINE_ONLY: {others}")
    seen(f"sent in {guest.seconds():.0f} s: {len(sent)} packets, of them none but {sorted(set(sent))}")


def tampered_root(bench):
    """a root block that was changed is not run: the device starts again, and counts the try"""
    card = bench.card("tampered")
    root = 1 + 64 + 96
    with open(card, "r+b") as file:
        # A byte in every fourth MiB: whatever is read first, some of it is wrong.
        for mib in range(1, 64, 4):
            file.seek((root + mib) * 1024 * 1024 + 1234)
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 1]))
    with bench.guest(card, "tampered") as guest:
        guest.until(lambda: "slot A, try 2 of 3" in guest.console(), "the device starts again")
        check("is corrupted" in guest.console(), f"verity said nothing\n{guest.tail()}")
        check(guest.ssh("pocketctl", "status", patience=60).returncode != 0, "it serves all the same")
    seen(next(line for line in guest.console().splitlines() if "is corrupted" in line).strip())


def bundles(bench):
    folder = bench.folder / "bundles"
    if not (folder / "good.stick").exists():
        maker = [str(Path(__file__).resolve().parents[1] / "bundles"), str(folder)]
        made = subprocess.run(maker, capture_output=True, text=True)
        check(made.returncode == 0, f"the bundles could not be made: {made.stderr[-2000:]}")
    return folder


def environment(card):
    """The boot loader's variables, read from the card."""
    read = subprocess.run(
        ["mtype", "-i", f"{card}@@1M", "::pocketai/grubenv"], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in read.stdout.splitlines() if "=" in line)


def install(bench, card, bundle):
    """Puts the stick in, waits until the device has dealt with it; what its journal says."""
    look = "sleep 5; while systemctl --plain --no-legend list-units 'pocket-update@*' | grep -q activating; do sleep 2; done"
    stick = bundles(bench) / f"{bundle}.stick"
    with bench.guest(card, f"install-{bundle}", probe=probe.unit(look), stick=stick) as guest:
        found = guest.until(lambda: probe.answers(guest.report), "the stick was dealt with", 600)
        return [line for line in found["journal"].splitlines() if "update[" in line or "rauc" in line]


def refused_bundles(bench):
    """a bundle that was changed, one of a stranger and one of an older release are refused"""
    for bundle, words in (("changed", "update"), ("foreign", "not signed"), ("older", "older than the running")):
        card = bench.kept("refused")
        before = environment(card)
        said = install(bench, card, bundle)
        check(environment(card)["ORDER"] == before["ORDER"], f"{bundle}: the slot was switched: {said}")
        check(any(words in line for line in said), f"{bundle}: the journal does not say why: {said}")
        check(not any("is tried at the next start" in line for line in said), f"{bundle}: it was installed")
        seen(f"{bundle}: {said[-1].split(']: ')[-1]}")


def update(bench):
    """a later release is installed, runs, is found good once its owner unlocks, and has the data"""
    card = bench.kept("updated")
    said = install(bench, card, "good")
    check(environment(card)["ORDER"].startswith("B"), f"the other slot is not next: {said}")
    with bench.guest(card, "updated") as guest:
        guest.wait_for_ssh()
        check("slot B, try 1 of 3" in guest.console(), "the new slot does not run")
        check(environment(card)["B_TRY"] == "1", "it counts as good before anyone looked")
        unlock(guest)
        check(NOTE in guest.ctl("search", "heron"), "what was kept is gone after the update")
        guest.until(lambda: environment(card)["B_TRY"] == "0", "the new slot is found good")
    seen(f"boot loader: {environment(card)}")


def rolled_back(bench):
    """a later release that does not start is left after three tries; the former one has the data"""
    card = bench.kept("rolled")
    install(bench, card, "broken")
    with bench.guest(card, "rolled") as guest:
        guest.until(lambda: "slot A, try" in guest.console(), "the former slot runs again", 900)
        tries = [line.strip() for line in guest.console().splitlines() if "PocketAI, slot" in line]
        check(len([line for line in tries if "slot B" in line]) == 3, f"not three tries: {tries}")
        guest.wait_for_ssh()
        unlock(guest)
        check(NOTE in guest.ctl("search", "heron"), "what was kept is gone after the rollback")
    seen(f"tries: {tries}")


def sick(bench):
    """a later release in which pocketd does not answer is left by itself"""
    card = bench.kept("sick")
    install(bench, card, "sick")
    with bench.guest(card, "sick") as guest:
        guest.until(lambda: "slot A, try" in guest.console(), "the former slot runs again", 1800)
        guest.wait_for_ssh()
        unlock(guest)
        check(NOTE in guest.ctl("search", "heron"), "what was kept is gone after the rollback")


def key_bytes(card):
    """What opened the data partition: the key's file and the slots of the header, as lie on the card."""
    keystore, data = partition(card, "keystore"), partition(card, "data")
    with open(card, "rb") as file:
        file.seek(data)
        header = file.read(16 << 20)
    slots = [header[at:at + 512] for at in range(0x8000, len(header), 4096) if any(header[at:at + 512])]
    check(slots, "the header of the data partition has no slot")
    # Each that is gone is looked for on the whole card: eight, from all over the slot.
    slots = slots[:: max(1, len(slots) // 8)][:8]
    dump = ["debugfs", "-R", "cat disk.key", f"{card}?offset={keystore}"]
    key = subprocess.run(dump, capture_output=True, check=True).stdout
    check(len(key) == 64, f"the key of the data is not where it was looked for: {len(key)} bytes")
    return key, slots


def partition(card, name):
    """Where a partition begins, in bytes, by the GPT of the card."""
    with open(card, "rb") as file:
        file.seek(2 * 512)
        table = file.read(128 * 128)
    for at in range(0, len(table), 128):
        entry = table[at:at + 128]
        if entry[56:].decode("utf-16-le").rstrip("\0") == name:
            return int.from_bytes(entry[32:40], "little") * 512
    raise Failed(f"the card has no partition {name}")


def count(card, pieces):
    """How many of the pieces are still somewhere on the card."""
    with open(card, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as bytes_of_card:
        return sum(bytes_of_card.find(piece) >= 0 for piece in pieces)


def give_key(bench, card):
    """The maker puts the key on the card, as before the first start."""
    subprocess.run(
        ["mcopy", "-o", "-i", f"{card}@@1M", f"{bench.key}.pub", "::pocketai/authorized_keys"], check=True
    )


def reset(bench):
    """a factory reset leaves no key, no slot, no ssh key; the device is new"""
    card = bench.kept("reset")
    key, slots = key_bytes(card)
    check(count(card, [key, *slots]) == 1 + len(slots), "the search does not find what is there")
    with bench.guest(card, "reset") as guest:
        guest.wait_for_ssh()
        unlock(guest)
        before = (bench.folder / "known").read_text()
        said = guest.ctl("--passphrase-fd", "0", "factory-reset", "--confirm", "ERASE", stdin=PASSPHRASE + "\n")
        seen(said.strip().splitlines()[0])
        guest.until(lambda: guest.console().count("PocketAI, slot") >= 2, "the device starts again")
        # Until the new keystore is there; nobody can come in to ask.
        guest.until(lambda: reset_is_done(card), "the card is made anew", 400)
    check(count(card, [key]) == 0, "the key of the data is still on the card")
    left = count(card, slots)
    check(left == 0, f"{left} of {len(slots)} pieces of the old key slots are still on the card")
    seen(f"searched {card.stat().st_size >> 20} MiB: the old key, and {len(slots)} pieces of its slots: none is left")
    read = subprocess.run(["mtype", "-i", f"{card}@@1M", "::pocketai/authorized_keys"], capture_output=True)
    check(read.returncode != 0, "the owner's ssh key is still on the card")
    give_key(bench, card)
    (bench.folder / "known").unlink()
    with bench.guest(card, "reset-after") as guest:
        guest.wait_for_ssh()
        check(status(guest)["state"] == "first-run", "after the reset the device is not new")
        check((bench.folder / "known").read_text().split()[2] != before.split()[2], "the device's ssh key is the old one")


def reset_is_done(card):
    """Whether the new keystore says that there is data again."""
    dump = ["debugfs", "-R", "cat state", f"{card}?offset={partition(card, 'keystore')}"]
    said = subprocess.run(dump, capture_output=True).stdout
    owned = subprocess.run(["debugfs", "-R", "stat owned", dump[-1]], capture_output=True, text=True)
    return said == b"ready\n" and "Inode:" not in owned.stdout


ALL = {
    "first-boot": first_boot,
    "inside": insides,
    "tampered-root": tampered_root,
    "refused-bundles": refused_bundles,
    "update": update,
    "rolled-back": rolled_back,
    "sick": sick,
    "reset": reset,
}
