"""Token for token what transformers generates, whoever is spoken beside."""

from typing import Any

import pytest
import torch
from torch import Tensor

from models.dia.sampling import Knobs
from tests.torch.conftest import NewLoop, NewState
from tests.torch.speaking import TEXTS, generate, request, speak_all

GREEDY = [request(words, 0, greedy=True) for words in TEXTS]
SAMPLED = [request(words, seed) for seed, words in enumerate(TEXTS * 2)]
OTHERWISE = [
    request(TEXTS[0], 7, temperature=1.0, top_p=1.0),
    request(TEXTS[1], 8, top_k=20, guidance=1.5, temperature=2.0),
    request(TEXTS[3], 9, top_p=0.5, most_frames=1),
    request(TEXTS[3], 9, most_frames=17),
]


def recording(frames: int, seed: int) -> Tensor:
    return torch.randint(0, 1024, (frames, 9), generator=torch.Generator().manual_seed(seed))


CLONED = [request(TEXTS[seed], seed, 40, recording(frames, seed)) for seed, frames in enumerate((30, 1, 64))]
"""Recordings longer than the longest delay, and shorter."""

ASKED = [*GREEDY, *SAMPLED, *OTHERWISE, *CLONED]


@pytest.fixture(scope="module")
def wanted(reference: Any) -> list[tuple[Tensor, bool]]:
    """What transformers makes of each, alone."""
    return [generate(reference, each) for each in ASKED]


@pytest.mark.parametrize("rounded", [False, True], ids=["exact shapes", "shapes of graphs"])
def test_codes_are_those_of_transformers(wanted: list[tuple[Tensor, bool]], new_loop: NewLoop, rounded: bool) -> None:
    done = speak_all(new_loop(slots=3, rounded=rounded), ASKED)
    for each, (codes, whole) in zip(done, wanted, strict=True):
        assert each.codes.shape == codes.shape
        assert torch.equal(each.codes, codes)
        assert each.whole == whole


def test_what_is_compared_ends_by_itself_and_by_force(wanted: list[tuple[Tensor, bool]]) -> None:
    assert {whole for _, whole in wanted} == {True, False}
    assert len({codes.shape[1] for codes, _ in wanted}) >= 8


def test_rounding_stays_small(reference: Any, new_state: NewState, monkeypatch: pytest.MonkeyPatch) -> None:
    """float32 parts from float64 sooner or later; given the same codes, its scores stay near."""
    asked, seen = request(TEXTS[3], 3, most_frames=100), []

    def chosen(scores: Tensor, knobs: Knobs, noise: object, end: int) -> Tensor:
        seen.append(scores)
        return torch.zeros(1, 9, dtype=torch.long)

    monkeypatch.setattr("models.dia.state.choose", chosen)
    state = new_state(1, torch.float32)
    columns = torch.cat([state.rules.fixed(None), recording(100, 1)])
    columns = torch.where(columns == state.rules.free, 5, columns)
    with torch.inference_mode():
        state.begin(0, list(asked.text), None, 300, None)
        state.codes[0, : len(columns)] = columns
        for at in range(len(columns) - 1):
            state.advance(1, at + 1, len(asked.text))
        texts = torch.tensor([asked.text, [0] * len(asked.text)])
        wanted = reference(input_ids=texts, decoder_input_ids=columns[None, :-1].expand(2, -1, -1)).logits
    wanted = wanted.view(2, 9, -1, 1028)
    got = torch.stack(seen, dim=2)
    assert got.shape == wanted.shape
    assert (got - wanted).abs().max() < 1e-3 * wanted.std()
