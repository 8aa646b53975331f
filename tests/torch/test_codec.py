"""Samples of windows are those of the whole."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import DacModel

from models.dia.codec import Codec, Window, context_frames, next_window
from models.dia.loop import Loop
from tests.torch.conftest import NewLoop
from tests.torch.speaking import TEXTS, request, speak_all

SIZE = 48


def whole(dac: Any, codes: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return dac.decode(audio_codes=codes[None]).audio_values[0].float().numpy()


def some_codes(frames: int) -> torch.Tensor:
    return torch.randint(0, 1024, (9, frames), generator=torch.Generator().manual_seed(frames))


def test_the_published_codec_reaches_ten_frames() -> None:
    assert context_frames((8, 8, 4, 2)) == 10


@pytest.mark.parametrize("frames", [1, 9, SIZE - 1, SIZE, SIZE + 1, 77, 200])
@pytest.mark.parametrize("at_once", [1, 13, 1000])
def test_windows_are_exact(dac: Any, codec: Codec, frames: int, at_once: int) -> None:
    """However many frames become known at a time."""
    codes, spoken, known, parts, windows = some_codes(frames), 0, 0, [], []
    while spoken < frames:
        window = next_window(spoken, known, known == frames, codec.context, SIZE)
        if window is None:
            known = min(known + at_once, frames)
            continue
        windows.append(window)
        samples = codec.decode([codes[:, window.begin : window.end]])[0]
        parts.append(samples[512 * (window.fresh - window.begin) : 512 * (window.until - window.begin)])
        spoken = window.until
    assert {window.end - window.begin for window in windows} == {min(SIZE, frames)}
    assert np.abs(np.concatenate(parts) - whole(dac, codes)).max() < 1e-6


@pytest.mark.parametrize(("dtype", "most"), [(torch.float64, 1e-9), (torch.float32, 5e-4)])
def test_windows_are_as_exact_as_the_numbers(checkpoint: Path, dtype: torch.dtype, most: float) -> None:
    """Before they are rounded to samples, and as loud as speech: random weights alone are all ones, at both signs."""
    model: Any = DacModel.from_pretrained(checkpoint / "codec", dtype=dtype).eval()
    codes, spoken, parts, loud = some_codes(200), 0, [], []
    model.decoder.conv2.register_forward_hook(lambda _layer, _given, made: loud.append(made.std()))
    with torch.inference_mode():
        model.decode(audio_codes=codes[None])
        for weights in model.decoder.conv2.parameters():
            weights.mul_(0.1 / loud[0])
        at_once = model.decode(audio_codes=codes[None]).audio_values[0]
        assert 0.05 < at_once.std() < 0.2
        while window := next_window(spoken, 200, True, Codec(model).context, SIZE):
            decoded = model.decode(audio_codes=codes[None, :, window.begin : window.end]).audio_values[0]
            parts.append(decoded[512 * (window.fresh - window.begin) : 512 * (window.until - window.begin)])
            spoken = window.until
    assert len(parts) > 2
    assert (torch.cat(parts) - at_once).abs().max() <= most


def test_with_less_context_it_would_not_be_exact(dac: Any, codec: Codec) -> None:
    codes = some_codes(100)
    window = Window(20, 80, 28, 72)
    samples = codec.decode([codes[:, window.begin : window.end]])[0]
    kept = samples[512 * 8 : 512 * 52]
    assert np.abs(kept - whole(dac, codes)[512 * 28 : 512 * 72]).max() > 1e-4


def test_a_batch_is_what_each_is_alone(dac: Any, codec: Codec) -> None:
    each = [some_codes(60)[:, start : start + SIZE] for start in range(4)]
    for together, codes in zip(codec.decode(each), each, strict=True):
        assert np.abs(together - whole(dac, codes)).max() < 1e-6


def test_a_recording_is_encoded_whole(dac: Any, codec: Codec) -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, 512 * 20 - 100).astype(np.float32)
    codes = codec.encode(samples)
    assert codes.shape == (20, 9)
    with torch.inference_mode():
        padded = torch.from_numpy(np.pad(samples, (0, 100))).double()[None, None]
        assert torch.equal(codes, dac.encode(padded).audio_codes[0].T)


def test_samples_come_while_it_is_spoken(dac: Any, new_loop: NewLoop) -> None:
    loop = new_loop(slots=2, window_frames=SIZE, patience=2)
    loop.admit(1, request(TEXTS[0], 5, most_frames=200, temperature=1.0))
    loop.admit(2, request(TEXTS[1], 6, most_frames=200))
    parts, done = taken_until_done(loop, 1)
    speak_all(loop, [])
    if done.codes.shape[1] > 2 * SIZE:
        assert len(parts) > 1
    heard = np.concatenate([*parts, done.samples])
    assert np.abs(heard - whole(dac, done.codes)).max() < 1e-6


def taken_until_done(loop: Loop, key: int) -> tuple[list[np.ndarray], Any]:
    parts: list[np.ndarray] = []
    while True:
        for done in loop.step():
            if done.key == key:
                return parts, done
        if len(taken := loop.take(key)):
            parts.append(taken)
