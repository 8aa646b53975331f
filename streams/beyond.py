"""What of a partition is finished beyond its committed offset, as a commit's metadata says it.

A committed offset is where the unfinished begins. What was finished behind that would come again after a crash: a
worker that is killed with one long text in hand would answer all others a second time. Kafka keeps a short text with
each committed offset, and that is where their offsets are written: `finished 3+200 2+1` says that of the records from
the committed one on 3 are not finished, 200 are, 2 are not, and 1 is.
"""

import re
from collections.abc import Iterable

MOST_CHARACTERS = 2048
"""A broker takes 4096 (`offset.metadata.max.bytes`). What does not fit in comes again."""

_FIRST = "finished"
_TEXT = re.compile(_FIRST + r"( [0-9]{1,18}\+[0-9]{1,18})+")


def written(start: int, finished: Iterable[range]) -> str:
    """Ranges of finished offsets, in order and not before `start`, as metadata of the committed offset `start`."""
    runs: list[range] = []
    for found in finished:
        if runs and found.start == runs[-1].stop:
            runs[-1] = range(runs[-1].start, found.stop)
        else:
            runs.append(found)
    words, length = [_FIRST], len(_FIRST)
    for run in runs:
        word = f"{run.start - start}+{len(run)}"
        length += len(word) + 1
        if length > MOST_CHARACTERS:
            break
        words.append(word)
        start = run.stop
    return " ".join(words) if words[1:] else ""


def read(start: int, text: str) -> list[range]:
    """The ranges that were written for a committed offset; none where the text is another's."""
    if len(text) > MOST_CHARACTERS or not _TEXT.fullmatch(text):
        return []
    finished = []
    for word in text.split()[1:]:
        gap, length = map(int, word.split("+"))
        finished.append(range(start + gap, start + gap + length))
        start += gap + length
    return finished
