"""A tiny checkpoint, made once, and what is loaded from it. Everything here computes on one thread."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DacModel, DiaForConditionalGeneration
from transformers.utils import logging

from models.dia.codec import Codec
from models.dia.drive import Eager
from models.dia.loop import Loop
from models.dia.rules import Rules
from models.dia.state import State
from models.dia.weights import take
from tests.torch.tiny import save_checkpoint
from tests.torch.vits_checkpoints import save_vits

NewState = Callable[..., State]
NewLoop = Callable[..., Loop]


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, quiet: None) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("dia"))


@pytest.fixture(scope="session")
def reference(checkpoint: Path) -> Any:
    """transformers' own model, in float64."""
    return DiaForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float64).eval()


@pytest.fixture(scope="session")
def dac(checkpoint: Path) -> Any:
    """transformers' own codec, in float64."""
    return DacModel.from_pretrained(checkpoint / "codec", dtype=torch.float64).eval()


@pytest.fixture(scope="session")
def codec(dac: Any) -> Codec:
    return Codec(dac)


@pytest.fixture(scope="session")
def new_state(checkpoint: Path) -> NewState:
    """Makes the state of some slots. `dtype`: of the weights, which are loaded once for each."""
    weights = {}

    def make(slots: int = 3, dtype: torch.dtype = torch.float64, *, hashed: bool = False) -> State:
        if dtype not in weights:
            model = DiaForConditionalGeneration.from_pretrained(checkpoint, dtype=dtype).eval()
            weights[dtype] = take(model), Rules.of(model.config)
        with torch.inference_mode():
            sizes = {"positions": 320, "text_bytes": 256, "most_candidates": 45}
            return State(*weights[dtype], slots, **sizes, hashed=hashed)

    return make


@pytest.fixture
def new_loop(new_state: NewState, codec: Codec) -> Iterator[NewLoop]:
    """Makes loops; all that they were given to speak must have ended by the end of the test, or been dropped."""
    made = []

    def make(slots: int = 3, *, rounded: bool = False, hashed: bool = False, **options: int) -> Loop:
        state = new_state(slots, hashed=hashed)
        made.append(Loop(state, Eager(state, rounded=rounded), codec, **options))
        return made[-1]

    yield make
    assert not any(loop.busy for loop in made)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of Vietnamese, with the stochastic duration predictor."""
    return save_vits(tmp_path_factory.mktemp("vits") / "tiny-vie")


@pytest.fixture(scope="session")
def regular(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with the plain duration predictor."""
    return save_vits(tmp_path_factory.mktemp("vits") / "regular", stochastic=False)


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of English, with three speakers."""
    return save_vits(tmp_path_factory.mktemp("vits") / "many", speakers=3, language="eng", rate=22_050)
