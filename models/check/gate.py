"""The gate: all criteria in their order, the cheap and hard ones first."""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType

from models.check.duration import duration
from models.check.ending import ending
from models.check.frames import Frames, frames_of
from models.check.looping import looping
from models.check.loudness import clipping, gap, silence
from models.check.reading import Asked, Reading
from models.check.steady import steady
from models.engine import AudioRejected, Engine
from models.speech import Speech

CRITERIA: Mapping[str, Callable[[Frames, Asked], Reading | None]] = MappingProxyType(
    {
        "silence": silence,
        "duration": duration,
        "clipping": clipping,
        "gap": gap,
        "steady": steady,
        "looping": looping,
        "ending": ending,
    }
)
"""By name, in the order in which they are looked at; None where there is too little to say."""

_BEYOND_ANY_SCALE = 1e6
"""Full scale is 1."""

PLAIN = frozenset({"silence", "duration"})
"""What holds for anything that can be heard, speech or not."""

BARE: frozenset[str] = frozenset()
"""None of `CRITERIA`: what is left is that there are samples, finite ones, at the engine's rate."""


def criteria_of(engine: Engine) -> frozenset[str]:
    """All criteria but those that the engine says its audio does not keep: its `unlike_speech`, if it has any."""
    return frozenset(CRITERIA) - frozenset(getattr(engine, "unlike_speech", ()))


def check(
    speech: Speech, text: str, speed: float, estimate: float, rate: int, *, criteria: Collection[str] = PLAIN
) -> None:
    """Raise AudioRejected when `speech` is empty, not finite, not at `rate` (Hz), or fails one of the criteria.

    `estimate`: the engine's own estimate in seconds at `speed`. `criteria`: names in `CRITERIA`.
    The message names the criterion, the value, the limit and the text.
    """
    if (broken := _broken(speech, rate)) is not None:
        raise AudioRejected(f"{broken}, for {_quote(text)}", broken.partition(":")[0])
    for reading in readings(speech, Asked(text, speed, estimate, rate), criteria):
        if not reading.fits:
            raise AudioRejected(f"{reading}, for {_quote(text)}", reading.criterion)


def readings(speech: Speech, asked: Asked, criteria: Collection[str] = CRITERIA.keys()) -> Iterator[Reading]:
    """What each criterion measures, in order; of speech that has finite samples."""
    frames = frames_of(speech) if criteria else None
    for name, criterion in CRITERIA.items():
        if frames is not None and name in criteria and (reading := criterion(frames, asked)) is not None:
            yield reading


def _broken(speech: Speech, rate: int) -> str | None:
    """What no audio may be, whatever it is of."""
    if speech.rate != rate:
        return f"rate: {speech.rate} Hz, {rate} Hz expected"
    if len(speech.samples) == 0:
        return "empty: no samples"
    if not -_BEYOND_ANY_SCALE < speech.samples.min() <= speech.samples.max() < _BEYOND_ANY_SCALE:
        return "finite: some samples are not, or beyond any scale"
    return None


def _quote(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
