"""Changes a part may show on a good day: a little turned, shifted, nearer, brighter. Mirrored only where somebody said so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

_LEAST_KEPT = 0.3


@dataclass(frozen=True)
class Changes:
    flip_x: bool
    flip_y: bool
    quarter_turns: bool
    rotate: float
    shift: float
    zoom: float
    light: float
    noise: float

    @classmethod
    def of(cls, params: dict[str, Any]) -> Changes:
        flip = params["flip"]
        return cls(
            flip in ("horizontal", "both"),
            flip in ("vertical", "both"),
            params["quarter_turns"],
            params["rotate"],
            params["shift"],
            params["zoom"],
            params["light"],
            params["noise"],
        )


@dataclass(frozen=True)
class View:
    """A picture [3, h, w] in 0..1 with its boxes [n, 4] (corners) and its mask [h, w], where there are any."""

    picture: torch.Tensor
    boxes: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    mask: torch.Tensor | None = None


def changed(view: View, changes: Changes, chance: torch.Generator) -> View:
    """The same part as the camera might see it next time; equal chance, equal result."""
    turned = _turned(view, _matrix(view.picture.shape, changes, chance))
    picture = turned.picture
    if changes.light > 0:
        gain, lift = (1 + changes.light * _swing(chance), changes.light * 0.5 * _swing(chance))
        mean = picture.mean()
        picture = (picture - mean) * gain + mean + lift
    if changes.noise > 0:
        picture = picture + torch.randn(picture.shape, generator=chance) * (changes.noise * _share(chance))
    return View(picture.clamp(0, 1), turned.boxes, turned.labels, turned.mask)


def _share(chance: torch.Generator) -> float:
    return torch.rand((), generator=chance).item()


def _swing(chance: torch.Generator) -> float:
    return 2 * _share(chance) - 1


def _matrix(shape: torch.Size, changes: Changes, chance: torch.Generator) -> torch.Tensor:
    """From a place in the new picture to one in the old, in pixels about the middle: [2, 3]."""
    _, h, w = shape
    angle = math.radians(changes.rotate * _swing(chance))
    if changes.quarter_turns and h == w:
        angle += math.pi / 2 * int(_share(chance) * 4)
    scale = 1 + changes.zoom * _swing(chance)
    across, down = w * changes.shift * _swing(chance), h * changes.shift * _swing(chance)
    flip_x = -1 if changes.flip_x and _share(chance) < 0.5 else 1
    flip_y = -1 if changes.flip_y and _share(chance) < 0.5 else 1
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    return torch.tensor([[flip_x * cos, -flip_x * sin, across], [flip_y * sin, flip_y * cos, down]])


def _turned(view: View, matrix: torch.Tensor) -> View:
    _, h, w = view.picture.shape
    half = torch.tensor([w / 2, h / 2])
    # grid_sample counts from -1 to 1 on each axis.
    theta = torch.cat([matrix[:, :2] * half[None, :] / half[:, None], matrix[:, 2:] / half[:, None]], 1)
    grid = F.affine_grid(theta[None], [1, 1, h, w], align_corners=False)

    def sampled(values: torch.Tensor, mode: str) -> torch.Tensor:
        return F.grid_sample(values[None], grid, mode=mode, padding_mode="reflection", align_corners=False)[0]

    picture = sampled(view.picture, "bilinear")
    mask = None if view.mask is None else sampled(view.mask[None].float(), "nearest")[0].to(view.mask.dtype)
    if view.boxes is None or view.labels is None:
        return View(picture, mask=mask)
    boxes, kept = _moved(view.boxes, matrix, half)
    return View(picture, boxes[kept], view.labels[kept], mask)


def _moved(boxes: torch.Tensor, matrix: torch.Tensor, half: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes around the turned corners, cut at the edge; those of which little is left are dropped."""
    if boxes.numel() == 0:
        return boxes.reshape(0, 4), torch.zeros(0, dtype=torch.bool)
    back = torch.linalg.inv(matrix[:, :2])
    x0, y0, x1, y1 = boxes.unbind(1)
    corners = torch.stack(
        [torch.stack([x0, y0], 1), torch.stack([x1, y0], 1), torch.stack([x1, y1], 1), torch.stack([x0, y1], 1)], 1
    )
    moved = (corners - half - matrix[:, 2]) @ back.T + half
    whole = torch.cat([moved.amin(1), moved.amax(1)], 1)
    size = torch.cat([half, half]) * 2
    cut = torch.minimum(whole.clamp(min=0), size)
    kept = _area(cut) >= _LEAST_KEPT * _area(whole).clamp(min=1e-6)
    return cut, kept & ((cut[:, 2:] - cut[:, :2]) >= 1).all(1)


def _area(boxes: torch.Tensor) -> torch.Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
