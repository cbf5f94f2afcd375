"""From a model's raw answer to one NG score of the part: the same arithmetic as the hub and the stations do."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

_LEAST = 0.05
_SURE = 0.5


def score_of(outputs: Mapping[str, np.ndarray], contract: Mapping[str, Any]) -> float:
    """0..1, higher is NG."""

    def taken(role: str) -> np.ndarray:
        return outputs[next(out["name"] for out in contract["outputs"] if out["role"] == role)].astype(np.float64)

    ng = [kind["id"] for kind in contract["classes"] if kind["verdict"] == "NG"]
    decode = contract["decode"]["type"]
    if decode == "softmax":
        return _bounded(_softmax(taken("logits")[0], 0)[ng].sum())
    if decode == "sigmoid":
        return _bounded((1 / (1 + np.exp(-taken("logits")[0])))[ng].max())
    if decode == "yolo_v8":
        best = taken("dets")[0, 4:].max(0)
        cls = taken("dets")[0, 4:].argmax(0)
        seen = best[(best >= _LEAST) & np.isin(cls, ng)]
        return _bounded(seen.max()) if seen.size else 0.0
    if decode == "semantic":
        probs = _softmax(taken("mask")[0], 0)[ng]
        return _bounded(probs.max()) if probs.max() >= _SURE else 0.0
    if decode == "anomaly":
        return _bounded(taken("score").reshape(-1)[0])
    raise ValueError(f"nothing reads answers of kind {decode}")


def _bounded(value: float) -> float:
    return float(min(1.0, max(0.0, value)))


def _softmax(values: np.ndarray, axis: int) -> np.ndarray:
    powers = np.exp(values - values.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)
