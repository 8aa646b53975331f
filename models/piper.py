"""`piper`: voices of the Piper project, in files of your own (package piper-tts, GPL, on the CPU).

Its phonemizer is an espeak-ng inside the package's own extension module; the engine `espeak` loads another library in
another process (models.espeak_zygote), so that the two do not meet.
"""

import unicodedata
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from models import packages
from models.alphabet import letters_to_test
from models.engine import Piece, UnknownModel, UnknownVoice, Unreadable, Voice
from models.fingerprint import fingerprint
from models.pace import Pace
from models.piper_voices import PiperVoiceFile, read_voices
from models.resample import resample
from models.resample import revision as resample_revision
from models.silence import pause, trim
from models.speech import Samples, Speech
from models.stretch import REVISION as STRETCH_REVISION
from models.stretch import stretch

_SLOWEST, _FASTEST = 0.5, 1.5
"""Beyond, samples are stretched: no phoneme is shorter than a frame, so that 2 would come out as 1.6."""
_SENTENCE_PAUSE = 0.3

_PACE = Pace(piece=0.14, letter=0.052, digit=0.33, pause=0.19)

# Every sentence is brought to the same peak, and resampling may go beyond it.
_PEAK = 0.8

_MOST_LOADED = 4
"""Voice files in memory at once, about 100 MB each."""


class Piper:
    """`directory`: voice files; all speak at the highest rate among them. Raises UnknownModel for what is amiss."""

    name = "piper"
    max_characters = 300

    def __init__(self, directory: str = "") -> None:
        self._files = {file.voice.name: file for file in read_voices(Path(directory))} if directory else {}
        self.rate = max((file.rate for file in self._files.values()), default=22_050)
        self._loaded: OrderedDict[Path, Any] = OrderedDict()

    @cached_property
    def revision(self) -> str:
        """The same seed gives the same samples with the same files, packages and number of threads."""
        files = sorted({file.path for file in self._files.values()})
        weights = fingerprint(*files, *(path.with_name(path.name + ".json") for path in files))
        parts = packages.versions("piper-tts", "onnxruntime", "numpy")
        return f"voices {weights}; {parts}; threads=1; pauses=1; {STRETCH_REVISION}; {resample_revision()}"

    @property
    def voices(self) -> Sequence[Voice]:
        """Those in the directory, by name. Raises UnknownModel when none is set, or the package is not installed."""
        if not self._files:
            raise UnknownModel("model 'piper' needs a directory of voice files, and none is set")
        if packages.folder("piper") is None or packages.folder("onnx") is None:
            raise UnknownModel("model 'piper' needs the packages piper-tts and onnx (install loa-tts[piper])")
        return tuple(file.voice for file in self._files.values())

    def estimate(self, text: str, speed: float) -> float:
        """Seconds, by a pace between languages."""
        return _PACE.seconds(text) / speed

    def cost(self, text: str, speed: float) -> float:
        """Seconds of one core, for a voice of medium quality."""
        return 0.02 + 0.14 * _PACE.seconds(text) / min(max(speed, _SLOWEST), _FASTEST)

    @property
    def test_text(self) -> str:
        """What the first voice can read, whatever its language: for one of letters, some of them."""
        config = next(iter(self._files.values())).config
        if config.get("phoneme_type", "espeak") != "text":
            return "One, two, three."
        return letters_to_test(config["phoneme_id_map"])

    def load(self) -> None:
        """Load the first voice; others are loaded when first asked for. Raises UnknownModel, SpeakError."""
        self._voice(self._files[self.voices[0].name])

    def speak(self, piece: Piece) -> Speech:
        """Speak one piece. Raises Unreadable when the text has nothing, or letters, that the voice cannot read."""
        try:
            file = self._files[piece.voice]
        except KeyError:
            raise UnknownVoice(f"voice {piece.voice!r} is none of model 'piper'") from None
        rate = min(max(piece.speed, _SLOWEST), _FASTEST)
        parts: list[Samples] = []
        for samples in self._sentences(file, piece, rate):
            parts += [trim(samples, file.rate), pause(_SENTENCE_PAUSE / rate, file.rate)]
        if not parts:
            raise Unreadable(f"piper reads nothing in {piece.text[:60]!r}")
        return resample(stretch(Speech(np.concatenate(parts[:-1]), file.rate), rate / piece.speed), self.rate)

    def _sentences(self, file: PiperVoiceFile, piece: Piece, rate: float) -> list[Samples]:
        from piper import SynthesisConfig

        _require_letters(file, piece.text)
        voice = self._voice(file)
        voice.session.seed(piece.seed)
        how = SynthesisConfig(file.speaker, length_scale=voice.config.length_scale / rate, volume=_PEAK)
        # `[[…]]` is phonemes to the package; here text is never markup.
        text = piece.text.replace("[[", "[ [")
        return [chunk.audio_float_array for chunk in voice.synthesize(text, how)]

    def _voice(self, file: PiperVoiceFile) -> Any:
        """The package's voice, the latest few kept."""
        from piper import PiperVoice
        from piper.config import PiperConfig

        from models.piper_session import SeededSession

        if file.path not in self._loaded:
            while len(self._loaded) >= _MOST_LOADED:
                self._loaded.popitem(last=False)
            session, config = SeededSession(file.path), PiperConfig.from_dict(dict(file.config))
            self._loaded[file.path] = PiperVoice(session=session, config=config)
        self._loaded.move_to_end(file.path)
        return self._loaded[file.path]


def _require_letters(file: PiperVoiceFile, text: str) -> None:
    """Raise Unreadable for letters that a voice of letters would skip; one of phonemes reads them all in some way."""
    if file.config.get("phoneme_type", "espeak") != "text":
        return
    known = file.config["phoneme_id_map"]
    lost = dict.fromkeys(c for c in unicodedata.normalize("NFD", text) if c.isalnum() and c not in known)
    if lost:
        raise Unreadable(f"voice {file.voice.name!r} has no character for {' '.join(list(lost)[:10])} in {text[:60]!r}")
