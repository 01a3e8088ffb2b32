"""The screen at the device: what it shows is read off it, and what is typed there is typed."""

import re
import subprocess
import time

from .guest import check
from .steps import CTL, PASSPHRASE, in_data, seen, state, used

# Keys of a US keyboard, by QEMU's names.
NAMES = {" ": "spc", "\n": "ret", "\t": "tab", "-": "minus"}
# The browser draws by the processor, and that is emulated.
SLOW = 900


def type_in(guest, text):
    """Presses the keys one after the other."""
    for letter in text:
        codes = [NAMES.get(letter, letter.lower())]
        if letter.isupper():
            codes.insert(0, "shift")
        guest.qmp("send-key", keys=[{"type": "qcode", "data": code} for code in codes])
        time.sleep(0.3)


def read(guest):
    """The words on the screen, as a machine reads them from its picture."""
    picture = guest.folder / f"{guest.name}.ppm"
    guest.qmp("screendump", filename=str(picture))
    done = subprocess.run(["tesseract", picture, "-", "--psm", "3"], capture_output=True, text=True, check=True)
    return done.stdout


def until_shown(guest, words):
    """Waits until the screen has the words; all that it has."""
    shown = []

    def has():
        shown[:] = [read(guest)]
        return words.lower() in shown[0].lower()
    try:
        guest.until(has, f"the screen shows {words!r}", SLOW)
    finally:
        seen("the screen: " + " / ".join(line for line in shown[0].splitlines() if line.strip())[:300])
    return shown[0]


def kiosk(bench):
    """a screen at the device shows a new owner the code and the page, takes what is typed, and goes nowhere else"""
    images = sorted(bench.image.parent.glob("pocketai-virt-arm64-kiosk-*.img"))
    check(len(images) == 1, f"{bench.image.parent} has {len(images)} images with a kiosk: image/build virt-arm64 --kiosk")
    card = bench.card("kiosk", image=images[0])
    screen = ["-device", "virtio-gpu-pci,romfile="]
    with bench.guest(card, "kiosk", hand=True, memory_mib=1024, more=screen) as guest:
        guest.wait_for_ssh()
        code = guest.ctl("setup-code").strip()
        shown = until_shown(guest, "setup code")
        seen(f"from power-on to the screen: {guest.seconds():.0f} s")
        check(has_code(shown, code), f"the screen has not the setup code {code}")
        type_in(guest, "\n")
        until_shown(guest, "make this device yours")
        type_in(guest, f"{code}\t{PASSPHRASE}\t{PASSPHRASE}\n")
        guest.until(lambda: state(guest) == "unlocked", "what was typed makes the device someone's", SLOW)
        until_shown(guest, "shown this once")
        guest.ctl("lock")
        in_data(guest, "systemctl restart pocket-kiosk.service")
        check("setup code" not in until_shown(guest, "forgot the passphrase").lower(), "an owner's device shows a setup code")
        type_in(guest, f"{PASSPHRASE}\n")
        guest.until(lambda: state(guest) == "unlocked", "what was typed opens the vault", SLOW)
        until_shown(guest, "what you keep")
        seen("memory of the whole system with the browser, vault open: {} MiB of {}".format(*used(guest)))
        walls(guest)
        failed = guest.ask("failed")
        check(not failed, f"units have failed: {failed}")


def has_code(shown, code):
    """Whether it is there. A machine that reads takes a 9 for an O at times: two of the eight may be others."""
    read = [match.group().upper() for match in re.finditer(r"\b[A-Za-z0-9]{4}-[A-Za-z0-9]{4}\b", shown)]
    return any(sum(one == other for one, other in zip(found, code)) >= len(code) - 2 for found in read)


def walls(guest):
    """What the browser's user reaches: the page, and nothing else."""
    as_browser = "setpriv --reuid pocketai-kiosk --regid pocketai-kiosk --init-groups --no-new-privs bash -c"
    reach = "timeout 5 bash -c 'exec 3<>/dev/tcp/{}'"
    tries = {"127.0.0.1/7878": True, "127.0.0.1/7879": False, "127.0.0.1/22": False, "10.0.2.2/22": False}
    for place, may in tries.items():
        code, said = guest.root(f'{as_browser} "{reach.format(place)}"')
        check((code == 0) == may, f"the browser's user at {place}: {code} {said}")
    code, said = guest.root(f"{as_browser} '{CTL} status'")
    check(code != 0, f"the browser's user reaches the control socket: {said}")
    code, said = guest.root(f"{as_browser} 'cat /dev/input/event0 | head -c 1'")
    check("Permission denied" in said, f"the browser's user reads keyboards itself: {code} {said}")
    seen("the browser's user reaches the page, and neither the agents' door, ssh, the network nor the control socket")
