"""Settings of a recipe: one table says what may be set, what is taken otherwise, and how the Training screen asks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Sequence

from crux_trainer.errors import TrainingError


@dataclass(frozen=True)
class Param:
    """`kind` is int, number, bool or choice, as in the trainer contract."""

    key: str
    kind: str
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    en: str = ""
    ko: str = ""

    def told(self) -> dict[str, Any]:
        """As it stands in a registration."""
        told: dict[str, Any] = {"key": self.key, "type": self.kind, "default": self.default}
        if self.low is not None:
            told["min"] = self.low
        if self.high is not None:
            told["max"] = self.high
        if self.choices:
            told["choices"] = list(self.choices)
        if self.en:
            told["title"] = {"en": self.en, "ko": self.ko}
        return told


def read_params(table: Sequence[Param], given: dict[str, Any]) -> dict[str, Any]:
    """What a job set, checked, with the rest filled in. A setting nobody knows is a mistake somebody should hear of."""
    known = {param.key: param for param in table}
    strange = sorted(set(given) - set(known))
    if strange:
        raise TrainingError("bad_params", f"this recipe has no setting named {', '.join(strange)}")
    return {key: _checked(param, given.get(key, param.default)) for key, param in known.items()}


def _checked(param: Param, value: Any) -> Any:
    def wrong(what: str) -> TrainingError:
        return TrainingError("bad_params", f"{param.key}: {value!r} is {what}")

    if param.kind == "bool":
        if not isinstance(value, bool):
            raise wrong("neither true nor false")
        return value
    if param.kind == "choice":
        if value not in param.choices:
            raise wrong(f"none of {', '.join(param.choices)}")
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise wrong("not a number")
    if param.kind == "int" and value != int(value):
        raise wrong("not a whole number")
    if param.low is not None and value < param.low or param.high is not None and value > param.high:
        raise wrong(f"not between {param.low} and {param.high}")
    return int(value) if param.kind == "int" else float(value)


SIZE = (
    Param("width", "int", 384, 64, 2048, en="Width of the picture in the model", ko="모델에 들어가는 이미지 너비"),
    Param("height", "int", 384, 64, 2048, en="Height of the picture in the model", ko="모델에 들어가는 이미지 높이"),
)
TRAINING = (
    Param("epochs", "int", 60, 1, 1000, en="Most rounds through the pictures", ko="최대 학습 반복 수(에폭)"),
    Param("batch", "int", 16, 2, 512, en="Pictures per step", ko="한 번에 학습하는 이미지 수"),
    Param("lr", "number", 1e-3, 1e-6, 1.0, en="Learning rate", ko="학습률"),
    Param(
        "patience", "int", 12, 1, 1000, en="Rounds without gain before stopping", ko="개선이 없을 때 멈추기까지의 에폭"
    ),
    Param(
        "balance",
        "number",
        0.7,
        0.0,
        1.0,
        en="Rare kinds drawn more often (0 to 1)",
        ko="드문 결함을 더 자주 학습(0~1)",
    ),
    Param("amp", "bool", True, en="Mixed precision on a GPU", ko="GPU에서 혼합 정밀도 사용"),
)
AUGMENT = (
    Param(
        "flip",
        "choice",
        "none",
        choices=("none", "horizontal", "vertical", "both"),
        en="Mirrored pictures are good parts too",
        ko="좌우/상하 반전해도 같은 부품임",
    ),
    Param("quarter_turns", "bool", False, en="Turned by 90 degrees it is the same part", ko="90도 돌려도 같은 부품임"),
    Param("rotate", "number", 4.0, 0.0, 180.0, en="Turned by up to, degrees", ko="최대 회전 각도"),
    Param(
        "shift", "number", 0.03, 0.0, 0.5, en="Shifted by up to, share of the picture", ko="최대 이동(이미지 대비 비율)"
    ),
    Param("zoom", "number", 0.05, 0.0, 0.5, en="Larger or smaller by up to", ko="최대 확대·축소 비율"),
    Param("light", "number", 0.12, 0.0, 0.9, en="Brightness and contrast vary by", ko="밝기·대비 변화 폭"),
    Param("noise", "number", 0.01, 0.0, 0.3, en="Noise of the camera", ko="카메라 잡음"),
)
EXPORT = (Param("int8", "bool", True, en="Also make a model of 8-bit numbers", ko="8비트 모델도 만들기"),)


BACKBONES = (
    "tiny",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "resnet18",
    "resnet34",
    "resnet50",
)
TAPS = {"s4+s8": (0, 1), "s8+s16": (1, 2), "s16+s32": (2, 3)}


def backbone_params(default: str, weights: Sequence[str]) -> tuple[Param, ...]:
    """`weights` are the files this trainer has: nothing is ever fetched from elsewhere."""
    return (
        Param("backbone", "choice", default, choices=BACKBONES, en="Backbone", ko="백본"),
        Param(
            "weights",
            "choice",
            "none",
            choices=("none", *weights),
            en="What the backbone has learned before",
            ko="백본 사전 학습 가중치",
        ),
    )
