"""How often the search finds the one right fact: real text, real questions, a real daemon.

    recall.py FOLDER_OF_THE_PROGRAMS FOLDER_FOR_THE_TEXT [--at-least SHARE] [--show-missed]

Loads about 10,000 paragraphs as memory facts, asks each question of questions.tsv through
`pocketctl search`, and prints for each language in how many cases the right fact is among the first
ten, and is the first. Exit code 1 when the share of all languages together is below SHARE, 2 when the
text can't be had.

A question is four words as a person types them who remembers the matter and not the wording: turned
about, in other numbers, cases and tenses, now and then with a word that is not in the fact. Where a
language has no spaces it is four words with spaces or one short phrase.
"""

import argparse
import collections
import json
import pathlib
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import corpus  # noqa: E402
from device import Device  # noqa: E402

FIRST = 10


def questions() -> list[tuple[str, str, str]]:
    """Language, mark of the right fact, and words of each question."""
    lines = (HERE / "questions.tsv").read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("#")]


def load(device: Device, facts: dict[str, str]) -> dict[str, str]:
    """Adds the facts; the mark of each by the id that it was given."""
    lines = "\n".join(json.dumps({"text": text}) for text in facts.values())
    added = device.ctl("add", "memory", "-", stdin=lines.encode()).splitlines()
    return {json.loads(line)["id"]: mark for line, mark in zip(added, facts, strict=True)}


def ask(device: Device, words: str) -> list[str]:
    """The ids of the first hits, best first."""
    found = device.ctl("search", "--in", "memory", "--limit", str(FIRST), "--", *words.split())
    return [json.loads(line)["id"] for line in found.splitlines()]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("programs", type=pathlib.Path)
    arguments.add_argument("text", type=pathlib.Path)
    arguments.add_argument("--at-least", type=float, default=0.0)
    arguments.add_argument("--show-missed", action="store_true")
    given = arguments.parse_args()
    try:
        facts = corpus.facts(corpus.fetch(given.text))
    except corpus.NotThere as error:
        print(f"skipped: {error}")
        sys.exit(2)
    asked = [question for question in questions() if question[1] in facts]
    if unknown := len(questions()) - len(asked):
        print(f"{unknown} questions are about text that this version of {corpus.PACKAGE} does not have")
    places, times = collections.defaultdict(list), []
    with tempfile.TemporaryDirectory() as name:
        device = Device(given.programs, pathlib.Path(name))
        device.set_up()
        marks = load(device, facts)
        for language, mark, words in asked:
            began = time.perf_counter()
            hits = [marks[hit] for hit in ask(device, words)]
            times.append((time.perf_counter() - began) * 1000)
            place = hits.index(mark) + 1 if mark in hits else None
            places[language].append(place)
            if given.show_missed and place is None:
                print(f"missed ({language}): {words}\n    wanted: {facts[mark][:160]}")
                for hit in hits[:2]:
                    print(f"    found:  {facts[hit][:160]}")
        device.stop()
    print(f"{len(facts)} facts, {len(asked)} questions; pocketctl search, process and call: "
          f"p50 {statistics.median(times):.1f} ms")
    print(f"{'language':<12}{'questions':>10}{'among ' + str(FIRST):>10}{'first':>8}")
    for language, found in [*places.items(), ("all", [place for each in places.values() for place in each])]:
        among = sum(place is not None for place in found) / len(found)
        first = sum(place == 1 for place in found) / len(found)
        print(f"{corpus.LANGUAGES.get(language, language):<12}{len(found):>10}{among:>10.3f}{first:>8.3f}")
    if among < given.at_least:
        print(f"{among:.3f} of the questions found their fact; it must be {given.at_least}")
        sys.exit(1)


if __name__ == "__main__":
    main()
