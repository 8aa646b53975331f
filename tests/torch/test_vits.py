"""The engine `vits` against transformers' own forward, with tiny random weights."""

import functools
import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from transformers import VitsModel, VitsTokenizer

from models import vits_model
from models.engine import Ended, OutOfMemory, Piece, SpeakError, UnknownVoice
from models.speech import Samples
from models.vits_text import VitsText
from tests.torch.vits_checkpoints import LETTERS
from tests.torch.vits_speaking import engine, samples, spoken

TEXTS = (
    "xin chào các bạn",
    "a",
    "hôm nay trời đẹp quá, chúng ta đi chơi nhé",
    "Đơn hàng đã được giao",
    "the quick brown fox jumps over the lazy dog and runs away into the forest",
    "vâng",
)
MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As in an engine process: on cores that are taken, several threads wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@functools.cache
def loaded(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    """Model and tokenizer of transformers."""
    return VitsModel.from_pretrained(folder, dtype=dtype).eval(), VitsTokenizer.from_pretrained(folder)


def theirs(folder: Path, text: str, seed: int, dtype: torch.dtype, speaker: int | None = None) -> Samples:
    """What transformers makes of it, alone."""
    model, tokenizer = loaded(folder, dtype)
    ids = tokenizer(text, return_tensors="pt").input_ids
    torch.manual_seed(seed)
    with torch.no_grad():
        waveform: Samples = model(ids, speaker_id=speaker).waveform[0].float().numpy()
    return waveform


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["plain", "regular", "many"])
def test_a_piece_alone_is_what_transformers_makes_of_it(request: pytest.FixtureRequest, kind: str, dtype: str) -> None:
    folder: Path = request.getfixturevalue(kind)
    made = engine(folder, dtype=dtype)
    speaker = 2 if kind == "many" else None
    voice = made.voices[2 if speaker else 0].name
    for text, seed in itertools.product(TEXTS, (0, 4_294_967_295)):
        ours = made.speak(Piece(text, voice, 1.0, seed)).samples
        expected = theirs(folder, text, seed, getattr(torch, dtype), speaker)
        assert len(ours) == len(expected)
        assert np.abs(ours - expected).max() <= 1e-6
        assert np.abs(ours).max() > 1e-3


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("kind", ["plain", "regular", "many"])
def test_a_piece_is_the_same_in_any_company_and_order(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kind: str, together: bool
) -> None:
    monkeypatch.setattr(vits_model.VitsVoices, "together", together)
    made = engine(request.getfixturevalue(kind), dtype="float64")
    voices = itertools.cycle(voice.name for voice in made.voices)
    speeds = itertools.cycle((1.0, 0.7, 1.9))
    pieces = [Piece(t, next(voices), next(speeds), s) for s, t in enumerate(TEXTS * 4)]
    alone = [made.speak(piece).samples for piece in pieces]
    assert len({len(one) for one in alone}) > 4
    for shuffle in range(3):
        order = list(range(len(pieces)))
        random.Random(shuffle).shuffle(order)
        results = spoken(made, [pieces[n] for n in order])
        for n, result in zip(order, results, strict=True):
            assert len(samples(result)) == len(alone[n])
            assert np.abs(samples(result) - alone[n]).max() <= 1e-6


def test_the_end_of_a_short_row_is_not_that_of_its_padding(plain: Path) -> None:
    """Without the cut before every convolution, the padding of a batch reaches back into the end of shorter rows."""
    voices = vits_model.VitsVoices(plain, "cpu", "float64")
    ids = VitsText({c: n for n, c in enumerate("_" + LETTERS)}, {}).ids
    rows = [vits_model.Row(ids(text), 1.0, 3, None) for text in ("xin chào", "xin chào các bạn, hôm nay trời đẹp")]
    short, long = voices.spectrograms(rows)
    together, alone = voices.waveforms([short, long])[0], voices.waveforms([short])[0]
    assert np.abs(together - alone).max() <= 1e-7
    voices._ends._cut = lambda *_: None  # type: ignore[method-assign]
    for hook in [module._forward_pre_hooks for module in voices._model.decoder.modules()]:
        hook.clear()
    assert np.abs(voices.waveforms([short, long])[0] - alone)[-64:].max() > 1e-4


def test_seeds_and_speeds_tell(plain: Path) -> None:
    made = engine(plain)
    text, voice = TEXTS[2], made.voices[0].name
    one, again, other = (made.speak(Piece(text, voice, 1.0, seed)).samples for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert len(one) != len(other) or not np.array_equal(one, other)
    lengths = [len(made.speak(Piece(text, voice, speed, 1)).samples) for speed in (0.25, 0.5, 1.0, 2.0, 4.0)]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=2)
    assert lengths[4] == pytest.approx(lengths[3] / 2, abs=2)


