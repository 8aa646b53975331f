"""`pocketsphinx`: English, small, on a CPU; half of real time on one core, and not a good listener."""

import numpy as np
from pocketsphinx import Decoder

from models.resample import resample
from models.speech import Speech

_RATE = 16_000
_QUIET = np.zeros(_RATE // 4, np.float32)
"""It takes the first moments for noise."""


class Sphinx:
    """The model in the package."""

    most_seconds = 120.0

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=float(_RATE), loglevel="FATAL")

    def knows(self, language: str) -> bool:
        """English alone."""
        return language.partition("-")[0] == "en"

    def hear(self, speech: Speech, _: str) -> str:
        """The words, in small letters."""
        samples = np.concatenate((_QUIET, resample(speech, _RATE).samples, _QUIET))
        self._decoder.start_utt()
        self._decoder.process_raw((samples * 32_767).astype("<i2").tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return str(found.hypstr) if found else ""
