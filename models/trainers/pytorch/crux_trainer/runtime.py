"""The exported file in onnxruntime, as stations run it, beside what PyTorch says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterable, Mapping

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from crux_trainer.batches import MEAN, STD
from crux_trainer.errors import TrainingError

_TOLERANCE = 1e-3


class Session:
    def __init__(self, path: Path):
        options = ort.SessionOptions()
        options.log_severity_level = 3
        # One thread, as on a station.
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.names = [out.name for out in self._session.get_outputs()]

    def run(self, pixels: np.ndarray) -> dict[str, np.ndarray]:
        """Outputs for a picture [h, w, 3] of bytes at input size."""
        return dict(zip(self.names, self._session.run(None, {self._input: tensor_of(pixels)})))


def tensor_of(pixels: np.ndarray) -> np.ndarray:
    """[1, 3, h, w] = (pixel / 255 - mean) / std"""
    values = (pixels.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


@torch.no_grad()
def torch_outputs(graph: nn.Module, names: Iterable[str], pixels: np.ndarray) -> dict[str, np.ndarray]:
    answer = graph(torch.from_numpy(tensor_of(pixels)))
    outputs = answer if isinstance(answer, tuple) else (answer,)
    return {name: out.numpy() for name, out in zip(names, outputs)}


def compare(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> float:
    """Largest difference, relative where numbers are larger than one. Throws `export_failed`: such a file is not handed in."""
    worst = 0.0
    for name, value in ours.items():
        other = theirs[name]
        if other.shape != value.shape or not np.isfinite(other).all():
            raise TrainingError(
                "export_failed", f"{name} is {other.shape} in the exported file, {value.shape} in PyTorch"
            )
        worst = max(worst, float((np.abs(value - other) / np.maximum(1, np.abs(value))).max()))
    if worst > _TOLERANCE:
        raise TrainingError("export_failed", f"the exported model is off by {worst:.3g}: it is not handed in")
    return worst


def fused_share(path: Path, work: Path) -> float | None:
    """Share of convolutions that run on whole numbers once the runtime has had its way; None without any."""
    import onnx

    optimised = work / "optimised.onnx"
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(optimised)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    counts: dict[str, int] = {}
    for node in onnx.load(str(optimised)).graph.node:
        counts[node.op_type] = counts.get(node.op_type, 0) + 1
    optimised.unlink()
    whole, plain = counts.get("QLinearConv", 0), counts.get("Conv", 0) + counts.get("FusedConv", 0)
    return whole / (whole + plain) if whole + plain else None


def described(values: np.ndarray) -> dict[str, Any]:
    return {
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
    }
