"""`vits`: VITS and MMS checkpoints of transformers, Vietnamese among them; on a GPU, or slowly on a CPU.

torch is imported by `load`, in an engine process, and not before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from models import packages
from models.alphabet import letters_to_test
from models.engine import Ended, Piece, SpeakError, UnknownModel, UnknownVoice, Voice
from models.pace import ROUGH
from models.resample import resample
from models.resample import revision as resample_revision
from models.speech import Samples, Speech
from models.stretch import REVISION as STRETCH_REVISION
from models.stretch import stretch
from models.vits_checkpoint import Checkpoint, open_checkpoint, with_weights
from models.vits_text import VitsText

if TYPE_CHECKING:
    from models.vits_model import Row, Spectrogram, VitsVoices

_R = TypeVar("_R")

_SLOWEST, _FASTEST = 0.5, 2.0
"""Rates that the durations are scaled by; beyond, where they would be a frame or a drawl, the samples are stretched."""

_ALIKE = 1.5
"""How many times as long as the oldest a row may be that shares the vocoder with it: padding is work for nothing."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A piece that was admitted; with its spectrogram, once it has one."""

    key: int
    piece: Piece
    checkpoint: Checkpoint
    row: "Row"
    spectrogram: "Spectrogram | None" = None


class Vits:
    """`checkpoint`: directories or hub names, separated by commas; the first one's voice is the default.

    `device`: auto, cpu, cuda or cuda:N. `dtype`: auto is float32 wherever it runs; float16 and bfloat16 are for the
    vocoder alone. Raises UnknownModel for a checkpoint that cannot be used.
    """

    name = "vits"
    max_characters = 250
    slots = 8

    def __init__(self, checkpoint: str = "", device: str = "auto", dtype: str = "auto") -> None:
        self._checkpoints = [open_checkpoint(part.strip()) for part in checkpoint.split(",") if part.strip()]
        self._device, self._dtype = device, dtype
        self.rate = max((known.rate for known in self._checkpoints), default=16_000)
        self._by_voice = _by_voice(self._checkpoints)
        self._texts: dict[str, VitsText] = {}
        self._loaded: dict[str, VitsVoices] = {}
        self._held: dict[int, _Held] = {}

    @cached_property
    def revision(self) -> str:
        """The same piece gives the same samples on the same kind of device, but for rounding: rows share products."""
        parts = packages.versions("torch", "transformers", "uroman")
        weights = "; ".join(known.revision for known in self._checkpoints)
        how = f"device={self._device}; dtype={self._dtype}"
        return f"{weights}; {parts}; {how}; {STRETCH_REVISION}; {resample_revision()}"

    @property
    def voices(self) -> Sequence[Voice]:
        """One for each checkpoint, or for each of its speakers. Raises UnknownModel when no checkpoint is set."""
        if not self._checkpoints:
            raise UnknownModel("model 'vits' needs a checkpoint, and none is set (a directory, or a hub's name)")
        return tuple(voice for known in self._checkpoints for voice in known.voices)

    def estimate(self, text: str, speed: float) -> float:
        """Seconds, by a pace between languages."""
        return ROUGH.seconds(text) / speed

    def cost(self, text: str, speed: float) -> float:
        """Seconds of one core for a checkpoint of MMS's size (36 million weights)."""
        return 0.1 + 0.8 * ROUGH.seconds(text) / min(max(speed, _SLOWEST), _FASTEST)

    @property
    def test_text(self) -> str:
        """What the first voice can read, whatever its language."""
        return letters_to_test(self._checkpoints[0].alphabet)

    def load(self) -> None:
        """Load all checkpoints, those of the hub downloaded if need be. Raises UnknownModel."""
        try:
            from models.vits_model import VitsVoices
        except ImportError as error:
            raise UnknownModel(f"model 'vits' needs packages (install loa-tts[torch]): {error}") from error
        for known in self._checkpoints:
            self._texts[known.name] = VitsText(known.alphabet, known.tokenizer)
            self._loaded[known.name] = VitsVoices(with_weights(known), self._device, self._dtype)

    def speak(self, piece: Piece) -> Speech:
        """Speak one piece, whatever else is held. Raises SpeakError, UnknownVoice."""
        held = self._take(0, piece)
        voices = self._loaded[held.checkpoint.name]
        return _finished(held, voices.waveforms(voices.spectrograms([held.row]))[0], self.rate)

    def fits(self, piece: Piece) -> bool:
        """Whether there is a free slot; pieces are alike."""
        return len(self._held) < self.slots

    def admit(self, key: int, piece: Piece) -> None:
        """Hold a piece for the next steps. Raises SpeakError for text that the voice cannot read, UnknownVoice."""
        self._held[key] = self._take(key, piece)

    def drop(self, key: int) -> None:
        """Forget a piece."""
        self._held.pop(key, None)

    def step(self) -> Sequence[Ended]:
        """Spectrograms for all that have none, or samples for the oldest and for those like it.

        A batch that fails is halved until only the guilty piece does.
        """
        waiting = [held for held in self._held.values() if held.spectrogram is None]
        if waiting:
            return self._draw([held for held in waiting if held.checkpoint is waiting[0].checkpoint])
        return self._voice(self._alike()) if self._held else ()

    def _draw(self, batch: Sequence[_Held]) -> Sequence[Ended]:
        """Give these their spectrograms; those that have failed end."""
        voices = self._loaded[batch[0].checkpoint.name]
        ended = []
        for held, result in _halving(batch, lambda some: voices.spectrograms([held.row for held in some])):
            if isinstance(result, SpeakError):
                ended.append(self._end(held, result))
            else:
                self._held[held.key] = replace(held, spectrogram=result)
        return ended

    def _voice(self, batch: Sequence[_Held]) -> Sequence[Ended]:
        """Make these audible: they end."""
        voices = self._loaded[batch[0].checkpoint.name]
        spoken = _halving(batch, lambda some: voices.waveforms([s.spectrogram for s in some if s.spectrogram]))
        return [
            self._end(held, result if isinstance(result, SpeakError) else _finished(held, result, self.rate))
            for held, result in spoken
        ]

    def _alike(self) -> list[_Held]:
        """The oldest, and on a GPU those of its checkpoint that are about as long."""
        first, *others = self._held.values()
        if not self._loaded[first.checkpoint.name].together:
            return [first]
        frames = _frames(first)
        like = (h for h in others if h.checkpoint is first.checkpoint and 1 / _ALIKE <= _frames(h) / frames <= _ALIKE)
        return [first, *like]

    def _end(self, held: _Held, result: Speech | SpeakError) -> Ended:
        del self._held[held.key]
        return Ended(held.key, result)

    def _take(self, key: int, piece: Piece) -> _Held:
        from models.vits_model import Row

        try:
            known = self._by_voice[piece.voice]
        except KeyError:
            raise UnknownVoice(f"voice {piece.voice!r} is none of model 'vits'") from None
        ids = self._texts[known.name].ids(piece.text)
        return _Held(key, piece, known, Row(ids, _rate(piece.speed), piece.seed, known.speaker(piece.voice)))


