"""Text to character ids, as transformers' tokenizer gives them."""

import json
import shutil
from pathlib import Path

import pytest
from transformers import VitsTokenizer

from models.engine import Piece
from models.speech import Speech
from models.vits import Vits
from models.vits_checkpoint import open_checkpoint
from models.vits_text import VitsText
from tests.torch.vits_checkpoints import save_vits

TEXTS = ("xin chào các bạn", "Xin chào, CÁC bạn!  Đẹp?", "it's\n“quoted” — dash", "ĐƯỜNG", "Đơn hàng", "a")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_vits(tmp_path_factory.mktemp("vits") / "tiny-vie")


@pytest.fixture(scope="module")
def romanised(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the MMS checkpoints of languages in other scripts."""
    folder = tmp_path_factory.mktemp("vits") / "tiny-rus"
    shutil.copytree(plain, folder)
    told = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(told | {"is_uroman": True, "language": "rus"}))
    return folder


def test_ids_are_those_of_the_tokenizer(plain: Path) -> None:
    tokenizer = VitsTokenizer.from_pretrained(plain)
    ours = VitsText(tokenizer.encoder, {"language": "vie"})
    for text in TEXTS:
        assert ours.ids(text) == tokenizer(text).input_ids


def test_other_scripts_are_romanised_as_by_the_tokenizer(romanised: Path) -> None:
    text, latin = "Привет, мир! Καλημέρα, xin chào", "privet mir kalemera xin chao"
    checkpoint = open_checkpoint(str(romanised))
    ours = VitsText(checkpoint.alphabet, checkpoint.tokenizer)
    assert ours.ids(text) == ours.ids(latin) == VitsTokenizer.from_pretrained(romanised)(text).input_ids


def test_a_romanised_voice_speaks(romanised: Path) -> None:
    engine = Vits(str(romanised))
    engine.load()
    engine.admit(0, Piece("Привет, мир!", engine.voices[0].name, 1.0, 3))
    while not (ended := engine.step()):
        pass
    assert isinstance(ended[0].result, Speech)
    assert len(ended[0].result.samples) > 100
