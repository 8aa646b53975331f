"""What a normaliser is made of: patterns in an order, each with what is read in its place."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

Read = Callable[[re.Match[str]], str | None]

DASH = "[-‐‑‒–—−]"
_LONGEST_CONTEXT = 60


@dataclass(frozen=True, slots=True)
class Rule:
    """`read` gives the words for a match, or None where it is not what it looked like and stays as it is."""

    pattern: re.Pattern[str]
    read: Read


def rule(pattern: str, read: Read | str, *, ignore_case: bool = False) -> Rule:
    """A rule from a pattern's source. `read`: a function, or a template such as `\\1 and \\2`."""
    compiled = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    return Rule(compiled, read if callable(read) else _from_template(read))


def _from_template(template: str) -> Read:
    return lambda match: match.expand(template)


def rewrite(text: str, rules: Iterable[Rule]) -> str:
    """The text after all rules, one after the other, each from left to right."""
    for each in rules:
        text = each.pattern.sub(_staying(each.read), text)
    return text


def _staying(read: Read) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        words = read(match)
        return match[0] if words is None else words

    return replace


def _full_stop(match: re.Match[str]) -> str | None:
    """`said.Then` are two sentences, `x.y`, `U.S.` and `Node.js` are none."""
    follow = match.string[match.end() : match.end() + 2]
    return f"{match[0]} " if match[0][:2].islower() and follow[:1].isupper() and follow[1:].islower() else None


UNSPACED = rule(r"[^\W\d_]{2}[.!?…](?=[^\W\d_])", _full_stop)
"""A space behind a full stop, where it was forgotten: no voice would pause."""


def before(match: re.Match[str]) -> str:
    """What stands before a match, in lower case: as much as a rule may look back."""
    return match.string[max(match.start() - _LONGEST_CONTEXT, 0) : match.start()].lower()


def after(match: re.Match[str]) -> str:
    """What stands behind a match, in lower case: as much as a rule may look ahead."""
    return match.string[match.end() : match.end() + _LONGEST_CONTEXT].lower()


def ends_sentence(match: re.Match[str]) -> bool:
    """Whether what follows a match is the end of the text or line, or a new sentence."""
    rest = match.string[match.end() : match.end() + 4]
    follow = rest.lstrip(" \"'”’»)")
    return not follow or follow.startswith("\n") or (rest[:1] != follow[:1] and follow[:1].isupper())


def alternatives(words: Iterable[str]) -> str:
    """A pattern for any of the words, the longest first, so that none hides another."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def sentences_with(pattern: re.Pattern[str], text: str) -> Iterator[tuple[bool, str]]:
    """The lines of a text, ends included, each with whether the pattern occurs in it."""
    for line in text.splitlines(keepends=True):
        yield pattern.search(line) is not None, line
