"""Piper voices whose graphs are made here: noise as loud as the speaker's number, some samples for each phoneme."""

import json
from pathlib import Path
from typing import Any

from onnx import TensorProto, helper, save

ALPHABET = "_^$ abcdefghijklmnopqrstuvwxyz,.'"


def save_voice(
    folder: Path,
    name: str,
    *,
    rate: int = 22_050,
    speakers: int = 1,
    samples: int = 2_000,
    draws: str = "RandomNormalLike",
    **config: Any,
) -> Path:
    """`samples`: for each phoneme id. `draws`: the operator that makes noise."""
    constants = {"per_id": ([1], [samples]), "one": ([1], [1])}
    nodes = [
        helper.make_node("Constant", [], [key], value=helper.make_tensor(key, TensorProto.INT64, shape, values))
        for key, (shape, values) in constants.items()
    ]
    nodes += [
        helper.make_node("Mul", ["input_lengths", "per_id"], ["length"]),
        helper.make_node("Concat", ["one", "one", "length"], ["shape"], axis=0),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node(draws, ["zeros"], ["noise"], name="noise"),
        helper.make_node("Sigmoid", ["noise"], ["within"]),
        helper.make_node("Identity", ["within"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, ["batch", "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, ["batch"]))
        nodes[-1] = helper.make_node("Pow", ["within", "power"], ["output"])
        nodes.insert(-1, helper.make_node("Cast", ["sid"], ["power"], to=TensorProto.FLOAT))
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", "one", "samples"])]
    graph = helper.make_graph(nodes, "voice", inputs, outputs)
    path = folder / f"{name}.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), path)
    described = {
        "audio": {"sample_rate": rate},
        "espeak": {"voice": "en-us"},
        "num_speakers": speakers,
        "num_symbols": len(ALPHABET),
        "phoneme_type": "text",
        "phoneme_id_map": {c: [n] for n, c in enumerate(ALPHABET)},
    }
    path.with_name(f"{name}.onnx.json").write_text(json.dumps(described | config))
    return path
