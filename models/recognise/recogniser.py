"""The seam to a speech recogniser, and which there are."""

import importlib
from dataclasses import dataclass
from typing import Protocol

from models.engine import UnknownModel
from models.speech import Speech

KINDS = "pocketsphinx, or whisper:CHECKPOINT (a directory, or a name of the model hub)"


@dataclass(frozen=True, slots=True)
class Listening:
    """Who listens, as `load_recogniser` takes it, and the most word errors, as a part of a piece's words."""

    recogniser: str
    most_errors: float


class Recogniser(Protocol):
    """Hears words. Blocking, and used from one thread."""

    most_seconds: float
    """What is longer is not heard whole."""

    def knows(self, language: str) -> bool:
        """Whether it can hear this language (BCP 47)."""
        ...

    def hear(self, speech: Speech, language: str) -> str:
        """The words, as it spells them; empty where there are none."""
        ...


def refuse_unknown(spec: str) -> str:
    """`spec`, if it names a recogniser. Raises ValueError with what there is."""
    kind, _, checkpoint = spec.partition(":")
    if (kind, bool(checkpoint)) not in {("pocketsphinx", False), ("whisper", True)}:
        raise ValueError(f"expected {KINDS}")
    return spec


def load_recogniser(spec: str) -> Recogniser:
    """`pocketsphinx` or `whisper:CHECKPOINT`, ready. Raises UnknownModel naming what is missing."""
    kind, _, checkpoint = refuse_unknown(spec).partition(":")
    try:
        importlib.import_module("jiwer")  # it counts the errors
        if kind == "whisper":
            from models.recognise.whisper import Whisper

            return Whisper(checkpoint)
        from models.recognise.sphinx import Sphinx

        return Sphinx()
    except ImportError as error:
        extra = "torch" if kind == "whisper" else "recogniser"
        raise UnknownModel(f"recogniser {kind!r} needs the package {error.name} (install loa-tts[{extra}])") from None
