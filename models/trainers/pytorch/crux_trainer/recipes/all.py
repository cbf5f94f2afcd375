"""The recipes there are and what they can be told. PyTorch is loaded only when one is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable, Sequence

from crux_trainer.errors import TrainingError
from crux_trainer.params import AUGMENT, EXPORT, SIZE, TAPS, TRAINING, Param, backbone_params
from crux_trainer.pictures import Album, Frame

if TYPE_CHECKING:
    from crux_trainer.recipes.recipe import Setting, Trained


@dataclass(frozen=True)
class Recipe:
    id: str
    """Raised when the same data and parameters would make another model."""
    version: int
    task: str
    title: tuple[str, str]
    """In English and Korean."""
    backbone: str
    """The one that is taken when nobody says which."""
    own: tuple[Param, ...]
    mode: str
    """How a picture is laid into the model's input: `stretch` or `letterbox`."""
    module: str

    def params(self, weights: Sequence[str]) -> tuple[Param, ...]:
        """The table of settings, given the files of weights that are there."""
        return (*SIZE, *self.own, *backbone_params(self.backbone, weights), *TRAINING, *AUGMENT, *EXPORT)

    def frame(self, params: dict[str, Any]) -> Frame:
        # Taps of a stride of 32 must meet again when they are doubled.
        w, h = (params[side] // 32 * 32 for side in ("width", "height"))
        return Frame(w, h, self.mode)

    def train(self, setting: Setting, album: Album) -> Trained | None:
        """None in all processes but the first."""
        carry_out: Callable[[Setting, Album], Trained | None] = import_module(self.module).train
        return carry_out(setting, album)

    def told(self, weights: Sequence[str]) -> dict[str, Any]:
        """As it stands in a registration."""
        return {
            "id": self.id,
            "version": self.version,
            "task": self.task,
            "title": {"en": self.title[0], "ko": self.title[1]},
            "params": [param.told() for param in self.params(weights)],
        }


def _width(default: str, *choices: str) -> Param:
    return Param("head_width", "choice", default, choices=choices, en="Width of its head", ko="헤드 채널 수")


_ANOMALY = (
    Param("taps", "choice", "s8+s16", choices=tuple(TAPS), en="Strides that are looked at", ko="사용할 특징 간격"),
    Param("bank_rows", "int", 1500, 50, 20_000, en="Patches in the bank", ko="뱅크에 담는 패치 수"),
    Param("projection", "int", 128, 16, 1024, en="Numbers of a patch", ko="패치 하나의 수치 개수"),
)
_DETECT = (
    Param("detector", "choice", "fcos", choices=("fcos", "ssdlite"), en="Detector", ko="검출기"),
    _width("96", "32", "64", "96", "128", "256"),
)
_SEGMENT = (_width("64", "16", "32", "64", "128"),)


def _recipe(name: str, task: str, en: str, ko: str, backbone: str, own: tuple[Param, ...], mode: str) -> Recipe:
    title = (f"{en} (PyTorch)", f"{ko} (PyTorch)")
    return Recipe(f"torch.{name}", 1, task, title, backbone, own, mode, f"crux_trainer.recipes.{name}")


RECIPES = {
    recipe.id: recipe
    for recipe in (
        _recipe("anomaly", "anomaly", "Anomaly", "이상 검출", "resnet18", _ANOMALY, "stretch"),
        _recipe("classify", "classification", "Classification", "분류", "resnet18", (), "stretch"),
        _recipe("detect", "detection", "Detection", "검출", "resnet18", _DETECT, "letterbox"),
        _recipe("segment", "segmentation", "Segmentation", "영역 분할", "mobilenet_v3_large", _SEGMENT, "stretch"),
    )
}


def recipe_of(id: str, version: int) -> Recipe:
    recipe = RECIPES.get(id)
    if not recipe or recipe.version != version:
        raise TrainingError("bad_job", f"this trainer has no recipe {id} of version {version}")
    return recipe
