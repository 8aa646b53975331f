"""Turns of a dialogue: who speaks goes on from one chunk to the next."""

import re
from collections.abc import Sequence
from dataclasses import replace

from models.sentences import Break
from models.text import Chunk, has_speech, split


def split_turns(
    text: str, max_characters: int, tags: Sequence[str], after: Break = Break.END, span: int = 0
) -> list[Chunk]:
    """As `models.text.split`, and a chunk that goes on with a turn begins with the tag of who speaks.

    `tags`: of the speakers, such as `[S1]`; each speaks until the next tag. A text without any is split as ever, and so
    is one whose chunks have no room for a tag beside text. A tag alone is nothing to speak.
    """
    longest = max(map(len, tags), default=0)
    room = max_characters - longest - len(" ")
    tag = re.compile("|".join(map(re.escape, tags)))
    if not longest or room <= longest or tag.search(text) is None:
        return split(text, max_characters, after, span)
    speaker, chunks = "", []
    for chunk in split(text, room, after, span):
        words = chunk.text if not speaker or tag.match(chunk.text) else f"{speaker} {chunk.text}"
        speaker = next(iter(tag.findall(chunk.text)[-1:]), speaker)
        chunks.append(replace(chunk, text=words, voiced=has_speech(tag.sub("", words))))
    last_tags = re.compile(rf"(?:\s*(?:{tag.pattern}))+$")
    return [*(_without_begun_turn(chunk, last_tags) for chunk in chunks[:-1]), *chunks[-1:]]


def _without_begun_turn(chunk: Chunk, last_tags: re.Pattern[str]) -> Chunk:
    """A turn of which a chunk has only the tag begins in the next, which has it too."""
    return replace(chunk, text=last_tags.sub("", chunk.text)) if chunk.voiced else chunk
