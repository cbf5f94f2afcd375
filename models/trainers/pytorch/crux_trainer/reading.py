"""From a model's raw answer to one NG score of the part and what was found on it: as the hub and the stations read it."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from crux_trainer.boxes import found_in

_LEAST = 0.05
_SURE = 0.5
_MOST = 64


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


def findings_of(outputs: Mapping[str, np.ndarray], contract: Mapping[str, Any], w: int, h: int) -> list[dict[str, Any]]:
    """Kinds, how sure, and boxes in pixels of the input w x h, the surest first; those of `t_low` and above."""

    def taken(role: str) -> np.ndarray:
        return outputs[next(out["name"] for out in contract["outputs"] if out["role"] == role)].astype(np.float64)

    ng = {kind["id"]: kind["key"] for kind in contract["classes"] if kind["verdict"] == "NG"}
    least, decode = contract["thresholds"]["t_low"], contract["decode"]
    if decode["type"] in ("softmax", "sigmoid"):
        logits = taken("logits")[0]
        probs = _softmax(logits, 0) if decode["type"] == "softmax" else 1 / (1 + np.exp(-logits))
        kinds = sorted(((_bounded(probs[cls]), key) for cls, key in ng.items()), key=lambda one: -one[0])
        likely = [one for one in kinds if one[0] >= least]
        # None is likely by itself, all together are: the surest is named.
        if not likely and kinds and score_of(outputs, contract) >= least:
            likely = kinds[:1]
        return [{"kind": key, "score": score} for score, key in likely]
    if decode["type"] == "yolo_v8":
        boxes, scores, labels = found_in(taken("dets")[0], _LEAST, decode.get("iou", 0.5))
        found = [(score, int(cls), box) for score, cls, box in zip(scores, labels, boxes)]
    elif decode["type"] == "semantic":
        probs = _softmax(taken("mask")[0], 0)
        found = [one for cls in ng for one in _islands(probs[cls], _SURE, cls, w, h)]
    elif decode["type"] == "anomaly" and any(out["role"] == "map" for out in contract["outputs"]):
        thresholds = contract["thresholds"]
        values = taken("map").reshape(taken("map").shape[-2:])
        found = _islands(values, thresholds.get("pixel", thresholds["t_high"]), min(ng), w, h)
    else:
        found = []
    told = []
    for score, cls, box in sorted(found, key=lambda one: -one[0]):
        if cls not in ng or score < least:
            continue
        x0, x1 = (round(min(w, max(0, float(x))), 1) for x in (box[0], box[2]))
        y0, y1 = (round(min(h, max(0, float(y))), 1) for y in (box[1], box[3]))
        on_picture = x1 > x0 and y1 > y0
        told.append(
            {"kind": ng[cls], "score": _bounded(score), **({"box": [x0, y0, x1 - x0, y1 - y0]} if on_picture else {})}
        )
    return told[:_MOST]


def _islands(values: np.ndarray, least: float, cls: int, w: int, h: int) -> list[tuple[float, int, tuple[float, ...]]]:
    """Connected places at or above `least`: the highest value of each, and the box around it in pixels of the input."""
    rows, columns = values.shape
    open_places = {(int(y), int(x)) for y, x in np.argwhere(values >= least)}
    found = []
    while open_places:
        island = [open_places.pop()]
        for y, x in island:
            for place in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if place in open_places:
                    open_places.remove(place)
                    island.append(place)
        ys, xs = [y for y, _ in island], [x for _, x in island]
        across, down = w / columns, h / rows
        box = (min(xs) * across, min(ys) * down, (max(xs) + 1) * across, (max(ys) + 1) * down)
        found.append((max(float(values[place]) for place in island), cls, box))
    return sorted(found, key=lambda one: -one[0])[:_MOST]


def _bounded(value: float) -> float:
    return float(min(1.0, max(0.0, value)))


def _softmax(values: np.ndarray, axis: int) -> np.ndarray:
    powers = np.exp(values - values.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)
