"""A trained graph as one ONNX file with a contract in it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch

from crux_trainer.batches import MEAN, STD
from crux_trainer.errors import TrainingError
from crux_trainer.pictures import Frame
from crux_trainer.recipes.recipe import Trained

INPUT = "image"
LICENCE = "BSD-3-Clause"
"""Of torchvision, whose networks these are."""


def export_onnx(trained: Trained, frame: Frame, opset: int, path: Path) -> None:
    """Writes the graph with fixed shapes, weights inside. Throws `export_failed`."""
    graph = trained.graph.to("cpu").eval()
    names = [name for name, _ in trained.outputs]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (torch.zeros(1, 3, frame.h, frame.w),),
            str(path),
            input_names=[INPUT],
            output_names=names,
            opset_version=opset,
            dynamo=False,
            verbose=False,
        )
    made = opset_of(path)
    if made > opset:
        raise TrainingError("export_failed", f"the file is of operator set {made}, the station knows {opset}")


def opset_of(path: Path) -> int:
    model = onnx.load(str(path))
    return next(one.version for one in model.opset_import if one.domain in ("", "ai.onnx"))


def contract_of(
    trained: Trained, frame: Frame, thresholds: tuple[float, float], provenance: dict[str, Any]
) -> dict[str, Any]:
    """`crux.contract`: how the model is fed and read."""
    t_low, t_high = thresholds
    return {
        "v": 1,
        "task": trained.task,
        "inputs": [
            {
                "name": INPUT,
                "dtype": "f32",
                "layout": "NCHW",
                "color": "RGB",
                "resize": {
                    "mode": frame.mode,
                    "w": frame.w,
                    "h": frame.h,
                    "interp": "bilinear",
                    "antialias": True,
                    "pad": 114,
                },
                "scale": 1 / 255,
                "mean": list(MEAN),
                "std": list(STD),
            }
        ],
        "outputs": [{"name": name, "role": role} for name, role in trained.outputs],
        "decode": trained.decode,
        "classes": [{"id": i, "key": key, "verdict": verdict} for i, (key, verdict) in enumerate(trained.classes)],
        "thresholds": {
            "t_low": round(t_low, 6),
            "t_high": round(t_high, 6),
            **({"pixel": round(trained.pixel, 6)} if trained.pixel is not None else {}),
        },
        "score": {"direction": "higher_is_ng", "raw": False},
        "provenance": provenance,
    }


def stamp(path: Path, contract: dict[str, Any]) -> None:
    """Writes the contract into the file's metadata, in place of one that is there."""
    model = onnx.load(str(path))
    kept = [
        (one.key, one.value) for one in model.metadata_props if one.key != "license" and not one.key.startswith("crux.")
    ]
    del model.metadata_props[:]
    text = json.dumps(contract, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for key, value in (*kept, ("crux.contract", text), ("crux.version", "1"), ("license", LICENCE)):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
