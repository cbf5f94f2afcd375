"""A job bundle on disk: the task, and the labelled pictures by their SHA-256. What does not fit is refused here."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from crux_trainer.errors import TrainingError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_TASKS = ("anomaly", "classification", "detection", "segmentation")
SPLITS = ("train", "val", "calib")


@dataclass(frozen=True)
class Region:
    """A marked place: its kind and its outline in pixels of the picture, in the form of the hub's drawings."""

    kind: str
    outline: dict[str, Any]


@dataclass(frozen=True)
class Sample:
    id: str
    sha256: str
    path: str
    w: int
    h: int
    split: str
    group: str
    weight: float
    verdict: str
    kinds: tuple[str, ...]
    regions: tuple[Region, ...]

    @property
    def good(self) -> bool:
        return self.verdict == "ok"


@dataclass(frozen=True)
class Job:
    recipe: str
    version: int
    params: dict[str, Any]
    task: str
    seed: int
    kinds: tuple[str, ...]
    dataset: str
    max_minutes: float
    escape: float
    overkill: float
    opset_max: int
    dtypes: tuple[str, ...]
    parity_samples: int


@dataclass(frozen=True)
class Bundle:
    folder: Path
    job: Job
    samples: tuple[Sample, ...]
    picture_of: Callable[[Sample], Path] = field(repr=False)

    def of(self, *splits: str) -> list[Sample]:
        return [sample for sample in self.samples if sample.split in splits]


def read_bundle(folder: Path, picture_of: Callable[[Sample], Path] | None = None) -> Bundle:
    """Reads `job.json` and `samples.jsonl`. `picture_of` says where pictures lie when not in the bundle's own folder."""
    job = read_job(_parse(_text(folder, "job.json"), "job.json"))
    lines = _text(folder, "samples.jsonl").splitlines()
    samples = tuple(
        read_sample(_parse(line, where := f"samples.jsonl:{i}"), where)
        for i, line in enumerate(lines, 1)
        if line.strip()
    )
    if not any(sample.split == "train" for sample in samples):
        raise TrainingError("bad_data", "the bundle has no picture to train on")
    return Bundle(folder, job, samples, picture_of or (lambda sample: folder / sample.path))


def read_job(value: dict[str, Any]) -> Job:
    where = "job.json"
    if value.get("v") != 1:
        raise TrainingError("bad_job", f"{where}: version {value.get('v')} is not known here, 1 is")
    recipe, target = _dict(value, "recipe", where), _dict(value, "target", where)
    classes = sorted(_list(value, "classes", where), key=lambda kind: kind.get("id", 0))
    task = _text_of(value, "task", where)
    if task not in _TASKS:
        raise TrainingError("bad_job", f"{where}: task {task} is none of {', '.join(_TASKS)}")
    return Job(
        recipe=_text_of(recipe, "id", where),
        version=int(_number(recipe, "version", where)),
        params=_dict(recipe, "params", where),
        task=task,
        seed=int(_number(value, "seed", where)),
        kinds=tuple(_key(kind, "key", where) for kind in classes),
        dataset=_sha256(value, "dataset", where),
        max_minutes=_number(_dict(value, "budget", where), "max_minutes", where),
        escape=_number(target, "escape", where),
        overkill=_number(target, "overkill", where),
        opset_max=int(target.get("opset_max", 20)),
        dtypes=tuple(target.get("dtype", ["f32"])),
        parity_samples=int(value.get("export", {}).get("parity_samples", 16)),
    )


def read_sample(value: dict[str, Any], where: str) -> Sample:
    label = _dict(value, "label", where)
    sha256 = _sha256(value, "sha256", where)
    path = value.get("path", f"blobs/{sha256}")
    if not isinstance(path, str) or path.startswith("/") or ".." in path.split("/"):
        raise TrainingError("bad_job", f"{where}: path leads out of the bundle")
    split = _text_of(value, "split", where)
    if split not in SPLITS:
        raise TrainingError("bad_job", f"{where}: split {split} is none of {', '.join(SPLITS)}")
    verdict = _text_of(label, "verdict", where)
    if verdict not in ("ok", "ng"):
        raise TrainingError("bad_job", f"{where}: verdict {verdict} is neither ok nor ng")
    return Sample(
        id=_text_of(value, "id", where),
        sha256=sha256,
        path=path,
        w=int(_number(value, "w", where)),
        h=int(_number(value, "h", where)),
        split=split,
        group=_text_of(value, "group", where),
        weight=float(value.get("weight", 1)),
        verdict=verdict,
        kinds=tuple(label.get("kinds", ())),
        regions=_regions(label, where),
    )


def _regions(label: dict[str, Any], where: str) -> tuple[Region, ...]:
    """Outlines where somebody drew them, else boxes."""
    drawn = label.get("regions") or []
    if drawn:
        return tuple(Region(one["kinds"][0], _dict(one, "outline", where)) for one in drawn)
    return tuple(Region(_key(one, "kind", where), {"type": "box", "box": one["box"]}) for one in label.get("boxes", []))


def _text(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError("bad_job", f"the bundle has no readable {name}: {error}") from error


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise TrainingError("bad_job", f"{where} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise TrainingError("bad_job", f"{where} is not an object")
    return value


def _of(kind: type | tuple[type, ...], name: str) -> Callable[[dict[str, Any], str, str], Any]:
    def read(value: dict[str, Any], key: str, where: str) -> Any:
        found = value.get(key)
        if not isinstance(found, kind) or isinstance(found, bool):
            raise TrainingError("bad_job", f"{where}: {key} is not {name}")
        return found

    return read


_dict = _of(dict, "an object")
_list = _of(list, "a list")
_text_of = _of(str, "a text")
_number = _of((int, float), "a number")


def _sha256(value: dict[str, Any], key: str, where: str) -> str:
    text = _text_of(value, key, where)
    if not _SHA256.fullmatch(text):
        raise TrainingError("bad_job", f"{where}: {key} is not a SHA-256 in hex")
    return text


def _key(value: dict[str, Any], key: str, where: str) -> str:
    text = _text_of(value, key, where)
    if not _KEY.fullmatch(text):
        raise TrainingError("bad_job", f"{where}: {key} is not a key")
    return text
