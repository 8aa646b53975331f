"""The noise that a GPU draws is as good as torch's."""

import torch
from torch import Tensor

from models.dia.noise import HashNoise

IDS = torch.arange(1028).expand(1, 9, -1)


def noise(seed: int, column: int) -> Tensor:
    made = HashNoise(2, torch.device("cpu"))
    made.begin(0, seed)
    return made.of(IDS, torch.tensor([column]))


def test_it_is_exponential() -> None:
    drawn = torch.cat([noise(seed, column) for seed in (0, 1, 2**32 - 1) for column in range(40)]).flatten()
    assert drawn.min() > 0
    ordered = (1 - torch.exp(-drawn)).double().sort().values
    expected = (torch.arange(len(ordered)) + 0.5) / len(ordered)
    # Kolmogorov and Smirnov: 1.63 / sqrt(n) is passed by one of a hundred samples.
    assert (ordered - expected).abs().max() < 1.63 / len(ordered) ** 0.5


def test_seeds_columns_and_channels_are_independent() -> None:
    one = noise(1, 5)
    channels = [one[0, channel] for channel in range(9)]
    others = [noise(2, 5)[0, 0], noise(1, 6)[0, 0], noise(5, 1)[0, 0]]
    correlations = torch.corrcoef(torch.stack([*channels, *others])) - torch.eye(12)
    assert correlations.abs().max() < 4.5 / 1028**0.5


def test_a_candidate_has_its_noise_wherever_it_stands() -> None:
    made = HashNoise(3, torch.device("cpu"))
    made.begin(2, 7)
    made.move(2, 1)
    made.begin(0, 3)
    ids = torch.tensor([[[5, 9]] * 9, [[9, 1027]] * 9])
    drawn = made.of(ids, torch.tensor([1, 5]))
    assert torch.equal(drawn[1], noise(7, 5)[0][:, [9, 1027]])
    assert torch.equal(drawn[0], noise(3, 1)[0][:, [5, 9]])


def test_a_code_is_drawn_as_often_as_it_is_likely() -> None:
    likely = torch.tensor([0.6, 0.3, 0.1])
    drawn = torch.cat([(likely / noise(seed, 0)[0, :, :3]).argmax(-1) for seed in range(700)])
    shares = torch.bincount(drawn, minlength=3) / len(drawn)
    assert (shares - likely).abs().max() < 0.03
