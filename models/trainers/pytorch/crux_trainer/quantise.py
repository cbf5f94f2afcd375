"""The same model in 8-bit numbers, its ranges taken from pictures of `train`. It is proved on its own like any other."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Iterator, Sequence

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from crux_trainer.runtime import tensor_of

_PARTS = ("Conv", "Relu", "Clip", "Add", "MaxPool")
"""What follows the last convolution works with pixels and shares, which eight bits are too coarse for."""


class _Pictures(CalibrationDataReader):
    def __init__(self, name: str, pictures: Sequence[np.ndarray]):
        self._feeds: Iterator[dict[str, np.ndarray]] = iter({name: tensor_of(pixels)} for pixels in pictures)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def quantise(source: Path, target: Path, pictures: Sequence[np.ndarray], work: Path) -> None:
    """Static QDQ, weights per channel. Batch norms are folded before, or they would stand between what must fuse."""
    prepared = work / "prepared.onnx"
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    model = onnx.load(str(prepared))
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)
    try:
        quantize_static(
            str(prepared),
            str(target),
            _Pictures(model.graph.input[0].name, pictures),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_PARTS),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=after_convolutions(model),
            calibrate_method=CalibrationMethod.MinMax,
        )
    finally:
        logging.getLogger().setLevel(level)
    prepared.unlink()
    _tidy(target)


def _tidy(path: Path) -> None:
    """Leaves out operator sets that are named but not used: a station asks why a model would need them."""
    model = onnx.load(str(path))
    used = {node.domain for node in model.graph.node} | {""}
    kept = [one for one in model.opset_import if one.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.save(model, str(path))


def after_convolutions(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes from which no convolution is reached."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    leads: dict[str, bool] = {}
    for node in reversed(model.graph.node):
        later = [reader for out in node.output for reader in readers.get(out, [])]
        leads[node.name] = node.op_type == "Conv" or any(leads.get(reader.name, False) for reader in later)
    return [node.name for node in model.graph.node if not leads[node.name]]
