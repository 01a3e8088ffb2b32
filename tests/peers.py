"""The servers that are measured beside one another: PocketAI, the SDK with nothing behind it, and others.

Each is installed as its users would, into a folder of its own, and started as its users' clients start
it: PocketAI is one daemon that all agents share, each of the others is one process an agent.
"""

import json
import os
import pathlib
import shutil
import subprocess
import time

from device import PASSPHRASE, Device, resident_kib
from mcp_client import Client, Http, Stdio

BATCH = 500
SERVER_MEMORY = "@modelcontextprotocol/server-memory@2026.8.31"
MCP_MEMORY = "5.2.1"


class NotThere(Exception):
    """A peer that can't be measured here; the message says why."""


def installed(command: list[str], folder: pathlib.Path, what: str) -> None:
    """Runs an installer."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        words = (getattr(error, "stderr", None) or str(error).encode()).decode(errors="replace")
        raise NotThere(f"{what} can't be installed: {words.strip().splitlines()[-1]}") from error


class Server:
    """A server with its facts."""

    name = ""
    keeps = ""
    # Facts that it is measured with, and calls for each figure: fewer where a call takes long.
    sizes = (10_000, 100_000)
    calls = 200
    has_http = False
    # Whether one agent finds what another wrote.
    is_shared = True

    def agent(self) -> Client:
        """An agent over stdio."""
        raise NotImplementedError

    def http_agent(self) -> Client:
        """An agent over HTTP."""
        raise NotImplementedError

    def load(self, facts: list[str]) -> None:
        """Brings many facts in at once."""
        raise NotImplementedError

    def write(self, agent: Client, fact: str) -> None:
        """One fact; returns when it is acknowledged."""
        raise NotImplementedError

    def search(self, agent: Client, words: str) -> str:
        """The ten best, or as many as the server gives."""
        raise NotImplementedError

    def resident_kib(self, agent: Client) -> int:
        """Memory of the process that holds the facts."""
        return resident_kib(agent.process.pid)

    def first_answer(self) -> float:
        """Milliseconds from starting a process to the first answered call."""
        began = time.perf_counter()
        agent = self.agent()
        self.search(agent, "nothing")
        took = (time.perf_counter() - began) * 1000
        agent.close()
        return took

    def stop(self) -> None:
        """Ends what is running."""


class PocketAI(Server):
    """The product: sealed, audited, on the disk before it is acknowledged."""

    name = "PocketAI"
    keeps = "sealed, on the disk when acknowledged"
    has_http = True

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path):
        self.agents = 0
        self.device = Device(programs, folder)
        self.device.set_up()

    def token(self) -> str:
        """The token of a new agent: each has a limit of its own on calls in a minute."""
        self.agents += 1
        name, scope = f"agent-{self.agents}", "memory:read+search+write"
        added = self.device.ctl("--passphrase-fd", "0", "agent", "add", name, "--scope", scope, stdin=PASSPHRASE)
        return json.loads(added)["token"]

    def agent(self) -> Client:
        return Stdio(self.device.command("mcp"), {"POCKETAI_TOKEN": self.token()})

    def http_agent(self) -> Client:
        return Http(self.device.mcp, self.token())

    def load(self, facts: list[str]) -> None:
        lines = "\n".join(json.dumps({"text": fact}) for fact in facts)
        self.device.ctl("add", "memory", "-", stdin=lines.encode())

    def write(self, agent: Client, fact: str) -> None:
        agent.call("remember", {"facts": [{"text": fact}]})

    def search(self, agent: Client, words: str) -> str:
        return text_of(agent.call("recall", {"query": words, "limit": 10}))

    def resident_kib(self, agent: Client) -> int:
        return self.device.resident_kib()

    def first_answer(self) -> float:
        token = self.token()
        began = time.perf_counter()
        agent = Stdio(self.device.command("mcp"), {"POCKETAI_TOKEN": token})
        self.search(agent, "nothing")
        took = (time.perf_counter() - began) * 1000
        agent.close()
        return took

    def stop(self) -> None:
        self.device.stop()


class BareSdk(Server):
    """tests/bare-mcp: what the protocol costs by itself."""

    name = "bare rmcp"
    keeps = "in memory only"
    has_http = True
    is_shared = False

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path):
        self.command = [str(programs / "bare-mcp")]
        self.facts: list[str] = []
        self.http = None

    def agent(self) -> Client:
        agent = Stdio(self.command)
        self.fill(agent)
        return agent

    def http_agent(self) -> Client:
        if self.http is None:
            self.http = subprocess.Popen([*self.command, "--http"], stdout=subprocess.PIPE)
            self.url = self.http.stdout.readline().decode().split()[1]
            self.fill(Http(self.url))
        return Http(self.url)

    def fill(self, agent: Client) -> None:
        """It keeps nothing, so each process is given the facts anew."""
        for at in range(0, len(self.facts), BATCH):
            agent.call("remember", {"texts": self.facts[at : at + BATCH]})

    def load(self, facts: list[str]) -> None:
        self.facts = [*self.facts, *facts]
        self.stop()

    def write(self, agent: Client, fact: str) -> None:
        agent.call("remember", {"texts": [fact]})

    def search(self, agent: Client, words: str) -> str:
        return text_of(agent.call("recall", {"query": words}))

    def first_answer(self) -> float:
        facts, self.facts = self.facts, []
        took = super().first_answer()
        self.facts = facts
        return took

    def stop(self) -> None:
        if self.http is not None:
            self.http.kill()
            self.http.wait()
            self.http = None


class GraphServer(Server):
    """What the two memory servers with a graph of entities have in common: the same tools."""

    def __init__(self, command: list[str], folder: pathlib.Path, file: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.command = command
        self.file = folder / file
        self.number = 0

    def agent(self) -> Client:
        return Stdio(self.command, {"MEMORY_FILE_PATH": str(self.file)})

    def entities(self, facts: list[str]) -> dict:
        """Facts as entities with one observation each."""
        made = []
        for fact in facts:
            self.number += 1
            made.append({"name": f"fact {self.number}", "entityType": "fact", "observations": [fact]})
        return {"entities": made}

    def load(self, facts: list[str]) -> None:
        agent = self.agent()
        for at in range(0, len(facts), BATCH):
            agent.call("create_entities", self.entities(facts[at : at + BATCH]))
        agent.close()

    def write(self, agent: Client, fact: str) -> None:
        agent.call("create_entities", self.entities([fact]))


class ServerMemory(GraphServer):
    """The reference memory server: one file of JSON lines, written anew with each change."""

    name = "server-memory"
    keeps = "one file written anew each time, not synced"
    sizes = (10_000,)
    calls = 25

    def __init__(self, peers: pathlib.Path, folder: pathlib.Path):
        program = peers / "npm/node_modules/.bin/mcp-server-memory"
        if not program.exists():
            if not shutil.which("npm"):
                raise NotThere("server-memory needs npm")
            installed(["npm", "install", "--silent", "--prefix", str(peers / "npm"), SERVER_MEMORY], peers, "server-memory")
        super().__init__([str(program)], folder, "memory.jsonl")

    def search(self, agent: Client, words: str) -> str:
        return text_of(agent.call("search_nodes", {"query": words}))


class McpMemory(GraphServer):
    """mcp-memory: Rust, SQLite with a full-text index."""

    name = "mcp-memory"
    keeps = "SQLite with a write-ahead log, not synced"

    def __init__(self, peers: pathlib.Path, folder: pathlib.Path):
        program = peers / "bin/mcp-memory"
        if not program.exists():
            build = dict(os.environ)
            build.pop("CARGO_TARGET_DIR", None)
            command = ["cargo", "install", "--quiet", "--locked", "--root", str(peers), "mcp-memory", "--version", MCP_MEMORY]
            installed(["env", "-u", "CARGO_TARGET_DIR", *command], peers, "mcp-memory")
        command = [str(program), "--transport", "stdio", "--enable-graph-read", "--enable-graph-write"]
        super().__init__(command, folder, "memory.mcpmem")

    def search(self, agent: Client, words: str) -> str:
        return text_of(agent.call("search_nodes", {"query": words, "limit": 10}))


def text_of(result: dict) -> str:
    """The words of a result."""
    return " ".join(block.get("text", "") for block in result["content"])
