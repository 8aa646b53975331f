"""Where text may be cut: paragraphs, sentences, clauses, words, and in need between characters."""

import enum
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass


class Break(enum.Enum):
    """What ends a part, the strongest first."""

    PARAGRAPH = enum.auto()
    SENTENCE = enum.auto()
    CLAUSE = enum.auto()
    WORD = enum.auto()
    END = enum.auto()


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of text, what ends it, and what stands between it and its neighbour when the two are spoken in one go.

    `joins`: whether the next part may be spoken in one go with this one.
    """

    text: str
    after: Break
    glue: str = " "
    joins: bool = True


_CLOSING = "\"'”’»)\\]}」』】）"
_SENTENCE_END = re.compile(rf"(?:[.!?…‼⁇⁈⁉؟۔।॥។።]+[{_CLOSING}]*(?=\s))|(?:[。！？｡][。！？｡…{_CLOSING}]*)")
_CLAUSE_END = re.compile(rf"(?:[,;:–—،؛][{_CLOSING}]*(?=\s))|(?:[，、；：—])")

_PARAGRAPH = re.compile(r"\n\s*\n")

# Who speaks, or how: `[S1]`, `[05]`. Half of it would be read out.
_TAG = re.compile(r"\[\w{1,8}\]")
_TAG_CHARACTERS = 10

# Lower case, without the period: after these a period ends no sentence. English and Vietnamese.
_ABBREVIATIONS = frozenset(
    """
    mr mrs ms mx dr prof st sr jr rev hon gen col maj capt lt sgt gov sen rep pres messrs mt ft vs etc e.g i.e cf al
    approx no nos vol pp fig figs ch sec ed eds op inc ltd co corp dept univ est jan feb mar apr jun jul aug sep sept
    oct nov dec a.m p.m u.s u.k tp tx ths ts gs pgs bs ks đ q p kts tphcm v.v
    """.split()  # noqa: SIM905 - a list of words is read and sorted more easily than eighty quoted ones
)


def parts(text: str, max_characters: int) -> Iterator[Part]:
    """Sentences in order, each within `max_characters`; longer ones in pieces. White space between them is dropped."""
    paragraphs = [_lines(paragraph) for paragraph in _PARAGRAPH.split(text)]
    paragraphs = [lines for lines in paragraphs if lines]
    for p, lines in enumerate(paragraphs):
        for n, line in enumerate(lines):
            sentences = list(_sentences(line))
            for s, sentence in enumerate(sentences):
                last_of_line = s == len(sentences) - 1
                last_of_all = last_of_line and n == len(lines) - 1
                after = Break.SENTENCE
                if last_of_all:
                    after = Break.PARAGRAPH if p < len(paragraphs) - 1 else Break.END
                # A line without a full stop (a heading, an item) must not run into the next one.
                joins = not last_of_all and (not last_of_line or _ends_in_full_stop(sentence.text))
                yield from _within(Part(sentence.text, after, sentence.glue, joins), max_characters)


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """The sentences of all lines in order, each with the place where it begins."""
    at = 0
    for line in text.split("\n"):
        begin = at
        for sentence in _sentences(line):
            begin = text.index(sentence.text, begin)
            yield begin, sentence.text
            begin += len(sentence.text)
        at += len(line) + 1


def break_after(text: str) -> Break:
    """What ends a text that another one follows, by its punctuation and the white space behind it."""
    bare = text.rstrip()
    space = text[len(bare) :]
    if _PARAGRAPH.search(space):
        return Break.PARAGRAPH
    if "\n" in space or _ends_with(_SENTENCE_END, bare):
        return Break.SENTENCE
    return Break.CLAUSE if ends_clause(bare) else Break.WORD


def ends_clause(text: str) -> bool:
    """Whether it ends in a comma, a colon or the like."""
    return _ends_with(_CLAUSE_END, text)


def _ends_with(mark: re.Pattern[str], text: str) -> bool:
    tail = text[-8:]
    return any(match.end() == len(tail) for match in mark.finditer(tail + " "))


def _lines(paragraph: str) -> list[str]:
    """The lines of a paragraph; one that begins in lower case belongs to the line before it."""
    lines: list[list[str]] = []
    for raw in paragraph.split("\n"):
        line = raw.strip()
        if lines and line[:1].islower():
            lines[-1].append(line)
        elif line:
            lines.append([line])
    return [" ".join(line) for line in lines]


def _ends_in_full_stop(line: str) -> bool:
    return _SENTENCE_END.search(line[-8:] + " ") is not None


def _sentences(line: str) -> Iterator[Part]:
    start = 0
    cased = any(map(str.isupper, line))
    for end in _SENTENCE_END.finditer(line):
        follow = _next_word_at(line, end.end())
        if follow == len(line) or not _ends(line, start, end, line[follow], cased=cased):
            continue
        yield Part(line[start : end.end()], Break.SENTENCE, " " if follow > end.end() else "")
        start = follow
    if start < len(line):
        yield Part(line[start:], Break.SENTENCE)


def _next_word_at(line: str, at: int) -> int:
    while at < len(line) and line[at].isspace():
        at += 1
    return at


def _ends(line: str, start: int, end: re.Match[str], follow: str, *, cased: bool) -> bool:
    """Whether a full stop ends a sentence: a period not before a small letter, after an abbreviation or an initial.

    Nor does what stands in quotes before a small letter, as in `"Really?" she asked`. `cased`: the line has capitals at
    all, so that a small letter tells something.
    """
    quoted = end[0][-1] in "\"'”’»)"
    if cased and follow.islower() and (quoted or end[0].startswith((".", "…"))):
        return False
    if not end[0].startswith(".") or end[0].startswith(".."):
        return True
    # Only the last word matters, and a line may be long: a word of more than 20 characters is no abbreviation.
    words = line[max(start, end.start() - 20) : end.start()].split()
    word = words[-1].lstrip("\"'“‘«([") if words else ""
    initial = len(word) == 1 and word.isalpha() and word.isupper() and word != "I"
    return not initial and word.lower() not in _ABBREVIATIONS


def _within(part: Part, limit: int) -> Iterator[Part]:
    """The part itself, or its pieces of at most `limit` characters: clauses, as many as fit; else words; else less."""
    text, start = part.text, 0
    while len(text) - start > limit:
        cut, after = _cut(text, start, limit)
        follow = _next_word_at(text, cut)
        # Pieces of one sentence are as long as they can be: what follows is never joined to them.
        yield Part(text[start:cut].rstrip(), after, joins=False)
        start = follow
    if start < len(text):
        yield Part(text[start:], part.after, part.glue, part.joins)


def _cut(text: str, start: int, limit: int) -> tuple[int, Break]:
    """Where to end the piece that begins at `start`, and what ends it there."""
    window = text[start : start + limit + 1]
    clauses = [end.end() for end in _CLAUSE_END.finditer(window) if limit // 3 <= end.end() <= limit]
    if clauses:
        return start + clauses[-1], Break.CLAUSE
    # A space just after the window's end will do: the piece ends before it.
    space = max(window.rfind(" "), window.rfind("\u3000"))
    if space > 0:
        return start + space, Break.WORD
    return _tag_boundary(text, start, start + _character_boundary(window, limit)), Break.WORD


def _tag_boundary(text: str, start: int, cut: int) -> int:
    """The cut, or where the tag begins that it would tear, unless the piece begins with that."""
    for tag in _TAG.finditer(text, max(start + 1, cut - _TAG_CHARACTERS), cut + _TAG_CHARACTERS):
        if tag.start() < cut < tag.end():
            return tag.start()
    return cut


def _character_boundary(window: str, limit: int) -> int:
    """The last place within `limit` where no combining mark, joiner or flag is torn from its base."""
    for at in range(limit, max(limit - 32, 0), -1):
        if not _belongs_together(window[at - 1], window[at]):
            return at
    return limit


def _belongs_together(before: str, after: str) -> bool:
    joiner = "\u200d"
    flag = "\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff"
    tone = "\U0001f3fb" <= after <= "\U0001f3ff"
    return flag or tone or joiner in (before, after) or unicodedata.category(after).startswith("M")
