"""The least that an MCP client needs, for measuring: no SDK whose cost would be measured too."""

import http.client
import itertools
import json
import os
import subprocess
import urllib.parse

PROTOCOL = "2025-11-25"
HELLO = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "measure", "version": "1"}}


class Failed(Exception):
    """A call that was not answered as it should; the message says how."""


class Client:
    """What both transports share."""

    def __init__(self):
        self.numbers = itertools.count(1)

    def begin(self) -> None:
        """The first words of the protocol."""
        self.request("initialize", HELLO)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def request(self, method: str, parameters: dict) -> dict:
        """One request; its result."""
        number = next(self.numbers)
        answer = self.exchange({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}, number)
        if "result" not in answer:
            raise Failed(f"{method}: {answer.get('error')}")
        return answer["result"]

    def call(self, tool: str, arguments: dict) -> dict:
        """One tool call; its result."""
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        if result.get("isError"):
            raise Failed(f"{tool}: {json.dumps(result)[:300]}")
        return result


class Stdio(Client):
    """A server that was started as a child."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None, log=subprocess.DEVNULL):
        super().__init__()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
        self.begin()

    def send(self, message: dict) -> None:
        """Sends without waiting."""
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def exchange(self, message: dict, number: int) -> dict:
        """Sends, and reads up to the answer."""
        self.send(message)
        while line := self.process.stdout.readline():
            answer = json.loads(line)
            if answer.get("id") == number and "method" not in answer:
                return answer
        raise Failed("the server has ended")

    def close(self) -> None:
        """Ends the server, as its clients do: by closing its input."""
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Http(Client):
    """A server at an address, on one connection that stays open."""

    def __init__(self, url: str, token: str | None = None):
        super().__init__()
        parts = urllib.parse.urlsplit(url)
        self.path = parts.path
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port)
        self.headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        self.begin()
        self.headers["MCP-Protocol-Version"] = PROTOCOL

    def post(self, message: dict) -> bytes:
        """One request; the body of the answer. A server may close a connection that was idle."""
        body = json.dumps(message).encode()
        try:
            self.connection.request("POST", self.path, body, self.headers)
            answer = self.connection.getresponse()
        except ConnectionError:
            self.connection.close()
            self.connection.request("POST", self.path, body, self.headers)
            answer = self.connection.getresponse()
        body = answer.read()
        if answer.status not in (200, 202):
            raise Failed(f"HTTP {answer.status}: {body[:300]}")
        if session := answer.getheader("Mcp-Session-Id"):
            self.headers["Mcp-Session-Id"] = session
        return body

    def send(self, message: dict) -> None:
        """Sends what has no answer."""
        self.post(message)

    def exchange(self, message: dict, number: int) -> dict:
        """Sends, and reads the answer: plain JSON, or the last event of a stream."""
        body = self.post(message)
        if body.startswith(b"{"):
            return json.loads(body)
        events = [json.loads(line[5:]) for line in body.splitlines() if line.startswith(b"data:") and line[5:].strip()]
        return next(event for event in reversed(events) if event.get("id") == number)

    def close(self) -> None:
        """Ends the connection."""
        self.connection.close()
