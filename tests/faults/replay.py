"""What a disk may hold after a power cut, rebuilt from a record of every call that changed a file.

The daemon runs under strace. A cut is a moment of that record; the folder is then made anew from the state before the
run and what may have reached the disk by then:

- Data is kept in sectors of 512 bytes. A sector whose write was followed by a sync of its file is there; of all others
  each is there or not, alone, whatever was written before or after it: lost, torn and reordered writes.
- Names, lengths and removals are kept in the order in which they were made, up to some moment after the last `fsync`
  (of anything); `fdatasync` promises the data and length of its own file alone.
"""

import os
import pathlib
import random
import re
import shutil

SECTOR = 512
CALLS = (
    "openat,open,write,pwrite64,writev,pwritev,pwritev2,lseek,truncate,ftruncate,fallocate,fsync,fdatasync,"
    "syncfs,sync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,"
    "copy_file_range,sendfile,splice,mmap"
)
LINE = re.compile(r"^(\d+)\s+(\d+\.\d+) (.*)$")
RESULT = re.compile(r"\)\s+= (-?\d+|\?)(.*?)(?:<(\d+\.\d+)>)?$")


class NotUnderstood(Exception):
    """The record holds what this does not know how to play back."""


def strace(trace: pathlib.Path) -> list[str]:
    """What runs a program so that it is recorded."""
    wide = ["-xx", "-s", "8000000", "-y", "-ttt", "-T"]
    return ["strace", "-D", "-f", "-qq", "--seccomp-bpf", *wide, "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(trace)]


def unhexed(text: str) -> bytes:
    """What strace wrote as \\x41\\x42."""
    return bytes.fromhex(text.replace("\\x", ""))


def path_in(text: str) -> str | None:
    """The path behind a descriptor, as in 3<\\x2f\\x61>."""
    found = re.search(r"<((?:\\x[0-9a-f]{2})+)>", text)
    return os.fsdecode(unhexed(found[1])) if found else None


class Inode:
    """A file: what is surely on the disk of it is in the folder before the run."""

    def __init__(self, source: pathlib.Path | None = None):
        self.source = source


class Change:
    """One call, from when it began to when it had ended."""

    def __init__(self, begun: float, ended: float, what: str, **facts):
        self.begun, self.ended, self.what = begun, ended, what
        self.__dict__.update(facts)


class Record:
    """All calls of a run that changed something below `folder`."""

    def __init__(self, trace: pathlib.Path, folder: pathlib.Path, before: pathlib.Path):
        self.folder, self.before = str(folder), before
        self.names: dict[str, Inode | None] = {}
        for path in sorted(before.rglob("*")):
            name = str(folder / path.relative_to(before))
            self.names[name] = Inode(path) if path.is_file() else None
        self.first = dict(self.names)
        self.positions: dict[int, int] = {}
        self.opened: dict[int, Inode | None] = {}
        self.changes: list[Change] = []
        self.read(trace)
        self.changes.sort(key=lambda change: change.ended)

    def read(self, trace: pathlib.Path) -> None:
        """In the order in which the calls ended."""
        waiting: dict[str, tuple[float, str]] = {}
        with open(trace, encoding="ascii", errors="replace") as lines:
            for line in lines:
                if not (found := LINE.match(line.rstrip("\n"))):
                    raise NotUnderstood(line[:200])
                thread, at, text = found[1], float(found[2]), found[3]
                if text.endswith("<unfinished ...>"):
                    waiting[thread] = (at, text.removesuffix("<unfinished ...>").rstrip())
                elif resumed := re.match(r"<\.\.\. (\w+) resumed>(.*)$", text):
                    begun, start = waiting.pop(thread)
                    self.call(begun, start + resumed[2])
                elif not text.startswith(("+++", "---")):
                    self.call(at, text)
        # What never ended may have happened in part: a write is all that can.
        for begun, text in waiting.values():
            self.call(begun, f"{text}) = ? <86400.0>")

    def call(self, begun: float, text: str) -> None:
        name, _, rest = text.partition("(")
        result = RESULT.search(rest)
        if not result:
            raise NotUnderstood(f"{text[:100]} … {text[-100:]}")
        inside, value = rest[: result.start()], result[1]
        ended = begun + float(result[3] or 0)
        if value == "?":
            if name not in ("write", "pwrite64"):
                return
            value = "1000000000"
        if value.startswith("-"):
            return
        handler = getattr(self, f"on_{name}", None)
        if handler is None:
            raise NotUnderstood(name)
        handler(begun, ended, inside, int(value), result[2])

    def mine(self, path: str | None) -> bool:
        """Whether it lies in the device's folder; its sockets and its lock do not count."""
        return path is not None and path.startswith(self.folder + "/") and "/run/" not in path

    def note(self, begun: float, ended: float, what: str, **facts) -> None:
        self.changes.append(Change(begun, ended, what, **facts))

    def paths(self, inside: str) -> list[str]:
        """The paths among the arguments, whole."""
        found = []
        here = None
        for piece in re.finditer(r'(\w+<[^>]*>|AT_FDCWD)|"((?:\\x[0-9a-f]{2})*)"', inside):
            if piece[1]:
                here = path_in(piece[1])
            else:
                found.append(os.path.join(here or "/", os.fsdecode(unhexed(piece[2]))))
        return found

    def on_openat(self, begun, ended, inside, fd, _):
        path = self.paths(inside)[0]
        self.opened.pop(fd, None)
        self.positions[fd] = 0
        if not self.mine(path):
            return
        if "O_CREAT" in inside and path not in self.names:
            self.names[path] = Inode()
            self.note(begun, ended, "create", path=path, inode=self.names[path])
        elif "O_TRUNC" in inside:
            self.note(begun, ended, "length", inode=self.names[path], length=0)
        self.opened[fd] = self.names.get(path)

    on_open = on_openat

    def data(self, begun, ended, inside, count, offset):
        fd = int(re.match(r"\d+", inside)[0])
        inode = self.opened.get(fd)
        if inode is None or not self.mine(path_in(inside.split(",")[0])):
            return
        pieces = re.findall(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?', inside)
        if any(cut for _, cut in pieces):
            raise NotUnderstood("a write is longer than strace was told to keep")
        content = b"".join(unhexed(piece) for piece, _ in pieces)[:count]
        where = self.positions[fd] if offset is None else offset
        self.note(begun, ended, "write", inode=inode, offset=where, content=content)
        if offset is None:
            self.positions[fd] += len(content)

    def on_write(self, begun, ended, inside, count, _):
        self.data(begun, ended, inside, count, None)

    on_writev = on_write

    def on_pwrite64(self, begun, ended, inside, count, _):
        offset = re.search(r", (\d+)$", inside)
        if path_in(inside.split(",")[0]) and offset:
            self.data(begun, ended, inside, count, int(offset[1]))

    def on_lseek(self, begun, ended, inside, count, _):
        self.positions[int(re.match(r"\d+", inside)[0])] = count

    def on_ftruncate(self, begun, ended, inside, count, _):
        fd, length = re.match(r"(\d+)<.*, (\d+)$", inside).groups()
        if (inode := self.opened.get(int(fd))) is not None:
            self.note(begun, ended, "length", inode=inode, length=int(length))

    def on_fdatasync(self, begun, ended, inside, count, _):
        if (inode := self.opened.get(int(re.match(r"\d+", inside)[0]))) is not None:
            self.note(begun, ended, "data-sync", inode=inode)

    def on_fsync(self, begun, ended, inside, count, _):
        if self.mine((path_in(inside) or "") + "/"):
            self.note(begun, ended, "sync", inode=self.opened.get(int(re.match(r"\d+", inside)[0])))

    def on_rename(self, begun, ended, inside, count, _):
        old, new = self.paths(inside)
        if self.mine(old) and self.mine(new):
            self.names[new] = self.names.pop(old)
            self.note(begun, ended, "rename", path=old, new=new)
        elif self.mine(old) or self.mine(new):
            raise NotUnderstood(f"{old} becomes {new}")

    on_renameat = on_renameat2 = on_rename

    def on_unlink(self, begun, ended, inside, count, _):
        path = self.paths(inside)[0]
        if self.mine(path):
            self.names.pop(path, None)
            self.note(begun, ended, "remove", path=path)

    on_unlinkat = on_rmdir = on_unlink

    def on_mkdir(self, begun, ended, inside, count, _):
        path = self.paths(inside)[0]
        if self.mine(path):
            self.names[path] = None
            self.note(begun, ended, "folder", path=path)

    on_mkdirat = on_mkdir

    def refused(self, begun, ended, inside, count, _):
        """These would have to be played back, and are not."""
        if any(self.mine(path) for path in [path_in(inside), *self.paths(inside)]):
            raise NotUnderstood(inside[:200])

    on_link = on_linkat = on_symlink = on_symlinkat = on_truncate = on_fallocate = refused
    on_pwritev = on_pwritev2 = on_copy_file_range = on_sendfile = on_splice = on_syncfs = refused

    def on_sync(self, *_):
        pass

    def on_mmap(self, begun, ended, inside, count, _):
        if "MAP_SHARED" in inside and "PROT_WRITE" in inside:
            self.refused(begun, ended, inside, count, _)

    def cut(self, at: float, chosen: random.Random, into: pathlib.Path) -> str:
        """Makes the folder as it may be when the power goes at this moment. Says what was there and what not."""
        chance = chosen.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        order = [change for change in self.changes if change.begun < at]
        names, kept = self.names_at(order, at, chosen)
        shutil.copytree(self.before, into, ignore=shutil.ignore_patterns("run"))
        held: dict[Inode, list[Change]] = {}
        for change in kept:
            held.setdefault(change.inode, []).append(change)
        surely = maybe = 0
        for path in sorted({*self.first, *names}):
            target = into / pathlib.Path(path).relative_to(self.folder)
            inode = names.get(path)
            if path not in names:
                if target.is_dir():
                    shutil.rmtree(target)
                else:
                    target.unlink(missing_ok=True)
            elif inode is None:
                target.mkdir(exist_ok=True)
            elif inode in held or inode is not self.first.get(path):
                content = bytearray(inode.source.read_bytes() if inode.source else b"")
                sure, may = self.fill(content, held.get(inode, []), order, at, chance, chosen)
                surely, maybe = surely + sure, maybe + may
                target.write_bytes(content)
                target.chmod(0o600)
        return f"{len(order)} calls, {surely} sectors on the disk, {maybe} that may be, {chance:.0%} of those are"

    def names_at(self, order: list[Change], at: float, chosen: random.Random):
        """Who is called how, and which changes of content count."""
        ordered = [change for change in order if change.what in ("create", "rename", "remove", "folder", "length")]
        # A file whose length was set is whole once it is synced, and with it all that was ordered before.
        set_to = {change.inode for change in ordered if change.what == "length"}
        synced = max(
            (
                change.begun
                for change in order
                if change.ended < at
                and (change.what == "sync" or (change.what == "data-sync" and change.inode in set_to))
            ),
            default=0.0,
        )
        sure = sum(change.ended <= synced for change in ordered)
        until = chosen.randint(sure, len(ordered))
        names = dict(self.first)
        counted = set(map(id, ordered[:until]))
        for change in ordered[:until]:
            if change.what == "create":
                names[change.path] = change.inode
            elif change.what == "rename":
                names[change.new] = names.pop(change.path)
            elif change.what == "remove":
                names.pop(change.path, None)
            elif change.what == "folder":
                names[change.path] = None
        kept = [change for change in order if change.what == "write" or (change.what == "length" and id(change) in counted)]
        return names, kept

    def fill(self, content: bytearray, changes: list[Change], order, at, chance, chosen) -> tuple[int, int]:
        """What of a file is there."""
        last = max(
            (
                change.begun
                for change in order
                if changes
                and change.what in ("sync", "data-sync")
                and change.inode is changes[0].inode
                and change.ended < at
            ),
            default=0.0,
        )
        sure = may = 0
        for change in changes:
            if change.what == "length":
                content[change.length :] = bytes(max(0, change.length - len(content)))
                continue
            begin = 0
            while begin < len(change.content):
                end = min(len(change.content), begin + SECTOR - (change.offset + begin) % SECTOR)
                durable = change.ended <= last
                if durable or chosen.random() < chance:
                    first, after = change.offset + begin, change.offset + end
                    content.extend(bytes(max(0, after - len(content))))
                    content[first:after] = change.content[begin:end]
                sure, may = sure + durable, may + (not durable)
                begin = end
        return sure, may
