"""What is proven of the image. Each step takes a bench and fails in words."""

import hashlib
import json
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from . import hand, pcap
from .card import copy, count, environment, has_key, secrets, size
from .guest import PATIENCE, Guest, Tunnel, check, make_key, prepare_card

PASSPHRASE = "quiet otter under the seven lamps"
NOTE = "the heron stands in the reeds at dusk"
CARD_MIB = 2048
MOST_MEMORY_MIB = 128
# As root, from inside.
CTL = "pocketctl --control /run/pocketai/control.sock"
OWNER = threading.local()
BEGUN = time.monotonic()
ONE_MAKER = threading.Lock()


class Bench:
    """Where a step works: the image, and a folder with the owner's key."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder
        self.key = make_key(folder)

    def card(self, name, size_mib=CARD_MIB, key=True, image=None):
        """A freshly flashed card."""
        card = self.folder / f"{name}.img"
        prepare_card(image or self.image, card, size_mib, self.key if key else None)
        return card

    def guest(self, card, name, **more):
        return Guest(self.folder, card, name, **more)

    def owned(self, name):
        """A copy of the card that the step first-boot left."""
        return copy(self.folder / "owned.img", self.folder / f"{name}.img")

    def running(self, name, **more):
        """A device that runs, its owner's vault open: it goes on from where the step inside left it."""
        card = copy(self.folder / "ready.img", self.folder / f"{name}.img")
        return self.guest(card, name, hand=True, resume=self.folder / "ready.memory", **more)


def seen(text):
    print(f"{(time.monotonic() - BEGUN) / 60:5.1f} {getattr(OWNER, 'step', '')}: {text}", flush=True)


