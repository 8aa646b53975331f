"""`espeak`: espeak-ng, 100+ languages, Vietnamese among them (library and data of espeakng-loader); 22,050 Hz."""

import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from models import espeak_zygote, packages
from models.engine import EngineDied, Piece, SpeakError, UnknownModel, Voice
from models.espeak_voices import VoiceFile, read_voices
from models.pace import Pace
from models.speech import Speech
from models.stretch import REVISION as STRETCH_REVISION
from models.stretch import stretch

_PACE = Pace(piece=0.13, letter=0.051, digit=0.32, pause=0.15)

_WORDS_PER_MINUTE = 175
"""espeak's own pace: speed 1."""

# Below this espeak speaks no slower, whatever is asked; the rest is stretched. Upwards it goes as far as we need (700).
_SLOWEST_WORDS_PER_MINUTE = 80


class Espeak:
    """All voices of espeak-ng. Each utterance is spoken by a fresh child of a silent process: see espeak_zygote."""

    name = "espeak"
    rate = espeak_zygote.SAMPLE_RATE
    max_characters = 400

    def __init__(self) -> None:
        self._zygote: subprocess.Popen[bytes] | None = None

    @property
    def revision(self) -> str:
        """The package carries library and data."""
        return f"{packages.versions('espeakng-loader')}; {STRETCH_REVISION}"

    @cached_property
    def voices(self) -> Sequence[Voice]:
        """Every voice in the data directory, `en-us` first; empty when the package is not installed."""
        return tuple(Voice(f.name, f.languages, f.description) for f in self._files.values())

    @cached_property
    def _files(self) -> dict[str, VoiceFile]:
        folder = packages.folder("espeakng_loader")
        return {} if folder is None else {f.name: f for f in read_voices(folder / "espeak-ng-data" / "lang")}

    def estimate(self, text: str, speed: float) -> float:
        """Seconds: a compromise between languages, off by 12 to 17 % on average."""
        return _PACE.seconds(text) / speed

    def cost(self, text: str, speed: float) -> float:
        """Seconds of one core: a fork, then 0.002 for each second of audio."""
        return 0.006 + 0.002 * self.estimate(text, speed)

    def load(self) -> None:
        """Start the silent process. Raises UnknownModel when not installed, EngineDied when it does not start."""
        folder = packages.folder("espeakng_loader")
        if folder is None:
            raise UnknownModel("model 'espeak' needs the package espeakng-loader (install loa-tts[voices])")
        library, data = folder / "libespeak-ng.so", folder / "espeak-ng-data"
        # -I -S: nothing but the standard library is wanted, so that a fork has little to copy.
        command = [sys.executable, "-I", "-S", espeak_zygote.__file__, str(library), str(data)]
        self._zygote = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._reply(self._zygote)

    def speak(self, piece: Piece) -> Speech:
        """Speak one piece. Raises SpeakError for what espeak refuses, EngineDied when its process ended."""
        if self._zygote is None:
            raise EngineDied("espeak is not loaded")
        speed = max(piece.speed, _SLOWEST_WORDS_PER_MINUTE / _WORDS_PER_MINUTE)
        voice = self._files[piece.voice].identifier.encode()
        # espeak takes NUL as the end and 0x01 as the start of an embedded command.
        text = "".join(max(c, " ") for c in piece.text).encode("utf-8", "replace")
        request = espeak_zygote.REQUEST.pack(len(voice), len(text), round(_WORDS_PER_MINUTE * speed))
        self._send(self._zygote, request + voice + text)
        samples = np.frombuffer(self._reply(self._zygote), "<i2").astype(np.float32) / np.float32(32768)
        return stretch(Speech(samples, self.rate), speed / piece.speed)

    def _send(self, zygote: "subprocess.Popen[bytes]", request: bytes) -> None:
        if zygote.stdin is None:
            raise EngineDied("espeak's process has no input")
        try:
            zygote.stdin.write(request)
            zygote.stdin.flush()
        except OSError as error:
            raise EngineDied("espeak's process ended") from error

    def _reply(self, zygote: "subprocess.Popen[bytes]") -> bytes:
        if zygote.stdout is None:
            raise EngineDied("espeak's process has no output")
        head = zygote.stdout.read(espeak_zygote.REPLY.size)
        if len(head) < espeak_zygote.REPLY.size:
            raise EngineDied("espeak's process ended")
        status, size = espeak_zygote.REPLY.unpack(head)
        body = zygote.stdout.read(size)
        if status != 0:
            raise SpeakError(f"espeak answered error {status}")
        if len(body) < size:
            raise EngineDied("espeak's process ended within its reply")
        return body
