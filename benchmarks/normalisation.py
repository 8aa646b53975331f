"""What is written in words: Loa's own rules beside whole libraries, on the tables of the tests, and what each costs.

make bench-normalisation

g2p-hamster is installed; vietnormalizer and wetext can be, for a comparison; what is not is left out. The tables were
written from the rules of each language before any of this was run; Loa's rules were then made to pass them, so its own
share is no measurement, and says only that the tables hold. Some choices that a language leaves (linh or lẻ, `and` in a
number, capitals, punctuation) count as right whichever is taken; others count as wrong, as do exceptions.
"""

import argparse
import importlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from common import Figures, arguments, machine, table, write_json

from models.normalise import normalise

TABLES = Path(__file__).parent.parent / "tests/unit/models"
Read = Callable[[str], str]

# One of several right ways, each side of a pair alike.
CHOICES = {
    "vi": [
        ("lẻ", "linh"),
        ("bốn", "tư"),
        ("ngàn", "nghìn"),
        ("tỉ", "tỷ"),
        ("ký lô", "ki lô"),
        ("mươi một", "mươi mốt"),
    ],
    "en": [("and", ""), ("mister", "mr"), ("missus", "mrs"), ("misses", "mrs"), ("negative", "minus"), ("o", "oh")],
}


def candidates(language: str) -> Iterator[tuple[str, Read]]:
    """What can be asked here, by name."""
    yield "Loa", lambda text: normalise(text, language)
    makers: dict[str, dict[str, Callable[[], Read]]] = {
        "vi": {"g2p-hamster": _hamster, "vietnormalizer": _vietnormalizer},
        "en": {"wetext": _wetext},
    }
    for name, make in makers[language].items():
        try:
            yield name, make()
        except ImportError:
            print(f"{name} is not installed: left out")


def _hamster() -> Read:
    normalize = importlib.import_module("g2p_hamster.t0.pipeline").normalize
    return lambda text: str(normalize(text)["read_string"])


def _vietnormalizer() -> Read:
    made = importlib.import_module("vietnormalizer").VietnameseNormalizer()
    return lambda text: str(made.normalize(text))


def _wetext() -> Read:
    made = importlib.import_module("wetext").Normalizer(lang="en", operator="tn")
    return lambda text: str(made.normalize(text))


def cases(language: str) -> list[tuple[str, str]]:
    lines = (TABLES / f"normalisation_{language}.tsv").read_text().splitlines()
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return [(written, read) for written, read in pairs]


def alike(text: str, language: str) -> str:
    """Words alone, with one of the choices made."""
    plain = " ".join(re.findall(r"[^\W_]+", text.lower()))
    for one, other in CHOICES[language]:
        plain = re.sub(rf"\b{one}\b", other, plain)
    return " ".join(plain.split())


def compare(language: str, figures: Figures, options: argparse.Namespace) -> None:
    """How many cases each reads in the words of the table, and how long they take, in turns."""
    written = cases(language)
    found = dict(candidates(language))
    for name, read in found.items():
        right = sum(alike(_tried(read, text), language) == alike(wanted, language) for text, wanted in written)
        figures.add(f"{language}: {name}, read as in the table, of {len(written)}", right, "cases")
    for number in range(options.rounds):
        order = list(found) if number % 2 else list(reversed(found))
        seconds = {name: _seconds(found[name], written) for name in order}
        for name in found:
            figures.add(f"{language}: {name}", seconds[name] / len(written) * 1e6, "µs a text")
            if name != "Loa":
                figures.add(f"{language}: time of Loa / {name}", seconds["Loa"] / seconds[name])


def _tried(read: Read, text: str) -> str:
    try:
        return read(text)
    except Exception:  # any exception of a library is an answer too
        return ""


def _seconds(read: Read, written: list[tuple[str, str]]) -> float:
    began = time.perf_counter()
    for text, _ in written:
        _tried(read, text)
    return time.perf_counter() - began


def main() -> None:
    options = arguments(str(__doc__), ("vi", "en"))
    figures = Figures()
    for language in ("vi", "en"):
        if options.only in {None, language}:
            compare(language, figures, options)
    about = machine(("g2p-hamster", "num2words"))
    table("Machine", ("", ""), list(about.items()))
    figures.show()
    write_json(options.json, about, figures)


if __name__ == "__main__":
    main()
