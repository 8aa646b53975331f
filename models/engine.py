"""The seam every voice engine enters by, and the errors an engine may raise.

ModelError
├── UnknownModel          no engine of that name is served
├── UnknownVoice          the engine, or no engine, has that voice (or speaker)
├── UnsupportedLanguage   no served engine speaks it
├── UnsupportedFormat     no such audio format, or not at that sample rate
└── SpeakError            the engine was asked and did not deliver
    ├── EngineDied        its process ended: worth another try
    │   └── EngineTimeout     it did not answer in time and was ended
    ├── Unreadable        the voice has no sound for a letter of the text
    ├── OutOfMemory       it said so, or passed its memory limit
    └── AudioRejected     what it delivered is not the text spoken whole
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models.speech import Speech


class ModelError(Exception):
    """Anything this room refuses or fails to do; the message is for the person who asked."""


class UnknownModel(ModelError):  # noqa: N818 - named as in the vocabulary of errors
    """No engine of that name is served here."""


class UnknownVoice(ModelError):  # noqa: N818
    """No such voice or speaker."""


class UnsupportedLanguage(ModelError):  # noqa: N818
    """No served engine speaks the language."""


class UnsupportedFormat(ModelError):  # noqa: N818
    """No such audio format, or the format does not take the sample rate."""


class SpeakError(ModelError):
    """The engine could not speak this piece; asking again would give the same."""


class Unreadable(SpeakError):  # noqa: N818
    """The text has letters for which the voice has no sound: another voice, or its language's, may have."""


class EngineDied(SpeakError):  # noqa: N818
    """The engine's process ended or hung while it held this piece; another try may succeed."""


class EngineTimeout(EngineDied):
    """The engine did not answer in time, and its process was ended."""


class OutOfMemory(SpeakError):  # noqa: N818
    """The engine had not enough memory for this piece."""


class AudioRejected(SpeakError):  # noqa: N818
    """The engine delivered audio that cannot be this text, spoken whole. `criterion`: of `models.check`, or `none`."""

    def __init__(self, message: str, criterion: str = "none") -> None:
        super().__init__(message)
        self.criterion = criterion


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of one engine. `languages`: BCP 47 tags, the best first."""

    name: str
    languages: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """What an engine speaks in one go.

    `text`: at most `Engine.max_characters` characters. `speed`: 0.25–4, 1 is the voice's own pace.
    `seed`: 0 … 2**32-1; the same piece and seed give the same samples.
    """

    text: str
    voice: str
    speed: float
    seed: int


class Engine(Protocol):
    """One speech model. Everything but `load` and `speak` is cheap and runs in the worker's own process.

    `name`: what a request's `model` says. `revision`: changes whenever the same piece could give other samples.
    `rate`: Hz of everything it speaks. `max_characters`: the longest piece it takes, after its numbers, dates and
    abbreviations were put into words (models.normalise). An engine that reads those better by itself, or does not read
    at all, has an attribute `normalises`, True, and gets its text as it was written.

    An engine that cannot say "One, two, three." may have a `test_text`, which it can: it is spoken before it serves.
    One that speaks dialogues has `speaker_tags`, such as `[S1]`: each holds until the next one, and is put before the
    pieces that go on with its turn (models.turns).
    One that does not speak, but sounds, may have `unlike_speech`: names of the criteria in `models.check` that
    its audio cannot keep.
    """

    name: str
    rate: int
    max_characters: int

    @property
    def revision(self) -> str:
        """Package versions, threads and back-ends that decide the samples."""
        ...

    @property
    def voices(self) -> Sequence[Voice]:
        """Voices that can speak now, the default first; nothing is downloaded for this."""
        ...

    def estimate(self, text: str, speed: float) -> float:
        """Seconds of speech that `text` will take, roughly."""
        ...

    def cost(self, text: str, speed: float) -> float:
        """Seconds of work on one core (or the GPU) that speaking `text` will take, roughly."""
        ...

    def load(self) -> None:
        """Make ready to speak; called once, in an engine process only."""
        ...

    def speak(self, piece: Piece) -> Speech:
        """Speak one piece. Blocking. Raises SpeakError.

        Other threads of Python must get their turn meanwhile: one of them beats (models.heartbeat), and a process that
        is silent for long is taken for frozen.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """A piece that a batch engine is done with. `key`: as it was admitted."""

    key: int
    result: Speech | ModelError


class BatchEngine(Engine, Protocol):
    """An engine that speaks several pieces at once, each as it would alone, and takes new ones in between.

    All is called from one thread: `admit` while there is room for what waits, `step` as long as anything is spoken.
    `slots`: the most pieces at once.
    """

    slots: int

    def fits(self, piece: Piece) -> bool:
        """Whether there is a free slot, and memory, for the piece now."""
        ...

    def admit(self, key: int, piece: Piece) -> None:
        """Begin to speak a piece that `fits`. Raises SpeakError; OutOfMemory if it would not fit alone either."""
        ...

    def step(self) -> Sequence[Ended]:
        """Bring all pieces on by a little, some tens of milliseconds' work; returns those that ended, in any order."""
        ...

    def drop(self, key: int) -> None:
        """Nobody waits for that piece any more. One that is unknown, or has ended, is ignored."""
        ...
