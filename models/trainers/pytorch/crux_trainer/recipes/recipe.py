"""What a recipe gets and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Sequence

from torch import nn

from crux_trainer.bundle import Job, Sample
from crux_trainer.desk import Desk
from crux_trainer.machine import Machine


@dataclass(frozen=True)
class Setting:
    """Everything a recipe works with."""

    job: Job
    params: dict[str, Any]
    machine: Machine
    desk: Desk
    weights: Path | None
    """File of what the backbone has learned before."""


@dataclass(frozen=True)
class Trained:
    """
    A trained model as it goes into the file: `graph` takes the picture, normalised [1, 3, h, w], and gives one tensor for
    each of `outputs` (name, role), read by the hub as `decode` says.
    """

    graph: nn.Module
    task: str
    outputs: tuple[tuple[str, str], ...]
    decode: dict[str, Any]
    classes: tuple[tuple[str, str], ...]
    """Key and verdict of each class, by its number."""
    history: list[dict[str, float]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    backbone: dict[str, Any] | None = None
    pixel: float | None = None
    """From where on a place of the map is a finding."""


OK_CLASS = ("ok", "OK")
UNKNOWN = "unknown"
"""Abnormal, but of no kind anybody has named."""


def label_in(sample: Sample, known: Sequence[str]) -> str:
    """`ok`, or the kind a bad part is learned as: the first that is known, else the one without a name."""
    return "ok" if sample.good else next((kind for kind in sample.kinds if kind in known), UNKNOWN)


def kinds_in(samples: Sequence[Sample], known: Sequence[str]) -> tuple[str, ...]:
    """Kinds that occur, in the order of the job, the one without a name last."""
    there = {label_in(sample, known) for sample in samples} - {"ok"}
    return tuple(kind for kind in dict.fromkeys((*known, UNKNOWN)) if kind in there)
