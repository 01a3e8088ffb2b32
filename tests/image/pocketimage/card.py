"""A card seen from outside: its partitions, what lies on it, and what a cut leaves of what was written."""

import mmap
import os
import random
import struct
import subprocess

from .guest import MIB, Failed, check

FLUSH, DISCARD = 1, 4
SECTOR = 512


def copy(source, target):
    """A card with the same content; holes stay holes."""
    target.unlink(missing_ok=True)
    subprocess.run(["cp", "--sparse=always", source, target], check=True)
    return target


def partition(card, name):
    """Where a partition begins, and how long it is, in bytes, by the card's GPT."""
    with open(card, "rb") as file:
        file.seek(2 * SECTOR)
        table = file.read(128 * 128)
    for at in range(0, len(table), 128):
        entry = table[at:at + 128]
        if entry[56:].decode("utf-16-le").rstrip("\0") == name:
            first, last = struct.unpack("<QQ", entry[32:48])
            return first * SECTOR, (last - first + 1) * SECTOR
    raise Failed(f"the card has no partition {name}")


def environment(card):
    """The boot loader's variables."""
    read = subprocess.run(
        ["mtype", "-i", f"{card}@@1M", "::pocketai/grubenv"], capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in read.stdout.splitlines() if "=" in line)


def give_key(card, key):
    """The maker puts a key on the card."""
    subprocess.run(["mcopy", "-o", "-i", f"{card}@@1M", f"{key}.pub", "::pocketai/authorized_keys"], check=True)


def has_key(card):
    """Whether someone may come in."""
    read = subprocess.run(["mtype", "-i", f"{card}@@1M", "::pocketai/authorized_keys"], capture_output=True)
    return read.returncode == 0


def in_keystore(card, order):
    """What debugfs says of the keystore, read from the card."""
    where = f"{card}?offset={partition(card, 'keystore')[0]}"
    return subprocess.run(["debugfs", "-R", order, where], capture_output=True).stdout


def secrets(card):
    """What opens the data: the key in the keystore, pocketd's device secret, and pieces of the slots of LUKS."""
    key = in_keystore(card, "cat disk.key")
    check(len(key) == 64, f"the key of the data is not where it was looked for: {len(key)} bytes")
    found = [key]
    for line in in_keystore(card, "ls -p /pocketd").decode().splitlines():
        name = line.split("/")[5] if line.count("/") > 5 else ""
        if name.endswith(".secret"):
            found.append(in_keystore(card, f"cat pocketd/{name}")[-32:])
    check(len(found) == 2, "the device secret is not where it was looked for")
    with open(card, "rb") as file:
        file.seek(partition(card, "data")[0])
        header = file.read(16 * MIB)
    slots = [header[at:at + SECTOR] for at in range(0x8000, len(header), 4096) if any(header[at:at + SECTOR])]
    check(slots, "the header of the data partition has no slot")
    # Eight, from all over the slot.
    return found, slots[:: max(1, len(slots) // 8)][:8]


def count(card, pieces):
    """How many of the pieces are still somewhere on the card."""
    with open(card, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return sum(whole.find(piece) >= 0 for piece in pieces)


def way_on(card):
    """What the next start will find in the keystore and the data's header, in words; fails where it ends there.

    The device decides by the same (image/root/usr/lib/pocketai/storage). Looked at with the host's programs.
    """
    keystore, data = f"{card}.keystore", f"{card}.data"
    for name, file, most in (("keystore", keystore, None), ("data", data, 32 * MIB)):
        begin, length = partition(card, name)
        cut = f"skip={begin} count={min(length, most or length)}"
        subprocess.run(f"dd if={card} of={file} bs=1M iflag=skip_bytes,count_bytes {cut} status=none", shell=True, check=True)
    sealed = probe(data) == b"crypto_LUKS"
    if not sound(keystore):
        check(not sealed, "the keystore is damaged, and the data's key slots are there: the device stops")
        return "made anew"
    state = ran("debugfs", "-R", "cat state", keystore).stdout.strip().decode() or "new"
    owned = b"Inode:" in ran("debugfs", "-R", "stat owned", keystore).stdout
    secret = b".secret" in ran("debugfs", "-R", "ls -p /pocketd", keystore).stdout
    if state == "resetting" or (state == "ready" and owned and not secret):
        return "the reset goes on"
    if state != "ready":
        check(not owned, "the keystore has an owner's mark and no state: the device stops")
        return "made anew"
    key = ran("debugfs", "-R", "cat disk.key", keystore).stdout
    opens = ran("cryptsetup", "open", "--test-passphrase", "--type", "luks2", "--key-file", "-", data, input=key)
    check(opens.returncode == 0, "the key of the keystore does not open the data")
    return "opened, its owner's" if owned else "opened, new"


def sound(file):
    """Whether a file system is whole, or was mended by what can't do harm."""
    copies = ((), ("-b", "8193", "-B", "1024"), ("-b", "32768", "-B", "4096"))
    return any(ran("e2fsck", "-p", *at, file).returncode < 4 for at in copies)


def ran(*words, **more):
    return subprocess.run(words, capture_output=True, **more)


def probe(file):
    return ran("blkid", "--probe", "--output", "value", "--match-tag", "TYPE", file).stdout.strip()


def entries(log):
    """(end in the log, sector, sectors, flags, where its data is) of each write and flush, in turn."""
    size = log.stat().st_size
    with open(log, "rb") as file:
        magic, _, _, sector = struct.unpack("<QQQI", file.read(28))
        check(magic == 0x6A736677736872, "this is no log of writes")
        at = sector
        while at + sector <= size:
            file.seek(at)
            where, sectors, flags, length = struct.unpack("<QQQQ", file.read(32))
            if not (sectors or flags):
                break
            data = at + sector
            at = data + (0 if flags & DISCARD else sectors * sector)
            yield at, where * sector, sectors * sector, flags, data


def replay(log, card, end, seed):
    """Puts on the card what a power cut leaves when the log was `end` bytes long.

    All that was written before the last flush is there. Of what came after it, some is and some is not, and
    the last that is may be torn: a card keeps writes back, and need not keep their order.
    """
    chance = random.Random(seed)
    done = [entry for entry in entries(log) if entry[0] <= end]
    flushed = max((number for number, entry in enumerate(done) if entry[3] & FLUSH), default=-1)
    with open(card, "r+b") as medium, open(log, "rb") as file:
        for number, (_, where, length, flags, data) in enumerate(done):
            if number > flushed and chance.random() < 0.5:
                continue
            if number == len(done) - 1 and length > SECTOR:
                length = chance.randrange(SECTOR, length + 1, SECTOR)
            file.seek(data)
            write(medium, where, length, None if flags & DISCARD else file)
    return len(done), len(done) - 1 - flushed


def write(medium, where, length, source):
    """One write; a discard reads as zero afterwards."""
    medium.seek(where)
    while length:
        piece = min(length, 4 * MIB)
        medium.write(source.read(piece) if source else bytes(piece))
        length -= piece


def size(card):
    """In MiB."""
    return os.stat(card).st_size // MIB
