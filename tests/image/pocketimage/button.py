"""The button of the device, pressed."""

import json
import threading
import time

from .card import copy, give_key, secrets
from .guest import check
from .hand import extra
from .steps import PASSPHRASE, gone, has_note, seen, status, unlock

# Nobody is there: the card has no way but to this host, and the name is nobody's.
NOBODY = "https://nobody.example/v1"


def press(guest, seconds):
    """Down, and up again after so long."""
    guest.key(True)
    time.sleep(seconds)
    guest.key(False)


def button(bench):
    """a short press locks; ten seconds arm a reset, which anything but a second press cancels; that resets"""
    with bench.running("button") as guest:
        keys, slots = secrets(guest.card)
        check(status(guest)["state"] == "unlocked", "the device is not unlocked")
        press(guest, 5)
        time.sleep(2)
        check(status(guest)["state"] == "unlocked", "a press of five seconds did something")
        press(guest, 0.3)
        guest.until(lambda: status(guest)["state"] == "locked", "a short press locks", 60)
        seen("a press of 5 s: nothing; a short one: locked")
        cancelled(guest)
        press(guest, 11)
        time.sleep(2)
        press(guest, 0.3)
        guest.until_told("reset: the keys are gone")
        guest.until(lambda: guest.console().count("PocketAI, slot") >= 1, "the device starts again")
        guest.until_told("storage: ready")
        seen("11 s, a pause of 2 s, a short press: the device is reset")
        gone(bench, guest.card, keys, slots)


def cancelled(guest):
    """Armed, and then no second press; or one that comes too late, or is long."""
    for what, then in (
        ("no second press", lambda: time.sleep(7)),
        ("a second press after 8 s", lambda: (time.sleep(8), press(guest, 3))),
        ("a second press of 4 s", lambda: (time.sleep(1), press(guest, 4))),
    ):
        armed = guest.journal().count("held for ten seconds")
        press(guest, 11)
        guest.until(lambda: guest.journal().count("held for ten seconds") > armed, "ten seconds arm a reset", 30)
        then()
        time.sleep(2)
        check("is to be reset" not in guest.journal(), f"{what} resets the device")
    unlock(guest)
    has_note(guest, "after a reset that was cancelled")
    seen("armed, then no second press, one too late, one too long: cancelled each time, the note is there")


def held_at_power_on(bench):
    """held while the power comes on, it resets a device whose daemon can't start"""
    # As it was pulled out while it ran, its journals written back.
    card = copy(bench.folder / "ready.img", bench.folder / "held.img")
    keys, slots = secrets(card)
    broken = extra("systemd.unit-dropin.pocketd.service", "[Service]\nExecStart=\nExecStart=/bin/false\n")
    with bench.guest(card, "held", hand=True, more=broken) as guest:
        # A finger's weight is there from the start; a virtual key has to be told again once someone feels it.
        def felt():
            if "Started" in guest.console() or guest.journal():
                guest.key(True)
            return "held for ten seconds" in guest.journal()
        guest.until(felt, "the button is felt to be held")
        guest.key(False)
        time.sleep(2)
        press(guest, 0.3)
        guest.until_told("reset: the keys are gone")
        # What follows a restart finishes it; the start before said that it was ready too.
        guest.until(lambda: guest.journal().count("storage: ready") >= 2, "the reset is finished", 600)
        check("pocketd.service: Failed" in guest.journal() or "/bin/false" in guest.journal(), "the daemon could start")
        gone(bench, card, keys, slots)
    give_key(card, bench.key)
    with bench.guest(card, "held-after") as guest:
        guest.wait_for_ssh()
        check(status(guest)["state"] == "first-run", "after the reset the device is not new")


class Ordered(threading.Thread):
    """pocketctl by ssh, while something else is done."""

    def __init__(self, guest, *words, stdin=None):
        super().__init__(daemon=True)
        self.guest, self.words, self.stdin, self.done = guest, words, stdin, None
        self.start()

    def run(self):
        self.done = self.guest.ssh("pocketctl", *self.words, stdin=self.stdin, patience=300)

    def awaited(self, operation):
        """Waits until the device waits for the button because of it."""
        def waits():
            check(self.done is None, f"{self.words} did not wait for the button: {self.done}")
            return ((status(self.guest)["press"] or {})["waiting"] or {}).get("operation") == operation
        self.guest.until(waits, f"{operation} waits for the button", 60)

    def ended(self):
        self.join()
        check(self.done is not None, f"pocketctl {self.words} did not end")
        return self.done


def yes(guest, operation, *words, stdin=None):
    """Runs what waits for the button, and holds it for three seconds."""
    order = Ordered(guest, *words, stdin=stdin)
    order.awaited(operation)
    press(guest, 3)
    done = order.ended()
    check(done.returncode == 0, f"a press of three seconds is no yes to {operation}: {done.stdout} {done.stderr}")


def confirmed(bench):
    """what the owner approved leaves only when the button is held for three seconds as well"""
    with bench.running("confirm") as guest:
        check(json.loads(guest.ctl("--json", "button", "show"))["button"], "the device has no button that answers")
        need = ("--passphrase-fd", "0", "button", "need", "every")
        alone = Ordered(guest, *need, stdin=PASSPHRASE + "\n").ended()
        check(alone.returncode == 4, f"without a press the choice is made: {alone.stdout} {alone.stderr}")
        yes(guest, "press-set", *need, stdin=PASSPHRASE + "\n")
        guest.ctl("provider", "add", "nobody", "--url", NOBODY, "--protocol", "openai", "--model", "none")
        guest.ctl("profile", "set", "CLOUD_WITH_CONSENT")
        asked = guest.ssh("pocketctl", "--json", "ask", "--no-wait", "--about", "herons", "'Where do they sleep?'")
        check(asked.returncode == 4, f"the question does not wait: {asked.stdout} {asked.stderr}")
        question = json.loads(asked.stdout.splitlines()[0])
        approve = ("consent", "approve", question["id"], "--sha256", question["sha256"])
        alone = Ordered(guest, *approve)
        alone.awaited("consent-approve")
        # Longer than a yes, shorter than a reset.
        press(guest, 8)
        check(alone.ended().returncode == 4, f"a press of eight seconds is a yes: {alone.done.stdout}")
        check(told(guest, question) == "waiting", "what nobody confirmed did not stay")
        yes(guest, "consent-approve", *approve)
        guest.until(lambda: told(guest, question) == "failed", "the call to nobody fails", 120)
        check(guest.journal().count("what waited for it is done") == 2, "the button did not hear of its two yeses")
        check("Started pocket-gateway.service" in guest.journal(), "the gateway was not called")
    seen("a choice and a consent: nothing without a press, nothing by one of 8 s, done by one of 3 s")


def told(guest, question):
    return json.loads(guest.ctl("--json", "consent", "show", question["id"]))["state"]
