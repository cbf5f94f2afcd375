"""Outlines of marked places, as the hub's drawings have them, drawn into the model's input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from crux_trainer.errors import TrainingError
from crux_trainer.pictures import Frame, Placement

_LINE_WIDTH = 3
Point = tuple[float, float]


def box_of(outline: dict[str, Any]) -> tuple[float, float, float, float]:
    """Corners x0, y0, x1, y1 in pixels of the picture."""
    if outline["type"] == "mask":
        rows, columns = np.nonzero(mask_of(outline))
        return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)
    points = points_of(outline)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def points_of(outline: dict[str, Any]) -> list[Point]:
    kind = outline["type"]
    if kind in ("polygon", "line"):
        return [(float(x), float(y)) for x, y in outline["points"]]
    if kind == "point":
        x, y = outline["at"]
        return [(x - 1, y - 1), (x + 1, y - 1), (x + 1, y + 1), (x - 1, y + 1)]
    if kind in ("box", "ellipse"):
        x, y, w, h = outline["box"]
        middle = (x + w / 2, y + h / 2)
        if kind == "box":
            around = [(-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2)]
        else:
            turns = [2 * math.pi * i / 48 for i in range(48)]
            around = [(w / 2 * math.cos(t), h / 2 * math.sin(t)) for t in turns]
        angle = math.radians(outline.get("angle", 0))
        cos, sin = math.cos(angle), math.sin(angle)
        return [(middle[0] + cos * dx - sin * dy, middle[1] + sin * dx + cos * dy) for dx, dy in around]
    raise TrainingError("bad_data", f"an outline of kind {kind} is not known")


def draw_outline(into: np.ndarray, outline: dict[str, Any], value: int, place: Placement, frame: Frame) -> None:
    """Sets the places of `into` [h, w] that the outline covers; at least one, however small it is."""
    if outline["type"] == "mask":
        where = _mask_in(mask_of(outline), place, frame)
    else:
        canvas = Image.new("L", (frame.w, frame.h))
        points = [
            (x * place.scale_x + place.offset_x, y * place.scale_y + place.offset_y) for x, y in points_of(outline)
        ]
        draw = ImageDraw.Draw(canvas)
        if outline["type"] == "line":
            draw.line(points, fill=1, width=_LINE_WIDTH)
        else:
            draw.polygon(points, fill=1, outline=1)
        where = np.asarray(canvas) > 0
    into[where] = value


def _mask_in(mask: np.ndarray, place: Placement, frame: Frame) -> np.ndarray:
    rows = np.clip(((np.arange(frame.h) + 0.5 - place.offset_y) / place.scale_y).astype(int), -1, mask.shape[0])
    columns = np.clip(((np.arange(frame.w) + 0.5 - place.offset_x) / place.scale_x).astype(int), -1, mask.shape[1])
    edged = np.pad(mask, 1)
    return edged[np.ix_(rows + 1, columns + 1)] > 0


def mask_of(outline: dict[str, Any]) -> np.ndarray:
    """The compressed run lengths of COCO as [h, w]: columns first, five bits a letter, differences from the fourth run on."""
    h, w = (int(side) for side in outline["size"])
    runs: list[int] = []
    value = shift = 0
    for letter in outline["counts"].encode():
        bits = letter - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if any(run < 0 for run in runs) or sum(runs) != h * w:
        raise TrainingError("bad_data", "a mask does not fit its picture")
    flat = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8)
    return flat.reshape(w, h).T
