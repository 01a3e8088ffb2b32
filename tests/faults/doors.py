"""Who writes: one by each door, each to names of its own, until the device is gone or it is told to stop."""

import http.client
import json
import random
import re
import threading
import urllib.parse

from house import GONE_WORDS, HANGS, NOT_KNOWN, PASSPHRASE, House, Wrong, digest, token_of
from ledger import GONE, Ledger
from mcp_client import Failed, Http

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Refused(Exception):
    """The device answered that it did not do it."""


class Unknown(Exception):
    """The device answered that it does not know whether it was done."""


def refusal(words: str) -> Exception:
    """What an answer in words means."""
    return (Unknown if NOT_KNOWN in words else Refused)(words)


class Writer(threading.Thread):
    """Adds, edits and deletes, and notes what was acknowledged."""

    prefix = ""

    def __init__(self, house: House, ledger: Ledger, seed: str):
        super().__init__()
        self.house, self.ledger, self.chosen = house, ledger, random.Random(seed)
        self.seed = seed.replace(" ", "-")
        self.stopped = threading.Event()
        self.entered = threading.Event()
        self.gone: Exception | None = None
        self.ids: dict[str, str] = {}
        self.count = 0
        self.done = 0
        self.refusals: list[str] = []
        self.unknown: list[str] = []

    def run(self) -> None:
        try:
            self.enter()
            self.entered.set()
            while not self.stopped.is_set():
                self.step()
        except (OSError, http.client.HTTPException, Failed, Wrong) as gone:
            # The device is gone. That is what was wanted, but not of one that hangs or lets nobody in.
            self.gone = gone

    def step(self) -> None:
        """One change."""
        known = [name for name in self.ids if name in set(self.ledger.present(self.prefix))]
        choice = self.chosen.random()
        if not known or choice < 0.6:
            self.count += 1
            name = f"{self.prefix}{self.seed}-{self.count}"
            self.change(name, lambda text: self.add(name, text))
        elif choice < 0.85:
            name = self.chosen.choice(known)
            self.change(name, lambda text: self.edit(self.ids[name], name, text))
        else:
            name = self.chosen.choice(known)
            self.change(name, lambda _: self.delete(self.ids[name]), GONE)

    def text(self) -> str:
        """A text that no other record has."""
        length = self.chosen.choice([10, 200, 3000, 60_000])
        return "".join(self.chosen.choices("abcdefghijklmnopqrstuvwxyz ", k=length)).strip() + f" {self.chosen.random()}"

    def change(self, name: str, act, becomes: str | None = None) -> None:
        """One request, from its announcement to its acknowledgement."""
        text = self.text()
        becomes = becomes or digest(text)
        self.ledger.begin(name, becomes)
        try:
            made = act(text)
        except Unknown as unknown:
            # Either will do from now on.
            self.unknown.append(str(unknown))
            return
        except Refused as refused:
            self.ledger.refused(name, becomes, str(refused))
            self.refusals.append(str(refused))
            self.stopped.wait(0.02)
            return
        self.ledger.done(name, becomes)
        self.done += 1
        if made:
            self.ids[name] = made
        if becomes == GONE:
            self.ids.pop(name)


