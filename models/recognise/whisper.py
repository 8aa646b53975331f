"""`whisper:CHECKPOINT`: any Whisper checkpoint of transformers, about a hundred languages."""

from typing import Any

import torch
from transformers import WhisperForConditionalGeneration, WhisperProcessor

from models.engine import UnknownModel
from models.resample import resample
from models.speech import Speech

_RATE = 16_000
_ENGLISH_ONLY = frozenset({"<|en|>"})


class Whisper:
    """`checkpoint`: a directory as transformers saves it, or `owner/name` or `owner/name@REVISION` of the model hub.

    Raises UnknownModel for what is missing, no Whisper, or has pickled weights only. Runs on the first GPU, if any.
    """

    most_seconds = 30.0

    def __init__(self, checkpoint: str) -> None:
        name, _, revision = checkpoint.partition("@")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self._processor: Any = WhisperProcessor.from_pretrained(name, revision=revision or "main")
            model: Any = WhisperForConditionalGeneration.from_pretrained(
                name, revision=revision or "main", use_safetensors=True
            )
        except Exception as error:  # the hub's client's, its HTTP library's, the file system's
            raise UnknownModel(f"recogniser 'whisper:{checkpoint}' cannot be loaded: {error}") from error
        self._model = model.to(self._device).eval()
        self._languages = frozenset(getattr(self._model.generation_config, "lang_to_id", None) or ())

    def knows(self, language: str) -> bool:
        """Those that the checkpoint has a token for; English where it has none."""
        return f"<|{language.partition('-')[0]}|>" in (self._languages or _ENGLISH_ONLY)

    @torch.inference_mode()
    def hear(self, speech: Speech, language: str) -> str:
        """The words, as it writes them: figures, capitals, punctuation."""
        samples = resample(speech, _RATE).samples
        given = self._processor(samples, sampling_rate=_RATE, return_tensors="pt").to(self._device)
        asked = {"language": language.partition("-")[0], "task": "transcribe"} if self._languages else {}
        spoken = self._model.generate(given.input_features, do_sample=False, **asked)
        return str(self._processor.batch_decode(spoken, skip_special_tokens=True)[0])