def page(tunnel, path="/"):
    # The device answers to the name that it has at home, not to the port that this host had free.
    request = urllib.request.Request(f"http://127.0.0.1:{tunnel.page}{path}", headers={"Host": "127.0.0.1:7878"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def status(guest):
    return json.loads(guest.ctl("--json", "status"))


def state(guest):
    """What pocketd says of itself, asked from inside, once it answers."""
    def answers():
        code, said = guest.root(f"{CTL} --json status")
        return json.loads(said)["state"] if code == 0 else None
    return guest.until(answers, "pocketd answers")


def unlock(guest):
    guest.ctl("--passphrase-fd", "0", "unlock", stdin=PASSPHRASE + "\n")


def has_note(guest, when):
    check(NOTE in guest.ctl("search", "heron"), f"what was kept is gone {when}")


def take_over(guest):
    """From a new device to one with an owner and a note."""
    code = guest.ctl("setup-code").strip()
    guest.ctl("--passphrase-fd", "0", "setup", "--code", code, "--recovery-out", "/tmp/recovery", stdin=PASSPHRASE + "\n")
    guest.ctl("add", "notes", f"'body={NOTE}'")


def first_boot(bench):
    """a new card grows, is encrypted, serves its page, takes an owner and a note"""
    card = bench.card("owned.new")
    with bench.guest(card, "first") as guest:
        guest.wait_for_ssh()
        seen(f"from power-on to pocketd answering the owner: {guest.seconds():.0f} s (first start)")
        check(status(guest)["state"] == "first-run", "a new card has an owner")
        with Tunnel(guest) as tunnel:
            check("PocketAI" in page(tunnel), "the page is not served through the tunnel")
        take_over(guest)
        has_note(guest, "at once")
        guest.ctl("status")
    card.rename(bench.folder / "owned.img")


def insides(bench):
    """after a power cut the data is there; inside, all is as the documents say: sealed, verified, silent"""
    card = bench.owned("ready")
    with bench.guest(card, "ready", hand=True, capture=True) as guest:
        guest.wait_for_ssh()
        seen(f"from power-on to pocketd answering the owner: {guest.seconds():.0f} s (after a power cut)")
        check(status(guest)["state"] == "locked", "after a start the vault is not locked")
        guest.until_told("is good:")
        looked_at(guest)
        unlock(guest)
        has_note(guest, "after the power cut")
        silent(guest)
        guest.root("sync")
        guest.save(bench.folder / "ready.memory")


def looked_at(guest):
    failed = guest.ask("failed")
    check(not failed, f"units have failed: {failed}")
    check("status:      verified" in guest.ask("verity"), "the root is not verified")
    check("LUKS2" in guest.ask("luks"), "the data is not encrypted")
    listens = hand.listening(guest.ask("listening"))
    others = [
        (address, port) for address, port, _ in listens
        if address != "127.0.0.1" and (address, port) != ("0.0.0.0", 22) and port != 68
    ]
    check(listens and not others, f"something listens that must not: {others}")
    cards = [line.split(":")[0].strip() for line in guest.ask("pocketd-net").splitlines() if ":" in line]
    check(cards == ["lo"], f"pocketd sees a network: {cards}")
    check("active" not in guest.ask("gateway").split(), "the gateway runs in OFFLINE_ONLY")
    check(len(guest.ask("swap").splitlines()) == 1, "there is swap")
    writable = guest.ask("writable")
    check(not writable, f"files of the system can be written: {writable}")
    journal = guest.ask("journal")
    check(NOTE not in journal and PASSPHRASE not in journal, "the journal knows the note")
    seen("memory of the whole system, vault locked: {} MiB of {}".format(*used(guest)))
    seen(guest.ask("time").splitlines()[0])
    seen("listens: " + ", ".join(f"{address}:{port}" for address, port, _ in listens))


def used(guest):
    """(MiB of memory that are taken, MiB that there are)."""
    memory = {line.split(":")[0]: int(line.split()[1]) for line in guest.ask("memory").splitlines()}
    return (memory["MemTotal"] - memory["MemAvailable"]) // 1024, memory["MemTotal"] // 1024


def silent(guest):
    """Not a packet but for an address, since the start, and for a while with nobody there."""
    time.sleep(20)
    own = "52:54:00:12:34:56"
    sent = [kind for source, kind, _ in pcap.packets(guest.pcap) if source == own]
    check("dhcp" in sent, f"the capture does not even have the request for an address: {sent}")
    # What answers the owner's ssh is of a connection that came in.
    others = [kind for kind in sent if kind not in ("arp", "dhcp") and not kind.startswith("tcp 22->")]
    check(not others, f"the device spoke in OFFLINE_ONLY: {others}")
    seen(f"sent in {guest.seconds():.0f} s: {len(sent)} packets, of them none but {sorted({kind.split('->')[0] for kind in sent})}")


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
    """The folder of the tests' bundles, which are made once for each image."""
    folder = bench.folder / "bundles"
    made_last = folder / "sick.stick"
    with ONE_MAKER:
        if not made_last.exists() or made_last.stat().st_mtime < bench.image.stat().st_mtime:
            maker = [str(Path(__file__).resolve().parents[1] / "bundles"), str(folder)]
            made = subprocess.run(maker, capture_output=True, text=True)
            check(made.returncode == 0, f"the bundles could not be made: {made.stderr[-2000:]}")
    return folder


def install(bench, guest, bundle):
    """Puts the stick in, waits until the device has dealt with it; what its journal says of it."""
    before = len(guest.journal())
    stick = bundles(bench) / f"{bundle}.stick"
    guest.plug(stick)
    ends = ("is tried at the next start", "pocket-update@sda.service: Failed", "pocket-update@sda.service: Deactivated")
    guest.until(lambda: any(end in guest.journal()[before:] for end in ends), f"the stick {bundle} is dealt with")
    guest.unplug(stick)
    return [line for line in guest.journal()[before:].splitlines() if "update[" in line or "rauc" in line]


def refused_bundles(bench):
    """a bundle that was changed, one of a stranger and one of an older release are refused"""
    with bench.running("refused") as guest:
        before = environment(guest.card)
        for bundle, words in (("changed", "was changed"), ("foreign", "not signed"), ("older", "older than the running")):
            said = install(bench, guest, bundle)
            guest.root("until ! [[ -e /dev/sda ]]; do sleep 0.5; done")
            check(any(words in line for line in said), f"{bundle}: the journal does not say why: {said}")
            check(not any("is tried at the next start" in line for line in said), f"{bundle}: it was installed")
            check(environment(guest.card) == before, f"{bundle}: the boot loader was told of it")
            seen(f"{bundle}: {next(line for line in said if words in line).split(']: ')[-1]}")


def update(bench):
    """a later release that its owner hands in is installed, runs, is found good once its vault opens, and has the data"""
    with bench.running("updated") as guest:
        card = guest.card
        handed_in(guest, bundles(bench) / "good.raucb")
        guest.until(lambda: "slot B, try 1 of 3" in guest.console(), "the device starts again by itself, and the new slot")
        check(environment(card)["ORDER"].startswith("B"), "the other slot is not next")
        guest.wait_for_ssh()
        check(environment(card)["B_TRY"] == "1", "it counts as good before anyone looked")
        runs = status(guest)["update"]
        check((runs["slot"], runs["good"]) == ("B", False), f"the page says {runs}")
        unlock(guest)
        has_note(guest, "after the update")
        guest.until(lambda: environment(card)["B_TRY"] == "0", "the new slot is found good")
        guest.until(lambda: status(guest)["update"]["good"], "the page says that it is good", 60)
    seen(f"boot loader: {environment(card)}")


def handed_in(guest, bundle):
    """As docs/flashing.md tells an owner: by ssh, without a stick."""
    refused = guest.ssh("pocketctl", "update", "offer", "-", stdin="no bundle at all\n")
    check(refused.returncode != 0 and "not signed" in refused.stderr, f"any file is taken: {refused.stdout}{refused.stderr}")
    begun = time.monotonic()
    with open(bundle, "rb") as file:
        command = guest.ssh_command("pocketctl", "update", "offer", "-")
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, timeout=PATIENCE)
    check(done.returncode == 0 and "9.0.0" in done.stdout, f"the bundle is not offered: {done.stdout}{done.stderr}")
    shown = guest.ctl("update", "show")
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    check("newer than what runs" in shown and digest in shown, f"something else is shown: {shown}")
    seen(f"{size(bundle)} MiB handed in by ssh and looked at in {time.monotonic() - begun:.0f} s")
    wrong = guest.ssh("pocketctl", "--passphrase-fd", "0", "update", "install", stdin="not the passphrase\n")
    check(wrong.returncode != 0, "it is installed without the passphrase")
    begun = time.monotonic()
    guest.ctl("--passphrase-fd", "0", "update", "install", stdin=PASSPHRASE + "\n")
    guest.until_told("is tried at the next start")
    seen(f"written to the other slot in {time.monotonic() - begun:.0f} s")


def rolled_back(bench):
    """a later release that does not start is left after three tries; the former one has the data"""
    with bench.running("rolled") as guest:
        install(bench, guest, "broken")
        guest.root("systemctl --no-block reboot")
        guest.until(lambda: "slot A, try" in guest.console(), "the former slot runs again", 900)
        tries = [line.strip() for line in guest.console().splitlines() if "PocketAI, slot" in line]
        check(len([line for line in tries if "slot B" in line]) == 3, f"not three tries: {tries}")
        guest.wait_for_ssh()
        unlock(guest)
        has_note(guest, "after the rollback")
    seen(f"tries: {tries}")


def sick(bench):
    """a later release in which pocketd does not answer is left by itself, and what became of the data with it"""
    with bench.running("sick") as guest:
        install(bench, guest, "sick")
        # Its last try: that there are three is seen in rolled-back, and each of these takes minutes.
        guest.root("grub-editenv /efi/pocketai/grubenv set B_TRY=2")
        guest.root("systemctl --no-block reboot")
        guest.until_told("storage: format 1 becomes 2 on a copy")
        guest.root("for f in VERSION keyring.a keyring.b db/db; do echo pocketai 2 >/data/pocketd/$f; done; sync")
        guest.until(lambda: "slot A, try" in guest.console(), "the former slot runs again", 900)
        guest.wait_for_ssh()
        unlock(guest)
        has_note(guest, "after the rollback")
        guest.until_told("what a release on trial had made of the data is dropped")

        def told():
            return (status(guest)["update"] or {}).get("step") == {"failed": "left"}
        guest.until(told, "the owner is told that it was left", 60)
        said = [line.split("]: ")[-1] for line in guest.journal().splitlines() if "is not good" in line]
    seen(f"tries: {len(said)}; {said[-1:]}")


def reset(bench, log=None):
    """a factory reset leaves no key, no slot, no ssh key on the card; the device is new"""
    # With a log: (the former keys, pieces of the former slots, where in the log it began and ended).
    with bench.running("reset", log=log) as guest:
        card, begun, ended = guest.card, 0, 0
        guest.root("sync")
        keys, slots = secrets(card)
        check(count(card, [*keys, *slots]) == len(keys) + len(slots), "the search does not find what is there")
        former = in_data(guest, "ssh-keygen -y -f /data/ssh/ssh_host_ed25519_key")
        if log:
            begun = log.stat().st_size
        said = guest.ctl("--passphrase-fd", "0", "factory-reset", "--confirm", "ERASE", stdin=PASSPHRASE + "\n")
        seen(said.strip().splitlines()[0])
        guest.until(lambda: guest.console().count("PocketAI, slot") >= 1, "the device starts again")
        guest.until_told("storage: ready")
        if log:
            ended = log.stat().st_size
        check(state(guest) == "first-run", "after the reset the device is not new")
        check(in_data(guest, "ssh-keygen -y -f /data/ssh/ssh_host_ed25519_key") != former, "the device's ssh key is the old one")
        gone(bench, card, keys, slots)
        check("reset: done" in guest.journal(), "the journal does not say that it is done")
    return keys, slots, begun, ended


def in_data(guest, order):
    code, said = guest.root(order)
    check(code == 0, f"{order}: {said}")
    return said


def gone(bench, card, keys, slots):
    """Nothing that opened the data, and nobody who might come in, is on the card any more."""
    check(count(card, keys) == 0, "a key is still on the card")
    left = count(card, slots)
    check(left == 0, f"{left} of {len(slots)} pieces of the old key slots are still on the card")
    check(not has_key(card), "the owner's ssh key is still on the card")
    public = bench.key.with_suffix(".pub").read_bytes().split()[1]
    check(count(card, [public]) == 0, "bytes of the owner's ssh key are still on the card")
    seen(f"searched {size(card)} MiB: the two old keys, {len(slots)} pieces of the slots, the ssh key: nothing is left")


def memory(bench):
    """with the vault open and ten thousand records the whole system takes what the documents say"""
    lines = "seq 1 10000 | sed 's/.*/{\"body\": \"note & of the heron, the reeds, and the evening at the lake\"}/'"
    with bench.running("memory") as guest:
        begun = time.monotonic()
        code, said = guest.root(f"{lines} | {CTL} --json add notes - | wc -l", patience=2400)
        check(code == 0 and said.endswith("10000"), f"the records are not kept: {said}")
        seen(f"10,000 records kept in {time.monotonic() - begun:.0f} s")
        # As after a start: nothing left of the work in the kernel's caches, and pocketd begun anew.
        guest.root("systemctl restart pocketd.service")
        guest.until(lambda: guest.root(f"echo '{PASSPHRASE}' | {CTL} --passphrase-fd 0 unlock")[0] == 0, "the vault opens")
        code, said = guest.root(f"{CTL} search heron | head -n 1")
        check(code == 0 and said, f"nothing is found: {said}")
        guest.root("sync; echo 3 >/proc/sys/vm/drop_caches")
        status = guest.root("cat /proc/$(systemctl show --property MainPID --value pocketd.service)/status")[1]
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        taken, there = used(guest)
        seen(f"memory of the whole system, vault open, 10,000 records: {taken} MiB of {there}; pocketd {resident // 1024} MiB")
        check(taken <= MOST_MEMORY_MIB, f"that is more than {MOST_MEMORY_MIB} MiB")
