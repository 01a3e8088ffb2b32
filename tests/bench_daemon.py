"""Starts the built daemon in a folder of its own and measures it as its owner meets it.

Usage: bench_daemon.py FOLDER_OF_THE_PROGRAMS
Prints one line a figure: name, value, unit. Medians of the number of runs that the line names.
"""

import http.client
import json
import pathlib
import re
import statistics
import sys
import tempfile
import time
import urllib.parse

from device import PASSPHRASE, Device

RECORDS = 10_000
# A note of several kB: words of which few are alike.
NOTE = " ".join(f"word{n} of a long note about the weather," for n in range(110))


def logged_in(device: Device) -> tuple[http.client.HTTPConnection, str]:
    """A connection to the page, and the cookie of its owner."""
    page = http.client.HTTPConnection("127.0.0.1", device.port)
    page.request("GET", "/unlock")
    answer = page.getresponse()
    visitor = answer.getheader("Set-Cookie").split(";")[0]
    token = re.search(rb'name="form_token" value="([0-9a-f]+)"', answer.read())[1].decode()
    form = urllib.parse.urlencode({"form_token": token, "passphrase": PASSPHRASE.decode()})
    kind = {"Cookie": visitor, "Content-Type": "application/x-www-form-urlencoded"}
    page.request("POST", "/unlock", form, kind)
    answer = page.getresponse()
    answer.read()
    return page, answer.getheader("Set-Cookie").split(";")[0]


def first_load(device: Device) -> int:
    """Bytes of the first page and of all that it asks for, heads left out."""
    page, session = logged_in(device)
    total = 0
    seen = {"/"}
    wanted = ["/"]
    while wanted:
        page.request("GET", wanted.pop(), headers={"Cookie": session})
        answer = page.getresponse()
        text = answer.read()
        total += len(text)
        if answer.getheader("Content-Type", "").startswith("text/html"):
            parts = set(re.findall(r'(?:src|href)="(/assets/[^"#]+)', text.decode())) - seen
            seen |= parts
            wanted += parts
    return total


def page_ms(device: Device, path: str, runs: int) -> float:
    """Median time in which the page of the owner at `path` is answered, in milliseconds."""
    page, session = logged_in(device)

    def load() -> None:
        page.request("GET", path, headers={"Cookie": session})
        answer = page.getresponse()
        if answer.status != 200 or not answer.read():
            sys.exit(f"{path}: {answer.status}")

    return median_ms(runs, load)


def median_ms(runs: int, act) -> float:
    """Median time of one run of `act`, in milliseconds."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def notes(programs: pathlib.Path) -> None:
    """Pages of a list whose records are long."""
    with tempfile.TemporaryDirectory() as name:
        device = Device(programs, pathlib.Path(name))
        device.set_up()
        for first in range(0, RECORDS, 1000):
            some = (json.dumps({"title": f"Note {n}", "body": f"{n} {NOTE}"}) for n in range(first, first + 1000))
            device.ctl("add", "notes", "-", stdin="\n".join(some).encode())
        what = f"{RECORDS} notes of {len(NOTE) / 1000:.1f} kB (median of 21)"
        for path in ("/records/notes", "/records/notes?sort=title", "/records/notes?q=weather", "/search?q=weather"):
            print(f"page {path} over {what}: {page_ms(device, path, 21):.1f} ms")
        device.stop()


def main() -> None:
    programs = pathlib.Path(sys.argv[1])
    for program in ("pocketd", "pocketctl"):
        print(f"size of {program}: {(programs / program).stat().st_size / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        device = Device(programs, folder)
        print(f"resident, new and without an owner: {device.resident_kib() / 1024:.1f} MiB")
        device.set_up()
        facts = "\n".join(
            json.dumps({"subject": f"person {n}", "text": f"fact {n} about the weather in town {n % 97}", "tags": ["t"]})
            for n in range(RECORDS)
        )
        began = time.perf_counter()
        device.ctl("add", "memory", "-", stdin=facts.encode())
        took = time.perf_counter() - began
        print(f"add {RECORDS} facts in one go: {took:.2f} s ({RECORDS / took:.0f} a second)")
        listed = device.ctl("list", "memory", "--limit", "1")
        one = json.loads(listed)["id"]
        status = median_ms(21, lambda: device.ctl("status"))
        print(f"pocketctl status (process and call, median of 21): {status:.1f} ms")
        print(f"pocketctl get (median of 21): {median_ms(21, lambda: device.ctl('get', 'memory', one)):.1f} ms")
        added = median_ms(21, lambda: device.ctl("add", "memory", "text=one more"))
        print(f"pocketctl add, durable (median of 21): {added:.1f} ms")
        found = median_ms(21, lambda: device.ctl("search", "weather town 96"))
        print(f"pocketctl search over {RECORDS} facts (median of 21): {found:.1f} ms")
        print(f"first load of the page, all that it asks for: {first_load(device) / 1000:.1f} kB")
        for path in ("/records/memory", "/records/memory?sort=title", "/records/memory?tag=t", "/"):
            print(f"page {path} over {RECORDS} facts (median of 21): {page_ms(device, path, 21):.1f} ms")
        device.stop()
        starts = []
        for _ in range(11):
            device = Device(programs, folder)
            starts.append(device.start * 1000)
            last = len(starts) == 11
            if not last:
                device.stop()
        print(f"start to the first page served, locked (median of 11): {statistics.median(starts):.0f} ms")
        print(f"resident, locked: {device.resident_kib() / 1024:.1f} MiB")
        began = time.perf_counter()
        device.unlock()
        print(f"unlock with {RECORDS} facts: {time.perf_counter() - began:.2f} s, most of it the slow hash")
        time.sleep(3)
        print(f"resident, idle, unlocked, {RECORDS} facts: {device.resident_kib() / 1024:.1f} MiB")
        began = time.perf_counter()
        device.ctl("factory-reset", "--confirm", "ERASE", "--passphrase-fd", "0", stdin=PASSPHRASE)
        print(f"factory reset, proof included: {time.perf_counter() - began:.2f} s, most of it the slow hash")
        device.stop()


if __name__ == "__main__":
    main()
    notes(pathlib.Path(sys.argv[1]))
