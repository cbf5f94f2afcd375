"""A few patches that stand for many: each next one is the farthest from all that were taken."""

from __future__ import annotations

from typing import Callable

import torch

_THIN = 64
"""Distances are taken in this many random directions; close enough to choose by, and quick."""


def coreset_of(rows: torch.Tensor, count: int, seed: int, told: Callable[[float], None]) -> torch.Tensor:
    """Places in `rows` [n, d] of `count` of them, k-center greedy; all of them when there are no more."""
    if count >= len(rows):
        return torch.arange(len(rows), device=rows.device)
    chance = torch.Generator().manual_seed(seed)
    directions = torch.randn(rows.shape[1], min(_THIN, rows.shape[1]), generator=chance).to(rows.device)
    thin = rows @ directions
    taken = [int(torch.randint(len(rows), (), generator=chance))]
    nearest = torch.full((len(rows),), torch.inf, device=rows.device)
    while len(taken) < count:
        nearest = torch.minimum(nearest, (thin - thin[taken[-1]]).square().sum(1))
        taken.append(int(nearest.argmax()))
        if len(taken) % 64 == 0:
            told(len(taken) / count)
    return torch.tensor(taken, device=rows.device)