def _by_voice(checkpoints: Sequence[Checkpoint]) -> dict[str, Checkpoint]:
    """Raises UnknownModel for two checkpoints of one name."""
    found: dict[str, Checkpoint] = {}
    for known in checkpoints:
        for voice in known.voices:
            if voice.name in found:
                raise UnknownModel(
                    f"checkpoints {found[voice.name].source!r} and {known.source!r} both have the voice {voice.name!r}"
                )
            found[voice.name] = known
    return found


def _rate(speed: float) -> float:
    return min(max(speed, _SLOWEST), _FASTEST)


def _frames(held: _Held) -> int:
    return held.spectrogram.frames if held.spectrogram else 0


def _finished(held: _Held, samples: Samples, rate: int) -> Speech:
    """At the speed and rate that were asked for."""
    speech = Speech(samples, held.checkpoint.rate)
    return resample(stretch(speech, held.row.rate / held.piece.speed), rate)


def _halving(
    batch: Sequence[_Held], work: Callable[[Sequence[_Held]], Sequence[_R]]
) -> list[tuple[_Held, _R | SpeakError]]:
    """What `work` gives for each, tried with ever fewer at once where it fails."""
    try:
        return list(zip(batch, work(batch), strict=True))
    except SpeakError as error:
        if len(batch) == 1:
            return [(batch[0], error)]
    middle = len(batch) // 2
    return _halving(batch[:middle], work) + _halving(batch[middle:], work)
