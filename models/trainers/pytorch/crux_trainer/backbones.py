"""Feature extractors of torchvision, taken apart at their strides. Weights come from a file of the plant, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import torch
from torch import nn
from torchvision import models

from crux_trainer.errors import TrainingError
from crux_trainer.files import sha256_of

STRIDES = (4, 8, 16, 32)


class Taps(nn.Module):
    """Steps run one after the other; what comes out at strides 4, 8, 16 and 32 is kept."""

    def __init__(self, steps: nn.Sequential):
        super().__init__()
        self.steps = steps
        self.at, self.channels = _strides(steps)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        taps = []
        for i, step in enumerate(self.steps):
            x = step(x)
            if i in self.at:
                taps.append(x)
        return taps


def _strides(steps: nn.Sequential) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Places in `steps` where each stride is seen last, and how many channels there are."""
    side = 128
    training = steps.training
    found: dict[int, tuple[int, int]] = {}
    steps.eval()
    with torch.no_grad():
        x = torch.zeros(1, 3, side, side)
        for i, step in enumerate(steps):
            x = step(x)
            found[side // x.shape[-1]] = (i, x.shape[1])
    steps.train(training)
    return tuple(found[s][0] for s in STRIDES), tuple(found[s][1] for s in STRIDES)


def _resnet(make: Callable[..., Any]) -> Callable[[], tuple[nn.Module, nn.Sequential]]:
    def build() -> tuple[nn.Module, nn.Sequential]:
        net = make(weights=None)
        stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        return net, nn.Sequential(stem, net.layer1, net.layer2, net.layer3, net.layer4)

    return build


def _features(make: Callable[..., Any]) -> Callable[[], tuple[nn.Module, nn.Sequential]]:
    def build() -> tuple[nn.Module, nn.Sequential]:
        net = make(weights=None)
        return net, net.features

    return build


def _tiny() -> tuple[nn.Module, nn.Sequential]:
    """Four steps for small pictures, quick trials and tests."""

    def step(before: int, after: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
        )

    net = nn.Sequential(
        nn.Sequential(step(3, 16, 2), step(16, 24, 2)), step(24, 32, 2), step(32, 48, 2), step(48, 64, 2)
    )
    return net, net


_BUILDERS: dict[str, Callable[[], tuple[nn.Module, nn.Sequential]]] = {
    "tiny": _tiny,
    "mobilenet_v3_small": _features(models.mobilenet_v3_small),
    "mobilenet_v3_large": _features(models.mobilenet_v3_large),
    "efficientnet_b0": _features(models.efficientnet_b0),
    "resnet18": _resnet(models.resnet18),
    "resnet34": _resnet(models.resnet34),
    "resnet50": _resnet(models.resnet50),
}


def build_backbone(name: str, weights: Path | None, say: Callable[[str], None]) -> tuple[Taps, str | None]:
    """A backbone, and the SHA-256 of the file its weights came from. Throws `bad_params` for a file that does not fit."""
    net, steps = _BUILDERS[name]()
    digest = None
    if weights:
        digest = sha256_of(weights)
        try:
            # Never the pickled objects that a file of weights may hold: they would run code.
            state = torch.load(weights, map_location="cpu", weights_only=True)
        except Exception as error:
            raise TrainingError("bad_params", f"{weights.name} is no file of weights: {error}") from error
        state = state.get("state_dict", state) if isinstance(state, dict) else {}
        own = net.state_dict()
        fits = {key: value for key, value in state.items() if key in own and own[key].shape == value.shape}
        # Without its last layers a network is still a backbone; with half of it missing it is another one.
        if len(fits) < 0.8 * len(own):
            raise TrainingError("bad_params", f"{weights.name} fits {len(fits)} of {len(own)} tensors of {name}")
        net.load_state_dict(fits, strict=False)
        say(f"{name}: {len(fits)} of {len(own)} tensors from {weights.name}")
    else:
        say(f"{name}: nothing learned before; a file of weights in the folder of --weights would help")
    return Taps(steps), digest
