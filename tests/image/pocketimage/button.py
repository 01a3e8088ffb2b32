"""The button of the device, pressed."""

import time

from .card import copy, give_key, secrets
from .guest import check
from .hand import extra
from .steps import gone, has_note, seen, status, unlock


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
        guest.until_told("storage: ready")
        check("pocketd.service: Failed" in guest.journal() or "/bin/false" in guest.journal(), "the daemon could start")
        gone(bench, card, keys, slots)
    give_key(card, bench.key)
    with bench.guest(card, "held-after") as guest:
        guest.wait_for_ssh()
        check(status(guest)["state"] == "first-run", "after the reset the device is not new")
