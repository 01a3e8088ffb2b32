"""A daemon that a measurement starts in a folder of its own and uses as its owner does."""

import atexit
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

PASSPHRASE = b"correct horse battery staple"


class Device:
    """A running daemon."""

    def __init__(self, programs: pathlib.Path, folder: pathlib.Path):
        self.programs, self.folder = programs, folder
        environment = dict(os.environ, XDG_CONFIG_HOME=str(folder / "config"))
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [programs / "pocketd", "--data-dir", folder / "data", "--ui", "127.0.0.1:0", "--mcp", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        # Nothing stays behind where a measurement fails.
        atexit.register(self.process.kill)
        self.port = None
        self.mcp = None
        while self.port is None or self.mcp is None:
            line = self.process.stdout.readline().decode()
            if not line:
                sys.exit("the daemon did not start")
            if line.startswith("ui: "):
                self.port = int(line.strip().rstrip("/").rsplit(":", 1)[1])
            if line.startswith("mcp: "):
                self.mcp = line.split()[1]
        self.request("GET / HTTP/1.1")
        self.start = time.perf_counter() - began

    def set_up(self) -> None:
        """Gives it an owner. It is unlocked then."""
        recovery = str(self.folder / "recovery")
        self.ctl("setup", "--recovery-out", recovery, "--passphrase-fd", "0", stdin=PASSPHRASE)

    def unlock(self) -> None:
        """Unlocks it with the owner's passphrase."""
        self.ctl("unlock", "--passphrase-fd", "0", stdin=PASSPHRASE)

    def request(self, line: str) -> bytes:
        """One request to the page; the head of the answer."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            host = f"127.0.0.1:{self.port}"
            connection.sendall(f"{line}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(65536)

    def command(self, *arguments: str) -> list[str]:
        """The command line of pocketctl for this daemon."""
        return [str(self.programs / "pocketctl"), "--data-dir", str(self.folder / "data"), *arguments]

    def ctl(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What pocketctl prints."""
        command = self.command("--json", *arguments)
        return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout

    def resident_kib(self) -> int:
        """Memory that is in RAM now."""
        return resident_kib(self.process.pid)

    def stop(self) -> None:
        """Ends it; a daemon that does not end cleanly is an error."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(30) != 0:
            sys.exit("the daemon did not stop cleanly")


def resident_kib(process: int) -> int:
    """Memory of a process that is in RAM now."""
    status = pathlib.Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
