"""The audio check: what it refuses of real speech, what it finds of damage, and what it costs beside the voice.

make bench-check
"""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from common import Figures, arguments, measured, number, table
from damages import DAMAGES
from odd_texts import odd_english, vietnamese
from texts import texts

from models.check import CRITERIA, Asked, Reading, check, readings
from models.engine import AudioRejected, Engine, Piece
from models.plugins import load_engine
from models.recognise.listened import word_errors, words
from models.recognise.recogniser import load_recogniser
from models.speech import Speech

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})  # as the worker does for its engines

SPEEDS = (1.0, 0.25, 0.5, 2.0, 4.0)
LEAST_SECONDS = 3.0
"""Damage is done to what is at least as long: half a second is missed in a word by nobody but its speaker."""


@dataclass(frozen=True)
class Voice:
    name: str
    engine: Engine
    voice: str
    texts: Sequence[str]


def voices(quick: bool) -> Iterator[Voice]:
    english = texts(10 if quick else 150, seed=7)
    halves = [text[: text.rindex(" ")][: len(text) // 2] for text in english[::3]]
    every = [*english, *halves, *odd_english()]
    vietnamese_texts = vietnamese(10 if quick else 100)
    hibari, espeak = load_engine("hibari"), load_engine("espeak")
    hibari.load()
    espeak.load()
    yield Voice("hibari heart", hibari, "heart", every)
    yield Voice("espeak en-us", espeak, "en-us", every)
    yield Voice("espeak vi", espeak, "vi", [*vietnamese_texts, *every[::5]])


@dataclass(frozen=True)
class Heard:
    """Real speech, and the CPU time that it took."""

    asked: Asked
    speech: Speech
    cpu: float


def speak(voice: Voice, speed: float) -> Iterator[Heard]:
    """All texts at speed 1, every third at others."""
    engine = voice.engine
    for text in voice.texts if speed == 1.0 else voice.texts[::3]:
        if len(text) > engine.max_characters:
            continue
        began = time.process_time()
        speech = engine.speak(Piece(text, voice.voice, speed, len(text)))
        asked = Asked(text, speed, engine.estimate(text, speed), engine.rate)
        yield Heard(asked, speech, time.process_time() - began)


def refused(heard: Heard, speech: Speech) -> str | None:
    """The criterion that refuses it."""
    asked = heard.asked
    try:
        check(speech, asked.text, asked.speed, asked.estimate, asked.rate, criteria=CRITERIA.keys())
    except AudioRejected as error:
        return str(error).partition(":")[0]
    return None


class Extremes:
    """The value of each criterion that came nearest to its limit."""

    def __init__(self) -> None:
        self._nearest: dict[tuple[str, str], tuple[Reading, Asked]] = {}

    def see(self, heard: Heard) -> None:
        for reading in readings(heard.speech, heard.asked):
            for side, limit in (("least", reading.least), ("most", reading.most)):
                if abs(limit) == float("inf"):
                    continue
                known = self._nearest.get((reading.criterion, side))
                if known is None or _share(reading, side) < _share(known[0], side):
                    self._nearest[reading.criterion, side] = reading, heard.asked

    def rows(self) -> list[list[str]]:
        return [
            [name, side, number(r.value), number(getattr(r, side)), r.unit, f"{a.speed:g}", a.text[:40]]
            for (name, side), (r, a) in sorted(self._nearest.items())
        ]


def _share(reading: Reading, side: str) -> float:
    """Below 1 where the limit is passed."""
    if side == "least":
        return reading.value / reading.least
    return reading.most / reading.value if reading.value > 0 else float("inf")


def alarms(figures: Figures, quick: bool) -> None:
    """Real speech that is refused."""
    for voice in voices(quick):
        extremes, count, seconds = Extremes(), Counter[str](), 0.0
        for speed in SPEEDS[:1] if quick else SPEEDS:
            for heard in speak(voice, speed):
                extremes.see(heard)
                criterion = refused(heard, heard.speech)
                count[criterion or "passed"] += 1
                seconds += heard.speech.seconds
                if criterion:
                    print("refused", voice.name, criterion, heard.asked)
        figures.add(f"{voice.name}: refused", count.total() - count["passed"], "pieces", "<= 0")
        figures.add(f"{voice.name}: spoken", count.total(), "pieces")
        figures.add(f"{voice.name}: spoken audio", seconds, "s")
        head = ["criterion", "", "nearest", "limit", "", "speed", "text"]
        table(f"{voice.name}: nearest to a limit", head, extremes.rows())


def damage(quick: bool) -> None:
    """Damaged speech that is found, and by which criterion."""
    rows: dict[str, list[str]] = {name: [name] for name in DAMAGES}
    names = []
    for voice in voices(quick):
        names.append(voice.name)
        found: dict[str, Counter[str | None]] = {name: Counter() for name in DAMAGES}
        for heard in speak(voice, 1.0):
            if heard.speech.seconds < LEAST_SECONDS:
                continue
            for name, spoil in DAMAGES.items():
                found[name][refused(heard, spoil(heard.speech))] += 1
        for name, by in found.items():
            share = 100 * (1 - by[None] / by.total())
            rows[name].append(f"{share:.0f} % " + ", ".join(str(c) for c, _ in by.most_common() if c is not None))
    table("Damage that is found", ["damage", *names], list(rows.values()))


def heard(figures: Figures, quick: bool) -> None:
    """Word errors of a recogniser (TTS_CHECK_RECOGNISER): on texts spoken whole, and on their first halves."""
    recogniser, voice = load_recogniser("pocketsphinx"), next(iter(voices(quick)))
    missed: dict[str, list[float]] = {"whole": [], "cut at 50 %": []}
    spent = seconds = 0.0
    for text in texts(8 if quick else 60, seed=9):
        asked = words(text, "en")
        speech = voice.engine.speak(Piece(" ".join(asked), voice.voice, 1.0, len(text)))
        seconds += speech.seconds
        half = Speech(speech.samples[: len(speech.samples) // 2], speech.rate)
        for name, part in (("whole", speech), ("cut at 50 %", half)):
            began = time.process_time()
            found = words(recogniser.hear(part, "en"), "en")
            spent += time.process_time() - began if part is speech else 0.0
            missed[name].append(word_errors(asked, found))
    for name, errors in missed.items():
        figures.add(f"{voice.name}, {name}: word errors, median", statistics.median(errors))
        figures.add(f"{voice.name}, {name}: word errors, from", min(errors))
        figures.add(f"{voice.name}, {name}: word errors, to", max(errors))
        figures.add(f"{voice.name}, {name}: refused at 0.5", 100 * sum(e > 0.5 for e in errors) / len(errors), "%")
    figures.add(f"{voice.name}: listening", spent / seconds, "s of CPU a second of audio")


def cost(figures: Figures, quick: bool) -> None:
    """CPU time of the check beside that of speaking."""
    for voice in voices(quick):
        pairs = list(speak(voice, 1.0))
        seconds = sum(heard.speech.seconds for heard in pairs)
        began = time.process_time()
        for heard in pairs:
            refused(heard, heard.speech)
        spent = time.process_time() - began
        spoken = sum(heard.cpu for heard in pairs)
        if voice.engine.name == "hibari":  # espeak speaks in another process
            figures.add(f"{voice.name}: check / speaking, CPU", spent / spoken, "", "<= 0.0375")
            figures.add(f"{voice.name}: speaking", 1000 * spoken / seconds, "ms a second of audio")
        figures.add(f"{voice.name}: check", 1000 * spent / seconds, "ms a second of audio", "<= 0.3")


async def main() -> None:
    options = arguments(__doc__ or "", ("alarms", "damage", "cost", "heard"))
    with measured(("hibari-tts", "espeakng-loader", "numpy", "pocketsphinx"), options) as figures:
        if options.only in {None, "cost"}:
            for _ in range(1 if options.quick else options.rounds):
                cost(figures, options.quick)
        if options.only in {None, "alarms"}:
            alarms(figures, options.quick)
        if options.only in {None, "damage"}:
            damage(options.quick)
        if options.only in {None, "heard"}:
            heard(figures, options.quick)


if __name__ == "__main__":
    asyncio.run(main())
