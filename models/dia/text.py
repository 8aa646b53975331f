"""Dia's text: UTF-8 bytes, with `[S1]` and `[S2]` for the two speakers of a dialogue."""

import re

SPEAKERS = {"[S1]": 1, "[S2]": 2}
"""Tags of the speakers and what they are to the model; any other tag is read as it is written."""

_TAG = re.compile(r"(\[S[12]\])")
_FIRST_TAG = re.compile(r"\s*\[S[12]\]")

# To the tokenizer these are padding and the speakers; in a text they would be neither.
_COLLIDING = re.compile("[\x00-\x02]|<pad>")

OVERHEAD = 2
"""Bytes that a text without a tag is longer by."""


def ids(text: str) -> list[int]:
    """The model's input for `text`: one number a byte, one a tag. A text that begins without a tag is spoken by S1."""
    tagged = _without_collisions(text).strip()
    if not _FIRST_TAG.match(tagged):
        tagged = f"[S1] {tagged}"
    numbers: list[int] = []
    for part in _TAG.split(tagged):
        numbers += [SPEAKERS[part]] if part in SPEAKERS else part.encode("utf-8", "replace")
    return numbers


def joined(transcript: str, text: str) -> str:
    """What the model reads to speak `text` in the voice of a recording: its transcript goes before."""
    return f"{_tagged(transcript)} {_tagged(text)}"


def _tagged(text: str) -> str:
    text = text.strip()
    return text if _FIRST_TAG.match(text) else f"[S1] {text}"


def _without_collisions(text: str) -> str:
    """Removing one `<pad>` may leave another."""
    while _COLLIDING.search(text):
        text = _COLLIDING.sub("", text)
    return text