class Control(Writer):
    """pocketctl: notes, and documents of up to 3 MB."""

    prefix = "c-"

    def enter(self) -> None:
        """It needs nothing."""

    def step(self) -> None:
        if self.chosen.random() < 0.15:
            self.document()
        else:
            super().step()

    def document(self) -> None:
        self.count += 1
        name = f"d-{self.seed}-{self.count}.bin"
        content = self.chosen.randbytes(self.chosen.choice([1000, 300_000, 3_000_000]))
        path = self.house.aside / name
        path.write_bytes(content)
        self.ledger.begin(name, digest(content))
        try:
            self.ask("import", str(path))
            self.ledger.done(name, digest(content))
            self.done += 1
        except Unknown as unknown:
            self.unknown.append(str(unknown))
        except Refused as refused:
            self.ledger.refused(name, digest(content), str(refused))
            self.refusals.append(str(refused))
        finally:
            path.unlink()

    def ask(self, *arguments: str, stdin: str = "") -> str:
        code, out, error = self.house.ctl(*arguments, stdin=stdin)
        if code == 0:
            return out
        if not error or error["kind"] in GONE_WORDS:
            raise OSError(f"{arguments[0]}: {error or out}")
        raise refusal(f"{error['kind']}: {error['message']}")

    def add(self, name: str, text: str) -> str:
        return json.loads(self.ask("add", "notes", "-", stdin=json.dumps({"title": name, "body": text})))["id"]

    def edit(self, record: str, name: str, text: str) -> None:
        self.ask("edit", "notes", record, "-", stdin=json.dumps({"title": name, "body": text}))

    def delete(self, record: str) -> None:
        self.ask("delete", "notes", record)


class Agent(Writer):
    """An agent: tasks."""

    prefix = "a-"

    def __init__(self, house: House, ledger: Ledger, seed: str, token: str):
        super().__init__(house, ledger, seed)
        self.token = token

    def enter(self) -> None:
        self.client = Http(self.house.mcp, self.token)

    def call(self, tool: str, arguments: dict) -> str:
        try:
            return json.dumps(self.client.call(tool, arguments))
        except Failed as failed:
            if str(failed).startswith(tool):
                raise refusal(str(failed)) from failed
            raise

    def add(self, name: str, text: str) -> str:
        made = self.call("add", {"category": "tasks", "records": [{"title": name, "notes": text}]})
        return re.search(r"\b[0-9a-f]{32}\b", made)[0]

    def edit(self, record: str, _: str, text: str) -> None:
        self.call("edit", {"category": "tasks", "id": record, "fields": {"notes": text}})

    def delete(self, record: str) -> None:
        self.call("delete", {"category": "tasks", "ids": [record]})


class Page(Writer):
    """The owner at the page: notes."""

    prefix = "p-"

    def enter(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.house.port, timeout=HANGS)
        page, cookie = self.send("GET", "/unlock")
        self.cookie = cookie
        form = {"form_token": token_of(page), "passphrase": PASSPHRASE}
        _, self.cookie = self.send("POST", "/unlock", form)

    def send(self, method: str, path: str, form: dict | None = None) -> tuple[bytes, str]:
        """One request; the body and the cookie, or where it leads."""
        headers = dict(FORM) if form else {}
        if hasattr(self, "cookie"):
            headers["Cookie"] = self.cookie
        self.connection.request(method, path, urllib.parse.urlencode(form) if form else None, headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status >= 400:
            text = body.decode(errors="replace")
            said = re.search(r'class="notice bad"[^>]*>(.*?)</div>', text, re.DOTALL)
            raise refusal(f"{path}: {answer.status} {said[1] if said else text}")
        self.leads = answer.getheader("Location", "")
        return body, answer.getheader("Set-Cookie", "").split(";")[0]

    def fill(self, path: str, fields: dict) -> None:
        """Opens a form, fills it in and sends it."""
        page, _ = self.send("GET", path)
        form = {"form_token": token_of(page), **fields}
        if revision := re.search(rb'name="revision" value="(\d+)"', page):
            form["revision"] = revision[1].decode()
        self.send("POST", path, form)

    def add(self, name: str, text: str) -> str:
        self.fill("/records/notes/new", {"title": name, "body": text, "tags": ""})
        made = re.search(r"[0-9a-f]{32}", self.leads)
        if not made:
            # It leads to the unlocking: the store could not be opened anew.
            raise ConnectionError(f"the page leads to {self.leads}")
        return made[0]

    def edit(self, record: str, name: str, text: str) -> None:
        self.fill(f"/records/notes/{record}/edit", {"title": name, "body": text, "tags": ""})

    def delete(self, record: str) -> None:
        page, _ = self.send("GET", f"/records/notes/{record}")
        self.send("POST", f"/records/notes/{record}/delete", {"form_token": token_of(page)})
