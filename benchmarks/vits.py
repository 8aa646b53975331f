"""VITS in batches against one by one, and against transformers' own forward. `make bench-vits`.

Random weights in two sizes: `small` and `mms` (36 million, the shape of facebook/mms-tts-*), the pace set so that a
character takes as long as in speech. What they say is noise, what they cost is what a trained checkpoint costs.
All three ways speak the same pieces with the same seeds, on one thread, in turns within a round; the pieces must have
the same number of samples each way.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from common import Figures, arguments, measured
from texts import texts
from transformers import VitsConfig, VitsModel, logging

from models.engine import Ended, Piece
from models.speech import Speech
from models.vits import Vits
from models.vits_model import VitsVoices

LETTERS = "_ 'abcdefghijklmnopqrstuvwxyz"
FRAMES_A_CHARACTER = 4.4  # 14 characters a second
SIZES = {
    "small": {"hidden_size": 96, "ffn_dim": 384, "flow_size": 96, "upsample_initial_channel": 192},
    "mms": {},
}
PACKAGES = ("loa-tts", "torch", "transformers")


async def main() -> int:
    options = arguments(__doc__ or "", tuple(SIZES))
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    rounds, count = (1, 4) if options.quick else (options.rounds, 16)
    with measured(PACKAGES, options) as figures, tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        for size in SIZES:
            if options.only in {None, size}:
                Bench(size, save(Path(folder) / size, size), figures).run(rounds, pieces(size, count))
    return 0


class Bench:
    """One size, all ways."""

    def __init__(self, size: str, folder: Path, figures: Figures) -> None:
        self._size, self._figures = size, figures
        self._engine = Vits(str(folder), "cpu")
        self._engine.load()
        self._theirs = VitsModel.from_pretrained(folder).eval()

    def run(self, rounds: int, some: Sequence[Piece]) -> None:
        """Each way once a round, in another order each time; the first round is not counted."""
        ways: dict[str, Callable[[], Iterable[int]]] = {
            "transformers": lambda: map(self._by_transformers, some),
            "one by one": lambda: (len(self._engine.speak(piece).samples) for piece in some),
            "batched, vocoder by rows": lambda: self._batched(some, together=False),
            "batched, vocoder together": lambda: self._batched(some, together=True),
        }
        for number in range(rounds + 1):
            names = random.Random(number).sample(sorted(ways), len(ways))
            seconds, lengths = {}, {}
            for name in names:
                began = time.process_time()
                lengths[name] = list(ways[name]())
                seconds[name] = time.process_time() - began
            if len({tuple(sorted(found)) for found in lengths.values()}) > 1:
                raise SystemExit(f"{self._size}: not all ways gave as many samples")
            if number:
                self._tell(seconds, sum(lengths["one by one"]) / self._engine.rate)
            print(".", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)

    def _tell(self, seconds: dict[str, float], audio: float) -> None:
        base = seconds["one by one"]
        for name, taken in seconds.items():
            if name != "one by one":
                self._figures.add(f"{self._size}: speed, {name} / one by one", base / taken)
        for name, taken in sorted(seconds.items()):
            self._figures.add(f"{self._size}: CPU time, {name}", 1000 * taken / audio, "ms/audio s")

    def _by_transformers(self, piece: Piece) -> int:
        ids = self._engine._texts[self._size].ids(piece.text)
        torch.manual_seed(piece.seed)
        with torch.inference_mode():
            return self._theirs(torch.tensor([ids])).waveform.shape[1]

    def _batched(self, some: Sequence[Piece], *, together: bool) -> list[int]:
        VitsVoices.together = together
        ended: list[Ended] = []
        waiting = list(enumerate(some))
        while len(ended) < len(some):
            while waiting and self._engine.fits(waiting[0][1]):
                self._engine.admit(*waiting.pop(0))
            ended += self._engine.step()
        return [len(one.result.samples) for one in ended if isinstance(one.result, Speech)]


def pieces(size: str, count: int) -> list[Piece]:
    """Beginnings of texts, 20 to 200 characters, letters only."""
    lengths = random.Random(3)
    found = ("".join(c for c in text.lower() if c in LETTERS) for text in texts(count))
    return [Piece(text[: lengths.randint(20, 200)].strip(), size, 1.0, n) for n, text in enumerate(found)]


def save(folder: Path, size: str) -> Path:
    """A checkpoint of random weights at the pace of speech."""
    torch.manual_seed(1)
    config = VitsConfig(vocab_size=len(LETTERS), **SIZES[size])
    model = VitsModel(config).eval()
    model.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({c: n for n, c in enumerate(LETTERS)}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"language": "eng", "phonemize": False}))
    made = Vits(str(folder), "cpu")
    made.load()
    text = pieces(size, 1)[0].text
    low, high = 1e-3, 1e3
    for _ in range(40):  # frames fall as the rate grows
        made._loaded[size]._model.speaking_rate = middle = (low * high) ** 0.5
        row = made._take(0, Piece(text, size, 1.0, 0)).row
        try:
            frames = made._loaded[size].spectrograms([row])[0].frames
        except Exception:  # far too many
            frames = sys.maxsize
        low, high = (middle, high) if frames > FRAMES_A_CHARACTER * len(text) else (low, middle)
    described = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(described | {"speaking_rate": high}))
    return folder


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
