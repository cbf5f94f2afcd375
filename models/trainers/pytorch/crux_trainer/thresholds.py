"""Where OK ends and NG begins: split conformal quantiles of the scores of parts nobody was trained or chosen on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

_THIN_MARGIN = 0.5
"""Logits beyond the extreme when there are too few parts for the promised share."""
_MOST_UNDECIDED = 0.2
"""Share of good parts that may be left to people where defects lie among them."""
_GAP_SHARE = 0.25
"""Part of the empty gap between good and bad that counts as bad."""
_EDGE = 1e-4


@dataclass(frozen=True)
class Point:
    """A score in logits and how many parts it stands for."""

    value: float
    weight: float


def logit(score: float) -> float:
    bounded = min(1 - _EDGE, max(_EDGE, score))
    return math.log(bounded / (1 - bounded))


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def thresholds_of(good: Sequence[Point], bad: Sequence[Point], escape: float, overkill: float) -> tuple[float, float]:
    """
    `t_low` and `t_high`: at most `overkill` of good parts score at or above the one, at most `escape` of bad ones below
    the other. That needs 1/share - 1 parts of each; with fewer the extreme and a margin are taken, which promises nothing.
    """
    if not good or not bad:
        if good:
            upper = upper_quantile(good, overkill)
            return sigmoid(upper), sigmoid(upper + 1.5)
        return 0.25, 0.5
    upper, lower = upper_quantile(good, overkill), lower_quantile(bad, escape)
    if lower > upper:
        # Apart: no part was ever seen in the gap, so its middle is for people to decide.
        return sigmoid(upper), sigmoid(lower - (lower - upper) * _GAP_SHARE)
    passed = quantile(good, _weight(good) * (1 - _MOST_UNDECIDED))
    return sigmoid(min(upper, max(lower, passed))), sigmoid(upper)


def _weight(points: Sequence[Point]) -> float:
    return sum(point.weight for point in points)


def upper_quantile(points: Sequence[Point], share: float) -> float:
    """Value that at most `share` of new parts exceed: the next part counts as one more."""
    return quantile(points, (_weight(points) + 1) * (1 - share))


def lower_quantile(points: Sequence[Point], share: float) -> float:
    return -upper_quantile([Point(-point.value, point.weight) for point in points], share)


def quantile(points: Sequence[Point], mass: float) -> float:
    ordered = sorted(points, key=lambda point: point.value)
    below = 0.0
    for point in ordered:
        below += point.weight
        if below >= mass - 1e-9:
            return point.value
    return ordered[-1].value + _THIN_MARGIN
