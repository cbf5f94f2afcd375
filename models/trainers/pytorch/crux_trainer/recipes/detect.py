"""
Detection: boxes around defects. FCOS (one answer per place, finest stride 8, for small defects) or SSDLite (fewer and
coarser places, quick on a station), both of torchvision. What is exported ends before suppression: the hub's reader
suppresses, so the graph has no loop, no sort and one fixed shape.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import nn
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.fcos import FCOS, FCOSHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteHead
from torchvision.ops import box_iou
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork

from crux_trainer.augment import View
from crux_trainer.backbones import STRIDES, Taps, build_backbone
from crux_trainer.batches import Batch, Targets, picture_at
from crux_trainer.boxes import average_precision, found_in
from crux_trainer.bundle import Sample
from crux_trainer.errors import TrainingError
from crux_trainer.figures import auroc
from crux_trainer.fit import fit
from crux_trainer.outlines import box_of
from crux_trainer.pictures import Album, Frame, placed
from crux_trainer.recipes.lessons import lessons_of, plan_of
from crux_trainer.recipes.recipe import UNKNOWN, Setting, Trained

_IOU = 0.5
_LEAST = 0.05


class _Pyramid(nn.Module):
    """Taps of strides 8, 16 and 32 brought to one width, each knowing what the coarser ones see."""

    def __init__(self, taps: Taps, width: int):
        super().__init__()
        self.taps = taps
        self.out_channels = width
        self.pyramid = FeaturePyramidNetwork(list(taps.channels[1:]), width)

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.pyramid(OrderedDict((str(i), tap) for i, tap in enumerate(self.taps(pictures)[1:])))


class _Ladder(nn.Module):
    """Taps of strides 8, 16 and 32, and two coarser steps after them."""

    def __init__(self, taps: Taps, width: int):
        super().__init__()
        self.taps = taps
        self.channels = (*taps.channels[1:], width, width)
        self.more = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU6(inplace=True))
            for before in (taps.channels[-1], width)
        )

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        steps = self.taps(pictures)[1:]
        for more in self.more:
            steps.append(more(steps[-1]))
        return OrderedDict((str(i), step) for i, step in enumerate(steps))


class Fcos(nn.Module):
    def __init__(self, taps: Taps, classes: int, width: int):
        super().__init__()
        backbone = _Pyramid(taps, width)
        self.net = FCOS(
            backbone,
            classes,
            anchor_generator=AnchorGenerator(tuple((s,) for s in STRIDES[1:]), ((1.0,),) * 3),
            head=FCOSHead(width, 1, classes, num_convs=2),
        )

    def answers(self, pictures: torch.Tensor):
        features = list(self.net.backbone(pictures).values())
        return features, self.net.head(features), _anchors(self.net.anchor_generator, pictures, features)

    def loss(self, pictures: torch.Tensor, targets: Targets) -> torch.Tensor:
        features, heads, anchors = self.answers(pictures)
        levels = [feature.shape[2] * feature.shape[3] for feature in features]
        return sum(self.net.compute_loss(targets, heads, anchors, levels).values())

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """[n, 4 + classes, places]"""
        _, heads, anchors = self.answers(pictures)
        x0, y0, x1, y1 = anchors[0].unbind(1)
        # How far left, up, right and down the thing reaches, in units of the place.
        reach = heads["bbox_regression"] * torch.stack([x1 - x0, y1 - y0, x1 - x0, y1 - y0], 1)
        left, up, right, down = reach.unbind(2)
        across, along = (right - left) / 2 + (x0 + x1) / 2, (down - up) / 2 + (y0 + y1) / 2
        boxes = torch.stack([across, along, left + right, up + down], 1)
        sure = heads["cls_logits"].sigmoid() * heads["bbox_ctrness"].sigmoid()
        return torch.cat([boxes, sure.sqrt().transpose(1, 2)], 1)


class SsdLite(nn.Module):
    def __init__(self, taps: Taps, classes: int, width: int, frame: Frame):
        super().__init__()
        backbone = _Ladder(taps, width)
        boxes = DefaultBoxGenerator([[2, 3]] * len(backbone.channels), min_ratio=0.06, max_ratio=0.9)
        norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
        head = SSDLiteHead(list(backbone.channels), boxes.num_anchors_per_location(), classes + 1, norm)
        self.net = SSD(backbone, boxes, (frame.w, frame.h), classes + 1, head=head)

    def answers(self, pictures: torch.Tensor):
        features = list(self.net.backbone(pictures).values())
        return self.net.head(features), _anchors(self.net.anchor_generator, pictures, features)

    def loss(self, pictures: torch.Tensor, targets: Targets) -> torch.Tensor:
        heads, anchors = self.answers(pictures)
        # Class 0 of an SSD is "nothing here".
        shifted = [{**target, "labels": target["labels"] + 1} for target in targets]
        matched = [
            self.net.proposal_matcher(box_iou(target["boxes"], own))
            if len(target["boxes"])
            else torch.full((len(own),), -1, dtype=torch.int64, device=own.device)
            for own, target in zip(anchors, shifted)
        ]
        return sum(self.net.compute_loss(shifted, heads, anchors, matched).values())

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """[n, 4 + classes, places]"""
        heads, anchors = self.answers(pictures)
        x0, y0, x1, y1 = anchors[0].unbind(1)
        w, h = x1 - x0, y1 - y0
        wx, wy, ww, wh = self.net.box_coder.weights
        dx, dy, dw, dh = heads["bbox_regression"].unbind(2)
        most = self.net.box_coder.bbox_xform_clip
        boxes = torch.stack(
            [
                dx / wx * w + (x0 + x1) / 2,
                dy / wy * h + (y0 + y1) / 2,
                torch.exp((dw / ww).clamp(max=most)) * w,
                torch.exp((dh / wh).clamp(max=most)) * h,
            ],
            1,
        )
        return torch.cat([boxes, heads["cls_logits"].softmax(2)[:, :, 1:].transpose(1, 2)], 1)


def _anchors(generator: nn.Module, pictures: torch.Tensor, features: list[torch.Tensor]) -> list[torch.Tensor]:
    size = (pictures.shape[2], pictures.shape[3])
    return generator(ImageList(pictures, [size] * len(pictures)), features)


def _loss(model: nn.Module, pictures: torch.Tensor, targets: Targets) -> torch.Tensor:
    return model.loss(pictures, targets)


def train(setting: Setting, album: Album) -> Trained:
    params, frame = setting.params, album.frame
    marked = [sample for sample in album.samples if sample.regions]
    there = {_label(region.kind, setting) for sample in marked for region in sample.regions}
    names = tuple(kind for kind in dict.fromkeys((*setting.job.kinds, UNKNOWN)) if kind in there)
    if not any(sample.regions for sample in album.samples if sample.split == "train"):
        raise TrainingError("bad_data", "no part in train has a box: detection learns from boxes")
    blind = sum(1 for sample in album.samples if not sample.good and not sample.regions)
    if blind:
        setting.desk.say(f"{blind} bad parts without a box are left out of training: where to look nobody has said")
    targets = [_boxes_of(sample, names, setting, frame) for sample in album.samples]
    taps, digest = build_backbone(params["backbone"], setting.weights, setting.desk.say)
    width = int(params["head_width"])
    fcos = params["detector"] == "fcos"
    model = Fcos(taps, len(names), width) if fcos else SsdLite(taps, len(names), width, frame)

    def view_of(place: int, _seed: int) -> View:
        boxes, labels = targets[place]
        return View(picture_at(album, place), boxes, labels)

    @torch.no_grad()
    def figures(held: Callable[[], Iterable[Batch]], val: list[int]) -> dict[str, float]:
        dets = np.concatenate([model(pictures).float().cpu().numpy() for pictures, _ in held()])
        found = [found_in(one, _LEAST, _IOU) for one in dets]
        truth = [(targets[i][0].numpy(), targets[i][1].numpy()) for i in val]
        surest = [float(scores.max()) if len(scores) else 0.0 for _, scores, _ in found]
        return {
            "val/ap50": average_precision(found, truth),
            "val/auroc": auroc(surest, [not album.samples[i].good for i in val]),
        }

    usable = {i for i, sample in enumerate(album.samples) if sample.good or sample.regions}
    kinds = [names[labels[0]] if len(labels := targets[i][1]) else "ok" for i in range(len(album.samples))]
    train, val = ([i for i in album.index(split) if i in usable] for split in ("train", "val"))
    lessons = lessons_of(setting, album, kinds, view_of, figures, train, val)
    history = fit(model, _loss, lessons, plan_of(setting), setting.machine, setting.desk)
    return Trained(
        graph=model,
        task="detection",
        outputs=(("dets", "dets"),),
        decode={"type": "yolo_v8", "iou": _IOU},
        classes=tuple((kind, "NG") for kind in names),
        history=history,
        backbone={"name": params["backbone"], "sha256": digest},
    )


def _label(kind: str, setting: Setting) -> str:
    return kind if kind in setting.job.kinds else UNKNOWN


def _boxes_of(
    sample: Sample, names: Sequence[str], setting: Setting, frame: Frame
) -> tuple[torch.Tensor, torch.Tensor]:
    place = placed(sample.w, sample.h, frame)
    scale = torch.tensor([place.scale_x, place.scale_y] * 2)
    offset = torch.tensor([place.offset_x, place.offset_y] * 2)
    corners = torch.tensor([box_of(region.outline) for region in sample.regions]).reshape(-1, 4) * scale + offset
    # A hairline may be thinner than a pixel of the input; a box without an area teaches nothing.
    middle, half = (corners[:, :2] + corners[:, 2:]) / 2, ((corners[:, 2:] - corners[:, :2]) / 2).clamp(min=1)
    labels = [names.index(_label(region.kind, setting)) for region in sample.regions]
    return torch.cat([middle - half, middle + half], 1).float(), torch.tensor(labels, dtype=torch.int64)
