"""Text in which nothing has to go: help pages in eight languages, source code, and made-up lines of numbers.

    prose.py OUT.jsonl FOLDER_FOR_THE_TEXT

Exit code 2 when the help pages can't be had.
"""

import importlib.util
import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def search_corpus():
    """The module that fetches the help pages for the search."""
    spec = importlib.util.spec_from_file_location("search_corpus", HERE.parent / "search" / "corpus.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numbers(rng: random.Random):
    """Lines as in orders, logs, libraries and version control."""
    digits = lambda count: "".join(rng.choice("0123456789") for _ in range(count))
    hexadecimal = lambda count: "".join(rng.choice("0123456789abcdef") for _ in range(count))
    for _ in range(100):
        year = rng.randrange(2010, 2027)
        yield f"Order no. {digits(10)} of {year}-0{rng.randrange(1, 10)}-1{rng.randrange(10)}, 3 x 19.90 EUR, total 59.70 EUR."
        yield f"Bestellnummer {digits(3)}-{digits(7)}-{digits(7)}, Rechnung {year}-{digits(5)}, Betrag 1.234.567,89 Euro."
        yield f"ISBN 978-3-{digits(2)}-{digits(6)}-{digits(1)}, pp. {rng.randrange(10, 99)}-{rng.randrange(100, 400)}, {year}."
        yield f"commit {hexadecimal(40)}\nupdate serde 1.0.{digits(3)} -> 1.0.{digits(3)}, sha256 {hexadecimal(64)}"
        yield f"{year}-03-12 10:{digits(2)}:12.{digits(3)} INFO request {hexadecimal(8)}-{hexadecimal(4)}-4{hexadecimal(3)}-a{hexadecimal(3)}-{hexadecimal(12)} took {digits(3)} ms"
        yield f"Between {year - 9} and {year} the population grew from {digits(1)} {digits(3)} {digits(3)} to {digits(2)} {digits(3)} {digits(3)}."
        yield f"Version 1.{digits(1)}.{digits(2)}.{digits(4)} runs in 0.{digits(6)} s and takes {digits(7)} bytes; pi is 3.14159265."


def samples(pages: pathlib.Path):
    corpus = search_corpus()
    for language in corpus.LANGUAGES:
        paragraphs = list(corpus.paragraphs(pages, language))
        for start in range(0, min(len(paragraphs), 400), 4):
            yield f"help-{language}", "\n\n".join(paragraphs[start:start + 4])
    for path in sorted((ROOT / "daemon").glob("*/src/*.rs")):
        # What looks for such things is full of them.
        if "pocket-privacy" in path.parts:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        for start in range(0, len(lines), 60):
            yield "code", "\n".join(lines[start:start + 60])
    for line in numbers(random.Random(5)):
        yield "numbers", line


def main() -> int:
    out, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    corpus = search_corpus()
    try:
        pages = corpus.fetch(folder)
    except corpus.NotThere as reason:
        print(reason)
        return 2
    with out.open("w", encoding="utf-8") as file:
        for locale, text in samples(pages):
            file.write(json.dumps({"locale": locale, "text": text, "spans": [], "known": {}}, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
