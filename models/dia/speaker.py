"""The loaded model: what a piece becomes a request with, and the errors of torch told in this room's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import DacModel, DiaForConditionalGeneration
from transformers.utils import logging as transformers_logging

from models.dia import text
from models.dia.cache import slot_bytes
from models.dia.checkpoint import Checkpoint
from models.dia.codec import Codec
from models.dia.drive import Eager, Graphs
from models.dia.loop import Loop
from models.dia.options import Options
from models.dia.rules import Rules
from models.dia.sampling import Sampling
from models.dia.seat import Done, Request
from models.dia.state import State
from models.dia.voices import DEFAULT, Recording, VoiceFolder
from models.dia.weights import Weights, take
from models.engine import OutOfMemory, Piece, SpeakError, UnknownModel

_USUAL_SLOTS, _MOST_SLOTS = 8, 64
_GPU_SHARE = 0.85
_GPU_RESERVE_BYTES = 2 << 30
"""For the codec, encoders and recorded graphs. Not yet measured."""


class Speaker:
    """A checkpoint in memory. Raises UnknownModel, OutOfMemory."""

    def __init__(self, checkpoint: Checkpoint, codec: Checkpoint, options: Options, voices: VoiceFolder) -> None:
        self._voices = voices
        self._recordings: dict[str, tuple[object, str, Tensor]] = {}
        self._speeds: dict[int, float] = {}
        torch.set_num_threads(options.threads)
        if options.on_gpu and not torch.cuda.is_available():
            raise UnknownModel(
                f"model 'dia': torch finds no GPU for device {options.device}; set it to cpu, or mend that"
            )
        with _in_our_words(), torch.inference_mode():
            model = _load(DiaForConditionalGeneration, checkpoint, options, getattr(torch, options.dtype))
            exact = torch.float64 if options.dtype == "float64" else torch.float32
            self._codec = Codec(_load(DacModel, codec, options, exact))
            rules, config, weights = Rules.of(model.config), model.config, take(model)
            self._text_bytes: int = config.encoder_config.max_position_embeddings
            self.max_tokens = options.max_tokens or config.decoder_config.max_position_embeddings
            self._sampling = _sampling(checkpoint)
            _fits(rules, self._codec)
            positions = -(-(self.max_tokens + rules.longest) // 64) * 64
            slots = options.slots or _slots(weights, positions, self._text_bytes)
            candidates = self._sampling.top_k
            state = State(
                weights, rules, slots, positions=positions, text_bytes=self._text_bytes, most_candidates=candidates
            )
            self.loop = Loop(state, Graphs(state) if options.graphs else Eager(state), self._codec)
        self.slots = slots

    def admit(self, key: int, piece: Piece) -> None:
        """Begin a piece. Raises SpeakError, UnknownVoice, OutOfMemory."""
        with _in_our_words():
            request = self._request(piece)
            self.loop.admit(key, request)
        self._speeds[key] = piece.speed

    def step(self) -> list[Done]:
        """One step. Raises OutOfMemory."""
        with _in_our_words():
            return self.loop.step()

    def speed(self, key: int) -> float:
        """What a piece asked for; forgotten then."""
        return self._speeds.pop(key)

    def drop(self, key: int) -> None:
        """Forget a piece."""
        self._speeds.pop(key, None)
        self.loop.drop(key)

    def clear(self) -> list[int]:
        """Forget all pieces; returns their keys."""
        self._speeds.clear()
        return self.loop.clear()

    def _request(self, piece: Piece) -> Request:
        transcript, recording = "", None
        if piece.voice != DEFAULT:
            transcript, recording = self._recording(self._voices[piece.voice])
        numbers = text.ids(text.joined(transcript, piece.text) if transcript else piece.text)
        if len(numbers) > self._text_bytes:
            what = "the text with the transcript of its voice" if transcript else "the text"
            raise SpeakError(f"{what} has {len(numbers)} bytes; dia takes at most {self._text_bytes}")
        most_frames = self.max_tokens - 2 - (0 if recording is None else len(recording))
        if most_frames < 1:
            raise SpeakError(f"the recording of voice {piece.voice!r} leaves no room within {self.max_tokens} frames")
        return Request(numbers, piece.seed, self._sampling, most_frames, recording)

    def _recording(self, recording: Recording) -> tuple[str, Tensor]:
        """Transcript and codes, made once for each state of the files."""
        state, transcript, codes = self._recordings.get(recording.name, (None, "", torch.empty(0)))
        if state != recording.state:
            state, (samples, transcript) = recording.state, recording.read()
            codes = self._codec.encode(samples)
            self._recordings[recording.name] = state, transcript, codes
        return transcript, codes


def _load(kind: Any, checkpoint: Checkpoint, options: Options, dtype: torch.dtype) -> Any:
    """A model from safetensors alone, whole. Raises UnknownModel."""
    folder = checkpoint.weights()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model, found = kind.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise UnknownModel(f"checkpoint {checkpoint.name!r} cannot be loaded: {error}") from error
    if missing := sorted(found["missing_keys"]) or sorted(map(str, found["mismatched_keys"])):
        raise UnknownModel(f"checkpoint {checkpoint.name!r} lacks {len(missing)} weights, such as {missing[0]}")
    return model.eval().to(options.device)


def _sampling(checkpoint: Checkpoint) -> Sampling:
    """What the checkpoint recommends. Raises UnknownModel for what cannot be."""
    said = checkpoint.settings("generation_config.json")
    names = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "guidance": "guidance_scale"}
    given = {name: said[theirs] for name, theirs in names.items() if said.get(theirs) is not None}
    try:
        return Sampling(**given, greedy=not said.get("do_sample", True))
    except ValueError as error:
        raise UnknownModel(f"checkpoint {checkpoint.name!r}: generation_config.json: {error}") from error


def _fits(rules: Rules, codec: Codec) -> None:
    if codec.channels != len(rules.delays) or rules.end > codec.codes:
        told = f"{codec.channels} books of {codec.codes} codes"
        raise UnknownModel(f"the codec has {told}, and the checkpoint writes {len(rules.delays)} of {rules.end}")


def _slots(weights: Weights, positions: int, text_bytes: int) -> int:
    """As many as memory allows on a GPU. Raises OutOfMemory when not even one does."""
    if weights.device.type == "cpu":
        return _USUAL_SLOTS
    each = slot_bytes(weights.shape, positions, text_bytes, weights.head.element_size())
    free, _ = torch.cuda.mem_get_info(weights.device)
    count = int((free * _GPU_SHARE - _GPU_RESERVE_BYTES) // each)
    if count < 1:
        raise OutOfMemory(f"dia needs {each >> 20} MiB for a slot, and the GPU has {free >> 20} MiB free")
    return min(count, _MOST_SLOTS)


@contextmanager
def _in_our_words() -> Iterator[None]:
    """torch says on a CPU in a RuntimeError that memory is short."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise OutOfMemory(f"dia has not enough memory: {error}") from error
    except RuntimeError as error:
        if "allocate memory" in str(error):
            raise OutOfMemory(f"dia has not enough memory: {error}") from error
        raise
