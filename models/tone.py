"""`tone`: answers at once with a sine of the estimated length, for tests, benchmarks and dry runs."""

from collections.abc import Sequence

import numpy as np

from models.engine import Piece, Voice
from models.speech import Speech

_SECONDS_PER_CHARACTER = 1 / 15
_LEAST_SECONDS = 0.1
_HERTZ = 440.0
_AMPLITUDE = 0.25
_FADE_SECONDS = 0.005


class Tone:
    """An engine without a model; `auto` never picks it. Its one voice answers for every language."""

    name = "tone"
    rate = 24_000
    max_characters = 1_000
    normalises = True
    """It reads nothing: its length is that of the text as it was written."""
    unlike_speech = ("steady", "looping", "ending")

    @property
    def revision(self) -> str:
        """Changes with the waveform."""
        return "tone 1"

    @property
    def voices(self) -> Sequence[Voice]:
        """One voice for every language."""
        return (Voice("sine", ("mul",), "A 440 Hz tone as long as the text would take to speak"),)

    def estimate(self, text: str, speed: float) -> float:
        """15 characters a second, exactly what `speak` delivers."""
        return max(len(text) * _SECONDS_PER_CHARACTER / speed, _LEAST_SECONDS)

    def cost(self, text: str, speed: float) -> float:
        """About 20 µs of one core for each second."""
        return 2e-5 * self.estimate(text, speed)

    def load(self) -> None:
        """Nothing to load."""

    def speak(self, piece: Piece) -> Speech:
        """A sine, faded in and out so that joined pieces do not click."""
        count = round(self.estimate(piece.text, piece.speed) * self.rate)
        phase = np.arange(count, dtype=np.float32) * np.float32(_HERTZ / self.rate)
        samples = np.sin((phase % 1.0) * np.float32(2 * np.pi)) * np.float32(_AMPLITUDE)
        fade = round(_FADE_SECONDS * self.rate)
        ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
        samples[:fade] *= ramp
        samples[-fade:] *= ramp[::-1]
        return Speech(samples, self.rate)
