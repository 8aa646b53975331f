"""`dia`: English dialogue and cloned voices, 44.1 kHz; on a GPU, and on a CPU for tests (a checkpoint is needed)."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models import packages
from models.dia import checkpoint as checkpoints
from models.dia import options, text
from models.dia.voices import DEFAULT, MOST_TRANSCRIPT_BYTES, RATE, VoiceFolder
from models.engine import Ended, EngineDied, ModelError, OutOfMemory, Piece, SpeakError, UnknownModel, Voice
from models.speech import Speech
from models.stretch import REVISION as STRETCH_REVISION
from models.stretch import stretch

if TYPE_CHECKING:
    from models.dia.seat import Done
    from models.dia.speaker import Speaker

_REVISION = "decoding=1"
"""Change it whenever the same checkpoint and piece would give other samples."""

_LANGUAGES = ("en",)
_BYTES_PER_SECOND = 14.0
_LEAST_SECONDS = 0.5

_FRAMES_PER_SECOND = 86.13
_CORE_SECONDS_PER_STEP_AND_WEIGHT = 9e-10
"""One request alone, measured with 1.3e9 weights of the decoder on one core."""

_GPU_SECONDS_PER_SECOND = 0.1
"""Not yet measured: what reading the weights once for each frame takes."""

_USUAL_SLOTS, _USUAL_TEXT_BYTES = 8, 1024
_ALONE = -1


class Dia:
    """A checkpoint and the voices of a directory.

    `checkpoint`: a directory, or `OWNER/NAME[@REVISION]` of the model hub. `revision`: of the hub's, instead of there.
    `device`: auto, cpu, cuda, cuda:N. `dtype`: auto, float32, bfloat16, float16, float64. `voices`: a directory of
    recordings. `slots`: requests spoken at once, auto for 8 on a CPU and what memory allows on a GPU. `max_tokens`: the
    longest piece in frames, its voice's recording included. `threads`: of torch, on a CPU. `graphs`: auto or off,
    whether a GPU's steps are recorded.
    Raises UnknownModel for wrong options and for checkpoints that are not there, not Dia's, or could run code.
    """

    name = "dia"
    speaker_tags = tuple(text.SPEAKERS)

    def __init__(
        self,
        checkpoint: str = "",
        *,
        revision: str = "",
        device: str = "auto",
        dtype: str = "auto",
        voices: str = "voices",
        slots: str = "auto",
        max_tokens: str = "auto",
        threads: str = "1",
        graphs: str = "auto",
    ) -> None:
        self._options = options.parse(device, dtype, slots=slots, max_tokens=max_tokens, threads=threads, graphs=graphs)
        self._folder = VoiceFolder(Path(voices))
        named = f"{checkpoint.partition('@')[0]}@{revision}" if checkpoint and revision else checkpoint
        self._checkpoint = checkpoints.find(named, "dia") if named else None
        self._codec = checkpoints.find_codec(self._checkpoint) if self._checkpoint else None
        self._speaker: Speaker | None = None
        self._ended: list[Ended] = []
        self.slots = self._options.slots or _USUAL_SLOTS
        self.rate = int(self._codec.settings("config.json")["sampling_rate"]) if self._codec else RATE
        self.text_bytes = int(self._config("encoder_config").get("max_position_embeddings", _USUAL_TEXT_BYTES))
        # Characters have up to four bytes, and the voice's transcript and two tags go before.
        self.max_characters = max((self.text_bytes - MOST_TRANSCRIPT_BYTES - 2 * text.OVERHEAD) // 4, 1)

    @property
    def revision(self) -> str:
        """Checkpoint, codec, voices, packages, and what is calculated with."""
        found = self._found()
        parts = [f"dia {found[0].revision}", f"codec {found[1].revision}", _REVISION]
        parts += [f"device={self._options.device}", f"dtype={self._options.dtype}", f"threads={self._options.threads}"]
        parts += [f"voices={digest}"] if (digest := self._folder.digest) else []
        return "; ".join([*parts, packages.versions("torch", "transformers"), STRETCH_REVISION])

    @property
    def voices(self) -> Sequence[Voice]:
        """`default`, and the recordings in the directory as it is now. Raises UnknownModel without a checkpoint."""
        self._found()
        cloned = [Voice(recording.name, _LANGUAGES, "cloned from a recording") for recording in self._folder]
        return (Voice(DEFAULT, _LANGUAGES, "another speaker with each seed; [S1] and [S2] are two"), *cloned)

    def estimate(self, text_: str, speed: float) -> float:
        """Seconds: 14 bytes a second, as English is spoken; not fitted to the model's own pace yet."""
        return max(len(text.ids(text_)) / _BYTES_PER_SECOND, _LEAST_SECONDS) / speed

    def cost(self, text_: str, speed: float) -> float:
        """Seconds of work if it were spoken alone; in company it is less."""
        del speed
        seconds = self.estimate(text_, 1.0)
        if self._options.on_gpu:
            return _GPU_SECONDS_PER_SECOND * seconds
        return _FRAMES_PER_SECOND * seconds * self._weights * _CORE_SECONDS_PER_STEP_AND_WEIGHT

    def load(self) -> None:
        """Load the weights, and set memory aside for all slots. Raises UnknownModel, OutOfMemory."""
        checkpoint, codec = self._found()
        if packages.folder("torch") is None or packages.folder("transformers") is None:
            raise UnknownModel("model 'dia' needs the packages torch and transformers (install loa-tts[torch])")
        from models.dia.speaker import Speaker

        self._speaker = Speaker(checkpoint, codec, self._options, self._folder)
        self.slots = self._speaker.slots

    def speak(self, piece: Piece) -> Speech:
        """Speak one piece, beside what was admitted. Raises SpeakError."""
        self.admit(_ALONE, piece)
        while True:
            ended = self._step()
            self._ended += [each for each in ended if each.key != _ALONE]
            for each in ended:
                if each.key == _ALONE:
                    if isinstance(each.result, ModelError):
                        raise each.result
                    return each.result

    def fits(self, piece: Piece) -> bool:
        """Whether a slot is free: its memory is set aside."""
        del piece
        return self._loaded.loop.room

    def admit(self, key: int, piece: Piece) -> None:
        """Begin a piece. Raises SpeakError for too long a text, UnknownVoice, OutOfMemory, which harm no other."""
        self._loaded.admit(key, piece)

    def step(self) -> Sequence[Ended]:
        """One frame more of every piece, and samples of some. Out of memory, all end so, and the engine goes on."""
        ended, self._ended = self._ended, []
        return [*ended, *self._step()]

    def drop(self, key: int) -> None:
        """Free the piece's slot."""
        self._loaded.drop(key)

    def _step(self) -> list[Ended]:
        speaker = self._loaded
        try:
            return [Ended(done.key, self._result(done, speaker.speed(done.key))) for done in speaker.step()]
        except OutOfMemory as error:
            return [Ended(key, error) for key in speaker.clear()]

    def _result(self, done: "Done", speed: float) -> Speech | ModelError:
        seconds = len(done.samples) / self.rate
        if not done.whole:
            # The same seed would lead there again, and the engine is sound: no reason to end its process.
            return SpeakError(f"dia did not come to an end within {seconds:.1f} s; another seed may")
        if not len(done.samples):
            return SpeakError("dia said nothing; another seed may")
        return stretch(Speech(done.samples, self.rate), 1 / speed)

    @property
    def _loaded(self) -> "Speaker":
        if self._speaker is None:
            raise EngineDied("dia is not loaded")
        return self._speaker

    def _found(self) -> tuple[checkpoints.Checkpoint, checkpoints.Checkpoint]:
        if self._checkpoint is None or self._codec is None:
            raise UnknownModel("model 'dia' needs a checkpoint, and none is set (a directory, or a hub's name)")
        return self._checkpoint, self._codec

    def _config(self, part: str) -> dict[str, Any]:
        return self._checkpoint.settings("config.json", part) if self._checkpoint else {}

    @cached_property
    def _weights(self) -> int:
        """Numbers that a step of the decoder multiplies with, from its configuration."""
        config = {"hidden_size": 2048, "num_hidden_layers": 18, "intermediate_size": 8192} | self._config(
            "decoder_config"
        )
        width = int(config["hidden_size"])
        # Attention, own and to the text, has about four squares of the width.
        return int(config["num_hidden_layers"]) * width * (4 * width + 3 * int(config["intermediate_size"]))
