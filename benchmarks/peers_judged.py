"""What comes of requests, counted: pure arithmetic over the outcomes that a client has noted."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import soundfile


class Noted(Protocol):
    """One outcome of a request: `clients.Outcome`."""

    at: float
    failed: bool
    event: Mapping[str, Any]


Outcomes = Mapping[str, Sequence[Noted]]


def answered(requests: Iterable[str], outcomes: Outcomes) -> int:
    """Requests that have a result."""
    return sum(any(not o.failed for o in outcomes.get(r, ())) for r in requests)


def lost(requests: Iterable[str], outcomes: Outcomes) -> int:
    """Requests of which nothing was ever heard, neither a result nor a failure."""
    return sum(not outcomes.get(r) for r in requests)


def doubled(requests: Iterable[str], outcomes: Outcomes) -> int:
    """Requests with two results. An event that tells the same audio again (`pcm_sha256`) is no second result."""
    return sum(len({o.event.get("pcm_sha256", n) for n, o in enumerate(outcomes.get(r, ()))}) > 1 for r in requests)


def repeated(requests: Iterable[str], outcomes: Outcomes) -> int:
    """Requests of which an outcome was told more than once, be it of the same result."""
    return sum(len(outcomes.get(r, ())) > 1 for r in requests)


def told(good: Iterable[str], outcomes: Outcomes) -> int:
    """Failures that somebody was told of, of requests that are not good: an unreadable one has the id it was given."""
    among = set(good)
    return sum(any(o.failed for o in seen) for r, seen in outcomes.items() if r not in among)


def refused(requests: Iterable[str], outcomes: Outcomes) -> set[str]:
    """Requests that were turned away, and could come again later."""
    return {r for r in requests for o in outcomes.get(r, ()) if o.event.get("refused")}


def waits(due: Mapping[str, float], outcomes: Outcomes, until: float) -> list[float]:
    """Seconds from when each was due to its result; for one without, to `until`: it waits at least so long."""
    results = {r: [o.at for o in outcomes.get(r, ()) if not o.failed] for r in due}
    return [min(results[r], default=until) - at for r, at in due.items()]


def torn(folder: Path) -> int:
    """WAV files under their last name that are not whole: cut, empty, or with a length that their header denies."""
    return sum(not _whole(path) for path in folder.rglob("*.wav"))


def _whole(path: Path) -> bool:
    content = path.read_bytes()
    try:
        frames = soundfile.info(path).frames
    except soundfile.LibsndfileError:
        return False
    return frames > 0 and int.from_bytes(content[4:8], "little") + 8 == len(content)


def ratios(loa: Sequence[float], other: Sequence[float]) -> list[float]:
    """Loa's value by another's, round by round; a round in which the other has nothing to compare is left out."""
    return [a / b for a, b in zip(loa, other, strict=True) if b]


def middle(values: Sequence[float]) -> str:
    """The median, and the range where there are several: `1.2 (1.1 – 1.4)`. Nothing measured is `–`."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return "–"
    median = figure(statistics.median(known))
    return median if len(known) == 1 else f"{median} ({figure(min(known))} – {figure(max(known))})"


def figure(value: float) -> str:
    """Three digits that matter, and whole numbers as such."""
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
