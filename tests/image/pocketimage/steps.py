"""What is proven, one step each."""

import json
import shutil
import time
import urllib.request

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
    with urllib.request.urlopen(f"http://127.0.0.1:{tunnel.page}{path}", timeout=60) as answer:
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
    guest.ctl("add", "notes", f"'text={NOTE}'")


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


ALL = {"first-boot": first_boot}
