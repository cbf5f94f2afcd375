"""Defects that never were: scratches and spots laid over good parts, for a backbone that has learned nothing before."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter


def spoiled(picture: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The picture [3, h, w] with up to three marks, and where they are [h, w]; every fourth stays as it is."""
    chance = np.random.default_rng(seed)
    _, h, w = picture.shape
    marked = np.zeros((h, w), np.uint8)
    if chance.random() < 0.25:
        return picture, torch.from_numpy(marked)
    canvas = Image.new("L", (w, h))
    draw = ImageDraw.Draw(canvas)
    for _ in range(chance.integers(1, 4)):
        if chance.random() < 0.5:
            _scratch(draw, w, h, chance)
        else:
            _spot(draw, w, h, chance)
    cover = np.asarray(canvas.filter(ImageFilter.GaussianBlur(float(chance.uniform(0.3, 1.2)))), np.float32) / 255
    marked[cover > 0.3] = 1
    strength = torch.from_numpy(cover * np.float32(chance.uniform(0.4, 1)))
    # Another place of the same part, lighter or darker: texture that does not belong here.
    other = torch.roll(picture, (int(chance.integers(h)), int(chance.integers(w))), (1, 2))
    other = (other + float(chance.choice([-1, 1]) * chance.uniform(0.1, 0.5))).clamp(0, 1)
    return picture * (1 - strength) + other * strength, torch.from_numpy(marked)


def _scratch(draw: ImageDraw.ImageDraw, w: int, h: int, chance: np.random.Generator) -> None:
    x, y, angle = chance.uniform(0, w), chance.uniform(0, h), chance.uniform(0, 2 * math.pi)
    points = [(x, y)]
    for _ in range(int(chance.integers(2, 7))):
        angle += chance.normal(0, 0.4)
        step = chance.uniform(0.03, 0.1) * max(w, h)
        x, y = x + step * math.cos(angle), y + step * math.sin(angle)
        points.append((x, y))
    draw.line(points, fill=255, width=int(chance.integers(1, max(2, min(w, h) // 64) + 1)))


def _spot(draw: ImageDraw.ImageDraw, w: int, h: int, chance: np.random.Generator) -> None:
    x, y, size = chance.uniform(0, w), chance.uniform(0, h), chance.uniform(0.015, 0.07) * min(w, h)
    turns = np.sort(chance.uniform(0, 2 * math.pi, 9))
    draw.polygon(
        [(x + size * r * math.cos(t), y + size * r * math.sin(t)) for t, r in zip(turns, chance.uniform(0.5, 1.4, 9))],
        fill=255,
    )
