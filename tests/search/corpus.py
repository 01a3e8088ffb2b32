"""Facts from real public text in eight languages: the paragraphs of the GNOME desktop's user help.

The text is Debian's package gnome-user-docs (Creative Commons Attribution-ShareAlike 3.0). It is
fetched with apt into a folder of its own and is not a part of this repository.
"""

import hashlib
import pathlib
import re
import subprocess
import xml.etree.ElementTree

PACKAGE = "gnome-user-docs"
# The folder "C" is English. Portuguese has no questions: it is there to be in the way.
LANGUAGES = {
    "C": "English", "de": "German", "fr": "French", "es": "Spanish", "ru": "Russian", "ja": "Japanese",
    "zh_CN": "Chinese", "pt_BR": "Portuguese",
}
UNSPACED = {"ja", "zh_CN"}
PARAGRAPH = "{http://projectmallard.org/1.0/}p"


class NotThere(Exception):
    """The text can't be had; the message says why."""


def fetch(folder: pathlib.Path) -> pathlib.Path:
    """The folder of the help pages, fetched unless it is there."""
    pages = folder / "usr/share/help"
    if pages.is_dir():
        return pages
    folder.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(["apt-get", "download", "--quiet", PACKAGE], cwd=folder, check=True, capture_output=True)
        (package,) = folder.glob(f"{PACKAGE}_*.deb")
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True, capture_output=True)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        words = getattr(error, "stderr", None) or str(error).encode()
        raise NotThere(f"apt can't fetch {PACKAGE}: {words.decode(errors='replace').strip()}") from error
    return pages


def mark(text: str) -> str:
    """What a fact is known by: the questions hold it in the place of the text."""
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def paragraphs(pages: pathlib.Path, language: str):
    """The paragraphs of one language that are long enough to say something, each once."""
    least = 30 if language in UNSPACED else 70
    seen = set()
    for page in sorted((pages / language / "gnome-help").glob("*.page")):
        try:
            tree = xml.etree.ElementTree.parse(page)
        except xml.etree.ElementTree.ParseError:
            continue
        for paragraph in tree.iter(PARAGRAPH):
            text = re.sub(r"\s+", " ", "".join(paragraph.itertext())).strip()
            if least <= len(text) <= 600 and text not in seen:
                seen.add(text)
                yield text


def facts(pages: pathlib.Path) -> dict[str, str]:
    """All facts, by mark. What a language has left in English counts as English."""
    found = {}
    for language in LANGUAGES:
        for text in paragraphs(pages, language):
            found.setdefault(mark(text), text)
    return found
