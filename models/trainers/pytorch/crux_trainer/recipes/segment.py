"""Segmentation: which kind every place is of. A U-shaped decoder over the backbone's taps; it answers at a quarter of the size."""

from __future__ import annotations

from typing import Callable, Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crux_trainer.augment import View
from crux_trainer.backbones import STRIDES, Taps, build_backbone
from crux_trainer.batches import Batch, Targets, picture_at
from crux_trainer.bundle import Sample
from crux_trainer.errors import TrainingError
from crux_trainer.figures import auroc
from crux_trainer.fit import fit
from crux_trainer.outlines import draw_outline
from crux_trainer.pictures import Album, placed
from crux_trainer.recipes.lessons import lessons_of, plan_of
from crux_trainer.recipes.recipe import OK_CLASS, UNKNOWN, Setting, Trained

_STRIDE = STRIDES[0]
_GROUND_WEIGHT = 0.3


class Segmenter(nn.Module):
    def __init__(self, taps: Taps, classes: int, width: int):
        super().__init__()
        self.taps = taps
        self.narrow = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in taps.channels)
        self.join = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True))
            for _ in taps.channels[1:]
        )
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """[n, classes, h / 4, w / 4] logits"""
        levels = [narrow(tap) for narrow, tap in zip(self.narrow, self.taps(pictures))]
        x = levels[-1]
        for level, join in zip(reversed(levels[:-1]), self.join):
            x = join(F.interpolate(x, scale_factor=2.0, mode="nearest") + level)
        return self.head(x)


def mask_loss(model: nn.Module, pictures: torch.Tensor, targets: Targets) -> torch.Tensor:
    logits = model(pictures).float()
    masks = torch.stack([_coarse(target["mask"]) for target in targets])
    weights = torch.ones(logits.shape[1], device=logits.device)
    weights[0] = _GROUND_WEIGHT
    exact = F.cross_entropy(logits, masks, weights)
    # Overlap as such: without it a network that answers "ground" everywhere is nearly right.
    probs = logits.softmax(1)[:, 1:]
    truth = F.one_hot(masks, logits.shape[1]).permute(0, 3, 1, 2)[:, 1:].float()
    both, sizes = (probs * truth).sum((0, 2, 3)), (probs + truth).sum((0, 2, 3))
    return exact + (1 - (2 * both + 1) / (sizes + 1)).mean()


def _coarse(mask: torch.Tensor) -> torch.Tensor:
    """A cell is of a kind when any place in it is: a thin scratch must not fall through."""
    return F.max_pool2d(mask[None, None].float(), _STRIDE)[0, 0].long()


def train(setting: Setting, album: Album) -> Trained:
    params = setting.params
    there = {_label(region.kind, setting) for sample in album.samples for region in sample.regions}
    names = ("ok", *(kind for kind in dict.fromkeys((*setting.job.kinds, UNKNOWN)) if kind in there))
    if not any(sample.regions for sample in album.samples if sample.split == "train"):
        raise TrainingError("bad_data", "no part in train has an outline or a box: segmentation learns from them")
    taps, digest = build_backbone(params["backbone"], setting.weights, setting.desk.say)
    model = Segmenter(taps, len(names), int(params["head_width"]))

    def mask_of(sample: Sample) -> torch.Tensor:
        mask = np.zeros((album.frame.h, album.frame.w), np.uint8)
        place = placed(sample.w, sample.h, album.frame)
        for region in sample.regions:
            draw_outline(mask, region.outline, names.index(_label(region.kind, setting)), place, album.frame)
        return torch.from_numpy(mask)

    def view_of(place: int, _seed: int) -> View:
        return View(picture_at(album, place), mask=mask_of(album.samples[place]))

    @torch.no_grad()
    def figures(held: Callable[[], Iterable[Batch]], val: list[int]) -> dict[str, float]:
        both, either = np.zeros(len(names)), np.zeros(len(names))
        surest: list[float] = []
        for pictures, targets in held():
            probs = model(pictures).float().softmax(1)
            truth = torch.stack([_coarse(target["mask"]) for target in targets])
            surest += probs[:, 1:].amax((1, 2, 3)).tolist()
            for c in range(1, len(names)):
                mine, true = probs.argmax(1) == c, truth == c
                both[c] += (mine & true).sum().item()
                either[c] += (mine | true).sum().item()
        seen = either > 0
        return {
            "val/iou": float((both[seen] / either[seen]).mean()) if seen.any() else float("nan"),
            "val/auroc": auroc(surest, [not album.samples[i].good for i in val]),
        }

    usable = {i for i, sample in enumerate(album.samples) if sample.good or sample.regions}
    kinds = ["ok" if not s.regions else _label(s.regions[0].kind, setting) for s in album.samples]
    train, val = ([i for i in album.index(split) if i in usable] for split in ("train", "val"))
    lessons = lessons_of(setting, album, kinds, view_of, figures, train, val)
    history = fit(model, mask_loss, lessons, plan_of(setting), setting.machine, setting.desk)
    return Trained(
        graph=model,
        task="segmentation",
        outputs=(("mask", "mask"),),
        decode={"type": "semantic"},
        classes=(OK_CLASS, *((kind, "NG") for kind in names[1:])),
        history=history,
        backbone={"name": params["backbone"], "sha256": digest},
    )


def _label(kind: str, setting: Setting) -> str:
    return kind if kind in setting.job.kinds else UNKNOWN
