"""Where a text changes its language: at sentences, and at runs of English in Vietnamese and of Vietnamese elsewhere."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from models import packages
from models.foreign import Kind, kind
from models.language import LanguageDetector, is_vietnamese_alone
from models.sentences import ends_clause, sentences

REVISION = "spans 1"
"""Changed whenever a text could have other spans."""

LEAST_WORDS = 2
"""A run of fewer words stays with the voice around it: a loanword, or the name of a dish."""

_TOKEN = re.compile(r"\S+")
_BEFORE_ENGLISH = frozenset({"he", "i", "the"})
_AFTER_ENGLISH = frozenset({"be", "go", "man", "me", "men"})
_ENGLISH_BRIDGES = (Kind.SHARED, Kind.NEUTRAL)
_ALL_VIETNAMESE = (Kind.VIETNAMESE, Kind.SYLLABLE)
_ALL_ENGLISH = (Kind.FOREIGN, Kind.SHARED, Kind.ENGLISH_TOO, Kind.NEUTRAL)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text in one language, a BCP 47 tag, with the white space behind it."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class _Token:
    """What stands between spaces, from `start` on."""

    text: str
    start: int
    kind: Kind

    @property
    def word(self) -> str:
        return self.text.strip(".,;:!?…\"'“”‘’()[]«»").lower()


_Runs = Callable[[list[_Token]], Iterator[tuple[int, int]]]


def revision() -> str:
    """What decides the spans."""
    return f"{REVISION}; {packages.versions('py3langid')}"


def spans(text: str, surrounding: str, detector: LanguageDetector) -> list[Span]:
    """The text in its languages, nothing left out; neighbours are in different ones.

    `text`: clean, as models.text.clean gives it. `surrounding`: the language of what is too short to tell.
    """
    changes: dict[int, str] = {}
    for at, sentence in sentences(text):
        for offset, found in _within(sentence, detector.detect(sentence, surrounding)):
            changes[at + offset] = surrounding if _same(found, surrounding) else found
    starts: list[tuple[int, str]] = []
    for at, language in changes.items():
        if not starts or starts[-1][1] != language:
            starts.append((at, language))
    if not starts:
        return [Span(text, surrounding)]
    starts[0] = (0, starts[0][1])
    ends = [*(start for start, _ in starts[1:]), len(text)]
    return [Span(text[start:end], language) for (start, language), end in zip(starts, ends, strict=True)]


def _same(one: str, other: str) -> bool:
    return one.partition("-")[0].lower() == other.partition("-")[0].lower()


def _within(sentence: str, language: str) -> Iterator[tuple[int, str]]:
    """Where in a sentence the language changes, and to which; nothing if no word in it tells one."""
    tokens = [_Token(match[0], match.start(), kind(match[0])) for match in _TOKEN.finditer(sentence)]
    if all(token.kind is Kind.NEUTRAL and token.text.isascii() for token in tokens):
        return
    yield tokens[0].start, language
    runs, other = (_english, "en") if _same(language, "vi") else (_vietnamese, "vi")
    for begin, clause in _clauses(tokens):
        for first, last in runs(clause):
            yield clause[first].start, other
            if begin + last + 1 < len(tokens):
                yield tokens[begin + last + 1].start, language


def _clauses(tokens: list[_Token]) -> Iterator[tuple[int, list[_Token]]]:
    """Each clause and the number of its first token. A run is within one: what is listed is single words."""
    begin = 0
    for n, token in enumerate(tokens, start=1):
        if ends_clause(token.text) or n == len(tokens):
            yield begin, tokens[begin:n]
            begin = n


def _english(clause: list[_Token]) -> Iterator[tuple[int, int]]:
    """First and last token of each run of words that cannot be Vietnamese; what is English throughout is one."""
    throughout = all(token.kind in _ALL_ENGLISH for token in clause)
    for first, last in _cores(clause, Kind.FOREIGN, _ENGLISH_BRIDGES):
        begin = first - 1 if first and clause[first - 1].word in _BEFORE_ENGLISH else first
        end = last + 1 if last + 1 < len(clause) and clause[last + 1].word in _AFTER_ENGLISH else last
        around = (begin < first) + (end > last)
        if _count(clause[first : last + 1], Kind.FOREIGN) + around >= LEAST_WORDS:
            yield (0, len(clause) - 1) if throughout else (begin, end)


def _vietnamese(clause: list[_Token]) -> Iterator[tuple[int, int]]:
    """First and last token of each run of Vietnamese words, with the syllables without marks that adjoin."""
    throughout = len(clause) >= LEAST_WORDS and all(token.kind in _ALL_VIETNAMESE for token in clause)
    for first, last in _cores(clause, Kind.VIETNAMESE, (Kind.SYLLABLE,)):
        begin = next((n for n in range(first, 0, -1) if clause[n - 1].kind is not Kind.SYLLABLE), 0)
        behind = range(last + 1, len(clause))
        end = next((n - 1 for n in behind if clause[n].kind is not Kind.SYLLABLE), len(clause) - 1)
        run = clause[first : last + 1]
        certain, marked = any(is_vietnamese_alone(t.text) for t in run), _count(run, Kind.VIETNAMESE) >= LEAST_WORDS
        if certain + marked + throughout >= 2:
            yield begin, end


def _cores(clause: list[_Token], core: Kind, bridges: tuple[Kind, ...]) -> Iterator[tuple[int, int]]:
    """Runs that begin and end in a word of the kind `core`, and have nothing but those and bridges between."""
    at = 0
    while at < len(clause):
        end = at
        while end < len(clause) and clause[end].kind in (core, *bridges):
            end += 1
        found = [n for n in range(at, end) if clause[n].kind is core]
        if found:
            yield found[0], found[-1]
        at = end + 1


def _count(tokens: list[_Token], kind: Kind) -> int:
    return sum(token.kind is kind for token in tokens)
