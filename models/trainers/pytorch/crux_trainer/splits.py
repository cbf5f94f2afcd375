"""What is trained on and what is held out."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Sequence

from crux_trainer.bundle import Sample

_HELD_OUT = 0.15


def with_val(samples: Sequence[Sample]) -> list[Sample]:
    """
    A bundle without `val` gets one out of `train`, by whole groups and verdict, the same ones every time. `calib` is
    never touched: thresholds are set on it, and what has chosen a model can set none.
    """
    if any(sample.split == "val" for sample in samples):
        return list(samples)
    held: set[str] = set()
    for verdict in ("ok", "ng"):
        groups = sorted({s.group for s in samples if s.split == "train" and s.verdict == verdict}, key=_rank)
        # At least one to look at, never the last one to learn from.
        held.update(groups[: min(max(1, round(len(groups) * _HELD_OUT)), len(groups) - 1)])
    return [replace(s, split="val") if s.split == "train" and s.group in held else s for s in samples]


def _rank(group: str) -> str:
    return hashlib.sha256(group.encode()).hexdigest()
