"""Text as it is asked for: cleaned, its speaker tag taken off, and cut into what an engine speaks in one go."""

import re
import unicodedata
from dataclasses import dataclass, replace

from models.sentences import Break, Part, parts

_TAG = re.compile(r"\s*\[([0-9]{1,3})\]\s*")

# Paragraphs and lines in all their spellings: CR LF, CR, VT, FF, NEL, LS, PS.
_LINE_BREAK = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")

# Control characters, lone surrogates, and the invisible marks that some editors leave (soft hyphen, word joiner, byte
# order mark): no engine should see them.
_UNSPEAKABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u2060\ufeff\ud800-\udfff]")

_PAUSE_SECONDS = {Break.PARAGRAPH: 0.6, Break.SENTENCE: 0.3, Break.CLAUSE: 0.12, Break.WORD: 0.0, Break.END: 0.0}


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is spoken in one go, and the silence after it in seconds at speed 1.

    `voiced` is False where there is nothing to speak (`—`, an emoji): such a chunk is its pause alone.
    `span`: the number, from 0, of the span it is of, where a text is spoken by several voices.
    """

    text: str
    pause_after_seconds: float
    voiced: bool = True
    span: int = 0


def clean(text: str) -> str:
    """NFC, line breaks as `\\n`, and no control characters, lone surrogates or invisible marks."""
    lines = _LINE_BREAK.sub("\n", text).replace("\t", " ")
    return unicodedata.normalize("NFC", _UNSPEAKABLE.sub("", lines))


def take_speaker_tag(text: str) -> tuple[str | None, str]:
    """`[05] Xin chào` → (`05`, `Xin chào`); (None, text) without a tag."""
    tag = _TAG.match(text)
    return (tag[1], text[tag.end() :]) if tag else (None, text)


def speaker_key(speaker_id: str) -> str:
    """What a speaker is known by: `05` and `5` are one."""
    digits = speaker_id.strip()
    return digits.lstrip("0") or "0" if digits.isascii() and digits.isdigit() else digits


def has_speech(text: str) -> bool:
    """Whether there is a letter or a number to speak: punctuation, emoji and spaces are not."""
    return any(map(str.isalnum, text))


def split(text: str, max_characters: int, after: Break = Break.END, span: int = 0) -> list[Chunk]:
    """Chunks of at most `max_characters`, in order, no word lost: all but white space is in them.

    Cut at paragraphs and sentences, neighbours in a paragraph grouped; a sentence too long at clause punctuation, then
    at words, and a word too long between characters. `text`: as `clean` gives it. `after`: what ends all of it, and
    `span`: which one it is, where other texts follow.
    """
    if max_characters < 1:
        raise ValueError(f"max_characters must be at least 1, not {max_characters}")
    grouped: list[Part] = []
    for part in parts(text, max_characters):
        last = grouped[-1] if grouped else None
        if last is not None and last.joins and len(last.text) + len(last.glue) + len(part.text) <= max_characters:
            grouped[-1] = replace(part, text=last.text + last.glue + part.text)
        else:
            grouped.append(part)
    if grouped and after is not Break.END:
        grouped[-1] = replace(grouped[-1], after=after)
    return [Chunk(part.text, _PAUSE_SECONDS[part.after], has_speech(part.text), span) for part in grouped]
