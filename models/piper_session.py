"""A Piper model whose noise is given instead of drawn, so that the same seed gives the same samples.

VITS draws noise twice, and an exported graph does it inside, by `RandomNormalLike`: onnxruntime seeds such a node once,
when it makes the session, and goes on from there at every run. Here each of these nodes is replaced by an input of the
graph, a long row of numbers of which the graph takes as many as it needs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.engine import SpeakError

_DRAWS = "RandomNormalLike"
_OTHER_DRAWS = {"RandomNormal", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
_NOISE = "loa_noise_"

# 1365 frames of 192 channels, 16 s. More is drawn when the graph asks for it: what was drawn first stays as it was.
_FIRST_DRAWN = 1 << 18
_MOST_DRAWN = 1 << 24


class SeededSession:
    """Runs as an `onnxruntime.InferenceSession` does. `seed` begins anew. Raises SpeakError for a file that is none."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        # One thread a process, and its own: results depend on the number.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.enable_mem_pattern = False  # a plan is kept for each length, and lengths hardly come again
        try:
            model = onnx.load(path, load_external_data=False)
            self._noise = _open(model)
            self._session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except SpeakError:
            raise
        except Exception as error:  # protobuf's, onnx's, onnxruntime's own
            raise SpeakError(f"Piper voice {str(path)!r} cannot be loaded: {type(error).__name__}: {error}") from error
        self.seed(0)

    def seed(self, seed: int) -> None:
        """The runs that follow draw from this seed."""
        self._seeds = np.random.SeedSequence(seed)

    def run(self, names: Sequence[str] | None, inputs: Mapping[str, Any]) -> list[NDArray[np.float32]]:
        """One run of the graph."""
        seeds = self._seeds.spawn(len(self._noise))
        count = _FIRST_DRAWN
        while True:
            noise = {n: _draw(seed, count) for n, seed in zip(self._noise, seeds, strict=True)}
            try:
                return list(self._session.run(names, {**inputs, **noise}))
            except Exception as error:  # onnxruntime has no public class for it
                if _NOISE not in str(error) or count >= _MOST_DRAWN:
                    raise
            count *= 4


def _draw(seed: np.random.SeedSequence, count: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(count, dtype=np.float32)


def _open(model: Any) -> list[str]:
    """Replace the nodes that draw; returns the names of the new inputs. Raises SpeakError for other kinds of chance."""
    names: list[str] = []
    nodes: list[Any] = []
    for node in model.graph.node:
        if node.op_type in _OTHER_DRAWS or (node.op_type == _DRAWS and not _is_standard(node)):
            raise SpeakError(f"its graph draws by {node.op_type}, which cannot be given a seed")
        if node.op_type == _DRAWS:
            names.append(f"{_NOISE}{len(names)}")
            nodes += _taken(names[-1], node.input[0], node.output[0])
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.input.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["count"]) for name in names)
    return names


def _is_standard(node: Any) -> bool:
    """Mean 0 and scale 1."""
    given = {attribute.name: attribute.f for attribute in node.attribute}
    return bool(given.get("mean", 0.0) == 0.0 and given.get("scale", 1.0) == 1.0)


def _taken(name: str, like: str, output: str) -> list[Any]:
    """Nodes that take from the row `name` as much as the tensor `like` has, in its shape."""
    zero = helper.make_tensor(f"{name}_zero", TensorProto.INT64, [1], [0])
    return [
        helper.make_node("Constant", [], [f"{name}_from"], f"{name}_from", value=zero),
        helper.make_node("Shape", [like], [f"{name}_shape"], f"{name}_shape"),
        helper.make_node("ReduceProd", [f"{name}_shape"], [f"{name}_count"], f"{name}_count", keepdims=1),
        helper.make_node("Slice", [name, f"{name}_from", f"{name}_count"], [f"{name}_flat"], f"{name}_flat"),
        helper.make_node("Reshape", [f"{name}_flat", f"{name}_shape"], [output], f"{name}_reshape"),
    ]
