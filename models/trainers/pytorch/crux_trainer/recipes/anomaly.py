"""
Anomaly: what good parts look like, as a bank of patches; a part is as bad as its worst patches are far from the bank. Needs
no defect to learn from. The backbone comes with weights of the plant, or learns from good parts with drawn-on marks.
"""

from __future__ import annotations

from typing import Callable, Iterable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crux_trainer.augment import View
from crux_trainer.backbones import Taps, build_backbone
from crux_trainer.batches import Batch, normalised, picture_at
from crux_trainer.coreset import coreset_of
from crux_trainer.errors import TrainingError
from crux_trainer.figures import auroc
from crux_trainer.fit import fit
from crux_trainer.params import TAPS
from crux_trainer.pictures import Album
from crux_trainer.recipes.lessons import lessons_of, plan_of
from crux_trainer.recipes.recipe import OK_CLASS, UNKNOWN, Setting, Trained
from crux_trainer.recipes.segment import Segmenter, mask_loss
from crux_trainer.synthetic import spoiled

_MOST_PATCHES = 60_000
_WORST_SHARE = 0.01
"""Logits between the usual good part and the worst good one that was held out."""
_CLEARANCE = 4.0


class PatchBank(nn.Module):
    """Two taps on the grid of the finer one → standardised, projected patches → distance to the nearest of the bank."""

    def __init__(self, taps: Taps, pair: tuple[int, int]):
        super().__init__()
        self.taps, self.pair = taps, pair
        width = sum(taps.channels[i] for i in pair)
        self.register_buffer("weight", torch.eye(width))
        self.register_buffer("bias", torch.zeros(width))
        self.register_buffer("bank", torch.zeros(1, width))
        self.register_buffer("gain", torch.ones(()))
        self.register_buffer("offset", torch.zeros(()))

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """[n, channels, h, w]"""
        taps = self.taps(pictures)
        fine, coarse = (F.avg_pool2d(taps[i], 3, 1, 1) for i in self.pair)
        return torch.cat([fine, F.interpolate(coarse, scale_factor=2.0, mode="nearest")], 1)

    def distances(self, pictures: torch.Tensor) -> torch.Tensor:
        """[n, 1, h, w]"""
        features = self.features(pictures)
        n, _, h, w = features.shape
        patches = features.flatten(2).transpose(1, 2) @ self.weight + self.bias
        squares = patches.square().sum(2, keepdim=True) - 2 * patches @ self.bank.T + self.bank.square().sum(1)
        return squares.amin(2).clamp(min=0).sqrt().reshape(n, 1, h, w)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Score [n] and map [n, 1, h, w], both 0..1."""
        distances = self.distances(pictures)
        return torch.sigmoid((_worst(distances) - self.offset) * self.gain), torch.sigmoid(
            (distances - self.offset) * self.gain
        )


def _worst(distances: torch.Tensor) -> torch.Tensor:
    cells = distances.flatten(1)
    # int: while it is exported, a shape is no plain number.
    return cells.topk(max(1, int(int(cells.shape[1]) * _WORST_SHARE + 0.5)), 1).values.mean(1)


def train(setting: Setting, album: Album) -> Trained | None:
    params, desk = setting.params, setting.desk
    good = [i for i in album.index("train") if album.samples[i].good]
    held = album.index("val")
    held_good = [i for i in held if album.samples[i].good]
    if not good or not held_good:
        raise TrainingError("bad_data", "at least two good parts are needed, of different groups")
    taps, digest = build_backbone(params["backbone"], setting.weights, desk.say)
    history = [] if digest else _warm_up(setting, album, taps, good, held_good)
    if not setting.machine.first:
        return None
    model = PatchBank(taps, TAPS[params["taps"]]).to(setting.machine.device).eval()
    _fill(model, setting, album, good)

    with torch.no_grad():
        maps = [model.distances(_picture(setting, album, i)) for i in held]
    worst = np.array([_worst(found).item() for found in maps])
    is_good = np.array([album.samples[i].good for i in held])
    usual, extreme = float(np.median(worst[is_good])), float(worst[is_good].max())
    model.offset.fill_(extreme)
    model.gain.fill_(_CLEARANCE / max(extreme - usual, 0.05 * extreme, 1e-6))
    peaks = torch.stack([found.amax() for found, fine in zip(maps, is_good) if fine])
    pixel = torch.sigmoid((peaks.max() - model.offset) * model.gain).item()
    found = {"val/auroc": auroc(worst.tolist(), (~is_good).tolist())}
    return Trained(
        graph=model,
        task="anomaly",
        outputs=(("score", "score"), ("map", "map")),
        decode={"type": "anomaly"},
        classes=(OK_CLASS, (UNKNOWN, "NG")),
        history=history,
        figures={name: value for name, value in found.items() if value == value},
        backbone={"name": params["backbone"], "sha256": digest},
        pixel=min(0.95, max(0.5, pixel)),
    )


def _picture(setting: Setting, album: Album, place: int) -> torch.Tensor:
    return normalised(picture_at(album, place)[None].to(setting.machine.device))


def _warm_up(
    setting: Setting, album: Album, taps: Taps, good: Sequence[int], held_good: Sequence[int]
) -> list[dict[str, float]]:
    """Teaches the backbone to see marks that somebody drew over good parts."""
    model = Segmenter(taps, 2, 32)

    def view_of(place: int, seed: int) -> View:
        picture, mask = spoiled(picture_at(album, place), seed)
        return View(picture, mask=mask)

    @torch.no_grad()
    def figures(held: Callable[[], Iterable[Batch]], _val: list[int]) -> dict[str, float]:
        return {}

    kinds = ["ok"] * len(album.samples)
    lessons = lessons_of(setting, album, kinds, view_of, figures, good, held_good)
    return fit(model, mask_loss, lessons, plan_of(setting), setting.machine, setting.desk)


@torch.no_grad()
def _fill(model: PatchBank, setting: Setting, album: Album, good: Sequence[int]) -> None:
    """Features of all good parts, their scale, directions to look in, and the bank."""
    desk, device = setting.desk, setting.machine.device
    chance = torch.Generator().manual_seed(setting.job.seed)
    each = max(1, _MOST_PATCHES // len(good))
    rows: list[torch.Tensor] = []
    for done, place in enumerate(good):
        patches = model.features(_picture(setting, album, place))[0].flatten(1).T
        rows.append(patches[torch.randperm(len(patches), generator=chance)[:each].to(device)])
        desk.tell("features", 0.8 + 0.04 * done / len(good))
    patches = torch.cat(rows)
    mean, scale = patches.mean(0), patches.std(0).clamp(min=1e-6)
    width = patches.shape[1]
    directions = torch.linalg.qr(torch.randn(width, width, generator=chance)).Q
    projection = directions[:, : min(width, setting.params["projection"])].to(device)
    weight = projection / scale[:, None]
    bias = -(mean / scale) @ projection
    projected = patches @ weight + bias
    taken = coreset_of(
        projected, setting.params["bank_rows"], setting.job.seed, lambda done: desk.tell("bank", 0.84 + 0.02 * done)
    )
    model.weight, model.bias, model.bank = weight, bias, projected[taken].contiguous()
    desk.say(f"bank: {len(taken)} of {len(patches)} patches of {len(good)} good parts")
