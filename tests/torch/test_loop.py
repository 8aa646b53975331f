"""Requests come and go, and none notices another."""

import gc
import itertools
import random

import numpy as np
import psutil
import pytest
import torch

from models.dia.seat import Done
from tests.torch.conftest import NewLoop
from tests.torch.speaking import TEXTS, request, speak_all

ASKED = [request(words, seed, most_frames=50) for seed, words in enumerate(TEXTS * 2)]


def same(one: Done, other: Done) -> bool:
    return torch.equal(one.codes, other.codes) and np.abs(one.samples - other.samples).max(initial=0) < 1e-6


@pytest.mark.parametrize("hashed", [False, True], ids=["noise of torch", "noise as on a GPU"])
def test_results_do_not_depend_on_company_or_order(new_loop: NewLoop, hashed: bool) -> None:
    alone = speak_all(new_loop(slots=1, hashed=hashed), ASKED)
    order = list(range(len(ASKED)))
    random.Random(3).shuffle(order)
    together = speak_all(new_loop(slots=4, hashed=hashed), [ASKED[n] for n in order])
    assert all(same(alone[n], together[place]) for place, n in enumerate(order))
    assert len({each.codes.shape[1] for each in alone}) > 3


def test_who_is_dropped_leaves_the_others_as_they_are(new_loop: NewLoop) -> None:
    alone = speak_all(new_loop(slots=1), ASKED[:4])
    loop, done = new_loop(slots=4), {}
    for key in range(4):
        loop.admit(key, ASKED[key])
    assert not loop.room
    for number in itertools.count():
        if number == 2:
            loop.drop(0)
            loop.drop(17)
            assert loop.room
        if not loop.busy:
            break
        done |= {each.key: each for each in loop.step()}
    assert set(done) == {1, 2, 3}
    assert all(same(alone[key], each) for key, each in done.items())


def test_a_slot_is_free_before_all_its_samples_are_made(new_loop: NewLoop) -> None:
    """The codec's work, a window at a time, holds nobody up."""
    loop = new_loop(slots=1, window_frames=24, windows=64, patience=1000)
    loop.admit(0, request(TEXTS[3], 1, most_frames=60))
    while not loop.room:
        assert not loop.step()
    assert loop.busy
    loop.admit(1, request(TEXTS[0], 2, most_frames=5))
    assert {done.key for done in speak_all(loop, [])} == {0, 1}


def test_a_request_never_outgrows_its_slot(new_loop: NewLoop) -> None:
    done = speak_all(new_loop(slots=1), [request(TEXTS[1], 4, most_frames=10_000, temperature=3.0, top_p=1.0)])
    assert done[0].codes.shape[1] <= 320 - 15


def test_memory_does_not_grow_with_requests(new_loop: NewLoop) -> None:
    loop = new_loop(slots=4)
    asked = [request(words, seed, most_frames=6) for seed, words in enumerate(TEXTS)]
    speak_all(loop, asked)
    before, resident = living_tensors(), psutil.Process().memory_info().rss
    speak_all(loop, asked * 8)
    assert living_tensors() == before
    assert psutil.Process().memory_info().rss - resident < 16 << 20


def living_tensors() -> tuple[int, int]:
    """How many there are, and their bytes."""
    gc.collect()
    tensors = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
    return len(tensors), sum(each.nbytes for each in tensors)
