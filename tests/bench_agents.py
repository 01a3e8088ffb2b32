"""Measures what an agent waits for, beside other servers, in one run on one machine.

    bench_agents.py FOLDER_OF_THE_PROGRAMS FOLDER_FOR_THE_PEERS [--only NAME] [--largest FACTS]

Prints one fdatasync of the same disk, then for each server: start to the first answered call, memory,
writes and searches, one agent and eight at once, over stdio and over HTTP. Times are of this machine;
the ratios to the sync, and between the servers, hold elsewhere. A peer that can't be installed is
skipped in words. Every write that was acknowledged is looked for afterwards.
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import statistics
import sys
import tempfile
import time

from mcp_client import Client, Failed
from peers import BareSdk, McpMemory, NotThere, PocketAI, Server, ServerMemory

AT_ONCE = 8
STARTS = 5


class Words:
    """Facts of twelve words that are as rare and as common as words are, the same in each run."""

    def __init__(self):
        chosen = random.Random(7)
        syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
        made = dict.fromkeys("".join(chosen.choices(syllables, k=chosen.randint(2, 4))) for _ in range(30_000))
        self.words = list(made)
        # Zipf: the word in place n is seen in proportion to 1/n.
        self.weights = [1 / place for place in range(1, len(self.words) + 1)]
        self.chosen = chosen

    def facts(self, count: int) -> list[str]:
        """That many facts; no two are alike, since each has a number."""
        lines = self.chosen.choices(self.words, self.weights, k=count * 12)
        return [" ".join(lines[at * 12 : at * 12 + 12]) + f" n{at}" for at in range(count)]

    def rare(self, facts: list[str]) -> str:
        """A word of one fact."""
        return self.chosen.choice(facts).rsplit(" ", 1)[1]

    def common(self, _: list[str]) -> str:
        """One of the words that are in every third fact or so."""
        return self.chosen.choice(self.words[:5])

    def four(self, facts: list[str]) -> str:
        """Four words of one fact in another order, as one remembers it."""
        return " ".join(self.chosen.sample(self.chosen.choice(facts).split()[:-1], 4))


def in_order(times: list[float]) -> str:
    """Median and 99th of 100, in milliseconds."""
    ranked = sorted(times)
    return f"{statistics.median(ranked):.2f} / {ranked[min(len(ranked) - 1, len(ranked) * 99 // 100)]:.2f}"


def timed(act, arguments: list) -> list[float]:
    """Milliseconds that each call takes."""
    times = []
    for argument in arguments:
        began = time.perf_counter()
        act(argument)
        times.append((time.perf_counter() - began) * 1000)
    return times


class Disk:
    """A file on the disk that the servers write to."""

    def __init__(self, folder: pathlib.Path):
        self.file = os.open(folder / "synced", os.O_CREAT | os.O_WRONLY, 0o600)
        os.pwrite(self.file, bytes(4096 * 256), 0)
        os.fsync(self.file)
        self.place = 0

    def sync(self, _=None) -> None:
        """Brings 4 KiB to the disk, in place."""
        self.place = (self.place + 1) % 256
        os.pwrite(self.file, os.urandom(4096), 4096 * self.place)
        os.fdatasync(self.file)


class Table:
    """All figures, a line each, a column for each server: Markdown, for docs/performance.md."""

    def __init__(self):
        self.lines: dict[str, dict[str, str]] = {}

    def put(self, what: str, server: str, value: str) -> None:
        """One figure."""
        self.lines.setdefault(what, {})[server] = value

    def show(self) -> None:
        """Prints it."""
        servers = list(dict.fromkeys(server for line in self.lines.values() for server in line))
        print(f"| | {' | '.join(servers)} |\n|---|{'---|' * len(servers)}")
        for what, line in self.lines.items():
            print(f"| {what} | {' | '.join(line.get(server, '') for server in servers)} |")


class Bench:
    """One server under measurement."""

    def __init__(self, server: Server, words: Words, disk: Disk, table: "Table"):
        self.server, self.words, self.disk, self.table = server, words, disk, table
        self.written = 0

    def row(self, what: str, value: str) -> None:
        """One figure, printed at once and kept for the table."""
        self.table.put(what, self.server.name, value)
        print(f"{self.server.name:<14} {what:<46} {value}", flush=True)

    def fresh(self, count: int) -> list[str]:
        """Facts that were not written before, with a word that finds each again."""
        made = []
        for fact in self.words.facts(count):
            self.written += 1
            made.append(f"{fact} w{self.written}x")
        return made

    def one(self, way: str, agent: Client, facts: list[str]) -> None:
        """One agent alone."""
        calls = self.server.calls
        times, syncs = [], []
        for fact in self.fresh(calls):
            # In turns, so that both meet the same disk: it is not equally busy all the time.
            times += timed(lambda fact: self.server.write(agent, fact), [fact])
            syncs += timed(self.disk.sync, [None])
        ratio = statistics.median(times) / statistics.median(syncs)
        self.row(f"{way}, write", f"{in_order(times)} ms")
        self.row(f"{way}, write, against one fdatasync in turns", f"{ratio:.2f} x {in_order(syncs)} ms")
        for kind in ("rare", "common", "four"):
            asked = [getattr(self.words, kind)(facts) for _ in range(min(calls, 100))]
            times = timed(lambda query: self.server.search(agent, query), asked)
            self.row(f"{way}, search, {kind} word{'s' if kind == 'four' else ''}", f"{in_order(times)} ms")

    def many(self, way: str, agents: list[Client], facts: list[str]) -> None:
        """Several agents at once."""
        each = max(self.server.calls // 4, 5)
        shares = [self.fresh(each) for _ in agents]
        acknowledged: list[str] = []

        def write(agent: Client, fact: str) -> None:
            self.server.write(agent, fact)
            acknowledged.append(fact)

        self.together(f"{way}, write, {len(agents)} at once", agents, shares, write)
        if self.server.is_shared:
            missing = self.missing(agents[0], acknowledged)
            self.row(f"{way}, acknowledged and not found", f"{missing} of {len(acknowledged)}")
        shares = [[self.words.four(facts) for _ in range(each)] for _ in agents]
        search = lambda agent, query: self.server.search(agent, query)  # noqa: E731
        self.together(f"{way}, search, four words, {len(agents)} at once", agents, shares, search)

    def together(self, what: str, agents: list[Client], shares: list[list[str]], act) -> None:
        """Each agent does its share; all begin at once."""
        began = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(len(agents)) as pool:
            work = [pool.submit(timed, lambda it, agent=agent: act(agent, it), share)
                    for agent, share in zip(agents, shares, strict=True)]
            try:
                times = [taken for done in work for taken in done.result()]
            except Failed as error:
                self.row(what, f"failed: {error}")
                return
        rate = len(times) / (time.perf_counter() - began)
        self.row(what, f"{in_order(times)} ms, {rate:.0f} a second")

    def missing(self, agent: Client, facts: list[str]) -> int:
        """How many of the facts are not found by the word that only they have."""
        word = lambda fact: fact.rsplit(" ", 1)[1]  # noqa: E731
        return sum(word(fact) not in self.server.search(agent, word(fact)) for fact in facts)


def measure(server: Server, disk: Disk, table: Table, largest: int) -> None:
    """All figures of one server."""
    words = Words()
    bench = Bench(server, words, disk, table)
    bench.row("keeps", server.keeps)
    agent = server.agent()
    server.search(agent, "nothing")
    bench.row("resident, empty", f"{server.resident_kib(agent) / 1024:.1f} MiB")
    agent.close()
    facts: list[str] = []
    for size in (size for size in server.sizes if size <= largest):
        more = words.facts(size - len(facts))
        began = time.perf_counter()
        server.load(more)
        facts += more
        bench.row(f"bring in up to {size} facts", f"{time.perf_counter() - began:.1f} s")
        starts = [server.first_answer() for _ in range(STARTS)]
        bench.row(f"{size}: start to the first answered call", f"{statistics.median(starts):.0f} ms")
        agent = server.agent()
        bench.one(f"{size}: stdio", agent, facts)
        bench.row(f"{size}: resident", f"{server.resident_kib(agent) / 1024:.1f} MiB")
        agent.close()
        agents = [server.agent() for _ in range(AT_ONCE)]
        bench.many(f"{size}: stdio", agents, facts)
        for agent in agents:
            agent.close()
        if server.has_http:
            agent = server.http_agent()
            bench.one(f"{size}: HTTP", agent, facts)
            agent.close()
            agents = [server.http_agent() for _ in range(AT_ONCE)]
            bench.many(f"{size}: HTTP", agents, facts)
            for agent in agents:
                agent.close()


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("programs", type=pathlib.Path)
    arguments.add_argument("peers", type=pathlib.Path)
    arguments.add_argument("--only", default="")
    arguments.add_argument("--largest", type=int, default=100_000)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        disk, table = Disk(folder), Table()
        print(f"one fdatasync of 4 KiB on this disk: {in_order(timed(disk.sync, [None] * 300))} ms\n")
        makers = {
            PocketAI: lambda: PocketAI(given.programs, folder / "pocketai"),
            BareSdk: lambda: BareSdk(given.programs, folder),
            McpMemory: lambda: McpMemory(given.peers, folder / "mcp-memory"),
            ServerMemory: lambda: ServerMemory(given.peers, folder / "server-memory"),
        }
        for kind, make in makers.items():
            if given.only and given.only != kind.name:
                continue
            try:
                server = make()
            except NotThere as why:
                print(f"skipped: {why}")
                continue
            try:
                measure(server, disk, table, given.largest)
            except Failed as why:
                print(f"{kind.name} failed: {why}")
                if kind is PocketAI:
                    sys.exit(1)
            finally:
                server.stop()
            print()
        table.show()


if __name__ == "__main__":
    main()
