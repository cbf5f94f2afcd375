"""Classification: the whole picture is OK or of one kind of defect."""

from __future__ import annotations

from typing import Callable, Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from crux_trainer.augment import View
from crux_trainer.backbones import Taps, build_backbone
from crux_trainer.batches import Batch, Targets, picture_at
from crux_trainer.figures import auroc
from crux_trainer.fit import fit
from crux_trainer.pictures import Album
from crux_trainer.recipes.lessons import lessons_of, plan_of
from crux_trainer.recipes.recipe import OK_CLASS, Setting, Trained, kinds_in, label_in

_SMOOTHING = 0.02


class Classifier(nn.Module):
    """Mean and maximum of the last two taps: a defect of a few pixels is lost in the mean alone."""

    def __init__(self, taps: Taps, classes: int):
        super().__init__()
        self.taps = taps
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(2 * sum(taps.channels[-2:]), classes)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        last = self.taps(pictures)[-2:]
        pooled = [view for tap in last for view in (tap.mean((2, 3)), tap.amax((2, 3)))]
        return self.head(self.drop(torch.cat(pooled, 1)))


def _loss(model: nn.Module, pictures: torch.Tensor, targets: Targets) -> torch.Tensor:
    labels = torch.stack([target["labels"] for target in targets])
    return F.cross_entropy(model(pictures).float(), labels, label_smoothing=_SMOOTHING)


def train(setting: Setting, album: Album) -> Trained:
    names = ("ok", *kinds_in(album.samples, setting.job.kinds))
    labels = [names.index(label_in(sample, setting.job.kinds)) for sample in album.samples]
    taps, digest = build_backbone(setting.params["backbone"], setting.weights, setting.desk.say)
    model = Classifier(taps, len(names))

    def view_of(place: int, _seed: int) -> View:
        return View(picture_at(album, place), labels=torch.tensor(labels[place]))

    @torch.no_grad()
    def figures(held: Callable[[], Iterable[Batch]], val: list[int]) -> dict[str, float]:
        probs = np.concatenate([model(pictures).float().softmax(1).cpu().numpy() for pictures, _ in held()])
        truth = np.array([labels[i] for i in val])
        right = [float((probs.argmax(1) == truth)[truth == c].mean()) for c in np.unique(truth)]
        return {
            "val/auroc": auroc((1 - probs[:, 0]).tolist(), (truth > 0).tolist()),
            "val/balanced_accuracy": float(np.mean(right)),
        }

    kinds = [names[label] for label in labels]
    lessons = lessons_of(setting, album, kinds, view_of, figures, album.index("train"), album.index("val"))
    history = fit(model, _loss, lessons, plan_of(setting), setting.machine, setting.desk)
    return Trained(
        graph=model,
        task="classification",
        outputs=(("logits", "logits"),),
        decode={"type": "softmax"},
        classes=(OK_CLASS, *((kind, "NG") for kind in names[1:])),
        history=history,
        backbone={"name": setting.params["backbone"], "sha256": digest},
    )
