"""Boxes a detector found, and how well they fit those people drew. Corners x0, y0, x1, y1."""

from __future__ import annotations

from typing import Sequence

import numpy as np


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair: [a, b]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(2)
    areas = [np.clip(of[:, 2:] - of[:, :2], 0, None).prod(1) for of in (a, b)]
    return both / np.maximum(areas[0][:, None] + areas[1][None] - both, 1e-9)


def suppressed(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, iou: float, most: int = 300) -> list[int]:
    """Places of those that stay: of what lies on each other within a class, the surest."""
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable")[:3000]:
        if len(kept) == most:
            break
        same = [k for k in kept if labels[k] == labels[i]]
        if not same or overlaps(boxes[i][None], boxes[same])[0].max() <= iou:
            kept.append(int(i))
    return kept


def found_in(dets: np.ndarray, least: float, iou: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes, scores and labels out of rows of middle, size and class probabilities [4 + classes, n]."""
    scores, labels = dets[4:].max(0), dets[4:].argmax(0)
    seen = scores >= least
    middle, half = dets[:2, seen].T, dets[2:4, seen].T / 2
    boxes, scores, labels = np.concatenate([middle - half, middle + half], 1), scores[seen], labels[seen]
    kept = suppressed(boxes, scores, labels, iou)
    return boxes[kept], scores[kept], labels[kept]


Boxes = tuple[np.ndarray, np.ndarray, np.ndarray]
Truth = tuple[np.ndarray, np.ndarray]


def average_precision(found: Sequence[Boxes], truth: Sequence[Truth], iou: float = 0.5) -> float:
    """Area under precision over recall, the mean of the classes that occur; NaN when none does."""
    classes = sorted({int(label) for _, labels in truth for label in labels})
    areas = [_area_of(cls, found, truth, iou) for cls in classes]
    return float(np.mean(areas)) if areas else float("nan")


def _area_of(cls: int, found: Sequence[Boxes], truth: Sequence[Truth], iou: float) -> float:
    rows: list[tuple[float, bool]] = []
    there = 0
    for (boxes, scores, labels), (true_boxes, true_labels) in zip(found, truth):
        wanted = true_boxes[true_labels == cls]
        there += len(wanted)
        taken: set[int] = set()
        mine = np.flatnonzero(labels == cls)
        for i in mine[np.argsort(-scores[mine], kind="stable")]:
            fits = overlaps(boxes[i][None], wanted)[0] if len(wanted) else np.zeros(0)
            free = [k for k in np.argsort(-fits) if fits[k] >= iou and k not in taken]
            taken.update(int(k) for k in free[:1])
            rows.append((float(scores[i]), bool(free)))
    rows.sort(key=lambda row: -row[0])
    hits = np.cumsum([hit for _, hit in rows]) if rows else np.zeros(0)
    recall = hits / max(1, there)
    precision = hits / np.arange(1, len(rows) + 1)
    # From the right: precision never rises again once recall is paid for.
    best = np.maximum.accumulate(precision[::-1])[::-1] if len(precision) else precision
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * best))
