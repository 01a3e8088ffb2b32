"""What was acknowledged, kept outside the device."""

import threading

GONE = "gone"


class Ledger:
    """Of each name: what it surely is, and what an unanswered request may have made of it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sure: dict[str, str] = {}
        self.maybe: dict[str, set[str]] = {}
        self.acknowledged = 0
        self.history: dict[str, list[str]] = {}

    def begin(self, name: str, becomes: str) -> None:
        """A request is about to be sent."""
        with self.lock:
            self.maybe.setdefault(name, set()).add(becomes)
            self.history.setdefault(name, []).append(f"to be {becomes[:8]}")

    def done(self, name: str, becomes: str) -> None:
        """It was acknowledged."""
        with self.lock:
            self.sure[name] = becomes
            self.maybe.pop(name, None)
            self.acknowledged += 1
            self.history.setdefault(name, []).append("done")

    def refused(self, name: str, becomes: str, words: str) -> None:
        """It was answered with an error: it must not have happened."""
        with self.lock:
            self.maybe.get(name, set()).discard(becomes)
            self.history.setdefault(name, []).append(f"refused: {words[-300:]}")

    def compare(self, seen: dict[str, list[str]]) -> list[str]:
        """What is wrong with what the device shows: of each name the digests of the records called so."""
        wrong = []
        for name in sorted(self.sure.keys() | self.maybe.keys() | seen.keys()):
            found = seen.get(name, [])
            if len(found) > 1:
                wrong.append(f"{name} is there {len(found)} times")
                continue
            now = found[0] if found else GONE
            may = {self.sure.get(name, GONE)} | self.maybe.get(name, set())
            if now not in may:
                told = " / ".join(self.history.get(name, []))
                wrong.append(f"{name} is {now[:12]}, was acknowledged as {self.sure.get(name, GONE)[:12]} ({told})")
        return wrong

    def settle(self, seen: dict[str, list[str]]) -> None:
        """What is there now is what must stay."""
        for name in list(self.sure.keys() | self.maybe.keys()):
            self.sure[name] = seen.get(name, [GONE])[0]
        self.maybe.clear()

    @classmethod
    def of(cls, events: list[tuple[float, str, str, str]], at: float) -> "Ledger":
        """As it was at that moment."""
        then = cls()
        for when, what, name, becomes in events:
            if when < at:
                getattr(then, what)(name, becomes)
        return then

    def present(self, prefix: str) -> list[str]:
        """Names that surely are there."""
        with self.lock:
            return [n for n, what in self.sure.items() if what != GONE and n.startswith(prefix) and n not in self.maybe]