def test_transformers_seed_of_a_batch_would_not_do(plain: Path) -> None:
    """The trap this engine exists for: with one seed for a batch, a row's samples depend on its company."""
    model, tokenizer = VitsModel.from_pretrained(plain).eval(), VitsTokenizer.from_pretrained(plain)
    found = []
    for batch in (TEXTS[:1], TEXTS[:3]):
        inputs = tokenizer(list(batch), return_tensors="pt", padding=True)
        torch.manual_seed(5)
        with torch.no_grad():
            found.append(model(**inputs).waveform[0, :300].numpy())
    assert np.abs(found[0] - found[1]).max() > 0.05


@pytest.mark.parametrize("where", ["spectrograms", "waveforms"])
def test_without_memory_a_batch_is_halved_until_only_the_guilty_piece_fails(
    plain: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(vits_model.VitsVoices, "together", True)
    monkeypatch.setattr("models.vits._ALIKE", 1e9)
    made = engine(plain)
    pieces = [Piece(text, made.voices[0].name, 1.0, seed) for seed, text in enumerate(TEXTS)]
    alone = [made.speak(piece).samples for piece in pieces]
    voices = made._loaded[made._checkpoints[0].name]
    original, guilty, tried = getattr(voices, where), 4, []
    longest = max(len(one) for one in alone) // 16

    def short_of_memory(batch: Sequence[vits_model.Row] | Sequence[vits_model.Spectrogram]) -> object:
        tried.append(len(batch))
        big = (len(x.ids) > 2 * 70 if isinstance(x, vits_model.Row) else x.frames == longest for x in batch)
        if any(big):
            raise OutOfMemory("CUDA out of memory")
        return original(batch)

    monkeypatch.setattr(voices, where, short_of_memory)
    results = spoken(made, pieces)
    assert isinstance(results[guilty], OutOfMemory)
    for n, result in enumerate(results):
        if n != guilty:
            assert np.abs(samples(result) - alone[n]).max() <= 1e-4
    assert tried[0] == len(pieces)
    assert 1 in tried


def test_torch_without_memory_is_told_as_such(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = engine(plain)
    voices = made._loaded[made._checkpoints[0].name]

    def fail(*_: object, **__: object) -> None:
        torch.empty(1 << 60)

    monkeypatch.setattr(voices._model.decoder, "forward", fail)
    with pytest.raises(OutOfMemory):
        made.speak(Piece("xin chào", made.voices[0].name, 1.0, 0))


def test_dropped_pieces_are_forgotten_and_make_room(plain: Path) -> None:
    made = engine(plain)
    piece = Piece("xin chào", made.voices[0].name, 1.0, 0)
    for key in range(made.slots):
        assert made.fits(piece)
        made.admit(key, piece)
    assert not made.fits(piece)
    made.drop(0)
    made.drop(99)
    assert made.fits(piece)
    made.step()
    made.drop(1)
    ended: list[Ended] = []
    while not made.fits(piece) or len(ended) < made.slots - 2:
        ended += made.step()
    assert sorted(one.key for one in ended) == list(range(2, made.slots))
    assert list(made.step()) == []


def test_text_that_cannot_be_read_is_refused_before_it_is_spoken(plain: Path) -> None:
    made = engine(plain)
    voice = made.voices[0].name
    for text, named in (("привет", "п р и в е т"), ("room 7", "7"), ("…!", "anything")):
        with pytest.raises(SpeakError, match=named):
            made.admit(0, Piece(text, voice, 1.0, 0))
    with pytest.raises(UnknownVoice, match="'nobody'"):
        made.admit(0, Piece("xin chào", "nobody", 1.0, 0))
    assert list(made.step()) == []


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_the_vocoders_alone(plain: Path, dtype: str) -> None:
    piece = Piece(TEXTS[2], "tiny-vie", 1.0, 1)
    full, half = engine(plain).speak(piece).samples, engine(plain, dtype=dtype).speak(piece).samples
    assert len(full) == len(half)
    assert half.dtype == np.float32
    assert 0.98 < np.corrcoef(full, half)[0, 1] < 1 - 1e-9


def test_durations_without_end_are_an_error(plain: Path) -> None:
    made = engine(plain)
    made._loaded["tiny-vie"]._model.speaking_rate = 1e-9
    with pytest.raises(SpeakError, match="frames for"):
        made.speak(Piece("xin chào", "tiny-vie", 1.0, 0))


def test_memory_stays_level(plain: Path) -> None:
    made = engine(plain)
    lengths = random.Random(1)

    def some(count: int) -> None:
        pieces = [Piece("xin chào các bạn " * lengths.randint(1, 6), "tiny-vie", 1.0, seed) for seed in range(count)]
        spoken(made, pieces)

    some(40)
    before = psutil.Process().memory_info().rss
    some(80)
    assert psutil.Process().memory_info().rss - before < 48 * MEBIBYTE
