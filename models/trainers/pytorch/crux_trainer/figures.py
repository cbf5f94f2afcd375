"""Figures of how good a model is, per part: areas under curves, escapes and overkill."""

from __future__ import annotations

from typing import Sequence

import numpy as np


def auroc(scores: Sequence[float], bad: Sequence[bool]) -> float:
    """Chance that a bad part scores above a good one, ties half; NaN without both."""
    values, is_bad = np.asarray(scores, float), np.asarray(bad, bool)
    n_bad, n_good = int(is_bad.sum()), int((~is_bad).sum())
    if n_bad == 0 or n_good == 0:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[is_bad].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def operating(scores: Sequence[float], bad: Sequence[bool], t_low: float, t_high: float) -> dict[str, float]:
    """Shares of parts that went wrong or to a person."""
    values, is_bad = np.asarray(scores, float), np.asarray(bad, bool)
    good = ~is_bad

    def share(wrong: np.ndarray, of: np.ndarray) -> float | None:
        return float(wrong[of].mean()) if of.any() else None

    told = {
        "escape": share(values < t_low, is_bad),
        "overkill": share(values >= t_high, good),
        "undecided_ok": share((values >= t_low) & (values < t_high), good),
        "undecided_ng": share((values >= t_low) & (values < t_high), is_bad),
    }
    return {name: value for name, value in told.items() if value is not None}


def overkill_at_escape(scores: Sequence[float], bad: Sequence[bool], escape: float) -> float:
    """Share of good parts rejected when at most `escape` of the bad ones pass; NaN without both."""
    values, is_bad = np.asarray(scores, float), np.asarray(bad, bool)
    if is_bad.all() or not is_bad.any():
        return float("nan")
    ordered = np.sort(values[is_bad])
    threshold = ordered[min(len(ordered) - 1, int(escape * len(ordered)))]
    return float((values[~is_bad] >= threshold).mean())


def escape_at_overkill(scores: Sequence[float], bad: Sequence[bool], overkill: float) -> float:
    """Share of bad parts passed when at most `overkill` of the good ones are rejected; NaN without both."""
    values, is_bad = np.asarray(scores, float), np.asarray(bad, bool)
    if is_bad.all() or not is_bad.any():
        return float("nan")
    ordered = np.sort(values[~is_bad])[::-1]
    threshold = ordered[int(overkill * len(ordered))]
    return float((values[is_bad] <= threshold).mean())
